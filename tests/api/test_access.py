"""Who may call what: the whole matrix, and certificates that are refused."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection

from ledgerd.api import access, server
from ledgerd.api.v1 import (
    accounts_pb2,
    admin_pb2,
    audit_pb2,
    cluster_pb2,
    dispatch_pb2,
    events_pb2,
    payouts_pb2,
)
from ledgerd.security.identity import Role
from tests.api.world import CLUSTER, Refusal, Stub, World, refusal_of
from tests.security import authority

# The matrix of ledger.md 9.1, written a second time: what each certificate may call.
READS = {
    "Admin/GetCatalogue",
    "Admin/GetFees",
    "Admin/GetCurrencies",
    "Payouts/Quote",
    "Payouts/QuoteRoutes",
    "Payouts/Get",
    "Payouts/List",
    "Ledger/GetAccount",
    "Ledger/ListAccounts",
    "Ledger/GetBalance",
    "Ledger/GetHold",
    "Ledger/ListHolds",
    "Admin/Status",
    "Cluster/Status",
    "Audit/GetTreeHead",
    "Audit/ConsistencyProof",
    "Audit/Digest",
}
DISPATCHING = {
    "Dispatch/ClaimDispatch",
    "Dispatch/RaiseAttention",
    "Dispatch/RenewClaim",
    "Dispatch/RailAck",
    "Dispatch/RailNotAccepted",
    "Dispatch/RailReject",
    "Dispatch/Settle",
    "Dispatch/Return",
    "Dispatch/ReversalComplete",
}
STOPPING = {"Payouts/Cancel", "Payouts/Reroute"}
AUDITS = {
    "Reports/TrialBalance",
    "Reports/Statement",
    "Reports/ExportBooks",
    "Audit/InclusionProof",
    "Audit/ExportLog",
}
CHANGES = {
    "Ledger/Validate",
    "Payouts/Submit",
    "Payouts/Validate",
    "Payouts/SubmitBatch",
    "Payouts/SubmitStream",
    "Payouts/RequestRecall",
    "Ledger/OpenAccount",
    "Ledger/Fund",
    "Ledger/Transfer",
    "Ledger/CloseAccount",
    "Ledger/FundReverse",
    "Ledger/CreateHold",
    "Ledger/CaptureHold",
    "Ledger/ReleaseHold",
}
APPROVING = {
    "Ledger/Validate",
    "Payouts/Approve",
    "Payouts/Reject",
    "Payouts/TellEvidence",
    "Audit/ResolveException",
    "Ledger/Freeze",
    "Ledger/Unfreeze",
    "Ledger/ApproveVoucher",
}
REVIEWING = {"Ledger/RejectVoucher"}
POLICY = {"Admin/GetLimits", "Admin/GetRules", "Admin/GetRoles"}
VOUCHERS = {"Ledger/GetVoucher", "Ledger/ListVouchers", "Audit/ListExceptions"}
OPERATING = {
    "Ledger/PostEntry",
    "Ledger/Adjust",
    "Ledger/Validate",
    "Admin/SetFees",
    "Admin/SetCatalogue",
    "Admin/AmendCalendar",
    "Admin/SuspendRail",
    "Admin/SetLimits",
    "Admin/SetRules",
    "Admin/SetRoles",
    "Admin/SetCurrencies",
    "Cluster/AddNode",
    "Cluster/Members",
    "Cluster/RemoveNode",
    "Cluster/ReplaceNode",
    "Cluster/Snapshot",
    "Cluster/Digest",
    "Cluster/Transfer",
    "Cluster/UpdateNode",
}
WATCHES = {"Feed/Watch", "Feed/GetEvent"}
PROBES = {"Health/Check", "Health/Watch", "Health/List"}
REFLECTION = {"ServerReflection/ServerReflectionInfo"}
MATRIX = {
    (): set(),
    ("submitter",): READS | CHANGES | STOPPING | WATCHES,
    ("approver",): READS | APPROVING | STOPPING | REVIEWING | VOUCHERS | POLICY,
    ("dispatcher",): READS | DISPATCHING,
    ("auditor",): READS | WATCHES | AUDITS | VOUCHERS | POLICY,
    ("admin",): READS | AUDITS | OPERATING | REVIEWING | VOUCHERS | POLICY,
    ("admin", "approver", "auditor", "dispatcher", "submitter"): READS
    | CHANGES
    | STOPPING
    | DISPATCHING
    | WATCHES
    | APPROVING
    | REVIEWING
    | VOUCHERS
    | POLICY
    | AUDITS
    | OPERATING,
}


def methods_of(files: Iterable[object]) -> set[str]:
    return {
        f"/{service.full_name}/{method.name}"
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
    }


def test_every_call_of_every_service_has_its_row() -> None:
    """No call is open, or closed, by oversight."""
    ours = methods_of(
        [
            payouts_pb2.DESCRIPTOR,
            accounts_pb2.DESCRIPTOR,
            admin_pb2.DESCRIPTOR,
            cluster_pb2.DESCRIPTOR,
            events_pb2.DESCRIPTOR,
            audit_pb2.DESCRIPTOR,
            dispatch_pb2.DESCRIPTOR,
        ]
    )
    others = {method for method in access.ACCESS if not method.startswith("/ledgerd")}

    assert ours == set(access.ACCESS) - others
    assert {access.short_name(method) for method in others} == PROBES | REFLECTION


def test_services_are_those_that_are_reflected() -> None:
    """Reflection names what is served, itself apart."""
    assert set(server.SERVICES) | {reflection.SERVICE_NAME} == {
        method.split("/")[1] for method in access.ACCESS
    }


async def called(stub: Stub, method: str) -> Refusal | None:
    """Call with an empty request; None if it was answered or a stream stands."""
    name = access.short_name(method)
    try:
        async with asyncio.timeout(10):
            if name.endswith(("Stream", "Info")):
                both = stub.channel.stream_stream(method)()
                await both.done_writing()
                await both.read()
                if both.done() and await both.code() is not grpc.StatusCode.OK:
                    await both
            elif name.endswith("/Watch"):
                watch = stub.channel.unary_stream(method)(b"")
                await watch.read()
                watch.cancel()
            else:
                await stub.channel.unary_unary(method)(b"")
    except grpc.aio.AioRpcError as error:
        return Refusal(error)
    return None


@pytest.mark.parametrize("names", MATRIX, ids=lambda names: "-".join(names) or "none")
def test_the_matrix_of_roles_and_calls(world: World, names: tuple[str, ...]) -> None:
    """Each call is answered for exactly the roles of the table; others learn which role."""

    async def run() -> None:
        async with world.running():
            stub = world.stub(*names)
            allowed = set()
            for method in access.ACCESS:
                refusal = await called(stub, method)
                name = access.short_name(method)
                if refusal is None or refusal.reason != "ROLE_MISSING":
                    allowed.add(name)
                else:
                    assert refusal.code == grpc.StatusCode.PERMISSION_DENIED
                    assert refusal.metadata["outcome"] == "NOT_LOGGED"
                    assert name in refusal.message

            assert MATRIX[names] | PROBES | REFLECTION == allowed
            denied = world.counted("ledgerd_tls_refusals_total", reason="role_missing")
            assert len(access.ACCESS) - len(allowed) == denied

    asyncio.run(run())


def test_a_node_may_probe_and_nothing_else(world: World) -> None:
    """The certificate of a node moves no money and reads none."""

    async def run() -> None:
        async with world.running():
            stub = world.stub(files=world.certificates.node(2))
            allowed = set()
            for method in access.ACCESS:
                refusal = await called(stub, method)
                if refusal is None or refusal.reason != "ROLE_MISSING":
                    allowed.add(access.short_name(method))

            assert allowed == PROBES | REFLECTION

    asyncio.run(run())


def test_plaintext_is_local_and_may_do_everything() -> None:
    """The operator's --insecure gives every role; the matrix still stands in one place."""
    from ledgerd.security.identity import local_identity

    for method in access.ACCESS:
        access.check(local_identity(CLUSTER), method)
    assert set(Role) == local_identity(CLUSTER).roles


