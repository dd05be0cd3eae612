"""The calls of `Ledger` about holds."""

from collections.abc import Callable
from typing import Any

import grpc

from ledgerd.api import account_codec, calls, codec, ids, replies
from ledgerd.api.cursor import HOLDS, Cursor, Cursors
from ledgerd.api.deciding import Deciding
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from ledgerd.formats import records
from ledgerd.ledger.holds import Hold
from ledgerd.raft.entries import Index
from ledgerd.storage.reader import HoldPage, StateReader

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]
_POSITION_BYTES = len(records.position_key((0, 0)))


class HoldCalls(Deciding):
    """Answers the calls about holds."""

    async def CreateHold(  # noqa: D102 - the proto says what it does
        self, request: pb.CreateHoldRequest, context: Context
    ) -> pb.CreateHoldReply:
        command = account_codec.create_hold(
            request, principal=calls.current().principal
        )
        header, result = await self._decide(command, request.concern)
        return pb.CreateHoldReply(header=header, result=result)

    async def CaptureHold(  # noqa: D102
        self, request: pb.CaptureHoldRequest, context: Context
    ) -> pb.CaptureHoldReply:
        command = account_codec.capture_hold(
            request, principal=calls.current().principal
        )
        header, result = await self._decide(command, request.concern)
        return pb.CaptureHoldReply(header=header, result=result)

    async def ReleaseHold(  # noqa: D102
        self, request: pb.ReleaseHoldRequest, context: Context
    ) -> pb.ReleaseHoldReply:
        command = account_codec.release_hold(
            request, principal=calls.current().principal
        )
        header, result = await self._decide(command, request.concern)
        return pb.ReleaseHoldReply(header=header, result=result)

    async def GetHold(  # noqa: D102
        self, request: pb.GetHoldRequest, context: Context
    ) -> pb.GetHoldReply:
        call = calls.current()
        hold_id = codec.object_id("hold_id", ids.HOLD, request.hold_id)
        at_least, max_age_s = codec.read_wish(request.concern)
        at, found = await self._node.read(
            lambda reader: reader.hold(hold_id),
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=call.deadline,
        )
        call.read_at(at)
        if found is None:
            raise NotLogged(
                Reason.NOT_FOUND,
                f"expected a hold that was created, found none with the id "
                f"{request.hold_id} at index {at.applied_index}",
                {"applied_index": str(at.applied_index)},
            )
        header = self._replies.read(at, state_version=self._node.state_version)
        return pb.GetHoldReply(header=header, hold=replies.hold(found))

    async def ListHolds(  # noqa: D102
        self, request: pb.ListHoldsRequest, context: Context
    ) -> pb.ListHoldsReply:
        call = calls.current()
        cursors = Cursors(HOLDS, cluster_id=self._options.cluster_id)
        keep = _filter(request)
        filters = repr((request.account_id, int(request.state))).encode()
        rows_max = codec.page_rows(request.page_size)
        at_least, max_age_s = codec.read_wish(request.concern)
        cursor: Cursor | None = None
        if request.cursor:
            cursor = cursors.read(
                request.cursor, filters=filters, after_bytes=_POSITION_BYTES
            )
            # The first page fixed the index; later ones need no quorum to be as fresh.
            at_least, max_age_s = max(cursor.bound, at_least or 0), None

        def query(reader: StateReader) -> tuple[int, HoldPage]:
            bound = Index(reader.applied() if cursor is None else cursor.bound)
            after = None if cursor is None else records.position_of(cursor.after)
            return bound, reader.holds_page(
                after=after, bound=bound, rows_max=rows_max, keep=keep
            )

        at, (bound, page) = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        call.rows = len(page.holds)
        next_cursor = ""
        if page.next_after is not None:
            after = records.position_key(page.next_after)
            next_cursor = cursors.make(Cursor(bound, after), filters=filters)
        return pb.ListHoldsReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            holds=[replies.hold(found) for found in page.holds],
            next_cursor=next_cursor,
            scanned=page.scanned,
        )


def _filter(request: pb.ListHoldsRequest) -> Callable[[Hold], bool]:
    """Return what a hold must fulfil to be listed. Raises NotLogged."""
    state = account_codec.hold_state(request.state)
    account_id = b""
    if request.account_id:
        account_id = codec.object_id("account_id", ids.ACCOUNT, request.account_id)
    return lambda hold: (
        state in (0, hold.state) and account_id in (b"", hold.account_id)
    )
