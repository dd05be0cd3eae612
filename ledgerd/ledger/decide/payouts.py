"""Commands on a payout that was not dispatched: its way to READY, and its early ends. 3.2."""

from ledgerd.ledger import payouts
from ledgerd.ledger.accounts import (
    AccountKind,
    AccountStatus,
    EntryPosition,
    Position,
    Side,
)
from ledgerd.ledger.commands import (
    Approve,
    Cancel,
    Redate,
    Reject,
    RequestRecall,
    Reroute,
)
from ledgerd.ledger.decide.common import (
    INVALID,
    Decision,
    Moment,
    is_short,
)
from ledgerd.ledger.decide.life import Life, find, refuse_second_person
from ledgerd.ledger.decide.review import needs_review
from ledgerd.ledger.decide.risk import per_payout_checks, refusal_of
from ledgerd.ledger.decide.submit import refuse_order
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.journal import EntryReason
from ledgerd.ledger.outcomes import Refusal
from ledgerd.ledger.payouts import (
    FailureReason,
    PayoutChange,
    PayoutFlag,
    PayoutState,
    Trigger,
    Verdict,
)
from ledgerd.ledger.working_set import Plan, WorkingSet
from ledgerd.limits import ID_BYTES, PRINCIPAL_BYTES_MAX, REFERENCE_BYTES_MAX

_TIME_US_MAX = 2**63 - 1
_DATE_MAX = 99_991_231


def approve(state: WorkingSet, moment: Moment, command: Approve) -> Decision:
    """Decide one Approve: four eyes on a payout that waits for review."""
    life = _asked(state, moment, command.payout_id)
    if not isinstance(life, Life):
        return life
    if life.has_moved_on(command.expected_version):
        return life.refused(Refusal.VERSION_MISMATCH)
    if life.verdict(Trigger.APPROVE) is not Verdict.LEGAL:
        return life.refused(Refusal.WRONG_STATE)
    if command.principal == life.head.principal:
        return life.refused(Refusal.SAME_PERSON)
    life.change(PayoutState.READY, EventKind.PAYOUT_APPROVED)
    return life.done()


def reject(state: WorkingSet, moment: Moment, command: Reject) -> Decision:
    """Decide one Reject: reserved a+f / available a+f."""
    if not is_short(command.reason, REFERENCE_BYTES_MAX):
        return INVALID
    life = _asked(state, moment, command.payout_id)
    if not isinstance(life, Life):
        return life
    if life.has_moved_on(command.expected_version):
        return life.refused(Refusal.VERSION_MISMATCH)
    if life.verdict(Trigger.REJECT) is not Verdict.LEGAL:
        return life.refused(Refusal.WRONG_STATE)
    if command.principal == life.head.principal:
        return life.refused(Refusal.SAME_PERSON)
    plan = _unreserve(life)
    if plan is None:
        return life.refused(Refusal.OVERFLOW)
    life.change(
        PayoutState.FAILED,
        EventKind.PAYOUT_REJECTED,
        posting=(EntryReason.REJECT, plan),
        failure=FailureReason.REVIEW_REJECTED,
    )
    return life.done()


def cancel(state: WorkingSet, moment: Moment, command: Cancel) -> Decision:
    """Decide one Cancel of a payout that was not dispatched."""
    if not (
        is_short(command.reason, REFERENCE_BYTES_MAX)
        and is_short(command.approver, PRINCIPAL_BYTES_MAX)
    ):
        return INVALID
    life = _asked(state, moment, command.payout_id)
    if not isinstance(life, Life):
        return life
    if life.has_moved_on(command.expected_version):
        return life.refused(Refusal.VERSION_MISMATCH)
    match life.verdict(Trigger.CANCEL):
        case Verdict.SAME:
            return life.done()
        case Verdict.LEGAL:
            pass
        case _:
            return life.refused(Refusal.WRONG_STATE)
    if life.status.open_exceptions:
        return life.refused(Refusal.EXCEPTION_OPEN)
    person = refuse_second_person(life, command.approver)
    if person is not None:
        return life.refused(person)
    plan = _unreserve(life)
    if plan is None:
        return life.refused(Refusal.OVERFLOW)
    life.change(
        PayoutState.CANCELLED,
        EventKind.PAYOUT_CANCELLED,
        posting=(EntryReason.CANCEL, plan),
    )
    return life.done()


