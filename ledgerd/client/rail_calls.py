"""Calls of `AsyncClient` about the rail catalogue.

Every call is one of `Admin`; ids, deadlines and results are as in `AsyncClient`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from ledgerd.api.v1 import rails_pb2
from ledgerd.api.v1.common_pb2 import CommandResult as WireResult
from ledgerd.api.v1.common_pb2 import MutationHeader
from ledgerd.client.calls import Calls, Method
from ledgerd.client.coalesce import Coalescer
from ledgerd.client.concerns import (
    WriteConcern,
    check_kept,
    read_concern,
    write_concern,
)
from ledgerd.client.ids import new_request_id
from ledgerd.client.leader import Node, Nodes
from ledgerd.client.results import CommandResult, command_result

_Request = TypeVar("_Request", bound=Message)


class _Changed(Protocol):
    """What every answer to a change of the catalogue has."""

    @property
    def header(self) -> MutationHeader: ...
    @property
    def result(self) -> WireResult: ...


class RailCalls(ABC):
    """The part of `AsyncClient` about rails."""

    @abstractmethod
    def _open(self) -> tuple[Nodes, Calls, Coalescer]: ...
    @abstractmethod
    def _until(self, deadline_s: float | None) -> float: ...

    async def set_catalogue(
        self,
        rails: Sequence[rails_pb2.Rail],
        *,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Set a new version of each of these rails: all of them, or none."""
        request = rails_pb2.SetCatalogueRequest(
            request_id=request_id or new_request_id(),
            rails=rails,
            concern=write_concern(concern),
        )
        return await self._change(
            lambda node: node.admin.SetCatalogue,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def amend_calendar(
        self,
        calendar: rails_pb2.Calendar,
        *,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Replace a calendar as a whole, from its effective time on."""
        request = rails_pb2.AmendCalendarRequest(
            request_id=request_id or new_request_id(),
            calendar=calendar,
            concern=write_concern(concern),
        )
        return await self._change(
            lambda node: node.admin.AmendCalendar,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def suspend_rail(
        self,
        rail: str,
        *,
        suspended: bool = True,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Dispatch nothing by a rail any more; with suspended False, dispatch again."""
        request = rails_pb2.SuspendRailRequest(
            request_id=request_id or new_request_id(),
            rail=rail,
            suspended=suspended,
            reason=reason,
            concern=write_concern(concern),
        )
        return await self._change(
            lambda node: node.admin.SuspendRail,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def catalogue(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> rails_pb2.GetCatalogueReply:
        """Return all versions of rails and calendars, and what is suspended."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.admin.GetCatalogue,
            rails_pb2.GetCatalogueRequest(concern=read_concern(at_least, max_age)),
            deadline=until,
        )

    async def _change(
        self,
        method: Callable[[Node], Method[_Request, _Changed]],
        request: _Request,
        id_: str,
        concern: WriteConcern,
        deadline: float | None,
    ) -> CommandResult:
        until = self._until(deadline)
        _, calls, _ = self._open()
        reply = await calls.mutate(method, request, deadline=until)
        check_kept(reply.header, concern)
        return command_result(id_, reply.header, reply.result)
