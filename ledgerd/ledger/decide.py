"""The readable definition of the ledger: one command at a time, one function per kind.

`apply_one` is what the ledger means. The batch path of `submits` is an optimisation of it
and must leave the same rows and the same answers; a property test compares them. Each
function asks its questions in the order of the refusal codes and answers the first that
fails; nothing is written before the last question.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias, assert_never

from ledgerd.ledger import identity, money, payouts
from ledgerd.ledger.accounts import (
    Account,
    AccountKind,
    AccountStatus,
    LedgerAccount,
    Position,
    Side,
)
from ledgerd.ledger.catalogue import RAILS, FeeSchedule
from ledgerd.ledger.commands import (
    Cancel,
    Command,
    FeeRule,
    Fund,
    OpenAccount,
    SetFees,
    Submit,
    Transfer,
)
from ledgerd.ledger.details import differing as differing_details
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.identity import IdKind, IdRecord, RequestRecord
from ledgerd.ledger.journal import EntryReason, Leg
from ledgerd.ledger.outcomes import Outcome, Outcomes, Refusal, Retry, is_spent
from ledgerd.ledger.payouts import PayoutHead, PayoutState, PayoutStatus, Trigger
from ledgerd.ledger.view import ExternalRef, LedgerView, Writes
from ledgerd.ledger.working_set import Plan, WorkingSet
from ledgerd.limits import (
    DETAILS_BYTES_MAX,
    EXTERNAL_REF_BYTES_MAX,
    ID_BYTES,
    OWNER_REF_BYTES_MAX,
    PRINCIPAL_BYTES_MAX,
    RAIL_NAME_BYTES_MAX,
    REFERENCE_BYTES_MAX,
)

_BANK_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_BPS_MAX: Final = 10_000

Keyed: TypeAlias = Fund | Transfer | Cancel | SetFees


class Decision(NamedTuple):
    """The answer to one command; a row of `Outcomes`."""

    code: int
    fee_minor: int = 0
    state: int = 0
    retry: Retry | None = None


NO_PAYOUT: Final[Position] = (0, 0)
INVALID: Final = Decision(Refusal.INVALID_COMMAND)


def apply_readable(
    view: LedgerView, *, index: int, ts_us: int, commands: Iterable[Command | Submit]
) -> tuple[Outcomes, Writes]:
    """Decide the commands of one entry in order; return the answers and the rows."""
    working_set = WorkingSet(view)
    outcomes = Outcomes()
    retries: dict[int, Retry] = {}
    for ordinal, command in enumerate(commands):
        decision = apply_one(working_set, (index, ordinal), ts_us, command)
        outcomes.codes.append(decision.code)
        outcomes.fees_minor.append(decision.fee_minor)
        outcomes.states.append(decision.state)
        if decision.retry is not None:
            retries[ordinal] = decision.retry
    outcomes.retries = retries
    return outcomes, working_set.writes()


def apply_one(
    state: WorkingSet, position: Position, ts_us: int, command: Command | Submit
) -> Decision:
    """Decide one command and write what it does. Raises nothing for any input."""
    match command:
        case Submit():
            return _submit(state, position, ts_us, command)
        case OpenAccount():
            return _open_account(state, position, ts_us, command)
        case Fund() | Transfer() | Cancel() | SetFees():
            return _keyed(state, position, ts_us, command)
        case _:
            assert_never(command)


# Submit


def _submit(
    state: WorkingSet, position: Position, ts_us: int, command: Submit
) -> Decision:
    if len(command.payout_id) != ID_BYTES:
        return INVALID
    known = state.id(IdKind.PAYOUT, command.payout_id)
    if known is not None:
        return _submit_again(state, known, command)
    if not is_submit_well_formed(command):
        return INVALID

    plan = _plan_submit(state, command)
    if isinstance(plan, Refusal):
        record = IdRecord(*position, plan, ts_us, submit_fingerprint(command))
        state.spend_id(IdKind.PAYOUT, command.payout_id, record)
        return Decision(plan)

    fee_minor = plan.legs[0].amount_minor - command.amount_minor
    state.post((*position, 0), EntryReason.SUBMIT, plan)
    state.add_payout(
        PayoutHead(
            command.payout_id,
            command.account_id,
            command.amount_minor,
            command.currency,
            command.rail,
            command.details,
            position,
            ts_us,
            fee_minor,
            PayoutState.READY,
            command.principal,
        )
    )
    state.tell(
        position=(*position, 0),
        kind=EventKind.PAYOUT_CREATED,
        ts_us=ts_us,
        subject=command.payout_id,
        state_after=PayoutState.READY,
        currency=command.currency,
        amount_minor=command.amount_minor,
        fee_minor=fee_minor,
        accounts=(command.account_id,),
    )
    return Decision(Outcome.CREATED, fee_minor, PayoutState.READY)


def is_submit_well_formed(command: Submit) -> bool:
    """Return whether the cheap bounds hold that the edge has checked before."""
    return (
        identity.is_uuid7(command.payout_id)
        and len(command.account_id) == ID_BYTES
        and money.is_amount(command.amount_minor)
        and money.currency(command.currency) is not None
        and len(command.details) <= DETAILS_BYTES_MAX
        and _is_short(command.principal, PRINCIPAL_BYTES_MAX)
    )


def refuse_submit(
    account: Account | None, *, rail: int, currency: int
) -> Refusal | None:
    """Return the first refusal of rows 4 to 8: what does not depend on the amount."""
    if account is None:
        return Refusal.ACCOUNT_NOT_FOUND
    known_rail = RAILS.get(rail)
    if known_rail is None:
        return Refusal.RAIL_NOT_FOUND
    if known_rail.is_sandbox == account.livemode:
        return Refusal.LIVEMODE_MISMATCH
    if account.currency != currency:
        return Refusal.CURRENCY_MISMATCH
    closed = _refuse_status(account)
    if closed is not None:
        return closed
    if known_rail.currency not in (0, currency):
        return Refusal.RAIL_CURRENCY
    return None


def _plan_submit(state: WorkingSet, command: Submit) -> Plan | Refusal:
    account = state.account(command.account_id)
    refusal = refuse_submit(account, rail=command.rail, currency=command.currency)
    if refusal is not None:
        return refusal
    assert account is not None
    fee_minor = state.fees().fee_minor(
        rail=command.rail, currency=command.currency, amount_minor=command.amount_minor
    )
    total_minor = command.amount_minor + fee_minor
    if account.available_minor - total_minor < account.min_balance_minor:
        return Refusal.INSUFFICIENT_FUNDS
    plan = state.plan(
        account.book,
        (
            _debit(AccountKind.AVAILABLE, account.account_id, total_minor),
            _credit(AccountKind.RESERVED, account.account_id, total_minor),
        ),
    )
    return Refusal.OVERFLOW if plan is None else plan


def _submit_again(state: WorkingSet, known: IdRecord, command: Submit) -> Decision:
    if known.refusal:
        return again_refused(known, submit_fingerprint(command))
    position = (known.index, known.ordinal)
    return again_created(state.payout(position), state.payout_status(position), command)


def again_refused(known: IdRecord, fingerprint: bytes) -> Decision:
    """Return the answer to a retry of a refused id: the same code, for ever."""
    return Decision(
        known.refusal,
        retry=Retry(
            known.index,
            known.ordinal,
            known.ts_us,
            state=0,
            fee_minor=0,
            same_request=fingerprint == known.fingerprint,
        ),
    )


def again_created(
    head: PayoutHead, status: PayoutStatus | None, command: Submit
) -> Decision:
    """Return REPLAYED with the payout as it is now, or CONFLICT with the fields' names."""
    names = differing_submit_fields(head, command)
    if names:
        return Decision(
            Outcome.CONFLICT,
            retry=Retry(
                *head.position,
                head.ts_us,
                state=0,
                fee_minor=0,
                same_request=False,
                differing=names,
            ),
        )
    now = head.state if status is None else status.state
    return Decision(
        Outcome.REPLAYED,
        head.fee_minor,
        now,
        Retry(
            *head.position,
            head.ts_us,
            state=now,
            fee_minor=head.fee_minor,
            same_request=True,
        ),
    )


