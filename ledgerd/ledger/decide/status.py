"""Whether an account works: closed, frozen, let go on. No money moves. 2.5, from version 3.

Asking for what already is so is accepted and changes nothing: the fact is established.
"""

from ledgerd.ledger.accounts import Account, AccountStatus
from ledgerd.ledger.commands import CloseAccount, Freeze, Unfreeze
from ledgerd.ledger.decide.common import INVALID, Decision, Moment, is_short
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.limits import ID_BYTES, REFERENCE_BYTES_MAX


def close_account(state: WorkingSet, moment: Moment, command: CloseAccount) -> Decision:
    """Decide one CloseAccount: all balances zero, nothing open. For ever."""
    account = _account(state, command)
    if not isinstance(account, Account):
        return account
    if account.status == AccountStatus.CLOSED:
        return Decision(Outcome.CREATED)
    if account.status == AccountStatus.FROZEN:
        return Decision(Refusal.ACCOUNT_FROZEN)
    # A payout under way may have nothing reserved: its amount is in transit, its fee zero.
    if any(account.balances) or state.payouts_under_way(account.account_id):
        return Decision(Refusal.ACCOUNT_NOT_EMPTY)
    return _become(
        state,
        moment,
        command,
        status=AccountStatus.CLOSED,
        kind=EventKind.ACCOUNT_CLOSED,
    )


def freeze(state: WorkingSet, moment: Moment, command: Freeze) -> Decision:
    """Decide one Freeze."""
    account = _account(state, command)
    if not isinstance(account, Account):
        return account
    if account.status == AccountStatus.CLOSED:
        return Decision(Refusal.ACCOUNT_CLOSED)
    if account.status == AccountStatus.FROZEN:
        return Decision(Outcome.CREATED)
    return _become(
        state,
        moment,
        command,
        status=AccountStatus.FROZEN,
        kind=EventKind.ACCOUNT_FROZEN,
    )


def unfreeze(state: WorkingSet, moment: Moment, command: Unfreeze) -> Decision:
    """Decide one Unfreeze. What was blocked meanwhile stays so until an entry moves it."""
    account = _account(state, command)
    if not isinstance(account, Account):
        return account
    if account.status == AccountStatus.CLOSED:
        return Decision(Refusal.ACCOUNT_CLOSED)
    if account.status == AccountStatus.OPEN:
        return Decision(Outcome.CREATED)
    return _become(
        state,
        moment,
        command,
        status=AccountStatus.OPEN,
        kind=EventKind.ACCOUNT_UNFROZEN,
    )


def _account(
    state: WorkingSet, command: CloseAccount | Freeze | Unfreeze
) -> Account | Decision:
    """Return the account that a sound command names, else the refusal."""
    if len(command.account_id) != ID_BYTES:
        return INVALID
    if not is_short(command.reason, REFERENCE_BYTES_MAX):
        return INVALID
    account = state.account(command.account_id)
    return Decision(Refusal.ACCOUNT_NOT_FOUND) if account is None else account


def _become(
    state: WorkingSet,
    moment: Moment,
    command: CloseAccount | Freeze | Unfreeze,
    *,
    status: AccountStatus,
    kind: EventKind,
) -> Decision:
    state.set_account_status(command.account_id, status)
    state.tell(
        position=moment.first,
        kind=kind,
        ts_us=moment.ts_us,
        subject=command.account_id,
        accounts=(command.account_id,),
    )
    return Decision(Outcome.CREATED)
