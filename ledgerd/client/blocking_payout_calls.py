"""The blocking face of `payout_calls`."""

from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any, TypeVar

from ledgerd.api.v1 import audit_pb2
from ledgerd.client.concerns import WriteConcern
from ledgerd.client.payout_calls import PayoutCalls
from ledgerd.client.results import CommandResult

_T = TypeVar("_T")


class BlockingPayoutCalls(ABC):
    """The part of `Client` about payouts that came with state version 3."""

    _client: PayoutCalls

    # Any: what a coroutine yields and is sent is the event loop's affair.
    @abstractmethod
    def _wait(self, call: Coroutine[Any, Any, _T]) -> _T: ...

    def approve(
        self,
        payout_id: str,
        *,
        expected_version: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Let a payout go that waits for review. Not by who submitted it."""
        return self._wait(
            self._client.approve(
                payout_id,
                expected_version=expected_version,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def reject(
        self,
        payout_id: str,
        *,
        reason: str = "",
        expected_version: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """End a payout that waits for review; nothing is charged. Not by who submitted it."""
        return self._wait(
            self._client.reject(
                payout_id,
                reason=reason,
                expected_version=expected_version,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def reroute(
        self,
        payout_id: str,
        rail: str,
        *,
        expected_version: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Send a payout that was not dispatched by another rail, at that rail's fee."""
        return self._wait(
            self._client.reroute(
                payout_id,
                rail,
                expected_version=expected_version,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def request_recall(
        self,
        payout_id: str,
        *,
        reason: str = "",
        expected_version: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Ask the rail for money back that is on its way or there."""
        return self._wait(
            self._client.request_recall(
                payout_id,
                reason=reason,
                expected_version=expected_version,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def tell_evidence(
        self,
        payout_id: str,
        finding: str,
        *,
        rail: str,
        reference: str,
        note: str,
        value_date: int = 0,
        code: str = "",
        expected_version: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Put into the log what a person found out about a payout at its rail. Role: approver.

        finding: `TAKEN`, `SETTLED`, `REJECTED`, `REFUSED` or `NOT_FOUND`. rail: its name.
        reference: the rail's own, used once. note: what was seen and where. value_date: yyyymmdd,
        of SETTLED; code: the rail's own, of REJECTED. expected_version: the version of the payout
        seen before the rail was asked; 0: any, but not with REFUSED and NOT_FOUND, which send it
        again.
        """
        return self._wait(
            self._client.tell_evidence(
                payout_id,
                finding,
                rail=rail,
                reference=reference,
                note=note,
                value_date=value_date,
                code=code,
                expected_version=expected_version,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def resolve_exception(
        self,
        index: int,
        ordinal: int,
        *,
        resolution: str,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Name how an exception is settled, `ACCEPT`, `ADJUST` or `DISMISS`.

        The second person to name the same settles it.
        """
        return self._wait(
            self._client.resolve_exception(
                index,
                ordinal,
                resolution=resolution,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def exceptions(
        self,
        *,
        with_resolved: bool = False,
        page_size: int = 0,
        after: tuple[int, int] = (0, 0),
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> audit_pb2.ListExceptionsReply:
        """Return exceptions behind position `after`, in order: index and ordinal."""
        return self._wait(
            self._client.exceptions(
                with_resolved=with_resolved,
                page_size=page_size,
                after=after,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )
