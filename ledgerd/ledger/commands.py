"""The commands, one frozen dataclass each. Ids are 16 bytes, amounts minor units.

Submit travels in columns (`batch`) unless it has terms; its dataclass is for the readable
definition of apply.

`request_id` is the idempotency key of the call (ledger.md 6); the key of OpenAccount is the account
id, that of CreateHold the hold id.
`principal` says who asked, from the certificate; it is not compared on retries.
`expected_version` is the version of the payout that the caller has seen, 0: any; it is a condition
and no part of what is asked for, so it is not compared on retries either.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from ledgerd.ledger.catalogue_commands import CatalogueCommand
from ledgerd.ledger.risk_commands import RiskCommand
from ledgerd.ledger.setting_commands import SettingCommand


class WindowTerms(NamedTuple):
    """The one window that a payout may go with, as the leader worked it out. 7.4, 8.3.

    opens_us .. closes_us: log times, inclusive and exclusive; both 0 where the rail never closes.
    rail_version, calendar_version: of the settings that it was worked out with; 0: there is none.
    """

    opens_us: int
    closes_us: int
    rail_version: int
    calendar_version: int


# Stands in terms that ask for the window open now, until the leader has worked it out.
THIS_WINDOW: Final = WindowTerms(0, 0, 0, 0)


class SubmitTerms(NamedTuple):
    """On which terms a payout is wanted at all; not part of it, and not compared on retries.

    A batch in columns has no room for them: a row with terms travels among the rarer commands.
    fee_expected_minor: what the client reckons with; None: whatever the schedule says.
    quoted_at_us: log time of the quote that it has this from. While the quote is good, the
    schedule of that time holds; 0: there was none, and the schedule of the entry's time holds.
    is_linked: the next command of the entry is of the same chain. 9.2.
    window: None: whichever comes next.
    """

    fee_expected_minor: int | None = None
    quoted_at_us: int = 0
    is_linked: bool = False
    window: WindowTerms | None = None


PLAIN: Final = SubmitTerms()


@dataclass(frozen=True, slots=True)
class Submit:
    """Ask for one payout and reserve its amount and fee. The key is the payout id. 3.2.

    details: packed `details.Details`; opaque here. release_at_us: log time before which it is not
    sent; 0: at once.
    """

    payout_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    rail: int
    principal: str
    details: bytes
    release_at_us: int = 0
    terms: SubmitTerms = PLAIN


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Open an account in one currency. The account id is the idempotency key.

    currency: `money.currency_number`. min_balance_minor: the bound of `available`, default 0.
    account_class: names the fee rules that are for it; empty for most.
    """

    account_id: bytes
    currency: int
    livemode: bool
    owner_ref: str
    min_balance_minor: int
    principal: str
    account_class: str = ""


@dataclass(frozen=True, slots=True)
class Fund:
    """Money arrived at `bank` for an account: bank cash / credit(account). 2.5.

    external_ref: the bank's own reference; used once per bank.
    """

    request_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    bank: str
    external_ref: str
    principal: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move available money between two accounts of one book. 2.5."""

    request_id: bytes
    from_account_id: bytes
    to_account_id: bytes
    amount_minor: int
    currency: int
    reference: str
    principal: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a payout that was not dispatched: reserved a+f / available a+f. 3.2.

    approver: `principal` if it has that role, else empty; needed where the rail was silent.
    """

    request_id: bytes
    payout_id: bytes
    reason: str
    principal: str
    approver: str = ""
    expected_version: int = 0


class Refund(IntEnum):
    """What becomes of the fee when the whole amount came back. Durable."""

    BY_RAIL = 0  # as the rail does it: how it was before rules said anything
    NEVER = 1
    WHEN_ALL_RETURNED = 2


@dataclass(frozen=True, slots=True)
class FeeRule:
    """fee = clamp(min, fixed + (amount * bps + 5000) // 10000, max), minor units. 5, 7.1.

    bps: hundredths of a percent of the amount, 0 .. 10,000. 0 <= min <= max.
    account_class: of the accounts that it is for; empty: all whose class has no rule of its own.
    refund: a `Refund`.
    """

    rail: int
    currency: int
    fixed_minor: int
    bps: int
    min_minor: int
    max_minor: int
    account_class: str = ""
    refund: int = Refund.BY_RAIL


@dataclass(frozen=True, slots=True)
class SetFees:
    """Replace the fee schedule from a log time on. What has no rule costs nothing. 2.7.

    effective_from_us: log time; one that is past means from this entry on. as_of: the day of the
    source, as text. quote_valid_us: how long a quote binds; 0: as long as by default.
    """

    request_id: bytes
    rules: tuple[FeeRule, ...]
    source: str
    principal: str
    effective_from_us: int = 0
    as_of: str = ""
    quote_valid_us: int = 0


