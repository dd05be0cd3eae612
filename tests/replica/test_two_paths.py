"""The batch path that production takes and the readable one that defines it: 1,000 random batches.

`tests/ledger/test_submits` looks for the smallest difference in what the ledger decides. Here whole
entries are folded on a state that goes on: rows, answers, audit leaf and digest are compared.
"""

from random import Random

from ledgerd.formats import batches, commands, records
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.apply import Applied
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Command, FeeRule, Submit
from ledgerd.ledger.decide.one import apply_readable
from ledgerd.ledger.outcomes import Outcome
from ledgerd.raft.entries import Entry, EntryKind, Index, Term
from ledgerd.replica.fold import Folded, fold, recorded
from ledgerd.replica.tree import NO_TREE
from tests.fakes import MemoryView
from tests.ledger.making import (
    EUR,
    JPY,
    MAX,
    PACKED,
    SWIFT,
    USD,
    cancel,
    fund,
    open_account,
    set_fees,
    uid,
)

BATCHES = 1_000
SEED = 20_261_121
ACCOUNTS = [
    (uid(100_000 + n), (USD, USD, EUR, JPY)[n % 4], n % 5 > 0) for n in range(24)
]
START_US = 1_760_000_000_000_000


class Node:
    """A state that entries are folded into."""

    def __init__(self) -> None:
        self.view = MemoryView()
        self.digest = bytes(32)
        self.tree = NO_TREE
        self.index = 0

    def entry(self, kind: EntryKind, payload: bytes) -> Entry:
        self.index += 1
        return Entry(
            Term(1),
            Index(self.index),
            kind,
            START_US + 1_000 * self.index,
            payload,
            bytes(32),
        )

    def fold(self, entry: Entry) -> Folded:
        """Return what production makes of an entry."""
        return fold(
            lambda: self.view,
            entry,
            self.digest,
            state_version=STATE_VERSION,
            tree=self.tree,
        )

    def fold_readable(self, entry: Entry, work: list[Submit]) -> Folded:
        """Return what the definition makes of it, command by command."""
        outcomes, writes = apply_readable(
            self.view,
            index=entry.index,
            ts_us=entry.ts_us,
            state_version=STATE_VERSION,
            commands=work,
        )
        return recorded(
            entry,
            Applied(outcomes, writes),
            self.digest,
            state_version=STATE_VERSION,
            tree=self.tree,
        )

    def take(self, folded: Folded) -> None:
        """Go on to the state after the entry."""
        self.view.write(folded.rows)
        self.tree = folded.tree
        self.digest = folded.digest

    def do(self, *items: Command) -> None:
        self.take(self.fold(self.entry(EntryKind.COMMANDS, commands.encode(items))))


def town(random: Random) -> Node:
    """Accounts in several books, most of them with money, and fees."""
    node = Node()
    node.do(
        *(
            open_account(
                account,
                currency=currency,
                livemode=live,
                account_class=("", "gold", "unpriced")[n % 3],
            )
            for n, (account, currency, live) in enumerate(ACCOUNTS)
        ),
        *(
            fund(
                200_000 + n,
                account_id=account,
                currency=currency,
                amount_minor=random.choice((50_000, 10**9, 10**12, MAX)),
            )
            for n, (account, currency, _) in enumerate(ACCOUNTS[:20])
        ),
        set_fees(
            300_000, FeeRule(SWIFT, USD, 5, 12, 0, 900), FeeRule(1, USD, 1, 0, 0, 1)
        ),
    )
    return node


def fees_soon(random: Random, number: int, index: int) -> Command:
    """Return a schedule that is in force some entries later, and other ones for a class."""
    return set_fees(
        500_000 + number,
        FeeRule(SWIFT, USD, random.randrange(9), 12, 0, 900),
        FeeRule(SWIFT, USD, random.randrange(9), 0, 0, 900, "gold"),
        FeeRule(1, USD, random.randrange(3), 0, 0, 1),
        effective_from_us=START_US + 1_000 * (index + random.randrange(40)),
    )


def some(random: Random, number: int, sent: list[Submit]) -> list[Submit]:
    """Return a batch: new ids, ids of before, ids twice, and rows for most refusals."""
    found = []
    for _ in range(random.randint(1, 30)):
        if sent and random.random() < 0.1:
            found.append(random.choice(sent))
            continue
        account, currency, live = random.choice(ACCOUNTS)
        is_odd = random.random() < 0.15
        newest = 40 * number + random.randrange(40)
        found.append(
            Submit(
                uid(
                    random.choice(
                        (newest, newest, newest, random.randrange(newest + 1))
                    )
                ),
                uid(999_999) if random.random() < 0.02 else account,
                random.choice((0, -1, MAX)) if is_odd else random.randint(1, 900),
                random.choice((USD, EUR, 65_535)) if is_odd else currency,
                random.choice((SWIFT, 2, 7, 99)) if is_odd else SWIFT if live else 1,
                random.choice(("svc", "ops")),
                random.choice((b"rubbish", b"")) if is_odd else PACKED,
                random.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, START_US + 10**9)),
            )
        )
    return found


def test_both_paths_give_the_same_bytes() -> None:
    """State, results and digest, batch after batch; the seed stands in the module."""
    random = Random(SEED)
    node = town(random)
    codes: dict[int, int] = {}
    sent: list[Submit] = []
    for number in range(BATCHES):
        rows = some(random, number, sent)
        sent += rows
        batch = PayoutBatch()
        for row in rows:
            batch.add(**{name: getattr(row, name) for name in Submit.__slots__})
        entry = node.entry(EntryKind.PAYOUTS, batches.encode(batch))
        fast, defined = node.fold(entry), node.fold_readable(entry, rows)

        assert fast.rows == defined.rows, number
        answers = records.encode_outcomes(fast.applied.outcomes)
        assert answers == records.encode_outcomes(defined.applied.outcomes), number
        assert fast.digest == defined.digest, number
        for code in fast.applied.outcomes.codes:
            codes[code] = codes.get(code, 0) + 1
        node.take(fast)
        if number % 7 == 0:
            payout = uid(random.randrange(40 * number + 40))
            node.do(cancel(400_000 + number, payout_id=payout))
        if number % 50 == 0:
            node.do(fees_soon(random, number, node.index))

    assert codes[Outcome.CREATED] > 5_000, codes
    assert codes[Outcome.REPLAYED] > 500, codes
    assert codes[Outcome.CONFLICT] > 500, codes
    assert len(codes) > 9, codes
    assert node.tree.size == node.index
