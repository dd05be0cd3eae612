"""The log followed by its own words, against the code that makes links, leaves and trees."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledgerd.client.log_checks import LogCheck, LoggedEntry, LogRefused
from ledgerd.formats.entries import link
from ledgerd.formats.leaves import Leaf, command_digest, leaf_bytes
from ledgerd.raft.entries import GENESIS_LINK, EntryKind, Index, Term
from ledgerd.replica.tree import NO_TREE, edge_of, leaf_hash, root_of

COUNT = 40
TREE_FIRST = 6  # entries 1 .. 5 are from before the tree
ZERO = bytes(32)


class Log:
    """A log as the nodes make it, and the tree as they keep it."""

    def __init__(self) -> None:
        self.entries: list[LoggedEntry] = []
        self.nodes: dict[tuple[int, int], bytes] = {}
        edge = NO_TREE
        before = GENESIS_LINK
        for index in range(1, COUNT + 1):
            payload, kind, term = b"p" * (index % 7), EntryKind.COMMANDS, index // 9 + 1
            ts_us = 1_000 + 10 * index
            before = link(
                before,
                index=Index(index),
                term=Term(term),
                ts_us=ts_us,
                kind=kind,
                payload=payload,
            )
            leaf = Leaf(
                index,
                ts_us,
                3,
                command_digest(kind, payload),
                *(bytes([index, part]) * 16 for part in range(5)),
            )
            is_in_tree = index >= TREE_FIRST
            if is_in_tree:
                edge, nodes = edge.grown(index, leaf_hash(leaf_bytes(leaf)))
                for level, number, root in nodes:
                    self.nodes[level, number] = root
            self.entries.append(
                LoggedEntry(
                    index,
                    term,
                    ts_us,
                    kind,
                    payload,
                    before,
                    3 if is_in_tree else 0,
                    leaf.result if is_in_tree else ZERO,
                )
            )

    def read(self, level: int, number: int) -> bytes:
        return self.nodes[level, number]

    def check(self, first: int, roots: Sequence[bytes] | None = None) -> LogCheck:
        """Begin at `first`, with what a node tells of before."""
        told = [self.read(*node) for node in edge_of(max(0, first - TREE_FIRST))]
        return LogCheck(
            from_index=first,
            link=GENESIS_LINK if first == 1 else self.entries[first - 2].link,
            tree_first_index=TREE_FIRST,
            tree_roots=told if roots is None else roots,
        )


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.mark.parametrize("first", range(1, COUNT + 1))
def test_from_any_entry_on_the_tree_is_the_one_that_is_kept(
    log: Log, first: int
) -> None:
    """After every entry, from before the tree on and from within it."""
    check = log.check(first)
    for entry in log.entries[first - 1 :]:
        check.take(entry)
        size = max(0, entry.index - TREE_FIRST + 1)
        assert check.root() == (root_of(size, log.read) if size else None)
        assert (check.next_index, check.link) == (entry.index + 1, entry.link)


@pytest.mark.parametrize(
    "changes",
    [
        {"index": 9},
        {"term": 0},
        {"term": 2},
        {"ts_us": 1_070},
        {"ts_us": 1_081},
        {"kind": 2},
        {"payload": b"x"},
        {"link": ZERO},
    ],
)
def test_an_entry_that_was_changed_is_refused(
    log: Log, changes: dict[str, object]
) -> None:
    """And nothing of it was taken: the right one follows."""
    check = log.check(6)
    for entry in log.entries[5:7]:
        check.take(entry)
    root = check.root()
    # Any: `replace` types its changes by field.
    changed = replace(log.entries[7], **changes)
    assert changed != log.entries[7]
    with pytest.raises(LogRefused):
        check.take(changed)

    assert check.root() == root
    check.take(log.entries[7])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"term": 4}, "a term of 5 or later, found 4"),
        ({"ts_us": 1_370}, "a log time above 1370"),
    ],
)
def test_what_no_leader_writes_is_refused_though_the_chain_is_right(
    log: Log, changes: dict[str, int], told: str
) -> None:
    """A term that falls, a log time that does not rise. I11."""
    check = log.check(30)
    for entry in log.entries[29:37]:
        check.take(entry)
    # Any: as above.
    wrong = replace(log.entries[37], **changes)
    chained = link(
        check.link,
        index=Index(wrong.index),
        term=Term(wrong.term),
        ts_us=wrong.ts_us,
        kind=EntryKind(wrong.kind),
        payload=wrong.payload,
    )

    with pytest.raises(LogRefused, match=told):
        check.take(replace(wrong, link=chained))


@pytest.mark.parametrize("changes", [{"state_version": 3}, {"result": b"r" * 32}])
def test_an_entry_from_before_the_tree_says_nothing_of_what_it_did(
    log: Log, changes: dict[str, object]
) -> None:
    """Nobody could check it: it would be a byte that may be anything."""
    check = log.check(3)
    # Any: as above.
    changed = replace(log.entries[2], **changes)

    with pytest.raises(LogRefused, match="before the tree"):
        check.take(changed)


@pytest.mark.parametrize("changes", [{"state_version": 2}, {"result": b"r" * 32}])
def test_what_an_entry_did_is_in_the_root(log: Log, changes: dict[str, object]) -> None:
    """The chain does not know it, so it is found at the end."""
    check = log.check(6)
    for entry in log.entries[5:-1]:
        check.take(entry)
    # Any: as above.
    check.take(replace(log.entries[-1], **changes))

    assert check.root() != root_of(COUNT - TREE_FIRST + 1, log.read)


def test_a_beginning_that_cannot_be_is_refused(log: Log) -> None:
    """Too few roots, too many, short ones; a link before the first entry; index 0."""
    for roots in ([], [ZERO, ZERO], [b"short"]):
        with pytest.raises(LogRefused):
            log.check(TREE_FIRST + 4, roots)
    for first, before, tree_first in ((1, b"l" * 32, 6), (0, ZERO, 6), (1, ZERO, 0)):
        with pytest.raises(LogRefused):
            LogCheck(
                from_index=first,
                link=before,
                tree_first_index=tree_first,
                tree_roots=[],
            )
