"""What apply may read, and what it leaves behind: the two sides of a pure function.

`LedgerView` is implemented over LMDB by storage and over dicts by the tests. Reads are by
the batch: one call for all keys, one answer for each key in the order asked. Rows handed
out are the caller's own: apply changes `Account`s in place.

`Writes` is the whole effect of one entry, by table. The rows of accepted submits are
columns; the encoder lays them out without an object a payout.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from ledgerd.ledger.accounts import (
    Account,
    EntryPosition,
    InternalKey,
    Position,
)
from ledgerd.ledger.batch import PayoutColumns
from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue import Catalogue, Suspension
from ledgerd.ledger.currencies import CurrencySet
from ledgerd.ledger.events import Event
from ledgerd.ledger.exceptions import EvidenceId, EvidenceUse, LedgerException
from ledgerd.ledger.fees import FeeSchedule, FeeSchedules
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.identity import IdKind, IdRecord, RequestRecord
from ledgerd.ledger.journal import JournalEntry
from ledgerd.ledger.payouts import PayoutHead, PayoutStatus
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.risk import LimitSet, RuleSet
from ledgerd.ledger.roles import RoleSet
from ledgerd.ledger.timers import Timer
from ledgerd.ledger.vouchers import Voucher
from ledgerd.ledger.windows import WindowKey, WindowUse


class ExternalRef(NamedTuple):
    """Names evidence of incoming money: used once per bank (I9). Both in UTF-8."""

    bank: bytes
    reference: bytes


class KnownKey(NamedTuple):
    """Names a destination that an account may have paid before."""

    account_id: bytes
    fingerprint: bytes


class LedgerView(Protocol):
    """State as it is before the entry. Sequences given are sorted and free of doubles.

    A missing row is None. A row that cannot be read raises CorruptionError.
    """

    def accounts(self, account_ids: Sequence[bytes]) -> list[Account | None]:
        """Return fresh copies, which the caller may change."""
        ...

    def largest_payout_id(self) -> bytes:
        """Return the largest payout id kept, refused ones too; b"" if there is none.

        Ids above it need no look-up.
        """
        ...

    def ids(self, kind: IdKind, ids: Sequence[bytes]) -> list[IdRecord | None]:
        """Return what is kept of each id of this kind."""
        ...

    def payouts(self, positions: Sequence[Position]) -> list[PayoutHead]:
        """Return the heads of payouts that exist. A missing one is a CorruptionError."""
        ...

    def payouts_after(self, position: Position, limit: int) -> list[PayoutHead]:
        """Return the first `limit` heads of payouts behind `position`, in order."""
        ...

    def payout_statuses(
        self, positions: Sequence[Position]
    ) -> list[PayoutStatus | None]:
        """Return what changed since each payout was made; None where nothing did."""
        ...

    def requests(self, request_ids: Sequence[bytes]) -> list[RequestRecord | None]:
        """Return what is kept of each request id."""
        ...

    def external_refs(self, refs: Sequence[ExternalRef]) -> list[Position | None]:
        """Return the position of the command that used each reference."""
        ...

    def entry(self, position: EntryPosition) -> JournalEntry | None:
        """Return a journal entry."""
        ...

    def reversed_minor(self, ref: ExternalRef) -> int:
        """Return how much of a Fund was reversed, minor units; 0 if nothing was."""
        ...

    def payouts_under_way(self, account_id: bytes) -> int:
        """Return how many payouts of an account are DISPATCHING or SENT."""
        ...

    def hold(self, position: Position) -> Hold | None:
        """Return the hold that the command at `position` made."""
        ...

    def voucher(self, voucher_id: bytes) -> Voucher | None:
        """Return a voucher."""
        ...

    def internals(self, keys: Sequence[InternalKey]) -> list[int]:
        """Return balances on their normal sides, minor units; 0 if never posted to."""
        ...

    def fee_schedules(self) -> FeeSchedules:
        """Return all versions of the fee schedule."""
        ...

    def rail_key(self, key: str) -> Position | None:
        """Return the position of the payout that has or had this rail key."""
        ...

    def evidence(self, id_: EvidenceId) -> EvidenceUse | None:
        """Return what an evidence id was used for."""
        ...

    def exception(self, position: Position) -> LedgerException | None:
        """Return the exception that the command at `position` opened."""
        ...

    def ready(self, rail: int, index: int) -> tuple[int, ...]:
        """Return the ordinals of the payouts of one entry that a worker may take, rising."""
        ...

    def catalogue(self) -> Catalogue:
        """Return all versions of rails and calendars, and what is suspended."""
        ...

    def policy(self) -> Policy:
        """Return all versions of limits, rules, roles and retired currencies."""
        ...

    def window(self, key: WindowKey) -> WindowUse:
        """Return what a window holds; EMPTY if nothing ever counted in it."""
        ...

    def known_destination(self, key: KnownKey) -> Position | None:
        """Return the first payout seen to settle there; None if none was."""
        ...

    def frozen_accounts(self, owner_ref: str) -> int:
        """Return how many accounts of an owner are frozen."""
        ...

    def timers(self, due_us: int, limit: int) -> list[Timer]:
        """Return the first `limit` timers that are due at or before `due_us`, in order."""
        ...

    def event_seq(self) -> int:
        """Return the seq of the last event, 0 before the first."""
        ...


# Of an accepted row: its number in the batch, the fee, the account's `available` and `reserved`
# after it (the other three do not change), the account's sequence, and the position of its entry
# before. Money in minor units.
AcceptedRow: TypeAlias = tuple[int, int, int, int, int, EntryPosition]


@dataclass(slots=True)
class AcceptedSubmits:
    """The accepted rows of a batch of submits, m <= n.

    batch: the n rows as decoded, read only. accounts: by number in the batch, as they
        are after the whole batch; None where no such account exists.
    event_seq_first: seq of the first row's event; the next rows' follow one by one.
    rows: by number, rising.
    """

    index: int
    ts_us: int
    batch: PayoutColumns
    accounts: list[Account | None]
    event_seq_first: int
    rows: list[AcceptedRow]


@dataclass(slots=True)
class Writes:
    """The rows of one entry, by table; each list sorted by its key, keys unique.

    submits: the accepted rows of a batch of submits; they stand for rows of payouts,
        journal, events and ids beside the lists. Accounts are in `accounts` only.
    payout_pasts: by position of the change, then of the payout: what it was before, where that
        was no longer what its head says.
    ready: rail, index of an entry, and the ordinals of its payouts that may be taken.
    timers: each with whether it is there afterwards; if not, its row is dropped.
    event_seq: seq of the last event, None where there was none.
    """

    submits: AcceptedSubmits | None = None
    payouts: Sequence[PayoutHead] = ()
    payout_statuses: Sequence[tuple[Position, PayoutStatus]] = ()
    payout_pasts: Sequence[tuple[EntryPosition, Position, PayoutStatus]] = ()
    journal: Sequence[JournalEntry] = ()
    events: Sequence[Event] = ()
    accounts: Sequence[Account] = ()
    internals: Sequence[tuple[InternalKey, int]] = ()
    ids: Sequence[tuple[IdKind, bytes, IdRecord]] = ()
    requests: Sequence[tuple[bytes, RequestRecord]] = ()
    external_refs: Sequence[tuple[ExternalRef, Position]] = ()
    reversals: Sequence[tuple[ExternalRef, int]] = ()
    under_way: Sequence[tuple[bytes, int]] = ()
    holds: Sequence[Hold] = ()
    vouchers: Sequence[Voucher] = ()
    fee_schedules: Sequence[FeeSchedule] = ()
    rails: Sequence[RailRecord] = ()
    calendars: Sequence[Calendar] = ()
    suspensions: Sequence[Suspension] = ()
    rail_keys: Sequence[tuple[str, Position]] = ()
    evidence: Sequence[tuple[EvidenceId, EvidenceUse]] = ()
    exceptions: Sequence[LedgerException] = ()
    ready: Sequence[tuple[int, int, tuple[int, ...]]] = ()
    limits: Sequence[LimitSet] = ()
    rules: Sequence[RuleSet] = ()
    roles: Sequence[RoleSet] = ()
    currencies: Sequence[CurrencySet] = ()
    windows: Sequence[tuple[WindowKey, WindowUse]] = ()
    known_destinations: Sequence[tuple[KnownKey, Position]] = ()
    frozen_owners: Sequence[tuple[str, int]] = ()
    timers: Sequence[tuple[Timer, bool]] = ()
    event_seq: int | None = None
