"""`ledgerctl rail` and `ledgerctl calendar`: the rail catalogue."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import click

from ledgerd.api.v1 import rails_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.account import request_option
from ledgerd.cli.ctl.session import Session, read_options, repeatable, write_option
from ledgerd.client import new_request_id
from ledgerd.timetable import rail_file
from ledgerd.timetable.days import date_of

_SECOND_US: Final = 1_000_000
_HOUR_S: Final = 3_600
_YEAR: Final = click.IntRange(1970, 2199)  # from the first day that has a number


@click.group()
def rail() -> None:
    """The rails: what is known of each, and whether it is suspended."""


@read_options
@rail.command("list")
@click.pass_obj
def rail_list(session: Session) -> None:
    """Show the newest version of each rail, and what is suspended."""
    reply = _catalogue(session)
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    newest = {rail.number: rail for rail in reply.rails}
    suspended = {row.rail: row for row in reply.suspensions if row.suspended}
    table = render.table()
    for name in ("rail", "version", "from", "cut-offs", "calendar", "suspended"):
        table.add_column(name)
    for one in newest.values():
        why = suspended.pop(one.name, None)
        table.add_row(
            one.name,
            str(one.version),
            _moment(one.effective_from_us),
            " ".join(_cut_off(window) for window in one.windows) or "never closes",
            one.calendar,
            "" if why is None else (why.reason or "yes"),
        )
    for name, why in suspended.items():
        table.add_row(name, "", "", "", "", why.reason or "yes")
    session.console.print(table)


@read_options
@rail.command("show")
@click.argument("name")
@click.pass_obj
def rail_show(session: Session, *, name: str) -> None:
    """Show every version of the rail NAME, with the source of its values, as JSON."""
    reply = _catalogue(session)
    versions = [render.message(one) for one in reply.rails if one.name == name]
    if not versions:
        known = sorted({one.name for one in reply.rails})
        raise click.UsageError(
            f"expected a rail that is set ({', '.join(known) or 'none is'}), found {name}; "
            "`ledgerctl rail set` sets what ledgerd brings"
        )
    render.print_json(session, versions)


@write_option
@rail.command("set")
@click.argument("path", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--name", "names", multiple=True, help="Only this rail of the file.")
@request_option
@click.pass_obj
def rail_set(
    session: Session,
    *,
    path: Path | None,
    names: Sequence[str],
    request_id: str | None,
) -> None:
    """Set the rails of the TOML file PATH; without one, those that ledgerd brings."""
    # Here, for it is half a daemon, and every other command would wait for it too.
    from ledgerd.api.rails import rail_message

    rails = rail_file.seed() if path is None else rail_file.read(path)
    unknown = set(names) - {one.name for one in rails}
    if unknown:
        raise click.UsageError(
            f"expected names of rails in the file, found {', '.join(sorted(unknown))}"
        )
    chosen = [one for one in rails if not names or one.name in names]
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.set_catalogue(
            [rail_message(one) for one in chosen],
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id", rails=str(len(chosen)))


@write_option
@rail.command("suspend")
@click.argument("name")
@click.option("--reason", required=True, help="Why; everybody who asks sees it.")
@request_option
@click.pass_obj
def rail_suspend(
    session: Session, *, name: str, reason: str, request_id: str | None
) -> None:
    """Dispatch nothing by the rail NAME until it is resumed. Payouts wait."""
    _suspend(session, name, reason, request_id, suspended=True)


@write_option
@rail.command("resume")
@click.argument("name")
@click.option("--reason", default="", help="For the record.")
@request_option
@click.pass_obj
def rail_resume(
    session: Session, *, name: str, reason: str, request_id: str | None
) -> None:
    """Dispatch by the rail NAME again."""
    _suspend(session, name, reason, request_id, suspended=False)


def _suspend(
    session: Session, name: str, reason: str, request_id: str | None, *, suspended: bool
) -> None:
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.suspend_rail(
            name,
            suspended=suspended,
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@click.group()
def calendar() -> None:
    """The days on which rails are closed."""


@write_option
@calendar.command("amend")
@click.argument("name")
@click.option("--from-year", type=_YEAR, required=True, help="First year.")
@click.option("--to-year", type=_YEAR, required=True, help="Last year.")
@click.option(
    "--closed",
    multiple=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="A further closed day, by a notice; may be repeated.",
)
@click.option(
    "--open",
    "opened",
    multiple=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="A day that is open after all; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Only show the closed days.")
@request_option
@click.pass_obj
def calendar_amend(
    session: Session,
    *,
    name: str,
    from_year: int,
    to_year: int,
    closed: Sequence[datetime],
    opened: Sequence[datetime],
    dry_run: bool,
    request_id: str | None,
) -> None:
    """Replace the calendar NAME: fed, target or uk, with the days of whole years.

    Look through them first, with --dry-run: they come from the library holidays.
    """
    if from_year > to_year:
        raise click.UsageError(
            f"expected --to-year of {from_year} or later, as --from-year, found {to_year}"
        )
    try:
        # Only here: the library is an extra of the package.
        from ledgerd.timetable import closings
    except ImportError as error:
        raise click.UsageError(
            f"expected the extra calendars, found no {error.name}: install it: "
            "pip install 'ledgerd[calendars]'"
        ) from error
    from ledgerd.api.rails import calendar_message  # here, as in `rail set`

    try:
        made = closings.calendar(
            name,
            range(from_year, to_year + 1),
            also_closed=[moment.date() for moment in closed],
            also_open=[moment.date() for moment in opened],
            as_of=datetime.now(UTC).date().isoformat(),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if dry_run and session.output == "json":
        render.print_json(session, render.message(calendar_message(made)))
        return
    if dry_run:
        for day in made.closed_days:
            session.console.print(_day(date_of(day)))
        return
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.amend_calendar(
            calendar_message(made),
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(
        session, result, "request_id", closed_days=str(len(made.closed_days))
    )


def _catalogue(session: Session) -> rails_pb2.GetCatalogueReply:
    with session.client() as client:
        return client.catalogue(
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )


def _cut_off(window: rails_pb2.RailWindow) -> str:
    """Return the earliest of a window's cut-offs as the clock on the wall shows it."""
    names = ("operator_cut_off", "bank_cut_off", "own_cut_off")
    times = [getattr(window, name) for name in names if window.HasField(name)]
    earliest = min(times, key=lambda at: (at.days, at.second))
    return f"{earliest.second // _HOUR_S:02}:{earliest.second % _HOUR_S // 60:02}"


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // _SECOND_US, UTC).strftime(
        "%Y-%m-%d %H:%M:%S"
    )


def _day(day: date) -> str:
    return f"{day:%Y-%m-%d %a}"
