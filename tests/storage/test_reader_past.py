"""Lists as of an index: payouts that changed since, once or often, are shown as they were."""

import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from ledgerd.formats import records
from ledgerd.ledger.accounts import Position
from ledgerd.ledger.payouts import PayoutState, PayoutStatus
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.raft.entries import Entry, Index
from ledgerd.replica.audit import laid_out, next_digest
from ledgerd.replica.tree import NO_TREE
from ledgerd.storage.environment import Environment
from ledgerd.storage.reader import PayoutFound, PayoutPage, StateReader, read
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.making import entry
from tests.storage.world import apply_to, open_node, usual_history

SEED = 20_261_121
STATES = tuple(PayoutState)


class Books:
    """A node whose payouts change at random, and what each was after every entry."""

    def __init__(self, environment: Environment, seed: int) -> None:
        self.environment = environment
        self._random = random.Random(seed)
        self._store = LmdbStateStore(environment)
        history = usual_history()
        apply_to(self._store, history)
        self._store.commit()
        self._last = history[-1]
        self.as_of = {Index(self._last.index): self._now()}

    def change(self) -> None:
        """Apply an entry that changes a few payouts, some of them several times."""
        made = entry(self._last, term=2)
        state = WorkingSet(self._store.view())
        positions = sorted(self.as_of[Index(self._last.index)])
        for ordinal in range(self._random.randrange(1, 6)):
            position = self._random.choice(positions[:12])
            before = state.payout_status(position)
            status = PayoutStatus(
                self._random.choice(STATES),
                1 if before is None else before.sequence + 1,
                (made.index, ordinal, 0),
                made.ts_us,
                self._random.randrange(100),
            )
            state.set_payout_status(position, status)
        self._write(made, state)
        self.as_of[made.index] = self._now()

    def _write(self, made: Entry, state: WorkingSet) -> None:
        rows = records.encode_writes(state.writes())
        digest = next_digest(
            self._store.digest(), [*map(laid_out, rows)], sha256(b"").digest()
        )
        self._store.write(made, rows, digest, NO_TREE)
        self._store.commit()
        self._last = made

    def _now(self) -> dict[Position, PayoutStatus | None]:
        def statuses(reader: StateReader) -> PayoutPage:
            bound = reader.applied()
            return reader.payouts_page(after=None, bound=bound, rows_max=1_000)

        return {
            found.head.position: found.status
            for found in read(self.environment, statuses).payouts
        }


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """A node that changes as the test goes on."""
    with open_node(tmp_path / "node") as environment:
        yield Books(environment, SEED)


def pages(
    books: Books, bound: Index, *, rows_max: int, scan_max: int = 20_000
) -> Iterator[list[PayoutFound]]:
    """Yield the pages of a list, each read in a transaction of its own."""
    after: Position | None = None
    while True:

        def page(reader: StateReader, after: Position | None = after) -> PayoutPage:
            return reader.payouts_page(
                after=after, bound=bound, rows_max=rows_max, scan_max=scan_max
            )

        part = read(books.environment, page)
        yield part.payouts
        after = part.next_after
        if after is None:
            return


@pytest.mark.parametrize("rows_max", [1, 7, 1_000])
def test_pages_read_while_writers_run_are_the_snapshot_at_their_index(
    books: Books, rows_max: int
) -> None:
    """The union of pages is what stood at the cursor's index, however often it changed since."""
    for _ in range(10):
        books.change()
    bound = max(books.as_of)

    found: dict[Position, PayoutStatus | None] = {}
    for page in pages(books, bound, rows_max=rows_max):
        found |= {payout.head.position: payout.status for payout in page}
        for _ in range(5):
            books.change()

    assert found == books.as_of[bound], f"seed {SEED}"
    assert max(books.as_of) > bound


def test_every_index_can_be_listed(books: Books) -> None:
    """Not only the first change after the index is undone, but each one."""
    for _ in range(60):
        books.change()

    for bound, expected in books.as_of.items():
        found = {
            payout.head.position: payout.status
            for page in pages(books, bound, rows_max=1_000)
            for payout in page
        }
        assert found == expected, f"index {bound}, seed {SEED}"
    statuses = books.as_of[max(books.as_of)].values()
    assert max(status.sequence for status in statuses if status is not None) > 5


def test_steps_back_count_as_work(books: Books) -> None:
    """A page ends when it has looked at enough, rows and steps together, and goes on later."""
    bound = max(books.as_of)
    for _ in range(100):
        books.change()

    parts = list(pages(books, bound, rows_max=1_000, scan_max=20))

    found = {payout.head.position: payout.status for part in parts for payout in part}
    assert found == books.as_of[bound]
    assert len(parts) > 63 // 20 + 1
