"""`ledgerctl export`: the books as text for hledger, beancount, or a spreadsheet."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from ledgerd.api.v1 import accounts_pb2
from ledgerd.cli.ctl.moments import INDEX
from ledgerd.cli.ctl.session import Ended, Failed, Session
from ledgerd.client import Client
from ledgerd.client.exports import FORMATS, ExportPart


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(sorted(FORMATS)),
    required=True,
    help="hledger and beancount check themselves; csv has a line for each posting.",
)
@click.option(
    "--as-of",
    type=INDEX,
    metavar="INDEX",
    help="Log index of the last entry exported. Default: the newest.",
)
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a new file. Default: standard output.",
)
@click.pass_obj
def export(session: Session, form: str, as_of: int | None, save: Path | None) -> None:
    """Write every journal entry up to an index, in order, for other programs.

    The same index gives the same text on every node and at any time. The role auditor or admin may
    ask. --deadline is that of each of its calls, which take up to 20,000 entries.
    """
    with session.client() as client:
        first = client.export_part(as_of_index=as_of, deadline=session.deadline_s)
        lines = FORMATS[form](_entries(session, client, first))
        if save is None:
            for line in lines:
                click.echo(line)
        else:
            _write(save, lines)
    session.errors.print(f"as of index {first.as_of_index}")


def _entries(
    session: Session, client: Client, part: ExportPart
) -> Iterator[accounts_pb2.ExportedEntry]:
    yield from part.entries
    while part.more:
        part = client.export_part(
            as_of_index=part.as_of_index,
            after=part.last,
            deadline=session.deadline_s,
        )
        yield from part.entries


def _write(path: Path, lines: Iterable[str]) -> None:
    """Make a new file that is whole, or none."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            try:
                file.writelines(f"{line}\n" for line in lines)
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        raise Failed(
            f"{path} exists already and is not overwritten", Ended.USAGE
        ) from None
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}", Ended.USAGE) from error
