"""Calls of `AsyncClient` about payouts that people look at: review, reroute, recall, exceptions.

Ids, deadlines and results are as in `AsyncClient`. What workers of rails call is not here: they
speak `Dispatch` themselves.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from ledgerd.api.v1 import audit_pb2, payouts_pb2
from ledgerd.client.calls import Method
from ledgerd.client.concerns import (
    WriteConcern,
    read_concern,
    write_concern,
)
from ledgerd.client.ids import new_request_id
from ledgerd.client.leader import Node
from ledgerd.client.part import Decided, Part
from ledgerd.client.results import CommandResult, command_result

_Request = TypeVar("_Request", bound=Message)


class _Changed(Decided, Protocol):
    """What every answer to a change of a payout has."""

    @property
    def state(self) -> payouts_pb2.PayoutState: ...


class PayoutCalls(Part):
    """The part of `AsyncClient` about payouts that came with state version 3."""

    async def approve(
        self,
        payout_id: str,
        *,
        expected_version: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Let a payout go that waits for review. Not by who submitted it."""
        request = payouts_pb2.ApprovePayoutRequest(
            request_id=request_id or new_request_id(),
            payout_id=payout_id,
            expected_version=expected_version,
            concern=write_concern(concern),
        )
        return await self._change_payout(
            lambda node: node.payouts.Approve,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def reject(
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
        request = payouts_pb2.RejectPayoutRequest(
            request_id=request_id or new_request_id(),
            payout_id=payout_id,
            reason=reason,
            expected_version=expected_version,
            concern=write_concern(concern),
        )
        return await self._change_payout(
            lambda node: node.payouts.Reject,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def reroute(
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
        request = payouts_pb2.ReroutePayoutRequest(
            request_id=request_id or new_request_id(),
            payout_id=payout_id,
            rail=rail,
            expected_version=expected_version,
            concern=write_concern(concern),
        )
        return await self._change_payout(
            lambda node: node.payouts.Reroute,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def request_recall(
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
        request = payouts_pb2.RequestRecallRequest(
            request_id=request_id or new_request_id(),
            payout_id=payout_id,
            reason=reason,
            expected_version=expected_version,
            concern=write_concern(concern),
        )
        return await self._change_payout(
            lambda node: node.payouts.RequestRecall,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def tell_evidence(
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
        request = payouts_pb2.TellEvidenceRequest(
            request_id=request_id or new_request_id(),
            payout_id=payout_id,
            finding=finding.upper(),
            rail=rail,
            reference=reference,
            note=note,
            value_date=value_date,
            code=code,
            expected_version=expected_version,
            concern=write_concern(concern),
        )
        return await self._change_payout(
            lambda node: node.payouts.TellEvidence,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def resolve_exception(
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
        request = audit_pb2.ResolveExceptionRequest(
            request_id=request_id or new_request_id(),
            index=index,
            ordinal=ordinal,
            resolution=resolution,
            reason=reason,
            concern=write_concern(concern),
        )
        return await self._change_payout(
            lambda node: node.audit.ResolveException,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def exceptions(
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
        return await self._read(
            lambda node: node.audit.ListExceptions,
            audit_pb2.ListExceptionsRequest(
                concern=read_concern(at_least, max_age),
                with_resolved=with_resolved,
                page_size=page_size,
                after_index=after[0],
                after_ordinal=after[1],
            ),
            deadline,
        )

    async def _change_payout(
        self,
        call: Callable[[Node], Method[_Request, _Changed]],
        request: _Request,
        key: str,
        concern: WriteConcern,
        deadline: float | None,
    ) -> CommandResult:
        reply = await self._decide(call, request, concern, deadline)
        return command_result(key, reply.header, reply.result, reply.state)
