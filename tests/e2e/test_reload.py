"""Options that are read again at SIGHUP, on a real node under its callers' eyes."""

import os
import signal

import pytest

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client
from tests.e2e.load import load_on
from tests.waiting import until

pytestmark = pytest.mark.e2e


def hang_up(cluster: DevCluster, node_id: int) -> None:
    pid = cluster.pids()[node_id]
    assert pid is not None
    os.kill(pid, signal.SIGHUP)


def said(cluster: DevCluster, node_id: int, event: str) -> str:
    """Return the last line of a node's log with this event, once there is one."""

    def last() -> str:
        lines = cluster.log_path(node_id).read_text().splitlines()
        return next((line for line in reversed(lines) if f'"{event}"' in line), "")

    return until(event, last)


def test_the_log_is_kept_shorter_from_a_hangup_on(
    cluster: DevCluster, client: Client
) -> None:
    """F27: without a restart and without a failed call; a wrong file changes nothing."""
    config = cluster.config_path(1)
    before = config.read_text()
    with load_on(client, callers=2, deadline_s=10.0) as load:
        assert client.status(1).first_index == 1
        config.write_text(f"{before}\n[storage]\nlog_keep_entries = 0\n")
        hang_up(cluster, 1)
        wrong = said(cluster, 1, "configuration_not_reloaded")
        config.write_text(
            f"{before}\n[storage]\nlog_keep_entries = 10\nlog_map_bytes = 134217728\n"
        )
        hang_up(cluster, 1)
        until("the log is cut", lambda: client.status(1).first_index > 1)
        load.wait_for(20)
    right = said(cluster, 1, "configuration_reloaded")

    assert load.failures == []
    assert "storage.log_keep_entries: expected" in wrong
    assert '"changed": ["storage.log_keep_entries"]' in right
    assert '"needs_restart": ["storage.log_map_bytes"]' in right
    assert client.status(2).first_index == 1
