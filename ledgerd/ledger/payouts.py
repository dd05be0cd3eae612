"""A payout and its lifecycle, as one table of what each command does in each state.

The table is the source: apply asks it, the tests walk it, the matrix and the diagram in the
docs are drawn from it. A payout's head never changes; what changes is its status, whose row does
not exist until the first command after the one that made the payout.
"""

from enum import Enum, IntEnum, IntFlag
from typing import Final, NamedTuple, TypedDict

from ledgerd.ledger.accounts import NO_ENTRY, EntryPosition, Position


class PayoutState(IntEnum):
    """Durable and public values. 0 is used where there is no payout."""

    SCHEDULED = 1
    IN_REVIEW = 2
    READY = 3
    DISPATCHING = 4
    SENT = 5
    SETTLED = 6
    CANCELLED = 7
    FAILED = 8
    RETURNED = 9
    REVERSED = 10


class Trigger(IntEnum):
    """What is asked of a payout, or told of it. `SUBMIT` makes it. Durable in exceptions."""

    SUBMIT = 1
    CANCEL = 2
    RELEASE = 3
    REDATE = 4
    APPROVE = 5
    REJECT = 6
    REROUTE = 7
    DISPATCH_BEGIN = 8
    DISPATCH_CLAIM = 9
    RAIL_ACK = 10
    RAIL_NOT_ACCEPTED = 11
    RAIL_REJECT = 12
    SETTLE = 13
    REQUEST_RECALL = 14
    RETURN = 15
    REVERSAL_COMPLETE = 16
    RAISE_ATTENTION = 17


class Verdict(Enum):
    """What a command meets in a state. 3.4."""

    LEGAL = "legal"
    EVENT = "event"  # an event and a mark, no other state
    SAME = "same"  # the fact is established already: accepted, no entry, no event
    ALERT = "alert"  # evidence that contradicts what is known: an exception, 3.5
    WRONG_STATE = "refused"


class Cell(NamedTuple):
    """One cell of the matrix: as the docs show it, and what it means to apply.

    to: where it leads; more than one where the command's own numbers decide. For evidence, the
    verdict is that on a payout that was dispatched: no other one has a rail key to be named by.
    """

    text: str
    verdict: Verdict
    to: tuple[PayoutState, ...] = ()


# The states a payout may be made in.
INITIAL_STATES: Final = frozenset(
    {PayoutState.SCHEDULED, PayoutState.IN_REVIEW, PayoutState.READY}
)
EVIDENCE: Final = frozenset(
    {
        Trigger.RAIL_ACK,
        Trigger.RAIL_NOT_ACCEPTED,
        Trigger.RAIL_REJECT,
        Trigger.SETTLE,
        Trigger.RETURN,
        Trigger.REVERSAL_COMPLETE,
    }
)

_S: Final = PayoutState

# Where each command leads from a cell with Y.
_TO: Final[dict[Trigger, tuple[PayoutState, ...]]] = {
    Trigger.RELEASE: (_S.IN_REVIEW, _S.READY),
    Trigger.APPROVE: (_S.READY,),
    Trigger.REJECT: (_S.FAILED,),
    Trigger.CANCEL: (_S.CANCELLED,),
    Trigger.DISPATCH_BEGIN: (_S.DISPATCHING,),
    Trigger.RAIL_ACK: (_S.SENT,),
    Trigger.RAIL_NOT_ACCEPTED: (_S.READY,),
    Trigger.RAIL_REJECT: (_S.FAILED,),
    Trigger.SETTLE: (_S.SETTLED,),
    Trigger.RETURN: (_S.SETTLED, _S.RETURNED),
    Trigger.REVERSAL_COMPLETE: (_S.SETTLED, _S.REVERSED),
}

