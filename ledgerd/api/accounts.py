"""The service `Ledger`: accounts and the money between them."""

from collections.abc import Callable
from typing import Any

import grpc

from ledgerd.api import account_codec, calls, codec, ids, past, replies, shapes
from ledgerd.api.cursor import ACCOUNTS, Cursor, Cursors
from ledgerd.api.dry_calls import DryCalls
from ledgerd.api.handle import NodeHandle
from ledgerd.api.holds import HoldCalls
from ledgerd.api.options import ApiOptions
from ledgerd.api.past import AsOf
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.api.v1 import accounts_pb2_grpc, common_pb2
from ledgerd.api.vouchers import VoucherCalls
from ledgerd.errors import NotLogged, Reason
from ledgerd.ledger.accounts import Account
from ledgerd.limits import ID_BYTES, OWNER_REF_BYTES_MAX
from ledgerd.storage.history import Standing
from ledgerd.storage.reader import AccountPage, StateReader

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]
Keep = Callable[[Account], bool]


class LedgerService(
    HoldCalls, VoucherCalls, DryCalls, accounts_pb2_grpc.LedgerServicer
):
    """Answers the calls of `Ledger`."""

    def __init__(self, options: ApiOptions, node: NodeHandle) -> None:
        super().__init__(options, node)
        self._cursors = Cursors(ACCOUNTS, cluster_id=options.cluster_id)

    async def OpenAccount(  # noqa: D102 - the proto says what it does
        self, request: pb.OpenAccountRequest, context: Context
    ) -> pb.OpenAccountReply:
        command = codec.open_account(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return pb.OpenAccountReply(header=header, result=result)

    async def GetAccount(  # noqa: D102
        self, request: pb.GetAccountRequest, context: Context
    ) -> pb.GetAccountReply:
        header, found = await self._account(request.account_id, request.concern)
        return pb.GetAccountReply(header=header, account=replies.account(found))

    async def ListAccounts(  # noqa: D102
        self, request: pb.ListAccountsRequest, context: Context
    ) -> pb.ListAccountsReply:
        call = calls.current()
        keep = _filter(request)
        filters = repr((request.currency, request.owner_ref)).encode()
        rows_max = codec.page_rows(request.page_size)
        at_least, max_age_s = codec.read_wish(request.concern)
        cursor: Cursor | None = None
        if request.cursor:
            cursor = self._cursors.read(
                request.cursor, filters=filters, after_bytes=ID_BYTES
            )
            # The first page fixed the index; later ones need no quorum to be as fresh.
            at_least, max_age_s = max(cursor.bound, at_least or 0), None

        def query(reader: StateReader) -> tuple[int, AccountPage]:
            bound = reader.applied() if cursor is None else cursor.bound
            return bound, reader.accounts_page(
                after=None if cursor is None else cursor.after,
                rows_max=rows_max,
                keep=keep,
            )

        at, (bound, page) = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        call.rows = len(page.accounts)
        next_cursor = ""
        if page.next_after is not None:
            next_cursor = self._cursors.make(
                Cursor(bound, page.next_after), filters=filters
            )
        return pb.ListAccountsReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            accounts=[replies.account(found) for found in page.accounts],
            next_cursor=next_cursor,
            scanned=page.scanned,
        )

    async def Fund(  # noqa: D102
        self, request: pb.FundRequest, context: Context
    ) -> pb.FundReply:
        command = codec.fund(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return pb.FundReply(header=header, result=result)

    async def Transfer(  # noqa: D102
        self, request: pb.TransferRequest, context: Context
    ) -> pb.TransferReply:
        command = codec.transfer(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return pb.TransferReply(header=header, result=result)

    async def CloseAccount(  # noqa: D102
        self, request: pb.CloseAccountRequest, context: Context
    ) -> pb.CloseAccountReply:
        command = account_codec.close_account(
            request, principal=calls.current().principal
        )
        header, result = await self._decide(command, request.concern)
        return pb.CloseAccountReply(header=header, result=result)

    async def Freeze(  # noqa: D102
        self, request: pb.FreezeRequest, context: Context
    ) -> pb.FreezeReply:
        command = account_codec.freeze(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return pb.FreezeReply(header=header, result=result)

    async def Unfreeze(  # noqa: D102
        self, request: pb.UnfreezeRequest, context: Context
    ) -> pb.UnfreezeReply:
        command = account_codec.unfreeze(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return pb.UnfreezeReply(header=header, result=result)

    async def FundReverse(  # noqa: D102
        self, request: pb.FundReverseRequest, context: Context
    ) -> pb.FundReverseReply:
        command = account_codec.fund_reverse(
            request, principal=calls.current().principal
        )
        header, result = await self._decide(command, request.concern)
        return pb.FundReverseReply(header=header, result=result)

    async def GetBalance(  # noqa: D102
        self, request: pb.GetBalanceRequest, context: Context
    ) -> pb.GetBalanceReply:
        call = calls.current()
        account_id = codec.object_id("account_id", ids.ACCOUNT, request.account_id)
        at_least, max_age_s = codec.read_wish(request.concern)

        def query(reader: StateReader) -> tuple[Account, AsOf, Standing]:
            found = past.account(reader, account_id, request.account_id)
            as_of = past.moment(reader, request.as_of)
            past.check_open(found, as_of)
            return found, as_of, reader.standing_at(found, as_of.index)

        at, (found, as_of, standing) = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        account = replies.account(found)
        return pb.GetBalanceReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            account_id=account.account_id,
            currency=account.currency,
            exponent=account.exponent,
            balances=replies.balances(standing.balances),
            as_of_index=as_of.index,
            sequence=standing.sequence,
            final=as_of.is_final,
        )

    async def _account(
        self, text: str, concern: common_pb2.ReadConcern
    ) -> tuple[common_pb2.ReadHeader, Account]:
        """Return an account and the state it was read from. Raises NotLogged."""
        call = calls.current()
        account_id = codec.object_id("account_id", ids.ACCOUNT, text)
        at_least, max_age_s = codec.read_wish(concern)
        at, found = await self._node.read(
            lambda reader: reader.account(account_id),
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=call.deadline,
        )
        call.read_at(at)
        if found is None:
            raise NotLogged(
                Reason.NOT_FOUND,
                f"expected an account that was opened, found none with the id {text} at "
                f"index {at.applied_index}",
                {"applied_index": str(at.applied_index)},
            )
        header = self._replies.read(at, state_version=self._node.state_version)
        return header, found


def _filter(request: pb.ListAccountsRequest) -> Keep | None:
    """Return what an account must fulfil to be listed; None if all are. Raises NotLogged."""
    tests: list[Keep] = []
    try:
        if request.currency:
            currency, _ = shapes.currency("currency", request.currency)
            tests.append(lambda found: found.currency == currency)
        if request.owner_ref:
            owner = shapes.plain(
                "owner_ref", request.owner_ref, bytes_max=OWNER_REF_BYTES_MAX
            )
            tests.append(lambda found: found.owner_ref == owner)
    except shapes.Malformed as bad:
        raise bad.error() from None
    if not tests:
        return None
    return lambda found: all(test(found) for test in tests)
