"""Two transports in one process, over mutual TLS on loopback."""

import asyncio
import re
import threading

import grpc
import pytest

from ledgerd.errors import ConfigError
from ledgerd.limits import ENTRY_BYTES_MAX, PEER_QUEUE_MESSAGES_MAX
from ledgerd.raft.entries import Entry, EntryId, EntryKind, Index, NodeId, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import AppendEntries, Heartbeat, TermOver
from ledgerd.raft.ready import Ready, Ticket
from ledgerd.security.tls import SERVER_OPTIONS, ChannelTls, ServerTls
from ledgerd.transport.greeting import Greetings
from ledgerd.transport.service import EXCHANGE, SERVICE
from tests.storage.memory import MemoryDisk, MemoryLogStore

ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)
NOTHING_NEW = Ready(
    ticket=Ticket(1),
    hard_state=None,
    entries=(),
    must_sync=False,
    send_early=(),
    send_after=(),
    apply=None,
    reads=(),
    reads_failed=(),
    lost_from=None,
    role_change=None,
)


def beat(number: int, sender: NodeId = ONE, to: NodeId = TWO) -> Heartbeat:
    return Heartbeat(sender, to, Term(1), Index(0), number)


def test_messages_arrive_in_order_and_once(peers) -> None:
    """What one node mails arrives at the other in order, early and late messages alike."""

    async def run() -> None:
        first, second = await peers.cluster(2)
        receipt = MemoryLogStore(MemoryDisk()).persist(NOTHING_NEW)
        sent = []
        for number in range(0, 200, 2):
            early, late = beat(number), TermOver(ONE, TWO, Term(number + 1))
            first.transport.mail.early([early])
            first.transport.mail.after([late], receipt)
            sent += [early, late]
        await peers.until(lambda: len(second.received) >= len(sent), "all arrived")

        assert sent == second.received
        assert first.received == []
        await first.transport.stop(0)
        await second.transport.stop(0)

    asyncio.run(run())


def test_mail_is_put_by_another_thread(peers) -> None:
    """The replica thread puts while the loop sends; nothing is lost or turned around."""

    async def run() -> None:
        first, second = await peers.cluster(2)
        total = 2_000

        def replica() -> None:
            sent = 0
            while sent < total:
                if len(second.received) > sent - PEER_QUEUE_MESSAGES_MAX // 2:
                    first.transport.mail.early([beat(sent), beat(sent + 1)])
                    sent += 2

        thread = threading.Thread(target=replica)
        thread.start()
        await peers.until(lambda: len(second.received) >= total, "all arrived")
        thread.join()

        assert list(range(total)) == [item.read_position for item in second.received]
        await first.transport.stop(0)
        await second.transport.stop(0)

    asyncio.run(run())


def test_clocks_of_both_directions_are_told(peers) -> None:
    """Frames and signs of life carry the sender's wall clock to the other node."""

    async def run() -> None:
        first, second = await peers.cluster(2)
        first.transport.mail.early([beat(1)])
        await peers.until(lambda: second.received, "a message arrived")

        assert {node_id for node_id, _ in second.clocks} == {ONE}
        assert {node_id for node_id, _ in first.clocks} == {TWO}
        assert all(clock_us > 1_600_000_000_000_000 for _, clock_us in first.clocks)
        await first.transport.stop(0)
        await second.transport.stop(0)

    asyncio.run(run())


def test_a_lost_peer_is_told_and_found_again(peers) -> None:
    """When a node dies its stream breaks, once; when it is back, messages flow again."""

    async def run() -> None:
        first, second = await peers.cluster(2)
        await second.transport.stop(0)
        await peers.until(lambda: first.lost, "the loss was told")
        assert first.transport.connected() == {TWO: False}
        first.transport.mail.early([beat(1)])
        dropped = first.counted("ledgerd_peer_messages_dropped_total", peer="2")
        assert dropped == 1

        again = peers.station(
            2, {1: first.address}, listen=f"127.0.0.1:{second.transport.port}"
        )
        await again.transport.start()
        await peers.until(
            lambda: first.transport.connected()[TWO], "it was found again"
        )
        first.transport.mail.early([beat(2)])
        await peers.until(lambda: again.received, "a message arrived")

        assert again.received == [beat(2)]
        assert first.lost == [TWO]
        assert first.counted("ledgerd_peer_connected", peer="2") == 1
        await first.transport.stop(0)
        await again.transport.stop(0)

    asyncio.run(run())


def test_a_silent_peer_is_given_up(peers) -> None:
    """A stream whose server says nothing for the limit is closed, though TCP stands. T76."""

    async def run() -> None:
        port = peers.free_address()
        # Alive comes far too seldom for the other side's limit.
        mute = peers.station(1, {2: port}, alive_interval_s=60.0)
        await mute.transport.start()
        listening = peers.station(
            2, {1: mute.address}, listen=port, silence_limit_s=0.2
        )
        await listening.transport.start()
        await peers.until(lambda: listening.lost, "the silence was noticed")

        assert listening.lost[0] == ONE
        assert mute.lost == []
        await mute.transport.stop(0)
        await listening.transport.stop(0)

    asyncio.run(run())


