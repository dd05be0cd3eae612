"""`ledgerctl exceptions`: list, resolve."""

import click

from ledgerd.api.v1 import audit_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.account import request_option
from ledgerd.cli.ctl.moments import INDEX
from ledgerd.cli.ctl.session import Session, read_options, repeatable, write_option
from ledgerd.client import new_request_id

_WAYS = [name.lower() for name in audit_pb2.ExceptionResolution.keys()[1:]]


@click.group()
def exceptions() -> None:
    """Evidence of rails that contradicts what is known, until two people settle it."""


@read_options
@exceptions.command("list")
@click.option(
    "--all", "with_resolved", is_flag=True, help="Also those that are settled."
)
@click.option("--limit", type=click.IntRange(1, 1_000), default=100, show_default=True)
@click.pass_obj
def exceptions_list(session: Session, *, with_resolved: bool, limit: int) -> None:
    """List exceptions, oldest first."""
    with session.client() as client:
        reply = client.exceptions(
            with_resolved=with_resolved,
            page_size=limit,
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    table = render.table(
        "position", "cause", "payout", "told", "proposed", "settled by"
    )
    for row in reply.exceptions:
        cause = audit_pb2.PayoutException.Cause.Name(row.cause).lower()
        told = f"{row.told} {row.reference} of {row.rail} {row.rail_key}"
        proposed = ""
        if row.proposed:
            way = audit_pb2.ExceptionResolution.Name(row.proposed).lower()
            proposed = f"{way} by {row.proposed_by}"
        table.add_row(
            f"{row.index} {row.ordinal}",
            cause,
            row.payout_id,
            told,
            proposed,
            row.resolved_by,
        )
    session.console.print(render.fold(table))
    if reply.has_more:
        session.console.print("more: raise --limit", soft_wrap=True)


@write_option
@exceptions.command("resolve")
@click.argument("index", type=INDEX)
@click.argument("ordinal", type=click.IntRange(0, 65_535))
@click.option("--as", "way", type=click.Choice(_WAYS), required=True, help="How.")
@click.option("--reason", default="", help="Why; needed to dismiss.")
@request_option
@click.pass_obj
def exceptions_resolve(
    session: Session,
    *,
    index: int,
    ordinal: int,
    way: str,
    reason: str,
    request_id: str | None,
) -> None:
    """Name how an exception is settled; the second person to name the same settles it."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.resolve_exception(
            index,
            ordinal,
            resolution=way.upper(),
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(
        session, result, "request_id", state=result.payout_state.lower()
    )
