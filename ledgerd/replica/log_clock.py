"""Log time on a leader: the quorum's clocks, slewed, never backwards (ledger.md 5).

Consensus never looks at it (T80). One wrong clock neither releases a payout early nor ages out an
id: log time moves towards q, the latest time that the clocks of a quorum of voters have all
reached, by at most 5 % of the time that passed, and jumps only forwards, when q is far ahead.
"""

from collections.abc import Callable, Iterable

SLEW_PERCENT_MAX = 5
JUMP_US = 10_000_000


def quorum_time_us(clocks_us: Iterable[int], *, voters: int) -> int | None:
    """Return the latest time that a majority of `voters` clocks have reached; None if unknown."""
    known = sorted(clocks_us, reverse=True)
    position = voters // 2  # the majority-th largest, counted from 0
    return known[position] if position < len(known) else None


class LogClock:
    """Tells a leader the log time. Samples come from the loop, questions from the replica thread.

    The only sharing is a dict whose items are replaced whole. Every peer has its item from the
    start: a dict that grew while the replica thread walks it would stop the node. Other voters
    bring another dict.
    """

    def __init__(
        self,
        *,
        node_id: int,
        voters: Iterable[int],
        wall_us: Callable[[], int],
        monotonic_us: Callable[[], int],
    ) -> None:
        self._node_id = node_id
        self._voters = frozenset(voters)
        self._wall_us = wall_us
        self._monotonic_us = monotonic_us
        # By peer: its wall clock - our monotonic; None before the first sample.
        self._offsets_us: dict[int, int | None] = dict.fromkeys(
            sorted(self._voters - {node_id})
        )
        self._last_us = 0
        self._asked_at_us = monotonic_us()

    def follow_voters(self, voters: Iterable[int]) -> None:
        """Ask these nodes from now on; what is known of who stays is kept."""
        self._voters = frozenset(voters)
        known = self._offsets_us
        others = sorted(self._voters - {self._node_id})
        self._offsets_us = {node_id: known.get(node_id) for node_id in others}

    def sample(self, node_id: int, clock_us: int) -> None:
        """Take note of what a peer's wall clock showed just now."""
        offsets_us = self._offsets_us
        if node_id in offsets_us:
            offsets_us[node_id] = clock_us - self._monotonic_us()

    def follow(self, ts_us: int) -> None:
        """Never fall behind the log: its last entry is here now, and was stamped `ts_us`.

        Who follows has the stamps of another leader, and goes on from the last one when it leads:
        a node that was down for a while would else hold log time still until its own had come to
        it. What passed since it was asked last is not counted again on top of a stamp.
        """
        monotonic_us = self._monotonic_us()
        if ts_us > self._last_us + monotonic_us - self._asked_at_us:
            self._last_us, self._asked_at_us = ts_us, monotonic_us

    def now_us(self) -> int:
        """Return log time, microseconds; never less than any earlier answer."""
        monotonic_us = self._monotonic_us()
        elapsed_us = monotonic_us - self._asked_at_us
        self._asked_at_us = monotonic_us

        clocks = [
            offset + monotonic_us
            for offset in self._offsets_us.values()
            if offset is not None
        ]
        if self._node_id in self._voters:
            clocks.append(self._wall_us())
        quorum_us = quorum_time_us(clocks, voters=len(self._voters))

        now_us = self._last_us + elapsed_us
        if quorum_us is not None:
            slew_max = elapsed_us * SLEW_PERCENT_MAX // 100
            now_us += max(-slew_max, min(slew_max, quorum_us - now_us))
            if quorum_us - now_us > JUMP_US:
                now_us = quorum_us
        self._last_us = max(self._last_us, now_us)
        return self._last_us
