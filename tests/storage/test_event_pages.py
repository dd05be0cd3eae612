"""Events by number: pages join without a gap, and what is not kept is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.formats.records import EVENT_SEEK_EVERY, Table
from ledgerd.ledger.events import EventKind
from ledgerd.storage.environment import Environment
from ledgerd.storage.event_pages import EventPage, EventPoint, EventRange
from ledgerd.storage.reader import read
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.world import (
    FUND_RICH,
    OPEN_RICH,
    History,
    apply_to,
    open_node,
    payouts,
)

COUNT = 2 + 2_400  # events of the history below


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A node with more events than stand between two rows of `event_seek`."""
    history = History()
    history.commands(OPEN_RICH, FUND_RICH)
    for first in range(100, 2_500, 300):
        history.payouts(payouts(first, 300))
    with open_node(tmp_path_factory.mktemp("events") / "node") as opened:
        state = LmdbStateStore(opened)
        apply_to(state, history.entries)
        state.commit()
        yield opened


def page(
    environment: Environment, point: EventPoint, rows_max: int = 100, **how: object
) -> EventPage:
    """Return one page, read in a transaction of its own."""
    how.setdefault("scan_max", 1_000)
    return read(
        environment,
        lambda reader: reader.events_page(point, rows_max=rows_max, **how),  # type: ignore[arg-type] # of this file's tests
    )


@pytest.mark.parametrize("rows_max", [1, 97, 5_000])
def test_pages_join_to_all_events(environment: Environment, rows_max: int) -> None:
    """1 .. N, each once, in order, whatever the size of a page."""
    seqs: list[int] = []
    point = EventPoint(0)
    while True:
        found = page(environment, point, rows_max, scan_max=5_000)
        seqs += [event.seq for event in found.events]
        assert found.end.seq == seqs[-1]
        point = found.end
        if found.is_last:
            break

    assert seqs == list(range(1, COUNT + 1))


@pytest.mark.parametrize(
    "seq",
    [1, 2, EVENT_SEEK_EVERY - 1, EVENT_SEEK_EVERY, EVENT_SEEK_EVERY + 1, 2_048, COUNT],
)
def test_an_event_is_found_by_its_number(environment: Environment, seq: int) -> None:
    """Beside every kind of landmark, without knowing its position."""
    found = read(environment, lambda reader: reader.event(seq))
    behind = page(environment, EventPoint(seq), 1)

    assert found is not None
    assert found.seq == seq
    assert [event.seq for event in behind.events] == [seq + 1][: COUNT - seq]


@pytest.mark.parametrize("seq", [0, COUNT + 1, COUNT + 5_000])
def test_a_number_that_is_not_kept_has_no_event(
    environment: Environment, seq: int
) -> None:
    """0 is none, and so is what was never given."""
    assert read(environment, lambda reader: reader.event(seq)) is None


def test_a_filter_is_exact_and_says_how_far_it_looked(environment: Environment) -> None:
    """A page without a match still moves on."""
    found = page(
        environment,
        EventPoint(1),
        keep=lambda event: event.kind is EventKind.ACCOUNT_FUNDED,
        scan_max=500,
    )
    none = page(environment, found.end, keep=lambda _: False, scan_max=500)

    assert [event.seq for event in found.events] == [2]
    assert (found.end.seq, found.scanned, found.is_last) == (501, 500, False)
    assert (none.events, none.end.seq) == ([], 1_001)


def test_an_empty_feed_has_a_range_of_none(tmp_path: Path) -> None:
    """The newest is one less than the oldest."""
    with open_node(tmp_path / "node") as opened:
        LmdbStateStore(opened)
        assert read(opened, lambda reader: reader.events_kept()) == EventRange(1, 0)
        assert page(opened, EventPoint(0)) == EventPage([], EventPoint(0), 0, True)


def drop(environment: Environment, *seqs: int) -> None:
    """Remove rows of events by their numbers."""
    handle = environment.state_tables[Table.EVENT]
    with environment.state.begin(write=True) as transaction:
        keys = list(transaction.cursor(handle).iternext(keys=True, values=False))
        for seq in seqs:
            transaction.delete(keys[seq - 1], db=handle)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Environment]:
    """A node of its own with 302 events."""
    history = History()
    history.commands(OPEN_RICH, FUND_RICH)
    history.payouts(payouts(100, 300))
    with open_node(tmp_path / "node") as opened:
        state = LmdbStateStore(opened)
        apply_to(state, history.entries)
        state.commit()
        yield opened


def test_what_is_no_longer_kept_is_known(own: Environment) -> None:
    """Were the oldest events removed, the range would say so, and the rest would be found."""
    drop(own, *range(1, 11))

    assert read(own, lambda reader: reader.events_kept()) == EventRange(11, 302)
    assert read(own, lambda reader: reader.event(10)) is None
    assert page(own, EventPoint(10), 1).events[0].seq == 11
    assert page(own, EventPoint(150), 1).events[0].seq == 151


def test_a_gap_is_damage(own: Environment) -> None:
    """A missing number is never skipped. I11."""
    drop(own, 20)

    with pytest.raises(CorruptionError, match="expected event 20, found 21"):
        page(own, EventPoint(0))
