"""`ledgerctl audit`: tree heads, receipts and the log, and checking them without a cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from ledgerd import files
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.moments import INDEX
from ledgerd.cli.ctl.session import Ended, Failed, Session
from ledgerd.client import Client, NotLogged
from ledgerd.client.log_checks import LogRefused
from ledgerd.client.log_files import LogFile, ProvenLog, part_of, verify_log
from ledgerd.client.receipts import (
    ProvenHead,
    ProvenPayout,
    ReceiptRefused,
    authorities,
    head_text,
    receipt_text,
    verify_growth,
)
from ledgerd.client.receipts import verify as verified

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_ca = click.option(
    "--ca",
    type=_FILE,
    help="The cluster's CA, PEM, known from elsewhere: no other one will do. The file holds "
    "several if the CA was replaced. Default: the CA in the file, whose fingerprint is shown.",
)


@click.group()
def audit() -> None:
    """Prove what the ledger accepted, and check such proofs.

    A tree head is a signed root over everything that was applied. A receipt proves with it that
    a payout was accepted, an export of the log that this is what was asked and in which order;
    offline and for ever.
    """


@audit.command()
@click.option("--index", type=INDEX, help="Default: the newest entry.")
@click.option("--save", type=_NEW_FILE, help="Write it to a new file, for consistency.")
@click.pass_obj
def head(session: Session, index: int | None, save: Path | None) -> None:
    """Show a tree head, having checked its signature."""
    with session.client() as client:
        found = client.tree_head(index, deadline=session.deadline_s)
    with _refusals("the answer"):
        text = head_text(found)
        proven = verified(text.encode())
    if save is not None:
        _write(save, text)
    _show(session, proven)


@audit.command()
@click.argument("payout_id")
@click.option("-o", "--save", type=_NEW_FILE, required=True, help="A new file.")
@click.pass_obj
def receipt(session: Session, payout_id: str, save: Path) -> None:
    """Write the receipt of PAYOUT_ID to a file, having checked it.

    It shows all payouts of the log entry that this one is in; the role auditor or admin may ask.
    """
    with session.client() as client:
        reply = client.inclusion_proof(payout_id, deadline=session.deadline_s)
    with _refusals("the answer"):
        text = receipt_text(reply, payout_id)
        proven = verified(text.encode())
    _write(save, text)
    _show(session, proven)


@audit.command()
@click.argument("file", type=_FILE)
@_ca
@click.pass_obj
def consistency(session: Session, file: Path, ca: Path | None) -> None:
    """Check that the cluster still has the history that FILE, a head or a receipt, was made of."""
    raw = _content(file)
    pinned = _pinned(ca)
    with _refusals(str(file)):
        proven = verified(raw, ca=pinned)
    first = proven.head if isinstance(proven, ProvenPayout) else proven
    with session.client() as client:
        reply = client.consistency_proof(first.last_index, deadline=session.deadline_s)
    with _refusals("the history"):
        _, second = verify_growth(raw, reply, ca=pinned)
    _show(session, second)


@audit.command()
@click.argument("file", type=_FILE)
@_ca
@click.pass_obj
def verify(session: Session, file: Path, ca: Path | None) -> None:
    """Check FILE, a receipt or a tree head, without a cluster.

    Exit codes: 0 it proves what is shown, 1 it proves nothing, 2 it cannot be read.
    """
    pinned = _pinned(ca)
    with _refusals(str(file)):
        proven = verified(_content(file), ca=pinned)
    _show(session, proven)
    if pinned is None:
        _tell_of_ca(session)


@audit.command("export-log")
@click.option(
    "--from",
    "from_index",
    type=INDEX,
    metavar="INDEX",
    help="The first entry. Default: the first that the node asked still has.",
)
@click.option(
    "--to",
    "to_index",
    type=INDEX,
    metavar="INDEX",
    help="The last entry. Default: the newest.",
)
@click.option("-o", "--out", type=_NEW_FILE, required=True, help="A new file.")
@click.pass_obj
def export_log(
    session: Session, from_index: int | None, to_index: int | None, out: Path
) -> None:
    """Write the log to a file, entry by entry, with a signed tree head to check it by.

    Everything is checked before it is written. What was interrupted waits in FILE.part: the same
    command goes on with it, at any node. The role auditor or admin may ask. --deadline is that of
    each of its calls.
    """
    with _file_errors(out):
        if out.exists():
            raise FileExistsError(out)
        with session.client() as client:
            file = _begun(session, client, out, from_index, to_index)
            with file, _bar(session, "entries") as show:
                count = file.to_index - file.from_index + 1
                while file.next_index <= file.to_index:
                    part = client.export_log_part(
                        file.next_index, file.to_index, deadline=session.deadline_s
                    )
                    file.add(part.entries)
                    show(file.next_index - file.from_index, count)
                file.finish()
    _show_log(session, out, verify_log(out))


@audit.command("verify-log")
@click.argument("file", type=_FILE)
@_ca
@click.option(
    "--head",
    "known",
    type=_FILE,
    help="A head or a receipt kept from earlier: the log must have the same tree up to it.",
)
@click.pass_obj
def verify_log_file(
    session: Session, file: Path, ca: Path | None, known: Path | None
) -> None:
    """Check FILE, an export of the log, without a cluster: every entry, link, leaf and byte.

    Exit codes: 0 it is what a node signed, 1 it proves nothing, and where it fails, 2 it cannot be
    read.
    """
    pinned = _pinned(ca)
    expected: ProvenHead | None = None
    if known is not None:
        with _refusals(str(known)):
            found = verified(_content(known), ca=pinned)
        expected = found.head if isinstance(found, ProvenPayout) else found
    with _refusals(str(file)), _bar(session, "entries") as show:
        proven = verify_log(file, ca=pinned, known=expected, progress=show)
    _show_log(session, file, proven)
    if pinned is None:
        _tell_of_ca(session)


@audit.command()
@click.argument("index", type=INDEX, required=False)
@click.pass_obj
def digest(session: Session, index: int | None) -> None:
    """Show the apply digest after the entry at INDEX; after the newest one without it."""
    with session.client() as client:
        reply = client.digest_at(index, deadline=session.deadline_s)
    if session.output == "json":
        render.print_json(session, render.message(reply))
    else:
        session.console.print(f"{reply.index}  {reply.digest}", soft_wrap=True)


def _content(file: Path) -> bytes:
    return files.read_bytes(file, files.PROOF_BYTES_MAX)


def _pinned(ca: Path | None) -> bytes | None:
    """Return the CA's file, None without one; one that is none says nothing of the proof."""
    if ca is None:
        return None
    pem = files.read_bytes(ca, files.CONFIG_BYTES_MAX)
    try:
        authorities(pem)
    except ReceiptRefused as refused:
        raise Failed(f"{ca}: {refused}", Ended.USAGE) from refused
    return pem


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    """Let a proof that proves nothing end the command with exit code 1."""
    try:
        yield
    except (ReceiptRefused, LogRefused) as refused:
        raise Failed(f"NOT PROVEN, {what}: {refused}", Ended.REFUSED) from refused


