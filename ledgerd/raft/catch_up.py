"""How a learner becomes fast enough to vote: rounds of catching up. Thesis 4.2.1, F23.

A round ends when the learner holds what the leader had when the round began. A short one means
that the learner keeps pace, so that the cluster does not wait for it once its vote is needed.

Rounds are the leader's own; a later leader begins again, for the plan stands in the membership.
Nothing is measured before the learner has answered once: a node may be added before it is started.
The first round brings all that there is, be it by entries or by a snapshot, so what is bounded in
it is the time without progress.
"""

from enum import Enum

from ledgerd.raft.entries import NO_INDEX, Index


class Verdict(Enum):
    """What is known of a learner's pace."""

    GOES_ON = "goes_on"
    KEEPS_PACE = "keeps_pace"
    TOO_SLOW = "too_slow"


class CatchUp:
    """The rounds of one learner.

    round: of the round under way, from 1; 0 before the learner has answered.
    target: the round ends when the learner holds this index.
    verdict: what is known now; anything but GOES_ON stays.
    """

    __slots__ = ("_idle_ticks", "_match", "_ticks", "round", "target", "verdict")

    def __init__(self) -> None:
        self.round = 0
        self.target = NO_INDEX
        self.verdict = Verdict.GOES_ON
        self._ticks = 0
        self._idle_ticks = 0
        self._match = NO_INDEX

    def tick(
        self,
        ticks: int,
        *,
        match: Index,
        last: Index,
        is_paused: bool,
        short_ticks: int,
        round_ticks_max: int,
        rounds_max: int,
    ) -> None:
        """Let time pass, and judge.

        match: what the learner holds. last: what the leader holds.
        is_paused: a snapshot is on its way, which moves match only when it has arrived.
        short_ticks: a round shorter than this keeps pace. round_ticks_max: what bounds a round,
            and the time without progress in the first. rounds_max: as many may be slow.
        """
        if match > self._match:
            self._match = match
            self._idle_ticks = 0
        elif not is_paused:
            self._idle_ticks += ticks
        if self.verdict is not Verdict.GOES_ON:
            return
        if self.round == 0:
            if match > NO_INDEX:
                self._begin(last)
            return
        self._ticks += ticks
        if match < self.target:
            spent = self._idle_ticks if self.round == 1 else self._ticks
            if spent > round_ticks_max:
                self.verdict = Verdict.TOO_SLOW
        elif self._ticks < short_ticks:
            self.verdict = Verdict.KEEPS_PACE
        elif self.round >= rounds_max:
            self.verdict = Verdict.TOO_SLOW
        else:
            self._begin(last)

    def _begin(self, target: Index) -> None:
        self.round += 1
        self.target = target
        self._ticks = 0
        self._idle_ticks = 0
