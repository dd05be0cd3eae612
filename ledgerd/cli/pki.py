"""`ledgerd pki`: the certificates of a cluster, without any other tool."""

import json
import secrets
from pathlib import Path

import click

from ledgerd.cli.folders import Folder
from ledgerd.security.identity import Role
from ledgerd.security.pki import (
    CA_DAYS,
    LEAF_DAYS,
    CertificateFacts,
    create_ca,
    describe,
    issue_client,
    issue_node,
    issue_rail,
    issue_signer,
)
from ledgerd.security.tlsfiles import TlsFiles

_dir = click.option(
    "--dir",
    "folder",
    type=Folder(),
    required=True,
    help="Folder of the cluster's CA, ca.pem and ca.key.",
)
_out = click.option(
    "--out",
    type=Folder(),
    help="Folder for the new files and a copy of ca.pem; the CA's folder if not given.",
)


_leaf_days = click.option(
    "--days",
    default=LEAF_DAYS,
    show_default=True,
    help="Validity in days; it ends with the CA's at the latest.",
)


@click.group()
def pki() -> None:
    """Make and show the certificates of a cluster.

    One CA a cluster, one certificate a node, one a client with its roles. Running nodes
    read their files again when they change: renew a certificate by issuing it into another
    folder and moving the files over the old ones. No file is ever overwritten here.
    """


@pki.command()
@_dir
@click.option(
    "--cluster-id",
    help="Name of the cluster: a-z, 0-9 and -. A random one if not given.",
)
@click.option(
    "--days", default=CA_DAYS, show_default=True, help="Validity of the CA in days."
)
def init(folder: Path, cluster_id: str | None, days: int) -> None:
    """Make the CA of a new cluster. Keep its key off the nodes."""
    name = cluster_id or f"cluster-{secrets.token_hex(4)}"
    files = create_ca(folder, name, days=days)
    click.echo(f"cluster id   {name}\nCA           {files.certificate}")
    click.echo(f"CA's key     {files.key}  (secret; needed to issue, not to run)")


@pki.group()
def issue() -> None:
    """Issue a certificate."""


@issue.command()
@_dir
@click.option("--id", "node_id", type=int, required=True, help="Number of the node.")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    help="A further host name or IP address of the node; may be repeated.",
)
@_leaf_days
@_out
def node(
    folder: Path, node_id: int, hosts: tuple[str, ...], days: int, out: Path | None
) -> None:
    """Issue the certificate of a node."""
    _tell(issue_node(folder, node_id, hosts=hosts, days=days, out=out))


@issue.command()
@_dir
@click.option("--id", "node_id", type=int, required=True, help="Number of the node.")
@_leaf_days
@_out
def signer(folder: Path, node_id: int, days: int, out: Path | None) -> None:
    """Issue the key with which a node signs tree heads."""
    files = issue_signer(folder, node_id, days=days, out=out)
    click.echo(f"certificate  {files.certificate}\nkey          {files.key}  (secret)")


@issue.command()
@_dir
@click.option("--name", required=True, help="Who the client is; stands in every log.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What the client may do; may be repeated.",
)
@_leaf_days
@_out
def client(
    folder: Path, name: str, roles: tuple[str, ...], days: int, out: Path | None
) -> None:
    """Issue the certificate of a client."""
    _tell(
        issue_client(folder, name, {Role(role) for role in roles}, days=days, out=out)
    )


@issue.command()
@_dir
@click.option("--name", default="sandbox", show_default=True, help="Name of the rail.")
@_leaf_days
def rail(folder: Path, name: str, days: int) -> None:
    """Issue the certificate of a simulated rail; it may call nobody."""
    _tell(issue_rail(folder, name, days=days))


@pki.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Form of the result on standard output.",
)
def show(certificate: Path, output: str) -> None:
    """Show whom CERTIFICATE, a PEM file, names, and until when."""
    facts = _as_json(describe(certificate))
    if output == "json":
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        if shown not in (None, ""):
            click.echo(f"{name.replace('_', ' '):<12} {shown}")


def _tell(files: TlsFiles) -> None:
    click.echo(f"CA           {files.ca}\ncertificate  {files.certificate}")
    click.echo(f"key          {files.key}  (secret)")


def _as_json(facts: CertificateFacts) -> dict[str, str | int | list[str] | None]:
    return {
        "path": str(facts.path),
        "kind": facts.kind,
        "cluster_id": facts.cluster_id,
        "node_id": facts.node_id,
        "principal": facts.principal,
        "roles": list(facts.roles),
        "hosts": list(facts.hosts),
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": facts.serial,
        "not_before": f"{facts.not_before:%Y-%m-%dT%H:%M:%SZ}",
        "not_after": f"{facts.not_after:%Y-%m-%dT%H:%M:%SZ}",
        "sha256": facts.sha256,
    }
