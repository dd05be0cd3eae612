"""The life of a payout, for the second ledger: what may happen in which state.

Written from the ledger's rules and from nothing of the daemon. What happens to a payout is
named as the feed names it. What clients ask for is decided by the model; what nodes do by
themselves, and what rails tell them, is only seen in the feed: those are the *facts*.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SCHEDULED, IN_REVIEW, READY = "SCHEDULED", "IN_REVIEW", "READY"
DISPATCHING, SENT, SETTLED = "DISPATCHING", "SENT", "SETTLED"
CANCELLED, FAILED, RETURNED, REVERSED = "CANCELLED", "FAILED", "RETURNED", "REVERSED"
STATES: Final = (
    *(SCHEDULED, IN_REVIEW, READY, DISPATCHING, SENT),
    *(SETTLED, CANCELLED, FAILED, RETURNED, REVERSED),
)
UNDER_WAY: Final = frozenset({DISPATCHING, SENT})
PAID: Final = frozenset({SETTLED, RETURNED, REVERSED})
FINAL: Final = PAID | {CANCELLED, FAILED}

# What may happen: from each state, the states that it may lead to.
EDGES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "PAYOUT_CREATED": {"": (SCHEDULED, IN_REVIEW, READY)},
    "PAYOUT_RELEASED": {SCHEDULED: (IN_REVIEW, READY)},
    "PAYOUT_APPROVED": {IN_REVIEW: (READY,)},
    "PAYOUT_REJECTED": {IN_REVIEW: (FAILED,)},
    "PAYOUT_REDATED": {SCHEDULED: (SCHEDULED,)},
    "PAYOUT_REROUTED": {each: (each,) for each in (SCHEDULED, IN_REVIEW, READY)},
    "PAYOUT_CANCELLED": dict.fromkeys((SCHEDULED, IN_REVIEW, READY), (CANCELLED,)),
    "DISPATCH_BEGUN": {READY: (DISPATCHING,)},
    "DISPATCH_CLAIMED": {DISPATCHING: (DISPATCHING,)},
    "LEASE_LAPSED": {DISPATCHING: (DISPATCHING,)},
    "ATTENTION_RAISED": {DISPATCHING: (DISPATCHING,)},
    "PAYOUT_SENT": {DISPATCHING: (SENT,)},
    "PAYOUT_NOT_ACCEPTED": {DISPATCHING: (READY,)},
    "PAYOUT_FAILED": {DISPATCHING: (FAILED,), SENT: (FAILED,)},
    # A return may have overtaken it: then it changes no state and moves no money.
    "PAYOUT_SETTLED": {
        DISPATCHING: (SETTLED,),
        SENT: (SETTLED,),
        **{each: (each,) for each in (SETTLED, RETURNED, REVERSED)},
    },
    "PAYOUT_RETURNED": {SETTLED: (SETTLED, RETURNED)},
    "PAYOUT_REVERSED": {SETTLED: (SETTLED, REVERSED)},
    "RECALL_REQUESTED": {each: (each,) for each in (DISPATCHING, SENT, SETTLED)},
    "EXCEPTION_OPENED": {each: (each,) for each in STATES},
}

# What no client asks for.
FACTS: Final = frozenset(
    {
        "PAYOUT_RELEASED",
        "DISPATCH_BEGUN",
        "DISPATCH_CLAIMED",
        "LEASE_LAPSED",
        "ATTENTION_RAISED",
        "PAYOUT_SENT",
        "PAYOUT_NOT_ACCEPTED",
        "PAYOUT_FAILED",
        "PAYOUT_SETTLED",
        "PAYOUT_RETURNED",
        "PAYOUT_REVERSED",
        "EXCEPTION_OPENED",
        "HOLD_EXPIRED",
    }
)

# What the simulated rail does with a payment, by the number of the payee's account.
REJECTED_NUMBER: Final = "000000002"
SHORT_NUMBER: Final = "000000007"
RETURNED_NUMBERS: Final = frozenset({"000000003", "000000006", SHORT_NUMBER})
KEPT_MINOR: Final = 10  # of what comes back short; we pay it


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened without a client, as the feed tells it.

    subject: a payout or a hold. after: the state of the payout that it left.
    minor: what came back, or what was held; minor units.
    """

    kind: str
    subject: str
    after: str
    minor: int
    ts_us: int


def returned_minor(destination: str, minor: int) -> int:
    """Return how much of an amount the simulated rail sends back to us when it does."""
    if destination != SHORT_NUMBER:
        return minor
    return minor - min(KEPT_MINOR, minor - 1)


def final_states(destination: str) -> frozenset[str]:
    """Return how a payout to this number may end, beside being cancelled."""
    if destination == REJECTED_NUMBER:
        return frozenset({FAILED})
    if destination in RETURNED_NUMBERS:
        return frozenset({RETURNED})
    return frozenset({SETTLED})
