"""`ledgerctl fees`: replace the fee schedule, and show what is set."""

import re
from collections.abc import Sequence
from typing import Final

import click

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.account import request_option
from ledgerd.cli.ctl.moments import MOMENT, NOW, Moment
from ledgerd.cli.ctl.session import (
    Session,
    read_options,
    repeatable,
    write_option,
)
from ledgerd.client import new_request_id
from ledgerd.limits import AMOUNT_MINOR_MAX, QUOTE_VALID_US_MAX

_FORM = "[CLASS:]RAIL,CURRENCY,FIXED[,BPS[,MIN[,MAX]]]"
_FIELDS_MAX = 6
_REFUNDS: Final = {
    None: admin_pb2.FEE_REFUND_UNSPECIFIED,
    "never": admin_pb2.REFUND_NEVER,
    "when-all-returned": admin_pb2.REFUND_WHEN_ALL_RETURNED,
}
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
@click.option(
    "--refund",
    type=click.Choice(["never", "when-all-returned"]),
    help="What becomes of the fee when the whole amount came back; left out: as the rail does it.",
)
@click.option("--source", required=True, help="Where the figures come from.")
@click.option("--as-of", default="", help="Day of the source.")
@click.option(
    "--effective-from",
    type=MOMENT,
    default=NOW,
    help="A time from which they hold, as in 2026-12-01T00:00; left out: at once.",
)
@click.option(
    "--quote-valid",
    "quote_valid_s",
    type=click.IntRange(0, QUOTE_VALID_US_MAX // 1_000_000),
    default=0,
    help="Seconds that a quote binds; 0: 15 minutes.",
)
@request_option
@click.pass_obj
def fees_set(
    session: Session,
    *,
    rules: Sequence[str],
    refund: str | None,
    source: str,
    as_of: str,
    effective_from: Moment,
    quote_valid_s: int,
    request_id: str | None,
) -> None:
    """Replace the whole schedule. A rail and currency without a rule cost nothing.

    A rule with a CLASS is for the accounts of that class, one without for all others.
    """
    if effective_from.index is not None:
        raise click.UsageError("expected a time as --effective-from, found an index")
    request_id = request_id or new_request_id()
    schedule = [_rule(text, _REFUNDS[refund]) for text in rules]
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.set_fees(
            schedule,
            source=source,
            as_of=as_of,
            effective_from_us=max(effective_from.time_us or 0, 0),
            quote_valid_s=quote_valid_s,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id", rules=str(len(schedule)))


@read_options
@fees.command("get")
@click.option("--all", "is_all", is_flag=True, help="Past and future versions, too.")
@click.pass_obj
def fees_get(session: Session, *, is_all: bool) -> None:
    """Show the schedule in force, or all versions."""
    with session.client() as client:
        reply = client.fees(
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    for schedule in reply.schedules:
        is_in_force = schedule.version == reply.version_in_force
        if is_all or is_in_force:
            _show(session, schedule, is_in_force)
    if not reply.version_in_force:
        session.console.print("no schedule is in force: all is free")


def _show(session: Session, schedule: admin_pb2.FeeSchedule, is_in_force: bool) -> None:
    pairs = {
        "version": f"{schedule.version}{', in force' if is_in_force else ''}",
        "from": render.when(schedule.effective_from_us),
        "source": " ".join(filter(None, (schedule.source, schedule.as_of))),
        "quotes bind": f"{schedule.quote_valid_s} s",
    }
    render.print_pairs(session, pairs)
    session.console.print()
    table = render.table(
        "rail", "currency", "class", "fixed", "bps", "min", "max", "refund"
    )
    for rule in schedule.rules:
        is_bounded = rule.max_units < AMOUNT_MINOR_MAX
        refund = admin_pb2.FeeRefund.Name(rule.refund) if rule.refund else ""
        table.add_row(
            rule.rail,
            rule.currency,
            rule.account_class,
            f"{rule.fixed_units:,}",
            f"{rule.bps:,}",
            f"{rule.min_units:,}",
            f"{rule.max_units:,}" if is_bounded else "",
            refund.removeprefix("REFUND_").lower().replace("_", " "),
        )
    session.console.print(table)


def _rule(text: str, refund: admin_pb2.FeeRefund) -> admin_pb2.FeeRule:
    """Return the rule that an argument describes."""
    account_class, colon, rest = text.partition(":")
    rail, *fields = (rest if colon else text).split(",")
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
        account_class=account_class if colon else "",
        refund=refund,
    )
