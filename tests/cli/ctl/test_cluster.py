"""`ledgerctl cluster status` shows every node, also those that do not answer."""

import json

import grpc

from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster, fail_like_grpc


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


def test_a_transfer_says_who_leads_and_how_long_it_took(
    cluster: FakeCluster, run: Run
) -> None:
    """For people on one line, with the progress apart from the result."""
    result = run("cluster", "transfer", "--to", "3")

    assert result.exit_code == 0
    assert "node 1 hands over to node 3" in result.stderr
    assert result.stdout.startswith("node 3 leads in term 2, after ")
    assert cluster.leader_id == 3


def test_a_transfer_is_a_document_for_programs(run: Run) -> None:
    """Without a target the cluster picks one."""
    document = json.loads(run("cluster", "transfer", "--output", "json").stdout)

    assert document["from_node_id"] == 1
    assert document["leader_id"] == 2
    assert document["took_ms"] >= 0


def test_a_transfer_whose_answer_was_lost_is_made_once(
    cluster: FakeCluster, run: Run
) -> None:
    """The request names the leader that it was meant for, so a repeat finds it done."""
    cluster.nodes[1].after.append(fail_like_grpc(grpc.StatusCode.UNAVAILABLE))
    result = run("cluster", "transfer")

    assert result.exit_code == 0
    assert cluster.leader_id == 2
