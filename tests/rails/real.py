"""The ledger itself, in memory, under the dispatcher: its own rules decide, and are audited."""

from collections.abc import Callable

from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.commands import (
    Command,
    DispatchBegin,
    DispatchClaim,
    RaiseAttention,
    Submit,
    Tick,
)
from ledgerd.ledger.details import Details, pack_details
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import PayoutState, PayoutStatus, status_of
from ledgerd.rails.books import Claim, Work, WorkPage
from ledgerd.rails.node_books import _command, _work, new_request_id
from ledgerd.rails.rail import Evidence
from ledgerd.storage.reader import PayoutFound
from tests.fakes import MemoryLedger
from tests.ledger.making import (
    ALICE,
    NOW_MS,
    USD,
    columns,
    fund,
    names,
    open_account,
    uid,
)
from tests.rails.world import FakeBooks, page_of

SANDBOX = 1


class RealLedger:
    """One ledger that all nodes see, and the time of its log."""

    def __init__(self, elapsed_us: Callable[[], int]) -> None:
        self.books = MemoryLedger()
        self._start_us = self.books.ts_us
        self._elapsed_us = elapsed_us
        self.term = 1
        self.leader: str | None = None
        self.books.do([open_account(ALICE, livemode=False)])
        self.books.do([fund(0xF00D, amount_minor=10**9)])
        self._submitted = 0

    def now_us(self) -> int:
        return self._start_us + self._elapsed_us()

    def do(self, command: Command) -> tuple[int, int]:
        """Put a command into the log; return its code and index."""
        self.books.ts_us = max(self.books.ts_us, self.now_us())
        if self.books.view.timers(self.books.ts_us, 1):
            self.books.do([Tick()])
        applied = self.books.do([command])
        return applied.outcomes.codes[0], self.books.index

    def pay(self, account_number: str) -> bytes:
        self._submitted += 1
        payout_id = uid(self._submitted, NOW_MS + self._submitted)
        details = Details(2, "US", "021000021", account_number, "Ada", "", "", ())
        packed = pack_details(details)
        command = Submit(payout_id, ALICE, 5_000, USD, SANDBOX, "svc", packed)
        applied = self.books.do(columns([command]))
        assert applied.outcomes.codes[0] == Outcome.CREATED, names(applied)
        return payout_id

    def found(self, payout_id: bytes) -> PayoutFound:
        for head in self.heads():
            if head.head.payout_id == payout_id:
                return head
        raise AssertionError(payout_id)

    def heads(self) -> list[PayoutFound]:
        view = self.books.view
        found = []
        for key in sorted(view.tables[Table.PAYOUT]):
            position = records.position_of(key)
            (head,) = view.payouts([position])
            (status,) = view.payout_statuses([position])
            found.append(PayoutFound(head, status))
        return found

    def takeable(self) -> list[PayoutFound]:
        ready = {
            (records.ready_of(key)[1], ordinal)
            for key, value in self.books.view.tables[Table.READY].items()
            for ordinal in records.decode_ready(key, value)
        }
        return [
            one
            for one in self.heads()
            if one.head.position in ready
            and (one.status is None or not one.status.open_exceptions)
        ]


class RealBooks(FakeBooks):
    """What one node sees of it. A call takes time, and its answer may be lost."""

    _ledger: RealLedger  # type: ignore[assignment]  # the same words, other rules

    async def raise_attention(self, payout_id: bytes, attempt: int, why: str) -> bool:
        if not await self._propose():
            return False
        self._ledger.do(
            RaiseAttention(new_request_id(), payout_id, attempt, why, self.worker)
        )
        return await self._answer()

    async def work(
        self, rail: int, limit: int, after: tuple[int, int] | None
    ) -> WorkPage:
        if self._ledger.books.view.timers(self._ledger.now_us(), 1):
            self._ledger.do(Tick())
        found = self._ledger.takeable()
        positions = {one.head.payout_id: one.head.position for one in found}
        return page_of([_work(one) for one in found], positions, limit, after)

    async def record(self, rail: int, evidence: Evidence) -> bool:
        if not await self._propose():
            return False
        self._ledger.do(_command(rail, evidence, self.worker))
        return await self._answer()

    async def _take(self, work: Work, lease_us: int) -> Claim | None:
        if not await self._propose():
            return None
        kind = DispatchBegin if work.is_ready else DispatchClaim
        command = kind(
            new_request_id(), work.payout_id, work.attempt + 1, lease_us, self.worker
        )
        code, index = self._ledger.do(command)
        status = self.status(work.payout_id)
        if code != Outcome.CREATED or not await self._answer():
            return None
        return Claim(
            status.rail_key, status.attempt, index, status.ts_us, status.lease_until_us
        )

    def status(self, payout_id: bytes) -> PayoutStatus:
        found = self._ledger.found(payout_id)
        return status_of(found.head, found.status)


def is_settled(found: PayoutFound) -> bool:
    """Whether nothing more will happen to it by itself."""
    final = (PayoutState.SETTLED, PayoutState.FAILED, PayoutState.RETURNED)
    return found.state in final
