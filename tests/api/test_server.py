"""The server around the calls: sizes, deadlines, faults, health, reflection, stopping."""

import asyncio
import io
import json

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from ledgerd.api import server
from ledgerd.api.v1 import accounts_pb2, admin_pb2
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.errors import ConfigError, CorruptionError
from tests.api.world import World, refusal_of

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
STATUS = admin_pb2.StatusRequest()


def test_a_request_that_is_too_large_is_definitely_not_logged(world: World) -> None:
    """Our own bound answers with our facts, so that a client does not retry for ever."""

    async def run() -> None:
        async with world.running(request_bytes_max=4_000):
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            before = world.node.index
            orders = [world.order(account) for _ in range(40)]
            request = pb.SubmitBatchRequest(orders=orders)
            refusal = await refusal_of(stub.payouts.SubmitBatch(request))

            assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
            assert (
                refusal.reason,
                refusal.metadata["outcome"],
            ) == ("TOO_LARGE", "NOT_LOGGED")
            size = request.ByteSize()
            assert (
                f"expected a request of at most 4000 bytes, found {size}: split it into "
                "smaller ones"
            ) == refusal.message
            assert before == world.node.index

    asyncio.run(run())


def test_a_message_far_too_large_is_refused_by_grpc(world: World) -> None:
    """Beyond the slack gRPC itself refuses; nothing is logged."""

    async def run() -> None:
        async with world.running(request_bytes_max=4_000):
            stub = world.stub("submitter")
            call = stub.channel.unary_unary("/ledgerd.api.v1.Payouts/SubmitBatch")
            refusal = await refusal_of(call(bytes(5 * 1024 * 1024)))

            assert refusal.code == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "larger than max" in refusal.message
            assert world.node.index == 0

    asyncio.run(run())


def test_bytes_that_are_no_message_are_malformed(world: World) -> None:
    """Garbage is refused as such."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            call = stub.channel.unary_unary("/ledgerd.api.v1.Payouts/Submit")
            refusal = await refusal_of(call(b"\xff\xff\xff"))

            assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
            assert refusal.reason == "MALFORMED"
            assert "expected a message of this call" in refusal.message

    asyncio.run(run())


def test_an_unknown_call_is_unimplemented(world: World) -> None:
    """A call that no service has is gRPC's own answer."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            call = stub.channel.unary_unary("/ledgerd.api.v1.Payouts/Refund")
            refusal = await refusal_of(call(b""))

            assert refusal.code == grpc.StatusCode.UNIMPLEMENTED

    asyncio.run(run())


