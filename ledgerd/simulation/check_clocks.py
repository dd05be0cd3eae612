"""Log time follows the clocks of a quorum: a minority that jumps moves it nowhere (K1).

A leader that stamped entries with a clock that nobody shares would release payouts early and age
out ids. The watch knows all clocks. It lets log time be as late as the latest time that the clocks
of a majority of voters could each have seemed to show by now, so it never complains without cause.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ledgerd.raft.entries import Entry, NodeId
from ledgerd.simulation.verdict import require

# A node's own monotonic clock runs at most half as fast again, and log time 5 % faster than that.
RATE_PERCENT_MAX: Final = 160
SLACK_US: Final = 10_000


class ClocksWatch:
    """The latest time that each clock may have seemed to show, and what log time may be."""

    def __init__(self) -> None:
        self._seen_us: dict[NodeId, int] = {}
        self._latest_us = 0
        self._now_us = 0

    def look(self, now_us: int, clocks_us: Mapping[NodeId, int]) -> None:
        """Note what all clocks show; before and after each jump of one, and before `stamped`."""
        passed_us = (now_us - self._now_us) * RATE_PERCENT_MAX // 100
        self._now_us = now_us
        self._latest_us += passed_us
        for node_id, clock_us in clocks_us.items():
            seen_us = self._seen_us.get(node_id, clock_us) + passed_us
            self._seen_us[node_id] = max(seen_us, clock_us)

    def stamped(self, entry: Entry, ever: Iterable[Sequence[NodeId]]) -> None:
        """A leader has made an entry. Raises Violation if it is of the future.

        ever: the voters of each membership so far. Log time never falls, so it may be what the
        quorum of an earlier one had shown, though no entry was stamped with it then.
        """
        for voters in ever:
            shown = sorted((self._seen_us.get(v, 0) for v in voters), reverse=True)
            self._latest_us = max(self._latest_us, shown[len(shown) // 2])
        require(
            entry.ts_us <= self._latest_us + SLACK_US,
            "K1",
            f"entry {entry.id} is stamped {entry.ts_us - self._latest_us} us later than the "
            "clocks of any quorum have shown",
        )
