"""Single submits that wait together travel together.

The first one leaves at once. While a batch is under way the next one gathers, so that
batches grow by themselves with the load and a lone caller never waits for company.
Each caller keeps his own deadline and gets his own answer; if one malformed order makes
the node refuse the whole batch, the batch is halved until that order stands alone.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from ledgerd.api.v1.payouts_pb2 import (
    PayoutOrder,
    SubmitBatchReply,
    SubmitBatchRequest,
)
from ledgerd.client.calls import Calls, Method, Progress, closed
from ledgerd.client.leader import Node
from ledgerd.client.results import SubmitResult, submit_result
from ledgerd.errors import CallError, NotLogged, OutcomeUnknown, Reason
from ledgerd.limits import BATCH_COMMANDS_MAX, ENTRY_BYTES_MAX, INBOX_COMMANDS_MAX

WAITING_ROWS_MAX: Final = INBOX_COMMANDS_MAX  # more are refused: NotLogged, OVERLOADED
BATCHES_IN_FLIGHT_MAX: Final = 4
# Beside a batch under way, another one leaves only if it is worth its own log entry.
_ROWS_WORTH_A_BATCH: Final = 256
_BATCH_BYTES_MAX: Final = ENTRY_BYTES_MAX // 2  # an entry adds its own columns
EXTRA_PATIENCE_S_PER_ROW: Final = 0.000_25  # beyond it a node counts as silent


class _Row:
    """One waiting submit."""

    __slots__ = ("answer", "batch", "byte_count", "deadline", "order", "timer")

    def __init__(
        self, order: PayoutOrder, deadline: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.order = order
        self.byte_count = order.ByteSize()
        self.deadline = deadline
        self.answer: asyncio.Future[SubmitResult] = loop.create_future()
        self.batch: _Batch | None = None
        self.timer = loop.call_at(deadline, self.expire)

    def expire(self) -> None:
        """End the wait at the row's own deadline, with what is known at that moment."""
        if self.answer.done():
            return
        if self.batch is not None and self.batch.progress.may_be_logged:
            self.fail(
                OutcomeUnknown(
                    Reason.DEADLINE_AFTER_PROPOSAL,
                    "no answer from the log within the deadline. It may be committed; "
                    "retry with the same id",
                )
            )
            return
        last = "" if self.batch is None else f": {self.batch.progress.last}"
        self.fail(
            NotLogged(
                Reason.DEADLINE_BEFORE_PROPOSAL,
                f"not logged within the deadline{last}",
            )
        )
        if self.batch is not None:
            self.batch.drop(self)

    def fail(self, error: CallError) -> None:
        """End the wait without an answer."""
        self.timer.cancel()
        if not self.answer.done():
            # Each caller gets an error of his own: raising one adds to its traceback.
            self.answer.set_exception(
                type(error)(error.reason, error.message, dict(error.metadata))
            )

    def succeed(self, result: SubmitResult) -> None:
        """End the wait with the log's answer."""
        self.timer.cancel()
        if not self.answer.done():
            self.answer.set_result(result)


