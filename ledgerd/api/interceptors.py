"""What happens around every call: who calls, may they, is there room, until when; and how it ends.

One interceptor, so that the order is this file. A failed assertion, and damage found by a read, end
the process here (architecture.md 9); any other unexpected exception is INTERNAL with a request id
and no text.
"""

import asyncio
import math
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from ledgerd.api import access, calls, parsing, rail_names
from ledgerd.api.calls import Call
from ledgerd.api.granted import Granted
from ledgerd.api.options import ApiOptions
from ledgerd.api.rail_names import RailNames
from ledgerd.api.status import ended
from ledgerd.errors import (
    CallError,
    CorruptionError,
    NotLogged,
    OutcomeUnknown,
    Reason,
    StorageError,
)
from ledgerd.limits import CALL_BYTES_MAX
from ledgerd.observability import logs
from ledgerd.observability.metrics import Metrics
from ledgerd.security.identity import (
    Identity,
    identity_of,
    local_identity,
    refusal_label,
)
from ledgerd.transport.options import FailStop

# Any: handlers of every message type pass through here, and grpc's own types do not say which.
Message: TypeAlias = Any
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"

# Many orders in one request, so each is parsed in pages and may be large.
_BATCHES: Final[Mapping[str, Callable[[bytes], Awaitable[Message]]]] = {
    "/ledgerd.api.v1.Payouts/SubmitBatch": parsing.batch,
    "/ledgerd.api.v1.Payouts/SubmitStream": parsing.batch,
    "/ledgerd.api.v1.Payouts/Validate": parsing.dry_batch,
}
_WATCHES: Final = frozenset({"/ledgerd.api.v1.Feed/Watch"})  # open as long as wanted
_QUIET: Final = (
    "/grpc.",
    "/ledgerd.api.v1.Admin/Status",
    "/ledgerd.api.v1.Cluster/Status",
)  # probes; logged when refused
log = logs.get(__name__)


