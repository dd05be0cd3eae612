"""What to do next for one payout that may have been sent: pure, one table of cases.

The rule is never to guess. A payout that somebody else may have sent is asked for before anything
else; it is sent again only under the same rail key, and only where that cannot pay twice: the rail
takes a key once, or has promised that what it does not know by now it never will (ledger.md 3.6).
Where neither holds, the payout stays as it is and a person decides.
"""

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from ledgerd.rails.rail import Evidence, EvidenceKind, Known


@dataclass(frozen=True, slots=True)
class Traits:
    """What the catalogue says of a rail. is_suspended: nothing new may leave."""

    deduplicates: bool
    answers_queries: bool
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is known of a payout in DISPATCHING that this worker has claimed.

    is_fresh: this worker's claim made it DISPATCHING, and nothing was sent since.
    sent_until_us: log time after which no send of any claim can have begun: the end of the last
        lease before this one, or of this one once this worker has sent.
    lease_until_us: of this worker's claim, log time. now_us: log time as this worker reckons it,
        before it asked the rail, where it has.
    send_us: how long a send may take at most, the margin for clocks included.
    """

    is_fresh: bool
    sent_until_us: int
    lease_until_us: int
    now_us: int
    send_us: int


class Act(Enum):
    """What the dispatcher does next."""

    SEND = "send"
    ASK = "ask"
    RECORD = "record"
    WAIT = "wait"
    CLAIM_AGAIN = "claim again"
    CALL_A_PERSON = "call a person"


@dataclass(frozen=True, slots=True)
class Step:
    """The next act. evidence: to be recorded, in order. until_us: WAIT, log time."""

    act: Act
    evidence: tuple[Evidence, ...] = ()
    until_us: int = 0


def first(doubt: Doubt, traits: Traits) -> Step:
    """Return what to do with a payout that was just claimed."""
    if doubt.is_fresh:
        return _send(doubt, traits)
    if traits.answers_queries:
        return Step(Act.ASK)
    if traits.deduplicates:
        return _send(doubt, traits)
    return Step(Act.CALL_A_PERSON)


def after_send(answer: Evidence | None, traits: Traits) -> Step:
    """Return what to do after a send. answer: None where the rail did not give one."""
    if answer is None:
        return Step(Act.ASK if traits.answers_queries else Act.CLAIM_AGAIN)
    match answer.kind:
        case EvidenceKind.TAKEN | EvidenceKind.REFUSED:
            return Step(Act.RECORD, (answer,))
        case EvidenceKind.REJECTED | EvidenceKind.SETTLED | EvidenceKind.RETURNED:
            return Step(Act.RECORD, (answer,))
        case _:
            assert_never(answer.kind)


def after_ask(known: Known | None, doubt: Doubt, traits: Traits) -> Step:
    """Return what to do after a question. known: None where the rail did not answer.

    A rail that does not know the key gets the payment again only if that cannot pay twice.
    """
    assert traits.answers_queries, traits
    if known is None:
        return Step(Act.CLAIM_AGAIN)
    if known.evidence:
        return Step(Act.RECORD, known.evidence)
    if traits.deduplicates and not known.executes_twice:
        return _send(doubt, traits)
    if not known.guarantee_us:
        return Step(Act.CALL_A_PERSON)
    sure_us = doubt.sent_until_us + known.guarantee_us
    if doubt.now_us < sure_us:
        return Step(Act.WAIT, until_us=sure_us)
    return _send(doubt, traits)


def _send(doubt: Doubt, traits: Traits) -> Step:
    """Return SEND if the rail may get money and the lease outlasts the send."""
    if traits.is_suspended:
        return Step(Act.WAIT, until_us=doubt.lease_until_us)
    if doubt.now_us + doubt.send_us >= doubt.lease_until_us:
        return Step(Act.CLAIM_AGAIN)
    return Step(Act.SEND)