@pytest.mark.parametrize(
    ("timeout_s", "least_s", "most_s"),
    [(None, 4.5, 5.0), (2.0, 1.5, 1.96), (600.0, 59.0, 60.0)],
)
def test_every_call_has_a_deadline(
    world: World, timeout_s: float | None, least_s: float, most_s: float
) -> None:
    """The default, the caller's own less a margin for the answer, and the cap. T93."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            request = accounts_pb2.GetAccountRequest(account_id=account)
            now = asyncio.get_running_loop().time()
            await stub.ledger.GetAccount(request, timeout=timeout_s)
            waited = world.node.deadlines[-1] - now
            took_s = asyncio.get_running_loop().time() - now

            assert least_s <= waited <= most_s + took_s

    asyncio.run(run())


def test_too_many_calls_in_flight_are_refused_at_once(world: World) -> None:
    """Above the bound a call is OVERLOADED, definitely not logged, and told to wait."""

    async def run() -> None:
        async with world.running(calls_in_flight_max=2):
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            world.node.hold = asyncio.Event()
            before = world.node.proposals
            waiting = [
                asyncio.ensure_future(
                    stub.payouts.Submit(pb.SubmitRequest(order=world.order(account)))
                )
                for _ in range(2)
            ]
            await world.node.proposed(before + 2)
            assert world.server.calls_in_flight == 2
            assert world.counted("ledgerd_calls_in_flight") == 2
            refusal = await refusal_of(
                stub.payouts.Submit(pb.SubmitRequest(order=world.order(account)))
            )
            world.node.hold.set()
            await asyncio.gather(*waiting)

            assert refusal.code == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert (
                refusal.reason,
                refusal.metadata["outcome"],
            ) == ("OVERLOADED", "NOT_LOGGED")
            assert refusal.retry_after_s > 0
            assert before + 2 == world.node.proposals
            assert world.server.calls_in_flight == 0

    asyncio.run(run())


@pytest.mark.parametrize("call", ["unary", "stream", "read"])
def test_a_failed_assertion_stops_the_node(world: World, call: str) -> None:
    """In a handler of any kind it reaches the fail-stop; the caller learns no text."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            secret = "balance was 1234"
            order = world.order(account)
            if call == "unary":
                world.node.fault = AssertionError(secret)
                refusal = await refusal_of(
                    stub.payouts.Submit(pb.SubmitRequest(order=order))
                )
            elif call == "stream":
                world.node.fault = AssertionError(secret)
                stream = stub.payouts.SubmitStream()
                await stream.write(pb.SubmitBatchRequest(orders=[order]))
                refusal = await refusal_of(stream.read())
            else:
                world.node.read_fault = CorruptionError(secret)
                refusal = await refusal_of(
                    stub.ledger.GetAccount(
                        accounts_pb2.GetAccountRequest(account_id=account)
                    )
                )

            assert [secret] == [str(error) for error in world.stops]
            assert refusal.code == grpc.StatusCode.UNAVAILABLE
            assert refusal.metadata["outcome"] == "UNKNOWN"
            assert secret not in refusal.message

    asyncio.run(run())


def test_an_unexpected_error_has_a_request_id_and_no_text(
    world: World, log_stream: io.StringIO
) -> None:
    """The caller gets an id, the log gets the error, the node serves on."""

    async def run() -> str:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            world.node.fault = KeyError("secret")
            request = pb.SubmitRequest(order=world.order(account))
            refusal = await refusal_of(stub.payouts.Submit(request))
            reply = await stub.payouts.Submit(request)

            assert refusal.code == grpc.StatusCode.INTERNAL
            assert (
                refusal.reason,
                refusal.metadata["outcome"],
            ) == ("INTERNAL", "UNKNOWN")
            assert "secret" not in refusal.message
            assert reply.HasField("payout")
            assert world.stops == []
            return refusal.metadata["request_id"]

    request_id = asyncio.run(run())
    lines = [json.loads(line) for line in log_stream.getvalue().splitlines()]
    failed = [line for line in lines if line["event"] == "call_failed"]

    assert [request_id] == [line["request_id"] for line in failed]
    assert "KeyError" in failed[0]["exception"]


# Longer than any number that a line has by chance: microseconds, a duration, a port.
AMOUNT_UNITS = 876_543_210_123


def test_a_request_is_one_line_without_account_data(
    world: World, log_stream: io.StringIO
) -> None:
    """Each call has one canonical line: who, what, how it ended, where it stands."""

    async def run() -> str:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            orders = [world.order(account) for _ in range(3)]
            orders[1].amount.units = AMOUNT_UNITS
            await stub.payouts.SubmitBatch(pb.SubmitBatchRequest(orders=orders))
            orders[0].rail = "pigeon"
            await refusal_of(
                stub.payouts.SubmitBatch(pb.SubmitBatchRequest(orders=orders))
            )
            await stub.admin.Status(STATUS)
            return account

    account = asyncio.run(run())
    out = log_stream.getvalue()
    lines = [json.loads(line) for line in out.splitlines()]
    answered = [line for line in lines if line["event"] == "request_answered"]
    calls = [line["call"] for line in answered]

    assert calls[:2] == ["Ledger/OpenAccount", "Ledger/Fund"]
    assert calls[2:] == ["Payouts/SubmitBatch"] * 2
    good, bad = answered[2:]
    assert good["outcomes"] == {"CREATED": 2, "INSUFFICIENT_FUNDS": 1}
    assert tuple(good[key] for key in ("status", "rows", "index", "term")) == (
        "OK",
        3,
        3,
        3,
    )
    assert good["caller"] == "submitter"
    assert (bad["status"], bad["reason"]) == ("INVALID_ARGUMENT", "MALFORMED")
    for secret in (account, "12345678", "Lovelace", "Invoice 7", str(AMOUNT_UNITS)):
        assert secret not in out


