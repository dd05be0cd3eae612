"""The books of the node that leads: claims and evidence as commands of its own log.

A command that ends without an answer counts as not done: the dispatcher looks again, and what it
finds in the state is what is so. Guards of the log, not of this module, keep a leader of the past
from doing anything (ledger.md 3.6).
"""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, assert_never

from ledgerd.errors import CallError
from ledgerd.ledger.accounts import Position
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.commands import (
    Command,
    DispatchBegin,
    DispatchClaim,
    RailAck,
    RailNotAccepted,
    RailReject,
    RaiseAttention,
    Redate,
    Return,
    Settle,
)
from ledgerd.ledger.details import unpack_details
from ledgerd.ledger.money import currency_code
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import PayoutState, PayoutStatus, status_of
from ledgerd.ledger.timers import Timer
from ledgerd.node.courier import Decided
from ledgerd.node.handle import Node
from ledgerd.observability import logs
from ledgerd.raft.entries import Role
from ledgerd.rails.books import Claim, Work, WorkPage
from ledgerd.rails.rail import Evidence, EvidenceKind
from ledgerd.rails.redating import Dates, Page, Scheduled
from ledgerd.rails.steps import Traits
from ledgerd.storage.reader import PayoutFound, StateReader, TakeablePage
from ledgerd.timetable.rail_file import seed

