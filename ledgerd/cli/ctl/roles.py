"""`ledgerctl roles` and `ledgerctl currencies`: who may call what, and which money is taken."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from ledgerd.api.v1 import settings_pb2 as pb
from ledgerd.cli.ctl import render, versions
from ledgerd.cli.ctl.account import request_option
from ledgerd.cli.ctl.session import Session, read_options, repeatable, write_option
from ledgerd.client import new_request_id
from ledgerd.ledger.roles import RoleKind

_ROLES: Final = [kind.name.lower() for kind in RoleKind]
_expected_option = click.option(
    "--expected-version",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    help="Newest version seen, 0 for none; another one in the cluster refuses the call.",
)
_source_option = click.option("--source", default="", help=versions.SOURCE_HELP)
_from_option = click.option(
    "--effective-from",
    type=click.DateTime(versions.MOMENTS),
    help=versions.FROM_HELP,
)
_number_option = click.option(
    "--version", "number", type=int, help="Default: the one in force."
)


@click.group()
def roles() -> None:
    """Who may call what, whatever the certificates say."""


@write_option
@roles.command("set")
@click.argument("path", required=False, type=versions.FILE)
@click.option(
    "--grant",
    multiple=True,
    metavar="NAME=ROLE,...",
    help="All roles of a client; none behind the = takes all away. May be repeated.",
)
@click.option("--none", is_flag=True, help="No grant any more: certificates alone say.")
@_source_option
@_from_option
@_expected_option
@request_option
@click.pass_obj
def roles_set(
    session: Session,
    *,
    path: Path | None,
    grant: Sequence[str],
    none: bool,
    source: str,
    effective_from: datetime | None,
    expected_version: int | None,
    request_id: str | None,
) -> None:
    """Replace all grants by those of the TOML or JSON file PATH, or of the options.

    A client that no grant names has the roles of its certificate. You must be an admin afterwards
    too.
    """
    asked = [_grant(text) for text in grant]
    versions.expect_one(path is not None, bool(asked), none)
    version = versions.read(path, pb.RoleSet())
    version.grants.extend(asked)
    versions.complete(version, source, effective_from)
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.set_roles(
            version.grants,
            source=version.source,
            as_of=version.as_of,
            effective_from_us=version.effective_from_us,
            expected_version=expected_version,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id", grants=str(len(version.grants)))


@read_options
@roles.command("get")
@_number_option
@click.pass_obj
def roles_get(session: Session, *, number: int | None) -> None:
    """Show the grants; as JSON one version, which `roles set` reads."""
    with session.client() as client:
        reply = client.roles(
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    chosen = versions.chosen(reply.versions, number, reply.header.log_time_us)
    if session.output == "json":
        render.print_json(session, {} if chosen is None else render.message(chosen))
        return
    table = versions.table(chosen, "client", "roles")
    for grant in () if chosen is None else chosen.grants:
        names = [pb.Grant.Role.Name(role).lower() for role in grant.roles]
        table.add_row(grant.principal, ", ".join(names) or "none")
    session.console.print(table)


@click.group()
def currencies() -> None:
    """Which currencies are taken for new work."""


@write_option
@currencies.command("set")
@click.argument("path", required=False, type=versions.FILE)
@click.option(
    "--retired",
    multiple=True,
    metavar="CODE",
    help="Currency that is refused for new work; may be repeated.",
)
@click.option("--none", is_flag=True, help="No currency is retired.")
@_source_option
@_from_option
@_expected_option
@request_option
@click.pass_obj
def currencies_set(
    session: Session,
    *,
    path: Path | None,
    retired: Sequence[str],
    none: bool,
    source: str,
    effective_from: datetime | None,
    expected_version: int | None,
    request_id: str | None,
) -> None:
    """Replace the list of retired currencies by that of PATH (TOML or JSON), or of the options."""
    versions.expect_one(path is not None, bool(retired), none)
    version = versions.read(path, pb.CurrencySet())
    version.retired.extend(retired)
    versions.complete(version, source, effective_from)
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.set_currencies(
            version.retired,
            source=version.source,
            as_of=version.as_of,
            effective_from_us=version.effective_from_us,
            expected_version=expected_version,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(
        session, result, "request_id", retired=", ".join(sorted(version.retired))
    )


@read_options
@currencies.command("get")
@_number_option
@click.pass_obj
def currencies_get(session: Session, *, number: int | None) -> None:
    """Show the retired currencies; as JSON one version, which `currencies set` reads."""
    with session.client() as client:
        reply = client.currencies(
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    chosen = versions.chosen(reply.versions, number, reply.header.log_time_us)
    if chosen is None:
        chosen = pb.CurrencySet(
            source="ISO 4217 List One, 2026-01-01",
            retired=[row.code for row in reply.currencies if row.is_retired],
        )
    if session.output == "json":
        render.print_json(session, render.message(chosen))
        return
    table = versions.table(chosen if chosen.version else None, "currency", "decimals")
    if not chosen.version:
        table.title = f"none set; {chosen.source}"
    exponents = {row.code: row.exponent for row in reply.currencies}
    for code in chosen.retired:
        table.add_row(code, str(exponents.get(code, "")))
    session.console.print(table)


def _grant(text: str) -> pb.Grant:
    principal, found, names = text.partition("=")
    given = [name.strip().lower() for name in names.split(",") if name.strip()]
    unknown = [name for name in given if name not in _ROLES]
    if not found or unknown:
        wrong = unknown[0] if unknown else text
        raise click.BadParameter(
            f"expected NAME=ROLE,... with roles of {', '.join(_ROLES)}, found {wrong!r}",
            param_hint="--grant",
        )
    return pb.Grant(principal=principal, roles=[name.upper() for name in given])
