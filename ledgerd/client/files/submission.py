"""Submits the orders of a payout file and keeps what is known about each of them.

Batches go out in file order, a few at a time. A batch without an answer is sent again with the same
ids until it is answered or the time is over; since the ids derive from the file, running the whole
file again continues where any run stopped, whatever stopped it.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Final, Protocol

from ledgerd.api.v1 import payouts_pb2
from ledgerd.client.files.orders import PayoutFile, Total, totals
from ledgerd.client.results import Outcome, SubmitResult
from ledgerd.errors import CallError, Kind, NotLogged, OutcomeUnknown

BATCH_ENTRIES: Final = 1_000
BATCHES_IN_FLIGHT: Final = 4
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024  # of messages; an entry of the log takes 8 MiB
_CALL_S: Final = 10.0  # patience with one call; then the batch is sent again
_PAUSE_S: Final = 0.2  # between calls that were turned away at once
# Kinds of errors that pass: everything else would be the same at the next attempt.
_PASSING: Final = frozenset({Kind.EXHAUSTED, Kind.UNAVAILABLE, Kind.DEADLINE})


class Status(Enum):
    """What is known about one entry of the file."""

    NOT_SENT = "NOT_SENT"  # certainly not in the log by this run
    UNKNOWN = "UNKNOWN"  # sent, and not answered
    CREATED = "CREATED"
    REPLAYED = "REPLAYED"
    CONFLICT = "CONFLICT"
    REFUSED = "REFUSED"


_STATUS: Final = {
    Outcome.CREATED: Status.CREATED,
    Outcome.REPLAYED: Status.REPLAYED,
    Outcome.CONFLICT: Status.CONFLICT,
    Outcome.REFUSED: Status.REFUSED,
}


class SubmitsBatches(Protocol):
    """What is needed of a client; `AsyncClient` has it."""

    async def submit_batch(
        self,
        orders: Sequence[payouts_pb2.PayoutOrder],
        *,
        deadline: float | None = None,
    ) -> Sequence[SubmitResult]:
        """Return one result for each order, or raise NotLogged or OutcomeUnknown."""
        ...


class Submission:
    """One run over a file. The columns have a row for each order of the file, in its order.

    Columns: `statuses`; `codes`, a refusal or, for a conflict, the names of the fields that differ;
    `indexes`, the position in the log of the first answer, 0 where there is none. `error` is why
    the run ended early, if it did.
    """

    def __init__(
        self,
        file: PayoutFile,
        *,
        account_id: str,
        rail: str | None,
        timing: payouts_pb2.Timing = payouts_pb2.TIMING_UNSPECIFIED,
    ) -> None:
        count = len(file.orders)
        self.file = file
        self.account_id = account_id
        self._rail = rail  # replaces the file's
        self._timing = timing  # of every entry
        self.statuses = [Status.NOT_SENT] * count
        self.codes = [""] * count
        self.indexes = [0] * count
        self.error: CallError | None = None
        self.answered = 0
        self._has_stopped = False

    async def run(
        self,
        client: SubmitsBatches,
        *,
        timeout_s: float,
        batch_entries: int = BATCH_ENTRIES,
        in_flight: int = BATCHES_IN_FLIGHT,
        progress: Callable[[int], None] = lambda answered: None,
    ) -> None:
        """Submit everything. Afterwards, also after a cancellation, the columns are right.

        Args:
            timeout_s: For the whole file. What is unanswered then stays `UNKNOWN`.
            progress: Told the number of entries answered so far, after each batch.
        """
        until = asyncio.get_running_loop().time() + timeout_s
        batches = self.batches(batch_entries)
        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(self._work(client, batches, until, progress))
        assert self.answered == len(self.statuses) - self.open_entries, self.answered

    @property
    def open_entries(self) -> int:
        """Entries without an answer."""
        return self.count(Status.NOT_SENT) + self.count(Status.UNKNOWN)

    def count(self, status: Status) -> int:
        """Return the number of entries of that status."""
        return self.statuses.count(status)

    def totals(self, status: Status) -> tuple[Total, ...]:
        """Return count and sum per currency of the entries of that status."""
        return totals(
            (order.currency, order.amount_minor)
            for order, own in zip(self.file.orders, self.statuses, strict=True)
            if own is status
        )

    def batches(
        self, entries_max: int
    ) -> Iterator[tuple[int, list[payouts_pb2.PayoutOrder]]]:
        """Yield the position of the first order and the messages of each batch.

        A chain is in one batch, which may have more than `entries_max` orders for its sake.
        """
        start = 0
        batch: list[payouts_pb2.PayoutOrder] = []
        size_bytes = 0
        for chain in self._chains():
            chain_bytes = sum(message.ByteSize() for message in chain)
            if batch and (
                len(batch) + len(chain) > entries_max
                or size_bytes + chain_bytes > BATCH_BYTES_MAX
            ):
                yield start, batch
                start, batch, size_bytes = start + len(batch), [], 0
            batch += chain
            size_bytes += chain_bytes
        if batch:
            yield start, batch

    def _chains(self) -> Iterator[list[payouts_pb2.PayoutOrder]]:
        """Yield the messages in order: those of a chain together, the others alone."""
        chain: list[payouts_pb2.PayoutOrder] = []
        for position in range(len(self.file.orders)):
            message = self.file.message(
                position,
                account_id=self.account_id,
                rail=self._rail,
                timing=self._timing,
            )
            chain.append(message)
            if not message.is_linked:
                yield chain
                chain = []
        assert not chain, "the last order of a file links to nothing"

    async def _work(
        self,
        client: SubmitsBatches,
        batches: Iterator[tuple[int, list[payouts_pb2.PayoutOrder]]],
        until: float,
        progress: Callable[[int], None],
    ) -> None:
        """Take batches as long as there are some and nothing speaks against going on."""
        for start, orders in batches:
            if self._has_stopped:
                return
            await self._submit(client, start, orders, until)
            progress(self.answered)

    async def _submit(
        self,
        client: SubmitsBatches,
        start: int,
        orders: list[payouts_pb2.PayoutOrder],
        until: float,
    ) -> None:
        """Submit one batch until it is answered, the time is over, or the run has stopped."""
        clock = asyncio.get_running_loop().time
        stop = start + len(orders)
        is_unknown = False
        while not self._has_stopped and (left_s := until - clock()) > 0:
            # From here to the answer nobody knows, whatever ends this run.
            self.statuses[start:stop] = [Status.UNKNOWN] * len(orders)
            try:
                results = await client.submit_batch(
                    orders, deadline=min(_CALL_S, left_s)
                )
            except OutcomeUnknown as error:
                is_unknown = True
                self._judge(error)
            except NotLogged as error:
                if not is_unknown:
                    self.statuses[start:stop] = [Status.NOT_SENT] * len(orders)
                self._judge(error)
            else:
                self._take(start, results)
                return
            await asyncio.sleep(min(_PAUSE_S, max(0.0, until - clock())))
        self._has_stopped = True

    def _judge(self, error: CallError) -> None:
        """Remember the error; stop the run if it will be the same next time."""
        self.error = error
        if isinstance(error, NotLogged) and error.kind not in _PASSING:
            self._has_stopped = True

    def _take(self, start: int, results: Sequence[SubmitResult]) -> None:
        for position, result in enumerate(results, start):
            self.statuses[position] = _STATUS[result.outcome]
            self.codes[position] = result.refusal or " ".join(result.differing_fields)
            self.indexes[position] = result.original_index or result.index
        self.answered += len(results)
