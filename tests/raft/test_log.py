"""The log of the core: matching, merging, durability by ticket, and what stays in memory."""

import pytest

from ledgerd.raft.entries import GENESIS, GENESIS_LINK, Entry, EntryId, Index, Term
from ledgerd.raft.log import RaftLog
from ledgerd.raft.ready import Ready, Ticket
from tests.raft.harness import MemoryDisk, link, make_entry, make_log

NONE = Index(0)


def make(terms: list[int], *, recent_bytes_max: int = 1 << 20) -> RaftLog:
    """Return a log whose entries of these terms are durable."""
    disk = MemoryDisk(make_log(terms))
    return RaftLog(disk, link=link, recent_bytes_max=recent_bytes_max)


def terms(log: RaftLog) -> list[int]:
    """Return the terms of all entries."""
    return [log.term(Index(i)) or 0 for i in range(1, log.last + 1)]


def merge(log: RaftLog, entries: list[Entry], start: int, commit: int) -> Index | None:
    """Merge entries[start:] of a leader's whole log."""
    prev = entries[start - 1] if start else None
    return log.merge(
        prev.id if prev else GENESIS,
        prev.link if prev else GENESIS_LINK,
        entries[start:],
        Index(commit),
    )


def write(log: RaftLog, disk: MemoryDisk, ticket: int) -> None:
    """Hand out, write and sync under one ticket."""
    entries = log.hand_out(Ticket(ticket))
    if entries:
        disk.log[entries[0].index - 1 :] = entries
    log.persisted(Ticket(ticket))


class TestMatching:
    def test_a_log_matches_what_it_holds(self) -> None:
        """5.3: the consistency check compares term and index of the preceding entry."""
        log = make([1, 1, 2])

        assert log.matches(EntryId(Term(2), Index(3)))
        assert not log.matches(EntryId(Term(1), Index(3)))
        assert log.matches(GENESIS)

    def test_term_zero_never_matches_a_missing_entry(self) -> None:
        """T24: "term 0" and "no such entry" are different answers."""
        log = make([1])

        assert log.term(Index(2)) is None
        assert not log.matches(EntryId(Term(0), Index(2)))

    @pytest.mark.parametrize(
        ("index", "term", "found"),
        [(6, 3, 6), (6, 2, 4), (6, 1, 2), (6, 0, 0), (3, 2, 3), (99, 9, 6), (0, 5, 0)],
    )
    def test_the_last_entry_of_at_most_a_term(
        self, index: int, term: int, found: int
    ) -> None:
        """F16: at or before the index, the last entry whose term is not above the given one."""
        log = make([1, 1, 2, 2, 3, 3])

        assert found == log.find_by_term(Index(index), Term(term)).index


class TestMerging:
    def test_what_is_there_already_changes_nothing(self) -> None:
        """T19: a delayed repeat deletes nothing after it. 5.3, 5.5."""
        log = make([1, 1, 1])

        assert merge(log, make_log([1, 1]), 0, commit=0) is None
        assert terms(log) == [1, 1, 1]

    def test_only_a_conflict_deletes(self) -> None:
        """T19: from the first conflicting entry on, and no earlier."""
        log = make([1, 1, 2, 2])

        assert merge(log, make_log([1, 1, 3]), 1, commit=1) == 3
        assert terms(log) == [1, 1, 3]
        assert log.durable == 2

    def test_a_committed_entry_never_conflicts(self) -> None:
        """T20: a conflict at or below commit is a broken invariant."""
        log = make([1, 1, 2])

        with pytest.raises(AssertionError):
            merge(log, make_log([1, 1, 3]), 0, commit=3)

    def test_one_term_and_index_has_one_link(self) -> None:
        """R4: another prefix under an entry that seems equal stops the node."""
        log = make([1, 1])
        entries = make_log([1, 1])
        forged = bytes(32)

        with pytest.raises(AssertionError, match="link at"):
            log.merge(entries[1].id, forged, [], Index(0))

    def test_a_carried_link_must_be_the_computed_one(self) -> None:
        """R4: an entry whose payload does not belong to its link is not taken."""
        log = make([])
        good = make_entry(None, 1, b"pay one")
        bad = Entry(good.term, good.index, good.kind, good.ts_us, b"pay two", good.link)

        with pytest.raises(AssertionError, match="link at"):
            log.merge(GENESIS, GENESIS_LINK, [bad], NONE)


