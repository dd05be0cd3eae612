"""Holds, status and reversals on real nodes: log time passes by itself, and leaders die."""

from collections.abc import Callable

import pytest

from ledgerd.api.v1 import accounts_pb2, events_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import (
    Client,
    CommandResult,
    NotLogged,
    Outcome,
    Profile,
    new_request_id,
)
from tests.e2e.test_cluster import check_directory, digests, funded_account
from tests.waiting import until

pytestmark = pytest.mark.e2e


def hold(client: Client, account: str, ttl_s: float) -> CommandResult:
    """Hold 5.00 USD, as soon as the members have agreed on the newest state version."""
    return until(
        "a hold is understood",
        lambda: client.create_hold(account, 500, "USD", ttl=ttl_s),
        passing=NotLogged,
    )


def test_a_hold_goes_back_once_though_its_leader_dies(
    cluster: DevCluster, client: Client
) -> None:
    """The next leader proposes the Tick; the money is there once, and every node agrees. 7.4."""
    account = funded_account(client, 10_000)
    kept = hold(client, account, 3_600)
    brief = [hold(client, account, 0.5) for _ in range(5)]
    leader = cluster.leader()
    assert leader is not None
    cluster.kill(leader)

    until(
        "the holds expire",
        lambda: client.balance(account).balances.held_units == 500,
        passing=NotLogged,
    )
    refused = client.capture_hold(brief[0].id, account, 1, "USD")
    captured = client.capture_hold(kept.id, account, 200, "USD")
    cluster.start(leader)
    at_rest = digests(client)
    with client.watch(1, account=account, until_seq=None, deadline=20.0) as watch:
        kinds = []
        for event in watch:
            kinds.append(event.kind)
            if event.kind == events_pb2.Event.HOLD_CAPTURED:
                break
    cluster.stop()

    assert (refused.outcome, refused.refusal) == (Outcome.REFUSED, "HOLD_EXPIRED")
    assert captured.outcome is Outcome.CREATED
    assert kinds.count(events_pb2.Event.HOLD_EXPIRED) == 5
    assert len(at_rest) == 1
    assert [check_directory(cluster, n)["findings"] for n in (1, 2, 3)] == [[], [], []]


def test_a_frozen_account_keeps_what_comes(cluster: DevCluster, client: Client) -> None:
    """Frozen, funded, reversed, freed: each balance says where the money is."""
    account = funded_account(client, 1_000)
    hold(client, account, 3_600)

    client.freeze(account, reason="order")
    client.fund(account, 70, "USD", bank="main", external_ref="late")
    client.fund_reverse(900, "USD", bank="main", external_ref=f"wire-{account[-12:]}")
    refused = client.create_hold(account, 1, "USD", ttl=1)
    client.unfreeze(account)

    balances = client.balance(account).balances
    assert refused.refusal == "ACCOUNT_FROZEN"
    assert balances == accounts_pb2.Balances(
        held_units=500, blocked_units=70, receivable_units=400
    )


def test_a_dry_run_on_any_node_says_what_the_log_will(
    cluster: DevCluster, client: Client
) -> None:
    """Asked of each node before each call: no id is spent, or the call would be a replay."""
    account = funded_account(client, 1_000)
    other = client.open_account(currency="USD", livemode=True)
    held = hold(client, account, 3_600)
    assert held.outcome is Outcome.CREATED
    profile = Profile.load(cluster.profile_path)
    asked: list[Callable[[Client, str], CommandResult]] = [
        lambda one, id_: one.transfer(account, other, 300, "USD", request_id=id_),
        lambda one, id_: one.transfer(account, other, 300, "USD", request_id=id_),
        lambda one, id_: one.close_account(other, request_id=id_),
        lambda one, id_: one.freeze(account, request_id=id_),
        lambda one, id_: one.transfer(account, other, 100, "USD", request_id=id_),
        lambda one, id_: one.capture_hold(held.id, other, 500, "USD", request_id=id_),
        lambda one, id_: one.release_hold(held.id, request_id=id_),
    ]
    found = []
    for call in asked:
        request_id = new_request_id()
        dry = []
        for node_id in (1, 2, 3):
            with Client(profile, node_id=node_id, dry_run=True) as one:
                dry.append(call(one, request_id))
        real = call(client, request_id)
        found.append((real.outcome, real.refusal))
        assert [(each.outcome, each.refusal) for each in dry] == [found[-1]] * 3
        assert {each.index for each in dry} == {0} < {0, real.index}

    assert found == [
        (Outcome.CREATED, None),
        (Outcome.REFUSED, "INSUFFICIENT_FUNDS"),
        (Outcome.REFUSED, "ACCOUNT_NOT_EMPTY"),
        (Outcome.CREATED, None),
        (Outcome.REFUSED, "ACCOUNT_FROZEN"),
        (Outcome.REFUSED, "ACCOUNT_FROZEN"),
        (Outcome.CREATED, None),
    ]
