"""Watches a cluster from outside and asserts the invariants R1, R3 to R10 and R12 at each step.

It keeps its own history and shares nothing with the core but the `Status` it reads. That a link
is a hash over the whole prefix makes "same prefix" one comparison.
"""

from dataclasses import dataclass, field

from ledgerd.raft.entries import NO_NODE, Entry, Role
from ledgerd.raft.messages import (
    AppendAccepted,
    Message,
    RequestVote,
    RequestVoteReply,
)
from ledgerd.raft.ready import ReadTicket, Ready
from ledgerd.raft.status import Status
from tests.raft.harness import Cluster, Node


@dataclass
class Seen:
    """What one incarnation of a node has shown so far."""

    incarnation: int
    status: Status
    applied: int


@dataclass
class Checker:
    """All that was ever seen. Call the hooks; each raises on the first violation."""

    cluster: Cluster
    leaders: dict[int, int] = field(default_factory=dict)
    votes: dict[tuple[int, int], int] = field(default_factory=dict)
    links: dict[tuple[int, int], bytes] = field(default_factory=dict)
    committed: list[Entry] = field(default_factory=list)
    committed_in: dict[int, int] = field(default_factory=dict)  # last index by term
    applied: list[Entry] = field(default_factory=list)
    seen: dict[int, Seen] = field(default_factory=dict)
    led: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    reads: dict[tuple[int, int, ReadTicket], int] = field(default_factory=dict)
    reads_confirmed: int = 0

    def node(self, node: Node) -> None:
        """Check one node after something happened to it."""
        if not node.alive:
            return
        status = node.core.status()
        self._check_pointers(node, status)
        self._check_leader(node, status)
        self._check_commit(node, status)
        self._check_applied(node)
        self.seen[node.id] = Seen(node.incarnation, status, len(node.applied))

    def taken(self, node: Node, ready: Ready) -> None:
        """Check what a node is about to write: R4, and R2 for a leader."""
        for entry in ready.entries:
            known = self.links.setdefault((entry.term, entry.index), entry.link)
            assert known == entry.link, ("R4", node.id, entry.id)
        for confirmed in ready.reads:
            self.reads_confirmed += 1
            before = self.reads.pop((node.id, node.incarnation, confirmed.ticket))
            assert confirmed.index >= before, ("R12", node.id, confirmed, before)

    def sent(self, message: Message) -> None:
        """Check what leaves a node against what it has on disk: R1, R9, T81."""
        disk = self.cluster[message.sender].disk
        match message:
            case RequestVote():
                self._vote(message.sender, message.term, message.sender)
            case RequestVoteReply(granted=True):
                self._vote(message.sender, message.term, message.to)
            case AppendAccepted():
                assert disk.hard_state.term >= message.term, ("R9", message)
                assert disk.last_index() >= message.match, ("R9", message)
                self._check_link(message)
            case _:
                pass

    def _check_link(self, message: AppendAccepted) -> None:
        """R9: while the leader leads it has what is acknowledged to it, and the disk has it too."""
        leader, disk = self.cluster[message.to], self.cluster[message.sender].disk
        held = disk.base.link if message.match == disk.base.at else None
        if message.match > disk.base.at:
            held = disk.log[message.match - 1 - disk.base.at].link
        if held is None or not leader.alive:
            return
        status = leader.core.status()
        is_asked = status.role is Role.LEADER and status.term == message.term
        if is_asked and not leader.disk.corrupt and status.first <= message.match:
            assert leader.core.link(message.match) == held, ("R9", message)

    def read(self, node: Node, ticket: ReadTicket) -> None:
        """Note how new every answer given so far is: the read must not be older."""
        newest = len(self.applied)
        self.reads[node.id, node.incarnation, ticket] = newest

    def _vote(self, voter: int, term: int, candidate: int) -> None:
        # A durable newer term forbids any other vote in this one, just as the vote itself does.
        durable = self.cluster[voter].disk.hard_state
        is_covered = durable.term > term or durable.vote == candidate
        assert durable.term >= term, ("R9, T81", voter, term, durable)
        assert is_covered, ("R9, T81", voter, term, candidate, durable)
        known = self.votes.setdefault((voter, term), candidate)
        assert known == candidate, ("R1", voter, term, known, candidate)

    def _check_pointers(self, node: Node, status: Status) -> None:
        assert status.first - 1 <= status.applied, ("R3", status)
        assert status.applied <= min(status.commit, status.durable), ("R3", status)
        assert max(status.commit, status.durable) <= status.last, ("R3", status)
        for peer in status.peers:
            assert 0 <= peer.match < peer.next <= status.last + 1, ("R3", peer)
        seen = self.seen.get(node.id)
        if seen is None or seen.incarnation != node.incarnation:
            assert status.term == node.disk.hard_state.term, ("R8", status)
            return
        before = seen.status
        assert status.term >= before.term, ("R8", status)
        assert status.commit >= before.commit, ("R8", status)
        assert status.applied >= before.applied, ("R8", status)
        if status.term == before.term and before.vote != NO_NODE:
            assert status.vote == before.vote, ("R1", status)

    def _check_leader(self, node: Node, status: Status) -> None:
        if status.role is not Role.LEADER:
            return
        leader = self.leaders.setdefault(status.term, node.id)
        assert leader == node.id, ("R1", status.term, leader, node.id)
        log = node.core._log  # the only look inside: the tail is not on disk
        last_led = self.led.get(status.term)
        if last_led is None:
            # R5: what was committed in an earlier term is in the log of every later leader. Who
            # hears late that it was elected need not hold what came after its term.
            earlier = [
                at for term, at in self.committed_in.items() if term < status.term
            ]
            if earlier:
                last = self.committed[max(earlier) - 1]
                assert log.link(last.index) == last.link, ("R5", status, last.id)
        else:
            # R2: a leader never overwrites its own entries.
            index, link = last_led
            assert log.link(type(status.last)(index)) == link, ("R2", status, index)
        link_now = log.link(status.last)
        assert link_now is not None
        self.led[status.term] = (status.last, link_now)

    def _check_commit(self, node: Node, status: Status) -> None:
        log = node.core._log
        # What a node holds for durable is what its disk holds (T9, T10), but for a slot whose
        # repair is on its way there, which is not acknowledged yet (F33).
        if log.slots.mended(status.durable) is None:
            on_disk = node.disk.link(status.durable)
            assert log.link(status.durable) == on_disk, ("T10", status)
        if status.commit <= len(self.committed):
            if status.commit:
                known = self.committed[status.commit - 1]
                assert log.link(status.commit) == known.link, ("R6", status, known.id)
            return
        news: list[Entry] = []
        while len(self.committed) + len(news) < status.commit:
            first = type(status.commit)(len(self.committed) + len(news) + 1)
            news += log.entries(first, status.commit, 1 << 30)  # ends at a repair
        last = news[-1]
        # R10: only entries of the current term move the commit index by counting.
        assert status.role is Role.LEADER, ("a follower commits first", status)
        assert last.term == status.term, ("R10", status, last.id)
        # R7: a quorum holds it durably; the leader need not be among them.
        holders = [
            other.id
            for other in self.cluster.nodes.values()
            if other.disk.link(last.index) == last.link
        ]
        self._check_quorum(node, status, holders)
        self.committed += news
        self.committed_in[status.term] = last.index

    def _check_quorum(self, node: Node, status: Status, holders: list[int]) -> None:
        """R7, where all nodes vote."""
        is_quorum = 2 * len(holders) > len(self.cluster.nodes)
        assert is_quorum, ("R7", node.id, status, holders)

    def _check_applied(self, node: Node) -> None:
        seen = self.seen.get(node.id)
        start = 0
        if seen is not None and seen.incarnation == node.incarnation:
            start = seen.applied
        for entry in node.applied[start:]:
            if entry.index <= len(self.applied):
                known = self.applied[entry.index - 1]
            else:
                known = self.committed[entry.index - 1]
                self.applied.append(known)
            assert known == entry, ("R6", node.id, entry.id, known.id)