class TestDurability:
    def test_entries_are_durable_when_their_ticket_is_acknowledged(self) -> None:
        """C3: handed out is not durable."""
        log = make([])
        merge(log, make_log([1, 1]), 0, commit=0)
        assert log.hand_out(Ticket(1))
        merge(log, make_log([1, 1, 1]), 2, commit=0)

        assert log.durable == 0
        log.persisted(Ticket(1))
        assert log.durable == 2
        assert log.has_unwritten

    def test_a_late_completion_vouches_for_nothing_new(self) -> None:
        """T10, the ABA case: the same entry written, overwritten and written again.

        The first completion says nothing about the third write, although term and index agree.
        """
        log = make([1])
        merge(log, make_log([1, 1]), 1, commit=1)
        log.hand_out(Ticket(1))  # 1/2
        merge(log, make_log([1, 2]), 1, commit=1)
        log.hand_out(Ticket(2))  # 2/2 instead
        merge(log, make_log([1, 1, 3]), 1, commit=1)
        log.hand_out(Ticket(3))  # 1/2 again, and 3/3

        log.persisted(Ticket(1))
        assert log.durable == 1
        log.persisted(Ticket(2))
        assert log.durable == 1
        log.persisted(Ticket(3))
        assert log.durable == 3

    def test_a_replaced_tail_is_handed_out_again(self) -> None:
        """T10: what replaced entries in flight is asked to be written."""
        log = make([1])
        merge(log, make_log([1, 1]), 1, commit=1)
        log.hand_out(Ticket(1))
        merge(log, make_log([1, 2]), 1, commit=1)

        assert [entry.id for entry in log.hand_out(Ticket(2))] == [(2, 2)]

    def test_an_older_completion_never_lowers_a_newer(self) -> None:
        """T9: acknowledging ticket 2 covers ticket 1."""
        log = make([])
        merge(log, make_log([1]), 0, commit=0)
        log.hand_out(Ticket(1))
        merge(log, make_log([1, 1]), 1, commit=0)
        log.hand_out(Ticket(2))

        log.persisted(Ticket(2))
        log.persisted(Ticket(2))
        assert log.durable == 2


class TestReading:
    def test_a_page_is_cut_by_bytes_but_never_empty(self) -> None:
        """F15: one entry larger than the limit travels alone."""
        log = make([1, 1, 1])

        assert len(log.entries(Index(1), Index(3), 1)) == 1
        assert len(log.entries(Index(1), Index(3), 220)) == 2

    def test_a_page_may_span_disk_and_memory(self) -> None:
        """Applied and durable entries are read back, the rest is in memory."""
        disk = MemoryDisk(make_log([1, 1]))
        log = RaftLog(disk, link=link, recent_bytes_max=1 << 20)
        merge(log, make_log([1, 1, 2, 2]), 2, commit=0)

        page = log.entries(Index(1), Index(4), 1 << 20)
        assert [entry.index for entry in page] == [1, 2, 3, 4]
        assert disk.reads == 3  # and one for the log time of the last entry

    def test_a_page_of_the_disk_takes_nothing_from_the_tail(self) -> None:
        """A range that ends before the tail begins is read from the disk alone."""
        log = make([1, 1, 1, 1])
        merge(log, make_log([1, 1, 1, 1, 2, 2]), 4, commit=0)

        page = log.entries(Index(1), Index(2), 1 << 20)
        assert [entry.index for entry in page] == [1, 2]

    def test_a_hole_is_never_read_as_the_end(self) -> None:
        """T31: an entry that must be there and is not stops the node."""
        disk = MemoryDisk(make_log([1, 1]))
        log = RaftLog(disk, link=link, recent_bytes_max=1 << 20)
        disk.log.clear()

        with pytest.raises(AssertionError, match="missing from the log"):
            log.entries(Index(1), Index(2), 1 << 20)

    def test_durable_entries_leave_memory_beyond_the_bound(self) -> None:
        """F20: a node that applies slowly reads back instead of keeping everything."""
        disk = MemoryDisk()
        log = RaftLog(disk, link=link, recent_bytes_max=0)
        merge(log, make_log([1, 1, 1]), 0, commit=0)
        write(log, disk, 1)

        disk.reads = 0
        assert len(log.entries(Index(1), Index(3), 1 << 20)) == 3
        assert disk.reads == 3
        assert log.link(Index(3)) == disk.link(Index(3))

    def test_applied_entries_leave_memory(self) -> None:
        """Forgetting drops what is applied and durable, and only that."""
        disk = MemoryDisk()
        log = RaftLog(disk, link=link, recent_bytes_max=1 << 20)
        merge(log, make_log([1, 1, 1]), 0, commit=0)
        log.forget(Index(2))
        assert len(log.entries(Index(1), Index(3), 1 << 20)) == 3
        write(log, disk, 1)
        log.forget(Index(2))

        disk.reads = 0
        log.entries(Index(1), Index(3), 1 << 20)
        assert disk.reads == 2


class TestProposing:
    def test_log_time_rises_although_the_clock_does_not(self) -> None:
        """I11: an entry is stamped later than its predecessor."""
        log = make([1])
        before = log.entries(Index(1), Index(1), 0)[0]
        entry = log.propose(Term(1), before.kind, b"", 0)

        assert entry.ts_us == before.ts_us + 1
        assert log.propose(Term(1), before.kind, b"", 10**6).ts_us == 10**6

    def test_a_restarted_log_goes_on_with_its_chain(self) -> None:
        """The link of a proposal follows the last stored one."""
        log = make([1, 2])
        entry = log.propose(Term(3), make_entry(None, 1).kind, b"x", 5)
        last = make_log([1, 2])[-1]

        assert entry.link == link(
            last.link,
            index=3,
            term=3,
            ts_us=entry.ts_us,
            kind=entry.kind,
            payload=b"x",
        )


def test_a_ready_is_what_carries_entries_to_the_disk() -> None:
    """The fake disk keeps C1: entries replace everything at or after their first index."""
    disk = MemoryDisk(make_log([1, 1, 1]))
    entries = make_log([1, 2])
    ready = Ready(
        ticket=Ticket(1),
        hard_state=None,
        entries=(entries[1],),
        must_sync=True,
        send_early=(),
        send_after=(),
        apply=None,
        reads=(),
        reads_failed=(),
        lost_from=None,
        role_change=None,
    )
    disk.persist(ready)

    assert [entry.term for entry in disk.log] == [1, 2]
