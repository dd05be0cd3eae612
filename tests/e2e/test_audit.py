"""Proofs and exports of real nodes: they outlive the leader, and are the same on every node."""

import subprocess
import sys
from pathlib import Path

import pytest

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import (
    CallError,
    Client,
    NotLogged,
    Profile,
    new_payout_id,
    payout_order,
    us_account,
)
from ledgerd.client.exports import hledger
from ledgerd.client.log_files import LogFile, part_of, verify_log
from ledgerd.client.receipts import (
    ProvenPayout,
    head_text,
    receipt_text,
    verify,
    verify_growth,
)
from tests import waiting

pytestmark = pytest.mark.e2e
LOG_KEPT = {"storage": {"log_keep_entries": 64}}


def pay(client: Client, account: str, count: int, note: str = "") -> list[str]:
    """Submit a batch, each payout with a note; return the ids of its payouts."""
    orders = [
        payout_order(
            account=account,
            amount=100 + number,
            currency="USD",
            rail="us_ach",
            destination=us_account("021000021", f"{number:010d}", "Payee"),
            payout_id=new_payout_id(),
            metadata={"note": note} if note else None,
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


def killed_and_run_again(cluster: DevCluster, path: Path, last: int) -> None:
    """Export by a process that is killed as soon as it writes, and by the same command again."""
    command = [
        *(sys.executable, "-m", "ledgerd.cli.ledgerctl", "audit", "export-log"),
        *("--config", str(cluster.profile_path), "--deadline", "60"),
        *("--to", str(last), "--out", str(path)),
    ]
    part = part_of(path)
    process = subprocess.Popen(command)
    try:
        waiting.until(
            "the export writes", lambda: part.exists() or path.exists(), within_s=60
        )
    finally:
        process.kill()
        process.wait()
    if path.exists():  # it was faster than the kill: then it is whole
        path.unlink()
    assert subprocess.run(command, check=False).returncode == 0
    assert verify_log(path).to_index == last
    assert not part.exists()


def test_an_export_of_the_log_goes_on_at_another_node(
    cluster: DevCluster, client: Client, tmp_path: Path
) -> None:
    """The leader is killed in the middle; what ends up in the file is one log, and is proven."""
    account = client.open_account(currency="USD", livemode=True)
    client.fund(account, 10**12, "USD", bank="first", external_ref="1")
    for _ in range(5):
        pay(client, account, 2_000, note="n" * 500)
    ca = Profile.load(cluster.profile_path).ca
    assert ca is not None
    path = tmp_path / "log"
    head = client.tree_head()
    last = head.first_index + head.size - 1
    part = client.export_log_part(1, last)
    assert part.more, "the log is too small to be killed in its middle"
    with LogFile.begun(
        path, from_index=1, start=part.start, head=head_text(head)
    ) as file:
        file.add(part.entries)
        leader = cluster.wait_ready()
        cluster.kill(leader)
        while file.next_index <= last:
            file.add(
                client.export_log_part(file.next_index, last, deadline=60.0).entries
            )
        file.finish()
    proven = verify_log(path, ca=ca.read_bytes())

    assert (proven.from_index, proven.to_index) == (1, last)
    assert proven.payload_bytes > 5 * 2_000 * 500
    killed_and_run_again(cluster, tmp_path / "again", last)
    assert (tmp_path / "again").read_bytes()[-1_000:] == path.read_bytes()[-1_000:]
    cluster.start(leader)
    cluster.wait_ready()
    profile = Profile.load(cluster.profile_path)
    with Client(profile, node_id=leader) as own:
        exported = own.export_log(1, last, deadline=60.0)
        assert [entry.link for entry in exported][-1] == proven.link


def test_a_log_that_was_cut_is_exported_from_where_it_begins(tmp_path: Path) -> None:
    """The start is refused with the first index there is on any node; the rest is proven."""
    cluster = DevCluster(tmp_path / "cluster", 3, settings=LOG_KEPT)
    cluster.prepare()
    try:
        cluster.start()
        cluster.wait_ready()
        with Client(Profile.load(cluster.profile_path)) as client:
            account = client.open_account(currency="USD", livemode=True)
            client.fund(account, 10**9, "USD", bank="first", external_ref="1")

            def is_cut() -> bool:
                pay(client, account, 1)
                return all(
                    client.status(node, deadline=2.0).first_index > 20
                    for node in (1, 2, 3)
                )

            waiting.until(
                "all have cut their logs", is_cut, within_s=90, passing=CallError
            )
            with pytest.raises(NotLogged) as caught:
                client.export_log_part(1)
            assert caught.value.reason.value == "LOG_CUT"
            first = int(caught.value.metadata["index_first"])
            assert first > 1

            def is_nowhere_before() -> bool:
                return all(client.status(n).first_index >= first for n in (1, 2, 3))

            # What a node says of itself is as old as its last tick, its log may be shorter by now.
            waiting.until("no status has an earlier one", is_nowhere_before)

            path = tmp_path / "log"
            head = client.tree_head()
            last = head.first_index + head.size - 1
            part = client.export_log_part(None, last)
            with LogFile.begun(
                path,
                from_index=part.entries[0].index,
                start=part.start,
                head=head_text(head),
            ) as file:
                file.add(part.entries)
                assert file.next_index == last + 1
                file.finish()
            proven = verify_log(path)
            assert proven.from_index > proven.head.first_index > 0
    finally:
        cluster.stop()