def _begun(
    session: Session,
    client: Client,
    out: Path,
    from_index: int | None,
    to_index: int | None,
) -> LogFile:
    """Return the export to `out`: the one that was interrupted, or a new one."""
    part = part_of(out)
    try:
        with _refusals(str(part)):
            file = LogFile.resumed(out)
    except FileNotFoundError:
        pass
    else:
        found = file.from_index, file.to_index
        if (from_index or found[0], to_index or found[1]) != found:
            file.close()
            raise Failed(
                f"{part} is of entries {found[0]} .. {found[1]}; name these, or remove it",
                Ended.USAGE,
            )
        return file
    head = client.tree_head(to_index, deadline=session.deadline_s)
    with _refusals("the answer"):
        text = head_text(head)
        last_index = head.first_index + head.size - 1
        begun = client.export_log_part(
            from_index, last_index, deadline=session.deadline_s
        )
        file = LogFile.begun(
            out, from_index=begun.entries[0].index, start=begun.start, head=text
        )
        file.add(begun.entries)
    return file


@contextmanager
def _bar(session: Session, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far it has come on standard error, if that is a terminal."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=session.errors,
        disable=not session.errors.is_terminal,
        transient=True,
    ) as bars:
        task = bars.add_task(what, total=None)

        def show(done: int, count: int) -> None:
            bars.update(task, completed=done, total=count)

        yield show


