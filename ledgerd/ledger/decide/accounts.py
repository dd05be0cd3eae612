"""Accounts and the money that goes into and between them. 2.5."""

from ledgerd.ledger import identity, money
from ledgerd.ledger.accounts import (
    Account,
    AccountKind,
    AccountStatus,
    LedgerAccount,
    Side,
)
from ledgerd.ledger.commands import Fund, OpenAccount, Transfer
from ledgerd.ledger.decide.common import (
    INVALID,
    Decision,
    Moment,
    again_refused,
    credit,
    credit_leg,
    debit_leg,
    is_bank,
    is_short,
    refuse_status,
)
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.fees import is_account_class
from ledgerd.ledger.identity import IdKind, IdRecord
from ledgerd.ledger.journal import EntryReason, Leg
from ledgerd.ledger.outcomes import Outcome, Refusal, Retry
from ledgerd.ledger.view import ExternalRef
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.limits import (
    ACCOUNT_CLASS_BYTES_MAX,
    EXTERNAL_REF_BYTES_MAX,
    ID_BYTES,
    OWNER_REF_BYTES_MAX,
    PRINCIPAL_BYTES_MAX,
    REFERENCE_BYTES_MAX,
)


def open_account(state: WorkingSet, moment: Moment, command: OpenAccount) -> Decision:
    """Decide one OpenAccount, keyed by the account id."""
    if len(command.account_id) != ID_BYTES:
        return INVALID
    existing = state.account(command.account_id)
    if existing is not None:
        return _open_account_again(existing, command)
    refused = state.id(IdKind.ACCOUNT, command.account_id)
    if refused is not None:
        fingerprint = identity.open_account_fingerprint(command)
        return again_refused(refused, fingerprint)
    if (
        not identity.is_uuid7(command.account_id)
        or money.currency(command.currency) is None
        or not money.fits(command.min_balance_minor)
        or not is_short(command.owner_ref, OWNER_REF_BYTES_MAX)
        or not is_short(command.principal, PRINCIPAL_BYTES_MAX)
        or not is_account_class(command.account_class, ACCOUNT_CLASS_BYTES_MAX)
    ):
        return INVALID

    if state.is_retired(command.currency, moment.ts_us):
        fingerprint = identity.open_account_fingerprint(command)
        code = Refusal.CURRENCY_RETIRED
        record = IdRecord(*moment.position, code, moment.ts_us, fingerprint)
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
            *moment.position,
            moment.ts_us,
            command.principal,
            account_class=command.account_class,
        )
    )
    state.tell(
        position=moment.first,
        kind=EventKind.ACCOUNT_OPENED,
        ts_us=moment.ts_us,
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
    if existing.account_class != command.account_class:
        names.append("account_class")
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


def fund(state: WorkingSet, moment: Moment, command: Fund) -> Decision:
    """Decide one Fund: bank cash / credit(account)."""
    if not (
        len(command.account_id) == ID_BYTES
        and money.is_amount(command.amount_minor)
        and money.currency(command.currency) is not None
        and is_bank(command.bank)
        and command.external_ref
        and is_short(command.external_ref, EXTERNAL_REF_BYTES_MAX)
    ):
        return INVALID
    account = state.account(command.account_id)
    if account is None:
        return Decision(Refusal.ACCOUNT_NOT_FOUND)
    if account.currency != command.currency:
        return Decision(Refusal.CURRENCY_MISMATCH)
    if state.is_retired(command.currency, moment.ts_us):
        return Decision(Refusal.CURRENCY_RETIRED)
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

    state.post(moment.first, EntryReason.FUND, plan)
    state.use_external_ref(ref, moment.position)
    state.tell(
        position=moment.first,
        kind=EventKind.ACCOUNT_FUNDED,
        ts_us=moment.ts_us,
        subject=command.request_id,
        currency=command.currency,
        amount_minor=command.amount_minor,
        accounts=(command.account_id,),
    )
    return Decision(Outcome.CREATED)


def transfer(state: WorkingSet, moment: Moment, command: Transfer) -> Decision:
    """Decide one Transfer: from available / to available."""
    if not (
        len(command.from_account_id) == len(command.to_account_id) == ID_BYTES
        and command.from_account_id != command.to_account_id
        and money.is_amount(command.amount_minor)
        and money.currency(command.currency) is not None
        and is_short(command.reference, REFERENCE_BYTES_MAX)
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
    if state.is_retired(command.currency, moment.ts_us):
        return Decision(Refusal.CURRENCY_RETIRED)
    refusals = [
        refusal
        for refusal in (refuse_status(source), refuse_status(target))
        if refusal is not None
    ]
    if refusals:
        return Decision(min(refusals))
    if source.available_minor - command.amount_minor < source.min_balance_minor:
        return Decision(Refusal.INSUFFICIENT_FUNDS)
    plan = state.plan(
        source.book,
        (
            debit_leg(AccountKind.AVAILABLE, source.account_id, command.amount_minor),
            credit_leg(AccountKind.AVAILABLE, target.account_id, command.amount_minor),
        ),
    )
    if plan is None:
        return Decision(Refusal.OVERFLOW)

    state.post(moment.first, EntryReason.TRANSFER, plan)
    state.tell(
        position=moment.first,
        kind=EventKind.TRANSFERRED,
        ts_us=moment.ts_us,
        subject=command.request_id,
        currency=command.currency,
        amount_minor=command.amount_minor,
        accounts=(command.from_account_id, command.to_account_id),
    )
    return Decision(Outcome.CREATED)
