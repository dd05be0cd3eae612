"""`ledgerctl fees set`: replace the fee schedule."""

import re
from collections.abc import Sequence
from typing import Final

import click

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.account import request_option
from ledgerd.cli.ctl.session import Session, repeatable, write_option
from ledgerd.client import new_request_id
from ledgerd.limits import AMOUNT_MINOR_MAX

_FORM = "RAIL,CURRENCY,FIXED[,BPS[,MIN[,MAX]]]"
_FIELDS_MAX = 6
_NUMBER: Final = re.compile("[0-9]{1,20}")
_BPS_MAX: Final = 10_000  # the whole amount
# BPS, MIN and MAX where they are left out.
_LEFT_OUT: Final = (0, 0, AMOUNT_MINOR_MAX)


@click.group()
def fees() -> None:
    """What payouts cost."""


@write_option
@fees.command("set")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar=_FORM,
    help="Minor units; BPS are hundredths of a percent; without MAX there is no upper "
    "bound. Any number of rules; none: all is free.",
)
@click.option("--source", required=True, help="Where the figures come from.")
@request_option
@click.pass_obj
def fees_set(
    session: Session, *, rules: Sequence[str], source: str, request_id: str | None
) -> None:
    """Replace the whole schedule. A rail and currency without a rule cost nothing."""
    request_id = request_id or new_request_id()
    schedule = [_rule(text) for text in rules]
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.set_fees(
            schedule,
            source=source,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id", rules=str(len(schedule)))


def _rule(text: str) -> admin_pb2.FeeRule:
    """Return the rule that an argument describes."""
    rail, *fields = text.split(",")
    numbers = [field for field in fields[1:] if _NUMBER.fullmatch(field)]
    if not 3 <= len(fields) + 1 <= _FIELDS_MAX or len(numbers) < len(fields) - 1:
        raise click.UsageError(f"expected {_FORM} as --rule, found {text}")
    fixed, bps, least, most = (*map(int, numbers), *_LEFT_OUT[len(numbers) - 1 :])
    for name, value, largest in (
        ("FIXED", fixed, AMOUNT_MINOR_MAX),
        ("BPS", bps, _BPS_MAX),
        ("MIN", least, most),
        ("MAX", most, AMOUNT_MINOR_MAX),
    ):
        if value > largest:
            raise click.UsageError(
                f"expected {name} of 0 .. {largest} in --rule {text}, found {value}"
            )
    return admin_pb2.FeeRule(
        rail=rail,
        currency=fields[0],
        fixed_units=fixed,
        bps=bps,
        min_units=least,
        max_units=most,
    )
