"""The journal as the service `Reports` exports it."""

from collections.abc import AsyncIterator
from typing import Any, Final

import grpc

from ledgerd.api import calls, codec, ids, shapes
from ledgerd.api.handle import NodeHandle
from ledgerd.api.replies import Replies
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.ledger.accounts import AccountKind, LedgerAccount, Side, normal_side
from ledgerd.ledger.money import CURRENCIES
from ledgerd.limits import PAGE_ROWS_MAX
from ledgerd.raft.entries import Index
from ledgerd.storage.journal_pages import JournalPage, TimedEntry
from ledgerd.storage.reader import StateReader

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]

EXPORT_PAGES_MAX: Final = 20  # of PAGE_ROWS_MAX entries, in one call


class ExportCalls:
    """Answers the call of `Reports` that exports the books."""

    _node: NodeHandle
    _replies: Replies

    async def ExportBooks(  # noqa: D102
        self, request: pb.ExportBooksRequest, context: Context
    ) -> AsyncIterator[pb.ExportBooksReply]:
        call = calls.current()
        at_least, max_age_s = codec.read_wish(request.concern)
        if request.as_of_index:
            at_least, max_age_s = max(request.as_of_index, at_least or 0), None
        after = (request.after_index, request.after_ordinal, request.after_n)
        if after[0] >= 2**63:
            raise shapes.Malformed("after_index", "a log index", str(after[0])).error()
        bound = request.as_of_index

        def query(reader: StateReader) -> tuple[int, JournalPage]:
            last = bound or reader.applied()
            page = reader.journal_page(after, bound=Index(last), rows_max=PAGE_ROWS_MAX)
            return last, page

        for number in range(1, EXPORT_PAGES_MAX + 1):
            at, (bound, page) = await self._node.read(
                query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
            )
            at_least, max_age_s = bound, None
            call.read_at(at)
            call.rows += len(page.entries)
            yield pb.ExportBooksReply(
                header=self._replies.read(at, state_version=self._node.state_version),
                as_of_index=bound,
                entries=[_entry(found) for found in page.entries],
                more=not page.is_last and number == EXPORT_PAGES_MAX,
            )
            if page.is_last:
                return
            after = page.entries[-1].entry.position


# What a ledger account is to an accountant; all others are liabilities.
_TYPES: Final = {
    AccountKind.RECEIVABLE: pb.ASSET,
    AccountKind.BANK_CASH: pb.ASSET,
    AccountKind.PAYOUT_FEE: pb.REVENUE,
    AccountKind.FX_SPREAD: pb.REVENUE,
    AccountKind.RAIL_COST: pb.EXPENSE,
    AccountKind.RETURNS: pb.EXPENSE,
}


def _entry(found: TimedEntry) -> pb.ExportedEntry:
    """Return a journal entry as the wire has it; debits are above 0."""
    entry = found.entry
    index, ordinal, n = entry.position
    currency = CURRENCIES[entry.book.currency]
    after = {touched.account_id: touched.balances for touched in entry.touched}
    made = pb.ExportedEntry(
        index=index,
        ordinal=ordinal,
        n=n,
        at_us=found.ts_us,
        reason=entry.reason.name.lower(),
        livemode=entry.book.livemode,
        currency=currency.code,
        exponent=currency.exponent,
    )
    for account, side, amount_minor in entry.legs:
        leg = made.legs.add(
            ledger_account=_account_name(account),
            type=_TYPES.get(account.kind, pb.LIABILITY),
            debit_units=amount_minor if side is Side.DEBIT else -amount_minor,
        )
        if account.is_customer:
            balances = after[account.subject]
            balance_minor = balances[account.kind - AccountKind.AVAILABLE]
            is_debit = normal_side(account.kind) is Side.DEBIT
            leg.balance_units = balance_minor if is_debit else -balance_minor
    return made


def _account_name(account: LedgerAccount) -> str:
    if not account.is_customer:
        return account.name
    customer = ids.encode(ids.ACCOUNT, account.subject)
    return f"cust/{customer}/{account.kind.name.lower()}"
