"""The commands that set roles and retired currencies: a whole version, from a log time on. 2.7.

As `risk_commands`. expected_version: of the newest version there is, 0 for none; None: not asked.
"""

from dataclasses import dataclass
from typing import TypeAlias

from ledgerd.ledger.roles import Grant


@dataclass(frozen=True, slots=True)
class SetRoles:
    """All grants; none of them may be left out that is to stay.

    is_certified_admin: whether the certificate of `principal` says that it is an admin, as the
    edge saw it when it took the call.
    """

    request_id: bytes
    effective_from_us: int
    source: str
    as_of: str
    grants: tuple[Grant, ...]
    principal: str
    is_certified_admin: bool = False
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class SetCurrencies:
    """All currencies that are retired, by number."""

    request_id: bytes
    effective_from_us: int
    source: str
    as_of: str
    retired: tuple[int, ...]
    principal: str
    expected_version: int | None = None


SettingCommand: TypeAlias = SetRoles | SetCurrencies