def reroute(state: WorkingSet, moment: Moment, command: Reroute) -> Decision:
    """Decide one Reroute: another rail, and the difference of the fees.

    What the calendar of the old rail said of a scheduled payout goes with that rail: it is let go
    when the client asked for it, until a Redate by the new rail's calendar. By the rail it has
    already it only gets the fee of now: burned keys stay burned, and a silence stays one.
    """
    if not is_short(command.approver, PRINCIPAL_BYTES_MAX):
        return INVALID
    life = _asked(state, moment, command.payout_id)
    if not isinstance(life, Life):
        return life
    rail = state.rail(command.rail, moment.ts_us)
    if rail is None:
        return life.refused(Refusal.RAIL_NOT_FOUND)
    if rail.is_sandbox == life.account.livemode:
        return life.refused(Refusal.LIVEMODE_MISMATCH)
    if life.has_moved_on(command.expected_version):
        return life.refused(Refusal.VERSION_MISMATCH)
    if life.verdict(Trigger.REROUTE) is not Verdict.LEGAL:
        return life.refused(Refusal.WRONG_STATE)
    if life.status.open_exceptions:
        return life.refused(Refusal.EXCEPTION_OPEN)
    fee_minor = (
        state.fee_schedules()
        .at(moment.ts_us)
        .fee_minor(
            rail=rail.number,
            currency=life.head.currency,
            amount_minor=life.amount_minor,
            account_class=life.account.account_class,
        )
    )
    more_minor = fee_minor - life.fee_minor
    account = life.account
    if more_minor > 0 and account.status is not AccountStatus.OPEN:
        return life.refused(Refusal.ACCOUNT_FROZEN)  # a closed one has no open payout
    person = refuse_second_person(life, command.approver)
    if person is not None:
        return life.refused(person)
    if rail.is_suspended:
        return life.refused(Refusal.RAIL_SUSPENDED)
    if not rail.takes_currency(life.head.currency):
        return life.refused(Refusal.RAIL_CURRENCY)
    unfit = refuse_order(rail, life.amount_minor, life.head.details)
    if unfit is not None:
        return life.refused(unfit)
    over = refusal_of(
        per_payout_checks(state.policy, moment, life.head, rail=rail.number)
    )
    if over is not None:
        return life.refused(over)

    if account.available_minor - more_minor < account.min_balance_minor and (
        more_minor > 0
    ):
        return life.refused(Refusal.INSUFFICIENT_FUNDS)
    posting: tuple[EntryReason, Plan] | None = None
    if more_minor:
        given, taken = AccountKind.AVAILABLE, AccountKind.RESERVED
        if more_minor < 0:
            given, taken = taken, given
        plan = life.plan(
            life.own(given, Side.DEBIT, abs(more_minor)),
            life.own(taken, Side.CREDIT, abs(more_minor)),
        )
        if plan is None:
            return life.refused(Refusal.OVERFLOW)
        posting = (EntryReason.REROUTE, plan)
    changes: PayoutChange = {"rail": rail.number, "fee_minor": fee_minor}
    is_another = rail.number != life.rail.number
    if is_another:
        changes |= {
            "dispatch_no": 0,
            "flags": life.status.flags & ~PayoutFlag.NOT_FOUND,
        }
    if life.status.calendar_version and is_another:
        changes |= {"arrival_date": 0, "calendar_version": 0}
        if life.state is PayoutState.SCHEDULED:
            changes |= {"release_at_us": 0}  # that of the client
            state.drop_timer(life.release_timer())
    life.change(life.state, EventKind.PAYOUT_REROUTED, posting=posting, **changes)
    if "release_at_us" in changes:
        state.add_timer(life.release_timer())
    return life.done()


