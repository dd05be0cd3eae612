"""Taking a payout for sending: committed before any byte goes to the rail. 3.6."""

from typing import Final

from ledgerd.ledger.accounts import (
    AccountKind,
    EntryPosition,
    InternalKey,
    LedgerAccount,
    Position,
    Side,
)
from ledgerd.ledger.commands import DispatchBegin, DispatchClaim, RaiseAttention
from ledgerd.ledger.decide.common import INVALID, Decision, Moment, is_short
from ledgerd.ledger.decide.life import Life, find
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.journal import EntryReason
from ledgerd.ledger.outcomes import Refusal
from ledgerd.ledger.payouts import PayoutFlag, PayoutState, Trigger, Verdict
from ledgerd.ledger.rail_keys import rail_key
from ledgerd.ledger.working_set import Plan, WorkingSet
from ledgerd.limits import ID_BYTES, LEASE_US_MAX, REFERENCE_BYTES_MAX

_ATTEMPT_MAX: Final = 2**32 - 1


def begin(state: WorkingSet, moment: Moment, command: DispatchBegin) -> Decision:
    """Decide one DispatchBegin: reserved a / in_transit a, a rail key and a lease."""
    if not _is_well_formed(command):
        return INVALID
    life = find(state, moment, command.payout_id)
    if life is None:
        return Decision(Refusal.PAYOUT_NOT_FOUND)
    status = life.status
    holds_it = (status.attempt, status.worker) == (command.attempt, command.principal)
    if life.state is PayoutState.DISPATCHING and holds_it:
        return life.done()
    if command.attempt != status.attempt + 1:
        return life.refused(Refusal.VERSION_MISMATCH)
    rail = life.rail
    if command.rail_version and state.window_versions(rail.number, moment.ts_us) != (
        command.rail_version,
        command.calendar_version,
    ):  # its value date is not that of the calendar in force (8.3)
        return life.refused(Refusal.VERSION_MISMATCH)
    if life.verdict(Trigger.DISPATCH_BEGIN) is not Verdict.LEGAL:
        return life.refused(Refusal.WRONG_STATE)
    if status.open_exceptions:
        return life.refused(Refusal.EXCEPTION_OPEN)
    if rail.is_suspended:
        return life.refused(Refusal.RAIL_SUSPENDED)
    if 0 < command.window_closes_us <= moment.ts_us:
        return life.refused(Refusal.CUTOFF_PASSED)
    if rail.is_prefunded and _prefunding_minor(state, moment, life) < life.amount_minor:
        return life.refused(Refusal.INSUFFICIENT_PREFUNDING)
    plan = plan_begin(life)
    if plan is None:
        return life.refused(Refusal.OVERFLOW)
    take(state, moment, life, plan, key_for(state, life), command)
    return life.done()


def claim(state: WorkingSet, moment: Moment, command: DispatchClaim) -> Decision:
    """Decide one DispatchClaim: a new lease for who holds it, or of one that lapsed."""
    if not _is_well_formed(command):
        return INVALID
    life = find(state, moment, command.payout_id)
    if life is None:
        return Decision(Refusal.PAYOUT_NOT_FOUND)
    status = life.status
    if command.attempt != status.attempt + 1:
        return life.refused(Refusal.VERSION_MISMATCH)
    if life.verdict(Trigger.DISPATCH_CLAIM) is not Verdict.LEGAL:
        return life.refused(Refusal.WRONG_STATE)
    is_held = moment.ts_us < status.lease_until_us
    if is_held and command.principal != status.worker:
        return life.refused(Refusal.LEASE_HELD)
    life.change(
        PayoutState.DISPATCHING,
        EventKind.DISPATCH_CLAIMED,
        attempt=command.attempt,
        worker=command.principal,
        lease_until_us=moment.ts_us + command.lease_us,
        claim_index=moment.position[0],
    )
    return life.done()


