"""The service `Reports`: trial balance and statements of accounts, of now or of the past."""

from struct import Struct
from typing import Any, Final, NamedTuple

import grpc

from ledgerd.api import calls, codec, events, ids, past, replies, shapes
from ledgerd.api.cursor import STATEMENTS, Cursor, Cursors
from ledgerd.api.exports import ExportCalls
from ledgerd.api.handle import NodeHandle
from ledgerd.api.options import ApiOptions
from ledgerd.api.past import AsOf
from ledgerd.api.replies import Replies
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.api.v1 import accounts_pb2_grpc
from ledgerd.ledger.accounts import Account, EntryPosition
from ledgerd.ledger.money import CURRENCIES
from ledgerd.limits import ORDINAL_MAX
from ledgerd.node.reads import ReadAt
from ledgerd.raft.entries import Index
from ledgerd.storage.history import Line, Standing
from ledgerd.storage.reader import StateReader
from ledgerd.storage.trial import Sums, TrialBook, trial_balance

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]

_JOURNAL_ROWS: Final = 1_000  # added up in one read transaction, some ten milliseconds
_AFTER: Final = Struct(
    ">QQ?"
)  # a statement's first index, its next line, whether it is final
_BEFORE: Final = (ORDINAL_MAX, 0xFFFF)  # behind every entry of an index


class _Part(NamedTuple):
    """A page of a statement. from_index, to_index: exclusive, of the log."""

    account: Account
    from_index: int
    to_index: int
    opening: Standing
    closing: Standing
    lines: list[Line]
    is_final: bool


class ReportsService(ExportCalls, accounts_pb2_grpc.ReportsServicer):
    """Answers the calls of `Reports`."""

    def __init__(self, options: ApiOptions, node: NodeHandle) -> None:
        self._node = node
        self._replies = Replies(node_id=options.node_id)
        self._cursors = Cursors(STATEMENTS, cluster_id=options.cluster_id)

    async def TrialBalance(  # noqa: D102 - the proto says what it does
        self, request: pb.TrialBalanceRequest, context: Context
    ) -> pb.TrialBalanceReply:
        call = calls.current()
        at_least, max_age_s = codec.read_wish(request.concern)

        def query(reader: StateReader) -> tuple[AsOf, Sums, Sums]:
            as_of = past.moment(reader, request.as_of)
            is_now = as_of.index == reader.applied()
            return (
                as_of,
                reader.sums(),
                Sums() if is_now else reader.opened_by(as_of.index),
            )

        at, (as_of, sums, opened) = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        books = trial_balance(sums)
        if as_of.index < at.applied_index:
            books = await self._books_of_the_past(as_of.index, at, sums, opened)
        return pb.TrialBalanceReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            books=[replies.book(found) for found in books],
            as_of_index=as_of.index,
            final=as_of.is_final,
        )

    async def Statement(  # noqa: D102
        self, request: pb.StatementRequest, context: Context
    ) -> pb.StatementReply:
        call = calls.current()
        account_id = codec.object_id("account_id", ids.ACCOUNT, request.account_id)
        rows_max = codec.page_rows(request.page_size)
        at_least, max_age_s = codec.read_wish(request.concern)
        filters = _filter_bytes(request)
        cursor: Cursor | None = None
        if request.cursor:
            cursor = self._cursors.read(
                request.cursor, filters=filters, after_bytes=_AFTER.size
            )
            # Entries do not change: any node that has come so far has the same page.
            at_least, max_age_s = max(cursor.bound - 1, at_least or 0), None

        def query(reader: StateReader) -> _Part:
            account = past.account(reader, account_id, request.account_id)
            if cursor is None:
                from_index, to_index, is_final = _range(reader, request)
                first = None
            else:
                to_index = cursor.bound
                from_index, first, is_final = _AFTER.unpack(cursor.after)
            opening = reader.standing_at(account, Index(from_index - 1))
            closing = reader.standing_at(account, Index(to_index - 1))
            first = opening.sequence + 1 if first is None else first
            last = min(closing.sequence, first + rows_max - 1)
            lines = reader.lines(account, first=first, last=last)
            return _Part(
                account, from_index, to_index, opening, closing, lines, is_final
            )

        at, part = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        call.rows = len(part.lines)
        next_cursor = ""
        if part.lines and part.lines[-1].sequence < part.closing.sequence:
            next_line = part.lines[-1].sequence + 1
            after = _AFTER.pack(part.from_index, next_line, part.is_final)
            next_cursor = self._cursors.make(
                Cursor(part.to_index, after), filters=filters
            )
        currency = CURRENCIES[part.account.currency]
        return pb.StatementReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            account_id=request.account_id,
            currency=currency.code,
            exponent=currency.exponent,
            from_index=part.from_index,
            to_index=part.to_index,
            opening=_balance(part.opening),
            closing=_balance(part.closing),
            lines=[_line(line) for line in part.lines],
            next_cursor=next_cursor,
            final=part.is_final,
        )

    async def _books_of_the_past(
        self, index: Index, at: ReadAt, sums: Sums, opened: Sums
    ) -> list[TrialBook]:
        """Return the trial balance at `index`, from whichever end of the journal is nearer."""
        call = calls.current()
        from_start = index <= at.applied_index // 2
        if from_start:
            sums, after, last, sign = opened, (0, *_BEFORE), index, 1
        else:
            sums.counts = opened.counts
            after, last, sign = (int(index), *_BEFORE), Index(at.applied_index), -1
        going: EntryPosition | None = after
        while going is not None:
            start = going

            def piece(
                reader: StateReader, start: EntryPosition = start
            ) -> EntryPosition | None:
                return reader.add_journal(
                    sums, after=start, last=last, sign=sign, rows_max=_JOURNAL_ROWS
                )

            _, going = await self._node.read(
                piece, at_least=at.applied_index, deadline=call.deadline
            )
        return trial_balance(sums)


