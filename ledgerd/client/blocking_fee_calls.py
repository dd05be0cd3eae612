"""The blocking face of `fee_calls`."""

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ledgerd.api.v1 import admin_pb2, payouts_pb2
from ledgerd.client.concerns import WriteConcern
from ledgerd.client.fee_calls import FeeCalls
from ledgerd.client.results import CommandResult

_T = TypeVar("_T")


class BlockingFeeCalls(ABC):
    """The part of `Client` about fees."""

    # Any: what a coroutine yields and is sent is the event loop's affair.
    @abstractmethod
    def _wait(self, call: Coroutine[Any, Any, _T]) -> _T: ...
    @abstractmethod
    def _fee_calls(self) -> FeeCalls: ...

    def quote(
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
        """Return what a payout would cost by a rail; see `AsyncClient.quote`."""
        return self._wait(
            self._fee_calls().quote(
                account=account,
                amount=amount,
                currency=currency,
                rail=rail,
                destination=destination,
                needed_by_us=needed_by_us,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )

    def quote_routes(
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
        return self._wait(
            self._fee_calls().quote_routes(
                account=account,
                amount=amount,
                currency=currency,
                destination=destination,
                needed_by_us=needed_by_us,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )

    def validate(
        self,
        orders: Sequence[payouts_pb2.PayoutOrder],
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> payouts_pb2.ValidateReply:
        """Return what the orders would be answered now; nothing is submitted."""
        return self._wait(
            self._fee_calls().validate(
                orders, at_least=at_least, max_age=max_age, deadline=deadline
            )
        )

    def fees(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> admin_pb2.GetFeesReply:
        """Return all versions of the fee schedule, and which is in force."""
        return self._wait(
            self._fee_calls().fees(
                at_least=at_least, max_age=max_age, deadline=deadline
            )
        )

    def set_fees(
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
        """Replace the whole fee schedule; see `AsyncClient.set_fees`."""
        return self._wait(
            self._fee_calls().set_fees(
                rules,
                source=source,
                as_of=as_of,
                effective_from_us=effective_from_us,
                quote_valid_s=quote_valid_s,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )
