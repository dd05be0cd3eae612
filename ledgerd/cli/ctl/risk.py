"""`ledgerctl limits` and `ledgerctl rules`: what bounds payouts, and what asks for a review."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from ledgerd.api.v1 import risk_pb2
from ledgerd.cli.ctl import render, versions
from ledgerd.cli.ctl.account import request_option
from ledgerd.cli.ctl.fingerprint import fingerprint
from ledgerd.cli.ctl.moments import NUMBER_MAX
from ledgerd.cli.ctl.session import Session, read_options, repeatable, write_option
from ledgerd.client import new_request_id

_DAY_S: Final = 86_400
_UNITS: Final = click.IntRange(0, NUMBER_MAX)


@click.group()
def limits() -> None:
    """How much may be paid out: each payout, and within windows of time."""


@write_option
@limits.command("set")
@click.argument("path", required=False, type=versions.FILE)
@click.option("--currency", help="Currency of the options below.")
@click.option("--per-payout", type=_UNITS, metavar="UNITS", help="Most of one payout.")
@click.option(
    "--account-day", type=_UNITS, metavar="UNITS", help="Most of one account in a day."
)
@click.option(
    "--destination-day", type=_UNITS, metavar="UNITS", help="Most to one destination."
)
@click.option("--total-day", type=_UNITS, metavar="UNITS", help="Most of all together.")
@click.option("--none", is_flag=True, help="No limit any more.")
@click.option("--source", default="", help=versions.SOURCE_HELP)
@click.option(
    "--effective-from", type=click.DateTime(versions.MOMENTS), help=versions.FROM_HELP
)
@request_option
@click.pass_obj
def limits_set(
    session: Session,
    *,
    path: Path | None,
    currency: str | None,
    per_payout: int | None,
    account_day: int | None,
    destination_day: int | None,
    total_day: int | None,
    none: bool,
    source: str,
    effective_from: datetime | None,
    request_id: str | None,
) -> None:
    """Replace all limits by those of the TOML or JSON file PATH, or of the options.

    Units are minor units.
    """
    bounds = {
        "PER_PAYOUT": per_payout,
        "ACCOUNT_WINDOW": account_day,
        "DESTINATION_WINDOW": destination_day,
        "TOTAL_WINDOW": total_day,
    }
    asked = [
        risk_pb2.Limit(
            kind=kind,
            currency=currency or "",
            window_s=0 if kind == "PER_PAYOUT" else _DAY_S,
            amount_units_max=units,
        )
        for kind, units in bounds.items()
        if units is not None
    ]
    if bool(asked) is not (currency is not None):
        raise click.UsageError(
            "expected --currency with a bound in it, found one without the other"
        )
    versions.expect_one(path is not None, bool(asked), none)
    version = versions.read(path, risk_pb2.LimitSet())
    version.limits.extend(asked)
    versions.complete(version, source, effective_from)
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.set_limits(
            version.limits,
            source=version.source,
            as_of=version.as_of,
            effective_from_us=version.effective_from_us,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id", limits=str(len(version.limits)))


@read_options
@limits.command("get")
@click.option("--version", "number", type=int, help="Default: the one in force.")
@click.pass_obj
def limits_get(session: Session, *, number: int | None) -> None:
    """Show the limits; as JSON one version, which `limits set` reads."""
    with session.client() as client:
        reply = client.limits(
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    chosen = versions.chosen(reply.versions, number, reply.header.log_time_us)
    if session.output == "json":
        render.print_json(session, {} if chosen is None else render.message(chosen))
        return
    table = versions.table(
        chosen, "limit", "currency", "of", "window", "amount", "count"
    )
    for limit in () if chosen is None else chosen.limits:
        table.add_row(
            risk_pb2.Limit.Kind.Name(limit.kind).lower(),
            limit.currency,
            limit.account_id or limit.rail,
            f"{limit.window_s} s" if limit.window_s else "",
            str(limit.amount_units_max) if limit.HasField("amount_units_max") else "",
            str(limit.count_max) if limit.HasField("count_max") else "",
        )
    session.console.print(table)


@click.group()
def rules() -> None:
    """Which payouts a person looks at, and which are refused: risk rules and block lists."""


rules.add_command(fingerprint)


@write_option
@rules.command("set")
@click.argument("path", required=False, type=versions.FILE)
@click.option("--currency", help="Currency of the two options below.")
@click.option(
    "--review-above", type=_UNITS, metavar="UNITS", help="More is reviewed by a person."
)
@click.option(
    "--first-above",
    type=_UNITS,
    metavar="UNITS",
    help="More is reviewed as long as nothing has settled at the destination.",
)
@click.option(
    "--block",
    multiple=True,
    metavar="FINGERPRINT",
    help="Destination to refuse, as payouts show it; may be repeated.",
)
@click.option("--none", is_flag=True, help="No rule any more.")
@click.option("--source", default="", help=versions.SOURCE_HELP)
@click.option(
    "--effective-from", type=click.DateTime(versions.MOMENTS), help=versions.FROM_HELP
)
@request_option
@click.pass_obj
def rules_set(
    session: Session,
    *,
    path: Path | None,
    currency: str | None,
    review_above: int | None,
    first_above: int | None,
    block: Sequence[str],
    none: bool,
    source: str,
    effective_from: datetime | None,
    request_id: str | None,
) -> None:
    """Replace all risk rules by those of the TOML or JSON file PATH, or of the options.

    Units are minor units.
    """
    amounts = {"AMOUNT": review_above, "FIRST_DESTINATION": first_above}
    asked = [
        risk_pb2.RiskRule(
            name=kind.lower(),
            kind=kind,
            action=risk_pb2.RiskRule.REVIEW,
            currency=currency or "",
            amount_units=units,
        )
        for kind, units in amounts.items()
        if units is not None
    ]
    if bool(asked) is not (currency is not None):
        raise click.UsageError(
            "expected --currency with --review-above or --first-above, found one without "
            "the other"
        )
    if block:
        asked.append(
            risk_pb2.RiskRule(
                name="blocked",
                kind=risk_pb2.RiskRule.BLOCKED_DESTINATION,
                action=risk_pb2.RiskRule.REFUSE,
                destination_fingerprints=block,
            )
        )
    versions.expect_one(path is not None, bool(asked), none)
    version = versions.read(path, risk_pb2.RuleSet())
    version.rules.extend(asked)
    versions.complete(version, source, effective_from)
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.set_rules(
            version.rules,
            source=version.source,
            as_of=version.as_of,
            effective_from_us=version.effective_from_us,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id", rules=str(len(version.rules)))


@read_options
@rules.command("get")
@click.option("--version", "number", type=int, help="Default: the one in force.")
@click.pass_obj
def rules_get(session: Session, *, number: int | None) -> None:
    """Show the risk rules, in order; as JSON one version, which `rules set` reads."""
    with session.client() as client:
        reply = client.rules(
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    chosen = versions.chosen(reply.versions, number, reply.header.log_time_us)
    if session.output == "json":
        render.print_json(session, {} if chosen is None else render.message(chosen))
        return
    table = versions.table(chosen, "rule", "asks for", "says", "above", "age", "listed")
    for rule in () if chosen is None else chosen.rules:
        listed = len(rule.destination_fingerprints) + len(rule.banks)
        table.add_row(
            rule.name,
            risk_pb2.RiskRule.Kind.Name(rule.kind).lower(),
            risk_pb2.RiskRule.Action.Name(rule.action).lower(),
            f"{rule.amount_units} {rule.currency}" if rule.currency else "",
            f"{rule.age_s} s" if rule.age_s else "",
            str(listed) if listed else "",
        )
    session.console.print(table)
