"""What a core is given: its bounds, its rules, and the two functions it may not invent.

The relations a production node must keep (tick length, five heartbeats in a base) are checked
where the configuration is read; small values stay legal here, for tests.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from ledgerd.raft.entries import EntryKind, Index, Term


class Jitter(Protocol):
    """The only randomness of the core: it spreads election timers (5.2)."""

    def __call__(self, n: int, /) -> int:
        """Return a number in 0 .. n - 1, unpredictable to the other nodes."""
        ...


class Linker(Protocol):
    """The hash chain over the log. The core carries links and compares them."""

    def __call__(
        self,
        previous: bytes,
        /,
        *,
        index: Index,
        term: Term,
        ts_us: int,
        kind: EntryKind,
        payload: bytes,
    ) -> bytes:
        """Return the link of this entry, given the link of the entry before it."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """The bounds of one core. Ticks are the driver's; the core knows no seconds.

    election_base_ticks: window of stickiness and CheckQuorum; timers fire 1..base after it.
    append_bytes_max: entries of one AppendEntries; a larger entry travels alone (F15).
    window_messages, window_bytes: unacknowledged appends to one peer (F14).
    uncommitted_bytes_max: payload a leader holds uncommitted before it refuses (F17).
    checkpoint_entries: how often the digests of the replicas are compared (F37).
    apply_bytes_max: one page of committed entries (F20).
    recent_bytes_max: durable entries kept in memory for apply and for peers close behind.
    catch_up_round_ticks_max, catch_up_rounds_max: a learner that is slower stays one (F23).
    snapshot_ticks_max: how long a peer may be silent about an offered snapshot before it is probed
        again, and so offered one again (T62).
    stall_ticks: a log write that takes longer makes the node slow (F8).
    recovery_ticks, recovery_ticks_max: good writes that make it fit again, and at most, since the
        time doubles with each relapse (F8).
    priority_ticks: how long a leader leads before a voter of higher priority takes over (L1).
    is_suspicion_quick: a refused reconnect to the leader starts an election at once (F4).
    free_bytes_min: with less room than this a node counts as full (F36).
    is_commit_told_by_tick: a moved commit index travels with the next entries or the next tick,
        or at once to a follower that waits for a read, instead of in a message of its own.
    held_back_bytes_max: entries that wait for the next tick on their way to peers that the quickest
        quorum does without (`ledgerd.raft.thrift`), if the commit index travels by tick as well;
        0: everything goes to everybody at once.
    """

    election_base_ticks: int = 15
    heartbeat_ticks: int = 3
    append_bytes_max: int = 1 << 20
    window_messages: int = 16
    window_bytes: int = 8 << 20
    uncommitted_bytes_max: int = 64 << 20
    apply_bytes_max: int = 4 << 20
    checkpoint_entries: int = 1_024
    recent_bytes_max: int = 16 << 20
    snapshot_ticks_max: int = 60
    is_commit_told_by_tick: bool = False
    held_back_bytes_max: int = 0
    stall_ticks: int = 15
    recovery_ticks: int = 3_000
    recovery_ticks_max: int = 60_000
    priority_ticks: int = 1_000
    is_suspicion_quick: bool = True
    free_bytes_min: int = 0
    catch_up_round_ticks_max: int = 500
    catch_up_rounds_max: int = 10

    def __post_init__(self) -> None:
        """Assert that the core can work at all with these."""
        assert self.heartbeat_ticks >= 1, self
        assert self.election_base_ticks > self.heartbeat_ticks, self
        assert self.append_bytes_max >= 1, self
        assert self.window_messages >= 1, self
        assert self.window_bytes >= 1, self
        assert self.uncommitted_bytes_max >= 1, self
        assert self.apply_bytes_max >= 1, self
        assert self.recent_bytes_max >= 0, self
        assert self.held_back_bytes_max >= 0, self
        assert self.catch_up_round_ticks_max >= 1, self
        assert self.catch_up_rounds_max >= 1, self
        assert self.snapshot_ticks_max >= 1, self
        assert self.stall_ticks >= 1, self
        assert 0 < self.recovery_ticks <= self.recovery_ticks_max, self
        assert self.priority_ticks >= 0, self
        assert self.free_bytes_min >= 0, self


@dataclass(frozen=True, slots=True)
class Rules:
    """Which protections are on. Anything but STRICT is for replaying published scenarios."""

    STRICT: ClassVar["Rules"]

    pre_vote: bool  # F1
    check_quorum: bool  # F2, and with it stickiness, F3
    step_down_on_removal: bool  # F6


Rules.STRICT = Rules(pre_vote=True, check_quorum=True, step_down_on_removal=True)
