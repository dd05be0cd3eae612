"""`ledgerd recover`: what a surviving copy holds, and a new cluster out of it (F38)."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from ledgerd.errors import ConfigError, CorruptionError
from ledgerd.raft.entries import Index
from ledgerd.security.identity import check_cluster_id
from ledgerd.storage import refound
from ledgerd.storage.environment import open_existing
from ledgerd.storage.identity import Identity
from ledgerd.storage.refound import Survivor

_STORE_UUID_BYTES: Final = 16


@click.command()
@click.option(
    "--data-dir",
    required=True,
    type=click.Path(path_type=Path),
    help="The data directory of a stopped node.",
)
@click.option(
    "--found-new-cluster",
    "new_id",
    metavar="NEW_ID",
    help="Make it the only member of a new cluster with this id. Without it nothing is changed.",
)
@click.option(
    "--give-up-from",
    metavar="INDEX",
    type=click.IntRange(1, 2**63 - 1),
    help="Go on without the entries from INDEX on, the first that no copy has intact.",
)
@click.option(
    "--yes",
    "confirmed",
    metavar="OLD_ID",
    help="The old cluster's id, instead of typing it when asked.",
)
@click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Form of the result on standard output.",
)
def recover(
    data_dir: Path,
    new_id: str | None,
    give_up_from: int | None,
    confirmed: str | None,
    output: str,
) -> None:
    """Found a new cluster of one with the copy of a surviving node.

    Only when a majority of the voters is lost for good. Run it without --found-new-cluster on
    every copy that is left first: it changes nothing and says how far each one reaches. Use the
    one with the largest term and index; what the others acknowledged behind it is lost.

    All nodes of the old cluster are refused for ever afterwards. A node that still runs there
    must be stopped before: it does not know that it was given up.

    Where an entry cannot be read and is not applied, another copy may have it. If none has,
    --give-up-from goes on without it and all that follow, which may have been acknowledged.

    Exit codes: 0 done, 71 the copy is damaged, 73 not confirmed, or not a directory to recover.
    """
    flaw = None if give_up_from is None else Index(give_up_from)
    with open_existing(data_dir) as environment:
        before = refound.inspect(environment, give_up_from=flaw)
        if new_id is None:
            _show(before, None, output)
            return
        _check_id(new_id, before.identity)
        if output == "table":
            _print(before)
        _confirm(before.identity, confirmed)
        after = refound.found_new_cluster(
            environment,
            new_id,
            store_uuid=secrets.token_bytes(_STORE_UUID_BYTES),
            give_up_from=flaw,
        )
    _show(before, after, output)


def _check_id(new_id: str, old: Identity) -> None:
    try:
        check_cluster_id(new_id)
    except ValueError as error:
        raise ConfigError(f"--found-new-cluster: {error}") from error
    if new_id == old.cluster_id:
        raise ConfigError(
            f"--found-new-cluster: expected another id than the old cluster's, found {new_id}: the "
            "directory is of that cluster; if this command made it so, nothing is left to do"
        )


def _confirm(old: Identity, confirmed: str | None) -> None:
    """Return if the operator named the cluster that he gives up. Raises ConfigError."""
    if confirmed is None:
        try:
            confirmed = click.prompt(
                f"Type the id of the cluster that is given up ({old.cluster_id})",
                default="",
                show_default=False,
                err=True,
            )
        except click.Abort:  # Ctrl-C, or nobody is there to type
            raise ConfigError(
                f"expected the old cluster's id {old.cluster_id}, typed or with --yes, found no "
                "answer; nothing was changed"
            ) from None
    if confirmed != old.cluster_id:
        raise ConfigError(
            f"expected the old cluster's id {old.cluster_id}, found {confirmed!r}; nothing was "
            "changed"
        )


def _show(before: Survivor, after: Survivor | None, output: str) -> None:
    if output == "json":
        found: dict[str, object] = {"survivor": _as_json(before)}
        if after is not None:
            found["founded"] = _as_json(after)
        click.echo(json.dumps(found, indent=2))
    elif after is None:
        _print(before)
    else:
        _print_founded(after)


def _as_json(survivor: Survivor) -> dict[str, object]:
    found = survivor.identity
    return {
        "cluster_id": found.cluster_id,
        "node_id": found.node_id,
        "store_id": found.store_uuid.hex(),
        "term": survivor.term,
        "last_term": survivor.last.term,
        "last_index": survivor.last.index,
        "last_log_time_us": survivor.last_time_us,
        "committed_index": survivor.committed,
        "applied_index": survivor.applied,
        "digest": survivor.digest.hex(),
        "state_version": survivor.state_version,
        "voters": list(survivor.membership.all_voters),
        "perhaps_lost_from_index": survivor.last.index + 1,
        "given_up": len(survivor.given_up),
    }


def _print(survivor: Survivor) -> None:
    found, last = survivor.identity, survivor.last
    click.echo(f"cluster     {found.cluster_id}")
    click.echo(f"node        {found.node_id}, store {found.store_uuid.hex()}")
    voters = ", ".join(map(str, survivor.membership.all_voters))
    click.echo(f"voters      {voters}")
    click.echo(f"log ends    at index {last.index} of term {last.term}")
    click.echo(f"            written {_time(survivor.last_time_us)} (log time)")
    click.echo(f"committed   up to {survivor.committed}, as far as this copy knows")
    if last.index > survivor.committed:
        click.echo(
            f"open        {survivor.committed + 1} .. {last.index}: acknowledged or not, they "
            "are kept"
        )
    if survivor.given_up:
        first, end = survivor.given_up[0], survivor.given_up[-1]
        click.echo(f"given up    {first} .. {end}: acknowledged or not, they are lost")
    click.echo(f"applied     up to {survivor.applied}, digest {survivor.digest.hex()}")
    click.echo(
        f"may be lost from index {last.index + 1} on: whatever the other voters acknowledged "
        "without this node"
    )


def _print_founded(after: Survivor) -> None:
    found = after.identity
    click.echo("")
    click.echo(
        f"founded: cluster {found.cluster_id}, whose only member is node {found.node_id}"
    )
    click.echo("next:")
    click.echo(f"  1. make a CA and certificates for {found.cluster_id}: ledgerd pki")
    click.echo(
        f"  2. in the node's configuration: cluster.id, and node {found.node_id} as the only "
        "member"
    )
    click.echo("  3. start it, and compare the books with what your callers know")
    click.echo("  4. add nodes with empty data directories, under new ids")
    click.echo("  5. never start the old directories of other nodes again")


def _time(log_time_us: int) -> str:
    """Return a log time for people; log time may be anything that the clocks once showed."""
    try:
        moment = datetime.fromtimestamp(log_time_us / 1e6, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise CorruptionError(f"a log time of {log_time_us} us") from error
    return moment.isoformat(timespec="milliseconds")
