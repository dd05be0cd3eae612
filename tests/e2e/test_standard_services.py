"""Standard tools work: reflection lists the services, health answers, over mutual TLS."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Profile
from tests.waiting import until

pytestmark = pytest.mark.e2e
SERVICES = {
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
    "ledgerd.api.v1.Admin",
    "ledgerd.api.v1.Ledger",
    "ledgerd.api.v1.Payouts",
    "ledgerd.api.v1.Reports",
}


@pytest.fixture
def cluster(shared: DevCluster) -> DevCluster:
    """One for all tests of this file, which leave it as they like."""
    return shared


def plain_channel(
    cluster: DevCluster, *, with_certificate: bool = True
) -> grpc.Channel:
    """Open a channel as any gRPC tool would: CA, certificate, key, and the address."""
    profile = Profile.load(cluster.profile_path)
    assert profile.ca is not None
    assert profile.key is not None
    assert profile.certificate is not None
    own = (profile.key.read_bytes(), profile.certificate.read_bytes())
    credentials = grpc.ssl_channel_credentials(
        profile.ca.read_bytes(), *(own if with_certificate else ())
    )
    return grpc.secure_channel(profile.endpoints[0].address, credentials)


def test_reflection_lists_the_services(cluster: DevCluster) -> None:
    """What grpcurl needs to call anything without our proto files."""
    with plain_channel(cluster) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        listed = set(database.get_services())
        submit = database.FindFileContainingSymbol("ledgerd.api.v1.SubmitRequest")

    assert listed >= SERVICES
    assert submit.package == "ledgerd.api.v1"


def test_health_answers_for_the_server_and_its_services(cluster: DevCluster) -> None:
    """Load balancers ask this one."""
    with plain_channel(cluster) as channel:
        health = health_pb2_grpc.HealthStub(channel)

        def are_serving() -> bool:
            """Whether all are; on a busy machine there may be no leader for a moment."""
            answers = {
                health.Check(
                    health_pb2.HealthCheckRequest(service=service), timeout=5
                ).status
                for service in ("", "ledgerd.api.v1.Payouts")
            }
            return answers == {health_pb2.HealthCheckResponse.SERVING}

        until("the server and its services serve", are_serving, passing=grpc.RpcError)


def test_without_a_certificate_nothing_answers(cluster: DevCluster) -> None:
    """Mutual TLS: reflection and health too are for the cluster's own."""
    with plain_channel(cluster, with_certificate=False) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            health.Check(health_pb2.HealthCheckRequest(), timeout=5)

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
