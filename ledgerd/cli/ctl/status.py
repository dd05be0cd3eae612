"""`ledgerctl cluster status`: what each node says of itself, and what the leader knows of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, NoReturn

import click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ledgerd.api.v1 import admin_pb2, cluster_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.session import Ended, Failed, Session
from ledgerd.client import Client
from ledgerd.errors import CallError

_WATCH_S: Final = 1.0
_ASK_S: Final = 1.0
_DIGEST_SHOWN: Final = 12

Statuses = Mapping[int, admin_pb2.StatusReply | CallError]


class Seen(NamedTuple):
    """What was found out at one moment.

    statuses: of every node of the profile. leader: the leader's view; None if nobody leads, or if
        it is of a release that has none.
    """

    statuses: Statuses
    leader: cluster_pb2.ClusterStatusReply | None

    @property
    def answers(self) -> dict[int, admin_pb2.StatusReply]:
        """The nodes that answered."""
        return {
            node_id: status
            for node_id, status in self.statuses.items()
            if isinstance(status, admin_pb2.StatusReply)
        }

    @property
    def commit_index(self) -> int:
        """The largest commit index that anybody knows."""
        known = [status.commit_index for status in self.answers.values()]
        if self.leader is not None:
            known.append(self.leader.commit_index)
        return max(known, default=0)

    @property
    def leader_id(self) -> int:
        """Who leads in the newest term; 0 if nobody says that it does.

        Of a node outside the profile the others say it.
        """
        leading = [
            (status.term, node_id)
            for node_id, status in self.answers.items()
            if status.role == admin_pb2.LEADER
        ]
        if leading:
            return max(leading)[1]
        if self.leader is not None:
            return self.leader.leader_id
        term = max((status.term for status in self.answers.values()), default=0)
        followed = {s.leader_id for s in self.answers.values() if s.term == term}
        return max(followed - {0, *self.statuses}, default=0)

    def heard(self, node_id: int) -> cluster_pb2.NodeAsHeard | None:
        """Return what the leader knows of a node."""
        for node in self.leader.nodes if self.leader is not None else ():
            if node.node_id == node_id and node.HasField("as_heard"):
                return node.as_heard
        return None

    def is_member(self, node_id: int) -> bool:
        """Return whether the leader takes a node for a member, or is not there to say so."""
        nodes = self.leader.nodes if self.leader is not None else ()
        return not nodes or any(node.node_id == node_id for node in nodes)

    def is_low(self, node_id: int) -> bool:
        """Return whether a node has no room left, as the leader knows it (F36)."""
        heard = self.heard(node_id)
        return (
            heard is not None and heard.HasField("free_bytes") and not heard.free_bytes
        )

    def lag(self, node_id: int) -> int | None:
        """Return how many decided entries a node has not applied; not durable, if it is silent."""
        status = self.answers.get(node_id)
        if status is not None:
            return max(0, self.commit_index - status.applied_index)
        heard = self.heard(node_id)
        return None if heard is None else heard.lag_entries

    def node_ids(self) -> Sequence[int]:
        """Return the nodes of the profile and the members, ascending."""
        members = [node.node_id for node in self.leader.nodes] if self.leader else []
        return sorted({*self.statuses, *members})

    def troubles(self) -> Sequence[str]:
        """Return what is not as it should be, a sentence each; none if all is well."""
        found = []
        if not self.leader_id:
            found.append("nobody leads")
        for node_id in self.node_ids():
            status = self.statuses.get(node_id)
            if status is None:
                heard = self.heard(node_id)
                silent = "" if heard is not None and heard.heard else ", and is silent"
                found.append(f"node {node_id} is a member, not in the profile{silent}")
            elif isinstance(status, CallError):
                known = "" if self.is_member(node_id) else "is no member, and "
                found.append(f"node {node_id} {known}does not answer: {status.message}")
            elif not status.ready:
                found.append(f"node {node_id} is not ready: {status.not_ready_reason}")
            if self.is_low(node_id):
                found.append(f"node {node_id} has no room left, on disk or in a map")
        return [*found, *self._differences()]

    def _differences(self) -> Sequence[str]:
        """Return where nodes differ that must not: digests at one index are equal."""
        by_index: dict[int, dict[str, list[int]]] = {}
        for node_id, status in self.answers.items():
            same = by_index.setdefault(status.visible_index, {})
            same.setdefault(status.digest, []).append(node_id)
        return [
            f"digests differ at index {index}: nodes {_and(sorted(digests.values()))}"
            for index, digests in sorted(by_index.items())
            if len(digests) > 1
        ]


def _and(groups: Sequence[Sequence[int]]) -> str:
    return " against ".join(", ".join(map(str, group)) for group in groups)


@click.command("status")
@click.option("--watch", is_flag=True, help="Ask again every second until interrupted.")
@click.option(
    "--check",
    is_flag=True,
    help="For scripts: exit 0 if all is well, 1 if a node is missing, not ready, without "
    "room or differs, 3 if nobody leads.",
)
@click.pass_obj
def status(session: Session, *, watch: bool, check: bool) -> None:
    """Ask every node of the profile, and the leader about all members.

    Exit codes: 0 as soon as one node answers, 3 if none does; with --check 0, 1 or 3 by the state
    of the cluster.
    """
    ask_s = min(session.deadline_s or _ASK_S, 60.0)
    with session.client() as client:
        if watch:
            try:
                _watch(session, lambda: look(client, ask_s))
            except KeyboardInterrupt:
                return
        seen = look(client, ask_s)
    _print(session, seen)
    if not seen.answers:
        raise Failed(
            "expected an answer of at least one node, found none", Ended.NOT_LOGGED
        )
    if check and (troubles := seen.troubles()):
        code = Ended.REFUSED if seen.leader_id else Ended.NOT_LOGGED
        raise Failed(
            f"{len(troubles)} not as it should be: {'; '.join(troubles)}", code
        )


def look(client: Client, ask_s: float) -> Seen:
    """Return what the nodes say now; each question takes at most `ask_s` seconds."""
    seen = Seen(client.statuses(deadline=ask_s), None)
    if not seen.leader_id:
        return seen
    try:
        return seen._replace(leader=client.cluster_status(deadline=ask_s))
    except CallError:
        return seen  # of release 0.1.0, or it has just lost office


def _watch(session: Session, ask: Callable[[], Seen]) -> NoReturn:
    """Show the nodes again and again, in place on a terminal."""
    if session.output == "json" or not session.console.is_terminal:
        while True:
            _print(session, ask(), indent=None)
            time.sleep(_WATCH_S)
    with Live(_shown(ask()), console=session.console, auto_refresh=False) as live:
        while True:
            time.sleep(_WATCH_S)
            live.update(_shown(ask()), refresh=True)


def _print(session: Session, seen: Seen, indent: int | None = 2) -> None:
    if session.output == "table":
        session.console.print(_shown(seen))
    else:
        render.print_json(session, _as_json(seen), indent=indent)


def _as_json(seen: Seen) -> dict[str, object]:
    nodes: list[dict[str, object]] = []
    for node_id in seen.node_ids():
        status = seen.statuses.get(node_id)
        if isinstance(status, admin_pb2.StatusReply):
            node = render.message(status)
        elif status is None:
            node = {"node_id": node_id, "unreachable": "not in the profile"}
        else:
            node = {"node_id": node_id, "unreachable": status.message}
        lag = seen.lag(node_id)
        node["lag_entries"] = None if lag is None else str(lag)
        nodes.append(node)
    return {
        "leader_id": seen.leader_id,
        "commit_index": str(seen.commit_index),
        "troubles": list(seen.troubles()),
        "nodes": nodes,
        "as_the_leader_sees_it": render.message(seen.leader) if seen.leader else None,
    }


def _shown(seen: Seen) -> Group:
    """Return what people see: the cluster in a line, a row for each node, then the troubles."""
    parts: list[Text | Table] = [_headline(seen), Text(), _table(seen), Text()]
    parts += [Text(trouble, "yellow") for trouble in seen.troubles()]
    return Group(*parts)


def _headline(seen: Seen) -> Text:
    answers = seen.answers.values()
    term = max((status.term for status in answers), default=0)
    leader = f"node {seen.leader_id} leads" if seen.leader_id else "nobody leads"
    versions = sorted({status.state_version for status in answers})
    version = " and ".join(map(str, versions)) or "unknown"
    joint = (
        ", membership joint" if seen.leader is not None and seen.leader.joint else ""
    )
    return Text(
        f"{leader}, term {term}, committed {seen.commit_index}, state version {version}"
        f"{joint}",
        "bold",
    )


def _table(seen: Seen) -> Table:
    """Return a row for each node, within 80 columns; equal digests at equal indexes are well."""
    table = render.table()
    for name in ("node", "role", "ready"):
        table.add_column(name, no_wrap=True)
    for name in ("applied", "lag"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("release", "digest"):
        table.add_column(name, no_wrap=True)
    for node_id in seen.node_ids():
        status, lag = seen.statuses.get(node_id), seen.lag(node_id)
        shown_lag = "?" if lag is None else str(lag)
        if not isinstance(status, admin_pb2.StatusReply):
            word = "not in profile" if status is None else "unreachable"
            table.add_row(str(node_id), Text(word, "red"), "", "?", shown_lag, "", "")
            continue
        role = admin_pb2.NodeRole.Name(status.role).lower().replace("_", "-")
        table.add_row(
            str(node_id),
            Text(role, "bold" if status.role == admin_pb2.LEADER else ""),
            Text("yes", "green") if status.ready else Text("no", "yellow"),
            str(status.visible_index),
            shown_lag,
            status.version,
            status.digest[:_DIGEST_SHOWN],
        )
    return table