def differing_submit_fields(
    first: PayoutHead | Submit, second: Submit
) -> tuple[str, ...]:
    """Return the public names of the client fields that differ, in their order."""
    names: list[str] = []
    if first.account_id != second.account_id:
        names.append("account_id")
    if first.amount_minor != second.amount_minor:
        names.append("amount.units")
    if first.currency != second.currency:
        names.append("amount.currency")
    if first.rail != second.rail:
        names.append("rail")
    return (*names, *differing_details(first.details, second.details))


def submit_fingerprint(command: Submit) -> bytes:
    """Return the fingerprint kept of a refused Submit."""
    return identity.submit_fingerprint(
        account_id=command.account_id,
        amount_minor=command.amount_minor,
        currency=command.currency,
        rail=command.rail,
        details=command.details,
    )


# OpenAccount


def _open_account(
    state: WorkingSet, position: Position, ts_us: int, command: OpenAccount
) -> Decision:
    if len(command.account_id) != ID_BYTES:
        return INVALID
    existing = state.account(command.account_id)
    if existing is not None:
        return _open_account_again(existing, command)
    refused = state.id(IdKind.ACCOUNT, command.account_id)
    if refused is not None:
        fingerprint = identity.open_account_fingerprint(command)
        return again_refused(refused, fingerprint)
    currency = money.currency(command.currency)
    if (
        not identity.is_uuid7(command.account_id)
        or currency is None
        or not money.fits(command.min_balance_minor)
        or not _is_short(command.owner_ref, OWNER_REF_BYTES_MAX)
        or not _is_short(command.principal, PRINCIPAL_BYTES_MAX)
    ):
        return INVALID

    if currency.is_retired:
        fingerprint = identity.open_account_fingerprint(command)
        code = Refusal.CURRENCY_RETIRED
        record = IdRecord(*position, code, ts_us, fingerprint)
        state.spend_id(IdKind.ACCOUNT, command.account_id, record)
        return Decision(code)

    state.open_account(
        Account(
            command.account_id,
            command.currency,
            command.livemode,
            command.owner_ref,
            command.min_balance_minor,
            AccountStatus.OPEN,
            *position,
            ts_us,
            command.principal,
        )
    )
    state.tell(
        position=(*position, 0),
        kind=EventKind.ACCOUNT_OPENED,
        ts_us=ts_us,
        subject=command.account_id,
        currency=command.currency,
        accounts=(command.account_id,),
    )
    return Decision(Outcome.CREATED)


