"""What each node has on disk, by its own events: what its promises are held against."""

from dataclasses import dataclass, field

from jepsen.checkers.protocol.events import EntryId, Event, Voting

GENESIS = EntryId(0, 0, "")


@dataclass(slots=True)
class Image:
    """One node over all its incarnations, as far as its events tell.

    base: the entry before the first one kept. tail: those after it. term, vote: the hard state.
    acked: the last entry of the longest prefix it has vouched for and not replaced since.
    is_lost: the disk was lost with all on it, so what an ack of then stood for cannot be looked up.
    """

    base: EntryId = GENESIS
    tail: list[EntryId] = field(default_factory=list)
    term: int = 0
    vote: int = 0
    acked: EntryId = GENESIS
    voting: Voting = field(default_factory=lambda: Voting(frozenset(), frozenset()))
    role: str = ""
    is_known: bool = False
    is_lost: bool = False

    @property
    def last(self) -> EntryId:
        """The last entry on disk."""
        return self.tail[-1] if self.tail else self.base

    def at(self, index: int) -> EntryId | None:
        """Return the entry at an index; None if it is not there or not known any more."""
        if index == self.base.index:
            return self.base
        offset = index - self.base.index - 1
        return self.tail[offset] if 0 <= offset < len(self.tail) else None

    def holds(self, entry: EntryId) -> bool:
        """Return whether the entry, and so all before it, is on disk or compacted."""
        return entry.index < self.base.index or self.at(entry.index) == entry

    def start(self, event: Event) -> None:
        """Take what a node found on its disk."""
        self.base = event.entry("base") if event.has("base") else GENESIS
        self.tail = event.entries("entries")
        self.term, self.vote = event.number("term"), event.number("vote")
        self.role = "follower"
        self.is_known = not self.is_lost

    def persist(self, event: Event) -> None:
        """Take what a node has made durable."""
        if event.has("hard_term"):
            self.term, self.vote = event.number("hard_term"), event.number("hard_vote")
        entries = event.entries("entries")
        if entries:
            first = entries[0].index
            del self.tail[max(0, first - self.base.index - 1) :]
            self.tail += entries
            if self.acked.index >= first:
                self.acked = self.at(first - 1) or self.base

    def install(self, entry: EntryId) -> None:
        """Take a snapshot: the log begins after it, and keeps what it has beyond."""
        if self.at(entry.index) == entry:
            return
        self.base, self.tail = entry, []

    def compact(self, first: int) -> None:
        """Let the log begin at `first`."""
        base = self.at(first - 1)
        if base is not None:
            del self.tail[: first - 1 - self.base.index]
            self.base = base


class Images:
    """The images of all nodes. `see` is called once for each event, after the rules."""

    def __init__(self) -> None:
        self.by_node: dict[int, Image] = {}

    def __getitem__(self, node: int) -> Image:
        return self.by_node.setdefault(node, Image())

    def see(self, event: Event) -> None:
        """Take over what an event changes."""
        image = self[event.node]
        if event.has("membership"):
            image.voting = event.voting("membership")
        match event.name:
            case "start" | "recover":
                image.start(event)
            case "persist":
                image.persist(event)
            case "snapshot-install" if event.has("id"):
                image.install(event.entry("id"))
            case "compact" if event.has("first"):
                image.compact(event.number("first"))
            case "stop":
                image.role = ""
            case "wipe":
                self.by_node[event.node] = Image(voting=image.voting, is_lost=True)
            case "disk-fault" if event.has("lost"):
                image.acked = GENESIS
            case name if name.startswith("become-"):
                image.role = name.removeprefix("become-")
            case "send":
                message = event.message()
                if message.kind == "AppendAccepted":
                    acked = image.at(message.number("match"))
                    if acked is not None and acked.index > image.acked.index:
                        image.acked = acked
            case _:
                pass
