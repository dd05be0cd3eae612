"""`ledgerctl cluster`: the nodes, and who is to lead."""

import time

import click

from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.digest import digest
from ledgerd.cli.ctl.members import add, members, remove, replace, update
from ledgerd.cli.ctl.session import Ended, Failed, Session
from ledgerd.cli.ctl.snapshots import snapshot
from ledgerd.cli.ctl.status import status


@click.group()
def cluster() -> None:
    """The nodes."""


cluster.add_command(status)


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
        before = client.find_leader(deadline=session.deadline_s)
        if session.output == "table":
            target = f"node {to}" if to is not None else "the node closest behind"
            session.errors.print(f"node {before} hands over to {target} ...")
        began_at = time.monotonic()
        try:
            reply = client.transfer_leadership(to, deadline=session.deadline_s)
        except KeyboardInterrupt:
            raise Failed(
                "interrupted before the answer came; who leads: ledgerctl cluster status",
                Ended.UNKNOWN,
            ) from None
        took_ms = (time.monotonic() - began_at) * 1_000
    # Another node may have been elected since it was asked who leads.
    before = reply.from_node_id or before
    if session.output == "json":
        found = {"from_node_id": before, "took_ms": round(took_ms, 1)}
        render.print_json(session, {**render.message(reply), **found})
    else:
        session.console.print(
            f"node {reply.leader_id} leads in term {reply.term}, "
            f"after {took_ms:.0f} ms (before: node {before})"
        )


cluster.add_command(members)
cluster.add_command(snapshot)
cluster.add_command(digest)
cluster.add_command(add)
cluster.add_command(remove)
cluster.add_command(replace)
cluster.add_command(update)
