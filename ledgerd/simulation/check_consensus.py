"""The invariants of consensus, checked after every step of a run (raft.md 4.5).

Incremental: each check looks at what changed since the last one. It keeps its own history and takes
from the product only what it says of itself (`Status`), what it writes (`Ready`), what it sends,
and its links. That a link is a hash over the whole prefix makes "same prefix" one comparison.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ledgerd.formats.entries import link_of
from ledgerd.raft.entries import (
    GENESIS_LINK,
    NO_INDEX,
    NO_NODE,
    Entry,
    EntryKind,
    HardState,
    Index,
    Role,
    Term,
)
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    Message,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
    SnapshotOffer,
)
from ledgerd.raft.options import Options
from ledgerd.raft.progress import Mode
from ledgerd.raft.ready import Ready
from ledgerd.raft.snapshots import Snapshot
from ledgerd.raft.status import Status
from ledgerd.replica.ports import LogStore
from ledgerd.simulation.verdict import Violation, require


class Core(Protocol):
    """What is asked of a running core."""

    def status(self) -> Status:
        """Return a frozen view of everything."""
        ...

    def link(self, index: Index) -> bytes | None:
        """Return the chain link at index, None if it is not there."""
        ...


@dataclass(slots=True)
class Seen:
    """One node as it was seen last.

    image: links of the durable log, position 0 is GENESIS. hard: the durable hard state.
    acked: the longest prefix that this node has vouched for: its index and link.
    is_held: in the turn under way it knows of a committed change of the members that is not in
        force here, and so must not ask for votes (T52).
    wiped: the image that was lost with the disk; its acks were true when they were given.
    is_damaged: some slot of the log is not what was written, so nothing is read to look at it.
    parted_at: where the image is of another history than before it, for a corrupt slot took the
        entry of a later leader, and what follows it is not replaced yet (5.3, F33).
    """

    image: list[bytes] = field(default_factory=lambda: [GENESIS_LINK])
    hard: HardState = field(
        default_factory=lambda: HardState(Term(0), NO_NODE, Index(0))
    )
    incarnation: int = 0
    status: Status | None = None
    acked: tuple[int, bytes] = (0, GENESIS_LINK)
    is_held: bool = False
    wiped: list[bytes] = field(default_factory=list)
    is_damaged: bool = False
    writing: Sequence[Entry] = ()
    parted_at: set[int] = field(default_factory=set)

    def find_parted(
        self, places: Iterable[int], entries: Mapping[bytes, Entry]
    ) -> None:
        """See whether what the image has at these places links to what stands before it."""
        for at in places:
            self.parted_at.discard(at)
            if 0 < at < len(self.image):
                link = self.image[at]
                if link_of(self.image[at - 1], entries[link]) != link:
                    self.parted_at.add(at)

    def cut(self, length: int) -> None:
        """Forget the image from this index on."""
        del self.image[length:]
        self.parted_at = {at for at in self.parted_at if at < length}


@dataclass(slots=True)
class Office:
    """The log of a leader in its term, as far as anybody can acknowledge it: it only grows.

    before: links of its durable log when it sent something first; all that it did not append.
    sent: links of what it has sent since, by index, durable or not, or offered as a snapshot.
    """

    leader: int
    before: list[bytes]
    sent: dict[int, bytes] = field(default_factory=dict)

    def sends(self, message: AppendEntries | SnapshotOffer) -> None:
        """Note what a message shows of the log."""
        if isinstance(message, SnapshotOffer):
            anchor = message.snapshot.anchor
            self.sent[anchor.at] = anchor.link
            return
        self.sent[message.prev.index] = message.prev_link
        for entry in message.entries:
            self.sent[entry.index] = entry.link

    def link(self, index: int) -> bytes | None:
        """Return the link at index; None if nothing of it was ever there or left."""
        if index < len(self.before):
            return self.before[index]
        return self.sent.get(index)


class ConsensusWatch:
    """Everything that was ever seen of consensus. Each call raises Violation on a breach."""

    def __init__(self, node_ids: Iterable[int], options: Options) -> None:
        self._options = options
        self.nodes = {node_id: Seen() for node_id in node_ids}
        self._committed_under: Membership | None = None
        self.entries: dict[bytes, Entry] = {}  # by link: all that were ever written
        self.committed: list[bytes] = [GENESIS_LINK]  # links by index
        self._committed_in: dict[Term, Index] = {}  # by the term of who was seen first
        self.leaders: dict[int, int] = {}
        self._links: dict[tuple[int, int], bytes] = {}
        self._votes: dict[tuple[int, int], int] = {}
        self._led: dict[int, tuple[Index, bytes]] = {}
        self._offices: dict[int, Office] = {}  # by term

    @property
    def commit(self) -> Index:
        """The largest index that was ever committed."""
        return Index(len(self.committed) - 1)

    # What nodes write.

    def persisting(self, node_id: int, ready: Ready) -> None:
        """A node is about to write this Ready; a crash on the way decides whether it did."""
        self.nodes[node_id].writing = ready.entries

    def persisted(self, node_id: int, ready: Ready) -> None:
        """A node has made this Ready durable."""
        seen = self.nodes[node_id]
        seen.writing = ()
        if ready.hard_state is not None:
            hard = ready.hard_state
            require(hard.term >= seen.hard.term, "R8", node_id, seen.hard, hard)
            seen.hard = hard
        if ready.snapshot is not None:
            self._restored(node_id, seen, ready.snapshot)
        for entry in ready.entries:
            known = self._links.setdefault((entry.term, entry.index), entry.link)
            require(known == entry.link, "R4", "two entries at", entry.id)
            self.entries[entry.link] = entry
        if not ready.entries:
            return
        first = ready.entries[0].index
        self._check_cut(node_id, seen, first)
        seen.cut(first)
        seen.image += [entry.link for entry in ready.entries]

    def _restored(self, node_id: int, seen: Seen, snapshot: Snapshot) -> None:
        """A log starts anew behind a snapshot, which stands for what was committed. R14."""
        anchor = snapshot.anchor
        is_known = anchor.at <= self.commit
        require(
            is_known and self.committed[anchor.at] == anchor.link,
            "R14",
            f"node {node_id} starts behind {anchor.id}, which was not committed",
        )
        seen.cut(0)
        seen.image = self.committed[: anchor.at + 1]
        seen.acked = min(seen.acked, (anchor.at, anchor.link))

    def _check_cut(self, node_id: int, seen: Seen, first: Index) -> None:
        """R2, and what is committed is never replaced."""
        if first >= len(seen.image):
            return
        require(
            first > self.commit or seen.image[first] != self.committed[first],
            "R5",
            f"node {node_id} replaces committed entry {first}",
        )
        own = self.entries[seen.image[first]]
        require(
            self.leaders.get(own.term) != node_id or own.term < seen.hard.term,
            "R2",
            f"leader {node_id} replaces its own {own.id}",
        )
        if seen.acked[0] >= first:
            seen.acked = (first - 1, seen.image[first - 1])

    def add(self, node_id: int) -> None:
        """A node with an empty disk comes into being."""
        self.nodes[node_id] = Seen()

    def repaired(self, node_id: int, entries: Iterable[Entry]) -> None:
        """A node has written entries in the place of corrupt ones: they are what stood there.

        What stood in a slot at the end that was never committed, nobody need know: it takes the
        leader's entry, as a conflicting one would (5.3).
        """
        seen = self.nodes[node_id]
        for entry in entries:
            at = entry.index
            is_other = at >= len(seen.image) or seen.image[at] != entry.link
            is_committed = at <= self.commit and self.committed[at] != entry.link
            require(
                at < len(seen.image) and not (is_other and is_committed),
                "R4",
                f"node {node_id} repairs {entry.id} with another entry",
            )
            if is_other:
                self._check_cut(node_id, seen, at)
                seen.image[at] = entry.link
                self.entries[entry.link] = entry
            seen.find_parted((at, at + 1), self.entries)

    def compacted(self, node_id: int, first: Index) -> None:
        """A log begins here now: what was committed stands before it."""
        seen = self.nodes[node_id]
        if seen.parted_at:
            seen.image[:first] = self.committed[:first]
            seen.parted_at = {at for at in seen.parted_at if at >= first}

    def wiped(self, node_id: int) -> None:
        """A node's disk was lost; what comes back under its id has promised nothing."""
        old = self.nodes[node_id]
        self.nodes[node_id] = Seen(
            incarnation=old.incarnation, wiped=max(old.wiped, old.image, key=len)
        )

    def forgive(self, node_id: int) -> None:
        """A node's disk broke the node's word: it vouches for nothing that it had said before."""
        self.nodes[node_id].acked = (0, GENESIS_LINK)

    def started(
        self, node_id: int, log: LogStore, damaged: Mapping[Index, Entry]
    ) -> None:
        """A node has started over this log: term, vote and what it vouched for are there.

        damaged: what was last written in the slots that are damaged.
        """
        seen, hard = self.nodes[node_id], log.hard_state()
        links = self._links_of(log, damaged)
        require(hard.term >= seen.hard.term, "R8", node_id, "had", seen.hard, hard)
        if hard.term == seen.hard.term and seen.hard.vote != NO_NODE:
            require(hard.vote == seen.hard.vote, "R1", node_id, seen.hard, hard)
        seen.hard = hard
        for entry in seen.writing[:1]:
            if links[entry.index : entry.index + 1] == [entry.link]:
                self._check_cut(node_id, seen, entry.index)  # it was written
        seen.writing = ()
        index, link = seen.acked
        require(
            len(links) > index and links[index] == link,
            "R8",
            f"node {node_id} vouched for {index}, its log ends at {len(links) - 1}",
        )
        seen.image, seen.status = links, None
        seen.find_parted(list(seen.parted_at), self.entries)
        seen.incarnation += 1

    def _links_of(self, log: LogStore, damaged: Mapping[Index, Entry]) -> list[bytes]:
        """Return the links of a log; learn the entries whose write ended in a crash."""
        anchor = log.anchor()
        require(
            anchor.at <= self.commit and self.committed[anchor.at] == anchor.link,
            "R14",
            f"a log begins behind {anchor.id}, which was not committed",
        )
        links = self.committed[: anchor.at + 1]
        for number in range(anchor.at + 1, log.last_index() + 1):
            index = Index(number)
            link = damaged[index].link if index in damaged else log.link(index)
            assert link is not None, index
            if link not in self.entries:
                self.entries[link] = (
                    damaged.get(index) or log.entries(index, index, 0)[0]
                )
            links.append(link)
        return links

    # What nodes send.

    def turning(self, node_id: int, unapplied: range) -> None:
        """A node begins a turn, and knows of these entries as committed and not applied."""
        known = range(unapplied.start, min(unapplied.stop, len(self.committed)))
        self.nodes[node_id].is_held = any(
            self.entries[self.committed[index]].kind is EntryKind.MEMBERSHIP
            for index in known
        )

    def sent(self, message: Message) -> None:
        """A message leaves: what it promises must be durable. R1, R9, T52, T81."""
        seen = self.nodes[message.sender]
        if isinstance(message, PreVote | RequestVote):
            require(not seen.is_held, "T52", "a change is not in force here:", message)
        match message:
            case RequestVote():
                self._vote(message.sender, message.term, message.sender)
            case RequestVoteReply(granted=True):
                self._vote(message.sender, message.term, message.to)
            case AppendAccepted():
                self._check_ack(message, seen)
            case PreVoteReply(granted=False):
                require(
                    message.term <= seen.hard.term or message.term < message.asked_term,
                    "R9",
                    "a refusal carries a term nobody has entered:",
                    message,
                )
            case AppendEntries():
                require(seen.hard.term >= message.term, "R9", "T82", message.term)
                self._office(message.term, message.sender).sends(message)
            case SnapshotOffer():
                self._office(message.term, message.sender).sends(message)
            case _:
                pass

    def _check_ack(self, message: AppendAccepted, seen: Seen) -> None:
        require(seen.hard.term >= message.term, "R9", message, seen.hard)
        require(len(seen.image) > message.match, "R9", message, len(seen.image) - 1)
        office = self._offices.get(message.term)
        require(
            office is not None
            and office.leader == message.to
            and office.link(message.match) == seen.image[message.match],
            *("R9", "the leader has another entry there:", message),
        )
        parted_at = min(seen.parted_at, default=len(seen.image))
        require(message.match < parted_at, "R9", message, "logs part at", parted_at)
        if message.match > seen.acked[0]:
            seen.acked = (message.match, seen.image[message.match])

    def _office(self, term: int, leader: int) -> Office:
        """Return what is known of the leader of a term, which sends something just now."""
        office = self._offices.get(term)
        if office is None:
            before = list(self.nodes[leader].image)
            office = self._offices[term] = Office(leader, before)
        return office

    def _vote(self, voter: int, term: int, candidate: int) -> None:
        hard = self.nodes[voter].hard
        # A durable newer term forbids any other vote in this one, just as the vote does.
        is_covered = hard.term > term or (hard.term == term and hard.vote == candidate)
        require(is_covered, "R9", f"vote of {voter} for {candidate} in {term}", hard)
        known = self._votes.setdefault((voter, term), candidate)
        require(known == candidate, "R1", voter, "votes twice in", term)

    # What nodes are.

    def looked(
        self, node_id: int, core: Core, *, is_cut_off: bool = False
    ) -> tuple[Status | None, Status]:
        """Check a node after something happened to it; return what it was and is now.

        is_cut_off: it crashed within a turn, and what it counts as durable may not be written.
        """
        status = core.status()
        seen = self.nodes[node_id]
        before, seen.status = seen.status, status
        self._check_pointers(seen, status, is_cut_off=is_cut_off)
        if before is not None:
            self._check_rise(before, status)
            self._check_fence(before, status)
        if status.role is Role.LEADER:
            self._check_windows(status)
            self._check_leader(seen, status, core)
        if status.commit > self.commit:
            self.commit_to(status, core, before)
        elif status.commit and (before is None or before.commit != status.commit):
            link = _link(seen, status, core, status.commit)
            require(
                link is None or link == self.committed[status.commit],
                "R6",
                f"node {node_id} has committed another entry {status.commit}",
            )
        return before, status

    def _check_pointers(self, seen: Seen, status: Status, *, is_cut_off: bool) -> None:
        require(status.first - 1 <= status.applied, "R3", status)
        require(status.applied <= min(status.commit, status.durable), "R3", status)
        require(max(status.commit, status.durable) <= status.last, "R3", status)
        is_written = status.durable <= len(seen.image) - 1
        require(is_written or is_cut_off, "R9", "T10", status)
        for peer in status.peers:
            require(0 <= peer.match < peer.next <= status.last + 1, "R3", peer)

    def _check_rise(self, before: Status, status: Status) -> None:
        require(status.term >= before.term, "R8", before, status)
        require(status.commit >= before.commit, "R8", before, status)
        require(status.applied >= before.applied, "R8", before, status)
        if status.term == before.term and before.vote != NO_NODE:
            require(status.vote == before.vote, "R1", before, status)

    def _check_fence(self, before: Status, status: Status) -> None:
        """R17: no proposal is accepted during a transfer."""
        is_fenced = (
            before.term == status.term
            and before.transferring == status.transferring != NO_NODE
        )
        require(not is_fenced or before.last == status.last, "R17", before, status)

    def _check_windows(self, status: Status) -> None:
        """R16: a window holds what was sent and is not answered, within its bounds."""
        for peer in status.peers:
            bound = self._options.window_messages
            require(peer.window_messages <= bound, "R16", peer)
            is_empty = peer.window_messages == 0
            require(is_empty == (peer.window_bytes == 0), "R16", peer)
            if peer.mode is Mode.REPLICATE:
                unanswered = peer.next - 1 - peer.match
                require(is_empty == (unanswered == 0), "R16", peer)
                require(peer.window_messages <= unanswered, "R16", peer)

    def _check_leader(self, seen: Seen, status: Status, core: Core) -> None:
        node_id, term = status.node_id, status.term
        leader = self.leaders.setdefault(term, node_id)
        require(leader == node_id, "R1", f"{leader} and {node_id} lead term {term}")
        led = self._led.get(term)
        if led is None:
            self._check_complete(seen, status, core)
        elif _link(seen, status, core, led[0]) != led[1] and led[0] >= status.first:
            raise Violation("R2", f"leader {node_id} replaced its own entry {led[0]}")
        last = _link(seen, status, core, status.last)
        assert last is not None, status
        self._led[term] = (status.last, last)

    def _check_complete(self, seen: Seen, status: Status, core: Core) -> None:
        """R5: a leader holds what was committed up to its term.

        Who hears late that it was elected need not hold what leaders of later terms committed.
        """
        known = [at for term, at in self._committed_in.items() if term <= status.term]
        index = max(known, default=NO_INDEX)
        require(
            index < status.first
            or _link(seen, status, core, index) == self.committed[index],
            "R5",
            f"leader {status.node_id} of term {status.term} lacks committed entry {index}",
        )

    def commit_to(self, status: Status, core: Core, before: Status | None) -> None:
        """A node has committed further than anybody before it. R7, R10.

        before: as it was seen last; it may have committed under the membership of then, and
        applied another one since.
        """
        links = []
        seen = self.nodes[status.node_id]
        for index in range(self.commit + 1, status.commit + 1):
            link = _link(seen, status, core, Index(index))
            require(link is not None, "R7", status, "lacks", index)
            assert link is not None
            links.append(link)
        entry = self.entries.get(links[-1])
        if entry is None:
            raise Violation("R7", f"entry {status.commit} was committed, never written")
        was = before.membership if before is not None else status.membership
        if was == status.membership or not self._has_quorum(was, entry):
            was = status.membership
            self._check_quorum(was, entry)
        require(
            status.role is not Role.LEADER or entry.term == status.term,
            "R10",
            f"leader {status.node_id} of term {status.term} commits {entry.id} by counting",
        )
        self.committed += links
        self._committed_in[status.term] = self.commit
        self._committed_under = was

    def _has_quorum(self, membership: Membership, entry: Entry) -> bool:
        return all(
            not half or 2 * sum(self.holds(node, entry) for node in half) > len(half)
            for half in (membership.voters, membership.outgoing)
        )

    def _check_quorum(self, membership: Membership, entry: Entry) -> None:
        for half in (membership.voters, membership.outgoing):
            holders = [node for node in half if self.holds(node, entry)]
            require(
                not half or 2 * len(holders) > len(half),
                "R7",
                f"{entry.id} is committed, of {half} only {holders} hold it durably",
            )

    def holds(self, node_id: int, entry: Entry) -> bool:
        """Return whether the node's durable log has this entry and all before it."""
        seen = self.nodes[node_id]
        return any(
            entry.index < len(image) and image[entry.index] == entry.link
            for image in (seen.image, seen.wiped)
        )

    def check_kept(self) -> None:
        """R7, R8: what was committed last stays durable on its quorum, whatever crashed."""
        if self._committed_under is not None:
            entry = self.entries[self.committed[-1]]
            self._check_quorum(self._committed_under, entry)


def _link(seen: Seen, status: Status, core: Core, index: Index) -> bytes | None:
    """Return the link of a node's entry; what is on a damaged disk is known and not read.

    Reading it would tell the core of the damage before anything of its own did.
    """
    if seen.is_damaged and index <= status.durable:
        return seen.image[index] if index < len(seen.image) else None
    return core.link(index)