@dataclass(frozen=True, slots=True)
class CloseAccount:
    """Close an account for ever: all balances are zero and nothing is open. 2.5."""

    request_id: bytes
    account_id: bytes
    reason: str
    principal: str


@dataclass(frozen=True, slots=True)
class Freeze:
    """Stop new work on an account; money that comes in is blocked. 2.5."""

    request_id: bytes
    account_id: bytes
    reason: str
    principal: str


@dataclass(frozen=True, slots=True)
class Unfreeze:
    """Let a frozen account work again. What was blocked stays blocked. 2.5."""

    request_id: bytes
    account_id: bytes
    reason: str
    principal: str


@dataclass(frozen=True, slots=True)
class FundReverse:
    """The bank took back money that a Fund booked. 2.5.

    bank, external_ref: of that Fund. The parts that are reversed never exceed it.
    """

    request_id: bytes
    bank: str
    external_ref: str
    amount_minor: int
    currency: int
    reason: str
    principal: str


@dataclass(frozen=True, slots=True)
class CreateHold:
    """Put available money aside for `ttl_us` of log time. The key is the hold id. 2.5."""

    hold_id: bytes
    account_id: bytes
    amount_minor: int
    currency: int
    ttl_us: int
    reference: str
    principal: str


@dataclass(frozen=True, slots=True)
class CaptureHold:
    """Give held money to another account; what is left of the hold comes back. 2.5."""

    request_id: bytes
    hold_id: bytes
    to_account_id: bytes
    amount_minor: int
    currency: int
    reference: str
    principal: str


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Give all money of a hold back to its account. 2.5."""

    request_id: bytes
    hold_id: bytes
    reason: str
    principal: str


@dataclass(frozen=True, slots=True)
class EntryLeg:
    """One leg of an entry that a person writes out; not checked until it is decided.

    kind: an `accounts.AccountKind`. subject: as in `accounts.LedgerAccount`.
    """

    kind: int
    subject: bytes
    is_debit: bool
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PostEntry:
    """Write out a journal entry that another principal has to approve: a voucher. 2.5."""

    request_id: bytes
    livemode: bool
    currency: int
    legs: tuple[EntryLeg, ...]
    reason: str
    principal: str


@dataclass(frozen=True, slots=True)
class Adjust:
    """A voucher that puts an earlier entry right, `linked`: (index, ordinal, n). 2.5."""

    request_id: bytes
    livemode: bool
    currency: int
    legs: tuple[EntryLeg, ...]
    reason: str
    linked: tuple[int, int, int]
    principal: str


@dataclass(frozen=True, slots=True)
class ApproveVoucher:
    """Post another principal's voucher, named by the request id of its call."""

    request_id: bytes
    voucher_id: bytes
    principal: str


@dataclass(frozen=True, slots=True)
class RejectVoucher:
    """End a voucher; nothing is posted. Its author may do it, too."""

    request_id: bytes
    voucher_id: bytes
    reason: str
    principal: str


# The calls with a request id that state version 3 brought for accounts.
AccountCommand: TypeAlias = (
    CloseAccount
    | Freeze
    | Unfreeze
    | FundReverse
    | CaptureHold
    | ReleaseHold
    | PostEntry
    | Adjust
    | ApproveVoucher
    | RejectVoucher
)


@dataclass(frozen=True, slots=True)
class Approve:
    """Let a payout go that waits for review. Not by who submitted it. 3.2."""

    request_id: bytes
    payout_id: bytes
    principal: str
    expected_version: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """End a payout that waits for review: reserved a+f / available a+f. 3.2."""

    request_id: bytes
    payout_id: bytes
    reason: str
    principal: str
    expected_version: int = 0


@dataclass(frozen=True, slots=True)
class Reroute:
    """Send a payout by another rail, at that rail's fee. 3.2. approver: as in Cancel."""

    request_id: bytes
    payout_id: bytes
    rail: int
    principal: str
    approver: str = ""
    expected_version: int = 0


@dataclass(frozen=True, slots=True)
class Redate:
    """Move a scheduled payout, by a newer version of a calendar. 3.2.

    release_at_us: log time. arrival_date: as yyyymmdd.
    """

    request_id: bytes
    payout_id: bytes
    release_at_us: int
    arrival_date: int
    calendar_version: int
    principal: str


@dataclass(frozen=True, slots=True)
class DispatchBegin:
    """Take a payout for sending, before any byte goes to the rail. 3.6.

    attempt: one more than the payout's, so that who begins has read it. lease_us: of log time.
    The principal is the worker that holds the lease. rail_version, calendar_version: of the
    settings that the open window and the value date come from, 0: there are none.
    window_closes_us: log time from which on it is too late, 0: never.
    """

    request_id: bytes
    payout_id: bytes
    attempt: int
    lease_us: int
    principal: str
    rail_version: int = 0
    calendar_version: int = 0
    window_closes_us: int = 0


