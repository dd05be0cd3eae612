"""Whether entries are held back from who is not needed for a commit: while that is quicker.

Where nodes share their cores, as on a small machine, what one follower is spared is time for the
others. Where others compete for them, and maybe where each has cores of its own, the quicker of two
followers is quicker than any one of them, and holding back makes calls slower (decision 30). Nobody
can say beforehand, so a leader tries both and keeps to the better one.

A trial is two windows of calls, one each way, one after the other, so that both see the same load
and machine; who comes first changes from trial to trial. The first trials follow one another, later
ones come after fourteen windows of what was found better. Without clear gain nothing is held back.
"""

import statistics
from collections.abc import Callable
from typing import Final

WINDOW_CALLS: Final = 64
FIRST_TRIALS: Final = 4
REST_WINDOWS: Final = 14
# Medians that one call counts for at most: slow disks tell something, a paused machine hardly.
_SLOW_MAX: Final = 4
_NEW_SHARE: Final = 0.25  # of a trial in the ratio that is kept
RATIO_MAX: Final = 0.97  # above it holding back is not worth it


class Holding:
    """The judge of one leader. Owned by the loop.

    ratio: how long calls take with entries held back, in that of calls without; 1.0 until tried.
    is_on: what is done now.
    """

    __slots__ = (
        "_plan",
        "_since_s",
        "_switch",
        "_taken_s",
        "_trial_s",
        "_trials",
        "is_on",
        "ratio",
    )

    def __init__(self, switch: Callable[[bool], None]) -> None:
        """Begin with a trial of holding back, as the core does. switch: told of each change."""
        self._switch = switch
        self._trials = 0
        self._trial_s: dict[bool, float] = {}
        self._taken_s: list[float] = []
        self._since_s = 0.0
        # Of each window to come: held back, part of a trial.
        self._plan: list[tuple[bool, bool]] = []
        self.ratio = 1.0
        self.is_on = True
        self._next()

    def observe(self, began_s: float, ended_s: float) -> None:
        """Count a call that this leader has answered; times of one clock, in seconds.

        Of calls at a time one counts: one entry answers hundreds, and what it met they all met.
        """
        if began_s < self._since_s:
            return  # it began before the last one that counts ended, or in the window before
        self._since_s = ended_s
        self._taken_s.append(ended_s - began_s)
        if len(self._taken_s) < WINDOW_CALLS:
            return
        is_on, is_trial = self._plan.pop(0)
        if is_trial:
            longest_s = _SLOW_MAX * statistics.median(self._taken_s)
            self._trial_s[is_on] = sum([min(s, longest_s) for s in self._taken_s])
            if len(self._trial_s) == 2:
                self._judge()
        self._taken_s.clear()
        before = self.is_on
        self._next()
        if self.is_on is not before:
            self._switch(self.is_on)

    def _judge(self) -> None:
        without_s = self._trial_s[False]
        new = self._trial_s[True] / without_s if without_s else 1.0  # a coarse clock
        self._trial_s.clear()
        share = max(_NEW_SHARE, 1 / (1 + self._trials))
        self.ratio += share * (new - self.ratio)
        self._trials += 1

    def _next(self) -> None:
        """Plan the windows to come, if there are none, and begin the next one."""
        if not self._plan:
            if self._trials >= FIRST_TRIALS:
                self._plan += [(self.ratio <= RATIO_MAX, False)] * REST_WINDOWS
            first = self._trials % 2 == 0
            self._plan += [(first, True), (not first, True)]
        self.is_on = self._plan[0][0]
