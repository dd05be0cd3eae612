"""Entries that people write out: one makes a voucher, another one posts it. 2.5, version 3."""

from ledgerd.ledger import money
from ledgerd.ledger.accounts import (
    NO_ENTRY,
    AccountKind,
    AccountStatus,
    Book,
    EntryPosition,
    Side,
)
from ledgerd.ledger.commands import Adjust, ApproveVoucher, PostEntry, RejectVoucher
from ledgerd.ledger.decide.common import INVALID, Decision, Moment, is_short
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.journal import EntryReason, Leg, imbalance
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.vouchers import Voucher, VoucherState, legs_of
from ledgerd.ledger.working_set import Plan, WorkingSet
from ledgerd.limits import ID_BYTES, ORDINAL_MAX, REFERENCE_BYTES_MAX


def write_out(
    state: WorkingSet, moment: Moment, command: PostEntry | Adjust
) -> Decision:
    """Decide one PostEntry or Adjust: a voucher that waits for another principal."""
    legs = legs_of(command.legs)
    if not (
        legs is not None
        and money.currency(command.currency) is not None
        and command.reason
        and is_short(command.reason, REFERENCE_BYTES_MAX)
        and (isinstance(command, PostEntry) or _is_position(command.linked))
    ):
        return INVALID
    book = Book(command.livemode, command.currency)
    refusal = _refuse_accounts(state, book, legs)
    linked = NO_ENTRY
    if isinstance(command, Adjust):
        linked = command.linked
        refusal = _first(refusal, _refuse_linked(state, book, linked))
    if refusal is None and imbalance(legs) is not None:
        refusal = Refusal.ENTRY_UNBALANCED
    if refusal is not None:
        return Decision(refusal)

    is_adjust = isinstance(command, Adjust)
    state.add_voucher(
        Voucher(
            command.request_id,
            EntryReason.ADJUST if is_adjust else EntryReason.POST_ENTRY,
            book,
            legs,
            command.reason,
            linked,
            moment.position,
            moment.ts_us,
            command.principal,
            VoucherState.OPEN,
            changed=moment.first,
            changed_ts_us=moment.ts_us,
            changed_by=command.principal,
        )
    )
    _tell(state, moment, EventKind.VOUCHER_MADE, state.voucher(command.request_id))
    return Decision(Outcome.CREATED)


def _is_position(numbers: tuple[int, int, int]) -> bool:
    """Return whether a journal entry can stand at this position."""
    index, ordinal, n = numbers
    return 1 <= index <= 2**64 - 1 and 0 <= min(ordinal, n) <= max(ordinal, n) <= (
        ORDINAL_MAX
    )


def _refuse_accounts(
    state: WorkingSet, book: Book, legs: tuple[Leg, ...]
) -> Refusal | None:
    """Return the first refusal of rows 4 and 5 that one of the accounts gives."""
    first: Refusal | None = None
    for account_id in _customers(legs):
        account = state.account(account_id)
        refusal = None
        if account is None:
            refusal = Refusal.ACCOUNT_NOT_FOUND
        elif account.livemode != book.livemode:
            refusal = Refusal.LIVEMODE_MISMATCH
        elif account.currency != book.currency:
            refusal = Refusal.CURRENCY_MISMATCH
        first = _first(first, refusal)
    return first


def _refuse_linked(
    state: WorkingSet, book: Book, linked: EntryPosition
) -> Refusal | None:
    entry = state.entry(linked)
    if entry is None:
        return Refusal.ENTRY_NOT_FOUND
    if entry.book.livemode != book.livemode:
        return Refusal.LIVEMODE_MISMATCH
    return Refusal.CURRENCY_MISMATCH if entry.book != book else None


