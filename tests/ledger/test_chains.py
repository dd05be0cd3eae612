"""Chains: linked submits are accepted or refused as a whole, as TigerBeetle's linked events are.

The cases are our own, one row a submit; the last column is the answer.
"""

from dataclasses import replace
from itertools import product

import pytest

from ledgerd.formats import commands as layout
from ledgerd.formats import records
from ledgerd.ledger.commands import PLAIN, Submit, SubmitTerms
from ledgerd.ledger.invariants import Audit
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.risk import LimitKind
from tests.ledger.making import (
    ALICE,
    BOB,
    EVE,
    USD,
    Ledger,
    fund,
    ledger,
    limit,
    names,
    set_limits,
    submit,
    transfer,
    uid,
)

LINKED = SubmitTerms(is_linked=True)
FUNDS = 10_000
CREATED, REPLAYED, CONFLICT = "CREATED", "REPLAYED", "CONFLICT"
MEMBER, OPEN = "CHAIN_MEMBER_FAILED", "CHAIN_OPEN"
FUNDS_LACK, NO_ACCOUNT = "INSUFFICIENT_FUNDS", "ACCOUNT_NOT_FOUND"
BAD = "INVALID_COMMAND"


def row(number: int, amount: int, link: str = "", **changes) -> Submit:
    """A submit from Alice; `-` links it to the next."""
    terms = LINKED if link == "-" else PLAIN
    return submit(number, amount_minor=amount, terms=terms, **changes)


def rows_of(text: str) -> tuple[list[Submit], list[str]]:
    """Submits and answers of a table: number, amount, link or dot, answer."""
    found, answers = [], []
    for line in text.split(";"):
        number, amount, link, answer = line.split()
        found.append(row(int(number), int(amount), link))
        answers.append(answer)
    return found, answers


# Payouts 91 (of 100) and 92 (refused: of 99,999) were submitted before. Alice has 9,900 left.
CASES = {
    "all fit": "1 4000 - CREATED; 2 4000 - CREATED; 3 1900 . CREATED",
    "the last one does not fit": (
        f"1 4000 - {MEMBER}; 2 4000 - {MEMBER}; 3 1901 . {FUNDS_LACK}"
    ),
    "the first one does not fit": f"1 9901 - {FUNDS_LACK}; 2 1 - {MEMBER}; 3 1 . {MEMBER}",
    "only the first of two culprits is one": (
        f"1 1 - {MEMBER}; 2 9901 - {FUNDS_LACK}; 3 9902 . {MEMBER}"
    ),
    "what stands around a chain is by itself": (
        f"1 100 . CREATED; 2 100 - {MEMBER}; 3 9999 . {FUNDS_LACK}; 4 9800 . CREATED"
    ),
    "a failed chain frees its money for the next": (
        f"1 9000 - {MEMBER}; 2 9000 . {FUNDS_LACK}; 3 9000 - CREATED; 4 900 . CREATED"
    ),
    "a later chain meets what an earlier one took": (
        f"1 9000 - CREATED; 2 900 . CREATED; 3 1 - {FUNDS_LACK}; 4 1 . {MEMBER}"
    ),
    "one alone that links to nothing": f"1 100 - {OPEN}",
    "a chain that is not closed": f"1 100 - {MEMBER}; 2 100 - {MEMBER}; 3 100 - {OPEN}",
    "not closed: no rule is asked": f"1 99999 - {MEMBER}; 2 100 - {OPEN}",
    "a closed chain before an open one": (
        f"1 100 - CREATED; 2 100 . CREATED; 3 100 - {OPEN}"
    ),
    "a malformed member": f"1 100 - {MEMBER}; 2 0 - {BAD}; 3 100 . {MEMBER}",
    "malformed comes before not closed": f"1 100 - {MEMBER}; 2 0 - {BAD}",
    "malformed comes before funds": f"1 99999 - {MEMBER}; 2 0 . {BAD}",
    "a member of before": f"1 100 - CREATED; 91 100 - {REPLAYED}; 3 100 . CREATED",
    "a member of before in a chain that fails": (
        f"91 100 - {REPLAYED}; 2 9999 - {FUNDS_LACK}; 3 1 . {MEMBER}"
    ),
    "a member of before that was another": (
        f"1 100 - {MEMBER}; 91 101 - {CONFLICT}; 3 100 . {MEMBER}"
    ),
    "a member that was refused before": (
        f"1 100 - {MEMBER}; 92 1 - {FUNDS_LACK}; 3 100 . {MEMBER}"
    ),
    "refused before comes before funds": f"1 99999 - {MEMBER}; 92 1 . {FUNDS_LACK}",
    "of before and not closed": f"91 100 - {REPLAYED}; 1 100 - {OPEN}",
    "not closed, and the last is of before": f"1 100 - {MEMBER}; 91 100 - {REPLAYED}",
    "twice the same": f"1 100 - CREATED; 1 100 . {REPLAYED}",
    "twice the same in a chain that fails": (
        f"1 100 - {MEMBER}; 1 100 - {MEMBER}; 2 9999 . {FUNDS_LACK}"
    ),
    "the culprit again in its chain": f"1 9999 - {FUNDS_LACK}; 1 9999 . {FUNDS_LACK}",
    "one id for two payouts": f"1 100 - {MEMBER}; 1 101 . {CONFLICT}",
    "a failed member again behind its chain": (
        f"1 100 - {MEMBER}; 2 9999 . {FUNDS_LACK}; 1 100 . CREATED"
    ),
    "the culprit again behind its chain": (
        f"1 100 - {MEMBER}; 2 9999 . {FUNDS_LACK}; 2 9999 . {FUNDS_LACK}"
    ),
}


