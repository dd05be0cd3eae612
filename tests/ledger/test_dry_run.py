"""What a Submit would be answered, against what it is answered. ledger.md 9.3."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerd.ledger.catalogue_commands import SetCatalogue
from ledgerd.ledger.commands import (
    Cancel,
    CloseAccount,
    Command,
    CreateHold,
    FeeRule,
    Fund,
    OpenAccount,
    Submit,
    SubmitTerms,
    Transfer,
)
from ledgerd.ledger.decide.common import Moment
from ledgerd.ledger.decide.dry_run import DryRun, dry_call, dry_runs
from ledgerd.ledger.outcomes import Outcome, Refusal
from tests.ledger import scripted, scripted_accounts
from tests.ledger.making import (
    ALICE,
    BOB,
    EUR,
    EVE,
    JPY,
    MAX,
    PACKED,
    SANDBOX,
    SWIFT,
    US_ACH,
    USD,
    Ledger,
    freeze,
    fund,
    ledger,
    name,
    names,
    open_account,
    set_fees,
    submit,
    uid,
)
from tests.ledger.test_rails import RAIL

SANDY, EURO = uid(0x5A), uid(0xE0)


def town() -> Ledger:
    """Four accounts in two books, and fees."""
    books = ledger(100_000)
    books.do(
        [
            open_account(SANDY, livemode=False),
            open_account(EURO, currency=EUR, account_class="gold"),
            fund(7, account_id=SANDY, amount_minor=5_000, external_ref="s"),
            fund(8, account_id=EURO, amount_minor=900, currency=EUR, external_ref="e"),
            set_fees(
                9,
                FeeRule(SWIFT, USD, 25, 10, 0, MAX),
                FeeRule(SWIFT, EUR, 3, 0, 0, MAX, "gold"),
            ),
        ]
    )
    return books


def tried(books: Ledger, *commands: Submit) -> list[DryRun]:
    """Dry runs of the next entry, as it would stand there."""
    first = Moment((books.index + 1, 0), books.ts_us + 1_000, books.state_version)
    return dry_runs(books.view, first, commands)


submits = st.builds(
    Submit,
    st.integers(1, 12).map(uid),
    st.sampled_from([ALICE, ALICE, ALICE, BOB, SANDY, EURO, EVE]),
    st.sampled_from([0, 1, 499, 500, 90_000, 90_001, 99_000, 100_000, MAX]),
    st.sampled_from([USD, USD, USD, EUR, JPY, 26**3]),
    st.sampled_from([SWIFT, SWIFT, US_ACH, SANDBOX, 99]),
    st.just("svc"),
    st.sampled_from([PACKED, b"", b"rubbish"]),
    st.sampled_from([0, 0, 2**60, -1]),
    st.builds(
        SubmitTerms,
        st.sampled_from([None, None, 0, 25, 26, 115, -1]),
        quoted_at_us=st.sampled_from([0, 0, 1, 1_760_000_000_000_000, 2**62]),
        is_linked=st.sampled_from([False, False, False, True]),
        window=st.none(),  # worked out with the settings in force, before it gets here
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    before=st.lists(submits, max_size=4),
    batch=st.lists(submits, min_size=1, max_size=6),
    is_frozen=st.booleans(),
    has_record=st.booleans(),
)
def test_the_dry_verdict_is_the_real_one(before, batch, is_frozen, has_record):
    """At the same index: code, fee, state, and the first question that says no."""
    books = town()
    if has_record:
        record = replace(RAIL, amount_minor_min=500, amount_minor_max=90_000)
        books.do([SetCatalogue(uid(61), (record,), "root")])
    if before:
        books.do(before)
    if is_frozen:
        books.do([freeze(60)])

    found = tried(books, *batch)
    real = books.do(batch).outcomes
    assert [run.decision.code for run in found] == list(real.codes)
    assert [run.decision.fee_minor for run in found] == list(real.fees_minor)
    assert [run.decision.state for run in found] == list(real.states)
    for row, run in enumerate(found):
        assert run.decision.retry == real.retries.get(row)
        noes = [check.refusal for check in run.checks if check.refusal is not None]
        code = run.decision.code
        if run.decision.retry is not None:
            continue  # the id was used before, and nothing else was asked
        if code == Outcome.CREATED:
            assert not noes
            assert run.fee_minor == run.decision.fee_minor
        else:
            assert code in noes
            is_chained = any(command.terms.is_linked for command in batch)
            assert is_chained or code == min(noes)


def test_nothing_is_written_and_no_id_is_spent():
    """The state after a dry run is the state before it, byte for byte."""
    books = town()
    before = {table: dict(rows) for table, rows in books.view.tables.items()}

    tried(books, submit(1), submit(2, amount_minor=MAX))

    assert {table: dict(rows) for table, rows in books.view.tables.items()} == before
    assert names(books.do([submit(2), submit(1)])) == ["CREATED", "CREATED"]


def test_each_question_has_its_value_and_its_bound():
    """What 100.00 from an account with 1,000.00 is asked, in order."""
    (run,) = tried(town(), submit(1, amount_minor=10_000))

    assert [(check.name, check.value, check.bound) for check in run.checks] == [
        ("account and rail", 0, 0),
        ("destination", 0, 0),
        ("rail minimum", 10_000, 1),
        ("rail maximum", 10_000, MAX),
        ("fee", 35, 35),
        ("funds", 10_035, 100_000),
    ]
    assert (run.fee_minor, name(run.decision.code)) == (35, "CREATED")


def test_all_that_speak_against_it_are_listed():
    """The answer is the first of them; the others are told too."""
    terms = SubmitTerms(fee_expected_minor=1)
    (run,) = tried(town(), submit(1, amount_minor=100_000, terms=terms))

    assert [check.refusal for check in run.checks if check.refusal] == [
        Refusal.FEE_CHANGED,
        Refusal.INSUFFICIENT_FUNDS,
    ]
    assert run.decision.code == Refusal.FEE_CHANGED


def test_rows_of_a_call_are_judged_behind_one_another():
    """The second draws on what the first leaves, and an id is used once."""
    found = tried(
        town(),
        submit(1, amount_minor=60_000),
        submit(2, amount_minor=60_000),
        submit(1, amount_minor=60_000),
    )

    assert [name(run.decision.code) for run in found] == [
        "CREATED",
        "INSUFFICIENT_FUNDS",
        "REPLAYED",
    ]


def each_command() -> Iterator[tuple[Ledger, Command]]:
    """The scripted commands one by one, each with the books as they stand before it."""
    for script in (scripted.script, scripted_accounts.script):
        books = Ledger()
        for entry in script():
            for command in entry:
                if isinstance(command, Submit):
                    books.submit(command)
                    continue
                yield books, command
                books.do([command])


def test_the_dry_verdict_of_any_command_is_the_real_one():
    """At the same index: code, state and what a retry is told; and nothing is written."""
    seen = set()
    for books, command in each_command():
        moment = Moment((books.index + 1, 0), books.ts_us + 1_000, books.state_version)
        before = {table: dict(rows) for table, rows in books.view.tables.items()}
        index = books.index

        dry = dry_call(books.view, moment, command)
        again = dry_call(books.view, moment, command)

        assert {
            table: dict(rows) for table, rows in books.view.tables.items()
        } == before
        assert again == dry
        real = deepcopy(books).do([command]).outcomes
        assert dry == real, (command, dry, real)
        assert books.index == index
        seen.add((type(command), name(dry.codes[0])))

    kinds = {kind for kind, _ in seen}
    assert {OpenAccount, Fund, Transfer, Cancel, CloseAccount, CreateHold} < kinds
    for kind in (Fund, Transfer, Cancel):
        codes = {code for each, code in seen if each is kind}
        assert "CREATED" in codes, (kind, codes)
        assert codes - {"CREATED", "REPLAYED", "CONFLICT"}, (kind, codes)
