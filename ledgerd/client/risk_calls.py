"""Calls of `AsyncClient` about limits and risk rules.

Every call is one of `Admin`; ids, deadlines and results are as in `AsyncClient`.
"""

from collections.abc import Sequence

from ledgerd.api.v1 import risk_pb2
from ledgerd.client.concerns import (
    WriteConcern,
    read_concern,
    write_concern,
)
from ledgerd.client.ids import new_request_id
from ledgerd.client.part import Part
from ledgerd.client.results import CommandResult


class RiskCalls(Part):
    """The part of `AsyncClient` about limits and rules."""

    async def set_limits(
        self,
        limits: Sequence[risk_pb2.Limit],
        *,
        source: str,
        as_of: str = "",
        effective_from_us: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Replace all limits from a log time on; 0: from the next log entry on."""
        request = risk_pb2.SetLimitsRequest(
            request_id=request_id or new_request_id(),
            effective_from_us=effective_from_us,
            source=source,
            as_of=as_of,
            limits=limits,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.admin.SetLimits,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def set_rules(
        self,
        rules: Sequence[risk_pb2.RiskRule],
        *,
        source: str,
        as_of: str = "",
        effective_from_us: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Replace all risk rules from a log time on; 0: from the next log entry on."""
        request = risk_pb2.SetRulesRequest(
            request_id=request_id or new_request_id(),
            effective_from_us=effective_from_us,
            source=source,
            as_of=as_of,
            rules=rules,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.admin.SetRules,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def limits(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> risk_pb2.GetLimitsReply:
        """Return all versions of the limits."""
        return await self._read(
            lambda node: node.admin.GetLimits,
            risk_pb2.GetLimitsRequest(concern=read_concern(at_least, max_age)),
            deadline,
        )

    async def rules(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> risk_pb2.GetRulesReply:
        """Return all versions of the risk rules."""
        return await self._read(
            lambda node: node.admin.GetRules,
            risk_pb2.GetRulesRequest(concern=read_concern(at_least, max_age)),
            deadline,
        )
