"""The blocking face of `rail_calls`."""

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ledgerd.api.v1 import rails_pb2
from ledgerd.client.concerns import WriteConcern
from ledgerd.client.rail_calls import RailCalls
from ledgerd.client.results import CommandResult

_T = TypeVar("_T")


class BlockingRailCalls(ABC):
    """The part of `Client` about rails."""

    # Any: what a coroutine yields and is sent is the event loop's affair.
    @abstractmethod
    def _wait(self, call: Coroutine[Any, Any, _T]) -> _T: ...
    @abstractmethod
    def _rail_calls(self) -> RailCalls: ...

    def set_catalogue(
        self,
        rails: Sequence[rails_pb2.Rail],
        *,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Set a new version of each of these rails: all of them, or none."""
        return self._wait(
            self._rail_calls().set_catalogue(
                rails, request_id=request_id, concern=concern, deadline=deadline
            )
        )

    def amend_calendar(
        self,
        calendar: rails_pb2.Calendar,
        *,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Replace a calendar as a whole, from its effective time on."""
        return self._wait(
            self._rail_calls().amend_calendar(
                calendar, request_id=request_id, concern=concern, deadline=deadline
            )
        )

    def suspend_rail(
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
        return self._wait(
            self._rail_calls().suspend_rail(
                rail,
                suspended=suspended,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def catalogue(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> rails_pb2.GetCatalogueReply:
        """Return all versions of rails and calendars, and what is suspended."""
        return self._wait(
            self._rail_calls().catalogue(
                at_least=at_least, max_age=max_age, deadline=deadline
            )
        )
