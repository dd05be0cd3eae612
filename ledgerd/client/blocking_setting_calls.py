"""The blocking face of `setting_calls`."""

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ledgerd.api.v1 import settings_pb2
from ledgerd.client.concerns import WriteConcern
from ledgerd.client.results import CommandResult
from ledgerd.client.setting_calls import SettingCalls

_T = TypeVar("_T")


class BlockingSettingCalls(ABC):
    """The part of `Client` about roles and currencies."""

    # Any: what a coroutine yields and is sent is the event loop's affair.
    @abstractmethod
    def _wait(self, call: Coroutine[Any, Any, _T]) -> _T: ...
    @abstractmethod
    def _setting_calls(self) -> SettingCalls: ...

    def set_roles(
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
        return self._wait(
            self._setting_calls().set_roles(
                grants,
                source=source,
                as_of=as_of,
                effective_from_us=effective_from_us,
                expected_version=expected_version,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def set_currencies(
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
        return self._wait(
            self._setting_calls().set_currencies(
                retired,
                source=source,
                as_of=as_of,
                effective_from_us=effective_from_us,
                expected_version=expected_version,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def roles(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> settings_pb2.GetRolesReply:
        """Return all versions of the roles that the log gives to clients."""
        return self._wait(
            self._setting_calls().roles(
                at_least=at_least, max_age=max_age, deadline=deadline
            )
        )

    def currencies(
        self,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> settings_pb2.GetCurrenciesReply:
        """Return all versions of the retired currencies, and the table of currencies."""
        return self._wait(
            self._setting_calls().currencies(
                at_least=at_least, max_age=max_age, deadline=deadline
            )
        )