def _open_account_again(existing: Account, command: OpenAccount) -> Decision:
    names: list[str] = []
    if existing.currency != command.currency:
        names.append("currency")
    if existing.livemode != command.livemode:
        names.append("livemode")
    if existing.owner_ref != command.owner_ref:
        names.append("owner_ref")
    if existing.min_balance_minor != command.min_balance_minor:
        names.append("min_balance_units")
    return Decision(
        Outcome.CONFLICT if names else Outcome.REPLAYED,
        retry=Retry(
            existing.opened_index,
            existing.opened_ordinal,
            existing.opened_ts_us,
            state=0,
            fee_minor=0,
            same_request=not names,
            differing=tuple(names),
        ),
    )


# Calls with a request id


def _keyed(
    state: WorkingSet, position: Position, ts_us: int, command: Keyed
) -> Decision:
    """Decide a call with a request id: who came first, then form, then its own rules."""
    if len(command.request_id) != ID_BYTES:
        return INVALID
    stored = state.request(command.request_id)
    if stored is not None:
        return _keyed_again(state, stored, command)
    if identity.is_too_old(command.request_id, ts_us):
        return Decision(Refusal.KEY_TOO_OLD)
    if not (
        identity.is_uuid7(command.request_id)
        and _is_short(command.principal, PRINCIPAL_BYTES_MAX)
    ):
        return INVALID

    payout_position = NO_PAYOUT
    match command:
        case Fund():
            decision = _fund(state, position, ts_us, command)
        case Transfer():
            decision = _transfer(state, position, ts_us, command)
        case Cancel():
            decision, payout_position = _cancel(state, position, ts_us, command)
        case SetFees():
            decision = _set_fees(state, position, ts_us, command)
        case _:
            assert_never(command)

    if decision.code == Outcome.CREATED or is_spent(decision.code):
        record = RequestRecord(
            identity.call_of(command),
            *position,
            ts_us,
            decision.code,
            payout_position,
            identity.field_fingerprints(command),
        )
        state.spend_request(command.request_id, record)
    return decision


def _keyed_again(state: WorkingSet, stored: RequestRecord, command: Keyed) -> Decision:
    fields = identity.field_fingerprints(command)
    names = identity.differing_fields(command, stored, fields)
    is_refused = stored.code != Outcome.CREATED
    code = int(Outcome.CONFLICT if names else Outcome.REPLAYED)
    if is_refused:
        code = stored.code
    now = 0
    if not names and stored.payout_position != NO_PAYOUT:
        now = _state_now(state, stored.payout_position)
    return Decision(
        code,
        state=now,
        retry=Retry(
            stored.index,
            stored.ordinal,
            stored.ts_us,
            state=now,
            fee_minor=0,
            same_request=not names,
            differing=() if is_refused else names,
        ),
    )


