"""Holds, status and reversals on real nodes: log time passes by itself, and leaders die."""

import pytest

from ledgerd.api.v1 import accounts_pb2, events_pb2
from ledgerd.cli.dev import DevCluster
from ledgerd.client import Client, CommandResult, NotLogged, Outcome
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
