"""A quorum lost for good: the survivor founds a new cluster, and the old one stays outside (P6)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.cli.dev import DevCluster
from ledgerd.client import CallError, Client, Outcome, Profile
from tests.e2e.test_cluster import check_directory, digests, funded_account, submit

pytestmark = pytest.mark.e2e


@pytest.fixture
def phoenix(tmp_path: Path) -> Iterator[DevCluster]:
    """A cluster of one, prepared with certificates of its own and not started."""
    made = DevCluster(tmp_path / "phoenix", 1)
    made.prepare()
    try:
        yield made
    finally:
        made.stop()


def id_of(cluster: DevCluster) -> str:
    found: dict[str, str] = json.loads((cluster.directory / "cluster.json").read_text())
    return found["cluster_id"]


def test_the_survivor_of_a_lost_quorum_serves_in_a_new_cluster(
    cluster: DevCluster, client: Client, phoenix: DevCluster
) -> None:
    """Everything it held is there at the same digest; nodes of the old cluster are refused. F38."""
    account = funded_account(client)
    acked = [submit(client, account) for _ in range(20)]
    ((index, digest),) = digests(client)
    cluster.kill(1, 2, 3)
    survivor = cluster.data_directory(1)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "ledgerd", "recover", "--data-dir", str(survivor)),
            *("--found-new-cluster", id_of(phoenix), "--yes", id_of(cluster)),
            *("--output", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = json.loads(ended.stdout)
    survivor.rename(phoenix.data_directory(1))
    phoenix.start()
    phoenix.wait_ready()
    address = f"127.0.0.1:{phoenix.ports()[1].peer}"
    old = DevCluster(cluster.directory, 3, peer_links={(2, 1): address})
    old.prepare()
    lines_before = len(old.log_path(2).read_text().splitlines())
    try:
        old.start(2)
        with Client(Profile.load(phoenix.profile_path)) as new_client:
            lost = [
                each.payout_id
                for each in acked
                if not new_client.get(each.payout_id).HasField("payout")
            ]
            after = submit(new_client, account)
            status = new_client.status()
        with (
            Client(Profile.load(old.profile_path)) as old_client,
            pytest.raises(CallError),
        ):
            old_client.get(acked[0].payout_id, deadline=2.0)
    finally:
        old.stop()
    phoenix.stop()
    checked = check_directory(phoenix, 1)
    events = [
        json.loads(line)
        for line in old.log_path(2).read_text().splitlines()[lines_before:]
        if '"peer": 1' in line
    ]

    assert report["survivor"]["cluster_id"] == id_of(cluster)
    assert report["survivor"]["last_index"] >= index
    if report["survivor"]["applied_index"] == index:
        assert report["survivor"]["digest"] == digest
    assert lost == []
    assert after.outcome is Outcome.CREATED
    assert status.cluster_id == id_of(phoenix)
    assert list(status.voters) == [1]
    assert checked["findings"] == []
    assert {each["event"] for each in events} == {"peer_unreachable"}