def _fund(state: WorkingSet, position: Position, ts_us: int, command: Fund) -> Decision:
    if not (
        len(command.account_id) == ID_BYTES
        and money.is_amount(command.amount_minor)
        and money.currency(command.currency) is not None
        and 1 <= len(command.bank) <= RAIL_NAME_BYTES_MAX
        and _BANK_ALPHABET.issuperset(command.bank)
        and command.external_ref
        and _is_short(command.external_ref, EXTERNAL_REF_BYTES_MAX)
    ):
        return INVALID
    account = state.account(command.account_id)
    if account is None:
        return Decision(Refusal.ACCOUNT_NOT_FOUND)
    if account.currency != command.currency:
        return Decision(Refusal.CURRENCY_MISMATCH)
    ref = ExternalRef(command.bank.encode(), command.external_ref.encode())
    if state.external_ref(ref) is not None:
        return Decision(Refusal.EXTERNAL_REF_USED)
    cash = LedgerAccount(AccountKind.BANK_CASH, command.bank.encode())
    legs = (
        Leg(cash, Side.DEBIT, command.amount_minor),
        *credit(account, command.amount_minor),
    )
    plan = state.plan(account.book, legs)
    if plan is None:
        return Decision(Refusal.OVERFLOW)

    state.post((*position, 0), EntryReason.FUND, plan)
    state.use_external_ref(ref, position)
    state.tell(
        position=(*position, 0),
        kind=EventKind.ACCOUNT_FUNDED,
        ts_us=ts_us,
        subject=command.request_id,
        currency=command.currency,
        amount_minor=command.amount_minor,
        accounts=(command.account_id,),
    )
    return Decision(Outcome.CREATED)


def credit(account: Account, amount_minor: int) -> tuple[Leg, ...]:
    """Return the legs of incoming money: what is owed first, the rest to the customer.

    The rest is out of reach if the account is closed or frozen. No leg is zero. 2.3.
    """
    owed_minor = min(account.receivable_minor, amount_minor)
    rest = (
        AccountKind.AVAILABLE
        if account.status == AccountStatus.OPEN
        else AccountKind.BLOCKED
    )
    legs = (
        _credit(AccountKind.RECEIVABLE, account.account_id, owed_minor),
        _credit(rest, account.account_id, amount_minor - owed_minor),
    )
    return tuple(leg for leg in legs if leg.amount_minor)


def _transfer(
    state: WorkingSet, position: Position, ts_us: int, command: Transfer
) -> Decision:
    if not (
        len(command.from_account_id) == len(command.to_account_id) == ID_BYTES
        and command.from_account_id != command.to_account_id
        and money.is_amount(command.amount_minor)
        and money.currency(command.currency) is not None
        and _is_short(command.reference, REFERENCE_BYTES_MAX)
    ):
        return INVALID
    source = state.account(command.from_account_id)
    target = state.account(command.to_account_id)
    if source is None or target is None:
        return Decision(Refusal.ACCOUNT_NOT_FOUND)
    if source.livemode != target.livemode:
        return Decision(Refusal.LIVEMODE_MISMATCH)
    if not source.currency == target.currency == command.currency:
        return Decision(Refusal.CURRENCY_MISMATCH)
    refusals = [
        refusal
        for refusal in (_refuse_status(source), _refuse_status(target))
        if refusal is not None
    ]
    if refusals:
        return Decision(min(refusals))
    if source.available_minor - command.amount_minor < source.min_balance_minor:
        return Decision(Refusal.INSUFFICIENT_FUNDS)
    plan = state.plan(
        source.book,
        (
            _debit(AccountKind.AVAILABLE, source.account_id, command.amount_minor),
            _credit(AccountKind.AVAILABLE, target.account_id, command.amount_minor),
        ),
    )
    if plan is None:
        return Decision(Refusal.OVERFLOW)

    state.post((*position, 0), EntryReason.TRANSFER, plan)
    state.tell(
        position=(*position, 0),
        kind=EventKind.TRANSFERRED,
        ts_us=ts_us,
        subject=command.request_id,
        currency=command.currency,
        amount_minor=command.amount_minor,
        accounts=(command.from_account_id, command.to_account_id),
    )
    return Decision(Outcome.CREATED)


