"""What clients ask of the ledger, as the second ledger and the histories know it."""

from dataclasses import dataclass
from typing import TypeAlias, assert_never


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Open an account. The id is the key of the call."""

    account: str
    currency: str
    livemode: bool
    owner_ref: str
    min_balance: int


@dataclass(frozen=True, slots=True)
class Fund:
    """Money arrived at `bank` for an account."""

    request: str
    account: str
    minor: int
    currency: str
    bank: str
    external_ref: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Available money moves between two accounts of one book."""

    request: str
    source: str
    target: str
    minor: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class SetFees:
    """Replace the fee schedule by one rule: fixed + bps of the amount, minor units."""

    request: str
    rail: str
    currency: str
    fixed_minor: int
    bps: int


@dataclass(frozen=True, slots=True)
class Submit:
    """Reserve money for a payout. The id is the key of the call.

    release_at_us: log time before which it is not sent; 0: at once.
    """

    payout: str
    account: str
    minor: int
    currency: str
    rail: str
    destination: str
    reference: str
    release_at_us: int = 0


@dataclass(frozen=True, slots=True)
class Cancel:
    """Free the reserved money of a payout that was not dispatched."""

    request: str
    payout: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recall:
    """Ask for money back that is on its way or there. Moves nothing."""

    request: str
    payout: str
    reason: str


@dataclass(frozen=True, slots=True)
class CreateHold:
    """Put available money aside for `ttl_us` of log time. The id is the key of the call."""

    hold: str
    account: str
    minor: int
    currency: str
    ttl_us: int
    reference: str


@dataclass(frozen=True, slots=True)
class CaptureHold:
    """Give held money to an account; what is left of the hold goes back."""

    request: str
    hold: str
    target: str
    minor: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Give all money of a hold back."""

    request: str
    hold: str
    reason: str


Command: TypeAlias = (
    OpenAccount
    | Fund
    | Transfer
    | SetFees
    | Submit
    | Cancel
    | Recall
    | CreateHold
    | CaptureHold
    | ReleaseHold
)


def key_of(command: Command) -> str:
    """Return the idempotency key of a command."""
    match command:
        case OpenAccount():
            return command.account
        case Submit():
            return command.payout
        case CreateHold():
            return command.hold
        case Fund() | Transfer() | SetFees() | Cancel() | Recall():
            return command.request
        case CaptureHold() | ReleaseHold():
            return command.request
        case _:
            assert_never(command)
