"""The calls of `Ledger` about entries that people write out."""

from typing import Any

import grpc

from ledgerd.api import account_codec, calls, codec, ids, replies
from ledgerd.api.cursor import VOUCHERS, Cursor, Cursors
from ledgerd.api.deciding import Deciding
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from ledgerd.limits import ID_BYTES
from ledgerd.storage.reader import StateReader, VoucherPage

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]


class VoucherCalls(Deciding):
    """Answers the calls about vouchers."""

    async def PostEntry(  # noqa: D102 - the proto says what it does
        self, request: pb.PostEntryRequest, context: Context
    ) -> pb.PostEntryReply:
        command = account_codec.post_entry(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return pb.PostEntryReply(header=header, result=result)

    async def Adjust(  # noqa: D102
        self, request: pb.AdjustRequest, context: Context
    ) -> pb.AdjustReply:
        command = account_codec.adjust(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return pb.AdjustReply(header=header, result=result)

    async def ApproveVoucher(  # noqa: D102
        self, request: pb.ApproveVoucherRequest, context: Context
    ) -> pb.ApproveVoucherReply:
        command = account_codec.approve_voucher(
            request, principal=calls.current().principal
        )
        header, result = await self._decide(command, request.concern)
        return pb.ApproveVoucherReply(header=header, result=result)

    async def RejectVoucher(  # noqa: D102
        self, request: pb.RejectVoucherRequest, context: Context
    ) -> pb.RejectVoucherReply:
        command = account_codec.reject_voucher(
            request, principal=calls.current().principal
        )
        header, result = await self._decide(command, request.concern)
        return pb.RejectVoucherReply(header=header, result=result)

    async def GetVoucher(  # noqa: D102
        self, request: pb.GetVoucherRequest, context: Context
    ) -> pb.GetVoucherReply:
        call = calls.current()
        voucher_id = codec.object_id("voucher_id", ids.REQUEST, request.voucher_id)
        at_least, max_age_s = codec.read_wish(request.concern)
        at, found = await self._node.read(
            lambda reader: reader.voucher(voucher_id),
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=call.deadline,
        )
        call.read_at(at)
        if found is None:
            raise NotLogged(
                Reason.NOT_FOUND,
                f"expected a voucher that was written out, found none with the id "
                f"{request.voucher_id} at index {at.applied_index}",
                {"applied_index": str(at.applied_index)},
            )
        header = self._replies.read(at, state_version=self._node.state_version)
        return pb.GetVoucherReply(header=header, voucher=replies.voucher(found))

    async def ListVouchers(  # noqa: D102
        self, request: pb.ListVouchersRequest, context: Context
    ) -> pb.ListVouchersReply:
        call = calls.current()
        cursors = Cursors(VOUCHERS, cluster_id=self._options.cluster_id)
        state = account_codec.voucher_state(request.state)
        filters = repr(state).encode()
        rows_max = codec.page_rows(request.page_size)
        at_least, max_age_s = codec.read_wish(request.concern)
        cursor: Cursor | None = None
        if request.cursor:
            cursor = cursors.read(request.cursor, filters=filters, after_bytes=ID_BYTES)
            at_least, max_age_s = max(cursor.bound, at_least or 0), None

        def query(reader: StateReader) -> tuple[int, VoucherPage]:
            bound = reader.applied() if cursor is None else cursor.bound
            return bound, reader.vouchers_page(
                after=None if cursor is None else cursor.after,
                rows_max=rows_max,
                keep=lambda voucher: state in (0, voucher.state),
            )

        at, (bound, page) = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        call.rows = len(page.vouchers)
        next_cursor = ""
        if page.next_after is not None:
            next_cursor = cursors.make(Cursor(bound, page.next_after), filters=filters)
        return pb.ListVouchersReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            vouchers=[replies.voucher(found) for found in page.vouchers],
            next_cursor=next_cursor,
            scanned=page.scanned,
        )
