"""What the ledger decided about each command, and the refusal codes by precedence.

Codes are durable and public: a value is never reused, the order is part of the API.
Only the first that applies is returned; a smaller value wins within one command.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Outcome(IntEnum):
    """The in-band outcomes that are not refusals."""

    CREATED = 0  # first time, accepted
    REPLAYED = 1  # same id, same client fields: the original answer again
    CONFLICT = 2  # same id, other client fields
    # Nothing was done: the entry names settings that are no longer in force. The node works them
    # out anew and proposes again; no client is told (ledger.md 6, internal retry).
    STALE_SETTINGS = 3


class Refusal(IntEnum):
    """Why the ledger refused, in order of precedence: high nibble is the row of 9.4."""

    KEY_TOO_OLD = 0x10
    INVALID_COMMAND = 0x20
    CHAIN_OPEN = 0x30
    CHAIN_MEMBER_FAILED = 0x31
    ACCOUNT_NOT_FOUND = 0x40
    PAYOUT_NOT_FOUND = 0x41
    HOLD_NOT_FOUND = 0x42
    RAIL_NOT_FOUND = 0x43
    QUOTE_NOT_FOUND = 0x44
    RAIL_KEY_UNKNOWN = 0x45
    EXCEPTION_NOT_FOUND = 0x46
    ENTRY_NOT_FOUND = 0x47  # from state version 3
    LIVEMODE_MISMATCH = 0x50
    CURRENCY_MISMATCH = 0x51
    CURRENCY_RETIRED = 0x52
    ENTRY_UNBALANCED = 0x53
    EXTERNAL_REF_USED = 0x54
    VERSION_MISMATCH = 0x60
    WRONG_STATE = 0x61
    EXCEPTION_OPEN = 0x62
    ACCOUNT_CLOSED = 0x63
    ACCOUNT_FROZEN = 0x64
    ACCOUNT_NOT_EMPTY = 0x65
    HOLD_EXPIRED = 0x66
    LEASE_HELD = 0x67
    SAME_PERSON = 0x70
    APPROVAL_MISSING = 0x71
    ADMIN_LOCKED_OUT = 0x72  # from state version 3
    RAIL_SUSPENDED = 0x80
    RAIL_CURRENCY = 0x81
    RAIL_DESTINATION = 0x82
    RAIL_AMOUNT_MIN = 0x83
    RAIL_AMOUNT_MAX = 0x84
    CUTOFF_PASSED = 0x85
    RECALL_UNSUPPORTED = 0x86
    RECALL_WINDOW_CLOSED = 0x87
    QUOTE_EXPIRED = 0x90
    QUOTE_USED = 0x91
    FEE_CHANGED = 0x92
    DESTINATION_BLOCKED = 0xA0
    RULE_REFUSED = 0xA1
    LIMIT_PER_PAYOUT = 0xA2
    LIMIT_WINDOW_AMOUNT = 0xA3
    LIMIT_WINDOW_COUNT = 0xA4
    INSUFFICIENT_FUNDS = 0xB0
    INSUFFICIENT_PREFUNDING = 0xB1
    HOLD_EXCEEDED = 0xB2
    RETURN_EXCEEDS_PAYOUT = 0xB3
    BOUND_EXCEEDED = 0xB4
    OVERFLOW = 0xB5


# Refusals that leave the id unspent: rows 1 to 3 of 9.4.
UNSPENT_BELOW = 0x40


def is_spent(refusal: int) -> bool:
    """Whether a refusal with this code spends the id that the call would have used."""
    return refusal >= UNSPENT_BELOW


@dataclass(frozen=True, slots=True)
class Retry:
    """What a row that met an id used before is told; absent for rows seen the first time.

    index, ordinal, ts_us: position and log time of the first answer.
    state: the payout's state as it is now (PayoutState value), 0 where there is none.
    fee_minor: the fee of the first answer, 0 where there is none.
    same_request: whether all client fields equal those of the first call.
    differing: names of the client fields that differ, in the order of the public message;
        only on CONFLICT, and never their values. Empty for a refused id, whose fields are
        not kept.
    """

    index: int
    ordinal: int
    ts_us: int
    state: int
    fee_minor: int
    same_request: bool
    differing: tuple[str, ...] = ()


@dataclass(slots=True)
class Outcomes:
    """The answers of one log entry, row by row.

    codes: n bytes; an `Outcome` value, else a `Refusal` value. A refusal row that has a Retry is
        the answer to a retry of a refused id.
    fees_minor: n fees in minor units; 0 where nothing was reserved.
    states: n bytes; the state of the payout after the row (PayoutState), 0 where there is none.
    retries: by row, only for rows that met an id used before.
    """

    codes: bytearray = field(default_factory=bytearray)
    fees_minor: "array[int]" = field(default_factory=lambda: array("q"))
    states: bytearray = field(default_factory=bytearray)
    retries: Mapping[int, Retry] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.codes)
