"""The simulated rail as a process: gRPC over TLS, and a journal that outlives it.

A call is written down and synced before it has an effect that anybody is told of; a rail that was
killed plays the journal again and goes on where it was.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grpc

from ledgerd.errors import ConfigError, CorruptionError
from ledgerd.rails import wire
from ledgerd.rails.rail import Instruction
from ledgerd.rails.simulated import FencedError, Pace, Sent, SimulatedBank
from ledgerd.rails.v1 import simulated_pb2 as pb
from ledgerd.rails.v1 import simulated_pb2_grpc as pb_grpc
from ledgerd.security.tls import SERVER_OPTIONS, ServerTls

_WAIT_MS_MAX: Final = 10_000
_POLL_S: Final = 0.02
_STOP_S: Final = 0.5


class Journal:
    """The calls that a simulated rail took, one JSON line each, synced before they count."""

    def __init__(self, path: Path) -> None:
        """Open or begin it. A last line that a kill cut off was never acted on and goes."""
        self._path = path
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: expected a journal, found no regular file")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_bytes() if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]
        self._history = tuple(_sent(path, whole))
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(len(whole))
        self._file.seek(len(whole))

    @property
    def history(self) -> tuple[Sent, ...]:
        """What stood in it when it was opened."""
        return self._history

    def write(self, sent: Sent) -> None:
        """Keep one call; it is on disk when this returns."""
        line = json.dumps([*sent.instruction, sent.at_s])
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _sent(path: Path, whole: bytes) -> Iterator[Sent]:
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            *fields, at_s = json.loads(line)
            yield Sent(Instruction(*fields), at_s)
        except (ValueError, TypeError) as error:
            raise CorruptionError(
                f"{path}, line {number}: expected a call of the simulated rail, found "
                f"{line[:60]!r}; remove the file to begin anew"
            ) from error


class SimulatedRailService(pb_grpc.SimulatedRailServicer):
    """The calls. Belongs to the loop."""

    def __init__(
        self, journal: Journal, *, deduplicates: bool = True, pace: Pace | None = None
    ) -> None:
        self._journal = journal
        self._bank = SimulatedBank(
            deduplicates=deduplicates, pace=pace, history=journal.history
        )
        self._had = 0

    async def Send(
        self,
        request: pb.Payment,
        context: "grpc.aio.ServicerContext[pb.Payment, pb.SendReply]",
    ) -> pb.SendReply:
        """Take a payment or refuse it; or do what it does and never answer."""
        if request.amount_minor < 1 or not request.rail_key:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "expected a rail key and an amount"
            )
        sent = Sent(wire.instruction_of(request), time.time())
        self._journal.write(sent)
        try:
            told = self._bank.send(sent.instruction, sent.at_s)
        except FencedError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        if told is None:
            # The caller's deadline ends it; he cannot know what happened.
            await asyncio.sleep(context.time_remaining() or _STOP_S)
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer")
        assert told is not None
        return wire.send_reply(told)

    async def Ask(
        self,
        request: pb.AskRequest,
        context: "grpc.aio.ServicerContext[pb.AskRequest, pb.AskReply]",
    ) -> pb.AskReply:
        """Tell what is known of a rail key."""
        now_s = time.time()
        if request.fencing_token:
            question = Instruction(
                request.rail_key, 0, "", "", "", request.fencing_token
            )
            self._journal.write(Sent(question, now_s))
            self._bank.fence(request.rail_key, request.fencing_token, now_s)
        known = self._bank.ask(request.rail_key, now_s)
        return pb.AskReply(
            advices=[wire.advice(evidence) for evidence in known],
            guarantee_ms=int(self._bank.pace.guarantee_s * 1000),
            executes_twice=not self._bank.deduplicates,
        )

    async def Advices(
        self,
        request: pb.AdvicesRequest,
        context: "grpc.aio.ServicerContext[pb.AdvicesRequest, pb.AdvicesReply]",
    ) -> pb.AdvicesReply:
        """Tell what happened since; wait for something to happen."""
        wait_s = min(request.wait_ms, _WAIT_MS_MAX) / 1000
        until = time.monotonic() + wait_s
        # Who asks for what is behind a number has it; the next leader begins there.
        self._had = after = max(self._had, request.after)
        while True:
            found = self._bank.advices(after, time.time())
            if found or time.monotonic() >= until:
                return wire.advices_reply(found)
            await asyncio.sleep(_POLL_S)

    async def Counts(
        self,
        request: pb.CountsRequest,
        context: "grpc.aio.ServicerContext[pb.CountsRequest, pb.CountsReply]",
    ) -> pb.CountsReply:
        """Tell how often each payment was sent and executed."""
        return pb.CountsReply(
            counts=[
                pb.CountsReply.Count(
                    rail_key=count.rail_key,
                    sends=count.sends,
                    executions=count.executions,
                )
                for count in self._bank.counts()
            ]
        )


class SimulatedRailServer:
    """The listener of a simulated rail."""

    def __init__(
        self, service: SimulatedRailService, *, server_tls: ServerTls, listen: str
    ) -> None:
        self._service = service
        self._server_tls = server_tls
        self._listen = listen
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen. Raises ConfigError when the port is taken."""
        server = grpc.aio.server(options=SERVER_OPTIONS)
        pb_grpc.add_SimulatedRailServicer_to_server(self._service, server)
        self.port = self._server_tls.add_port(server, self._listen)
        self._server = server
        await server.start()

    async def stop(self) -> None:
        """Answer nobody any more."""
        if self._server is not None:
            await self._server.stop(_STOP_S)