def raise_attention(
    state: WorkingSet, moment: Moment, command: RaiseAttention
) -> Decision:
    """Decide one RaiseAttention: a mark and an event; nobody holds the payout any more.

    So nobody sends it while people look into it. Its lease runs on: a worker may claim it again
    after that, to ask the rail once more, and no sooner. The mark goes with the state.
    """
    is_well_formed = (
        len(command.payout_id) == ID_BYTES
        and 0 <= command.attempt <= _ATTEMPT_MAX
        and is_short(command.reason, REFERENCE_BYTES_MAX)
    )
    if not is_well_formed:
        return INVALID
    life = find(state, moment, command.payout_id)
    if life is None:
        return Decision(Refusal.PAYOUT_NOT_FOUND)
    status = life.status
    if command.attempt != status.attempt:
        return life.refused(Refusal.VERSION_MISMATCH)
    if life.verdict(Trigger.RAISE_ATTENTION) is not Verdict.EVENT:
        return life.refused(Refusal.WRONG_STATE)
    is_given_back = status.has(PayoutFlag.IN_DOUBT) and not status.worker
    if is_given_back:
        return life.done()
    if status.worker != command.principal:
        return life.refused(Refusal.LEASE_HELD)
    life.change(
        PayoutState.DISPATCHING,
        EventKind.ATTENTION_RAISED,
        worker="",
        flags=status.flags | PayoutFlag.IN_DOUBT,
    )
    return life.done()


def lease_lapsed(
    state: WorkingSet, moment: Moment, at: EntryPosition, position: Position
) -> None:
    """Offer a payout whose worker is silent to others, who will ask the rail first."""
    life = Life(state, moment, position, at)
    assert life.state is PayoutState.DISPATCHING, life.status
    assert life.status.lease_until_us <= moment.ts_us, life.status
    life.change(PayoutState.DISPATCHING, EventKind.LEASE_LAPSED)
    life.offer()


def plan_begin(life: Life) -> Plan | None:
    """Return the entry of a dispatch: reserved a / in_transit a."""
    return life.plan(
        life.own(AccountKind.RESERVED, Side.DEBIT, life.amount_minor),
        life.in_transit(Side.CREDIT),
    )


def take(
    state: WorkingSet,
    moment: Moment,
    life: Life,
    plan: Plan,
    key: str,
    command: DispatchBegin | None,
) -> None:
    """Write a dispatch. command: None where a person says that it took place."""
    if life.status.rail_key != key:
        state.use_rail_key(key, life.position)
    life.change(
        PayoutState.DISPATCHING,
        EventKind.DISPATCH_BEGUN,
        posting=(EntryReason.DISPATCH, plan),
        rail_key=key,
        attempt=life.status.attempt + 1,
        worker="" if command is None else command.principal,
        lease_until_us=0 if command is None else moment.ts_us + command.lease_us,
        claim_index=moment.position[0],
        flags=life.status.flags & ~PayoutFlag.NOT_FOUND,
    )


def key_for(state: WorkingSet, life: Life) -> str:
    """Return the rail key of the payout's next dispatch: no other payout ever had it."""
    salt = 0
    while True:
        key = rail_key(
            life.head.payout_id,
            rail=life.rail.number,
            dispatch_no=life.status.dispatch_no,
            salt=salt,
        )
        if state.rail_key(key) in (None, life.position):
            return key
        salt += 1


def _prefunding_minor(state: WorkingSet, moment: Moment, life: Life) -> int:
    """Return what the bank of the rail holds that is not on its way already, by any rail."""
    book, bank = life.account.book, life.rail.bank
    cash = LedgerAccount(AccountKind.BANK_CASH, bank.encode())
    left_minor = state.internal_minor(InternalKey(book, cash))
    for name, number in sorted(state.rail_names().items()):
        rail = state.rail(number, moment.ts_us)
        if rail is not None and rail.bank == bank:
            moving = LedgerAccount(AccountKind.IN_TRANSIT, name.encode())
            left_minor -= state.internal_minor(InternalKey(book, moving))
    return left_minor


def _is_well_formed(command: DispatchBegin | DispatchClaim) -> bool:
    if isinstance(command, DispatchBegin) and command.window_closes_us < 0:
        return False
    return (
        len(command.payout_id) == ID_BYTES
        and 1 <= command.attempt <= _ATTEMPT_MAX
        and 1 <= command.lease_us <= LEASE_US_MAX
    )
