"""`ledgerctl payout quote` and `payout routes`: what a payout would cost, and when it arrives."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ledgerd.api.v1 import common_pb2, payouts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.account import amount_option, currency_option
from ledgerd.cli.ctl.moments import MOMENT, NOW, Moment
from ledgerd.cli.ctl.session import Session, read_options
from ledgerd.client import bic_account, iban, uk_account, us_account
from ledgerd.client.files.currencies import EXPONENTS

_C = TypeVar(
    "_C", bound=Callable[..., Any]
)  # Any: a command takes what its options say
_NAME = "payee"


def _options(command: _C) -> _C:
    """Let a command take the account, the amount, where it goes and by when."""
    for option in reversed(
        (
            click.option("--account", required=True, help="The account that pays."),
            amount_option,
            currency_option,
            click.option("--iban", "iban_number", help="Payee's IBAN."),
            click.option("--routing-number", help="Payee's bank, United States."),
            click.option("--sort-code", help="Payee's bank, United Kingdom."),
            click.option("--bic", help="Payee's bank, with --country."),
            click.option("--country", default="", help="Two letters, with --bic."),
            click.option(
                "--account-number",
                default="",
                help="If it is no IBAN; else 1 stands in.",
            ),
            click.option(
                "--needed-by",
                type=MOMENT,
                default=NOW,
                help="When the payee must have it, as in 2026-12-01T17:00.",
            ),
        )
    ):
        command = option(command)
    return command


@read_options
@click.command()
@_options
@click.option("--rail", required=True, help="For example sandbox, us_ach, eu_sct.")
@click.pass_obj
# Any: the options of `_options`, by name.
def quote(session: Session, /, *, rail: str, **wanted: Any) -> None:
    """Say what a payout costs by one rail, until when that binds, and when it arrives."""
    with session.client() as client:
        reply = client.quote(
            rail=rail,
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
            **_asked(wanted),
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    currency = wanted["currency"]
    route = reply.route
    pairs = {
        "rail": route.rail,
        "verdict": _verdict(route),
        "fee": render.amount(route.fee_units, currency, EXPONENTS[currency]),
        "cut-off": _cut_off(route),
        "arrives by": render.when(route.arrives_at_us) or route.times_unknown,
        "quote binds until": render.when(reply.valid_until_us),
        "to have it so": f"--fee-expected {route.fee_units} "
        f"--quoted-at-us {reply.quoted_at_us}",
    }
    render.print_pairs(session, pairs)
    session.console.print()
    table = render.table("asked", "answer", "value", "bound")
    for check in route.checks:
        is_counted = check.value or check.bound
        table.add_row(
            check.name,
            _answer(check),
            f"{check.value:,}" if is_counted else "",
            f"{check.bound:,}" if is_counted else "",
        )
    session.console.print(render.fold(table))


@read_options
@click.command()
@_options
@click.pass_obj
# Any: the options of `_options`, by name.
def routes(session: Session, /, **wanted: Any) -> None:
    """Show every rail: its fee, cut-off and arrival, or why it cannot be used."""
    with session.client() as client:
        reply = client.quote_routes(
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
            **_asked(wanted),
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    currency = wanted["currency"]
    table = render.table("rail", "verdict", "fee", "cut-off", "arrives by", "in time")
    for route in reply.routes:
        table.add_row(
            route.rail,
            _verdict(route),
            render.amount(route.fee_units, currency, EXPONENTS[currency]),
            _cut_off(route),
            render.when(route.arrives_at_us),
            "yes" if route.in_time else "no" if route.arrives_at_us else "",
        )
    session.console.print(render.fold(table))
    session.console.print(
        f"quotes bind until {render.when(reply.valid_until_us)}", highlight=False
    )


# Any: click's values in, keyword arguments of the client out.
def _asked(wanted: dict[str, Any]) -> dict[str, Any]:
    needed_by: Moment = wanted["needed_by"]
    if needed_by.index is not None:
        raise click.UsageError("expected a time as --needed-by, found an index")
    return {
        "account": wanted["account"],
        "amount": wanted["amount_minor"],
        "currency": wanted["currency"],
        "destination": _destination(wanted),
        "needed_by_us": needed_by.time_us or 0,
    }


def _destination(wanted: dict[str, Any]) -> payouts_pb2.Destination | None:
    number = wanted["account_number"] or "1"
    if wanted["iban_number"]:
        return iban(wanted["iban_number"], _NAME)
    if wanted["routing_number"]:
        return us_account(wanted["routing_number"], number, _NAME)
    if wanted["sort_code"]:
        return uk_account(wanted["sort_code"], number, _NAME)
    if wanted["bic"]:
        return bic_account(wanted["bic"], number, _NAME, country=wanted["country"])
    return None


def _verdict(route: payouts_pb2.Route) -> str:
    if route.refusal:
        return common_pb2.RefusalCode.Name(route.refusal)
    waits = "waits: rail suspended" if route.suspended else "usable"
    return f"{waits}, after review" if route.review else waits


def _answer(check: payouts_pb2.Check) -> str:
    if check.refusal:
        return common_pb2.RefusalCode.Name(check.refusal)
    return "review" if check.review else "yes"


def _cut_off(route: payouts_pb2.Route) -> str:
    if not route.cut_off_us:
        return "" if route.times_unknown else "never closes"
    return f"{render.when(route.cut_off_us)} ({route.cut_off_of})"