def test_health_follows_readiness(world: World) -> None:
    """Check, List and Watch say what the node says, for the node and for each service."""

    async def run() -> None:
        async with world.running():
            stub = health_pb2_grpc.HealthStub(world.stub("auditor").channel)

            async def status(service: str = "") -> int:
                request = health_pb2.HealthCheckRequest(service=service)
                reply = await stub.Check(request)
                return reply.status

            watch = stub.Watch(health_pb2.HealthCheckRequest())
            assert (await watch.read()).status == SERVING
            assert await status() == SERVING
            assert await status("ledgerd.api.v1.Payouts") == SERVING
            world.node.ready = False
            assert (await watch.read()).status == NOT_SERVING
            assert await status("ledgerd.api.v1.Payouts") == NOT_SERVING
            everything = await stub.List(health_pb2.HealthListRequest())
            assert set(everything.statuses) == {"", *server.SERVICES}
            refusal = await refusal_of(
                stub.Check(health_pb2.HealthCheckRequest(service="x"))
            )
            assert refusal.code == grpc.StatusCode.NOT_FOUND
            watch.cancel()

    asyncio.run(run())


def test_services_are_listed_by_reflection(world: World) -> None:
    """A tool like grpcurl finds every service and its file."""

    async def run() -> None:
        async with world.running():
            channel = world.stub("auditor").channel
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            call = stub.ServerReflectionInfo()
            await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            names = (await call.read()).list_services_response.service
            await call.write(
                reflection_pb2.ServerReflectionRequest(
                    file_containing_symbol="ledgerd.api.v1.Payouts"
                )
            )
            file = (await call.read()).file_descriptor_response
            await call.done_writing()

            assert {name.name for name in names} >= set(server.SERVICES)
            assert file.file_descriptor_proto

    asyncio.run(run())


def test_a_call_under_way_ends_while_the_server_stops(world: World) -> None:
    """Within the grace a call is answered; new ones are refused, health says so first."""

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            world.node.hold = asyncio.Event()
            before = world.node.proposals
            request = pb.SubmitRequest(order=world.order(account))
            waiting = asyncio.ensure_future(stub.payouts.Submit(request))
            await world.node.proposed(before + 1)
            stopping = asyncio.ensure_future(world.server.stop(5))
            await asyncio.sleep(0)
            health = health_pb2_grpc.HealthStub(stub.channel)
            told = await health.Check(health_pb2.HealthCheckRequest())
            refusal = await refusal_of(
                stub.payouts.Submit(pb.SubmitRequest(order=world.order(account)))
            )
            world.node.hold.set()
            reply = await waiting
            await stopping

            assert told.status == NOT_SERVING
            assert reply.HasField("payout")
            assert refusal.code == grpc.StatusCode.UNAVAILABLE
            assert refusal.reason == "STOPPING"
            assert refusal.metadata["outcome"] == "NOT_LOGGED"

    asyncio.run(run())


def test_a_port_in_use_is_a_configuration_error(world: World) -> None:
    """A listener whose port is taken says which one."""

    async def run() -> None:
        async with world.running():
            taken = world.server.port
            second = server.ApiServer(
                type(world.options)(
                    listen=f"127.0.0.1:{taken}",
                    cluster_id="test-cluster",
                    node_id=1,
                    peers={},
                ),
                node=world.node,
                server_tls=world.server._server_tls,
                metrics=type(world.metrics)(),
                connected=dict,
                fail_stop=lambda error, *, where: None,
            )
            with pytest.raises(ConfigError, match=f"127.0.0.1:{taken}.* in use"):
                await second.start()

    asyncio.run(run())
