"""`ledgerctl cluster status` shows every node, also those that do not answer."""

import json

from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster


def test_every_node_has_a_row(run: Run) -> None:
    """Role and readiness of each."""
    result = run("cluster", "status")

    assert result.exit_code == 0
    assert result.stdout.count("follower") == 2
    assert result.stdout.count("leader") == 1


def test_dead_node_is_shown_as_such(cluster: FakeCluster, run: Run) -> None:
    """A node that cannot be reached does not hide the others."""
    cluster.nodes[3].stop()

    table = run("cluster", "status")
    document = json.loads(run("cluster", "status", "--output", "json").stdout)

    assert table.exit_code == 0
    assert "unreachable" in table.stdout
    assert "node 3 at" in document["nodes"][2]["unreachable"]
    assert document["nodes"][0]["digest"] == "ab" * 32


def test_no_node_at_all_is_a_failure(cluster: FakeCluster, run: Run) -> None:
    """Scripts may wait for the cluster with it."""
    for node in cluster.nodes.values():
        node.stop()

    assert run("cluster", "status", "--deadline", "0.2").exit_code == 3
