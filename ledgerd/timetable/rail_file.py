"""Rails as a file that people write and look through: TOML in, records of the catalogue out.

`seed.toml` beside this module is the catalogue that ledgerd brings. Every mistake is told with the
rail and the field that it is in; nothing is skipped.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Final

from ledgerd import files
from ledgerd.errors import ConfigError, not_utf8
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.rails import (
    CutOff,
    Fact,
    Layer,
    RailRecord,
    WallTime,
    Window,
    is_well_formed,
)

SEED: Final = Path(__file__).with_name("seed.toml")
# Names of the public enum, in the order of its numbers from 1.
_KINDS: Final = ("IBAN", "US_ACCOUNT", "UK_ACCOUNT", "BIC_ACCOUNT")
_TIME: Final = re.compile(r"(?:([+-]\d{1,2}) )?(\d{2}):(\d{2})")
_LAYERS: Final = {layer.name.lower(): layer for layer in Layer}
_WINDOW: Final = frozenset({"opens", "value_days", "arrives", *_LAYERS})
_FACT: Final = frozenset({"field", "source", "as_of", "effective_from", "unconfirmed"})
_DEFAULTS: Final[dict[str, object]] = {
    "version": 0,
    "effective_from_us": 0,
    "currencies": (),
    "countries": (),
    "calendar": "",
    "zone": "",
    "windows": (),
    "arrives_within_s": 0,
    "amount_minor_min": 1,
    "destination_kinds": (),
    "reference_charset": "",
    "is_irrevocable": False,
    "return_days": 0,
    "recall_days": 0,
    "guarantee_s": 0,
    "is_prefunded": False,
    "absorbs": False,
    "statuses": (),
    "facts": (),
}
# What the log sets, and nobody writes.
_NOT_WRITTEN: Final = frozenset({"version", "effective_from_us"})


@cache
def seed() -> tuple[RailRecord, ...]:
    """Return the rails that ledgerd brings, by number. The versions are 0: not in any log."""
    return read(SEED)


def read(path: Path) -> tuple[RailRecord, ...]:
    """Return the rails of a file, by number. Raises ConfigError, naming what is wrong."""
    try:
        document = tomllib.loads(files.read_text(path, files.SETTING_BYTES_MAX))
    except OSError as error:
        raise ConfigError(
            f"expected a file with rails, found {path}: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected TOML in UTF-8, {not_utf8(error)}"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8, found: {error}") from error
    tables = document.pop("rail", [])
    if document or not isinstance(tables, list) or not tables:
        raise ConfigError(
            f"{path}: expected one [[rail]] or more and nothing else, found "
            f"{', '.join(document) or 'none'}"
        )
    rails = tuple(sorted((_rail(path, table) for table in tables), key=_number))
    numbers = [rail.number for rail in rails]
    names = [rail.name for rail in rails]
    if len(set(numbers)) < len(rails) or len(set(names)) < len(rails):
        raise ConfigError(f"{path}: expected each number and name once, found {names}")
    return rails


def _number(rail: RailRecord) -> int:
    return rail.number


def _rail(path: Path, table: Mapping[str, object]) -> RailRecord:
    name = table.get("name", "without a name")
    try:
        values = {
            field.name: _value(field.name, table)
            for field in fields(RailRecord)
            if field.name in table or field.name not in _DEFAULTS
        }
        unknown = sorted(
            (set(table) - set(values)) | (set(table) & _NOT_WRITTEN),
        )
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}")
        # Any: each value was read by the rule of its field.
        record = RailRecord(**{**_DEFAULTS, **values})  # type: ignore[arg-type]
        if not is_well_formed(record):
            raise ValueError(
                "a number is out of its range, or windows, calendar and zone are not "
                "all there or all left out"
            )
    except (KeyError, TypeError, ValueError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{path}, rail {name}: {why}") from error
    return record


def _value(name: str, table: Mapping[str, object]) -> object:
    found = table[name]
    match name:
        case "currencies":
            return tuple(currency_number(str(code)) for code in _list(name, found))
        case "countries":
            return tuple(map(str, _list(name, found)))
        case "destination_kinds":
            return tuple(_kind(str(kind)) for kind in _list(name, found))
        case "windows":
            return tuple(_window(_table(name, item)) for item in _list(name, found))
        case "facts":
            return tuple(_fact(_table(name, item)) for item in _list(name, found))
        case "statuses":
            return tuple(sorted((k, str(v)) for k, v in _table(name, found).items()))
        case _:
            return _plain(name, found)


def _plain(name: str, found: object) -> object:
    """Return a text, a number or a flag, if it is what the field holds."""
    expected = next(f.type for f in fields(RailRecord) if f.name == name)
    kind = {"int": int, "str": str, "bool": bool, int: int, str: str, bool: bool}[
        expected  # only the plain fields come here
    ]
    if type(found) is not kind:
        raise ValueError(f"{name}: expected {kind.__name__}, found {found!r}")
    return found


def _window(table: Mapping[str, object]) -> Window:
    _refuse_unknown("windows", table, _WINDOW)
    arrives = _time("arrives", table)
    if arrives.days:
        raise ValueError("windows: arrives is a time of the value day")
    value_days = table["value_days"]
    if type(value_days) is not int:
        raise ValueError(f"windows: expected a number of days, found {value_days!r}")
    return Window(
        opens=_time("opens", table),
        cut_offs=tuple(
            CutOff(layer, _time(name, table))
            for name, layer in _LAYERS.items()
            if name in table
        ),
        value_days=value_days,
        arrives_second=arrives.second,
    )


def _fact(table: Mapping[str, object]) -> Fact:
    _refuse_unknown("facts", table, _FACT)
    return Fact(
        str(table["field"]),
        str(table["source"]),
        str(table.get("as_of", "")),
        str(table.get("effective_from", "")),
        bool(table.get("unconfirmed", False)),
    )


def _time(name: str, table: Mapping[str, object]) -> WallTime:
    found = _TIME.fullmatch(str(table[name]))
    if found is None or int(found[2]) > 23 or int(found[3]) > 59:
        raise ValueError(
            f'windows: expected a time such as 17:30 or "-1 21:00" as {name}, found '
            f"{table[name]!r}"
        )
    return WallTime(int(found[1] or 0), int(found[2]) * 3600 + int(found[3]) * 60)


def _kind(name: str) -> int:
    if name not in _KINDS:
        raise ValueError(f"destination_kinds: expected {_KINDS}, found {name}")
    return _KINDS.index(name) + 1


def _list(name: str, found: object) -> Sequence[object]:
    if not isinstance(found, list):
        raise ValueError(f"{name}: expected a list, found {found!r}")
    return found


def _table(name: str, found: object) -> Mapping[str, object]:
    if not isinstance(found, dict):
        raise ValueError(f"{name}: expected a table, found {found!r}")
    return found


def _refuse_unknown(
    name: str, table: Mapping[str, object], known: frozenset[str]
) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(f"{name}: unknown: {', '.join(unknown)}")
