"""One payout while a command changes it: states, timers, postings and events move together."""

from typing import Unpack

from ledgerd.ledger import payouts
from ledgerd.ledger.accounts import (
    Account,
    AccountKind,
    EntryPosition,
    LedgerAccount,
    Position,
    Side,
)
from ledgerd.ledger.calendars import Calendar, open_days_end_us, settled_day
from ledgerd.ledger.catalogue import Rail
from ledgerd.ledger.commands import Refund
from ledgerd.ledger.decide import risk
from ledgerd.ledger.decide.common import Decision, Moment
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.journal import EntryReason, Leg
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import (
    EDGES,
    PayoutChange,
    PayoutFlag,
    PayoutState,
    PayoutStatus,
    Trigger,
    Verdict,
)
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.ledger.working_set import Plan, WorkingSet

# What the lifecycle did not have before this version: rows that lead a worker to a payout.
LIFECYCLE_SINCE = 3


class Life:
    """The payout at `position`, from before a command to after it.

    head, status: as they are now. Each `change` takes the next number of the command's entries.
    """

    def __init__(
        self,
        state: WorkingSet,
        moment: Moment,
        position: Position,
        at: EntryPosition | None = None,
    ) -> None:
        self._state = state
        self._moment = moment
        self._at = at or moment.first
        self.position = position
        self.head = state.payout(position)
        self.status = payouts.status_of(self.head, state.payout_status(position))

    @property
    def state(self) -> PayoutState:
        """The state it is in."""
        return self.status.state

    @property
    def amount_minor(self) -> int:
        """Its amount, minor units."""
        return self.head.amount_minor

    @property
    def fee_minor(self) -> int:
        """Its fee as it is now, minor units."""
        return payouts.fee_now(self.head, self.status)

    @property
    def rail(self) -> Rail:
        """The rail that it is to go by, or went by."""
        number = payouts.rail_now(self.head, self.status)
        rail = self._state.rail(number, self._moment.ts_us)
        assert rail is not None, self.head
        return rail

    @property
    def refunds_fee(self) -> bool:
        """Whether its fee goes back with the whole amount, by the rule in force now. 3.2."""
        schedule = self._state.fee_schedules().at(self._moment.ts_us)
        rail = self.rail
        rule = schedule.rule(
            rail=rail.number,
            currency=self.head.currency,
            account_class=self.account.account_class,
        )
        if rule is None or rule.refund == Refund.BY_RAIL:
            return rail.refunds_fee
        return rule.refund == Refund.WHEN_ALL_RETURNED

    @property
    def account(self) -> Account:
        """The account that pays. The caller does not change it."""
        account = self._state.account(self.head.account_id)
        assert account is not None, self.head
        return account

    def has_moved_on(self, expected_version: int) -> bool:
        """Return whether the caller has seen another version of it; 0 stands for any."""
        return expected_version not in (0, self.status.version)

    def verdict(self, trigger: Trigger) -> Verdict:
        """Return what `trigger` meets now. 3.4."""
        return payouts.cell(self.state, trigger).verdict

    def final_at_us(self, value_date: int) -> int:
        """Return when the return window of a settlement told now ends, log time. 3.1, 8.1.

        value_date: as yyyymmdd, 0 where nobody says; then the day of the entry stands for it.
        """
        rail, ts_us = self.rail, self._moment.ts_us
        if rail.record is None:
            return ts_us + rail.return_us
        if not rail.record.return_days:
            return ts_us
        day = settled_day(value_date, ts_us)
        return max(
            ts_us, open_days_end_us(self._calendar(), day, rail.record.return_days)
        )

    @property
    def has_return_days(self) -> bool:
        """Whether its return window is counted from the value date. 8.1."""
        record = self.rail.record
        return record is not None and record.return_days > 0

    def recall_until_us(self) -> int | None:
        """Return when the recall window of a settled payout ends; None where there is none. 8.1.

        The window in force now counts. Where no value date is known it counts from the last
        change, which is never before the settlement: no window is cut short.
        """
        rail, status = self.rail, self.status
        if rail.record is None:
            settled_us = status.final_at_us - rail.return_us
            return settled_us + rail.recall_us if rail.recall_us else None
        if not rail.record.recall_days:
            return None
        day = settled_day(status.value_date, status.ts_us)
        return open_days_end_us(self._calendar(), day, rail.record.recall_days)

    def _calendar(self) -> Calendar | None:
        """Return the calendar of its rail; None where the rail never closes or none was set."""
        record = self.rail.record
        name = "" if record is None else record.calendar
        return self._state.calendar(name, self._moment.ts_us)

    def plan(self, *legs: Leg) -> Plan | None:
        """Return what the legs would leave; None if anything overflows. Legs of 0 are left out."""
        return self._state.plan(
            self.account.book, tuple(leg for leg in legs if leg.amount_minor)
        )

    def cash(self, side: Side, amount_minor: int) -> Leg:
        """Return a leg on the cash of the bank that its rail moves."""
        bank = LedgerAccount(AccountKind.BANK_CASH, self.rail.bank.encode())
        return Leg(bank, side, amount_minor)

    def in_transit(self, side: Side) -> Leg:
        """Return a leg of its amount on what its rail has in transit."""
        rail = LedgerAccount(AccountKind.IN_TRANSIT, self.rail.name.encode())
        return Leg(rail, side, self.amount_minor)

    def own(self, kind: AccountKind, side: Side, amount_minor: int) -> Leg:
        """Return a leg on one of the balances of the account that pays."""
        return Leg(LedgerAccount(kind, self.head.account_id), side, amount_minor)

    def refused(self, code: int) -> Decision:
        """Return a refusal that names the state it is in."""
        return Decision(code, state=self.state, payout_position=self.position)

    def done(self) -> Decision:
        """Return the answer to a command that was accepted."""
        return Decision(
            Outcome.CREATED, state=self.state, payout_position=self.position
        )

    def change(
        self,
        to: PayoutState,
        kind: EventKind,
        *,
        posting: tuple[EntryReason, Plan] | None = None,
        amount_minor: int | None = None,
        **fields: Unpack[PayoutChange],
    ) -> None:
        """Write one change: its entry if there is one, status, timers, and the event. # I9, I14."""
        state, at, before = self._state, self._at, self.status
        index, ordinal, n = at
        self._at = (index, ordinal, n + 1)
        assert to is before.state or (before.state, to) in EDGES, (before, to)  # I9
        if posting is not None:
            reason, plan = posting
            state.post(at, reason, plan)
        old_rail = self.rail.number
        after = before._replace(
            state=to,
            sequence=before.sequence + 1,
            last_entry=at,
            ts_us=self._moment.ts_us,
            **fields,
        )
        if to is not PayoutState.DISPATCHING:  # evidence has settled the doubt
            after = after._replace(flags=after.flags & ~PayoutFlag.IN_DOUBT)
        assert after.back_minor <= self.amount_minor, after  # I14
        assert after.open_exceptions >= 0, after
        state.set_payout_status(self.position, after)
        self.status = after
        self._move_timers(before.state, before.lease_until_us)
        risk.ended(state, self._moment, self.head, before=before.state, after=to)
        if self._moment.state_version >= LIFECYCLE_SINCE:
            self._lead_workers(before, old_rail)
        touched = posting is not None and any(
            account_id == self.head.account_id for account_id, _ in posting[1].customers
        )
        state.tell(
            position=at,
            kind=kind,
            ts_us=self._moment.ts_us,
            subject=self.head.payout_id,
            state_before=before.state,
            state_after=to,
            currency=self.head.currency,
            amount_minor=self.amount_minor if amount_minor is None else amount_minor,
            fee_minor=self.fee_minor,
            accounts=(self.head.account_id,) if touched else (),
        )

    def release_timer(self) -> Timer:
        """Return the timer of a scheduled payout."""
        due_us = self.status.release_at_us or self.head.release_at_us
        return Timer(due_us, self.position, TimerKind.RELEASE)

    def offer(self) -> None:
        """Let a worker take it."""
        self._state.set_ready(self.rail.number, self.position, is_ready=True)

    def _move_timers(self, before: PayoutState, lease_until_us: int) -> None:
        if before is PayoutState.SCHEDULED and self.state is not before:
            self._state.drop_timer(self.release_timer())
        lease_now_us = (
            self.status.lease_until_us if self.state is PayoutState.DISPATCHING else 0
        )
        was_us = lease_until_us if before is PayoutState.DISPATCHING else 0
        if lease_now_us != was_us:
            if was_us:
                self._state.drop_timer(Timer(was_us, self.position, TimerKind.LEASE))
            if lease_now_us:
                lease = Timer(lease_now_us, self.position, TimerKind.LEASE)
                self._state.add_timer(lease)

    def _lead_workers(self, before: PayoutStatus, old_rail: int) -> None:
        """Keep the rows by which workers find it: READY, or a lease that lapsed."""
        is_freed = before.state is PayoutState.DISPATCHING and (
            self.state is not before.state
            or self.status.lease_until_us != before.lease_until_us
        )
        if before.state is PayoutState.READY or is_freed:
            self._state.set_ready(old_rail, self.position, is_ready=False)
        if self.state is PayoutState.READY:
            self.offer()


def find(state: WorkingSet, moment: Moment, payout_id: bytes) -> Life | None:
    """Return a payout by its id; None for an id that is unknown or was refused."""
    known = state.id(IdKind.PAYOUT, payout_id)
    if known is None or known.refusal:
        return None
    return Life(state, moment, (known.index, known.ordinal))


def refuse_second_person(life: Life, approver: str) -> Refusal | None:
    """Return why money may not leave the reach of a rail key that was met with silence. 3.2."""
    if not life.status.has(PayoutFlag.NOT_FOUND):
        return None
    if not approver:
        return Refusal.APPROVAL_MISSING
    return Refusal.SAME_PERSON if approver == life.head.principal else None
