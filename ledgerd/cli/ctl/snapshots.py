"""`ledgerctl cluster snapshot`: the copy of the state that a node has, or a new one."""

import time
from typing import Final

import click

from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.session import Ended, Failed, Seconds, Session
from ledgerd.client import Client

_POLL_S: Final = 0.5


@click.command("snapshot")
@click.option(
    "--node",
    type=click.IntRange(1, 2**32 - 1),
    metavar="NUMBER",
    help="The node to ask. Default: the leader.",
)
@click.option("--make", is_flag=True, help="Make a copy now, beside the load.")
@click.option(
    "--timeout",
    type=Seconds(min=0, min_open=True),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for a copy; it goes on afterwards.",
)
@click.pass_obj
def snapshot(session: Session, *, node: int | None, make: bool, timeout: float) -> None:
    """Show the newest copy of the state on a node, and where its log begins."""
    with session.client() as client:
        try:
            reply = client.snapshot(node, deadline=session.deadline_s)
        except ValueError as error:  # also a leader that was added since
            raise Failed(
                f"{error}; a node that was added since is to be added to it too",
                Ended.USAGE,
            ) from error
        if make:
            try:
                reply = _made(session, client, reply, timeout)
            except KeyboardInterrupt:
                raise Failed(
                    "interrupted; a copy that was begun goes on: ledgerctl cluster "
                    f"snapshot --node {reply.node_id}",
                    Ended.INTERRUPTED,
                ) from None
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    kept = f"log {reply.log_first_index} .. {reply.log_last_index}"
    if not reply.HasField("newest"):
        session.console.print(f"node {reply.node_id}: no copy of the state; {kept}")
        return
    copy = reply.newest
    session.console.print(
        f"node {reply.node_id}: state at index {copy.index} of term {copy.term}, "
        f"{copy.size_bytes / 1e6:,.1f} MB, digest {copy.digest[:12]}; {kept}",
        highlight=False,
    )


def _made(
    session: Session, client: Client, before: pb.SnapshotReply, timeout_s: float
) -> pb.SnapshotReply:
    """Have a copy made and wait for it, telling how long it takes."""
    began_at = time.monotonic()
    reply = client.snapshot(before.node_id, make=True, deadline=session.deadline_s)
    while reply.under_way:
        if reply.newest.index > before.newest.index:
            reply.under_way = False
            break
        took_s = time.monotonic() - began_at
        if took_s > timeout_s:
            raise Failed(
                f"expected a copy within {timeout_s:g} s, found none; it goes on",
                Ended.NOT_LOGGED,
            )
        if session.output == "table":
            session.errors.print(f"node {before.node_id} copies, {took_s:.0f} s ...")
        time.sleep(_POLL_S)
        reply = client.snapshot(before.node_id, deadline=session.deadline_s)
        reply.under_way = True
    return reply
