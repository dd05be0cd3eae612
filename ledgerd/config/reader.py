"""Reads the tables of a file into sections, and says all that is wrong with their options."""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Final, TypeVar

from ledgerd import files
from ledgerd.config.options import Option, allowed, gist
from ledgerd.config.sections import (
    MEMBERS,
    SECTIONS,
    Declared,
    Member,
    Sections,
    options_of,
)
from ledgerd.errors import ConfigError, not_utf8

EXAMPLE_HINT: Final = "configs/ledgerd.toml is an example"

_Section = TypeVar("_Section")


class Reader:
    """Reads tables into sections and collects what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.problems: list[str] = []

    def sections(self, tables: Mapping[str, object]) -> Sections:
        """Return all sections; those at fault hold placeholders, see `problems`."""
        self._refuse_unknown(tables, SECTIONS, "")
        return Sections(
            **{
                name: self._section(section, tables.get(name, {}), name)
                for name, section in SECTIONS.items()
            }
        )

    def _section(self, section: type[_Section], table: object, where: str) -> _Section:
        if not isinstance(table, dict):
            self.problems.append(f"{where}: expected a table, found {_found(table)}")
            table = {}
        declared = list(options_of(section))
        self._refuse_unknown(table, [option.name for option in declared], where)
        values = {
            option.name: self._value(option, table, f"{where}.{option.name}")
            for option in declared
        }
        return section(**values)

    def _value(self, option: Declared, table: dict[str, object], where: str) -> object:
        if option.name not in table:
            if option.default is MISSING:
                self.problems.append(f"{where}: missing ({gist(option.option)})")
            return option.default
        found = table[option.name]
        if option.path == MEMBERS:
            return self._members(found, where)
        try:
            return _checked(option, found, self._folder)
        except ValueError as error:
            self.problems.append(f"{where}: {error}")
            return option.default

    def _members(self, found: object, where: str) -> tuple[Member, ...]:
        if not isinstance(found, list) or not found:
            self.problems.append(
                f"{where}: expected one [[{where}]] or more, found {_found(found)}"
            )
            return ()
        return tuple(
            self._section(Member, table, f"{where}[{number}]")
            for number, table in enumerate(found, start=1)
        )

    def _refuse_unknown(
        self,
        table: Mapping[str, object],
        known: Sequence[str] | Mapping[str, type],
        where: str,
    ) -> None:
        prefix = f"{where}." if where else ""
        for name in table:
            if name in known:
                continue
            nearest = _nearest(name, where, list(known))
            self.problems.append(
                f"{prefix}{name}: unknown; the nearest valid option is {nearest}"
            )


def parse(path: Path) -> dict[str, object]:
    """Return the tables of a file. Raises ConfigError that says what was found instead."""
    try:
        return tomllib.loads(files.read_text(path, files.CONFIG_BYTES_MAX))
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a readable configuration, found: {error.strerror}; "
            f"{EXAMPLE_HINT}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected TOML in UTF-8, {not_utf8(error)}"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8, found: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: expected TOML, found it nested too deep") from error


def _checked(option: Declared, found: object, folder: Path) -> object:
    """Return the value of an option. Raises ValueError that says expected and found."""
    if option.kind is bool:
        if isinstance(found, bool):
            return found
        raise ValueError(f"expected true or false, found {_found(found)}")
    if option.kind is int:
        return _checked_number(option.option, found)
    if not isinstance(found, str):
        raise ValueError(f"expected a text, found {_found(found)}")
    if option.kind is str:
        return _checked_text(option.option, found)
    if not found or "\0" in found:
        raise ValueError(f"expected a path, found {json.dumps(found)}")
    return folder / found


def _checked_number(option: Option, found: object) -> int:
    expected = f"expected {allowed(option)}" + (
        f" {option.unit}" if option.unit else ""
    )
    if not isinstance(found, int) or isinstance(found, bool):
        raise ValueError(f"{expected}, found {_found(found)}")
    assert option.first is not None, option
    assert option.last is not None, option
    if not option.first <= found <= option.last:
        raise ValueError(f"{expected}, found {found}")
    return found


def _checked_text(option: Option, found: str) -> str:
    if option.choices and found not in option.choices:
        raise ValueError(f"expected {allowed(option)}, found {found!r}")
    return found


def _nearest(name: str, where: str, known: list[str]) -> str:
    """Return the valid option that was probably meant, in its own section if it can be."""
    prefix = f"{where}." if where else ""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return prefix + close[0]
    everywhere = {
        option.name: option.path
        for kind in SECTIONS.values()
        for option in options_of(kind)
    }
    elsewhere = difflib.get_close_matches(name, everywhere, n=1)
    if elsewhere:
        return everywhere[elsewhere[0]]
    anything = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return prefix + anything[0]


def _found(value: object) -> str:
    return (
        f"{type(value).__name__} {value!r}"
        if not isinstance(value, dict)
        else "a table"
    )
