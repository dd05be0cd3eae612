"""A cluster's books and a rail for the dispatcher: leaders that are killed, wires that lose."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ledgerd.rails.books import Claim, Work, WorkPage
from ledgerd.rails.rail import (
    Advice,
    Evidence,
    EvidenceKind,
    Instruction,
    Known,
    NoAnswerError,
)
from ledgerd.rails.simulated import FencedError, SimulatedBank

READY, DISPATCHING, SENT = "READY", "DISPATCHING", "SENT"
SETTLED, FAILED, RETURNED = "SETTLED", "FAILED", "RETURNED"
FINAL = frozenset({SETTLED, FAILED, RETURNED})


@dataclass
class Row:
    """One payout of the fake ledger."""

    payout_id: bytes
    account_number: str
    state: str = READY
    attempt: int = 0
    worker: str = ""
    lease_until_us: int = 0
    has_exception: bool = False
    has_attention: bool = False
    seen: list[str] = field(default_factory=list)

    @property
    def rail_key(self) -> str:
        return self.payout_id.decode()


class FakeLedger:
    """The rules of 3.2 and 3.4 that the dispatcher can meet, and log time."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self.rows: dict[bytes, Row] = {}
        self.index = 0
        self.term = 1
        self.leader: str | None = None
        self.now_us = now_us

    def add(self, row: Row) -> None:
        self.rows[row.payout_id] = row

    def take(self, row: Row, work: Work, worker: str, lease_us: int) -> Claim | None:
        now_us = self.now_us()
        self.index += 1
        if work.attempt != row.attempt or row.has_exception:
            return None
        if work.is_ready != (row.state == READY) or row.state not in (
            READY,
            DISPATCHING,
        ):
            return None
        if (
            row.state == DISPATCHING
            and row.worker != worker
            and now_us < row.lease_until_us
        ):
            return None
        row.state = DISPATCHING
        row.attempt += 1
        row.worker = worker
        row.lease_until_us = now_us + lease_us
        return Claim(row.rail_key, row.attempt, self.index, now_us, row.lease_until_us)

    def raise_attention(self, payout_id: bytes, attempt: int, worker: str) -> None:
        row = self.rows[payout_id]
        if (row.state, row.attempt, row.worker) == (DISPATCHING, attempt, worker):
            row.worker, row.has_attention = "", True

    def record(self, evidence: Evidence) -> None:
        row = self.rows[evidence.rail_key.encode()]
        kind = evidence.kind
        row.seen.append(kind.value)
        if row.state in (READY, FAILED) and kind is not EvidenceKind.REFUSED:
            row.has_exception = True
        elif row.state in (DISPATCHING, SENT) and kind is EvidenceKind.TAKEN:
            row.state = SENT
        elif row.state == DISPATCHING and kind is EvidenceKind.REFUSED:
            row.state = READY
        elif row.state in (DISPATCHING, SENT) and kind is EvidenceKind.REJECTED:
            row.state = FAILED
        elif row.state in (DISPATCHING, SENT) and kind is EvidenceKind.SETTLED:
            row.state = SETTLED
        elif kind is EvidenceKind.RETURNED:
            row.state = RETURNED


def page_of(
    found: list[Work],
    positions: Mapping[bytes, tuple[int, int]],
    limit: int,
    after: tuple[int, int] | None,
) -> WorkPage:
    """The page of payouts behind a position, as a node gives it."""
    behind = [
        work for work in found if after is None or positions[work.payout_id] > after
    ]
    page = tuple(behind[:limit])
    last = positions[page[-1].payout_id] if len(behind) > limit else None
    return WorkPage(page, last)


