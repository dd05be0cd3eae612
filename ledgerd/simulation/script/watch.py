"""What must hold at every step of a script, whatever it expects: invariants R1 and R3 to R10.

The watch keeps its own history and shares nothing with the core but the `Status` and the links it
reads. That a link is a hash over the whole prefix makes "same prefix" one comparison.
"""

from collections.abc import Mapping

from ledgerd.errors import SlotCorruptError
from ledgerd.raft.core import RaftCore
from ledgerd.raft.describe import describe
from ledgerd.raft.entries import (
    NO_INDEX,
    Anchor,
    EntryId,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.messages import (
    AppendAccepted,
    Message,
    RequestVote,
    RequestVoteReply,
)
from ledgerd.raft.quorum import Vote, joint_vote
from ledgerd.raft.ready import Ready
from ledgerd.raft.status import Status
from ledgerd.simulation.script.disk import Disk


class Watch:
    """Everything ever seen in one world. Each call raises AssertionError at the first breach.

    commit: the largest index ever committed; a world begins at that of its first snapshot.
    """

    def __init__(self) -> None:
        self.commit = NO_INDEX
        self._leaders: dict[Term, NodeId] = {}
        self._votes: dict[tuple[NodeId, Term], NodeId] = {}
        self._links: dict[EntryId, bytes] = {}
        self._ids: dict[bytes, EntryId] = {}
        self._committed: dict[Index, bytes] = {}
        self._committed_in: dict[
            Term, Index
        ] = {}  # the last index of each term's leader
        self._seen: dict[NodeId, Status] = {}

    def started(self, node_id: NodeId, index: Index) -> None:
        """A node has begun, again or for the first time, with a state at `index`."""
        self.commit = max(self.commit, index)
        self._seen.pop(node_id, None)

    def wrote(self, ready: Ready) -> None:
        """A node has written a Ready: one (term, index) is one entry (R4)."""
        for entry in ready.entries:
            known = self._links.setdefault(entry.id, entry.link)
            assert known == entry.link, f"R4: two entries at {describe(entry.id)}"
            self._ids[entry.link] = entry.id

    def sent(self, message: Message, disk: Disk) -> None:
        """A message leaves: what it promises is on its sender's disk (R9), one vote a term (R1)."""
        durable = disk.hard_state
        match message:
            case RequestVote():
                self._voted(message, message.sender, disk)
            case RequestVoteReply(granted=True):
                self._voted(message, message.to, disk)
            case AppendAccepted():
                assert durable.term >= message.term, f"R9: {describe(message)}"
                assert disk.last_index() >= message.match, f"R9: {describe(message)}"
            case _:
                pass

    def _voted(self, message: Message, candidate: NodeId, disk: Disk) -> None:
        durable = disk.hard_state
        is_covered = durable.term > message.term or durable.vote == candidate
        assert durable.term >= message.term, f"R9, T81: {describe(message)}"
        assert is_covered, f"R9, T81: {describe(message)}"
        ballot = message.sender, message.term
        known = self._votes.setdefault(ballot, candidate)
        assert known == candidate, f"R1: {ballot} voted for {known} and {candidate}"

    def applied(self, node_id: NodeId, anchor: Anchor) -> None:
        """A node's state is that after this entry: what was committed, on every node (R6)."""
        known = self._committed.get(anchor.at, anchor.link)
        told = f"R6: node {node_id} applied another {describe(anchor.id)}"
        assert anchor.at <= self.commit, told
        assert known == anchor.link, told

    def looked(
        self, disks: Mapping[NodeId, Disk], node_id: NodeId, core: RaftCore
    ) -> None:
        """Something has happened to a node."""
        status = core.status()
        told = describe(status)
        assert status.first - 1 <= status.applied, f"R3: {told}"
        assert status.applied <= min(status.commit, status.durable), f"R3: {told}"
        assert max(status.commit, status.durable) <= status.last, f"R3: {told}"
        for peer in status.peers:
            assert 0 <= peer.match < peer.next <= status.last + 1, f"R3: {told}"
        self._check_durable(disks[node_id], status, core)
        before = self._seen.get(node_id)
        if before is not None:
            assert status.term >= before.term, f"R8: {told}"
            assert status.commit >= before.commit, f"R8: {told}"
            assert status.applied >= before.applied, f"R8: {told}"
        if status.role is Role.LEADER:
            office = Role.LEADER, status.term
            leader = self._leaders.setdefault(status.term, node_id)
            assert leader == node_id, f"R1: {leader} and {node_id} lead {status.term}"
            if before is None or (before.role, before.term) != office:
                self._check_complete(status, core)
        if before is None or status.commit > before.commit:
            self._check_commit(disks, status, core)
        self._seen[node_id] = status

    def _check_durable(self, disk: Disk, status: Status, core: RaftCore) -> None:
        """T9, T10: what a node takes for durable is what its disk holds.

        Behind a snapshot that is not written yet there is nothing to compare.
        """
        link = _link(core, status.durable)
        if status.durable >= status.first and link is not None:
            held = _holds(disk, status.durable, link)
            assert held, f"T10: not on disk: {describe(status)}"

    def _check_complete(self, status: Status, core: RaftCore) -> None:
        """R5: a leader holds everything that was committed in earlier terms.

        A leader of an older term may be elected late; it need not hold what came after it.
        """
        earlier = [i for t, i in self._committed_in.items() if t < status.term]
        index = max(earlier, default=NO_INDEX)
        assert status.last >= index, f"R5: {describe(status)}"
        known, found = self._committed.get(index), _link(core, index)
        assert None in (known, found) or known == found, f"R5: {describe(status)}"

    def _check_commit(
        self, disks: Mapping[NodeId, Disk], status: Status, core: RaftCore
    ) -> None:
        index = status.commit
        link = _link(core, index)
        if index <= self.commit:
            known = self._committed.get(index)
            assert None in (known, link) or known == link, f"R6: {describe(status)}"
            return
        assert status.role is Role.LEADER, f"R7: first to commit: {describe(status)}"
        assert link is not None, describe(status)
        # R10: only entries of the current term are committed by counting.
        assert self._ids[link].term == status.term, f"R10: {describe(status)}"
        held = {peer: _holds(disk, index, link) for peer, disk in disks.items()}
        membership = status.membership
        verdict = joint_vote(membership.voters, membership.outgoing, held)
        assert verdict is Vote.WON, f"R7: {index} is committed, and held by {held}"
        for each in range(self.commit + 1, index + 1):
            known = _link(core, Index(each))
            if known is not None:
                self._committed[Index(each)] = known
        self.commit = self._committed_in[status.term] = index


def _link(core: RaftCore, index: Index) -> bytes | None:
    try:
        return core.link(index)
    except SlotCorruptError:
        return None


def _holds(disk: Disk, index: Index, link: bytes) -> bool:
    """Return whether the entry was written there; what rots later was."""
    try:
        return disk.link(index) == link
    except SlotCorruptError:
        return True
