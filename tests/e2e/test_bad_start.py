"""`ledgerd run` that must not start: exit code, one line, no traceback, and nothing written."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client
from ledgerd.errors import CallError, ExitCode
from ledgerd.raft.entries import NodeId
from ledgerd.security import pki
from ledgerd.storage import founders, identity, keys
from ledgerd.storage.environment import StorageOptions, open_directory
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.e2e

SMALL = StorageOptions(log_map_bytes=64 * 1024**2, state_map_bytes=64 * 1024**2)


@pytest.fixture
def one(tmp_path: Path) -> DevCluster:
    """A cluster of one that is prepared and not started."""
    cluster = DevCluster(
        tmp_path / "one",
        1,
        settings={
            "storage": {
                "log_map_bytes": SMALL.log_map_bytes,
                "state_map_bytes": SMALL.state_map_bytes,
            }
        },
    )
    cluster.prepare()
    return cluster


def cluster_id(one: DevCluster) -> str:
    """Return the id that the node's configuration states."""
    lines = one.config_path(1).read_text().splitlines()
    return lines[lines.index("[cluster]") + 1].split('"')[1]


def make_data(one: DevCluster, **changes: object) -> None:
    """Make the data directory of the node, or of another one."""
    owner = {"cluster_id": cluster_id(one), "node_id": NodeId(1), **changes}
    open_directory(one.data_directory(1), options=SMALL, **owner).close()


def data_of(one: DevCluster) -> dict[str, bytes]:
    """Return every file of the data directory but the lock, which holds the last pid."""
    directory = one.data_directory(1)
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("data.mdb")
    }


def records_of(one: DevCluster) -> dict[tuple[str, bytes, bytes], bytes]:
    """Return every record of the data directory but the count of starts, which rises (F35)."""
    found: dict[tuple[str, bytes, bytes], bytes] = {}
    for name in ("log", "state"):
        folder = one.data_directory(1) / name
        with lmdb.open(str(folder), readonly=True, max_dbs=64) as environment:
            with environment.begin() as transaction:
                tables = [bytes(key) for key, _ in transaction.cursor()]
            for table in tables:
                opened = environment.open_db(table, create=False)
                with environment.begin(opened) as transaction:
                    for key, value in transaction.cursor():
                        found[name, table, bytes(key)] = bytes(value)
    counts = [at for at in found if at[2] == b"boots"]
    assert len(counts) == 1, counts
    del found[counts[0]]
    return found


def edit(one: DevCluster, old: str, new: str) -> None:
    path = one.config_path(1)
    text = path.read_text()
    assert old in text, text
    path.write_text(text.replace(old, new, 1))


