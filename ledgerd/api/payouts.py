"""The service `Payouts`: money that leaves an account for a bank."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from struct import Struct
from typing import Any, Final

import grpc

from ledgerd.api import (
    calls,
    codec,
    ids,
    lifecycle_codec,
    payout_filters,
    quotes,
    replies,
)
from ledgerd.api.calls import Call
from ledgerd.api.cursor import PAYOUTS, Cursor, Cursors
from ledgerd.api.deciding import Deciding
from ledgerd.api.handle import NodeHandle
from ledgerd.api.options import ApiOptions
from ledgerd.api.status import info_of, status_of
from ledgerd.api.stream import Answer, Stream
from ledgerd.api.v1 import common_pb2, payouts_pb2_grpc
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.errors import CallError, NotLogged, Reason
from ledgerd.ledger.commands import Command
from ledgerd.ledger.outcomes import Outcome
from ledgerd.node.reads import ReadAt
from ledgerd.raft.entries import Index
from ledgerd.storage.reader import PayoutFound, PayoutPage, PayoutRefused, StateReader

_POSITION: Final = Struct(">QH")

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]


class PayoutsService(Deciding, payouts_pb2_grpc.PayoutsServicer):
    """Answers the calls of `Payouts`."""

    def __init__(self, options: ApiOptions, node: NodeHandle) -> None:
        super().__init__(options, node)
        self._cursors = Cursors(PAYOUTS, cluster_id=options.cluster_id)
        self._streams: set[Stream[pb.SubmitBatchRequest, pb.SubmitStreamReply]] = set()

    def begin_stop(self) -> None:
        """Let every open stream end as soon as what was read of it is answered."""
        for stream in self._streams:
            stream.stop()

    async def Submit(  # noqa: D102 - the proto says what it does
        self, request: pb.SubmitRequest, context: Context
    ) -> pb.SubmitReply:
        call = calls.current()
        batch = codec.single(
            request.order,
            principal=call.principal,
            state_version=self._node.state_version,
        )
        concern = codec.write_concern(request.concern)
        decided = await self._node.propose_payouts(batch, call.deadline, concern)
        call.decided(decided)
        row = decided.first
        outcomes = decided.outcomes
        reply = pb.SubmitReply(
            header=self._replies.mutation(
                decided, concern, state_version=self._node.state_version
            ),
            result=pb.SubmitResult(
                state=replies.state(outcomes.states[row]),
                fee_units=outcomes.fees_minor[row],
            ),
        )
        replies.fill_result(reply.result.result, outcomes, row)
        match outcomes.codes[row]:
            case Outcome.CREATED:
                made = replies.created(
                    request.order,
                    decided,
                    details=batch.details[0],
                    principal=call.principal,
                )
                reply.payout.CopyFrom(made)
            case Outcome.REPLAYED:
                found = await self._as_it_is(batch.ids[0], decided.index, call)
                if found is not None:
                    reply.payout.CopyFrom(replies.payout(found))
        return reply

    async def SubmitBatch(  # noqa: D102
        self, request: pb.SubmitBatchRequest, context: Context
    ) -> pb.SubmitBatchReply:
        reply = pb.SubmitBatchReply()
        await self._submit_batch(request, reply, calls.current(), asyncio.Lock())
        return reply

    async def SubmitStream(
        self, request_iterator: AsyncIterator[pb.SubmitBatchRequest], context: Context
    ) -> AsyncIterator[pb.SubmitStreamReply]:
        """Answer batches in the order they came, several of them in flight; see `Stream`."""
        answer = partial(self._streamed, in_order=asyncio.Lock())
        stream = Stream(answer, in_flight_max=self._options.stream_batches_max)
        self._streams.add(stream)
        try:
            async for reply in stream.replies(request_iterator):
                yield reply
        finally:
            self._streams.discard(stream)

    async def Validate(  # noqa: D102
        self, request: pb.ValidateRequest, context: Context
    ) -> pb.ValidateReply:
        call = calls.current()
        state_version = self._node.state_version
        batch = await codec.batch(
            request.orders, principal=call.principal, state_version=state_version
        )
        call.rows = len(batch)
        at_least, max_age_s = codec.read_wish(request.concern)
        now_us = quotes.clock_us()
        at, found = await self._node.read(
            lambda reader: quotes.judged(
                reader, batch, state_version=state_version, now_us=now_us
            ),
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=call.deadline,
        )
        call.read_at(at)
        return pb.ValidateReply(
            header=self._replies.read(at, state_version=state_version),
            judged_at_us=found.ts_us,
            verdicts=quotes.verdicts(found),
        )

    async def Quote(  # noqa: D102
        self, request: pb.QuoteRequest, context: Context
    ) -> pb.QuoteReply:
        at, found = await self._routes(request, request.rail)
        return pb.QuoteReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            quoted_at_us=found.ts_us,
            valid_until_us=found.valid_until_us,
            route=found.routes[0],
        )

    async def QuoteRoutes(  # noqa: D102
        self, request: pb.QuoteRoutesRequest, context: Context
    ) -> pb.QuoteRoutesReply:
        at, found = await self._routes(request)
        return pb.QuoteRoutesReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            quoted_at_us=found.ts_us,
            valid_until_us=found.valid_until_us,
            routes=found.routes,
        )

    async def Get(  # noqa: D102
        self, request: pb.GetPayoutRequest, context: Context
    ) -> pb.GetPayoutReply:
        call = calls.current()
        payout_id = codec.object_id("payout_id", ids.PAYOUT, request.payout_id)
        at_least, max_age_s = codec.read_wish(request.concern)
        at, found = await self._node.read(
            lambda reader: reader.payout(payout_id),
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=call.deadline,
        )
        call.read_at(at)
        if found is None:
            raise NotLogged(
                Reason.NOT_FOUND,
                f"expected a payout that was submitted, found none with the id "
                f"{request.payout_id} at index {at.applied_index}",
                {"applied_index": str(at.applied_index)},
            )
        reply = pb.GetPayoutReply(
            header=self._replies.read(at, state_version=self._node.state_version)
        )
        if isinstance(found, PayoutRefused):
            reply.refused.CopyFrom(replies.refused(found))
        else:
            reply.payout.CopyFrom(replies.payout(found))
        return reply

    async def List(  # noqa: D102
        self, request: pb.ListPayoutsRequest, context: Context
    ) -> pb.ListPayoutsReply:
        call = calls.current()
        asked = payout_filters.read(request, self._options.metadata_filters)
        filters = payout_filters.identity(request)
        rows_max = codec.page_rows(request.page_size)
        at_least, max_age_s = codec.read_wish(request.concern)
        cursor: Cursor | None = None
        if request.cursor:
            cursor = self._cursors.read(
                request.cursor, filters=filters, after_bytes=_POSITION.size
            )
            # The first page fixed the index; later ones need no quorum to be as fresh.
            at_least, max_age_s = max(cursor.bound, at_least or 0), None

        def query(reader: StateReader) -> tuple[Index, PayoutPage]:
            bound = reader.applied() if cursor is None else Index(cursor.bound)
            after = None if cursor is None else _POSITION.unpack(cursor.after)
            return bound, reader.payouts_page(
                after=after,
                bound=bound,
                rows_max=rows_max,
                keep=asked.keep,
                scan_max=asked.scan_max,
            )

        at, (bound, page) = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        call.rows = len(page.payouts)
        next_cursor = ""
        if page.next_after is not None:
            next_cursor = self._cursors.make(
                Cursor(bound, _POSITION.pack(*page.next_after)), filters=filters
            )
        return pb.ListPayoutsReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            payouts=[replies.payout(found) for found in page.payouts],
            next_cursor=next_cursor,
            scanned=page.scanned,
        )

    async def Cancel(  # noqa: D102
        self, request: pb.CancelPayoutRequest, context: Context
    ) -> pb.CancelPayoutReply:
        call = calls.current()
        command = lifecycle_codec.cancel(
            request,
            principal=call.principal,
            approver=lifecycle_codec.approver(call.identity),
        )
        concern = codec.write_concern(request.concern)
        decided = await self._node.propose_command(command, call.deadline, concern)
        call.decided(decided)
        row = decided.first
        reply = pb.CancelPayoutReply(
            header=self._replies.mutation(
                decided, concern, state_version=self._node.state_version
            ),
            state=replies.state(decided.outcomes.states[row]),
        )
        replies.fill_result(reply.result, decided.outcomes, row)
        return reply

    async def Approve(  # noqa: D102
        self, request: pb.ApprovePayoutRequest, context: Context
    ) -> pb.PayoutChangeReply:
        principal = calls.current().principal
        command = lifecycle_codec.approve(request, principal=principal)
        return await self._changed(command, request.concern)

    async def Reject(  # noqa: D102
        self, request: pb.RejectPayoutRequest, context: Context
    ) -> pb.PayoutChangeReply:
        principal = calls.current().principal
        command = lifecycle_codec.reject(request, principal=principal)
        return await self._changed(command, request.concern)

    async def Reroute(  # noqa: D102
        self, request: pb.ReroutePayoutRequest, context: Context
    ) -> pb.PayoutChangeReply:
        call = calls.current()
        command = lifecycle_codec.reroute(
            request,
            principal=call.principal,
            approver=lifecycle_codec.approver(call.identity),
        )
        return await self._changed(command, request.concern)

    async def RequestRecall(  # noqa: D102
        self, request: pb.RequestRecallRequest, context: Context
    ) -> pb.PayoutChangeReply:
        principal = calls.current().principal
        command = lifecycle_codec.request_recall(request, principal=principal)
        return await self._changed(command, request.concern)

    async def TellEvidence(  # noqa: D102
        self, request: pb.TellEvidenceRequest, context: Context
    ) -> pb.PayoutChangeReply:
        principal = calls.current().principal
        command = lifecycle_codec.tell_evidence(request, principal=principal)
        return await self._changed(command, request.concern)

    async def _routes(
        self, request: pb.QuoteRequest | pb.QuoteRoutesRequest, *rails: str
    ) -> tuple[ReadAt, quotes.Routes]:
        call = calls.current()
        state_version = self._node.state_version
        command = quotes.asked(
            request,
            rail=rails[0] if rails else "sandbox",
            principal=call.principal,
            state_version=state_version,
        )
        at_least, max_age_s = codec.read_wish(request.concern)
        now_us = quotes.clock_us()
        at, found = await self._node.read(
            lambda reader: quotes.routes(
                reader,
                command,
                is_every_rail=not rails,
                needed_by_us=request.needed_by_us,
                state_version=state_version,
                now_us=now_us,
            ),
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=call.deadline,
        )
        call.read_at(at)
        return at, found

    async def _changed(
        self, command: Command, asked: common_pb2.WriteConcern
    ) -> pb.PayoutChangeReply:
        header, result, state = await self._decide_payout(command, asked)
        return pb.PayoutChangeReply(header=header, result=result, state=state)

    async def _submit_batch(
        self,
        request: pb.SubmitBatchRequest,
        reply: pb.SubmitBatchReply,
        call: Call,
        in_order: asyncio.Lock,
    ) -> None:
        """Fill in the answer to one batch, which nothing is in yet.

        in_order: held until the batch is proposed, so that batches of a stream reach the log in
            the order they came, however long the reading of each takes.
        """
        concern = codec.write_concern(request.concern)
        async with in_order:
            batch = await codec.batch(
                request.orders,
                principal=call.principal,
                state_version=self._node.state_version,
            )
        call.rows = len(batch)
        decided = await self._node.propose_payouts(batch, call.deadline, concern)
        call.decided(decided)
        assert decided.count == len(batch), (decided.count, len(batch))
        self._replies.fill_mutation(
            reply.header, decided, concern, state_version=self._node.state_version
        )
        await replies.fill_results(reply, decided)

    async def _streamed(
        self, request: pb.SubmitBatchRequest, in_order: asyncio.Lock
    ) -> Answer[pb.SubmitStreamReply]:
        """Return the answer to one batch of a stream; its errors end nothing but itself."""
        asked_s = request.deadline_ms / 1_000 if request.deadline_ms else None
        call = calls.current().again(self._options.wait_s(asked_s))
        reply = pb.SubmitStreamReply(sequence=request.sequence)
        status, reason = calls.OK, None
        try:
            await self._submit_batch(request, reply.accepted, call, in_order)
        except CallError as error:
            facts = {
                "cluster_id": self._options.cluster_id,
                "node_id": str(self._options.node_id),
            }
            reply.error.CopyFrom(
                pb.StreamError(
                    reason=error.reason.value,
                    message=error.message,
                    outcome=error.outcome.value,
                    metadata=info_of(error, facts),
                )
            )
            status, reason = status_of(error.kind).name, error.reason.value
        call.answered()
        return Answer(reply, lambda: call.ended(status, reason=reason))

    async def _as_it_is(
        self, payout_id: bytes, index: int, call: Call
    ) -> PayoutFound | None:
        """Return a payout after `index`; None if that cannot be read in time.

        The submit was answered by the log already, so a read that fails must not hide the answer.
        """
        try:
            _, found = await self._node.read(
                lambda reader: reader.payout(payout_id),
                at_least=index,
                deadline=call.deadline,
            )
        except CallError:
            return None
        return found if isinstance(found, PayoutFound) else None