def redate(state: WorkingSet, moment: Moment, command: Redate) -> Decision:
    """Decide one Redate of a scheduled payout, by a newer version of a calendar."""
    if not (
        0 < command.release_at_us <= _TIME_US_MAX
        and 0 <= command.arrival_date <= _DATE_MAX
        and command.calendar_version > 0
    ):
        return INVALID
    life = _asked(state, moment, command.payout_id)
    if not isinstance(life, Life):
        return life
    if command.calendar_version <= life.status.calendar_version:
        return life.refused(Refusal.VERSION_MISMATCH)
    if life.verdict(Trigger.REDATE) is not Verdict.LEGAL:
        return life.refused(Refusal.WRONG_STATE)
    state.drop_timer(life.release_timer())
    life.change(
        life.state,
        EventKind.PAYOUT_REDATED,
        release_at_us=command.release_at_us,
        arrival_date=command.arrival_date,
        calendar_version=command.calendar_version,
    )
    state.add_timer(life.release_timer())
    return life.done()


def request_recall(
    state: WorkingSet, moment: Moment, command: RequestRecall
) -> Decision:
    """Decide one RequestRecall: a mark and an event, no posting."""
    if not is_short(command.reason, REFERENCE_BYTES_MAX):
        return INVALID
    life = _asked(state, moment, command.payout_id)
    if not isinstance(life, Life):
        return life
    if life.has_moved_on(command.expected_version):
        return life.refused(Refusal.VERSION_MISMATCH)
    if life.verdict(Trigger.REQUEST_RECALL) is not Verdict.EVENT:
        return life.refused(Refusal.WRONG_STATE)
    until_us = life.recall_until_us()
    if until_us is None:
        return life.refused(Refusal.RECALL_UNSUPPORTED)
    if life.state is PayoutState.SETTLED and moment.ts_us > until_us:
        return life.refused(Refusal.RECALL_WINDOW_CLOSED)
    if not life.status.has(PayoutFlag.RECALL_REQUESTED):
        life.change(
            life.state,
            EventKind.RECALL_REQUESTED,
            flags=life.status.flags | PayoutFlag.RECALL_REQUESTED,
        )
    return life.done()


def release(
    state: WorkingSet, moment: Moment, at: EntryPosition, position: Position
) -> None:
    """Let a scheduled payout go, by its timer, to review if a rule asks for that. # I9."""
    life = Life(state, moment, position, at)
    assert life.verdict(Trigger.RELEASE) is Verdict.LEGAL, life.status
    is_review = needs_review(state, moment, life.head)
    life.change(
        PayoutState.IN_REVIEW if is_review else PayoutState.READY,
        EventKind.PAYOUT_RELEASED,
    )


def state_now(state: WorkingSet, position: Position) -> int:
    """Return the state of a payout that exists, as it is now."""
    return payouts.status_of(
        state.payout(position), state.payout_status(position)
    ).state


def _asked(state: WorkingSet, moment: Moment, payout_id: bytes) -> Life | Decision:
    """Return the payout that a command names, or why there is none."""
    if len(payout_id) != ID_BYTES:
        return INVALID
    return find(state, moment, payout_id) or Decision(Refusal.PAYOUT_NOT_FOUND)


def _unreserve(life: Life) -> Plan | None:
    """Return the entry that gives amount and fee back: reserved a+f / available a+f."""
    total_minor = life.amount_minor + life.fee_minor
    return life.plan(
        life.own(AccountKind.RESERVED, Side.DEBIT, total_minor),
        life.own(AccountKind.AVAILABLE, Side.CREDIT, total_minor),
    )
