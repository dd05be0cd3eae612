"""Roles of clients: versioned settings that stand in the place of what certificates say. 2.7, 9.1.

Apply asks them nothing: a node refuses by them what it would not even propose. What is here is the
same on all nodes.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ledgerd.limits import PRINCIPAL_BYTES_MAX, ROLE_GRANTS_MAX


class RoleKind(IntEnum):
    """What a client may do. Durable and public values; which call asks for which is the edge's."""

    SUBMITTER = 1
    APPROVER = 2
    DISPATCHER = 3
    AUDITOR = 4
    ADMIN = 5


class Grant(NamedTuple):
    """All roles of one client, rising; none: it may call nothing. principal: its name."""

    principal: str
    roles: tuple[RoleKind, ...]


@dataclass(frozen=True, slots=True)
class RoleSet:
    """One version of all grants, rising by name, in force from `effective_from_us` on (log time).

    A client that no grant names has the roles of its certificate.
    source, as_of: where it comes from, and of what day that is, as text.
    """

    version: int
    effective_from_us: int
    source: str
    as_of: str
    grants: tuple[Grant, ...]


def is_grants_well_formed(grants: tuple[Grant, ...]) -> bool:
    """Return whether the bounds hold that the edge has checked before."""
    names = [grant.principal for grant in grants]
    return (
        len(grants) <= ROLE_GRANTS_MAX
        and all(0 < len(name.encode()) <= PRINCIPAL_BYTES_MAX for name in names)
        and names == sorted(set(names))
        and all(grant.roles == tuple(sorted(set(grant.roles))) for grant in grants)
    )


def is_admin(
    grants: tuple[Grant, ...], principal: str, *, is_certified_admin: bool
) -> bool:
    """Return whether a client is an admin under these grants.

    is_certified_admin: what its certificate says, which holds where no grant names it.
    """
    for grant in grants:
        if grant.principal == principal:
            return RoleKind.ADMIN in grant.roles
    return is_certified_admin
