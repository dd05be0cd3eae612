"""What accounts were at any index, beside a plain fold of the journal's legs."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import DEBIT_NORMAL, Account, AccountKind, Balances, Side
from ledgerd.ledger.commands import Cancel, Fund, OpenAccount, Transfer
from ledgerd.ledger.journal import JournalEntry
from ledgerd.raft.entries import Entry, Index
from ledgerd.storage.environment import Environment
from ledgerd.storage.history import Line, Standing
from ledgerd.storage.reader import StateReader, read
from ledgerd.storage.state_store import LmdbStateStore
from ledgerd.storage.tables import Tables
from ledgerd.storage.trial import Sums, trial_balance
from tests.storage.world import USD, History, apply_to, open_node, payouts, uuid7

SEED = 91
IDS = [uuid7(number) for number in range(1, 5)]
LATE = uuid7(9)  # an account that is opened in the middle
Fold = dict[bytes, Balances]


@dataclass
class Books:
    """A node with a random history, and the balances after every index, folded from legs."""

    environment: Environment
    entries: list[Entry]
    folds: list[Fold]  # by index
    journal: list[JournalEntry]

    @property
    def last(self) -> int:
        """The last index."""
        return len(self.entries)

    def account(self, account_id: bytes) -> Account:
        """One account, as it is now."""
        found = read(self.environment, lambda reader: reader.account(account_id))
        assert found is not None
        return found

    def standing(self, account_id: bytes, index: int) -> Standing:
        """What the code under test says."""
        account = self.account(account_id)
        return read(
            self.environment,
            lambda reader: reader.standing_at(account, Index(index)),
        )

    def lines(self, account_id: bytes, first: int, last: int) -> list[Line]:
        """What the code under test says."""
        account = self.account(account_id)
        return read(
            self.environment,
            lambda reader: reader.lines(account, first=first, last=last),
        )


def random_history(dice: random.Random) -> list[Entry]:
    """Return a history in which some accounts are busy, one is quiet and one comes late."""
    history = History()
    history.noop()
    history.commands(*(OpenAccount(id_, USD, True, "x", 0, "t") for id_ in IDS))
    numbers = iter(range(10_000, 10_000_000, 1_000))
    alive: list[bytes] = []
    for step in range(400):
        busy = [*IDS[:3], *([LATE] if step > 200 else [])]
        if step == 200:
            history.commands(OpenAccount(LATE, USD, True, "late", 0, "t"))
        match dice.randrange(5):
            case 0:
                number = next(numbers)
                history.commands(
                    *(
                        Fund(
                            uuid7(number + n),
                            dice.choice(busy),
                            dice.randrange(1, 10_000),
                            USD,
                            dice.choice(("one", "two")),
                            f"{number}-{n}",
                            "t",
                        )
                        for n in range(dice.randrange(1, 4))
                    )
                )
            case 1:
                source, target = dice.sample(busy, 2)
                amount = dice.randrange(1, 500)
                transfer = Transfer(
                    uuid7(next(numbers)), source, target, amount, USD, "", "t"
                )
                history.commands(transfer)
            case 2 if alive:
                payout = alive.pop(dice.randrange(len(alive)))
                history.commands(Cancel(uuid7(next(numbers)), payout, "", "t"))
            case 3:
                history.noop()
            case _:
                number, count = next(numbers), dice.randrange(1, 9)
                batch = payouts(number, count, account=dice.choice(busy))
                alive += batch.ids
                history.payouts(batch)
    return history.entries


def fold(entries: list[Entry], journal: list[JournalEntry]) -> list[Fold]:
    """Return the balances after each index: legs added up, nothing else looked at."""
    sums: dict[bytes, list[int]] = defaultdict(lambda: [0] * 5)
    at: list[Fold] = []
    rest = iter(journal)
    coming = next(rest, None)
    for index in range(len(entries) + 1):
        while coming is not None and coming.position[0] <= index:
            for leg in coming.legs:
                if leg.account.kind > AccountKind.RECEIVABLE:
                    continue
                sign = 1 if leg.side is Side.CREDIT else -1
                sign = -sign if leg.account.kind in DEBIT_NORMAL else sign
                sums[leg.account.subject][leg.account.kind - 1] += (
                    sign * leg.amount_minor
                )
            coming = next(rest, None)
        at.append({id_: Balances(*balances) for id_, balances in sums.items()})
    return at


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """One node for all tests that only read."""
    entries = random_history(random.Random(SEED))
    with open_node(tmp_path_factory.mktemp("history") / "node") as environment:
        state = LmdbStateStore(environment)
        apply_to(state, entries)
        state.commit()
        with environment.state.begin() as transaction:
            journal = [
                records.decode_journal(key, value)
                for key, value in Tables(environment, transaction).scan(Table.JOURNAL)
            ]
        yield Books(environment, entries, fold(entries, journal), journal)


def test_the_history_is_worth_its_name(books: Books) -> None:
    """Several landmarks, an account without entries, and entries that touch two."""
    assert books.account(IDS[0]).sequence > 4 * records.ACCOUNT_MARK_EVERY
    assert books.account(IDS[3]).sequence == 0
    assert max(len(entry.touched) for entry in books.journal) == 2


def test_balances_at_a_thousand_random_indexes(books: Books) -> None:
    """Each is the plain fold of the journal up to there. Issue 4, ledger.md 9.3."""
    dice = random.Random(SEED)
    for _ in range(1_000):
        index = dice.randrange(books.last + 1)
        account_id = dice.choice([*IDS, LATE])

        found = books.standing(account_id, index)

        expected = books.folds[index].get(account_id, Balances(0, 0, 0, 0, 0))
        assert found.balances == expected, f"index {index}, seed {SEED}"
        assert found.sequence == sum(
            touched.account_id == account_id
            for entry in books.journal
            if entry.position[0] <= index
            for touched in entry.touched
        )


def test_statements_join(books: Books) -> None:
    """closing(n) = opening(n+1), and the lines between lead from one to the other."""
    dice = random.Random(SEED)
    for account_id in (*IDS, LATE):
        account = books.account(account_id)
        cuts = sorted(
            dice.sample(range(account.sequence + 1), min(20, account.sequence))
        )
        found: list[Line] = []
        for start, stop in zip((0, *cuts), (*cuts, account.sequence), strict=True):
            part = books.lines(account_id, start + 1, stop)
            assert len(part) == stop - start
            found += part

        assert [line.sequence for line in found] == list(range(1, account.sequence + 1))
        balances = [0] * 5
        for line in found:
            balances = [
                old + new for old, new in zip(balances, line.change, strict=True)
            ]
            assert Balances(*balances) == line.after
            assert any(line.change)
            assert line.event.position[:2] == line.position[:2]
        assert Balances(*balances) == account.balances


def test_a_time_is_the_last_index_whose_events_are_not_later(books: Books) -> None:
    """Between two entries the earlier one counts; after the last, all that is applied."""

    def index_at(time_us: int) -> Index:
        return read(books.environment, lambda reader: reader.index_at(time_us))

    def events_by(reader: StateReader, index: int) -> int:
        found = 0
        for seq in range(1, reader.events_kept().newest + 1):
            event = reader.event(seq)
            assert event is not None
            if event.position[0] > index:
                break
            found = seq
        return found

    first, last = books.entries[0].ts_us, books.entries[-1].ts_us
    assert index_at(first - 1) == 0
    assert index_at(last) == index_at(last + 10**15) == books.last
    dice = random.Random(SEED)
    for _ in range(30):
        entry = dice.choice(books.entries)
        for time_us, upto in (
            (entry.ts_us, entry.index),
            (entry.ts_us - 1, entry.index - 1),
        ):
            found = index_at(time_us)
            assert found <= upto or found == books.last
            told = read(
                books.environment,
                lambda reader, at=found, to=upto: (
                    events_by(reader, at),
                    events_by(reader, to),
                ),
            )
            assert told[0] == told[1], f"time {time_us}, seed {SEED}"


def summed(books: Books, index: int, *, from_start: bool, rows_max: int) -> Sums:
    """Return the sums at an index, the journal added up in pieces of `rows_max`."""
    last = Index(index if from_start else books.last)
    sums = read(books.environment, lambda reader: reader.opened_by(Index(index)))
    if not from_start:
        counts = sums.counts
        sums = read(books.environment, lambda reader: reader.sums())
        sums.counts = counts
    after = (0 if from_start else index, 0xFFFF, 0xFFFF)
    while True:

        def piece(
            reader: StateReader, after: tuple[int, int, int] = after
        ) -> tuple[int, int, int] | None:
            sign = 1 if from_start else -1
            return reader.add_journal(
                sums, after=after, last=last, sign=sign, rows_max=rows_max
            )

        go_on = read(books.environment, piece)
        if go_on is None:
            return sums
        after = go_on


def test_trial_balances_of_the_past(books: Books) -> None:
    """From the beginning and backwards from now alike, balanced, and those of the fold."""
    dice = random.Random(SEED)
    for index in (
        0,
        1,
        2,
        books.last,
        *(dice.randrange(books.last) for _ in range(40)),
    ):
        forward = trial_balance(summed(books, index, from_start=True, rows_max=37))
        backward = trial_balance(summed(books, index, from_start=False, rows_max=41))

        assert forward == backward, f"index {index}, seed {SEED}"
        assert all(book.is_balanced for book in forward)
        expected = [
            sum(kind) for kind in zip(*books.folds[index].values(), strict=True)
        ]
        lines = {
            line.ledger_account: line.credit_minor
            for book in forward
            for line in book.lines
        }
        assert lines.get("cust/*/available", 0) == sum(expected[:1])
        assert lines.get("cust/*/reserved", 0) == sum(expected[1:2])
    now = read(books.environment, lambda reader: reader.trial_balance())
    assert (
        trial_balance(summed(books, books.last, from_start=True, rows_max=1_000)) == now
    )


def test_a_broken_chain_is_damage(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A missing entry is never skipped."""
    with open_node(tmp_path_factory.mktemp("broken") / "node") as environment:
        state = LmdbStateStore(environment)
        history = History()
        history.commands(OpenAccount(IDS[0], USD, True, "x", 0, "t"))
        for number in range(5):
            history.commands(
                Fund(uuid7(100 + number), IDS[0], 1, USD, "one", str(number), "t")
            )
        apply_to(state, history.entries)
        state.commit()
        with environment.state.begin(write=True) as transaction:
            transaction.delete(
                records.entry_key((4, 0, 0)), db=environment.state_tables[Table.JOURNAL]
            )
        account = read(environment, lambda reader: reader.account(IDS[0]))
        assert account is not None

        with pytest.raises(CorruptionError, match="points to it, and it is missing"):
            read(environment, lambda reader: reader.standing_at(account, Index(2)))
