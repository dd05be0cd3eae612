"""What the parts of `AsyncClient` have in common: how a call of a part is made.

A part is a class with the calls about one thing. It knows requests and answers; that there are
nodes, deadlines and promises to check is known here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from ledgerd.api.v1.common_pb2 import CommandResult as WireResult
from ledgerd.api.v1.common_pb2 import MutationHeader
from ledgerd.client.calls import Calls, Method
from ledgerd.client.coalesce import Coalescer
from ledgerd.client.concerns import WriteConcern, check_kept
from ledgerd.client.leader import Node, Nodes
from ledgerd.client.results import CommandResult, command_result


class Decided(Protocol):
    """What every answer to a rare command has."""

    @property
    def header(self) -> MutationHeader:
        """Where and when it was decided."""
        ...

    @property
    def result(self) -> WireResult:
        """What was decided."""
        ...


_Request = TypeVar("_Request", bound=Message)
_Reply = TypeVar("_Reply", bound=Message)
_Decided = TypeVar("_Decided", bound=Decided)


class Part(ABC):
    """Some calls of `AsyncClient`."""

    @abstractmethod
    def _open(self) -> tuple[Nodes, Calls, Coalescer]:
        """Return the open connections. Raises NotLogged when the client is closed."""

    @abstractmethod
    def _until(self, deadline_s: float | None) -> float:
        """Return the loop time at which a call ends; None takes the profile's deadline."""

    async def _read(
        self,
        call: Callable[[Node], Method[_Request, _Reply]],
        request: _Request,
        deadline: float | None,
    ) -> _Reply:
        """Return the answer of a node that may give one. Raises NotLogged."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(call, request, deadline=until)

    async def _decide(
        self,
        call: Callable[[Node], Method[_Request, _Decided]],
        request: _Request,
        concern: WriteConcern,
        deadline: float | None,
    ) -> _Decided:
        """Return the log's answer, with as many copies as were asked for.

        Errors: NotLogged, OutcomeUnknown.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        reply = await calls.mutate(call, request, deadline=until)
        check_kept(reply.header, concern)
        return reply

    async def _command(
        self,
        call: Callable[[Node], Method[_Request, Decided]],
        request: _Request,
        key: str,
        concern: WriteConcern,
        deadline: float | None,
    ) -> CommandResult:
        """Return what became of the command whose id is `key`. Errors: as `_decide`."""
        reply = await self._decide(call, request, concern, deadline)
        return command_result(key, reply.header, reply.result)