@contextmanager
def _file_errors(out: Path) -> Iterator[None]:
    """Let what an export meets end the command, and say what is left of it."""
    if not out.name:
        raise Failed(f"expected a file to make, found {out}", Ended.USAGE)
    part = part_of(out)
    goes_on = f"what came is in {part}: the same command goes on with it"
    try:
        with _refusals(f"what came for {out}"):
            yield
    except FileExistsError:
        raise Failed(
            f"{out} exists already and is not overwritten", Ended.USAGE
        ) from None
    except BlockingIOError:
        raise Failed(
            f"{part} is being written by another process", Ended.USAGE
        ) from None
    except OSError as error:
        left = f"; {goes_on}" if part.exists() else ""
        raise Failed(f"{part}: {error.strerror}{left}", Ended.USAGE) from error
    except NotLogged as error:
        if part.exists():
            message = f"{error.message}; {goes_on}"
            raise NotLogged(error.reason, message, error.metadata) from error
        raise


def _show_log(session: Session, path: Path, log: ProvenLog) -> None:
    pairs = {
        "file": str(path),
        "entries": f"{log.from_index} .. {log.to_index}",
        "payload bytes": str(log.payload_bytes),
        "by the chain alone": str(log.chained_only),
        "last link": log.link.hex(),
    }
    _print(session, pairs | _head_pairs(log.head))


def _tell_of_ca(session: Session) -> None:
    if session.output == "table":
        session.errors.print(
            "the CA is the file's own: compare ca sha256 with the cluster's, or name it by --ca"
        )


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(text)
    except FileExistsError:
        raise Failed(
            f"{path} exists already and is not overwritten", Ended.USAGE
        ) from None
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}", Ended.USAGE) from error


def _show(session: Session, proven: ProvenPayout | ProvenHead) -> None:
    head = proven.head if isinstance(proven, ProvenPayout) else proven
    pairs: dict[str, str] = {}
    if isinstance(proven, ProvenPayout):
        pairs |= {
            "payout": proven.payout_id,
            "account": proven.account_id,
            "amount minor": f"{proven.amount_minor} {proven.currency}",
            "fee minor": f"{proven.fee_minor} {proven.currency}",
            "submitted by": proven.principal,
            "accepted at": _time(proven.accepted_at_us),
            "released at": _time(proven.release_at_us) if proven.release_at_us else "",
            "position": f"{proven.index}.{proven.ordinal}",
            "others shown": str(proven.others),
        }
    _print(session, pairs | _head_pairs(head))


def _head_pairs(head: ProvenHead) -> dict[str, str]:
    return {
        "cluster": head.cluster_id,
        "signed by": f"node {head.node_id}",
        "signed at": _time(head.signed_at_us),
        "tree": f"index {head.first_index} .. {head.last_index}",
        "root": head.root.hex(),
        "ca sha256": head.ca_sha256,
    }


def _print(session: Session, pairs: dict[str, str]) -> None:
    if session.output == "json":
        names = {name.replace(" ", "_"): value for name, value in pairs.items()}
        render.print_json(session, names)
    else:
        render.print_pairs(
            session, {name: text for name, text in pairs.items() if text}
        )


def _time(us: int) -> str:
    return f"{datetime.fromtimestamp(us / 1_000_000, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
