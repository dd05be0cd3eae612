"""Calls of `AsyncClient` about limits and risk rules.

Every call is one of `Admin`; ids, deadlines and results are as in `AsyncClient`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ledgerd.api.v1 import risk_pb2
from ledgerd.client.calls import Calls
from ledgerd.client.coalesce import Coalescer
from ledgerd.client.concerns import (
    WriteConcern,
    check_kept,
    read_concern,
    write_concern,
)
from ledgerd.client.ids import new_request_id
from ledgerd.client.leader import Nodes
from ledgerd.client.results import CommandResult, command_result


class RiskCalls(ABC):
    """The part of `AsyncClient` about limits and rules."""

    @abstractmethod
    def _open(self) -> tuple[Nodes, Calls, Coalescer]: ...
    @abstractmethod
    def _until(self, deadline_s: float | None) -> float: ...

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
        until = self._until(deadline)
        _, calls, _ = self._open()
        reply = await calls.mutate(
            lambda node: node.admin.SetLimits, request, deadline=until
        )
        check_kept(reply.header, concern)
        return command_result(request.request_id, reply.header, reply.result)

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
        until = self._until(deadline)
        _, calls, _ = self._open()
        reply = await calls.mutate(
            lambda node: node.admin.SetRules, request, deadline=until
        )
        check_kept(reply.header, concern)
        return command_result(request.request_id, reply.header, reply.result)

    async def limits(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> risk_pb2.GetLimitsReply:
        """Return all versions of the limits."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.admin.GetLimits,
            risk_pb2.GetLimitsRequest(concern=read_concern(at_least, max_age)),
            deadline=until,
        )

    async def rules(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> risk_pb2.GetRulesReply:
        """Return all versions of the risk rules."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.admin.GetRules,
            risk_pb2.GetRulesRequest(concern=read_concern(at_least, max_age)),
            deadline=until,
        )