def approve(state: WorkingSet, moment: Moment, command: ApproveVoucher) -> Decision:
    """Decide one ApproveVoucher: the legs are posted, as the books allow them now."""
    if len(command.voucher_id) != ID_BYTES:
        return INVALID
    voucher = state.voucher(command.voucher_id)
    if voucher is None:
        return Decision(Refusal.ENTRY_NOT_FOUND)
    if voucher.state != VoucherState.OPEN:
        return Decision(Refusal.WRONG_STATE)
    if _credits_closed(state, voucher.legs):
        return Decision(Refusal.ACCOUNT_CLOSED)
    if voucher.principal == command.principal:
        return Decision(Refusal.SAME_PERSON)
    plan = state.plan(voucher.book, voucher.legs)
    if plan is None:
        return Decision(Refusal.OVERFLOW)
    refusal = _refuse_plan(state, plan)
    if refusal is not None:
        return Decision(refusal)

    state.post(moment.first, voucher.entry_reason, plan)
    posted = _ended(voucher, VoucherState.POSTED, moment, command.principal)
    state.set_voucher(posted)
    _tell(state, moment, EventKind.VOUCHER_POSTED, posted)
    return Decision(Outcome.CREATED)


def reject(state: WorkingSet, moment: Moment, command: RejectVoucher) -> Decision:
    """Decide one RejectVoucher."""
    if len(command.voucher_id) != ID_BYTES:
        return INVALID
    if not is_short(command.reason, REFERENCE_BYTES_MAX):
        return INVALID
    voucher = state.voucher(command.voucher_id)
    if voucher is None:
        return Decision(Refusal.ENTRY_NOT_FOUND)
    if voucher.state != VoucherState.OPEN:
        return Decision(Refusal.WRONG_STATE)
    rejected = _ended(voucher, VoucherState.REJECTED, moment, command.principal)
    state.set_voucher(rejected)
    _tell(state, moment, EventKind.VOUCHER_REJECTED, rejected)
    return Decision(Outcome.CREATED)


def _credits_closed(state: WorkingSet, legs: tuple[Leg, ...]) -> bool:
    """Return whether money would become available on an account that is closed."""
    for leg in legs:
        if leg.account.kind == AccountKind.AVAILABLE:
            account = state.account(leg.account.subject)
            assert account is not None, leg
            if account.status == AccountStatus.CLOSED:
                return True
    return False


def _refuse_plan(state: WorkingSet, plan: Plan) -> Refusal | None:
    """Return which bound the balances would break. # I3."""
    is_beyond = False
    for (account_id, kind), balance_minor in plan.customers.items():
        if kind != AccountKind.AVAILABLE:
            is_beyond |= balance_minor < 0
            continue
        account = state.account(account_id)
        assert account is not None, account_id
        if balance_minor < account.min_balance_minor and any(
            leg.side == Side.DEBIT
            and leg.account.kind == kind
            and leg.account.subject == account_id
            for leg in plan.legs
        ):
            return Refusal.INSUFFICIENT_FUNDS
    return Refusal.BOUND_EXCEEDED if is_beyond else None


def _ended(
    voucher: Voucher, to: VoucherState, moment: Moment, principal: str
) -> Voucher:
    return voucher._replace(
        state=to,
        changed=moment.first,
        changed_ts_us=moment.ts_us,
        changed_by=principal,
    )


def _tell(
    state: WorkingSet, moment: Moment, kind: EventKind, voucher: Voucher | None
) -> None:
    assert voucher is not None, moment
    state.tell(
        position=moment.first,
        kind=kind,
        ts_us=moment.ts_us,
        subject=voucher.voucher_id,
        currency=voucher.book.currency,
        accounts=_customers(voucher.legs),
    )


def _customers(legs: tuple[Leg, ...]) -> tuple[bytes, ...]:
    """Return the customers' accounts, each once, in the order of the legs."""
    return tuple(
        dict.fromkeys(leg.account.subject for leg in legs if leg.account.is_customer)
    )


def _first(one: Refusal | None, other: Refusal | None) -> Refusal | None:
    """Return what comes first in the order of precedence."""
    refusals = [refusal for refusal in (one, other) if refusal is not None]
    return min(refusals, default=None)
