"""Calls with a request id: who came first is asked before every other rule. 6."""

from typing import TypeAlias, assert_never

from ledgerd.ledger import identity
from ledgerd.ledger.catalogue_commands import (
    AmendCalendar,
    CatalogueCommand,
    SetCatalogue,
    SuspendRail,
)
from ledgerd.ledger.commands import (
    AccountCommand,
    Adjust,
    Approve,
    ApproveVoucher,
    Cancel,
    CaptureHold,
    CloseAccount,
    DispatchBegin,
    DispatchClaim,
    Freeze,
    Fund,
    FundReverse,
    PayoutCommand,
    PostEntry,
    RaiseAttention,
    Redate,
    Reject,
    RejectVoucher,
    ReleaseHold,
    RequestRecall,
    Reroute,
    ResolveException,
    SetFees,
    TellEvidence,
    Transfer,
    Unfreeze,
)
from ledgerd.ledger.decide import (
    accounts,
    catalogue,
    dispatch,
    evidence,
    exceptions,
    findings,
    funding,
    holds,
    payouts,
    policy,
    settings,
    standing,
    status,
    vouchers,
)
from ledgerd.ledger.decide.common import (
    INVALID,
    NO_PAYOUT,
    Decision,
    Moment,
    is_short,
)
from ledgerd.ledger.identity import RequestRecord
from ledgerd.ledger.outcomes import Outcome, Refusal, Retry, is_spent
from ledgerd.ledger.risk_commands import RiskCommand, SetLimits, SetRules
from ledgerd.ledger.setting_commands import SetCurrencies, SetRoles, SettingCommand
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.limits import ID_BYTES, PRINCIPAL_BYTES_MAX

Keyed: TypeAlias = (
    Fund
    | Transfer
    | Cancel
    | SetFees
    | AccountCommand
    | PayoutCommand
    | CatalogueCommand
    | RiskCommand
    | SettingCommand
)


def keyed(state: WorkingSet, moment: Moment, command: Keyed) -> Decision:
    """Decide a call with a request id: who came first, then form, then its own rules."""
    if len(command.request_id) != ID_BYTES:
        return INVALID
    stored = state.request(command.request_id)
    if stored is not None:
        return _keyed_again(state, stored, command)
    if identity.is_too_old(command.request_id, moment.ts_us):
        return Decision(Refusal.KEY_TOO_OLD)
    if not (
        identity.is_uuid7(command.request_id)
        and is_short(command.principal, PRINCIPAL_BYTES_MAX)
    ):
        return INVALID

    match command:
        case Fund():
            decision = accounts.fund(state, moment, command)
        case Transfer():
            decision = accounts.transfer(state, moment, command)
        case Cancel():
            decision = payouts.cancel(state, moment, command)
        case SetFees():
            decision = settings.set_fees(state, moment, command)
        case CloseAccount() | Freeze() | Unfreeze() | FundReverse() | CaptureHold():
            decision = _of_accounts(state, moment, command)
        case (
            ReleaseHold() | PostEntry() | Adjust() | ApproveVoucher() | RejectVoucher()
        ):
            decision = _of_accounts(state, moment, command)
        case SetCatalogue():
            decision = catalogue.set_catalogue(state, moment, command)
        case AmendCalendar():
            decision = catalogue.amend_calendar(state, moment, command)
        case SuspendRail():
            decision = catalogue.suspend_rail(state, moment, command)
        case SetLimits():
            decision = policy.set_limits(state, moment, command)
        case SetRules():
            decision = policy.set_rules(state, moment, command)
        case SetRoles():
            decision = standing.set_roles(state, moment, command)
        case SetCurrencies():
            decision = standing.set_currencies(state, moment, command)
        case _:
            decision = _of_payouts(state, moment, command)

    if decision.code == Outcome.CREATED or is_spent(decision.code):
        record = RequestRecord(
            identity.call_of(command),
            *moment.position,
            moment.ts_us,
            decision.code,
            decision.payout_position,
            identity.field_fingerprints(command),
        )
        state.spend_request(command.request_id, record)
    return decision


def _of_accounts(
    state: WorkingSet, moment: Moment, command: AccountCommand
) -> Decision:
    """Decide one of the calls about accounts and holds that state version 3 brought."""
    match command:
        case CloseAccount():
            return status.close_account(state, moment, command)
        case Freeze():
            return status.freeze(state, moment, command)
        case Unfreeze():
            return status.unfreeze(state, moment, command)
        case FundReverse():
            return funding.fund_reverse(state, moment, command)
        case CaptureHold():
            return holds.capture_hold(state, moment, command)
        case ReleaseHold():
            return holds.release_hold(state, moment, command)
        case PostEntry() | Adjust():
            return vouchers.write_out(state, moment, command)
        case ApproveVoucher():
            return vouchers.approve(state, moment, command)
        case RejectVoucher():
            return vouchers.reject(state, moment, command)
        case _:
            assert_never(command)


def _of_payouts(state: WorkingSet, moment: Moment, command: PayoutCommand) -> Decision:
    """Decide one of the calls about payouts that state version 3 brought."""
    match command:
        case Approve():
            return payouts.approve(state, moment, command)
        case Reject():
            return payouts.reject(state, moment, command)
        case Reroute():
            return payouts.reroute(state, moment, command)
        case Redate():
            return payouts.redate(state, moment, command)
        case RequestRecall():
            return payouts.request_recall(state, moment, command)
        case DispatchBegin():
            return dispatch.begin(state, moment, command)
        case DispatchClaim():
            return dispatch.claim(state, moment, command)
        case RaiseAttention():
            return dispatch.raise_attention(state, moment, command)
        case TellEvidence():
            return findings.tell(state, moment, command)
        case ResolveException():
            return exceptions.resolve(state, moment, command)
        case _:
            return evidence.evidence(state, moment, command)


def _keyed_again(state: WorkingSet, stored: RequestRecord, command: Keyed) -> Decision:
    fields = identity.field_fingerprints(command)
    names = identity.differing_fields(command, stored, fields)
    is_refused = stored.code != Outcome.CREATED
    code = int(Outcome.CONFLICT if names else Outcome.REPLAYED)
    if is_refused:
        code = stored.code
    now = 0
    if not names and stored.payout_position != NO_PAYOUT:
        now = payouts.state_now(state, stored.payout_position)
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
