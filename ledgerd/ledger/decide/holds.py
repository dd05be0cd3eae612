"""Holds: money put aside, captured once or given back. 2.5, from state version 3."""

from ledgerd.ledger import identity, money
from ledgerd.ledger.accounts import Account, AccountKind, EntryPosition, Position
from ledgerd.ledger.commands import CaptureHold, CreateHold, ReleaseHold
from ledgerd.ledger.decide.common import (
    INVALID,
    Decision,
    Moment,
    again_refused,
    credit_leg,
    debit_leg,
    is_short,
    refuse_status,
)
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.holds import Hold, HoldState, ended
from ledgerd.ledger.identity import IdKind, IdRecord
from ledgerd.ledger.journal import EntryReason
from ledgerd.ledger.outcomes import Outcome, Refusal, Retry
from ledgerd.ledger.working_set import Plan, WorkingSet
from ledgerd.limits import (
    HOLD_TTL_US_MAX,
    ID_BYTES,
    PRINCIPAL_BYTES_MAX,
    REFERENCE_BYTES_MAX,
)

# CreateHold


def create_hold(state: WorkingSet, moment: Moment, command: CreateHold) -> Decision:
    """Decide one CreateHold, keyed by the hold id: available h / held h."""
    if len(command.hold_id) != ID_BYTES:
        return INVALID
    known = state.id(IdKind.HOLD, command.hold_id)
    if known is not None:
        return _create_again(state, known, command)
    if not _is_well_formed(command):
        return INVALID

    plan = _plan(state, moment, command)
    if isinstance(plan, Refusal):
        fingerprint = identity.create_hold_fingerprint(command)
        record = IdRecord(*moment.position, plan, moment.ts_us, fingerprint)
        state.spend_id(IdKind.HOLD, command.hold_id, record)
        return Decision(plan)

    state.post(moment.first, EntryReason.HOLD, plan)
    state.add_hold(
        Hold(
            command.hold_id,
            command.account_id,
            command.amount_minor,
            command.currency,
            moment.ts_us + command.ttl_us,
            command.reference,
            moment.position,
            moment.ts_us,
            command.principal,
            HoldState.OPEN,
            captured_minor=0,
            captured_to=b"",
            changed=moment.first,
            changed_ts_us=moment.ts_us,
        )
    )
    state.tell(
        position=moment.first,
        kind=EventKind.HOLD_CREATED,
        ts_us=moment.ts_us,
        subject=command.hold_id,
        currency=command.currency,
        amount_minor=command.amount_minor,
        accounts=(command.account_id,),
    )
    return Decision(Outcome.CREATED)


def _is_well_formed(command: CreateHold) -> bool:
    return (
        identity.is_uuid7(command.hold_id)
        and len(command.account_id) == ID_BYTES
        and money.is_amount(command.amount_minor)
        and money.currency(command.currency) is not None
        and 1 <= command.ttl_us <= HOLD_TTL_US_MAX
        and is_short(command.reference, REFERENCE_BYTES_MAX)
        and is_short(command.principal, PRINCIPAL_BYTES_MAX)
    )


def _plan(state: WorkingSet, moment: Moment, command: CreateHold) -> Plan | Refusal:
    account = state.account(command.account_id)
    if account is None:
        return Refusal.ACCOUNT_NOT_FOUND
    if account.currency != command.currency:
        return Refusal.CURRENCY_MISMATCH
    if state.is_retired(command.currency, moment.ts_us):
        return Refusal.CURRENCY_RETIRED
    refusal = refuse_status(account)
    if refusal is not None:
        return refusal
    if account.available_minor - command.amount_minor < account.min_balance_minor:
        return Refusal.INSUFFICIENT_FUNDS
    plan = state.plan(
        account.book,
        (
            debit_leg(AccountKind.AVAILABLE, account.account_id, command.amount_minor),
            credit_leg(AccountKind.HELD, account.account_id, command.amount_minor),
        ),
    )
    return Refusal.OVERFLOW if plan is None else plan


def _create_again(state: WorkingSet, known: IdRecord, command: CreateHold) -> Decision:
    if known.refusal:
        return again_refused(known, identity.create_hold_fingerprint(command))
    hold = state.hold((known.index, known.ordinal))
    names: list[str] = []
    if hold.account_id != command.account_id:
        names.append("account_id")
    if hold.amount_minor != command.amount_minor:
        names.append("amount.units")
    if hold.currency != command.currency:
        names.append("amount.currency")
    if hold.ttl_us != command.ttl_us:
        names.append("ttl_us")
    if hold.reference != command.reference:
        names.append("reference")
    return Decision(
        Outcome.CONFLICT if names else Outcome.REPLAYED,
        retry=Retry(
            *hold.position,
            hold.ts_us,
            state=0,
            fee_minor=0,
            same_request=not names,
            differing=tuple(names),
        ),
    )


# CaptureHold


