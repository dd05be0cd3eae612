"""Calls of `AsyncClient` about the rail catalogue.

Every call is one of `Admin`; ids, deadlines and results are as in `AsyncClient`.
"""

from collections.abc import Sequence

from ledgerd.api.v1 import rails_pb2
from ledgerd.client.concerns import (
    WriteConcern,
    read_concern,
    write_concern,
)
from ledgerd.client.ids import new_request_id
from ledgerd.client.part import Part
from ledgerd.client.results import CommandResult


class RailCalls(Part):
    """The part of `AsyncClient` about rails."""

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
        return await self._command(
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
        return await self._command(
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
        return await self._command(
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
        return await self._read(
            lambda node: node.admin.GetCatalogue,
            rails_pb2.GetCatalogueRequest(concern=read_concern(at_least, max_age)),
            deadline,
        )
