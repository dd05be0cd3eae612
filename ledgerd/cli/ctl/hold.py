"""`ledgerctl hold`: create, capture, release, get, list."""

import click

from ledgerd.api.v1 import accounts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.account import amount_option, currency_option, request_option
from ledgerd.cli.ctl.session import (
    Seconds,
    Session,
    dry_option,
    read_options,
    repeatable,
    write_option,
)
from ledgerd.client import new_hold_id, new_request_id
from ledgerd.limits import HOLD_TTL_US_MAX

STATES = [name.lower() for name in accounts_pb2.Hold.State.keys()[1:]]


@click.group()
def hold() -> None:
    """Money put aside for a time."""


@write_option
@dry_option
@hold.command("create")
@click.argument("account_id")
@amount_option
@currency_option
@click.option(
    "--ttl",
    type=Seconds(0.000_001, HOLD_TTL_US_MAX / 1_000_000),
    metavar="SECONDS",
    required=True,
    help="How long it can be captured, in log time.",
)
@click.option("--reference", default="", help="For the record.")
@click.option("--hold-id", help="Idempotency key, hold_...; a new one if left out.")
@click.pass_obj
def hold_create(
    session: Session,
    *,
    account_id: str,
    amount_minor: int,
    currency: str,
    ttl: float,
    reference: str,
    hold_id: str | None,
) -> None:
    """Put available money of ACCOUNT_ID aside."""
    hold_id = hold_id or new_hold_id()
    with session.client() as client, repeatable("--hold-id", hold_id):
        result = client.create_hold(
            account_id,
            amount_minor,
            currency,
            ttl=ttl,
            reference=reference,
            hold_id=hold_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "hold_id")


@write_option
@dry_option
@hold.command("capture")
@click.argument("hold_id")
@click.argument("to_account_id")
@amount_option
@currency_option
@click.option("--reference", default="", help="For the record.")
@request_option
@click.pass_obj
def hold_capture(
    session: Session,
    *,
    hold_id: str,
    to_account_id: str,
    amount_minor: int,
    currency: str,
    reference: str,
    request_id: str | None,
) -> None:
    """Give money of HOLD_ID to TO_ACCOUNT_ID, once; what is left comes back."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.capture_hold(
            hold_id,
            to_account_id,
            amount_minor,
            currency,
            reference=reference,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@write_option
@dry_option
@hold.command("release")
@click.argument("hold_id")
@click.option("--reason", default="", help="For the record.")
@request_option
@click.pass_obj
def hold_release(
    session: Session, *, hold_id: str, reason: str, request_id: str | None
) -> None:
    """Give all money of HOLD_ID back to its account."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.release_hold(
            hold_id,
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@read_options
@hold.command("get")
@click.argument("hold_id")
@click.pass_obj
def hold_get(session: Session, *, hold_id: str) -> None:
    """Show a hold."""
    with session.client() as client:
        reply = client.hold(
            hold_id,
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    found = reply.hold
    money = found.amount
    pairs = {
        "hold_id": found.hold_id,
        "account_id": found.account_id,
        "state": _state(found),
        "amount": render.amount(money.units, money.currency, money.exponent),
        "expires": render.when(found.expires_at_us),
        "reference": found.reference,
        "created": f"index {found.index}, {render.when(found.created_at_us)}",
    }
    if found.captured_to:
        captured = found.captured_units
        pairs["captured"] = (
            f"{render.amount(captured, money.currency, money.exponent)} "
            f"for {found.captured_to}"
        )
    pairs["read at"] = f"index {reply.header.applied_index}"
    render.print_pairs(session, pairs)


@read_options
@hold.command("list")
@click.option("--account-id", default="", help="Only holds of this account.")
@click.option("--state", type=click.Choice(STATES), help="Only holds in this state.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--cursor", default="", help="Where an earlier list ended.")
@click.pass_obj
def hold_list(
    session: Session, *, account_id: str, state: str | None, limit: int, cursor: str
) -> None:
    """List holds, oldest first."""
    found: list[accounts_pb2.Hold] = []
    with session.client() as client:
        while len(found) < limit:
            reply = client.holds(
                account_id=account_id,
                state=state or "",
                page_size=min(limit - len(found), 1_000),
                cursor=cursor,
                at_least=session.at_least,
                max_age=session.max_age_s,
                deadline=session.deadline_s,
            )
            found.extend(reply.holds)
            cursor = reply.next_cursor
            if not cursor:
                break
    if session.output == "json":
        holds = [render.message(one) for one in found]
        render.print_json(session, {"holds": holds, "next_cursor": cursor})
        return
    table = render.table("hold_id", "account_id", "state", "expires")
    table.add_column("amount", justify="right", no_wrap=True)
    for one in found:
        money = one.amount
        table.add_row(
            one.hold_id,
            one.account_id,
            _state(one),
            render.when(one.expires_at_us),
            render.amount(money.units, money.currency, money.exponent),
        )
    session.console.print(render.fold(table))
    if cursor:
        session.console.print(f"more: --cursor {cursor}", soft_wrap=True)


def _state(found: accounts_pb2.Hold) -> str:
    return accounts_pb2.Hold.State.Name(found.state).lower()
