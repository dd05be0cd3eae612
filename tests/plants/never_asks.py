"""A payment that had no answer is sent again, and nobody asks the rail first."""

from collections.abc import Callable

from ledgerd.rails.rail import Evidence
from ledgerd.rails.steps import Act, Step, Traits

AfterSend = Callable[[Evidence | None, Traits], Step]


def _again(original: AfterSend) -> AfterSend:
    def after_send(answer: Evidence | None, traits: Traits) -> Step:
        if answer is None:
            return Step(Act.SEND)
        return original(answer, traits)

    return after_send


BUGS = {"ledgerd.rails.dispatcher:after_send": _again}