def test_a_stream_that_the_peer_cancels_is_opened_again(peers) -> None:
    """The status CANCELLED from the other side ends one stream and not the link."""

    async def run() -> None:
        opened = 0

        async def exchange(
            _requests: object, context: grpc.aio.ServicerContext
        ) -> None:
            nonlocal opened
            opened += 1
            await context.read()
            options = peers.station(2, {1: "127.0.0.1:9"}).options
            await context.write(Greetings(options).hello(ONE, clock_us=1))
            await context.abort(grpc.StatusCode.CANCELLED, "enough")

        fickle = grpc.aio.server(options=SERVER_OPTIONS)
        handler = grpc.stream_stream_rpc_method_handler(exchange)
        fickle.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {"Exchange": handler}),)
        )
        port = ServerTls(peers.certificates.node(2)).add_port(fickle, "127.0.0.1:0")
        await fickle.start()
        first = peers.station(1, {2: f"127.0.0.1:{port}"})
        await first.transport.start()
        await peers.until(lambda: opened >= 3, "it was opened again")

        assert first.stops == []
        assert first.lost[:2] == [TWO, TWO]
        await first.transport.stop(0)
        await fickle.stop(0)

    asyncio.run(run())


def test_a_caller_that_says_nothing_is_let_go(peers) -> None:
    """A stream without a greeting ends at the limit; it holds nothing for ever."""

    async def run() -> None:
        host = peers.station(1, {2: "127.0.0.1:9"}, connect_limit_s=0.1)
        await host.transport.start()
        files = peers.certificates.node(2)
        channel = ChannelTls(files, cluster_id="test-cluster").open(
            host.address, node_id=1
        )
        call = channel.stream_stream(EXCHANGE)()
        with pytest.raises(grpc.aio.AioRpcError, match="expected a greeting within"):
            await call.read()

        assert host.refused("peer_no_greeting") == 1
        await channel.close()
        await host.transport.stop(0)

    asyncio.run(run())


@pytest.mark.parametrize("data", [b"\xff\xff", b""])
def test_a_frame_that_is_no_message_ends_the_stream(peers, data: bytes) -> None:
    """Garbage and empty frames end the stream that brought them, and nothing else."""

    async def run() -> None:
        host = peers.station(1, {2: "127.0.0.1:9"})
        await host.transport.start()
        caller = peers.station(2, {1: host.address})
        files = peers.certificates.node(2)
        channel = ChannelTls(files, cluster_id="test-cluster").open(
            host.address, node_id=1
        )
        call = channel.stream_stream(EXCHANGE)()
        await call.write(Greetings(caller.options).hello(ONE, clock_us=1))
        await call.read()
        await call.write(data)

        async def drain() -> None:
            while await call.read() is not grpc.aio.EOF:
                pass
            await call

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await drain()

        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert host.received == []
        assert host.stops == []
        await channel.close()
        await host.transport.stop(0)

    asyncio.run(run())


def test_a_blocked_peer_costs_its_own_queue_only(peers) -> None:
    """A peer that takes the connection and nothing more delays no other. T92."""

    async def run() -> None:
        stuck, release = asyncio.Event(), asyncio.Event()

        async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stuck.set()
            await release.wait()
            writer.close()

        wall = await asyncio.start_server(hold, "127.0.0.1", 0)
        blocked = f"127.0.0.1:{wall.sockets[0].getsockname()[1]}"
        port = peers.free_address()
        second = peers.station(2, {1: port, 3: blocked})
        await second.transport.start()
        first = peers.station(1, {2: second.address, 3: blocked}, listen=port)
        await first.transport.start()
        await stuck.wait()
        await peers.until(lambda: first.transport.connected()[TWO], "node 2 is heard")
        for number in range(100):
            first.transport.mail.early(
                [beat(number, ONE, THREE), beat(number, ONE, TWO)]
            )
        await peers.until(lambda: len(second.received) == 100, "node 2 heard all")

        assert first.counted("ledgerd_peer_messages_dropped_total", peer="3") == 100
        assert first.counted("ledgerd_peer_messages_dropped_total", peer="2") == 0
        release.set()
        wall.close()
        await first.transport.stop(0)
        await second.transport.stop(0)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("changes", "refusal", "why"),
    [
        (
            {"cluster_id": "other-cluster", "tls_cluster_id": "test-cluster"},
            "peer_foreign_cluster",
            "expected cluster test-cluster, found cluster other-cluster",
        ),
        (
            {"node_id": 3, "files": 3},
            "peer_removed",
            "node 3 was removed from the cluster",
        ),
        (
            {"node_id": 2, "files": 3},
            "peer_certificate",
            "says it is node 2, its certificate says node 3",
        ),
    ],
)
def test_who_is_not_the_peer_is_refused(
    peers, capsys, changes, refusal: str, why: str
) -> None:
    """A caller of another cluster, id or certificate is refused; both sides say so. T69, T77."""

    async def run() -> None:
        membership = Membership((ONE, TWO), node_id_last=THREE)
        host = peers.station(1, {2: "127.0.0.1:9"}, membership=membership)
        await host.transport.start()
        options = {"node_id": 2, **changes}
        files = peers.certificates.node(options.pop("files", 2))
        caller = peers.station(
            options.pop("node_id"), {1: host.address}, files=files, **options
        )
        await caller.transport.start()
        await peers.until(lambda: host.refused(refusal) > 2, "the host refused")
        await peers.until(lambda: caller.refused("peer_refused_us"), "the caller knows")

        assert caller.transport.connected() == {ONE: False}
        assert host.received == []
        await caller.transport.stop(0)
        await host.transport.stop(0)

    asyncio.run(run())
    lines = capsys.readouterr().out.splitlines()
    events = [line for line in lines if re.search(why, line)]

    # Once, and not once an attempt.
    assert len([line for line in events if "peer_refused" in line]) == 1, lines
    assert len([line for line in events if "refused_by_peer" in line]) == 1, lines


