"""The roles that the log gives to clients, as the node that a call came to knows them. 2.7.

The gate asks them before anything is proposed. A node looks whenever what its readers see
has moved, and at once after a `SetRoles` that it takes itself.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from ledgerd.api.handle import NodeHandle
from ledgerd.errors import CallError, NotLogged, Reason
from ledgerd.ledger.roles import RoleKind, RoleSet
from ledgerd.security.identity import Identity, Role
from ledgerd.storage.reader import StateReader

_LOOK_EVERY_S: Final = 0.25
_LOOK_S: Final = 2.0
_ROLES: Final = {
    RoleKind.SUBMITTER: Role.SUBMITTER,
    RoleKind.APPROVER: Role.APPROVER,
    RoleKind.DISPATCHER: Role.DISPATCHER,
    RoleKind.AUDITOR: Role.AUDITOR,
    RoleKind.ADMIN: Role.ADMIN,
}


class Granted:
    """What one node knows. Nothing before the first look that succeeds."""

    def __init__(self, node: NodeHandle) -> None:
        self._node = node
        self._looked_at = -1  # the index of the state that was seen; -1: none yet
        self._version = 0
        self._roles: Mapping[str, frozenset[Role]] = {}

    @property
    def is_known(self) -> bool:
        """Whether the state was seen once, so that `of` may be asked."""
        return self._looked_at >= 0

    def of(self, caller: Identity) -> Identity:
        """Return the caller with the roles in force; unchanged where no grant names it."""
        if caller.is_local or caller.principal is None:
            return caller
        roles = self._roles.get(caller.principal)
        return caller if roles is None else caller.granted(roles, self._version)

    async def known(self) -> None:
        """Return once the state was seen. Raises NotLogged where it cannot be read soon.

        A node that has just begun does not know yet whose roles were taken.
        """
        if not self.is_known:
            await self.look()
        if not self.is_known:
            raise NotLogged(
                Reason.NOT_READY,
                "this node could not read yet who may call what; ask another one",
            )

    async def look(self, at_least: int = 0) -> None:
        """Learn what is in force by the index `at_least`, if the state can be read."""

        def query(reader: StateReader) -> tuple[int, RoleSet | None]:
            applied = reader.applied()
            next_us = reader.log_time_us() + 1
            return applied, reader.policy().roles_at(next_us)

        deadline = asyncio.get_running_loop().time() + _LOOK_S
        try:
            _, (applied, roles) = await self._node.read(
                query, at_least=at_least, deadline=deadline
            )
        except CallError:
            return  # it looks again
        if applied > self._looked_at:  # a slow look comes behind a newer one
            self._looked_at = applied
            self._learn(roles)

    async def run(self) -> None:
        """Look again and again. Endless."""
        while True:
            if self._node.status().visible != self._looked_at:
                await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    def _learn(self, roles: RoleSet | None) -> None:
        self._version = 0 if roles is None else roles.version
        self._roles = {
            grant.principal: frozenset(_ROLES[role] for role in grant.roles)
            for grant in (() if roles is None else roles.grants)
        }
