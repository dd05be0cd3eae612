"""Making a failing run small: the same failure from fewer faults, clients, calls and noises.

First time is cut behind the failure, then noises, clients and whole kinds of faults go, then single
faults by delta debugging, then calls. Every step is a run of its own, and is kept only if it fails
the same way.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ledgerd.simulation.clock import MS
from ledgerd.simulation.cut import NOISES, WHOLE, Cut
from ledgerd.simulation.faults import schedule
from ledgerd.simulation.runner import Result, run_seed
from ledgerd.simulation.swarm import draw
from ledgerd.simulation.verdict import Kind

BUDGET_S: Final = 120.0


class Shrinker:
    """Shrinks one seed. best: the smallest cut so far that fails as the whole run did.

    run: how a cut is tried; runs: how many were.
    """

    def __init__(
        self,
        seed: int,
        *,
        budget_s: float = BUDGET_S,
        run: Callable[[int, Cut], Result] = run_seed,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.best = WHOLE
        self.runs = 0
        self._seed = seed
        self._setup = draw(seed)
        self._run = run
        self._tell = tell
        self._deadline = time.monotonic() + budget_s
        self.result = self._try(WHOLE)
        self._signature = self.result.signature

    def shrink(self) -> Cut:
        """Return the smallest cut found within the budget; the whole run if it does not fail."""
        if self.result.is_good:
            return WHOLE
        self._cut_time()
        for noise in NOISES:
            without = (*self.best.without, noise)
            self._keep_if_failing(replace(self.best, without=without))
        for clients in (0, 1, 2, 3):
            if clients >= self._setup.load.clients:
                break
            if self._keep_if_failing(replace(self.best, clients=clients)):
                break
        self._drop_kinds()
        self._drop_faults()
        self._drop_calls()
        self._cut_time()
        return self.best

    @property
    def is_out_of_time(self) -> bool:
        """Whether the budget is spent."""
        return time.monotonic() >= self._deadline

    def _try(self, cut: Cut) -> Result:
        self.runs += 1
        return self._run(self._seed, cut)

    def _keep_if_failing(self, cut: Cut) -> bool:
        if self.is_out_of_time or cut == self.best:
            return False
        result = self._try(cut)
        if result.signature != self._signature:
            return False
        self.best, self.result = cut, result
        self._tell(str(cut))
        return True

    def _cut_time(self) -> None:
        if self.result.kind is not Kind.LIVENESS:
            until_ms = self.result.simulated_ns // MS + 1
            self._keep_if_failing(replace(self.best, until_ms=until_ms))
            return
        until_ms = self.best.until_ms or self._setup.duration_ns // MS
        while until_ms > 100 and self._keep_if_failing(
            replace(self.best, until_ms=until_ms // 2)
        ):
            until_ms //= 2

    def _faults(self) -> list[int]:
        planned = schedule(self._setup)
        kept = self.best.keep
        end_ns = (self.best.until_ms or self._setup.duration_ns // MS) * MS
        return [
            fault.number
            for fault in planned
            if (kept is None or fault.number in kept) and fault.at_ns < end_ns
        ]

    def _drop_kinds(self) -> None:
        kinds = {fault.number: fault.kind for fault in schedule(self._setup)}
        self._keep_if_failing(replace(self.best, keep=()))
        for kind in sorted(set(kinds.values())):
            left = tuple(number for number in self._faults() if kinds[number] != kind)
            self._keep_if_failing(replace(self.best, keep=left))

    def _drop_faults(self) -> None:
        """Delta debugging: drop ever smaller parts of the schedule."""
        parts = 2
        while not self.is_out_of_time:
            faults = self._faults()
            if not faults:
                return
            size = max(1, len(faults) // parts)
            chunks = [faults[i : i + size] for i in range(0, len(faults), size)]
            if any(self._drop(faults, chunk) for chunk in chunks):
                parts = max(2, parts - 1)
            elif size == 1:
                return
            else:
                parts *= 2

    def _drop(self, faults: Sequence[int], chunk: Sequence[int]) -> bool:
        left = tuple(number for number in faults if number not in chunk)
        return self._keep_if_failing(replace(self.best, keep=left))

    def _drop_calls(self) -> None:
        for calls in (1, 2, 4, 8, 16, 32):
            if self._keep_if_failing(replace(self.best, calls=calls)):
                return