def capture_hold(state: WorkingSet, moment: Moment, command: CaptureHold) -> Decision:
    """Decide one CaptureHold: held h / to available c, own available h - c."""
    if not (
        len(command.hold_id) == len(command.to_account_id) == ID_BYTES
        and money.is_amount(command.amount_minor)
        and money.currency(command.currency) is not None
        and is_short(command.reference, REFERENCE_BYTES_MAX)
    ):
        return INVALID
    target = state.account(command.to_account_id)
    if target is None:
        return Decision(Refusal.ACCOUNT_NOT_FOUND)
    hold = _known(state, command.hold_id)
    if hold is None:
        return Decision(Refusal.HOLD_NOT_FOUND)
    source = state.account(hold.account_id)
    assert source is not None, hold
    refusal = _refuse_capture(hold, source, target, command, moment.ts_us)
    if refusal is not None:
        return Decision(refusal)
    rest_minor = hold.amount_minor - command.amount_minor
    legs = (
        debit_leg(AccountKind.HELD, hold.account_id, hold.amount_minor),
        credit_leg(AccountKind.AVAILABLE, target.account_id, command.amount_minor),
        credit_leg(AccountKind.AVAILABLE, hold.account_id, rest_minor),
    )
    plan = state.plan(source.book, tuple(leg for leg in legs if leg.amount_minor))
    if plan is None:
        return Decision(Refusal.OVERFLOW)

    state.post(moment.first, EntryReason.HOLD_CAPTURE, plan)
    state.end_hold(
        ended(
            hold,
            HoldState.CAPTURED,
            position=moment.first,
            ts_us=moment.ts_us,
            captured_minor=command.amount_minor,
            captured_to=command.to_account_id,
        )
    )
    state.tell(
        position=moment.first,
        kind=EventKind.HOLD_CAPTURED,
        ts_us=moment.ts_us,
        subject=command.hold_id,
        currency=hold.currency,
        amount_minor=command.amount_minor,
        accounts=tuple(dict.fromkeys((hold.account_id, target.account_id))),
    )
    return Decision(Outcome.CREATED)


def _refuse_capture(
    hold: Hold, source: Account, target: Account, command: CaptureHold, ts_us: int
) -> Refusal | None:
    """Return the first refusal of rows 5, 6 and 11 that does not need the postings."""
    if source.livemode != target.livemode:
        return Refusal.LIVEMODE_MISMATCH
    if not hold.currency == target.currency == command.currency:
        return Refusal.CURRENCY_MISMATCH
    if hold.state in (HoldState.CAPTURED, HoldState.RELEASED):
        return Refusal.WRONG_STATE
    refusals = [
        refusal
        for refusal in (refuse_status(source), refuse_status(target))
        if refusal is not None
    ]
    if refusals:
        return min(refusals)
    if ts_us >= hold.expires_at_us:  # whether or not the Tick that frees it ran
        return Refusal.HOLD_EXPIRED
    assert hold.state == HoldState.OPEN, hold
    if command.amount_minor > hold.amount_minor:
        return Refusal.HOLD_EXCEEDED
    return None


# ReleaseHold and expiry


def release_hold(state: WorkingSet, moment: Moment, command: ReleaseHold) -> Decision:
    """Decide one ReleaseHold: held h / available h. Also of a frozen account."""
    if len(command.hold_id) != ID_BYTES:
        return INVALID
    if not is_short(command.reason, REFERENCE_BYTES_MAX):
        return INVALID
    hold = _known(state, command.hold_id)
    if hold is None:
        return Decision(Refusal.HOLD_NOT_FOUND)
    if hold.state == HoldState.EXPIRED:
        return Decision(Refusal.HOLD_EXPIRED)
    if hold.state != HoldState.OPEN:
        return Decision(Refusal.WRONG_STATE)
    is_done = _give_back(state, moment, hold, HoldState.RELEASED, moment.first)
    return Decision(Outcome.CREATED if is_done else Refusal.OVERFLOW)


def expire_hold(
    state: WorkingSet, moment: Moment, at: EntryPosition, of: Position
) -> None:
    """Give back the money of the hold at `of`, whose time is over; the entry stands at `at`.

    Where `available` has no room for it, the hold stays open, to be released by hand.
    """
    hold = state.hold(of)
    assert hold.state == HoldState.OPEN, hold  # the timer goes with the hold
    assert moment.ts_us >= hold.expires_at_us, (moment, hold)
    _give_back(state, moment, hold, HoldState.EXPIRED, at)


def _give_back(
    state: WorkingSet,
    moment: Moment,
    hold: Hold,
    to: HoldState,
    position: EntryPosition,
) -> bool:
    """End the hold with all its money back; return False if `available` would overflow."""
    account = state.account(hold.account_id)
    assert account is not None, hold
    plan = state.plan(
        account.book,
        (
            debit_leg(AccountKind.HELD, hold.account_id, hold.amount_minor),
            credit_leg(AccountKind.AVAILABLE, hold.account_id, hold.amount_minor),
        ),
    )
    if plan is None:
        return False
    is_expiry = to == HoldState.EXPIRED
    reason = EntryReason.HOLD_EXPIRY if is_expiry else EntryReason.HOLD_RELEASE
    state.post(position, reason, plan)
    state.end_hold(ended(hold, to, position=position, ts_us=moment.ts_us))
    state.tell(
        position=position,
        kind=EventKind.HOLD_EXPIRED if is_expiry else EventKind.HOLD_RELEASED,
        ts_us=moment.ts_us,
        subject=hold.hold_id,
        currency=hold.currency,
        amount_minor=hold.amount_minor,
        accounts=(hold.account_id,),
    )
    return True


def _known(state: WorkingSet, hold_id: bytes) -> Hold | None:
    """Return the hold of this id; a spent id has none."""
    known = state.id(IdKind.HOLD, hold_id)
    if known is None or known.refusal:
        return None
    return state.hold((known.index, known.ordinal))
