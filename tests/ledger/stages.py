"""A payout brought into each state by real commands, and the commands that meet it there."""

from dataclasses import replace

import pytest

from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import (
    AccountKind,
    Balances,
    Book,
    InternalKey,
    LedgerAccount,
)
from ledgerd.ledger.apply import Applied
from ledgerd.ledger.commands import (
    Approve,
    Cancel,
    Command,
    DispatchBegin,
    DispatchClaim,
    RailAck,
    RailNotAccepted,
    RailReject,
    RaiseAttention,
    Redate,
    Reject,
    RequestRecall,
    Reroute,
    Return,
    ReversalComplete,
    Settle,
    Tick,
)
from ledgerd.ledger.decide import submit as submits
from ledgerd.ledger.exceptions import LedgerException
from ledgerd.ledger.invariants import Audit
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import (
    PayoutHead,
    PayoutState,
    PayoutStatus,
    Trigger,
    rail_now,
    status_of,
)
from tests.fakes import MemoryView
from tests.ledger.making import (
    ALICE,
    SWIFT,
    USD,
    Ledger,
    fund,
    open_account,
    set_fees,
    submit,
    uid,
)

S, T = PayoutState, Trigger
PAYOUT = uid(1)
AMOUNT, FEE = 1_000, 26  # by set_fees: 25 cents and 10 basis points
WORKER, OTHER_WORKER, BOSS = "worker-1", "worker-2", "boss"
LEASE_US = 30_000_000
NO_KEY = "2" * 15


class Stage:
    """One payout of 10.00 USD and its ledger. `number` makes every request id new."""

    def __init__(self) -> None:
        self.books = Ledger()
        self.number = 100
        self.do(open_account())
        self.do(fund(90))
        self.do(set_fees(91))

    def do(self, *commands: Command) -> Applied:
        """Apply one entry of commands."""
        return self.books.do(list(commands))

    def submit(self, release_at_us: int = 0) -> None:
        """Submit the payout by the readable path, which knows all its initial states."""
        command = submit(1, release_at_us=release_at_us)
        applied = self.do(command)  # type: ignore[arg-type]  # apply_readable takes it
        assert list(applied.outcomes.codes) == [Outcome.CREATED], applied.outcomes

    def next_id(self) -> bytes:
        """A request id not used before."""
        self.number += 1
        return uid(self.number)

    @property
    def row(self) -> tuple[PayoutHead, PayoutStatus | None]:
        """The payout's rows."""
        ((head, status),) = self.books.view.all_payouts()
        return head, status

    @property
    def status(self) -> PayoutStatus:
        return status_of(*self.row)

    @property
    def state(self) -> PayoutState:
        return self.status.state

    @property
    def key(self) -> str:
        """Its rail key; one of the right form if it has none."""
        return self.status.rail_key or NO_KEY

    @property
    def exceptions(self) -> list[LedgerException]:
        """All exceptions, in order."""
        return [
            records.decode_exception(key, value)
            for key, value in self.books.view.tables[Table.EXCEPTION].items()
        ]

    def command(self, trigger: Trigger, **changes: object) -> Command:
        """A command of this trigger that names the payout and is right in all else."""
        id_, rail = self.next_id(), SWIFT
        reference = f"{trigger.name}-{self.number}"
        attempt = self.status.attempt + 1
        made: Command
        match trigger:
            case T.RELEASE:
                made = Tick()
            case T.REDATE:
                made = Redate(id_, PAYOUT, self.books.ts_us + 10**9, 20251101, 1, "svc")
            case T.APPROVE:
                made = Approve(id_, PAYOUT, BOSS)
            case T.REJECT:
                made = Reject(id_, PAYOUT, "no", BOSS)
            case T.REROUTE:
                made = Reroute(id_, PAYOUT, 2, "svc")
            case T.CANCEL:
                made = Cancel(id_, PAYOUT, "typo", "svc")
            case T.DISPATCH_BEGIN:
                made = DispatchBegin(id_, PAYOUT, attempt, LEASE_US, WORKER)
            case T.DISPATCH_CLAIM:
                made = DispatchClaim(id_, PAYOUT, attempt, LEASE_US, WORKER)
            case T.RAISE_ATTENTION:
                made = RaiseAttention(id_, PAYOUT, attempt - 1, "unsure", WORKER)
            case T.RAIL_ACK:
                made = RailAck(id_, rail, self.key, reference, WORKER)
            case T.RAIL_NOT_ACCEPTED:
                made = RailNotAccepted(id_, rail, self.key, reference, True, WORKER)
            case T.RAIL_REJECT:
                made = RailReject(id_, rail, self.key, reference, "R03", WORKER)
            case T.SETTLE:
                made = Settle(id_, rail, self.key, reference, 20251010, 0, WORKER)
            case T.REQUEST_RECALL:
                made = RequestRecall(id_, PAYOUT, "fraud", "svc")
            case T.RETURN:
                made = Return(
                    id_, rail, self.key, reference, AMOUNT, "R01", False, WORKER
                )
            case T.REVERSAL_COMPLETE:
                made = ReversalComplete(id_, rail, self.key, reference, AMOUNT, WORKER)
            case _:
                raise AssertionError(trigger)
        return replace(made, **changes) if changes else made  # type: ignore[arg-type]

    def meet(self, trigger: Trigger, **changes: object) -> Applied:
        """Apply a command of this trigger."""
        return self.do(self.command(trigger, **changes))

    def code(self, trigger: Trigger, **changes: object) -> int:
        """Apply a command; return the code of its answer."""
        return self.meet(trigger, **changes).outcomes.codes[0]

    def balances(self) -> Balances:
        """What the account holds."""
        account = self.books.view.account(ALICE)
        assert account is not None
        return account.balances

    def internal(self, kind: AccountKind, subject: bytes = b"") -> int:
        """The balance of an internal account."""
        key = InternalKey(Book(True, USD), LedgerAccount(kind, subject))
        return dict(self.books.view.all_internals()).get(key, 0)

    def audit(self) -> None:
        """Check every invariant that rows can show."""
        view = self.books.view
        audit = Audit()
        for entry in view.journal():
            audit.entry(entry)
        audit.accounts(view.all_accounts())
        audit.internals(view.all_internals())
        audit.payouts(view.all_payouts())
        audit.under_way(view.all_under_way(), view.all_payouts())
        audit.events(view.events())
        audit.trial_balance()
        assert audit.breaches == []
        check_ready(view)


