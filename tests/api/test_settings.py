"""Roles and currencies over TLS: set, obeyed by the gate, shown; and what is refused unlogged."""

import asyncio
from collections.abc import Callable, Sequence

import grpc
import pytest

from ledgerd.api import access, ids
from ledgerd.api.settings import (
    currencies_reply,
    roles_reply,
    set_currencies,
    set_roles,
)
from ledgerd.api.v1 import accounts_pb2, admin_pb2, events_pb2, payouts_pb2
from ledgerd.api.v1 import common_pb2 as common
from ledgerd.api.v1 import settings_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from ledgerd.ledger.commands import Tick
from ledgerd.ledger.money import CURRENCIES
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.roles import Grant, RoleKind
from tests.api.test_access import MATRIX, PROBES, REFLECTION, called
from tests.api.world import START_US, Refusal, Stub, World, refusal_of

REQUEST = "req_01h455vb4pex5vsknk084sn02q"
EVERY = ("submitter", "approver", "dispatcher", "auditor", "admin")


def grants(**roles: Sequence[str]) -> list[pb.Grant]:
    """Grants by the names of the test's clients."""
    return [
        pb.Grant(principal=name, roles=[role.upper() for role in granted])
        for name, granted in roles.items()
    ]


async def sets(
    world: World, stub: Stub, some: Sequence[pb.Grant], **changes: object
) -> common.CommandResult:
    """Set the grants."""
    request = pb.SetRolesRequest(
        request_id=world.new_id(ids.REQUEST), source="board", grants=some
    )
    request.MergeFrom(pb.SetRolesRequest(**changes))
    return (await stub.admin.SetRoles(request)).result


async def may(stub: Stub) -> set[str]:
    """Every call of the table that the caller may make."""
    allowed = set()
    for method in access.ACCESS:
        refusal = await called(stub, method)
        if refusal is None or refusal.reason != "ROLE_MISSING":
            allowed.add(access.short_name(method))
    return allowed - PROBES - REFLECTION


@pytest.mark.parametrize(
    "names",
    [names for names in MATRIX if len(names) < len(EVERY)],
    ids=lambda names: "-".join(names) or "none",
)
def test_the_matrix_of_granted_roles_and_calls(
    world: World, names: tuple[str, ...]
) -> None:
    """What the log grants counts, and what the certificate says does not: more or less than it."""
    world.node.state_version = 3

    async def run() -> None:
        async with world.running():
            admin = world.stub("admin")
            less = world.stub("approver", "submitter", "auditor")
            more = world.stub()  # a certificate without a role, of "nobody"
            some = {"approver-auditor-submitter": names, "nobody": names}
            await sets(world, admin, grants(**some))

            assert await may(less) == MATRIX[names]
            assert await may(more) == MATRIX[names]

    asyncio.run(run())


def test_who_is_not_named_has_the_roles_of_its_certificate(world: World) -> None:
    """And all have them again when the grants end."""
    world.node.state_version = 3

    async def run() -> None:
        async with world.running():
            admin, submitter = world.stub("admin"), world.stub("submitter")
            request = accounts_pb2.ListAccountsRequest()
            await sets(world, admin, grants(submitter=[]))
            refused = await refusal_of(submitter.ledger.ListAccounts(request))
            other = await world.stub("auditor").ledger.ListAccounts(request)
            await sets(world, admin, [])
            again = await submitter.ledger.ListAccounts(request)

            assert refused.code == grpc.StatusCode.PERMISSION_DENIED
            assert "version 1 of the roles gives submitter none" in refused.message
            assert refused.metadata["found"] == "none"
            assert other.header.applied_index
            assert again.header.applied_index

    asyncio.run(run())


def test_a_certificate_or_a_grant_makes_an_admin_who_stays_one(world: World) -> None:
    """An admin by grant sets the next version; nobody takes the role from himself."""
    world.node.state_version = 3

    async def run() -> None:
        async with world.running():
            root, zoe = world.stub("admin"), world.stub("submitter")
            locked = await sets(world, root, grants(admin=["auditor"]))
            still = await sets(world, root, grants(submitter=["admin"]))
            only_zoe = grants(submitter=["admin"], admin=["auditor"])
            taken = await sets(world, zoe, only_zoe)
            gone = await refusal_of(sets(world, root, []))
            # Her certificate makes her no admin, so she may not end the grants.
            ended = await sets(world, zoe, [])

            assert locked.refusal == ended.refusal == common.ADMIN_LOCKED_OUT
            assert still.outcome == taken.outcome == common.OUTCOME_CREATED
            assert gone.reason == "ROLE_MISSING"

    asyncio.run(run())


