"""Proofs and exports of real nodes: they outlive the leader, and are the same on every node."""

from pathlib import Path

import pytest

from ledgerd.cli.dev import DevCluster
from ledgerd.client import Client, Profile, new_payout_id, payout_order, us_account
from ledgerd.client.exports import hledger
from ledgerd.client.receipts import (
    ProvenPayout,
    head_text,
    receipt_text,
    verify,
    verify_growth,
)

pytestmark = pytest.mark.e2e


def pay(client: Client, account: str, count: int) -> list[str]:
    """Submit a batch; return the ids of its payouts."""
    orders = [
        payout_order(
            account=account,
            amount=100 + number,
            currency="USD",
            rail="us_ach",
            destination=us_account("021000021", f"{number:010d}", "Payee"),
            payout_id=new_payout_id(),
        )
        for number in range(count)
    ]
    return [result.payout_id for result in client.submit_batch(orders)]


def test_proofs_outlive_the_leader(cluster: DevCluster, client: Client) -> None:
    """A head of the killed leader is the beginning of the tree that every other node shows."""
    account = client.open_account(currency="USD", livemode=True)
    client.fund(account, 10**9, "USD", bank="first", external_ref="1")
    payouts = pay(client, account, 50)
    saved = head_text(client.tree_head()).encode()
    ca = Profile.load(cluster.profile_path).ca
    assert ca is not None
    pinned = ca.read_bytes()

    leader = cluster.leader()
    assert leader is not None
    cluster.kill(leader)
    pay(client, account, 20)
    cluster.start(leader)
    cluster.wait_ready()

    profile = Profile.load(cluster.profile_path)
    roots = set()
    for node_id in (1, 2, 3):
        with Client(profile, node_id=node_id) as own:
            first = verify(saved, ca=pinned)
            assert not isinstance(first, ProvenPayout)
            growth = own.consistency_proof(first.last_index)
            older, newer = verify_growth(saved, growth, ca=pinned)
            assert older.last_index < newer.last_index
            assert newer.node_id == node_id
            roots.add((own.tree_head(newer.last_index).root, newer.last_index))

            text = receipt_text(own.inclusion_proof(payouts[7]), payouts[7])
            proven = verify(text.encode(), ca=pinned)
            assert isinstance(proven, ProvenPayout)
            assert (proven.payout_id, proven.amount_minor) == (payouts[7], 107)
    by_index = {index: root for root, index in roots}
    assert len(by_index) == len(roots), "two nodes have two roots at one index"


def test_an_export_is_the_same_on_every_node(
    cluster: DevCluster, client: Client, tmp_path: Path
) -> None:
    """As of one index; also while more is paid."""
    account = client.open_account(currency="USD", livemode=True)
    client.fund(account, 10**9, "USD", bank="first", external_ref="1")
    pay(client, account, 100)
    as_of_index = client.export_part().as_of_index
    profile = Profile.load(cluster.profile_path)
    texts = set()
    for node_id in (1, 2, 3):
        pay(client, account, 10)
        with Client(profile, node_id=node_id) as own:
            texts.add("\n".join(hledger(own.export_books(as_of_index))))

    assert len(texts) == 1
    assert texts.pop().count(" submit ") == 100