# How a payout that was just submitted comes into each state. BEFORE is a dispatch that was
# not accepted.
_BEGIN, _NOT = T.DISPATCH_BEGIN, T.RAIL_NOT_ACCEPTED
WAYS: dict[PayoutState, tuple[Trigger, ...]] = {
    S.SCHEDULED: (),
    S.IN_REVIEW: (),
    S.READY: (),
    S.DISPATCHING: (_BEGIN,),
    S.SENT: (_BEGIN, T.RAIL_ACK),
    S.SETTLED: (_BEGIN, T.SETTLE),
    S.CANCELLED: (T.CANCEL,),
    S.FAILED: (_BEGIN, T.RAIL_REJECT),
    S.RETURNED: (_BEGIN, T.SETTLE, T.RETURN),
    S.REVERSED: (_BEGIN, T.SETTLE, T.REVERSAL_COMPLETE),
}


def stage(
    state: PayoutState,
    monkeypatch: pytest.MonkeyPatch | None = None,
    *,
    dispatched: bool = False,
) -> Stage:
    """A payout in this state. dispatched: a rail has refused it before."""
    made = Stage()
    if state is S.IN_REVIEW:
        assert monkeypatch is not None
        with monkeypatch.context() as patch:
            patch.setattr(submits, "needs_review", lambda *_: True)
            made.submit()
    else:
        due_us = made.books.ts_us + 1_000 + 500 if state is S.SCHEDULED else 0
        made.submit(due_us)
    way = WAYS[state]
    if dispatched:
        assert state in (S.READY, S.CANCELLED), state
        way = (_BEGIN, _NOT, *way)
    for trigger in way:
        assert made.code(trigger) == Outcome.CREATED, trigger
    assert made.state is state
    made.audit()
    return made


def check_ready(view: MemoryView) -> None:
    """A READY payout can be found by a worker; any other only if its lease has lapsed."""
    found = {
        (records.ready_of(key)[0], records.ready_of(key)[1], ordinal)
        for key, value in view.tables[Table.READY].items()
        for ordinal in records.decode_ready(key, value)
    }
    for head, status in view.all_payouts():
        state = status_of(head, status).state
        place = (rail_now(head, status), *head.position)
        if state is S.READY:
            assert place in found, head
        elif state is not S.DISPATCHING:
            assert place not in found, (head, state)