def ended(
    one: DevCluster, exit_code: int, *, is_counted: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the node, which must end by itself with this code and leave its data as it was.

    is_counted: it comes as far as to count the start, and changes nothing else.
    """
    kept: Callable[[DevCluster], object] = records_of if is_counted else data_of
    before = kept(one)
    done = subprocess.run(
        [sys.executable, "-m", "ledgerd", "run", "--config", str(one.config_path(1))],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert kept(one) == before
    return done


def refused(one: DevCluster, exit_code: ExitCode, text: str) -> None:
    """Run the node, which must say these words in one line, and nothing else."""
    done = ended(one, exit_code)

    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert text in done.stderr
    assert done.stdout == ""


def test_a_data_directory_of_another_cluster(one: DevCluster) -> None:
    """Both clusters are named, and what to do."""
    make_data(one, cluster_id="yours")

    refused(
        one,
        ExitCode.CONFIG,
        f"data directory {one.data_directory(1)} belongs to cluster 'yours'; this node is "
        f"configured for cluster '{cluster_id(one)}'; name this node's own data directory, "
        "or an empty one for a new node",
    )


def test_a_data_directory_of_another_node(one: DevCluster) -> None:
    """Two nodes never share a vote."""
    make_data(one, node_id=NodeId(2))

    refused(
        one,
        ExitCode.CONFIG,
        "belongs to node 2; this node is configured as node 1; name this node's own data "
        "directory, or an empty one for a new node",
    )


def test_members_that_the_node_did_not_start_with(one: DevCluster) -> None:
    """A node of three that is told it is alone would lead beside the real leader."""
    with open_directory(
        one.data_directory(1),
        cluster_id=cluster_id(one),
        node_id=NodeId(1),
        options=SMALL,
    ) as made:
        founders.admit(made, [NodeId(1), NodeId(2), NodeId(3)])

    refused(
        one,
        ExitCode.CONFIG,
        "was first used with the members 1, 2, 3; the configuration has 1: a majority of "
        "other members could decide twice; put the first ones back into cluster.members",
    )


def test_a_data_directory_of_a_newer_format(one: DevCluster) -> None:
    """Both versions are named."""
    with open_directory(
        one.data_directory(1),
        cluster_id=cluster_id(one),
        node_id=NodeId(1),
        options=SMALL,
    ) as made:
        newer = identity.Identity(
            cluster_id(one), NodeId(1), made.identity.store_uuid, 2
        )
        with made.log.begin(db=made.log_tables[keys.META], write=True) as transaction:
            transaction.put(keys.IDENTITY, identity.pack(newer))

    refused(
        one,
        ExitCode.CONFIG,
        "format version 2; this release reads up to 1; start the release that wrote it, or "
        "a newer one",
    )


def test_a_data_directory_that_is_damaged(one: DevCluster) -> None:
    """Not a new one, and not one to vote with."""
    make_data(one)
    path = one.data_directory(1) / "log" / "data.mdb"
    path.write_bytes(b"\xff" * 4_096 + path.read_bytes()[4_096:])

    refused(one, ExitCode.CORRUPTION, "is not a database this release can read")


def test_a_log_that_is_gone(one: DevCluster) -> None:
    """The votes are lost with it (T13)."""
    make_data(one)
    (one.data_directory(1) / "log").rename(one.directory / "away")

    refused(one, ExitCode.CORRUPTION, "this node's votes are lost")


@pytest.mark.parametrize("pages", [0, 2])
def test_a_log_that_was_cut_off(one: DevCluster, pages: int) -> None:
    """Reading beyond its end would kill the process; the start and `check` say which file it is."""
    make_data(one)
    file = one.data_directory(1) / "log" / "data.mdb"
    os.truncate(file, pages * 4_096)

    refused(one, ExitCode.CORRUPTION, f"{file} is cut off: ")
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "ledgerd", "check"),
            *("--data-dir", str(one.data_directory(1))),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == ExitCode.CORRUPTION
    assert f"{file} is cut off: " in checked.stdout


def test_too_little_space(one: DevCluster) -> None:
    """Said before anything is made."""
    edit(one, "[storage]", "[storage]\nfree_bytes_min = 17592186044416")

    refused(one, ExitCode.NO_SPACE, "at least 17592186044416 are needed to start")
    assert not (one.data_directory(1) / "log").exists()


@pytest.mark.parametrize(
    "where",
    [">/dev/full", ">/dev/full 2>&1", "| true", "<&- >&- 2>&-"],
    ids=["full disk", "full disk for both", "reader gone", "closed"],
)
def test_a_log_that_nobody_can_write(one: DevCluster, where: str) -> None:
    """It is no reason not to start, and none to end: the node serves, and ends as it is told."""
    node = f'"{sys.executable}" -m ledgerd run --config "{one.config_path(1)}"'
    script = f"set -o pipefail; {{ echo $BASHPID >pid; exec {node}; }} {where}"
    with subprocess.Popen(
        ["bash", "-c", script], cwd=one.directory, stderr=subprocess.DEVNULL
    ) as shell:
        pid = until(
            "the shell says who it is",
            (one.directory / "pid").read_text,
            passing=OSError,
        )
        try:
            with Client.from_profile(one.profile_path) as client:
                until("the node serves", client.status, passing=CallError)
                client.open_account(currency="USD", livemode=False, deadline=PATIENCE_S)
        finally:
            os.kill(int(pid), signal.SIGTERM)

        assert shell.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("listener", ["api", "peer", "metrics"])
def test_a_port_in_use(one: DevCluster, listener: str) -> None:
    """The address is named; log, votes and state are as they were, and so is who listens."""
    one.start()
    one.wait_ready()
    one.stop()
    port = getattr(one.ports()[1], listener)

    with socket.create_server(("127.0.0.1", port)) as taken:
        (line,) = ended(one, ExitCode.CONFIG, is_counted=True).stderr.splitlines()
        assert line.startswith("error: ")
        assert f"cannot listen on 127.0.0.1:{port}: " in line
        taken.settimeout(0)
        with pytest.raises(BlockingIOError):
            taken.accept()


@pytest.mark.parametrize("name", ["ca.pem", "node-1.pem", "node-1.key"])
def test_a_missing_certificate(one: DevCluster, name: str) -> None:
    """The file is named, and how to make one; no data directory is made."""
    path = one.directory / "pki" / name
    path.rename(one.directory / "away")

    refused(
        one,
        ExitCode.CONFIG,
        f"{path}: expected a readable PEM file, found: No such file or directory; make "
        "certificates with `ledgerd pki`",
    )
    assert not one.data_directory(1).exists()


def test_a_certificate_of_another_cluster(one: DevCluster) -> None:
    """Of the same names and another CA."""
    other = one.directory / "other"
    pki.create_ca(other, "yours")
    pki.issue_node(other, 1)
    for name in ("ca.pem", "node-1.pem", "node-1.key"):
        (other / name).replace(one.directory / "pki" / name)

    refused(
        one,
        ExitCode.CONFIG,
        f"expected a certificate of cluster {cluster_id(one)}, found one of cluster yours",
    )
    assert not one.data_directory(1).exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda one: edit(one, "[storage]", "[storage]\nlog_map_byte = 1"),
            "storage.log_map_byte: unknown; the nearest valid option is "
            "storage.log_map_bytes",
        ),
        (
            lambda one: edit(one, "[storage]", "[storages]\na = 1\n[storage]"),
            "storages: unknown; the nearest valid option is storage",
        ),
        (
            lambda one: edit(one, "log_map_bytes = ", "log_map_bytes = -"),
            "storage.log_map_bytes: expected 67108864 .. 17592186044416 bytes, found -",
        ),
        (
            lambda one: edit(one, "id = 1", "id = 70000"),
            "node.id: expected 1 .. 65535, found 70000",
        ),
        (
            lambda one: one.config_path(1).write_text("a = " + "[" * 100_000),
            "expected TOML, found it nested too deep",
        ),
        (
            lambda one: one.config_path(1).write_bytes(b"\xff\xfe"),
            "expected TOML in UTF-8, found UTF-16 (by its byte order mark); ",
        ),
        (lambda one: one.config_path(1).unlink(), "found: No such file or directory"),
        (
            lambda one: edit(one, 'data_dir = "', 'data_dir = "a\\u0000'),
            'node.data_dir: expected a path, found "a\\u0000',
        ),
    ],
    ids=[
        *("option", "section", "range", "node id", "deep", "bytes", "missing", "NUL"),
    ],
)
def test_a_configuration_that_is_wrong(
    one: DevCluster, change: Callable[[DevCluster], object], text: str
) -> None:
    """The option with the nearest valid one, or the range; no data directory is made."""
    change(one)

    refused(one, ExitCode.CONFIG, text)
    assert not one.data_directory(1).exists()


def test_a_directory_that_another_process_uses(one: DevCluster) -> None:
    """The pid is named; the process that has it goes on."""
    with open_directory(
        one.data_directory(1),
        cluster_id=cluster_id(one),
        node_id=NodeId(1),
        options=SMALL,
    ) as held:
        refused(one, ExitCode.CONFIG, "is in use by process ")
        assert held.space().log_used_bytes > 0
