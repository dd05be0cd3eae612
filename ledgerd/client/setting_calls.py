"""Calls of `AsyncClient` about roles of clients and retired currencies.

Every call is one of `Admin`; ids, deadlines and results are as in `AsyncClient`.
"""

from collections.abc import Sequence

from ledgerd.api.v1 import settings_pb2
from ledgerd.client.concerns import (
    WriteConcern,
    read_concern,
    write_concern,
)
from ledgerd.client.ids import new_request_id
from ledgerd.client.part import Part
from ledgerd.client.results import CommandResult


class SettingCalls(Part):
    """The part of `AsyncClient` about roles and currencies."""

    async def set_roles(
        self,
        grants: Sequence[settings_pb2.Grant],
        *,
        source: str,
        as_of: str = "",
        effective_from_us: int = 0,
        expected_version: int | None = None,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Replace all grants of roles from a log time on; 0: from the next log entry on.

        expected_version: of the newest version there is, 0 for none; another one refuses the
        call with VERSION_MISMATCH. None: not asked.
        """
        request = settings_pb2.SetRolesRequest(
            request_id=request_id or new_request_id(),
            effective_from_us=effective_from_us,
            source=source,
            as_of=as_of,
            grants=grants,
            concern=write_concern(concern),
            expected_version=expected_version,
        )
        return await self._command(
            lambda node: node.admin.SetRoles,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def set_currencies(
        self,
        retired: Sequence[str],
        *,
        source: str,
        as_of: str = "",
        effective_from_us: int = 0,
        expected_version: int | None = None,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Replace the list of retired currencies, by code, from a log time on; 0: at once.

        expected_version: of the newest version there is, 0 for none; another one refuses the
        call with VERSION_MISMATCH. None: not asked.
        """
        request = settings_pb2.SetCurrenciesRequest(
            request_id=request_id or new_request_id(),
            effective_from_us=effective_from_us,
            source=source,
            as_of=as_of,
            retired=retired,
            concern=write_concern(concern),
            expected_version=expected_version,
        )
        return await self._command(
            lambda node: node.admin.SetCurrencies,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def roles(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> settings_pb2.GetRolesReply:
        """Return all versions of the roles that the log gives to clients."""
        return await self._read(
            lambda node: node.admin.GetRoles,
            settings_pb2.GetRolesRequest(concern=read_concern(at_least, max_age)),
            deadline,
        )

    async def currencies(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> settings_pb2.GetCurrenciesReply:
        """Return all versions of the retired currencies, and the table of currencies."""
        return await self._read(
            lambda node: node.admin.GetCurrencies,
            settings_pb2.GetCurrenciesRequest(concern=read_concern(at_least, max_age)),
            deadline,
        )