@pytest.fixture
def books() -> Ledger:
    books = ledger(FUNDS)
    books.submit(submit(91, amount_minor=100), submit(92, amount_minor=99_999))
    return books


def sound(books: Ledger) -> None:
    """Nothing of the rows contradicts the rest."""
    view = books.view
    audit = Audit()
    for entry in view.journal():
        audit.entry(entry)
    audit.accounts(view.all_accounts())
    audit.internals(view.all_internals())
    audit.payouts(view.all_payouts())
    audit.events(view.events())
    assert audit.breaches == []


@pytest.mark.parametrize("case", CASES)
def test_linked_submits(case, books):
    """One row of the table after the other, and the books are sound after it."""
    commands, expected = rows_of(CASES[case])

    assert names(books.do(commands)) == expected
    sound(books)


@pytest.mark.parametrize("case", CASES)
def test_an_entry_sent_again_is_answered_in_the_same_way(case, books):
    """Accepted rows are REPLAYED, refused ones refused again; nothing new is written."""
    commands, first = rows_of(CASES[case])
    books.do(commands)
    books.do([fund(800, amount_minor=50_000)])  # by now everything would fit

    made = {
        command.payout_id
        for command, answer in zip(commands, first, strict=True)
        if answer == CREATED
    }
    expected = [
        REPLAYED if command.payout_id in made else answer
        for command, answer in zip(commands, first, strict=True)
    ]
    again = books.do(commands)

    assert names(again) == expected
    assert records.encode_writes(replace(again.writes, ids=[])) == []


def test_only_the_culprits_id_is_spent(books):
    """The others may be submitted again, alone or in another chain."""
    chain = [row(1, 100, "-"), row(2, 99_999, "-"), row(3, 100)]
    books.do(chain)

    assert names(books.do([row(2, 1)])) == [FUNDS_LACK]
    assert names(books.do([row(1, 100, "-"), row(3, 100)])) == [CREATED, CREATED]


def test_a_refused_chain_is_refused_again_though_it_would_fit_now(books):
    """A delayed duplicate pays nothing; the answer names the first refusal."""
    chain = [row(1, 100, "-"), row(2, 99_999, "-"), row(3, 100)]
    first = books.do(chain)
    first_index = books.index
    books.do([fund(800, amount_minor=10**6)])

    again = books.do(chain)

    assert names(first) == names(again) == [MEMBER, FUNDS_LACK, MEMBER]
    retry = again.outcomes.retries[1]
    assert (retry.index, retry.ordinal, retry.same_request) == (first_index, 1, True)
    assert set(again.outcomes.retries) == {1}


def test_a_replayed_chain_is_replayed_by_each_member(books):
    """The original positions, and nothing written; whether it was linked is not compared."""
    chain = [row(1, 100, "-"), row(2, 100, "-"), row(3, 100)]
    books.do(chain)
    at = books.index
    before = books.balances()

    for commands in (chain, [replace(command, terms=PLAIN) for command in chain]):
        again = books.do(commands)
        assert names(again) == [REPLAYED] * 3
        assert [
            (retry.index, retry.ordinal) for retry in again.outcomes.retries.values()
        ] == [(at, 0), (at, 1), (at, 2)]
        assert records.encode_writes(again.writes) == []
    assert books.balances() == before


