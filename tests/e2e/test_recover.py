"""A quorum lost for good: the survivor founds a new cluster, and the old one stays outside (P6)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import CallError, Client, Outcome, Profile
from tests.e2e.test_cluster import check_directory, digests, funded_account, submit
from tests.waiting import until

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


def listen_where(phoenix: DevCluster, cluster: DevCluster) -> None:
    """Let the new cluster's node listen where the old one's node 1 did, and its peers dial."""
    path = phoenix.directory / "cluster.json"
    document = json.loads(path.read_text())
    document["nodes"]["1"]["peer"] = cluster.ports()[1].peer
    path.write_text(json.dumps(document))
    phoenix.prepare()


def told_of_node_1(cluster: DevCluster, lines_before: int) -> set[str]:
    """Return what node 2 says about its stream to node 1, once it says something."""

    def told() -> set[str]:
        # Without a line that is being written.
        lines = (
            cluster.log_path(2)
            .read_text()
            .rpartition("\n")[0]
            .splitlines()[lines_before:]
        )
        return {json.loads(line)["event"] for line in lines if '"peer": 1' in line}

    return until("node 2 says something of node 1", told)


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
    listen_where(phoenix, cluster)
    phoenix.start()
    phoenix.wait_ready()
    lines_before = len(cluster.log_path(2).read_text().splitlines())
    try:
        cluster.start(2)
        with Client(Profile.load(phoenix.profile_path)) as new_client:
            lost = [
                each.payout_id
                for each in acked
                if not new_client.get(each.payout_id).HasField("payout")
            ]
            after = submit(new_client, account)
            status = new_client.status()
        with pytest.raises(CallError):
            client.get(acked[0].payout_id, deadline=2.0)
        events = told_of_node_1(cluster, lines_before)
    finally:
        cluster.stop()
    phoenix.stop()
    checked = check_directory(phoenix, 1)

    assert report["survivor"]["cluster_id"] == id_of(cluster)
    assert report["survivor"]["last_index"] >= index
    if report["survivor"]["applied_index"] == index:
        assert report["survivor"]["digest"] == digest
    assert lost == []
    assert after.outcome is Outcome.CREATED
    assert status.cluster_id == id_of(phoenix)
    assert list(status.voters) == [1]
    assert checked["findings"] == []
    assert events <= {"peer_unreachable", "peer_refused", "refused_by_peer"}
