"""The invariants of consensus over protocol events, one class each; ids as in docs/invariants.md.

Each sees every event once, before the images take it over, and reports what is wrong. A rule
keeps only what it needs of the past.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import ClassVar

from jepsen.checkers.protocol.events import EntryId, Event, Voting
from jepsen.checkers.protocol.images import GENESIS, Images

Report = Callable[[str, Event, str], None]


class Rule:
    """One invariant. id: its name. needs_order: only a common order of all nodes can judge it."""

    id: ClassVar[str]
    needs_order: ClassVar[bool] = False

    def __init__(self, images: Images, report: Report) -> None:
        self.images = images
        self._report = report

    def see(self, event: Event) -> None:
        """Judge one event against all before it."""
        raise NotImplementedError

    def wrong(self, event: Event, sentence: str) -> None:
        """Report a violation."""
        self._report(self.id, event, sentence)


class OneLeader(Rule):
    """At most one leader a term; a node votes once a term, across crashes."""

    id = "R1"

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._leaders: dict[int, int] = {}
        self._votes: dict[tuple[int, int], int] = {}

    def see(self, event: Event) -> None:
        """Judge elections and votes."""
        if event.name == "become-leader":
            term = event.number("term")
            leader = self._leaders.setdefault(term, event.node)
            if leader != event.node:
                self.wrong(event, f"nodes {leader} and {event.node} lead term {term}")
        elif event.name in ("start", "recover") and event.number("vote"):
            self._vote(event, event.node, event.number("term"), event.number("vote"))
        elif event.name == "persist" and event.has("hard_term"):
            vote = event.number("hard_vote")
            if vote:
                self._vote(event, event.node, event.number("hard_term"), vote)
        elif event.name == "send":
            message = event.message()
            if message.kind == "RequestVote":
                self._vote(event, message.sender, message.term, message.sender)
            elif message.kind == "RequestVoteReply" and "granted" in message.words:
                self._vote(event, message.sender, message.term, message.to)

    def _vote(self, event: Event, voter: int, term: int, candidate: int) -> None:
        known = self._votes.setdefault((voter, term), candidate)
        if known != candidate:
            self.wrong(
                event,
                f"node {voter} votes for {known} and for {candidate} in term {term}",
            )


class LeaderKeepsItsLog(Rule):
    """A leader never overwrites or deletes its own entries in its term."""

    id = "R2"

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._terms: dict[int, set[int]] = {}

    def see(self, event: Event) -> None:
        """Judge what is written over what."""
        if event.name == "become-leader":
            self._terms.setdefault(event.node, set()).add(event.number("term"))
        if event.name != "persist":
            return
        image = self.images[event.node]
        term = event.number("hard_term") if event.has("hard_term") else image.term
        for new in event.entries("entries"):
            old = image.at(new.index)
            if (
                old is not None
                and old != new
                and old.term == term
                and term in self._terms.get(event.node, ())
            ):
                self.wrong(event, f"leader {event.node} replaces its own entry {old}")
                return


class LogMatching(Rule):
    """The same index and term mean the same entry and the same prefix, everywhere and ever."""

    id = "R4"

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._links: dict[tuple[int, int], str] = {}

    def see(self, event: Event) -> None:
        """Judge every entry that is named."""
        found = event.entries("entries")
        if event.has("id") and isinstance(event.fields["id"], list):
            found.append(event.entry("id"))
        for entry in found:
            known = self._links.setdefault((entry.term, entry.index), entry.link)
            if known != entry.link:
                self.wrong(
                    event, f"two entries {entry}: links {known} and {entry.link}"
                )
                return


class LeaderCompleteness(Rule):
    """Every entry ever committed is in the log of every later leader, and stays committed."""

    id = "R5"

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._committed: dict[int, EntryId] = {}
        self._newest = GENESIS

    def see(self, event: Event) -> None:
        """Judge new leaders and commits."""
        if event.name == "commit" and event.has("id"):
            entry = event.entry("id")
            known = self._committed.setdefault(entry.index, entry)
            if known != entry:
                self.wrong(event, f"{known} and {entry} are both committed")
            if entry.index > self._newest.index:
                self._newest = entry
        elif event.name == "become-leader":
            image = self.images[event.node]
            if event.number("term") >= self._newest.term and not image.holds(
                self._newest
            ):
                self.wrong(
                    event,
                    f"leader {event.node} of term {event.number('term')} lacks committed "
                    f"entry {self._newest}",
                )


class CommitHasQuorum(Rule):
    """At the moment of commit a quorum of each half of the applied membership has it on disk.

    One turn may commit and apply changes: any membership that was in force in it may have counted.
    """

    id = "R7"

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._newest = 0
        self._in_force: dict[int, list[Voting]] = {}

    def see(self, event: Event) -> None:
        """Judge the first commit of each entry."""
        in_force = self._in_force.setdefault(event.node, [])
        if event.has("membership"):
            in_force.append(event.voting("membership"))
        if event.name != "commit" or not event.has("id"):
            return
        if event.number("commit") > self._newest:
            self._judge(event, in_force or [self.images[event.node].voting])
        del in_force[:-1]

    def _judge(self, event: Event, in_force: list[Voting]) -> None:
        entry = event.entry("id")
        self._newest = entry.index
        if not any(self._is_decided(voting, entry) for voting in in_force):
            voters = sorted(in_force[-1].voters | in_force[-1].outgoing)
            holders = [node for node in voters if self.images[node].holds(entry)]
            self.wrong(
                event,
                f"{entry} is committed, and of {voters} only {holders} have it on disk",
            )

    def _is_decided(self, voting: Voting, entry: EntryId) -> bool:
        """Return whether a quorum of each half has the entry; who is unknown may have it."""
        images = self.images
        return all(
            2 * sum(images[n].holds(entry) or not images[n].is_known for n in half)
            > len(half)
            for half in voting.halves
        )


class NothingFalls(Rule):
    """In one life term, commit and applied never fall; a crash keeps what was promised."""

    id = "R8"
    _RISING = ("term", "commit", "applied")

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._seen: dict[tuple[int, int], dict[str, int]] = {}

    def see(self, event: Event) -> None:
        """Judge columns within a life, and promises across lives."""
        if event.name in ("start", "recover"):
            self._started(event)
        if event.name in ("send", "receive", "drop", "stop"):
            return
        seen = self._seen.setdefault((event.node, event.incarnation), {})
        if event.name == "rebuild":  # the state is folded again, from the log or a copy
            seen.pop("applied", None)
            return
        for name in self._RISING:
            if not event.has(name):
                continue
            now = event.number(name)
            if now < seen.get(name, 0):
                self.wrong(
                    event,
                    f"{name} of node {event.node} falls from {seen[name]} to {now}",
                )
            seen[name] = now

    def _started(self, event: Event) -> None:
        image = self.images[event.node]
        if not image.is_known:
            return
        term, vote = event.number("term"), event.number("vote")
        if term < image.term:
            self.wrong(
                event, f"node {event.node} had term {image.term}, starts in {term}"
            )
        if term == image.term and image.vote and vote != image.vote:
            self.wrong(event, f"node {event.node} lost its vote of term {term}")
        if not _has(event, image.acked):
            self.wrong(
                event, f"node {event.node} lost entry {image.acked}, which it acked"
            )


class PromisesAreCovered(Rule):
    """Every ack and vote that leaves is covered by what its sender has on disk."""

    id = "R9"

    def see(self, event: Event) -> None:
        """Judge what leaves."""
        if event.name != "send":
            return
        message, image = event.message(), self.images[event.node]
        if not image.is_known:
            return
        if message.kind == "AppendAccepted":
            match = message.number("match")
            if image.term < message.term:
                self.wrong(event, f"{message.kind} in a term that is not on disk")
            elif match > image.last.index:
                self.wrong(
                    event,
                    f"entry {match} is acked, the disk ends at {image.last.index}",
                )
        elif message.kind in ("RequestVote", "RequestVoteReply"):
            granted = message.kind == "RequestVote" or "granted" in message.words
            candidate = message.sender if message.kind == "RequestVote" else message.to
            covered = image.term > message.term or (
                (image.term, image.vote) == (message.term, candidate)
            )
            if granted and not covered:
                self.wrong(
                    event,
                    f"{message.kind} for {candidate} in term {message.term}; on disk are "
                    f"term {image.term}, vote {image.vote}",
                )


class OwnTermIsCounted(Rule):
    """Only entries of the current term advance the commit index by counting."""

    id = "R10"

    def see(self, event: Event) -> None:
        """Judge what leaders commit."""
        if event.name == "commit" and event.fields.get("role") == "leader":
            if not event.has("id"):
                return
            entry, term = event.entry("id"), event.number("term")
            if entry.term != term:
                self.wrong(
                    event,
                    f"leader {event.node} of term {term} commits {entry} by counting",
                )


class MembershipsOverlap(Rule):
    """Neighbouring memberships share a quorum, and one change at most is not applied."""

    id = "R11"

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._by_index: dict[int, Voting] = {}
        self._pending: dict[int, int] = {}

    def see(self, event: Event) -> None:
        """Judge changes as they are proposed and applied."""
        node = event.node
        if event.name == "change-propose":
            pending = self._pending.get(node, 0)
            if pending:
                self.wrong(event, f"a change follows {pending}, which is not applied")
            self._pending[node] = event.number("index")
        elif event.name.startswith("become-") or event.name in ("start", "stop"):
            self._pending.pop(node, None)
        elif event.name == "change-apply":
            self._applied(event)

    def _applied(self, event: Event) -> None:
        index, new = event.number("index"), event.voting("membership")
        if index >= self._pending.get(event.node, 0):
            self._pending.pop(event.node, None)
        known = self._by_index.setdefault(index, new)
        if known != new:
            self.wrong(event, f"two memberships are in force at index {index}")
        # A node may apply several at once: its neighbours are those that anybody had in force.
        before = max((at for at in self._by_index if at < index), default=None)
        after = min((at for at in self._by_index if at > index), default=None)
        founding = self.images[event.node].voting
        if before is None and founding.voters and not overlap(founding, new):
            self.wrong(
                event, f"the membership at {index} shares no quorum with the first"
            )
        for at in (before, after):
            if at is not None and not overlap(self._by_index[at], new):
                self.wrong(
                    event, f"the memberships at {at} and {index} can decide apart"
                )


class ReadsAreFresh(Rule):
    """A read returns state at least as new as every answer given before it began."""

    id = "R12"
    needs_order = True

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._newest = 0
        self._waiting: dict[tuple[int, int, int], int] = {}

    def see(self, event: Event) -> None:
        """Judge where reads are answered; what is applied anywhere may have been answered."""
        if event.name == "apply":
            self._newest = max(self._newest, event.number("applied"))
        elif not event.has("ticket"):
            return
        elif event.name == "read-register":
            key = event.node, event.incarnation, event.number("ticket")
            self._waiting[key] = self._newest
        elif event.name == "read-confirm":
            key = event.node, event.incarnation, event.number("ticket")
            index, needed = event.number("index"), self._waiting.pop(key, 0)
            if index < needed:
                self.wrong(
                    event,
                    f"a read is answered at {index}; {needed} was answered before it began",
                )


class SnapshotsAgree(Rule):
    """Snapshots of one index carry one term, one membership and one digest."""

    id = "R14"

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._known: dict[int, tuple[int, Voting, str]] = {}

    def see(self, event: Event) -> None:
        """Judge snapshots made and installed."""
        is_snapshot = event.name in ("snapshot-make", "snapshot-install")
        if not is_snapshot or not event.has("id"):
            return
        entry = event.entry("id")
        found = entry.term, event.voting("membership"), event.text("digest")
        known = self._known.setdefault(entry.index, found)
        if known != found:
            self.wrong(event, f"two snapshots of {entry.index}: {known} and {found}")


class NothingBesideATransfer(Rule):
    """No proposal is accepted during a transfer; no node id appears with two stores."""

    id = "R17"

    def __init__(self, images: Images, report: Report) -> None:
        super().__init__(images, report)
        self._transfers: dict[int, int] = {}
        self._stores: dict[int, str] = {}

    def see(self, event: Event) -> None:
        """Judge proposals and identities."""
        node = event.node
        if event.name in ("start", "recover") and event.has("store"):
            store = event.text("store")
            known = self._stores.setdefault(node, store)
            if known != store:
                self.wrong(event, f"node {node} has had the stores {known} and {store}")
        if event.name == "wipe":
            self._stores.pop(node, None)
        if event.name == "transfer" and event.has("to"):
            self._transfers[node] = event.number("to")
        elif event.name.startswith("become-") or event.name in ("start", "stop"):
            self._transfers.pop(node, None)
        elif event.name in ("propose", "change-propose") and self._transfers.get(node):
            self.wrong(
                event,
                f"leader {node} accepts entry {event.number('index')} while it hands over "
                f"to {self._transfers[node]}",
            )


RULES: tuple[type[Rule], ...] = (
    OneLeader,
    LeaderKeepsItsLog,
    LogMatching,
    LeaderCompleteness,
    CommitHasQuorum,
    NothingFalls,
    PromisesAreCovered,
    OwnTermIsCounted,
    MembershipsOverlap,
    ReadsAreFresh,
    SnapshotsAgree,
    NothingBesideATransfer,
)


def overlap(old: Voting, new: Voting) -> bool:
    """Return whether no quorum of `old` can decide beside a quorum of `new`."""
    everybody = sorted(old.voters | old.outgoing | new.voters | new.outgoing)
    return not any(
        _decides(new, frozenset(everybody) - group)
        for group in _groups(everybody)
        if _decides(old, group)
    )


def _groups(nodes: list[int]) -> Iterator[frozenset[int]]:
    for size in range(len(nodes) + 1):
        yield from map(frozenset, combinations(nodes, size))


def _decides(voting: Voting, group: frozenset[int]) -> bool:
    return all(2 * len(half & group) > len(half) for half in voting.halves)


def _has(event: Event, entry: EntryId) -> bool:
    """Return whether a start found this entry on disk."""
    base = event.entry("base") if event.has("base") else GENESIS
    if entry.index <= base.index:
        return True
    entries = event.entries("entries")
    offset = entry.index - base.index - 1
    return offset < len(entries) and entries[offset] == entry