def _range(reader: StateReader, request: pb.StatementRequest) -> tuple[int, int, bool]:
    """Return from where to where, exclusive, and whether that is final. Raises NotLogged."""
    from_index, to_index, is_final = 1, reader.applied() + 1, True
    match request.WhichOneof("from"):
        case "from_index":
            from_index = past.at_index(reader, max(request.from_index, 1) - 1).index + 1
        case "from_us":
            from_index = past.at_time(reader, request.from_us - 1).index + 1
    match request.WhichOneof("to"):
        case "to_index":
            to_index = past.at_index(reader, max(request.to_index, 1) - 1).index + 1
        case "to_us":
            as_of = past.at_time(reader, request.to_us - 1)
            to_index, is_final = as_of.index + 1, as_of.is_final
    if to_index < from_index:
        raise shapes.Malformed(
            "to", f"at least index {from_index}, where it begins", str(to_index)
        ).error()
    return from_index, to_index, is_final


def _filter_bytes(request: pb.StatementRequest) -> bytes:
    """Return what identifies a statement, the same for every page of it."""
    return repr(
        (
            request.account_id,
            request.WhichOneof("from"),
            request.from_index,
            request.from_us,
            request.WhichOneof("to"),
            request.to_index,
            request.to_us,
        )
    ).encode()


def _balance(standing: Standing) -> pb.StatementBalance:
    return pb.StatementBalance(
        sequence=standing.sequence, balances=replies.balances(standing.balances)
    )


def _line(line: Line) -> pb.StatementLine:
    index, ordinal, n = line.position
    return pb.StatementLine(
        sequence=line.sequence,
        index=index,
        ordinal=ordinal,
        n=n,
        at_us=line.event.ts_us,
        reason=line.reason,
        subject=events.subject(line.event),
        change=replies.balances(line.change),
        after=replies.balances(line.after),
        value_date=line.value_date,
    )
