"""The rail `sandbox`: the port of a rail over the gRPC of the simulated one."""

from typing import Final

import grpc

from ledgerd.rails import wire
from ledgerd.rails.rail import Advice, Evidence, Instruction, Known, NoAnswerError
from ledgerd.rails.simulated import Count
from ledgerd.rails.v1 import simulated_pb2 as pb
from ledgerd.rails.v1 import simulated_pb2_grpc as pb_grpc
from ledgerd.security.tls import ChannelTls

NAME: Final = "sandbox"  # of its certificate
_MS_US: Final = 1_000
_CALL_S: Final = 2.0  # beside the time that a call waits on purpose
# gRPC's own bound is two minutes: a rail that was away for long would be found that much later.
_CHANNEL_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # also how long one attempt may take
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class SandboxRail:
    """A connection to a simulated rail. Belongs to the loop; `close` it."""

    def __init__(self, address: str, channel_tls: ChannelTls) -> None:
        """Connect when first asked. Raises ConfigError for files that cannot be used."""
        self._channel = channel_tls.open(address, rail=NAME, options=_CHANNEL_OPTIONS)
        self._stub = pb_grpc.SimulatedRailStub(self._channel)

    async def send(self, instruction: Instruction, timeout_s: float) -> Evidence:
        """Return TAKEN or REFUSED. Raises NoAnswerError."""
        try:
            reply = await self._stub.Send(wire.payment(instruction), timeout=timeout_s)
            return wire.told_of(reply, instruction.rail_key)
        except (grpc.aio.AioRpcError, ValueError) as error:
            raise NoAnswerError(_why(error)) from error

    async def ask(self, rail_key: str, fencing_token: int, timeout_s: float) -> Known:
        """Return what the rail knows of a rail key. Raises NoAnswerError."""
        request = pb.AskRequest(rail_key=rail_key, fencing_token=fencing_token)
        try:
            reply = await self._stub.Ask(request, timeout=timeout_s)
            evidence = tuple(map(wire.evidence_of, reply.advices))
        except (grpc.aio.AioRpcError, ValueError) as error:
            raise NoAnswerError(_why(error)) from error
        return Known(evidence, reply.guarantee_ms * _MS_US, reply.executes_twice)

    async def advices(self, after: int, wait_s: float) -> tuple[Advice, ...]:
        """Return the advices behind number `after`. Raises NoAnswerError."""
        request = pb.AdvicesRequest(after=after, wait_ms=int(wait_s * 1000))
        try:
            reply = await self._stub.Advices(request, timeout=wait_s + _CALL_S)
            return tuple(
                Advice(message.number, wire.evidence_of(message))
                for message in reply.advices
            )
        except (grpc.aio.AioRpcError, ValueError) as error:
            raise NoAnswerError(_why(error)) from error

    async def counts(self) -> tuple[Count, ...]:
        """Return how often each rail key was sent and executed. Raises NoAnswerError."""
        try:
            reply = await self._stub.Counts(pb.CountsRequest(), timeout=_CALL_S)
        except grpc.aio.AioRpcError as error:
            raise NoAnswerError(_why(error)) from error
        return tuple(Count(c.rail_key, c.sends, c.executions) for c in reply.counts)

    async def close(self) -> None:
        """End the connection."""
        await self._channel.close()


def _why(error: grpc.aio.AioRpcError | ValueError) -> str:
    if isinstance(error, ValueError):
        return str(error)
    return f"{error.code().name}: {error.details() or 'no details'}"