def test_a_node_with_a_foreign_ca_is_refused_by_tls(peers, capsys) -> None:
    """A certificate of another CA gets no stream at all."""

    async def run() -> None:
        host = peers.station(1, {2: "127.0.0.1:9"})
        await host.transport.start()
        caller = peers.station(2, {1: host.address}, files=peers.foreign.node(2))
        await caller.transport.start()
        await peers.until(
            lambda: (
                "peer_unreachable" in (seen := capsys.readouterr().out)
                and "CERTIFICATE_VERIFY_FAILED" in seen
            ),
            "the caller knows",
        )

        assert caller.transport.connected() == {ONE: False}
        assert host.received == []
        await caller.transport.stop(0)
        await host.transport.stop(0)

    asyncio.run(run())


def test_a_dialled_node_that_is_another_is_refused(peers) -> None:
    """Who dials checks the name in the certificate: node 3 cannot answer as node 2."""

    async def run() -> None:
        third = peers.station(3, {1: "127.0.0.1:9"})
        await third.transport.start()
        first = peers.station(1, {2: third.address, 3: third.address})
        await first.transport.start()
        await peers.until(lambda: first.transport.connected()[THREE], "node 3 is heard")

        assert first.transport.connected() == {TWO: False, THREE: True}
        await first.transport.stop(0)
        await third.transport.stop(0)

    asyncio.run(run())


def test_an_emptied_store_under_an_old_id_is_refused(peers) -> None:
    """A peer that comes back with another store may not take part. raft.md F25."""

    async def run() -> None:
        first, second = await peers.cluster(2)
        await second.transport.stop(0)
        emptied = peers.station(
            2,
            {1: first.address},
            listen=f"127.0.0.1:{second.transport.port}",
            store_id=bytes(16),
        )
        await emptied.transport.start()
        await peers.until(
            lambda: first.refused("peer_store_changed"), "the store was refused"
        )

        assert emptied.transport.connected() == {ONE: False}
        await first.transport.stop(0)
        await emptied.transport.stop(0)

    asyncio.run(run())


def test_a_failed_assertion_stops_the_node(peers) -> None:
    """An assertion that fails while a message is delivered reaches the fail-stop."""

    async def run() -> None:
        first, second = await peers.cluster(2)

        def fail(_message: object) -> None:
            raise AssertionError("planted")

        second.on_message = fail
        first.transport.mail.early([beat(1)])
        await peers.until(lambda: second.stops, "the node was stopped")

        assert "planted" in str(second.stops[0])
        await first.transport.stop(0)
        await second.transport.stop(0)

    asyncio.run(run())


def test_a_large_message_arrives(peers) -> None:
    """The largest entry there can be fits a frame."""

    async def run() -> None:
        first, second = await peers.cluster(2)
        payload = bytes(ENTRY_BYTES_MAX)
        entry = Entry(Term(1), Index(1), EntryKind.PAYOUTS, 1, payload, bytes(32))
        genesis = EntryId(Term(0), Index(0))
        message = AppendEntries(
            ONE, TWO, Term(1), genesis, bytes(32), (entry,), Index(0), 1, 1
        )
        first.transport.mail.early([message])
        await peers.until(lambda: second.received, "it arrived")

        assert second.received == [message]
        await first.transport.stop(0)
        await second.transport.stop(0)

    asyncio.run(run())


def test_a_port_in_use_is_a_configuration_error(peers) -> None:
    """A listener whose port is taken says which one."""

    async def run() -> None:
        first = peers.station(1, {2: "127.0.0.1:9"})
        await first.transport.start()
        second = peers.station(2, {1: first.address}, listen=first.address)
        with pytest.raises(ConfigError, match="in use"):
            await second.transport.start()
        await first.transport.stop(0)

    asyncio.run(run())