def test_a_certificate_of_another_cluster_is_told_so(
    world: World, tmp_path: Path
) -> None:
    """Signed by our CA but for another cluster: refused at once, never retried."""

    async def run() -> None:
        files = authority.issue(
            world.certificates.folder,
            tmp_path / "odd",
            ["ledgerd://elsewhere/client/eve", "ledgerd://elsewhere/role/submitter"],
        )
        async with world.running():
            stub = world.stub(files=files)
            refusal = await refusal_of(stub.admin.Status(admin_pb2.StatusRequest()))

            assert refusal.code == grpc.StatusCode.FAILED_PRECONDITION
            assert refusal.reason == "WRONG_CLUSTER"
            assert "test-cluster" in refusal.message
            assert "elsewhere" in refusal.message
            counted = world.counted(
                "ledgerd_tls_refusals_total", reason="wrong_cluster"
            )
            assert counted == 1

    asyncio.run(run())


def test_a_certificate_that_names_nobody_is_refused(
    world: World, tmp_path: Path
) -> None:
    """A certificate of our CA without a name of ours opens nothing."""

    async def run() -> None:
        files = authority.issue(world.certificates.folder, tmp_path / "odd", [])
        async with world.running():
            stub = world.stub(files=files)
            refusal = await refusal_of(stub.admin.Status(admin_pb2.StatusRequest()))

            assert refusal.code == grpc.StatusCode.UNAUTHENTICATED

    asyncio.run(run())


def test_a_new_call_is_closed_until_it_is_listed() -> None:
    """What is not in the table is refused for every role."""
    from ledgerd.errors import NotLogged
    from ledgerd.security.identity import Identity

    everybody = Identity("c", None, "root", frozenset(Role))
    with pytest.raises(NotLogged, match="no role may call"):
        access.check(everybody, "/ledgerd.api.v1.Admin/Format")