@dataclass(frozen=True, slots=True)
class DispatchClaim:
    """Renew a lease, or take over one that lapsed; then the rail is asked first. 3.6."""

    request_id: bytes
    payout_id: bytes
    attempt: int
    lease_us: int
    principal: str


@dataclass(frozen=True, slots=True)
class RaiseAttention:
    """Give a claim back: it may have been sent, and its worker cannot learn more of it. 3.6.

    attempt: of the claim. reason: for the record.
    """

    request_id: bytes
    payout_id: bytes
    attempt: int
    reason: str
    principal: str


@dataclass(frozen=True, slots=True)
class RailAck:
    """The rail took it. reference: the rail's own of this fact, used once. 3.2."""

    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    principal: str


@dataclass(frozen=True, slots=True)
class RailNotAccepted:
    """The rail definitely did not take it. 3.2.

    is_refused: the rail said no; else it was asked after its guarantee time and knew nothing.
    claim_index: fencing token of the claim under which that was learned; 0: not told. 3.6.
    """

    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    is_refused: bool
    principal: str
    claim_index: int = 0


@dataclass(frozen=True, slots=True)
class RailReject:
    """The rail will not pay it, for good. code: the rail's own. 3.2."""

    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    code: str
    principal: str


@dataclass(frozen=True, slots=True)
class Settle:
    """The rail paid. value_date: as yyyymmdd. cost_minor: what the rail took for it. 3.2."""

    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    value_date: int
    cost_minor: int
    principal: str


class Finding(IntEnum):
    """What a person found out about a payout at its rail. Durable and public."""

    TAKEN = 1  # the rail has it and will pay it: as RailAck
    SETTLED = 2  # the rail paid it: as Settle
    REJECTED = 3  # the rail had it and will never pay it: as RailReject
    REFUSED = 4  # the rail did not take it, and said so: as RailNotAccepted
    NOT_FOUND = 5  # the rail never had it: as RailNotAccepted


@dataclass(frozen=True, slots=True)
class TellEvidence:
    """Say what a person found out about a payout at the rail it went by. 3.6.

    finding: a `Finding`. reference: the rail's own, of the payment or of its answer, used once.
    value_date: as yyyymmdd, of a settlement. code: the rail's own, of a rejection. note: what was
    seen, for the record.
    """

    request_id: bytes
    payout_id: bytes
    finding: int
    rail: int
    reference: str
    value_date: int
    code: str
    note: str
    principal: str
    expected_version: int = 0


@dataclass(frozen=True, slots=True)
class RequestRecall:
    """Ask for money back that is on its way or there. Posts nothing. 3.2."""

    request_id: bytes
    payout_id: bytes
    reason: str
    principal: str
    expected_version: int = 0


@dataclass(frozen=True, slots=True)
class Return:
    """Money came back. is_closing: the rail will send no more of it. 3.2."""

    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    amount_minor: int
    code: str
    is_closing: bool
    principal: str


@dataclass(frozen=True, slots=True)
class ReversalComplete:
    """Money came back by a reversal that the rail took. 3.2."""

    request_id: bytes
    rail: int
    rail_key: str
    reference: str
    amount_minor: int
    principal: str


@dataclass(frozen=True, slots=True)
class ResolveException:
    """Name how an exception is settled; the second person to name the same settles it. 3.5.

    index, ordinal: its position. resolution: an `exceptions.Resolution`.
    """

    request_id: bytes
    index: int
    ordinal: int
    resolution: int
    reason: str
    principal: str


# What the rail told of a payout, named by its rail key.
Evidence: TypeAlias = (
    RailAck | RailNotAccepted | RailReject | Settle | Return | ReversalComplete
)
# The calls with a request id that state version 3 brought for payouts.
PayoutCommand: TypeAlias = (
    Approve
    | Reject
    | Reroute
    | Redate
    | DispatchBegin
    | DispatchClaim
    | RaiseAttention
    | TellEvidence
    | RequestRecall
    | ResolveException
    | Evidence
)


@dataclass(frozen=True, slots=True)
class Tick:
    """Act on the timers that are due at the entry's time. Only the leader proposes it. 7.4."""


# What clients ask for; the rest the leader proposes by itself.
Asked: TypeAlias = (
    OpenAccount
    | Fund
    | Transfer
    | Cancel
    | SetFees
    | CreateHold
    | AccountCommand
    | PayoutCommand
    | CatalogueCommand
    | RiskCommand
    | SettingCommand
)
Command: TypeAlias = Asked | Tick