# A line is a command, a column a state in the order of their numbers. Y legal, x refused, ev
# event only; "same", "alert" and o as in 3.4; a dagger: alert, for it was dispatched before.
_LINES: Final = """
RELEASE           | Y | x | x | x | x | x | x | x | x | x
REDATE            | Y | x | x | x | x | x | x | x | x | x
APPROVE           | x | Y | x | x | x | x | x | x | x | x
REJECT            | x | Y | x | x | x | x | x | x | x | x
REROUTE           | Y | Y | Y | x | x | x | x | x | x | x
CANCEL            | Y | Y | Y | x | x | x | same | x | x | x
DISPATCH_BEGIN    | x | x | Y | x, same attempt: same | x | x | x | x | x | x
DISPATCH_CLAIM    | x | x | x | Y | x | x | x | x | x | x
RAISE_ATTENTION   | x | x | x | ev | x | x | x | x | x | x
RAIL_ACK          | o | o | o † | Y | same | same | o † | alert | same | same
RAIL_NOT_ACCEPTED | o | o | o, same † | Y | alert | alert | o, same † | same | alert | alert
RAIL_REJECT       | o | o | o † | Y | Y | alert | o, same † | same | alert | alert
SETTLE            | o | o | o † | Y | Y | same | o † | alert | same | same
REQUEST_RECALL    | x | x | x | ev | ev | ev | x | x | x | x
RETURN            | o | o | o † | Y | Y | Y, else alert | o † | alert | alert | alert
REVERSAL_COMPLETE | o | o | o † | alert | alert | Y, else alert | o † | alert | alert | alert
"""


def _cell(trigger: Trigger, text: str) -> Cell:
    if text.startswith("Y"):
        return Cell(text, Verdict.LEGAL, _TO.get(trigger, ()))
    if text == "ev":
        return Cell(text, Verdict.EVENT)
    if text == "same" or "same †" in text:
        return Cell(text, Verdict.SAME)
    if text == "alert" or text.startswith("o"):
        return Cell(text, Verdict.ALERT)
    return Cell(text, Verdict.WRONG_STATE)


def _matrix() -> dict[tuple[PayoutState, Trigger], Cell]:
    cells: dict[tuple[PayoutState, Trigger], Cell] = {}
    for line in _LINES.strip().splitlines():
        name, *texts = (part.strip() for part in line.split("|"))
        trigger = Trigger[name]
        for state, text in zip(PayoutState, texts, strict=True):
            cells[state, trigger] = _cell(trigger, text)
    return cells


MATRIX: Final = _matrix()

# Every change of state that occurs, with what causes it (I9).
EDGES: Final[dict[tuple[PayoutState, PayoutState], tuple[Trigger, ...]]] = {
    edge: tuple(
        trigger
        for (state, trigger), cell in MATRIX.items()
        if state is edge[0] and edge[1] in cell.to and edge[0] is not edge[1]
    )
    for edge in sorted(
        {
            (state, to)
            for (state, _), cell in MATRIX.items()
            for to in cell.to
            if to is not state
        }
    )
}

# States in which amount and fee are reserved; in those after dispatch only the fee is (I4).
RESERVED_WHOLE: Final = frozenset(
    {PayoutState.SCHEDULED, PayoutState.IN_REVIEW, PayoutState.READY}
)
RESERVED_FEE: Final = frozenset({PayoutState.DISPATCHING, PayoutState.SENT})
UNDER_WAY: Final = RESERVED_FEE  # the amount is in transit
OPEN_STATES: Final = RESERVED_WHOLE | RESERVED_FEE
PAID_STATES: Final = frozenset(
    {PayoutState.SETTLED, PayoutState.RETURNED, PayoutState.REVERSED}
)


def cell(state: PayoutState, trigger: Trigger) -> Cell:
    """Return what `trigger` meets in `state`. # I9."""
    return MATRIX[state, trigger]


class FailureReason(IntEnum):
    """Why a payout ended FAILED or money came back: durable and public. 9.4.

    The rail's own code is kept beside it.
    """

    NONE = 0
    REVIEW_REJECTED = 1
    INSUFFICIENT_FUNDS = 2  # at the bank that pays
    ACCOUNT_CLOSED = 3
    ACCOUNT_UNKNOWN = 4
    ACCOUNT_BLOCKED = 5
    NAME_MISMATCH = 6
    REFUSED_BY_PAYEE = 7
    REFUSED_BY_BANK = 8
    DUPLICATE = 9
    INVALID_DATA = 10
    RECALLED = 11
    REGULATORY = 12
    OTHER = 13