class _Batch:
    """Rows under way together, and the request that holds their orders in step."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self.rows = [*rows]
        self.request = SubmitBatchRequest(orders=[row.order for row in rows])
        self.progress = Progress()
        self.deadline = max(row.deadline for row in rows)
        for row in rows:
            row.batch = self

    def method(self, node: Node) -> Method[SubmitBatchRequest, SubmitBatchReply]:
        """Return the call of a node to make now. Raises NotLogged if no row is left."""
        if not self.rows:
            raise NotLogged(Reason.DEADLINE_BEFORE_PROPOSAL, "every submit gave up")
        return node.lane.submit_batch

    def drop(self, row: _Row) -> None:
        """Leave a row out of later attempts; it was promised to have no effect."""
        assert not self.progress.may_be_logged, self.progress
        at = self.rows.index(row)  # the oldest first, so mostly 0
        del self.rows[at]
        del self.request.orders[at]


class Coalescer:
    """Gathers single submits into batches; one for each client."""

    def __init__(self, calls: Calls) -> None:
        """Must be made inside the event loop that will use it."""
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Row] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._wakes = False

    async def submit(self, order: PayoutOrder, *, deadline: float) -> SubmitResult:
        """Return the log's answer to one order; `deadline` in seconds of the loop.

        Errors: NotLogged (also at once, when too many wait already), OutcomeUnknown.
        """
        if self._is_closed:
            raise closed()
        if len(self._waiting) >= WAITING_ROWS_MAX:
            raise NotLogged(
                Reason.OVERLOADED,
                f"expected at most {WAITING_ROWS_MAX} submits to wait in this client; "
                "submit fewer at a time, or later",
            )
        row = _Row(order, deadline, self._loop)
        self._waiting.append(row)
        if not self._wakes:
            # After all that is ready to run now, so that neighbours meet.
            self._wakes = True
            self._loop.call_soon(self._send)
        return await row.answer

    async def close(self) -> None:
        """End every wait: NotLogged what was not sent, OutcomeUnknown what was."""
        self._is_closed = True
        while self._waiting:
            self._waiting.popleft().fail(
                NotLogged(Reason.STOPPING, "the client was closed before it was sent")
            )
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _send(self) -> None:
        """Let batches leave as long as the rule at the top of this module allows."""
        self._wakes = False
        while self._waiting and len(self._tasks) < BATCHES_IN_FLIGHT_MAX:
            if self._tasks and len(self._waiting) < _ROWS_WORTH_A_BATCH:
                return
            rows = self._gather()
            if rows:
                task = self._loop.create_task(self._run(_Batch(rows)))
                self._tasks.add(task)
                task.add_done_callback(self._done)

    def _gather(self) -> Sequence[_Row]:
        """Take as many rows as one batch may hold, without those given up meanwhile."""
        rows: list[_Row] = []
        byte_count = 0
        while self._waiting and len(rows) < BATCH_COMMANDS_MAX:
            row = self._waiting[0]
            if rows and byte_count + row.byte_count > _BATCH_BYTES_MAX:
                break
            self._waiting.popleft()
            if not row.answer.done():
                rows.append(row)
                byte_count += row.byte_count
            else:
                row.timer.cancel()
        return rows

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._loop.call_exception_handler(
                {"message": "a batch ended in a defect", "exception": bug, "task": task}
            )
        if not self._is_closed:
            self._send()

    async def _run(self, batch: _Batch) -> None:
        """Give every row of a batch its answer, whatever happens."""
        try:
            await self._answer(batch)
        except CallError as error:
            for row in batch.rows:
                row.fail(error)
        finally:  # the client was closed, or a defect, which the loop reports
            left = [row for row in batch.rows if not row.answer.done()]
            for row in left:
                row.fail(_stopped(batch.progress))

    async def _answer(self, batch: _Batch) -> None:
        try:
            reply = await self._calls.mutate(
                batch.method,
                batch.request,
                deadline=batch.deadline,
                progress=batch.progress,
                extra_patience_s=EXTRA_PATIENCE_S_PER_ROW * len(batch.rows),
            )
        except NotLogged as error:
            if error.reason not in _ONE_ROWS_FAULT or len(batch.rows) < 2:
                raise
            middle = len(batch.rows) // 2
            halves = _Batch(batch.rows[:middle]), _Batch(batch.rows[middle:])
            batch.rows = []
            for half in halves:
                await self._run(half)
        else:
            _share_out(batch.rows, reply)


_ONE_ROWS_FAULT: Final = frozenset({Reason.MALFORMED, Reason.TOO_LARGE})


def _stopped(progress: Progress) -> CallError:
    """Return how a submit ends that nobody waits for an answer to any more."""
    if progress.may_be_logged:
        return OutcomeUnknown(
            Reason.STOPPED_AFTER_PROPOSAL,
            "the client stopped before the answer came; retry with the same id",
        )
    return NotLogged(Reason.STOPPING, "the client stopped before it was sent")


def _share_out(rows: Sequence[_Row], reply: SubmitBatchReply) -> None:
    """Give each row the result of its order."""
    header = reply.header
    for row, result in zip(rows, reply.results, strict=True):
        row.succeed(submit_result(row.order.payout_id, header, result))
