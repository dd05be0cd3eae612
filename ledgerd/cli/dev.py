"""`ledgerd dev`: the commands that start, stop and kill the nodes of a local cluster."""

import errno
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.dev_cluster import HOST, DevCluster, answered, leading, shell_word
from ledgerd.cli.folders import Folder
from ledgerd.client import Client
from ledgerd.errors import ConfigError

_STATUS_S: Final = 0.5

_directory = click.option(
    "--dir",
    "directory",
    required=True,
    type=Folder(),
    help="Folder of the cluster.",
)
_node = click.option(
    "--node", "node", required=True, help='Number of a node, or "leader".'
)


class _Group(click.Group):
    """A folder that cannot be used is a mistake of whoever named it: one line, no traceback."""

    # Any: click's own signature.
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.filename is None and error.errno == errno.EPERM:  # of a signal
                raise ConfigError(
                    "expected processes of the same user, found some of another"
                ) from error
            if error.filename is None or error.errno == errno.ENOSPC:
                raise  # what cannot be written has a code of its own
            raise ConfigError(f"{error.filename}: {error.strerror}") from error


@click.group(cls=_Group, invoke_without_command=True)
@click.option(
    "--nodes",
    type=click.Choice(["1", "3", "5"]),
    default="3",
    show_default=True,
    help="How many nodes; 1 loses the service with its only node.",
)
@click.option(
    "--dir",
    "directory",
    type=Folder(),
    help="Folder of the cluster: certificates, configurations, data, client.toml.",
)
@click.option("--detach", is_flag=True, help="Leave the nodes running and return.")
@click.pass_context
def dev(
    context: click.Context, nodes: str, directory: Path | None, *, detach: bool
) -> None:
    """Run a local cluster over TLS. Ctrl-C stops it; the same --dir continues its data.

    It ends with 0 when `ledgerd dev stop` stops it, and says which node has ended by itself.
    """
    if context.invoked_subcommand is not None:
        return
    if directory is None:
        raise click.UsageError("expected --dir, the folder of the cluster, found none")
    cluster = DevCluster(directory, int(nodes), has_rail=True)
    cluster.prepare()
    with _interrupts():
        cluster.start()  # refuses if nodes run; those are not ours to stop
        try:
            leader_id = cluster.wait_ready()
            if not detach:
                _introduce(cluster, leader_id, directory)
                _watch(cluster)
        except KeyboardInterrupt:
            click.echo("\nstopping")
            cluster.stop()
            if detach:
                raise  # it was to run on
        except BaseException:
            cluster.stop()
            raise
        if detach:  # the nodes stay, also if nobody reads this to its end
            _introduce(cluster, leader_id, directory)


@dev.command("stop")
@_directory
def dev_stop(directory: Path) -> None:
    """Stop the nodes of a cluster cleanly. Only processes it started are touched."""
    cluster = DevCluster.existing(directory)
    count = cluster.stop()
    nodes = "node" if count == 1 else "nodes"
    click.echo(f"stopped {count} {nodes}; the data stays in {directory}")


@dev.command("status")
@_directory
def dev_status(directory: Path) -> None:
    """Print one line: which nodes run, who leads, and what is committed."""
    cluster = DevCluster.existing(directory)
    with Client.from_profile(cluster.profile_path) as client:
        click.echo(_status_line(cluster, client))


@dev.command("kill")
@_directory
@_node
def dev_kill(directory: Path, node: str) -> None:
    """End a node by SIGKILL: no warning, no clean-up."""
    cluster = DevCluster.existing(directory)
    node_id = _which(cluster, node)
    if cluster.pids()[node_id] is None:
        folder = shell_word(directory)
        raise ConfigError(
            f"expected node {node_id} to run, found it ended; start it: ledgerd dev start "
            f"--dir {folder} --node {node_id}"
        )
    cluster.kill(node_id)
    click.echo(f"killed node {node_id}")


@dev.command("start")
@_directory
@_node
def dev_start(directory: Path, node: str) -> None:
    """Start a node that does not run, on the data it has."""
    cluster = DevCluster.existing(directory)
    node_id = _which(cluster, node)
    cluster.start(node_id)
    cluster.wait_ready()
    click.echo(f"started node {node_id}")


def _which(cluster: DevCluster, node: str) -> int:
    """Return the node that an argument names."""
    if node == "leader":
        leader_id = cluster.leader()
        if leader_id is None:
            raise ConfigError("expected a leader, found none within 5 s")
        return leader_id
    if not node.isdecimal() or int(node) not in cluster.node_ids:
        raise click.UsageError(
            f"expected one of {', '.join(map(str, cluster.node_ids))} or leader as "
            f"--node, found {node}"
        )
    return int(node)


def _introduce(cluster: DevCluster, leader_id: int, directory: Path) -> None:
    for node_id, ports in cluster.ports().items():
        role = "leader" if node_id == leader_id else "follower"
        click.echo(
            f"node {node_id}  {role:8}  api {HOST}:{ports.api}  "
            f"metrics http://{HOST}:{ports.metrics}/metrics"
        )
    profile, folder = shell_word(directory / "client.toml"), shell_word(directory)
    click.echo(
        f"\n  export LEDGERCTL_CONFIG={profile}\n"
        "  ledgerctl cluster status\n"
        "  ledgerctl account open --currency USD --sandbox\n"
        f"  ledgerd dev kill --dir {folder} --node leader\n"
        f"  ledgerd dev stop --dir {folder}\n"
    )


def _watch(cluster: DevCluster) -> None:
    """Show a line of status until interrupted, anew in place on a terminal.

    Returns when the cluster was stopped by another process. A node that ends is told.
    """
    is_terminal = sys.stdout.isatty()
    anew = "\r\x1b[K" if is_terminal else ""
    shown, pids = "", cluster.pids()
    with Client.from_profile(cluster.profile_path) as client:
        while True:
            before, pids = pids, cluster.pids()
            for node_id, pid in before.items():
                if pid is not None and pid != pids[node_id]:
                    click.echo(f"{anew}{cluster.end_of(node_id)}")
            cluster.ports()  # whose folder was removed is ended, and says so
            if cluster.was_stopped():
                click.echo(f"{anew}the cluster was stopped: ledgerd dev stop")
                return
            line = _status_line(cluster, client)
            if is_terminal:
                click.echo(f"{anew}{line}", nl=False)
            elif line.partition("  commit")[0] != shown.partition("  commit")[0]:
                click.echo(line)
            shown = line
            time.sleep(_STATUS_S)


def _status_line(cluster: DevCluster, client: Client) -> str:
    """Return the state of a cluster in one line."""
    statuses = client.statuses(deadline=_STATUS_S)
    answers = answered(statuses)
    pids = cluster.pids()
    leader_id = leading(statuses)
    marks = []
    for node_id in cluster.node_ids:
        if pids[node_id] is None:
            marks.append(f"{node_id}:down")
        elif node_id not in answers:
            marks.append(f"{node_id}:silent")
        else:
            role = admin_pb2.NodeRole.Name(answers[node_id].role).lower()
            ready = "" if answers[node_id].ready else " (not ready)"
            marks.append(f"{node_id}:{role}{ready}")
    term = max((s.term for s in answers.values()), default=0)
    commit = max((s.commit_index for s in answers.values()), default=0)
    leads = f"node {leader_id} leads" if leader_id else "no leader"
    return f"{'  '.join(marks)}  {leads}, term {term}  commit {commit}"


@contextmanager
def _interrupts() -> Iterator[None]:
    """Make SIGTERM end the command as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
