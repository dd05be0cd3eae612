"""`ledgerctl cluster members|add|remove|replace|update`: who takes part, and how far it is."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import click
from rich.table import Table
from rich.text import Text

from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.session import Ended, Failed, Seconds, Session
from ledgerd.client import Client, NotLogged

_POLL_S: Final = 0.25
_NODE_ID: Final = click.IntRange(1, 2**32 - 1)
_PRIORITY: Final = click.IntRange(-(2**31), 2**31 - 1)
_STORE_SHOWN: Final = 8
_MAY_BE_LOGGED: Final = "before the answer came, so the change may be in the log"
_GOES_ON: Final = "before node {} votes; the cluster goes on by itself"

F = TypeVar("F", bound=Callable[..., None])


@click.command("members")
@click.pass_obj
def members(session: Session) -> None:
    """Show who takes part, and how far each node is."""
    with session.client() as client:
        found = client.members(deadline=session.deadline_s)
    _print(session, found)


def _new_node(command: F) -> F:
    """Add the options that describe a new node, and how long to wait for it."""
    options = (
        click.option("--peer-address", metavar="HOST:PORT", required=True),
        click.option("--api-address", metavar="HOST:PORT", required=True),
        click.option(
            "--node",
            type=_NODE_ID,
            metavar="NUMBER",
            help="Its number, never used before. Default: the next one.",
        ),
        click.option("--priority", type=_PRIORITY, default=0, show_default=True),
        click.option("--region", default="", metavar="TEXT"),
        click.option(
            "--wait/--no-wait",
            default=True,
            help="Wait until the node votes, or only until it learns.",
        ),
        click.option(
            "--timeout",
            type=Seconds(min=0, min_open=True),
            default=3600.0,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait; the cluster goes on by itself afterwards.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("add")
@_new_node
@click.option("--standby", is_flag=True, help="Learn for ever, and never vote.")
@click.pass_obj
def add(
    session: Session,
    *,
    peer_address: str,
    api_address: str,
    node: int | None,
    priority: int,
    region: str,
    standby: bool,
    wait: bool,
    timeout: float,
) -> None:
    """Add a node: it learns, catches up, and votes by itself."""
    with session.client() as client:
        before = client.members(deadline=session.deadline_s)
        request = pb.AddNodeRequest(
            node_id=node or before.next_node_id,
            peer_address=peer_address,
            api_address=api_address,
            standby=standby,
            priority=priority,
            region=region,
            expected_index=before.membership_index,
        )
        with _interruptible(_MAY_BE_LOGGED):
            reply = client.add_node(request, deadline=session.deadline_s)
        _say(session, f"node {reply.node_id} learns since index {reply.index}")
        found = reply.members
        if wait and not standby:
            with _interruptible(_GOES_ON.format(reply.node_id)):
                found = _until_it_votes(session, client, reply, timeout)
    _print(session, found)


@click.command("replace")
@click.argument("old", type=_NODE_ID, metavar="NODE")
@_new_node
@click.pass_obj
def replace(
    session: Session,
    *,
    old: int,
    peer_address: str,
    api_address: str,
    node: int | None,
    priority: int,
    region: str,
    wait: bool,
    timeout: float,
) -> None:
    """Let a new node catch up and take the place of voter NODE, which is removed."""
    with session.client() as client:
        before = client.members(deadline=session.deadline_s)
        request = pb.ReplaceNodeRequest(
            old_node_id=old,
            new_node=pb.AddNodeRequest(
                node_id=node or before.next_node_id,
                peer_address=peer_address,
                api_address=api_address,
                priority=priority,
                region=region,
                expected_index=before.membership_index,
            ),
        )
        with _interruptible(_MAY_BE_LOGGED):
            reply = client.replace_node(request, deadline=session.deadline_s)
        _say(session, f"node {reply.node_id} learns since index {reply.index}")
        found = reply.members
        if wait:
            with _interruptible(_GOES_ON.format(reply.node_id)):
                found = _until_it_votes(session, client, reply, timeout, gone=old)
    _print(session, found)


@click.command("remove")
@click.argument("node", type=_NODE_ID, metavar="NODE")
@click.pass_obj
def remove(session: Session, *, node: int) -> None:
    """Remove a node for good: its number is never used again."""
    with session.client() as client:
        before = client.members(deadline=session.deadline_s)
        request = pb.RemoveNodeRequest(
            node_id=node, expected_index=before.membership_index
        )
        with _interruptible(_MAY_BE_LOGGED):
            reply = client.remove_node(request, deadline=session.deadline_s)
    _say(session, f"node {node} takes no part any more since index {reply.index}")
    _print(session, reply.members)


@click.command("update")
@click.argument("node", type=_NODE_ID, metavar="NODE")
@click.option("--peer-address", metavar="HOST:PORT")
@click.option("--api-address", metavar="HOST:PORT")
@click.option("--priority", type=_PRIORITY, help="The largest leads if it is as fit.")
@click.option("--region", metavar="TEXT")
@click.pass_obj
def update(
    session: Session,
    *,
    node: int,
    peer_address: str | None,
    api_address: str | None,
    priority: int | None,
    region: str | None,
) -> None:
    """Change what is known of a member: addresses, priority, region."""
    if {peer_address, api_address, priority, region} == {None}:
        raise click.UsageError("expected something to change, found nothing")
    with session.client() as client:
        before = client.members(deadline=session.deadline_s)
        request = pb.UpdateNodeRequest(
            node_id=node,
            peer_address=peer_address,
            api_address=api_address,
            priority=priority,
            region=region,
            expected_index=before.membership_index,
        )
        with _interruptible(_MAY_BE_LOGGED):
            reply = client.update_node(request, deadline=session.deadline_s)
    _say(session, f"node {node} is known anew since index {reply.index}")
    _print(session, reply.members)


@contextmanager
def _interruptible(how: str) -> Iterator[None]:
    """Let Ctrl-C end the command with what is known then."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failed(
            f"interrupted {how}: ledgerctl cluster members", Ended.UNKNOWN
        ) from None