def test_a_failed_chain_writes_the_culprits_id_and_nothing_else(books):
    """No payout, entry, event, timer or row that leads a worker."""
    chain = [row(1, 100, "-"), row(2, 100, "-", release_at_us=2**60), row(3, 99_999)]

    writes = books.do(chain).writes

    ((_, payout_id, record),) = writes.ids
    assert (payout_id, record.refusal, record.ordinal) == (
        uid(3),
        Refusal.INSUFFICIENT_FUNDS,
        2,
    )
    assert records.encode_writes(replace(writes, ids=[])) == []


def test_a_failed_chain_leaves_windows_of_limits_as_they_were(books):
    """What its members used of a limit is free again; their culprit is named. I13."""
    window = limit(LimitKind.ACCOUNT_WINDOW, amount_minor_max=1_000)
    books.do([set_limits(0xA0, window)])
    commands = [row(1, 600, "-"), row(2, 600), row(3, 600, "-"), row(4, 300)]

    assert names(books.do(commands)) == [
        MEMBER,
        "LIMIT_WINDOW_AMOUNT",
        CREATED,
        CREATED,
    ]
    assert books.window_breaches() == []


def test_other_commands_of_the_entry_stand(books):
    """What was decided before a chain that fails is not undone with it."""
    commands = [
        transfer(5, amount_minor=500),
        row(1, 500, "-", account_id=BOB),
        row(2, 1, account_id=EVE),
        row(3, 500, account_id=BOB),
    ]

    assert names(books.do(commands)) == [CREATED, MEMBER, NO_ACCOUNT, CREATED]
    assert books.balances(BOB)[:2] == (0, 500)
    assert books.balances(ALICE)[:2] == (9_400, 100)
    sound(books)


def test_a_chain_ends_before_what_is_no_submit(books):
    """The log may hold anything: it is not closed then, and the transfer is by itself."""
    applied = books.do([row(1, 100, "-"), transfer(5), row(2, 100)])

    assert names(applied) == [OPEN, CREATED, CREATED]


def test_every_chain_leaves_what_its_members_would_leave_alone():
    """A chain that is accepted writes the rows of the same submits without links."""
    for amounts in product((100, 4_000, 9_000), repeat=3):
        linked, plain = ledger(FUNDS), ledger(FUNDS)
        chain = [
            row(n, amount, "-" if n < 2 else "") for n, amount in enumerate(amounts)
        ]
        alone = [replace(command, terms=PLAIN) for command in chain]
        as_chain, by_themselves = linked.do(chain), plain.do(alone)

        if sum(amounts) <= FUNDS:
            assert linked.rows == plain.rows
            assert as_chain.outcomes == by_themselves.outcomes
        else:
            assert Outcome.CREATED not in as_chain.outcomes.codes
            assert linked.balances()[0] == FUNDS


def test_many_chains_in_one_entry(books):
    """Each has its own fate; the sum of what was accepted is what is reserved."""
    chains = []
    for n in range(200):
        chains += [row(3 * n + 1000, 20, "-"), row(3 * n + 1001, 20, "-")]
        chains.append(row(3 * n + 1002, 20 if n % 2 else 99_999))
    applied = books.do(chains)

    taken = applied.outcomes.codes.count(Outcome.CREATED)
    assert taken == 3 * 100
    assert books.balances()[1] == 100 + 20 * taken
    sound(books)


def test_the_log_keeps_the_links():
    """Bytes of an entry and back."""
    chain = (row(1, 100, "-"), row(2, 100))

    assert layout.decode(layout.encode(chain)) == chain


def test_the_rows_of_a_chain_can_be_read(books):
    """Canonical rows: every read decodes them."""
    books.do([row(1, 100, "-", release_at_us=2**60), row(2, 100)])

    heads = {head.payout_id: head for head, _ in books.view.all_payouts()}
    assert {uid(1), uid(2), uid(91)} == heads.keys()
    assert heads[uid(2)].currency == USD
    assert records.Table.TIMER in {table.table for table in books.rows}
