"""Pages of the log beside its owner: bounded, checked, and honest about what was cut."""

from pathlib import Path

import pytest

from ledgerd.formats.entries import encode
from ledgerd.raft.entries import GENESIS_LINK, Index
from ledgerd.storage import keys
from ledgerd.storage.log_pages import log_page
from ledgerd.storage.log_store import LmdbLogStore
from tests.storage.making import chain, hard_state, ready
from tests.storage.world import open_node

PAYLOADS = [bytes([number]) * 10 for number in range(1, 9)]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Eight entries of ten bytes each, stored."""
    path = tmp_path / "node"
    with open_node(path) as environment:
        store = LmdbLogStore(environment)
        store.persist(ready(1, entries=chain(PAYLOADS), state=hard_state(1, commit=8)))
        store.close()
    return path


def test_a_page_begins_behind_the_link_of_the_entry_before(directory: Path) -> None:
    """From the first entry on behind the link of nothing."""
    entries = chain(PAYLOADS)
    with open_node(directory) as environment:
        whole = log_page(environment, Index(1), Index(8))
        middle = log_page(environment, Index(4), Index(6))

    assert (whole.first_kept, whole.link, whole.corrupt) == (1, GENESIS_LINK, None)
    assert whole.entries == entries
    assert middle.entries == entries[3:6]
    assert middle.link == entries[2].link


def test_a_page_is_bounded(directory: Path) -> None:
    """In entries and in bytes; one entry comes whatever its size."""
    with open_node(directory) as environment:
        three = log_page(environment, Index(1), Index(8), entries_max=3)
        two = log_page(environment, Index(3), Index(8), bytes_max=29)
        one = log_page(environment, Index(3), Index(8), bytes_max=1)

    assert [entry.index for entry in three.entries] == [1, 2, 3]
    assert [entry.index for entry in two.entries] == [3, 4]
    assert [entry.index for entry in one.entries] == [3]


def test_the_first_entry_must_follow_from_what_was_cut(directory: Path) -> None:
    """There is no entry before it to blame. T87."""
    stranger = chain([b"of another log", *PAYLOADS])[1]
    with open_node(directory) as environment:
        table = environment.log_tables[keys.ENTRIES]
        store = LmdbLogStore(environment)
        store.compact(Index(2), state_durable=Index(8))
        with environment.log.begin(table, write=True) as transaction:
            transaction.put(keys.index_key(Index(2)), encode(stranger))
        page = log_page(environment, Index(2), Index(8))
        store.close()

    assert (page.first_kept, page.entries, page.corrupt) == (2, [], 2)


def test_what_was_cut_is_not_there(directory: Path) -> None:
    """A page of the rest begins behind the anchor's link."""
    entries = chain(PAYLOADS)
    with open_node(directory) as environment:
        store = LmdbLogStore(environment)
        store.compact(Index(4), state_durable=Index(8))
        gone = log_page(environment, Index(3), Index(8))
        rest = log_page(environment, Index(4), Index(8))
        store.close()

    assert (gone.first_kept, gone.entries, gone.corrupt) == (4, [], None)
    assert (rest.link, rest.entries) == (entries[2].link, entries[3:])


def test_a_slot_that_fails_ends_the_page(directory: Path) -> None:
    """Flipped, missing, or an intact value of another history: it is told and never shown. T87."""
    other = chain([*PAYLOADS[:4], b"another one"], term=1)[4]

    with open_node(directory) as environment:
        key = keys.index_key(Index(5))
        table = environment.log_tables[keys.ENTRIES]

        def put(value: bytes | None) -> None:
            with environment.log.begin(table, write=True) as transaction:
                if value is None:
                    transaction.delete(key)
                else:
                    transaction.put(key, value)

        with environment.log.begin(table) as transaction:
            good = transaction.get(key)
        assert good is not None
        for value in (good[:-1] + b"?", None):
            put(value)
            page = log_page(environment, Index(2), Index(8))
            assert [entry.index for entry in page.entries] == [2, 3, 4]
            assert page.corrupt == 5
            behind = log_page(environment, Index(6), Index(8))
            assert (behind.entries, behind.corrupt) == ([], 5)
        put(encode(other))
        for first, last, found in ((2, 8, [2, 3, 4]), (2, 5, [2, 3, 4]), (5, 5, [])):
            page = log_page(environment, Index(first), Index(last))
            assert [entry.index for entry in page.entries] == found
            assert page.corrupt == 5
        page = log_page(environment, Index(2), Index(4))
        assert ([entry.index for entry in page.entries], page.corrupt) == (
            [2, 3, 4],
            None,
        )
        behind = log_page(environment, Index(6), Index(8))
        assert (behind.entries, behind.corrupt) == ([], 5)