def test_a_later_version_is_obeyed_from_its_log_time_on(world: World) -> None:
    """By a node that nobody asks to look: log time alone moves."""
    world.node.state_version = 3

    async def run() -> None:
        async with world.running():
            admin, submitter = world.stub("admin"), world.stub("submitter")
            from_us = START_US + 3_000_000  # of the third entry
            some = grants(submitter=[])
            await sets(world, admin, some, effective_from_us=from_us)
            request = accounts_pb2.ListAccountsRequest()
            await submitter.ledger.ListAccounts(request)
            loop = asyncio.get_running_loop()
            for _ in range(2):  # the leader proposes one when the timer is due
                await world.node.propose_command(Tick(), loop.time() + 5)

            async def refused() -> Refusal | None:
                try:
                    await submitter.ledger.ListAccounts(request)
                except grpc.aio.AioRpcError as error:
                    return Refusal(error)
                return None

            async with asyncio.timeout(10):
                while (found := await refused()) is None:
                    pass  # each call lets the node look
            assert found.reason == "ROLE_MISSING"

    asyncio.run(run())


def test_a_stream_does_not_outlive_its_role(world: World) -> None:
    """A watch ends with the next event after the role was taken."""
    world.node.state_version = 3

    async def run() -> None:
        async with world.running():
            admin, submitter = world.stub("admin"), world.stub("submitter")
            watch = submitter.feed.Watch(events_pb2.WatchRequest(from_seq=1))
            await world.account(world.stub("submitter", "auditor"))
            replies = aiter(watch)
            async with asyncio.timeout(10):
                while not (await anext(replies)).events:
                    pass  # it says first that it stands
            await sets(world, admin, grants(submitter=["approver"]))
            await world.account(world.stub("submitter", "auditor"))

            async def rest() -> None:
                async with asyncio.timeout(10):
                    async for _ in replies:
                        pass

            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await rest()

            assert Refusal(caught.value).reason == "ROLE_MISSING"

    asyncio.run(run())


def test_a_node_that_cannot_read_its_state_yet_lets_nobody_in(world: World) -> None:
    """It does not know whose role was taken; its status it tells all the same."""
    world.node.read_fault = NotLogged(Reason.NOT_READY, "no state yet")

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            request = accounts_pb2.ListAccountsRequest()
            refused = await refusal_of(stub.ledger.ListAccounts(request))
            status = await stub.admin.Status(admin_pb2.StatusRequest())
            world.node.read_fault = None
            answered = await stub.ledger.ListAccounts(request)

            assert refused.reason == "NOT_READY"
            assert "who may call what" in refused.message
            assert status.node_id == 1
            assert not answered.accounts

    asyncio.run(run())


def test_old_versions_stay_readable_and_a_newer_one_is_not_lost(world: World) -> None:
    """GetRoles shows all of them; who has not seen the newest does not replace it."""
    world.node.state_version = 3

    async def run() -> None:
        async with world.running():
            admin = world.stub("admin")
            some = grants(zoe=["approver", "submitter"], admin=["admin"])
            first = await sets(world, admin, some, expected_version=0)
            second = await sets(world, admin, [], expected_version=0)
            reply = await world.stub("auditor").admin.GetRoles(pb.GetRolesRequest())

            assert first.outcome == common.OUTCOME_CREATED
            assert second.refusal == common.VERSION_MISMATCH
            (version,) = reply.versions
            assert (version.version, version.source) == (1, "board")
            assert [grant.principal for grant in version.grants] == ["admin", "zoe"]
            assert list(version.grants[1].roles) == [1, 2]

    asyncio.run(run())