class Gate(grpc.aio.ServerInterceptor):
    """Stands before every handler of the public API. Counts the calls in flight."""

    def __init__(
        self,
        options: ApiOptions,
        *,
        metrics: Metrics,
        fail_stop: FailStop,
        rail_names_known: RailNames,
        granted: Granted,
    ) -> None:
        self._granted = granted
        self._rail_names = rail_names_known
        self._options = options
        self._metrics = metrics
        self._fail_stop = fail_stop
        self._facts = {
            "cluster_id": options.cluster_id,
            "node_id": str(options.node_id),
        }
        self._local: Identity | None = (
            local_identity(options.cluster_id) if options.is_plaintext else None
        )
        self._wrapped: dict[str, Handler] = {}
        self._calls_open = 0
        self._streams_open = 0  # of them
        self._batches_in_flight = 0  # of all streams
        self._is_stopping = False
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @property
    def calls_in_flight(self) -> int:
        """Calls that are not answered yet; of a stream its batches, for it may be idle."""
        return self._calls_open - self._streams_open + self._batches_in_flight

    def begin_stop(self) -> None:
        """Refuse every new call from now on, as definitely not logged."""
        self._is_stopping = True

    async def idle(self, wait_s: float) -> None:
        """Return once no call is under way, or after `wait_s` seconds."""
        try:
            async with asyncio.timeout(wait_s):
                await self._is_idle.wait()
        except TimeoutError:
            pass  # what is left ends with the server

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[MaybeHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> MaybeHandler:
        """Return the handler of a call with everything around it; made once a method."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None  # an unknown call: gRPC answers UNIMPLEMENTED
            wrapped = self._wrapped[method] = self._wrap(method, handler)
        return wrapped

    def _wrap(self, method: str, handler: Handler) -> Handler:
        serializer = handler.response_serializer
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._stream_stream(method, handler), None, serializer
            )
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._unary_stream(method, handler), None, serializer
            )
        assert not handler.request_streaming, f"no call streams requests only: {method}"
        return grpc.unary_unary_rpc_method_handler(
            self._unary_unary(method, handler), None, serializer
        )

    def _unary_unary(self, method: str, handler: Handler) -> Callable[..., Any]:
        answer: Any = handler.unary_unary  # Any: the stubs type the synchronous form
        parse = handler.request_deserializer
        assert parse is not None, method

        async def guarded(data: bytes, context: Context) -> Message:
            call = self._call(method, context)
            self._enter()
            try:
                await self._admit(call, context)
                request = await self._parsed(method, data, parse)
                calls.begin(call)
                rail_names.begin(self._rail_names)
                reply = await answer(request, context)
                call.ended(calls.OK)
                return reply
            except BaseException as error:
                await self._end(call, context, error)
            finally:
                self._leave()

        return guarded

    def _unary_stream(self, method: str, handler: Handler) -> Callable[..., Any]:
        answer: Any = handler.unary_stream  # Any: the stubs type the synchronous form
        parse = handler.request_deserializer
        assert parse is not None, method

        is_stream = method in _WATCHES

        async def guarded(data: bytes, context: Context) -> AsyncIterator[Message]:
            call = self._call(method, context, is_stream=is_stream)
            self._streams_open += is_stream
            self._enter()
            try:
                await self._admit(call, context)
                request = await self._parsed(method, data, parse)
                calls.begin(call)
                rail_names.begin(self._rail_names)
                shown = context.auth_context()
                async with aclosing(answer(request, context)) as replies:
                    async for reply in replies:
                        if is_stream:
                            self._check_again(shown, method)
                        yield reply
                call.ended(calls.OK)
            except BaseException as error:
                await self._end(call, context, error)
            finally:
                self._streams_open -= is_stream
                self._leave()

        return guarded

    def _stream_stream(self, method: str, handler: Handler) -> Callable[..., Any]:
        answer: Any = handler.stream_stream  # Any: the stubs type the synchronous form
        parse = handler.request_deserializer
        assert parse is not None, method

        async def guarded(
            requests: AsyncIterator[bytes], context: Context
        ) -> AsyncIterator[Message]:
            call = self._call(method, context, is_stream=True)
            unanswered = 0

            async def parsed() -> AsyncIterator[Message]:
                nonlocal unanswered
                shown = context.auth_context()
                async for data in requests:
                    self._check_again(shown, method)
                    request = await self._parsed(method, data, parse)
                    unanswered += 1
                    self._batches_in_flight += 1
                    yield request

            self._streams_open += 1
            self._enter()
            try:
                await self._admit(call, context)
                calls.begin(call)
                rail_names.begin(self._rail_names)
                async for reply in answer(parsed(), context):
                    unanswered -= 1
                    self._batches_in_flight -= 1
                    yield reply
                call.ended(calls.OK)
            except BaseException as error:
                await self._end(call, context, error)
            finally:
                self._batches_in_flight -= unanswered
                self._streams_open -= 1
                self._leave()

        return guarded

    def _enter(self) -> None:
        self._calls_open += 1
        self._is_idle.clear()

    def _leave(self) -> None:
        self._calls_open -= 1
        if not self._calls_open:
            self._is_idle.set()

    def _call(self, method: str, context: Context, *, is_stream: bool = False) -> Call:
        """Return the record of a call that has just arrived.

        is_stream: it may stay open as long as its caller wants; its batches have deadlines.
        """
        remaining_s = _remaining_s(context)
        if is_stream:
            wait_s = math.inf if remaining_s is None else remaining_s
        else:
            wait_s = self._options.wait_s(remaining_s)
        return Call(
            method,
            metrics=self._metrics,
            identity=None,
            deadline=asyncio.get_running_loop().time() + wait_s,
            peer=context.peer(),
            is_quiet=method.startswith(_QUIET),
            is_stream=is_stream,
        )

    async def _admit(self, call: Call, context: Context) -> None:
        """Return if the call may go on. Raises NotLogged."""
        call.identity = self._identity(context.auth_context())
        if not call.is_quiet:
            await self._granted.known()
        call.identity = self._granted.of(call.identity)
        access.check(call.identity, call.method)
        if self._is_stopping and not call.is_quiet:
            raise NotLogged(Reason.STOPPING, "this node is stopping; ask another one")
        if self._calls_open > self._options.calls_in_flight_max:
            raise NotLogged(
                Reason.OVERLOADED,
                f"expected at most {self._options.calls_in_flight_max} calls in flight on "
                "this node, found more; wait, then try again",
            )
        if call.deadline <= asyncio.get_running_loop().time():
            raise NotLogged(
                Reason.DEADLINE_BEFORE_PROPOSAL,
                "the deadline had passed when the call arrived",
            )

    def _identity(self, shown: Mapping[str, Iterable[bytes]]) -> Identity:
        if self._local is not None:
            return self._local
        return identity_of(
            shown, cluster_id=self._options.cluster_id, now_s=time.time()
        )

    def _check_again(self, shown: Mapping[str, Iterable[bytes]], method: str) -> None:
        """Return if a stream may go on: it outlives neither certificate nor role."""
        access.check(self._granted.of(self._identity(shown)), method)

    async def _parsed(
        self, method: str, data: bytes, parse: Callable[[bytes], Message]
    ) -> Message:
        """Return the request. Raises NotLogged when it is too large or no message."""
        parse_batch = _BATCHES.get(method)
        if parse_batch is not None:
            parsing.check_size(data, self._options.request_bytes_max)
            return await parse_batch(data)
        parsing.check_size(data, min(self._options.request_bytes_max, CALL_BYTES_MAX))
        try:
            return parse(data)
        except DecodeError as error:
            raise parsing.malformed(error) from error

    async def _end(
        self, call: Call, context: Context, error: BaseException
    ) -> NoReturn:
        """End a call that got no answer, as what it is. Never returns."""
        request_id = None
        match error:
            case CallError():
                told = error
                label = refusal_label(error.reason)
                if label is not None:
                    self._metrics.tls_refusals.labels(reason=label).inc()
            case AssertionError() | StorageError() | CorruptionError():
                self._fail_stop(error, where=call.method)
                reason = Reason.STOPPED_AFTER_PROPOSAL
                told = OutcomeUnknown(reason, "this node found a fault and stops")
            case asyncio.CancelledError() | GeneratorExit():
                call.ended("CANCELLED")
                raise error
            case Exception():
                request_id = uuid.uuid4().hex
                log.error(
                    "call_failed",
                    call=call.method,
                    request_id=request_id,
                    exc_info=error,
                )
                told = OutcomeUnknown(
                    Reason.INTERNAL,
                    f"an internal error, logged on node {self._options.node_id} under "
                    f"{request_id}",
                    {"request_id": request_id},
                )
            case _:
                raise error
        code, details, trailing = ended(told, self._facts)
        call.ended(code.name, reason=told.reason.value, request_id=request_id)
        await context.abort(code, details, trailing)


def _remaining_s(context: Context) -> float | None:
    """Return the caller's time left; None if it set no deadline, which the stubs do not know."""
    return context.time_remaining()