# By numbers of NACHA return codes, then codes of ISO external status reasons.
_CODES: Final = {
    FailureReason.INSUFFICIENT_FUNDS: ((1, 9), "AM04"),
    FailureReason.ACCOUNT_CLOSED: ((2,), "AC04 AC07"),
    FailureReason.ACCOUNT_UNKNOWN: ((3, 4), "AC01 AC02 AC03 BE06"),
    FailureReason.ACCOUNT_BLOCKED: ((16, 20), "AC06 AC13 AC14 AG01"),
    FailureReason.NAME_MISMATCH: ((17,), "BE01 BE05"),
    FailureReason.REFUSED_BY_PAYEE: ((8, 23, 29), "MS02"),
    FailureReason.REFUSED_BY_BANK: ((10, 13, 28, 31), "MS03 AG02 RC01"),
    FailureReason.DUPLICATE: ((24,), "AM05 DUPL"),
    FailureReason.INVALID_DATA: ((18, 19, 25, 26), "FF01 FF03 RC04 CH16"),
    FailureReason.RECALLED: ((6,), "FOCR CUST TECH"),
    FailureReason.REGULATORY: ((85,), "RR01 RR02 RR03 RR04 FRAD"),
}
_REASON_BY_CODE: Final = {
    code: reason
    for reason, (returns, codes) in _CODES.items()
    for code in (*(f"R{number:02}" for number in returns), *codes.split())
}


def reason_of(code: str) -> FailureReason:
    """Return what a rail's code means; OTHER for one that is not on the list."""
    return _REASON_BY_CODE.get(code, FailureReason.OTHER)


class PayoutFlag(IntFlag):
    """What is true of a payout beside its state. Durable."""

    RECALL_REQUESTED = 1
    RETURN_CLOSED = 2  # the rail will send no more
    NOT_FOUND = 4  # it is back in READY on the strength of a silence of the rail
    FEE_REFUNDED = 8
    SETTLED_BY_RETURN = 16  # a return overtook the settlement, which may still come
    IN_DOUBT = (
        32  # DISPATCHING, and its worker can learn nothing more: a person decides
    )


class PayoutHead(NamedTuple):
    """The immutable part of a payout: what the client said, then what the leader added.

    details: packed `details.Details`. principal: of the submitter's certificate.
    fee_minor: charged by the schedule in force. state: the one it was made in.
    release_at_us: log time at which a scheduled one is let go; 0: at once.
    """

    payout_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    rail: int
    details: bytes
    position: Position
    ts_us: int
    fee_minor: int
    state: PayoutState
    principal: str
    release_at_us: int = 0


COUNT_MAX: Final = (
    2**16 - 1
)  # of open exceptions, and of burned rail keys: as rows hold them


