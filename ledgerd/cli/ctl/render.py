"""Answers for people and for programs.

For programs: JSON, with 64-bit integers as text, since many readers of JSON only have
doubles. For people: tables, with amounts in units of the currency.
"""

import json
from datetime import UTC, datetime
from typing import Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.box import SIMPLE
from rich.table import Table

from ledgerd.cli.ctl.session import Ended, Failed, Session
from ledgerd.client import CommandResult, Outcome, SubmitResult, describe

_TEXT_FIELDS: Final = frozenset({"fee_minor", "term", "index", "original_index"})


def message(value: Message) -> dict[str, object]:
    """Return a message of the API as JSON has it, empty fields included."""
    return MessageToDict(
        value,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )


def result(value: SubmitResult | CommandResult, id_name: str) -> dict[str, object]:
    """Return the log's answer as JSON has it."""
    fields: dict[str, object] = {}
    for name, field in value._asdict().items():
        key = id_name if name in ("id", "payout_id") else name
        if name in _TEXT_FIELDS or name.endswith("_us"):
            fields[key] = str(field)
        else:
            fields[key] = list(field) if isinstance(field, tuple) else field
    return fields


def print_json(session: Session, value: object, *, indent: int | None = 2) -> None:
    """Print one JSON document, never wrapped and never coloured.

    Where the output is not UTF-8, what is not ASCII is escaped, which JSON allows.
    """
    is_ascii = session.console.encoding != "utf-8"
    session.console.print(
        json.dumps(value, indent=indent, ensure_ascii=is_ascii),
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


def print_pairs(session: Session, pairs: dict[str, str]) -> None:
    """Print a small table of names and values."""
    table = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        table.add_row(name, value)
    session.console.print(table)


def print_result(
    session: Session,
    value: SubmitResult | CommandResult,
    id_name: str,
    **further: str,
) -> None:
    """Print the log's answer. Raises Failed when it is a refusal or a conflict."""
    if session.is_dry:
        _print_dry(session, value, id_name, **further)
        return
    if session.output == "json":
        print_json(session, result(value, id_name))
    elif value.accepted:
        pairs = {id_name: value[0], "outcome": value.outcome.lower(), **further}
        if value.outcome is Outcome.REPLAYED:
            pairs["first answer"] = (
                f"index {value.original_index}, {when(value.original_at_us)}"
            )
        pairs["position"] = f"index {value.index}, ordinal {value.ordinal}"
        pairs["log time"] = when(value.accepted_at_us)
        print_pairs(session, pairs)
    if not value.accepted:
        raise Failed(f"{describe(value)} ({id_name} {value[0]})", Ended.REFUSED)


def _print_dry(
    session: Session,
    value: SubmitResult | CommandResult,
    id_name: str,
    **further: str,
) -> None:
    """Print what the answer would be. Raises Failed as for the answer itself."""
    if session.output == "json":
        print_json(session, {**result(value, id_name), "dry_run": True})
    elif value.accepted:
        pairs = {
            "dry run": "nothing was written",
            id_name: value[0],
            "outcome": value.outcome.lower(),
            **further,
            "judged at": when(value.accepted_at_us),
        }
        print_pairs(session, pairs)
    if not value.accepted:
        code = value.refusal or ", ".join(value.differing_fields)
        raise Failed(
            f"dry run, nothing was written: {value.outcome.lower()}: {code}",
            Ended.REFUSED,
        )


def table(*names: str, title: str | None = None, show_footer: bool = False) -> Table:
    """Return an empty table with these columns, drawn with as little as tells them apart.

    Ruled columns take a tenth of a terminal of 80 columns, and then an id is folded, which nobody
    can copy any more.
    """
    return Table(
        *names,
        title=title,
        title_justify="left",
        show_footer=show_footer,
        box=SIMPLE,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),  # and what the box has between two columns
    )


def fold(table: Table) -> Table:
    """Return the table, which folds on a narrow terminal what is long, instead of cutting it.

    An id that is cut names nothing, and a sum that is cut is another sum. A column that is never
    wrapped takes its room from the others; where it has none left it is cut, and shows that.
    """
    for column in table.columns:
        if not column.no_wrap:  # without this it would be cut without a mark
            column.overflow = "fold"
    return table


def amount(units: int, currency: str, exponent: int) -> str:
    """Return minor units as people write them: -1234567, USD, 2 -> -12,345.67 USD."""
    whole, part = divmod(abs(units), 10**exponent)
    decimals = f".{part:0{exponent}d}" if exponent else ""
    return f"{'-' if units < 0 else ''}{whole:,}{decimals} {currency}"


def when(time_us: int) -> str:
    """Return log time, microseconds since 1970, for people; "" for none."""
    if time_us == 0:
        return ""
    try:
        moment = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    except (ValueError, OverflowError):  # behind the year 9999, which log time permits
        return f"{time_us} us"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{time_us % 1_000_000:06d}Z"
