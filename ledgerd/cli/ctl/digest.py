"""`ledgerctl cluster digest`: whether all nodes have the same state (F37)."""

from collections.abc import Mapping
from dataclasses import dataclass

import click
from rich.table import Table

from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.session import Ended, Failed, Session
from ledgerd.client import CallError, Client

_SHOWN = 16  # hexadecimal digits of a digest
_MEMBERS_S = 1.0


@dataclass(frozen=True, slots=True)
class Compared:
    """At which index the nodes were compared, and the digest of each there.

    index: the newest that most nodes know a digest of; 0: there is none.
    """

    index: int
    digests: Mapping[int, str]

    @property
    def is_equal(self) -> bool:
        """Whether all that know a digest there have the same."""
        return len(set(self.digests.values())) <= 1


def compare(replies: Mapping[int, pb.DigestReply]) -> Compared:
    """Compare the nodes at the newest index that as many as possible know a digest of."""
    known = {
        node_id: {at.index: at.digest for at in (*reply.kept, reply.now)}
        for node_id, reply in replies.items()
    }
    every = {index for digests in known.values() for index in digests if index}
    if not every:
        return Compared(0, {})

    def there(index: int) -> dict[int, str]:
        return {n: digests[index] for n, digests in known.items() if index in digests}

    best = max(every, key=lambda index: (len(there(index)), index))
    return Compared(best, there(best))


@click.command("digest")
@click.pass_obj
def digest(session: Session) -> None:
    """Compare the states of all nodes; ends with 1 if two of them differ."""
    with session.client() as client:
        answers = client.digests()
        unasked = sorted(_members(client) - set(answers))
    replies = {
        node_id: answer
        for node_id, answer in answers.items()
        if not isinstance(answer, CallError)
    }
    compared = compare(replies)
    if session.output == "json":
        nodes = [render.message(reply) for reply in replies.values()]
        render.print_json(
            session,
            {
                "index": compared.index,
                "equal": bool(replies) and compared.is_equal,
                "nodes": nodes,
                "not_in_profile": unasked,
            },
        )
    else:
        session.console.print(_table(answers, compared))
        for node_id in unasked:
            session.console.print(
                f"node {node_id} is a member, not in the profile, and was not compared"
            )
    if not replies:
        raise Failed(
            "expected an answer of at least one node, found none", Ended.NOT_LOGGED
        )
    diverged = [n for n, reply in replies.items() if reply.diverged_index]
    if not compared.is_equal or diverged:
        raise Failed(
            f"expected one digest at index {compared.index}, found "
            f"{len(set(compared.digests.values()))}; diverged: {diverged or 'nobody said'}",
            Ended.REFUSED,
        )


def _members(client: Client) -> set[int]:
    """Return who takes part; nobody if no leader says it, which is no hindrance here."""
    try:
        nodes = client.cluster_status(deadline=_MEMBERS_S).nodes
    except CallError:
        return set()
    return {node.node_id for node in nodes}


def _table(
    answers: Mapping[int, pb.DigestReply | CallError], compared: Compared
) -> Table:
    table = render.table()
    for heading in ("node", "applied", f"digest at {compared.index}", "state"):
        table.add_column(heading)
    for node_id, answer in sorted(answers.items()):
        if isinstance(answer, CallError):
            table.add_row(str(node_id), "", "", f"no answer: {answer.message}")
            continue
        found = compared.digests.get(node_id, "")[:_SHOWN] or "not there"
        state = answer.fenced or "served"
        if answer.corrupt_log_values:
            state += f"; {answer.corrupt_log_values} log values wait for repair"
        table.add_row(str(node_id), str(answer.now.index), found, state)
    return table
