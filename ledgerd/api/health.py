"""The standard health service: a node serves when it is ready, and says so the moment it is asked.

The status is computed from the node, never stored, so it cannot be stale. A fenced or stopping node
is alive and not serving.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2 as pb
from grpc_health.v1 import health_pb2_grpc

from ledgerd.errors import NotLogged, Reason

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]
_WATCH_INTERVAL_S: Final = 0.1
_Response = pb.HealthCheckResponse


class HealthService(health_pb2_grpc.HealthServicer):
    """Answers `grpc.health.v1.Health` for the whole node ("") and for each service."""

    def __init__(self, services: frozenset[str], is_ready: Callable[[], bool]) -> None:
        self._services = services | {""}
        self._is_ready = is_ready
        self._is_stopping = False

    def begin_stop(self) -> None:
        """Serve no more from now on, whatever the node says."""
        self._is_stopping = True

    async def Check(  # noqa: D102 - the standard says what it does
        self, request: pb.HealthCheckRequest, context: Context
    ) -> pb.HealthCheckResponse:
        if request.service not in self._services:
            raise NotLogged(
                Reason.NOT_FOUND,
                f"expected one of {', '.join(sorted(self._services - {''}))} or nothing, "
                f"found {request.service[:64]}",
            )
        return pb.HealthCheckResponse(status=self._status())

    # Any: the published stubs do not know this newer call of the standard yet.
    async def List(self, request: Any, context: Context) -> Any:  # noqa: D102
        status = pb.HealthCheckResponse(status=self._status())
        statuses = dict.fromkeys(sorted(self._services), status)
        return pb.HealthListResponse(statuses=statuses)  # type: ignore[attr-defined] # see above

    async def Watch(  # noqa: D102
        self, request: pb.HealthCheckRequest, context: Context
    ) -> AsyncIterator[pb.HealthCheckResponse]:
        told = None
        while True:
            known = request.service in self._services
            status = self._status() if known else _Response.SERVICE_UNKNOWN
            if status != told:
                told = status
                yield pb.HealthCheckResponse(status=status)
            if self._is_stopping:
                return  # told; a watcher must not hold up the stop
            await asyncio.sleep(_WATCH_INTERVAL_S)

    def _status(self) -> int:
        if self._is_stopping or not self._is_ready():
            return _Response.NOT_SERVING
        return _Response.SERVING