def test_a_retired_currency_is_refused_and_shown(world: World) -> None:
    """For a payout out of an account that has money in it; the table says so too."""
    world.node.state_version = 3

    async def run() -> None:
        async with world.running():
            stub, admin = world.stub("submitter"), world.stub("admin").admin
            account = await world.account(stub, units=1_000)
            before = await stub.admin.GetCurrencies(pb.GetCurrenciesRequest())
            request = pb.SetCurrenciesRequest(
                request_id=world.new_id(ids.REQUEST),
                source="list one",
                retired=["USD", "BGN"],
            )
            done = await admin.SetCurrencies(request)
            again = await admin.SetCurrencies(request)
            order = world.order(account)
            paid = await stub.payouts.Submit(payouts_pb2.SubmitRequest(order=order))
            after = await stub.admin.GetCurrencies(pb.GetCurrenciesRequest())

            assert done.result.outcome == common.OUTCOME_CREATED
            assert again.result.outcome == common.OUTCOME_REPLAYED
            assert paid.result.result.refusal == common.CURRENCY_RETIRED
            assert not before.versions
            assert len(before.currencies) == len(CURRENCIES)
            assert {row.code for row in before.currencies if row.is_retired} == {
                *("ANG", "BGN", "CUC", "HRK", "SLL", "ZWL")
            }
            assert {row.code for row in after.currencies if row.is_retired} == {
                *("BGN", "USD")
            }
            assert list(after.versions[0].retired) == ["BGN", "USD"]

    asyncio.run(run())


def test_grants_come_as_they_were_asked() -> None:
    """Sorted by name, each role once; what the certificate says goes with the command."""
    request = pb.SetRolesRequest(
        request_id=REQUEST,
        effective_from_us=7,
        source="s",
        as_of="d",
        grants=grants(zoe=["admin", "submitter", "admin"], anna=[]),
        expected_version=0,
    )

    command = set_roles(request, principal="root", is_certified_admin=True)
    plain = set_roles(
        pb.SetRolesRequest(request_id=REQUEST, source="s"),
        principal="root",
        is_certified_admin=False,
    )

    assert command.grants == (
        Grant("anna", ()),
        Grant("zoe", (RoleKind.SUBMITTER, RoleKind.ADMIN)),
    )
    assert (command.effective_from_us, command.source, command.as_of) == (7, "s", "d")
    assert (command.is_certified_admin, command.expected_version) == (True, 0)
    assert (plain.is_certified_admin, plain.expected_version) == (False, None)
    assert roles_reply(Policy()).versions == []
    assert currencies_reply(Policy(), 0).versions == []


def _name(request: pb.SetRolesRequest, name: str) -> None:
    request.grants.add(principal=name)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda request: _name(request, ""), "grants[0].principal"),
        (lambda request: _name(request, "a b"), "grants[0].principal"),
        (lambda request: request.grants.extend(grants(a=[]) * 2), "each name once"),
        (
            lambda request: request.grants.add(principal="a", roles=[1, 9]),
            "grants[0].roles[1]",
        ),
        (
            lambda request: request.grants.add(principal="a", roles=[0]),
            "one of SUBMITTER",
        ),
        (
            lambda request: request.grants.extend(
                pb.Grant(principal=f"a{n}") for n in range(1_001)
            ),
            "at most 1000",
        ),
        (lambda request: request.ClearField("source"), "source"),
        (lambda request: setattr(request, "effective_from_us", -1), "log time"),
        (lambda request: setattr(request, "request_id", "x"), "request_id"),
    ],
)
def test_a_bad_version_of_the_roles_is_named(
    change: Callable[[pb.SetRolesRequest], object], expected: str
) -> None:
    """With its place and what was expected."""
    request = pb.SetRolesRequest(request_id=REQUEST, source="s")
    change(request)

    with pytest.raises(NotLogged) as caught:
        set_roles(request, principal="root", is_certified_admin=True)

    assert expected in caught.value.message


@pytest.mark.parametrize(
    ("retired", "expected"),
    [(["usd"], "retired[0]"), (["USD", "USD"], "USD"), (["USD", "XAU"], "retired[1]")],
)
def test_a_bad_list_of_currencies_is_named(retired: list[str], expected: str) -> None:
    request = pb.SetCurrenciesRequest(request_id=REQUEST, source="s", retired=retired)

    with pytest.raises(NotLogged) as caught:
        set_currencies(request, principal="root")

    assert expected in caught.value.message
