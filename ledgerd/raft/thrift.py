"""Whom a leader sends new entries at once: the quorum that was quickest when it last looked.

A commit needs a quorum, and what the other voters do for it meanwhile takes its time from the
callers. So they get the same entries a little later, several in one append. Paxos knows this as
thriftiness (Moraru et al., There Is More Consensus in Egalitarian Parliaments, SOSP 2013). The
commit rule stays as it is: only when an append is sent changes, and that is the leader's to choose.
Whether it is worth it the shell finds out (`facts.HoldingBack`).

An entry is held back until the next tick, until more bytes wait than the bound, until a stream to
a peer ends, or until somebody needs it everywhere (`Roles.send_to_all`); then everybody is sent
what it lacks. What went to everybody and was not committed yet is a race: who has acked it by the
time it is committed is the quorum that the next entries go to. So when the chosen fall silent, the
tick sends to the others, and they are chosen. Once in an election base the next entry goes to
everybody at once: a fair race, which finds a peer that has become the quicker one.
"""

from collections.abc import Iterable

from ledgerd.raft.entries import NO_INDEX, Index, NodeId


class Thrift:
    """The recipients of one leader's new entries.

    bytes_max: entries held back at most; 0: nothing is.
    quickest: who gets entries at once; None: everybody, until a race is decided.
    held_from: the first entry that did not go to everybody.
    """

    __slots__ = (
        "_bytes_max",
        "_held_bytes",
        "_is_race_due",
        "_race",
        "held_from",
        "quickest",
    )

    def __init__(self, bytes_max: int, next_: Index) -> None:
        self._bytes_max = bytes_max
        self._held_bytes = 0
        self._is_race_due = False
        self._race = NO_INDEX  # went to everybody, and is not known committed
        self.held_from = next_
        self.quickest: frozenset[NodeId] | None = None

    def appended(self, size_bytes: int) -> None:
        """Count an entry that did not go to everybody yet."""
        self._held_bytes += size_bytes

    def race_soon(self) -> None:
        """Have the next entries go to everybody."""
        self._is_race_due = True

    def forget(self) -> None:
        """Send everything to everybody until a race is decided: somebody is lost, or new."""
        self.quickest = None
        self._race = NO_INDEX

    @property
    def may_hold(self) -> bool:
        """Whether what was appended since may go to the quickest alone."""
        if self.quickest is None or self._held_bytes > self._bytes_max:
            return False
        return not self._is_race_due or self._held_bytes == 0

    def went_to_all(self, last: Index, commit: Index, *, is_fair: bool) -> None:
        """Note that everybody is sent all entries up to `last`, as its window admits.

        is_fair: False if the quickest may have had some of them long before.
        """
        begins_race = self._race == NO_INDEX
        if self._is_race_due and self._held_bytes and is_fair:
            self._is_race_due = False
            begins_race = True  # in place of one that may be less fair
        self._held_bytes = 0
        self.held_from = Index(last + 1)
        if self._bytes_max and last > commit and begins_race:
            self._race = last

    def is_decided(self, commit: Index) -> bool:
        """Return whether this commit index ends a race: `decide` it."""
        return NO_INDEX < self._race <= commit

    def decide(self, voters: Iterable[tuple[NodeId, Index]]) -> bool:
        """Choose who has acked the race; return whether these are others than before.

        voters: all of them but the leader, with what each one holds.
        """
        before = self.quickest
        self.quickest = frozenset(
            [peer for peer, match in voters if match >= self._race]
        )
        self._race = NO_INDEX
        return before is not None and before != self.quickest
