"""`ledgerctl account balance` and `statement`: what an account has, had, and why."""

import csv
import io
from typing import Final

import click

from ledgerd.api.v1 import accounts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.moments import MOMENT, NOW, Moment
from ledgerd.cli.ctl.session import Session, read_options

_KINDS: Final = tuple(
    field.name.removesuffix("_units")
    for field in accounts_pb2.Balances.DESCRIPTOR.fields
)
_PAGE_LINES: Final = 1_000
_NOT_FINAL: Final = (
    "the log has not reached its end: later entries may still belong to it"
)

at_option = click.option(
    "--at",
    type=MOMENT,
    default=NOW,
    metavar="MOMENT",
    help="As it was after a log index, or at a time (2026-11-21T09:30, UTC). Default: now.",
)


@read_options
@click.command("balance")
@click.argument("account_id")
@at_option
@click.pass_obj
def account_balance(session: Session, *, account_id: str, at: Moment) -> None:
    """Show the balances of an account, now or at any moment of the past."""
    with session.client() as client:
        reply = client.balance(
            account_id,
            at_index=at.index,
            at_us=at.time_us,
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    pairs = {"account_id": reply.account_id}
    for kind, units in zip(_KINDS, _units(reply.balances), strict=True):
        pairs[kind] = render.amount(units, reply.currency, reply.exponent)
    pairs["as of"] = f"index {reply.as_of_index}, {reply.sequence} entries"
    if not reply.final:
        pairs["not final"] = _NOT_FINAL
    render.print_pairs(session, pairs)


@read_options
@click.command("statement")
@click.argument("account_id")
@click.option(
    "--from",
    "begin",
    type=MOMENT,
    default=NOW,
    metavar="MOMENT",
    help="First log index, or from when on. Default: the beginning.",
)
@click.option(
    "--to",
    "end",
    type=MOMENT,
    default=NOW,
    metavar="MOMENT",
    help="Log index or time before which it ends. Default: the last entry.",
)
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets, minor units.")
@click.pass_obj
def account_statement(
    session: Session, *, account_id: str, begin: Moment, end: Moment, as_csv: bool
) -> None:
    """Show what happened on an account, and its balances before and after.

    The closing balances of one statement are the opening ones of the next, if that begins
    where this one ends.
    """
    if as_csv and session.output == "json":
        raise click.UsageError("expected --csv or --output json, found both")
    whole = _whole(session, account_id, begin, end)
    if session.output == "json":
        render.print_json(session, render.message(whole))
    elif as_csv:
        click.echo(_csv(whole), nl=False)
    else:
        _print(session, whole)
    if not whole.final:
        session.errors.print(f"note: {_NOT_FINAL}", soft_wrap=True)


def _whole(
    session: Session, account_id: str, begin: Moment, end: Moment
) -> accounts_pb2.StatementReply:
    """Return a statement with the lines of all its pages."""
    whole: accounts_pb2.StatementReply | None = None
    cursor = ""
    with session.client() as client:
        while whole is None or cursor:
            reply = client.statement(
                account_id,
                from_index=begin.index,
                from_us=begin.time_us,
                to_index=end.index,
                to_us=end.time_us,
                page_size=_PAGE_LINES,
                cursor=cursor,
                at_least=session.at_least,
                max_age=session.max_age_s,
                deadline=session.deadline_s,
            )
            cursor = reply.next_cursor
            if whole is None:
                whole = reply
                whole.next_cursor = ""
            else:
                whole.lines.extend(reply.lines)
    return whole


def _print(session: Session, whole: accounts_pb2.StatementReply) -> None:
    def money(units: int) -> str:
        return render.amount(units, whole.currency, whole.exponent) if units else ""

    table = render.table(
        title=f"{whole.account_id}: log index {whole.from_index} .. {whole.to_index - 1}"
    )
    for column in ("log time", "what", "subject"):
        table.add_column(column)
    for column in ("available", "reserved", "available after"):
        table.add_column(column, justify="right")
    table.add_row("", "opening", "", "", "", _available(whole, whole.opening.balances))
    for line in whole.lines:
        table.add_row(
            render.when(line.at_us),
            line.reason,
            line.subject,
            money(line.change.available_units),
            money(line.change.reserved_units),
            _available(whole, line.after),
        )
    table.add_row("", "closing", "", "", "", _available(whole, whole.closing.balances))
    session.console.print(render.fold(table))


def _available(
    whole: accounts_pb2.StatementReply, balances: accounts_pb2.Balances
) -> str:
    return render.amount(balances.available_units, whole.currency, whole.exponent)


def _csv(whole: accounts_pb2.StatementReply) -> str:
    """Return one row a line, between a row of the opening and one of the closing balances."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        (
            *("sequence", "index", "ordinal", "n", "log_time", "value_date", "reason"),
            *("subject", "currency"),
            *(f"{kind}_change_minor" for kind in _KINDS),
            *(f"{kind}_after_minor" for kind in _KINDS),
        )
    )
    nothing = [""] * len(_KINDS)

    def edge(name: str, found: accounts_pb2.StatementBalance) -> None:
        start = [str(found.sequence), *[""] * 5, name, "", whole.currency]
        writer.writerow([*start, *nothing, *_units(found.balances)])

    edge("opening", whole.opening)
    for line in whole.lines:
        writer.writerow(
            (
                *(line.sequence, line.index, line.ordinal, line.n),
                *(render.when(line.at_us), line.value_date or "", line.reason),
                *(line.subject, whole.currency),
                *_units(line.change),
                *_units(line.after),
            )
        )
    edge("closing", whole.closing)
    return text.getvalue()


def _units(balances: accounts_pb2.Balances) -> list[int]:
    """Return the five balances in their order, minor units."""
    return [getattr(balances, f"{kind}_units") for kind in _KINDS]