T = TypeVar("T")
log = logs.get(__name__)
_CALL_S: Final = 5.0
_NOTHING_YET: Final = Traits(
    deduplicates=False, answers_queries=True, is_suspended=True
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NodeBooks:
    """What the dispatcher sees of its node. Belongs to the loop."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.worker = f"node-{node.node_id}"
        self._traits: dict[int, Traits] = {}

    def term(self) -> int | None:
        """Return the term in which this node leads and serves."""
        status = self._node.status()
        is_leading = status.core.role is Role.LEADER and status.is_ready
        return status.core.term if is_leading else None

    def now_us(self) -> int:
        """Return the time of this node's clock, which is near log time."""
        return time.time_ns() // 1000

    async def work(self, rail: int, limit: int, after: Position | None) -> WorkPage:
        """Return payouts that may be taken, as of the state that is visible here."""

        def query(reader: StateReader) -> tuple[TakeablePage, Catalogue, int]:
            page = reader.takeable_page(rail, after=after, rows_max=limit)
            return page, reader.catalogue(), reader.log_time_us()

        found = await self._read(query, 0)
        if found is None:
            return WorkPage((), None)
        page, catalogue, ts_us = found
        self._traits[rail] = _traits(catalogue, rail, ts_us)
        return WorkPage(tuple(map(_work, page.payouts)), page.next_after)

    def traits(self, rail: int) -> Traits:
        """Return what the catalogue says of a rail, as of the last look at its work.

        Before any: that nothing may leave. A rail that nobody has set is as the seed has it.
        """
        return self._traits.get(rail, _NOTHING_YET)

    async def begin(self, work: Work, lease_us: int) -> Claim | None:
        """Make a READY payout DISPATCHING, claimed by this node."""
        return await self._take(
            work,
            DispatchBegin(
                new_request_id(),
                work.payout_id,
                work.attempt + 1,
                lease_us,
                self.worker,
            ),
        )

    async def claim(self, work: Work, lease_us: int) -> Claim | None:
        """Take over a DISPATCHING payout."""
        return await self._take(
            work,
            DispatchClaim(
                new_request_id(),
                work.payout_id,
                work.attempt + 1,
                lease_us,
                self.worker,
            ),
        )

    async def raise_attention(self, payout_id: bytes, attempt: int, why: str) -> bool:
        """Give the claim of this attempt back: a person decides."""
        command = RaiseAttention(new_request_id(), payout_id, attempt, why, self.worker)
        decided = await self._propose(command)
        return (
            decided is not None
            and decided.outcomes.codes[decided.first] == Outcome.CREATED
        )

    async def record(self, rail: int, evidence: Evidence) -> bool:
        """Put evidence into the log; True once it is there, whatever it led to."""
        return await self._propose(_command(rail, evidence, self.worker)) is not None

    async def _take(
        self, work: Work, command: DispatchBegin | DispatchClaim
    ) -> Claim | None:
        decided = await self._propose(command)
        if decided is None or decided.outcomes.codes[decided.first] != Outcome.CREATED:
            return None
        status = await self._read(
            lambda reader: _status(reader, work.payout_id), decided.index
        )
        if (
            status is None
            or (status.attempt, status.worker) != (command.attempt, self.worker)
            or status.state is not PayoutState.DISPATCHING
        ):
            return None  # it has moved on since
        return Claim(
            status.rail_key,
            status.attempt,
            status.claim_index,
            decided.ts_us,
            status.lease_until_us,
        )

    async def _propose(self, command: Command) -> Decided | None:
        deadline = asyncio.get_running_loop().time() + _CALL_S
        try:
            return await self._node.propose_command(command, deadline)
        except CallError as error:
            log.info(
                "dispatch_not_decided",
                command=type(command).__name__,
                reason=error.reason.value,
            )
            return None

    async def _read(self, query: Callable[[StateReader], T], index: int) -> T | None:
        deadline = asyncio.get_running_loop().time() + _CALL_S
        try:
            _, found = await self._node.read(query, at_least=index, deadline=deadline)
        except CallError:
            return None
        return found


class NodeSchedule:
    """The scheduled payouts of the node that leads, for the redater. Belongs to the loop."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._books = NodeBooks(node)

    def term(self) -> int | None:
        """Return the term in which this node leads and serves."""
        return self._books.term()

    async def page(self, after: Timer | None, rows_max: int) -> Page | None:
        """Return scheduled payouts as of the state that is visible here."""

        def query(reader: StateReader) -> Page:
            found, last = reader.scheduled_page(after=after, rows_max=rows_max)
            return Page(
                [Scheduled(payout.head, payout.status) for payout in found],
                last,
                reader.catalogue() if found else Catalogue(),
                reader.log_time_us(),
            )

        return await self._books._read(query, 0)

    async def redate(self, payout_id: bytes, dates: Dates) -> None:
        """Propose new dates."""
        command = Redate(
            new_request_id(), payout_id, *dates, principal=self._books.worker
        )
        await self._books._propose(command)


def new_request_id() -> bytes:
    """Return a new UUIDv7: milliseconds of this node's clock, and 74 random bits."""
    ms = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big") >> 6
    high, low = noise >> 62, noise & ((1 << 62) - 1)
    return (ms << 80 | 7 << 76 | high << 64 | 2 << 62 | low).to_bytes(16, "big")


def _traits(catalogue: Catalogue, rail: int, ts_us: int) -> Traits:
    record = catalogue.rail(rail, ts_us)
    if record is None:
        record = next(known for known in seed() if known.number == rail)
    return Traits(
        deduplicates=record.deduplicates,
        answers_queries=record.answers_queries,
        is_suspended=catalogue.suspension(rail).is_suspended,
    )


def _status(reader: StateReader, payout_id: bytes) -> PayoutStatus | None:
    found = reader.payout(payout_id)
    return found.status if isinstance(found, PayoutFound) else None


def _work(found: PayoutFound) -> Work:
    head, status = found.head, status_of(found.head, found.status)
    details = unpack_details(head.details)
    return Work(
        payout_id=head.payout_id,
        amount_minor=head.amount_minor,
        currency=currency_code(head.currency),
        account_number=details.account_number,
        reference=details.reference,
        is_ready=status.state is PayoutState.READY,
        attempt=status.attempt,
        rail_key=status.rail_key,
        worker=status.worker,
        lease_until_us=status.lease_until_us,
    )


def _command(rail: int, evidence: Evidence, worker: str) -> Command:
    request_id = new_request_id()
    key, reference = evidence.rail_key, evidence.reference
    match evidence.kind:
        case EvidenceKind.TAKEN:
            return RailAck(request_id, rail, key, reference, worker)
        case EvidenceKind.REFUSED:
            return RailNotAccepted(
                request_id, rail, key, reference, is_refused=True, principal=worker
            )
        case EvidenceKind.REJECTED:
            return RailReject(request_id, rail, key, reference, evidence.code, worker)
        case EvidenceKind.SETTLED:
            return Settle(
                request_id, rail, key, reference, _date(evidence.value_day), 0, worker
            )
        case EvidenceKind.RETURNED:
            return Return(
                request_id,
                rail,
                key,
                reference,
                evidence.amount_minor,
                evidence.code,
                evidence.is_closing,
                worker,
            )
        case _:
            assert_never(evidence.kind)


def _date(day: int) -> int:
    """Return a day number as yyyymmdd, 0 for none."""
    if not day:
        return 0
    found = _EPOCH + timedelta(days=day)
    return found.year * 10_000 + found.month * 100 + found.day