def _cancel(
    state: WorkingSet, position: Position, ts_us: int, command: Cancel
) -> tuple[Decision, Position]:
    """Decide a cancel; return also where the payout stands."""
    if not (
        len(command.payout_id) == ID_BYTES
        and _is_short(command.reason, REFERENCE_BYTES_MAX)
    ):
        return INVALID, NO_PAYOUT
    known = state.id(IdKind.PAYOUT, command.payout_id)
    if known is None or known.refusal:
        return Decision(Refusal.PAYOUT_NOT_FOUND), NO_PAYOUT
    at = (known.index, known.ordinal)
    head, status = state.payout(at), state.payout_status(at)
    before = head.state if status is None else status.state
    after = payouts.after(before, Trigger.CANCEL)
    if after is None:
        return Decision(Refusal.WRONG_STATE, state=before), at
    if after == before:  # "same": the fact is established already; no entry, no event
        return Decision(Outcome.CREATED, state=after), at
    account = state.account(head.account_id)
    assert account is not None, head
    total_minor = payouts.reserved_minor(before, head.amount_minor, head.fee_minor)
    plan = state.plan(
        account.book,
        (
            _debit(AccountKind.RESERVED, head.account_id, total_minor),
            _credit(AccountKind.AVAILABLE, head.account_id, total_minor),
        ),
    )
    if plan is None:
        return Decision(Refusal.OVERFLOW, state=before), at

    state.post((*position, 0), EntryReason.CANCEL, plan)
    sequence = 1 if status is None else status.sequence + 1
    state.set_payout_status(at, PayoutStatus(after, sequence, (*position, 0), ts_us))
    state.tell(
        position=(*position, 0),
        kind=EventKind.PAYOUT_CANCELLED,
        ts_us=ts_us,
        subject=command.payout_id,
        state_before=before,
        state_after=after,
        currency=head.currency,
        amount_minor=head.amount_minor,
        fee_minor=head.fee_minor,
        accounts=(head.account_id,),
    )
    return Decision(Outcome.CREATED, state=after), at


def _set_fees(
    state: WorkingSet, position: Position, ts_us: int, command: SetFees
) -> Decision:
    pairs = {(rule.rail, rule.currency): rule for rule in command.rules}
    if not (
        len(pairs) == len(command.rules)
        and all(_is_rule_well_formed(rule) for rule in command.rules)
        and _is_short(command.source, REFERENCE_BYTES_MAX)
    ):
        return INVALID
    refusals = [
        refusal for refusal in map(_refuse_rule, command.rules) if refusal is not None
    ]
    if refusals:
        return Decision(min(refusals))

    version = state.fees().version + 1
    rules = {pair: pairs[pair] for pair in sorted(pairs)}
    state.set_fees(FeeSchedule(version, ts_us, command.source, rules))
    state.tell(
        position=(*position, 0),
        kind=EventKind.FEES_SET,
        ts_us=ts_us,
        subject=command.request_id,
    )
    return Decision(Outcome.CREATED)


def _is_rule_well_formed(rule: FeeRule) -> bool:
    return (
        money.currency(rule.currency) is not None
        and 0 <= rule.rail <= 0xFFFF
        and rule.fixed_minor >= 0
        and money.fits(rule.fixed_minor)
        and 0 <= rule.bps <= _BPS_MAX
        and 0 <= rule.min_minor <= rule.max_minor
        and money.fits(rule.max_minor)
    )


def _refuse_rule(rule: FeeRule) -> Refusal | None:
    rail = RAILS.get(rule.rail)
    if rail is None:
        return Refusal.RAIL_NOT_FOUND
    if money.CURRENCIES[rule.currency].is_retired:
        return Refusal.CURRENCY_RETIRED
    if rail.currency not in (0, rule.currency):
        return Refusal.RAIL_CURRENCY
    return None


# Shared


def _state_now(state: WorkingSet, position: Position) -> int:
    status = state.payout_status(position)
    return state.payout(position).state if status is None else status.state


def _refuse_status(account: Account) -> Refusal | None:
    match account.status:
        case AccountStatus.OPEN:
            return None
        case AccountStatus.CLOSED:
            return Refusal.ACCOUNT_CLOSED
        case AccountStatus.FROZEN:
            return Refusal.ACCOUNT_FROZEN
        case _:
            assert_never(account.status)


def _debit(kind: AccountKind, account_id: bytes, amount_minor: int) -> Leg:
    return Leg(LedgerAccount(kind, account_id), Side.DEBIT, amount_minor)


def _credit(kind: AccountKind, account_id: bytes, amount_minor: int) -> Leg:
    return Leg(LedgerAccount(kind, account_id), Side.CREDIT, amount_minor)


def _is_short(text: str, bytes_max: int) -> bool:
    return len(text.encode()) <= bytes_max
