import asyncio
from pathlib import Path

import grpc
import pytest

from ledgerd.errors import ConfigError, CorruptionError
from ledgerd.rails.rail import EvidenceKind, Instruction, NoAnswerError
from ledgerd.rails.sandbox import SandboxRail
from ledgerd.rails.server import Journal, SimulatedRailServer, SimulatedRailService
from ledgerd.rails.simulated import Magic, Pace
from ledgerd.security import pki
from ledgerd.security.tls import ChannelOptions, ChannelTls, ServerTls

FAST = Pace(settle_s=0.01, return_s=0.01, late_s=0.05, guarantee_s=0.25)
CLUSTER = "rails-test"


class World:
    """A simulated rail over TLS and the connection of a node to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "rail" / "calls.ndjson"
        pki.create_ca(folder, CLUSTER)
        self.node = pki.issue_node(folder, 1)
        self.files = pki.issue_rail(folder, "sandbox")
        self.server: SimulatedRailServer | None = None
        self._opened: Journal | None = None

    async def start(self) -> SandboxRail:
        self._opened = Journal(self.journal)
        self.server = SimulatedRailServer(
            SimulatedRailService(self._opened, pace=FAST),
            server_tls=ServerTls(self.files),
            listen="127.0.0.1:0",
        )
        await self.server.start()
        channel_tls = ChannelTls(self.node, cluster_id=CLUSTER)
        return SandboxRail(f"127.0.0.1:{self.server.port}", channel_tls)

    async def stop(self, rail: SandboxRail) -> None:
        await rail.close()
        assert self.server is not None
        assert self._opened is not None
        await self.server.stop()
        self._opened.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def pay(magic: Magic, key: str) -> Instruction:
    return Instruction(key, 5_000, "USD", magic.value, "invoice 7", 1)


async def answers_and_restarts(world: World) -> None:
    rail = await world.start()
    taken = await rail.send(pay(Magic.RETURN, "K1"), 5.0)
    refused = await rail.send(pay(Magic.REFUSE_ONCE, "K2"), 5.0)
    with pytest.raises(NoAnswerError):
        await rail.send(pay(Magic.TIMEOUT_SENT, "K3"), 0.3)
    asked = await rail.ask("K3", 2, 5.0)
    unknown = await rail.ask("K9", 0, 5.0)
    seen = []
    while len(seen) < 3:
        seen += await rail.advices(len(seen), 5.0)
    await world.stop(rail)

    assert taken.kind is EvidenceKind.TAKEN
    assert refused.kind is EvidenceKind.REFUSED
    assert asked.evidence[0].kind is EvidenceKind.TAKEN
    assert (unknown.evidence, unknown.guarantee_us) == ((), 250_000)
    assert [advice.number for advice in seen] == [1, 2, 3]
    assert {(a.evidence.kind, a.evidence.rail_key) for a in seen} == {
        (EvidenceKind.SETTLED, "K1"),
        (EvidenceKind.RETURNED, "K1"),
        (EvidenceKind.SETTLED, "K3"),
    }

    # The process ends and comes back: nothing is forgotten, nothing is executed again.
    rail = await world.start()
    again = await rail.send(pay(Magic.RETURN, "K1"), 5.0)
    with pytest.raises(NoAnswerError, match="FAILED_PRECONDITION: expected a fencing"):
        await rail.send(pay(Magic.TIMEOUT_SENT, "K3"), 5.0)
    counts = await rail.counts()
    await world.stop(rail)

    assert again == taken
    assert {c.rail_key: (c.sends, c.executions) for c in counts} == {
        "K1": (2, 1),
        "K2": (1, 0),
        "K3": (1, 1),
    }


def test_a_rail_over_tls_answers_and_survives_its_process(world: World) -> None:
    """Every kind of answer crosses the wire; a restart forgets nothing."""
    asyncio.run(answers_and_restarts(world))


def test_a_silent_rail_is_no_answer(world: World) -> None:
    """Nobody listens: that says nothing about what the rail knows."""

    async def body() -> None:
        rail = await world.start()
        await world.stop(rail)
        rail = SandboxRail(
            f"127.0.0.1:{world.server.port}",  # type: ignore[union-attr]
            ChannelTls(world.node, cluster_id=CLUSTER),
        )
        with pytest.raises(NoAnswerError):
            await rail.ask("K", 0, 2.0)
        await rail.close()

    asyncio.run(body())


def test_a_rail_that_was_away_is_dialled_once_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it was away: the dispatcher hears of it when a call gets through."""
    given: dict[str, int | str] = {}
    open_channel = ChannelTls.open

    def noted(
        self: ChannelTls, address: str, *, rail: str, options: ChannelOptions
    ) -> grpc.aio.Channel:
        given.update(options)
        return open_channel(self, address, rail=rail, options=options)

    monkeypatch.setattr(ChannelTls, "open", noted)

    async def body() -> None:
        await world.stop(await world.start())

    asyncio.run(body())

    assert int(given["grpc.max_reconnect_backoff_ms"]) <= 1_000


def test_a_call_that_a_kill_cut_off_was_never_made(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(b'["K1", 5, "USD", "1", "", 1, 2.5]\n["K2", 5, "US')

    journal = Journal(path)
    journal.close()

    assert [sent.instruction.rail_key for sent in journal.history] == ["K1"]
    assert path.read_bytes() == b'["K1", 5, "USD", "1", "", 1, 2.5]\n'


def test_a_journal_that_is_no_file(tmp_path: Path) -> None:
    """Nothing of a device or a folder can be gone on with."""
    with pytest.raises(ConfigError, match="expected a journal, found no regular file"):
        Journal(tmp_path)


def test_a_journal_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(b"hello\n")

    with pytest.raises(CorruptionError, match=r"calls.ndjson, line 1: expected a call"):
        Journal(path)