class PayoutStatus(NamedTuple):
    """The changing part of a payout; absent while nothing happened after the submit.

    sequence: number of changes since the submit, from 1, dense (I9).
    last_entry: position of the command that changed it last. ts_us: its log time.
    returned, reversed, absorbed: parts of the amount that came back (I14).
    open_exceptions: while there are any, it is not dispatched, cancelled or rerouted (3.5).
    rail, fee_minor: after a Reroute; 0 and 0: those of the head.
    release_at_us, arrival_date, calendar_version: after a Redate; date as yyyymmdd.
    dispatch_no: how many of its rail keys were burned. attempt: how often it was claimed.
    rail_key: the current one, 15 characters; empty before the first dispatch.
    worker, lease_until_us, claim_index: who holds it, until which log time, since which entry;
    no worker while nobody may send it, though none may claim it before that time.
    failure: a FailureReason; code: the rail's own. rail_ref: of the rail's ack or settlement.
    value_date: as yyyymmdd. final_at_us: log time at which the return window ends.
    cost_minor: what the rail took for it.
    """

    state: PayoutState
    sequence: int
    last_entry: EntryPosition
    ts_us: int
    returned_minor: int = 0
    reversed_minor: int = 0
    absorbed_minor: int = 0
    open_exceptions: int = 0
    flags: int = 0
    rail: int = 0
    fee_minor: int = 0
    release_at_us: int = 0
    arrival_date: int = 0
    calendar_version: int = 0
    dispatch_no: int = 0
    attempt: int = 0
    rail_key: str = ""
    worker: str = ""
    lease_until_us: int = 0
    claim_index: int = 0
    failure: int = 0
    code: str = ""
    rail_ref: str = ""
    value_date: int = 0
    final_at_us: int = 0
    cost_minor: int = 0

    @property
    def version(self) -> int:
        """1 after the submit, and one more with each change."""
        return self.sequence + 1

    @property
    def back_minor(self) -> int:
        """How much of the amount came back to the customer."""
        return self.returned_minor + self.reversed_minor + self.absorbed_minor

    @property
    def needs_attention(self) -> bool:
        """Whether a person has to do something about it. 3.5, 3.6."""
        return self.has(PayoutFlag.IN_DOUBT) or self.open_exceptions > 0

    def has(self, flag: PayoutFlag) -> bool:
        """Return whether `flag` is set."""
        return bool(self.flags & flag)


class PayoutChange(TypedDict, total=False):
    """The fields of a status that a command changes beside those that every change has."""

    returned_minor: int
    reversed_minor: int
    absorbed_minor: int
    open_exceptions: int
    flags: int
    rail: int
    fee_minor: int
    release_at_us: int
    arrival_date: int
    calendar_version: int
    dispatch_no: int
    attempt: int
    rail_key: str
    worker: str
    lease_until_us: int
    claim_index: int
    failure: int
    code: str
    rail_ref: str
    value_date: int
    final_at_us: int
    cost_minor: int


def status_of(head: PayoutHead, status: PayoutStatus | None) -> PayoutStatus:
    """Return the status, or the one that a payout has before its first change."""
    if status is not None:
        return status
    return PayoutStatus(head.state, 0, NO_ENTRY, head.ts_us)


def rail_now(head: PayoutHead, status: PayoutStatus | None) -> int:
    """Return the number of the rail it is to go by."""
    return head.rail if status is None or not status.rail else status.rail


def fee_now(head: PayoutHead, status: PayoutStatus | None) -> int:
    """Return its fee, minor units."""
    return head.fee_minor if status is None or not status.rail else status.fee_minor


def reserved_minor(state: PayoutState, amount_minor: int, fee_minor: int) -> int:
    """Return what a payout in this state keeps in its account's `reserved`. # I4."""
    if state in RESERVED_WHOLE:
        return amount_minor + fee_minor
    return fee_minor if state in RESERVED_FEE else 0


def in_transit_minor(state: PayoutState, amount_minor: int) -> int:
    """Return what a payout in this state keeps in its rail's `in_transit`. # I5."""
    return amount_minor if state in RESERVED_FEE else 0


def refunded_fee_minor(head: PayoutHead, status: PayoutStatus | None) -> int:
    """Return how much of its fee went back. # I6."""
    if status is None or not status.has(PayoutFlag.FEE_REFUNDED):
        return 0
    return fee_now(head, status)


def fee_revenue_minor(head: PayoutHead, status: PayoutStatus | None) -> int:
    """Return what it brought in as `rev/payout_fee`. # I6."""
    if status_of(head, status).state not in PAID_STATES:
        return 0
    return fee_now(head, status) - refunded_fee_minor(head, status)


def net_claim_minor(head: PayoutHead, status: PayoutStatus | None) -> int:
    """Return by how much it has changed what its customer has with us. # I7."""
    now = status_of(head, status)
    if now.state in RESERVED_FEE:
        return -head.amount_minor
    if now.state in PAID_STATES:
        paid_minor = head.amount_minor + fee_now(head, status)
        return now.back_minor + refunded_fee_minor(head, status) - paid_minor
    return 0
