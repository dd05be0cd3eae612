"""`ledgerd dev` as a person uses it: started, interrupted, continued, stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import pytest

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client
from tests.waiting import until

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


def ledgerd(*arguments: str | Path) -> Sequence[str | Path]:
    return [sys.executable, "-m", "ledgerd", *arguments]


def in_foreground(folder: Path) -> tuple[subprocess.Popen[str], TextIO]:
    """Return a cluster of three that runs in a terminal and has a leader, and what it tells."""
    process = subprocess.Popen(
        ledgerd("dev", "--nodes", "3", "--dir", folder),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert any("leads, term" in line for line in process.stdout)
    return process, process.stdout


def test_interrupt_stops_all_and_data_stays(own_cluster: DevCluster) -> None:
    """Ctrl-C ends every node cleanly; the same folder goes on with the same accounts."""
    folder = own_cluster.directory
    foreground, told = in_foreground(folder)
    with Client.from_profile(own_cluster.profile_path) as client:
        account = client.open_account(currency="USD", livemode=False)
    foreground.send_signal(signal.SIGINT)
    words = told.read()
    told.close()

    assert foreground.wait() == 0
    assert "stopping" in words
    assert set(own_cluster.pids().values()) == {None}

    reader, writer = os.pipe()
    os.close(reader)  # as `| head` does
    unread = subprocess.run(
        ledgerd("dev", "--dir", folder, "--detach"), cwd=ROOT, stdout=writer
    )
    os.close(writer)
    assert unread.returncode == 1
    assert None not in own_cluster.pids().values()
    own_cluster.stop()

    detached = subprocess.run(
        ledgerd("dev", "--dir", folder, "--detach"),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    with Client.from_profile(own_cluster.profile_path) as client:
        assert client.account(account).account.account_id == account
    assert "LEDGERCTL_CONFIG" in detached.stdout

    again = subprocess.run(
        ledgerd("dev", "--dir", folder), cwd=ROOT, capture_output=True, text=True
    )
    assert again.returncode == 73
    assert "runs already" in again.stderr
    assert None not in own_cluster.pids().values()

    subprocess.run(ledgerd("dev", "stop", "--dir", folder), cwd=ROOT, check=True)
    assert set(own_cluster.pids().values()) == {None}


def test_a_watched_cluster_is_stopped_from_elsewhere(own_cluster: DevCluster) -> None:
    """The terminal that runs it says which node died, and ends well once all were stopped."""
    folder = own_cluster.directory
    foreground, told = in_foreground(folder)
    subprocess.run(
        ledgerd("dev", "kill", "--dir", folder, "--node", "2"), cwd=ROOT, check=True
    )
    assert any("node 2 was ended by SIGKILL" in line for line in told)

    subprocess.run(ledgerd("dev", "stop", "--dir", folder), cwd=ROOT, check=True)

    words = told.read()
    told.close()
    assert foreground.wait() == 0
    assert "the cluster was stopped" in words
    assert "node 2" not in words
    assert set(own_cluster.pids().values()) == {None}


def test_leader_is_killed_and_started_again(own_cluster: DevCluster) -> None:
    """`dev kill --node leader` and `dev start` are what a demonstration needs."""
    folder = own_cluster.directory
    own_cluster.start()
    own_cluster.wait_ready()

    killed = subprocess.run(
        ledgerd("dev", "kill", "--dir", folder, "--node", "leader"),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    # Who led when the command looked: on a busy machine that may be another one by then.
    leader = next(n for n, pid in own_cluster.pids().items() if pid is None)
    assert killed.stdout == f"killed node {leader}\n"
    successor = own_cluster.leader(timeout_s=20)
    assert successor not in (None, leader)

    own_cluster.start(leader)
    own_cluster.wait_ready()
    shown = until("the status shows a leader", lambda: status_with_leader(folder))
    assert "down" not in shown


def status_with_leader(folder: Path) -> str:
    """Return what `dev status` says, nothing if the leader was too busy to answer it in time."""
    status = subprocess.run(
        ledgerd("dev", "status", "--dir", folder),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return status.stdout if "leads, term" in status.stdout else ""


def test_node_that_cannot_start_is_told_with_its_words(own_cluster: DevCluster) -> None:
    """A node's last words reach whoever started it, and nothing stays running."""
    key = own_cluster.directory / "pki" / "node-2.key"
    os.rename(key, key.with_suffix(".away"))

    result = subprocess.run(
        ledgerd("dev", "--dir", own_cluster.directory, "--detach"),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 73
    assert "node 2 has ended" in result.stderr
    assert "node-2.key" in result.stderr
    assert set(own_cluster.pids().values()) == {None}
