"""The commands that set limits and risk rules: a whole version, from a log time on. 2.7, 7.2, 7.3.

`request_id` and `principal` are those of every keyed call. The log gives the version its number;
an `effective_from_us` that has passed means: from the next entry on.
"""

from dataclasses import dataclass
from typing import TypeAlias

from ledgerd.ledger.risk import Limit, Rule


@dataclass(frozen=True, slots=True)
class SetLimits:
    """All limits; none of them may be left out that is to stay."""

    request_id: bytes
    effective_from_us: int
    source: str
    as_of: str
    limits: tuple[Limit, ...]
    principal: str


@dataclass(frozen=True, slots=True)
class SetRules:
    """All rules, in order."""

    request_id: bytes
    effective_from_us: int
    source: str
    as_of: str
    rules: tuple[Rule, ...]
    principal: str


RiskCommand: TypeAlias = SetLimits | SetRules