class FakeBooks:
    """What one node sees of it. A call takes time, and its answer may be lost."""

    def __init__(
        self, ledger: FakeLedger, worker: str, dice: random.Random, loss: float = 0.0
    ) -> None:
        self._ledger = ledger
        self._dice = dice
        self._loss = loss
        self.worker = worker

    def term(self) -> int | None:
        return self._ledger.term if self._ledger.leader == self.worker else None

    def now_us(self) -> int:
        return self._ledger.now_us()

    async def work(
        self, rail: int, limit: int, after: tuple[int, int] | None
    ) -> WorkPage:
        found = [
            Work(
                row.payout_id,
                5_000,
                "USD",
                row.account_number,
                "",
                row.state == READY,
                row.attempt,
                row.rail_key,
                row.worker,
                row.lease_until_us,
            )
            for row in self._ledger.rows.values()
            if row.state in (READY, DISPATCHING) and not row.has_exception
        ]
        positions = {id_: (n, 0) for n, id_ in enumerate(self._ledger.rows)}
        return page_of(found, positions, limit, after)

    async def begin(self, work: Work, lease_us: int) -> Claim | None:
        return await self._take(work, lease_us)

    async def claim(self, work: Work, lease_us: int) -> Claim | None:
        return await self._take(work, lease_us)

    async def raise_attention(self, payout_id: bytes, attempt: int, why: str) -> bool:
        if not await self._propose():
            return False
        self._ledger.raise_attention(payout_id, attempt, self.worker)
        return await self._answer()

    async def record(self, rail: int, evidence: Evidence) -> bool:
        if not await self._propose():
            return False
        self._ledger.record(evidence)
        return await self._answer()

    async def _take(self, work: Work, lease_us: int) -> Claim | None:
        if not await self._propose():
            return None
        row = self._ledger.rows[work.payout_id]
        claim = self._ledger.take(row, work, self.worker, lease_us)
        return claim if await self._answer() else None

    async def _propose(self) -> bool:
        term = self.term()
        await asyncio.sleep(self._dice.uniform(0.001, 0.02))
        return term is not None and self.term() == term

    async def _answer(self) -> bool:
        await asyncio.sleep(self._dice.uniform(0.001, 0.02))
        return self._dice.random() >= self._loss


class WireRail:
    """The simulated bank behind a wire: what was sent arrives, whoever is dead by then."""

    def __init__(
        self,
        bank: SimulatedBank,
        dice: random.Random,
        loss: float = 0.0,
        late_s: float = 0.0,
        *,
        knows_tokens: bool = True,
        is_silent: Callable[[str], bool] = lambda rail_key: False,
    ) -> None:
        """is_silent: of a rail key, or "" for what it tells by itself: no call gets through."""
        self._is_silent = is_silent
        self._knows_tokens = knows_tokens
        self._bank = bank
        self._dice = dice
        self._loss = loss
        self._late_s = late_s

    async def send(self, instruction: Instruction, timeout_s: float) -> Evidence:
        await self._connect(instruction.rail_key)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Evidence | None] = loop.create_future()

        if not self._knows_tokens:
            instruction = instruction._replace(fencing_token=0)

        def arrive() -> None:
            try:
                told = self._bank.send(instruction, loop.time())
            except FencedError:
                return
            if told is not None and not answer.done():
                answer.set_result(told)

        if self._dice.random() >= self._loss:
            loop.call_later(self._dice.uniform(0.001, 0.05 + self._late_s), arrive)
        try:
            async with asyncio.timeout(timeout_s):
                told = await answer
        except TimeoutError:
            raise NoAnswerError("timeout") from None
        await asyncio.sleep(self._dice.uniform(0.001, 0.05))
        if self._dice.random() < self._loss:
            await asyncio.sleep(timeout_s)
            raise NoAnswerError("the answer was lost")
        assert told is not None
        return told

    async def ask(self, rail_key: str, fencing_token: int, timeout_s: float) -> Known:
        await self._connect(rail_key)
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._dice.uniform(0.001, 0.05))
        if self._dice.random() < self._loss:
            await asyncio.sleep(timeout_s)
            raise NoAnswerError("timeout")
        if self._knows_tokens:
            self._bank.fence(rail_key, fencing_token, loop.time())
        known = self._bank.ask(rail_key, loop.time())
        await asyncio.sleep(self._dice.uniform(0.001, 0.05))
        return Known(known, int(self._bank.pace.guarantee_s * 1e6))

    async def advices(self, after: int, wait_s: float) -> tuple[Advice, ...]:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            await self._connect("")
            found = self._bank.advices(after, loop.time())
            if found or loop.time() >= until:
                return found
            await asyncio.sleep(0.02)

    async def _connect(self, rail_key: str) -> None:
        if self._is_silent(rail_key):
            await asyncio.sleep(0.001)
            raise NoAnswerError("connection refused")