def _until_it_votes(
    session: Session,
    client: Client,
    added: pb.MembershipReply,
    timeout_s: float,
    *,
    gone: int | None = None,
) -> pb.MembersReply:
    """Say how far the node is until it votes, and until `gone` takes no part any more."""
    node_id = added.node_id
    give_up_at = time.monotonic() + timeout_s
    said = ""
    while time.monotonic() < give_up_at:
        try:
            found = client.members(deadline=session.deadline_s)
        except NotLogged:
            time.sleep(_POLL_S)
            continue  # between two leaders
        if found.membership_index < added.index:
            time.sleep(_POLL_S)
            continue  # a new leader that has not applied the addition yet
        by_id = {member.node_id: member for member in found.members}
        member = by_id.get(node_id)
        if member is None:
            raise Failed(f"node {node_id} was removed meanwhile", Ended.REFUSED)
        if member.role == pb.VOTER and not found.joint and gone not in by_id:
            return found
        if member.role == pb.LEARNER and not member.catching_up:
            raise Failed(
                f"CATCH_UP_TOO_SLOW: node {node_id} did not keep pace and stays a "
                "learner; see that it runs and has the disk and network it needs, then "
                f"repeat the command with --node {node_id}",
                Ended.REFUSED,
            )
        progress = _progress_of(member)
        if progress != said:
            _say(session, f"node {node_id}: {progress}")
            said = progress
        time.sleep(_POLL_S)
    raise Failed(
        f"node {node_id} does not vote after {timeout_s:g} s; the cluster goes on by "
        "itself: ledgerctl cluster members",
        Ended.UNKNOWN,
    )


def _progress_of(member: pb.Member) -> str:
    progress = member.progress
    if member.role == pb.VOTER:
        return "votes; the change of voters is being finished"
    if not progress.catch_up_round:
        return "has not answered yet; is it started?"
    return (
        f"round {progress.catch_up_round}, {progress.lag_entries:,} entries behind"
        f" ({progress.mode})"
    )


def _say(session: Session, text: str) -> None:
    """Report progress, apart from the result."""
    if session.output == "table":
        session.errors.print(text)


def _print(session: Session, found: pb.MembersReply) -> None:
    if session.output == "json":
        render.print_json(session, render.message(found))
        return
    for table in (_how_far(found), _where(found)):
        session.console.print(table)
        session.console.print()
    joint = "; two majorities decide" if found.joint else ""
    session.console.print(
        f"membership of index {found.membership_index}{joint}; "
        f"the next node gets number {found.next_node_id}"
    )


def _how_far(found: pb.MembersReply) -> Table:
    """Return what each member is and how far; with `_where` apart both fit 80 columns."""
    table = render.table()
    for name in ("node", "role", "heard"):
        table.add_column(name, no_wrap=True)
    for name in ("match", "behind", "priority"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("waits for")
    for member in found.members:
        progress = member.progress
        is_leader = member.node_id == found.leader_id
        role = pb.MemberRole.Name(member.role).lower()
        table.add_row(
            f"{member.node_id}{' leads' if is_leader else ''}",
            "standby" if member.standby else role,
            Text("yes", "green") if progress.heard else Text("no", "red"),
            str(progress.match_index),
            str(progress.lag_entries),
            str(member.priority),
            _waits_for(member),
        )
    return render.fold(table)


def _where(found: pb.MembersReply) -> Table:
    """Return where each member is reached; an address is folded and never cut."""
    table = render.table()
    table.add_column("node", no_wrap=True)
    for name in ("peer address", "API address"):
        table.add_column(name)
    table.add_column("store", no_wrap=True)
    for member in found.members:
        table.add_row(
            str(member.node_id),
            member.peer_address,
            member.api_address,
            member.store_uuid[:_STORE_SHOWN],
        )
    return render.fold(table)


def _waits_for(member: pb.Member) -> str:
    if not member.catching_up:
        return ""
    if member.replaces:
        return f"the place of node {member.replaces}"
    return "a vote"
