"""`ledgerctl cluster`: what every node says of itself, side by side, and who is to lead."""

import time
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import click
from rich.box import SIMPLE_HEAD
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.members import add, members, remove, replace
from ledgerd.cli.ctl.session import Ended, Failed, Session
from ledgerd.errors import CallError

_WATCH_S: Final = 1.0
_ASK_S: Final = 1.0
_DIGEST_SHOWN: Final = 12

Statuses = Mapping[int, admin_pb2.StatusReply | CallError]


@click.group()
def cluster() -> None:
    """The nodes."""


@cluster.command("status")
@click.option("--watch", is_flag=True, help="Ask again every second until interrupted.")
@click.pass_obj
def cluster_status(session: Session, *, watch: bool) -> None:
    """Ask every node of the profile, also those that do not lead."""
    ask_s = min(session.deadline_s or _ASK_S, 60.0)
    with session.client() as client:
        if watch:
            try:
                _watch(session, lambda: client.statuses(deadline=ask_s))
            except KeyboardInterrupt:
                return
        statuses = client.statuses(deadline=ask_s)
    _print(session, statuses)
    if all(isinstance(status, CallError) for status in statuses.values()):
        raise Failed(
            "expected an answer of at least one node, found none", Ended.NOT_LOGGED
        )


@cluster.command("transfer")
@click.option(
    "--to",
    type=click.IntRange(1, 2**32 - 1),
    metavar="NODE",
    help="The voter that is to lead. Default: whichever can take over soonest.",
)
@click.pass_obj
def cluster_transfer(session: Session, *, to: int | None) -> None:
    """Hand the leadership to another node, without a failed call."""
    with session.client() as client:
        before = client.status(deadline=session.deadline_s).leader_id
        if session.output == "table":
            target = f"node {to}" if to is not None else "the node closest behind"
            session.errors.print(f"node {before} hands over to {target} ...")
        began_at = time.monotonic()
        reply = client.transfer_leadership(to, deadline=session.deadline_s)
        took_ms = (time.monotonic() - began_at) * 1_000
    if session.output == "json":
        found = {"from_node_id": before, "took_ms": round(took_ms, 1)}
        render.print_json(session, {**found, **render.message(reply)})
    else:
        session.console.print(
            f"node {reply.leader_id} leads in term {reply.term}, "
            f"after {took_ms:.0f} ms (before: node {before})"
        )


cluster.add_command(members)
cluster.add_command(add)
cluster.add_command(remove)
cluster.add_command(replace)


def _watch(session: Session, ask: Callable[[], Statuses]) -> NoReturn:
    """Show the nodes again and again, in place on a terminal."""
    if session.output == "json" or not session.console.is_terminal:
        while True:
            _print(session, ask(), indent=None)
            time.sleep(_WATCH_S)
    with Live(_table(ask()), console=session.console, auto_refresh=False) as live:
        while True:
            time.sleep(_WATCH_S)
            live.update(_table(ask()), refresh=True)


def _print(session: Session, statuses: Statuses, indent: int | None = 2) -> None:
    if session.output == "table":
        session.console.print(_table(statuses))
        return
    nodes = [
        {"node_id": node_id, "unreachable": status.message}
        if isinstance(status, CallError)
        else render.message(status)
        for node_id, status in statuses.items()
    ]
    render.print_json(session, {"nodes": nodes}, indent=indent)


def _table(statuses: Statuses) -> Table:
    """Return a row for each node; digests may be compared at equal indexes only."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    for name in ("node", "role", "ready"):
        table.add_column(name, no_wrap=True)
    for name in ("term", "commit", "applied"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("digest at index", no_wrap=True)
    for node_id, status in statuses.items():
        if isinstance(status, CallError):
            table.add_row(str(node_id), Text("unreachable", "red"))
            continue
        ready = (
            Text("yes", "green")
            if status.ready
            else Text(f"no: {status.not_ready_reason}", "yellow")
        )
        role = admin_pb2.NodeRole.Name(status.role).lower().replace("_", "-")
        table.add_row(
            str(node_id),
            Text(role, "bold" if status.role == admin_pb2.LEADER else ""),
            ready,
            str(status.term),
            str(status.commit_index),
            str(status.applied_index),
            f"{status.digest[:_DIGEST_SHOWN]} at {status.visible_index}",
        )
    return table
