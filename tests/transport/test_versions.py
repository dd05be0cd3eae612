"""Two releases over one stream: what each end learns, and what the older one is never sent."""

import asyncio

import grpc
import pytest

from ledgerd.raft import protocol
from ledgerd.raft.entries import Index, NodeId, Term
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.messages import Heartbeat, TermOver
from ledgerd.raft.protocol import PROTOCOL_MAX
from ledgerd.raft.ready import Ready, Ticket
from ledgerd.security.tls import SERVER_OPTIONS, ServerTls
from ledgerd.transport.codec import unpack
from ledgerd.transport.greeting import GreetingRefused, Greetings, Refusal
from ledgerd.transport.outbound import PeerQueue
from ledgerd.transport.service import SERVICE
from ledgerd.transport.v1 import peer_pb2 as pb
from tests.storage.memory import MemoryDisk, MemoryLogStore
from tests.transport.conftest import options_of

ONE, TWO = NodeId(1), NodeId(2)

STORE = b"\x02" * 16  # of node 2


def greeting_of_0_1_0(store_id: bytes = bytes([2]) * 16) -> pb.Frame:
    """Return what node 2 of release 0.1.0 says first."""
    hello = pb.Hello(
        cluster_id="test-cluster",
        node_id=2,
        to_node_id=1,
        protocol_min=1,
        protocol_max=1,
        incarnation=bytes(8),
        store_id=store_id,
    )
    return pb.Frame(clock_us=1, hello=hello)


@pytest.fixture
def term_over_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make one class unknown to version 1, as a new class is."""
    since = dict(protocol.SINCE) | {TermOver: 2}
    monkeypatch.setattr(protocol, "SINCE", since)


def test_a_greeting_without_the_new_fields_is_of_the_first_release() -> None:
    """Release 0.1.0 names no state versions: it applies the first only. F26."""
    greetings = Greetings(options_of(1, {2: "127.0.0.1:9"}))
    greeted = greetings.check(greeting_of_0_1_0(), expected=TWO, identity=None)

    assert greeted == PeerGreeted(TWO, 1, 1, 1, STORE)


def test_a_newer_release_that_still_speaks_ours_is_spoken_to_in_ours() -> None:
    """The version of a stream is the newest that both ends know. F26."""
    greetings = Greetings(options_of(1, {2: "127.0.0.1:9"}))
    frame = greeting_of_0_1_0()
    frame.hello.protocol_max = PROTOCOL_MAX + 5
    frame.hello.state_version_min, frame.hello.state_version_max = 1, 9
    greeted = greetings.check(frame, expected=TWO, identity=None)

    assert greeted == PeerGreeted(TWO, PROTOCOL_MAX, 1, 9, STORE)


def test_a_release_too_far_away_is_refused() -> None:
    """Two releases without a common version form no cluster, and the message says what to do."""
    greetings = Greetings(options_of(1, {2: "127.0.0.1:9"}))
    frame = greeting_of_0_1_0()
    frame.hello.protocol_min = frame.hello.protocol_max = PROTOCOL_MAX + 1
    with pytest.raises(GreetingRefused, match="one release at a time") as caught:
        greetings.check(frame, expected=TWO, identity=None)

    assert caught.value.refusal is Refusal.PROTOCOL


@pytest.mark.usefixtures("term_over_is_new")
def test_a_queue_withholds_what_its_peer_does_not_understand() -> None:
    """Withheld messages are counted, give back their room and delay nobody. F26, T67."""
    withheld: list[int] = []
    queue = PeerQueue(on_dropped=lambda count: None, on_withheld=withheld.append)
    queue.open(protocol=1)
    beat = Heartbeat(ONE, TWO, Term(1), Index(0), 0)
    queue.put(TermOver(ONE, TWO, Term(1)))
    queue.put(beat)
    queue.put(TermOver(ONE, TWO, Term(2)))
    taken = queue.take(bytes_max=10**6)

    assert taken == [beat]
    assert withheld == [1, 1]
    assert queue.size_bytes == 0
    queue.open(protocol=2)
    queue.put(TermOver(ONE, TWO, Term(3)))
    assert [TermOver(ONE, TWO, Term(3))] == queue.take(bytes_max=10**6)


@pytest.mark.usefixtures("term_over_is_new")
def test_an_older_peer_keeps_its_stream(peers) -> None:
    """A node of the first release gets what it knows over one stream, and nothing else. F26."""

    async def run() -> None:
        got: list[object] = []
        streams = 0

        async def exchange(
            _requests: object, context: grpc.aio.ServicerContext
        ) -> None:
            nonlocal streams
            streams += 1
            await context.read()
            await context.write(greeting_of_0_1_0().SerializeToString())
            while isinstance(data := await context.read(), bytes):
                got.extend(unpack(pb.Frame.FromString(data), sender=ONE, to=TWO))

        old = grpc.aio.server(options=SERVER_OPTIONS)
        handler = grpc.stream_stream_rpc_method_handler(exchange)
        old.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {"Exchange": handler}),)
        )
        port = ServerTls(peers.certificates.node(2)).add_port(old, "127.0.0.1:0")
        await old.start()
        new = peers.station(1, {2: f"127.0.0.1:{port}"}, silence_limit_s=10.0)
        await new.transport.start()
        await peers.until(lambda: new.transport.connected()[TWO], "node 2 is heard")
        ready = Ready(
            Ticket(1), None, (), False, (), (), None, (), (), None, None
        )  # fmt: skip
        receipt = MemoryLogStore(MemoryDisk()).persist(ready)
        new.transport.mail.after([TermOver(ONE, TWO, Term(1))], receipt)
        new.transport.mail.early([Heartbeat(ONE, TWO, Term(1), Index(0), 7)])
        await peers.until(lambda: got, "a message arrived")

        assert got == [Heartbeat(ONE, TWO, Term(1), Index(0), 7)]
        assert streams == 1
        assert new.greeted == [PeerGreeted(TWO, 1, 1, 1, STORE)]
        assert new.counted("ledgerd_peer_messages_withheld_total", peer="2") == 1
        await new.transport.stop(0)
        await old.stop(0)

    asyncio.run(run())


def test_both_ends_of_both_streams_learn_the_other_s_release(peers) -> None:
    """Whoever calls and whoever is called is told what the other understands. F26."""

    async def run() -> None:
        first, second = await peers.cluster(2)

        assert {fact.node_id for fact in first.greeted} == {TWO}
        assert {fact.protocol for fact in first.greeted} == {PROTOCOL_MAX}
        assert {fact.node_id for fact in second.greeted} == {ONE}
        await first.transport.stop(0)
        await second.transport.stop(0)

    asyncio.run(run())
