"""The blocking face of `risk_calls`."""

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ledgerd.api.v1 import risk_pb2
from ledgerd.client.concerns import WriteConcern
from ledgerd.client.results import CommandResult
from ledgerd.client.risk_calls import RiskCalls

_T = TypeVar("_T")


class BlockingRiskCalls(ABC):
    """The part of `Client` about limits and rules."""

    # Any: what a coroutine yields and is sent is the event loop's affair.
    @abstractmethod
    def _wait(self, call: Coroutine[Any, Any, _T]) -> _T: ...
    @abstractmethod
    def _risk_calls(self) -> RiskCalls: ...

    def set_limits(
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
        return self._wait(
            self._risk_calls().set_limits(
                limits,
                source=source,
                as_of=as_of,
                effective_from_us=effective_from_us,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def set_rules(
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
        return self._wait(
            self._risk_calls().set_rules(
                rules,
                source=source,
                as_of=as_of,
                effective_from_us=effective_from_us,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def limits(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> risk_pb2.GetLimitsReply:
        """Return all versions of the limits."""
        return self._wait(
            self._risk_calls().limits(
                at_least=at_least, max_age=max_age, deadline=deadline
            )
        )

    def rules(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> risk_pb2.GetRulesReply:
        """Return all versions of the risk rules."""
        return self._wait(
            self._risk_calls().rules(
                at_least=at_least, max_age=max_age, deadline=deadline
            )
        )
