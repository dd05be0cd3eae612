"""`ledgerctl audit`: tree heads and receipts, and checking them without a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.moments import INDEX
from ledgerd.cli.ctl.session import Ended, Failed, Session
from ledgerd.client.receipts import (
    ProvenHead,
    ProvenPayout,
    ReceiptRefused,
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
    help="The cluster's CA, PEM, known from elsewhere: no other one will do. "
    "Default: the CA in the file, whose fingerprint is shown.",
)


@click.group()
def audit() -> None:
    """Prove what the ledger accepted, and check such proofs.

    A tree head is a signed root over everything that was applied. A receipt proves with it that
    a payout was accepted, offline and for ever.
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
    raw = file.read_bytes()
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
        proven = verified(file.read_bytes(), ca=pinned)
    _show(session, proven)
    if pinned is None and session.output == "table":
        session.errors.print(
            "the CA is the file's own: compare ca sha256 with the cluster's, or name it by --ca"
        )


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


def _pinned(ca: Path | None) -> bytes | None:
    return None if ca is None else ca.read_bytes()


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    """Let a proof that proves nothing end the command with exit code 1."""
    try:
        yield
    except ReceiptRefused as refused:
        raise Failed(f"NOT PROVEN, {what}: {refused}", Ended.REFUSED) from refused


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
    pairs |= {
        "cluster": head.cluster_id,
        "signed by": f"node {head.node_id}",
        "signed at": _time(head.signed_at_us),
        "tree": f"index {head.first_index} .. {head.last_index}",
        "root": head.root.hex(),
        "ca sha256": head.ca_sha256,
    }
    if session.output == "json":
        names = {name.replace(" ", "_"): value for name, value in pairs.items()}
        render.print_json(session, names)
    else:
        render.print_pairs(
            session, {name: text for name, text in pairs.items() if text}
        )


def _time(us: int) -> str:
    return f"{datetime.fromtimestamp(us / 1_000_000, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
