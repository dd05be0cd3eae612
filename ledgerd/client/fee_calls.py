"""Calls of `AsyncClient` about what payouts cost: schedules, quotes, routes, dry runs.

Ids, deadlines and results are as in `AsyncClient`. All but `set_fees` are reads.
"""

from collections.abc import Sequence

from ledgerd.api.v1 import admin_pb2, payouts_pb2
from ledgerd.api.v1.common_pb2 import Money
from ledgerd.client.concerns import (
    WriteConcern,
    read_concern,
    write_concern,
)
from ledgerd.client.ids import new_request_id
from ledgerd.client.part import Part
from ledgerd.client.results import CommandResult


class FeeCalls(Part):
    """The part of `AsyncClient` about fees."""

    async def quote(
        self,
        *,
        account: str,
        amount: int,
        currency: str,
        rail: str,
        destination: payouts_pb2.Destination | None = None,
        needed_by_us: int = 0,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> payouts_pb2.QuoteReply:
        """Return what a payout would cost by a rail, and when it would arrive.

        To have it so, submit with `fee_expected=reply.route.fee_units` and
        `quoted_at_us=reply.quoted_at_us` by `reply.valid_until_us`.
        """
        request = payouts_pb2.QuoteRequest(
            account_id=account,
            amount=Money(units=amount, currency=currency),
            rail=rail,
            destination=destination,
            needed_by_us=needed_by_us,
            concern=read_concern(at_least, max_age),
        )
        return await self._read(lambda node: node.payouts.Quote, request, deadline)

    async def quote_routes(
        self,
        *,
        account: str,
        amount: int,
        currency: str,
        destination: payouts_pb2.Destination | None = None,
        needed_by_us: int = 0,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> payouts_pb2.QuoteRoutesReply:
        """Return the same for every rail; one that cannot be used has its refusal."""
        request = payouts_pb2.QuoteRoutesRequest(
            account_id=account,
            amount=Money(units=amount, currency=currency),
            destination=destination,
            needed_by_us=needed_by_us,
            concern=read_concern(at_least, max_age),
        )
        return await self._read(
            lambda node: node.payouts.QuoteRoutes, request, deadline
        )

    async def validate(
        self,
        orders: Sequence[payouts_pb2.PayoutOrder],
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> payouts_pb2.ValidateReply:
        """Return what the orders would be answered now; nothing is submitted."""
        request = payouts_pb2.ValidateRequest(
            orders=orders, concern=read_concern(at_least, max_age)
        )
        return await self._read(lambda node: node.payouts.Validate, request, deadline)

    async def fees(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> admin_pb2.GetFeesReply:
        """Return all versions of the fee schedule, and which is in force."""
        request = admin_pb2.GetFeesRequest(concern=read_concern(at_least, max_age))
        return await self._read(lambda node: node.admin.GetFees, request, deadline)

    async def set_fees(
        self,
        rules: Sequence[admin_pb2.FeeRule],
        *,
        source: str,
        as_of: str = "",
        effective_from_us: int = 0,
        quote_valid_s: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Replace the whole fee schedule; `source` says where the figures come from.

        Args:
            as_of: The day of the source, as text.
            effective_from_us: Log time from which it holds; 0: at once.
            quote_valid_s: How long a quote binds; 0: 15 minutes.
        """
        request = admin_pb2.SetFeesRequest(
            request_id=request_id or new_request_id(),
            rules=rules,
            source=source,
            as_of=as_of,
            effective_from_us=effective_from_us,
            quote_valid_s=quote_valid_s,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.admin.SetFees,
            request,
            request.request_id,
            concern,
            deadline,
        )
