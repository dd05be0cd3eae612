"""Versions of a setting on the command line: read from a file, completed, chosen, shown."""

import json
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import click
from google.protobuf.json_format import ParseDict, ParseError
from rich.table import Table

from ledgerd import files
from ledgerd.api.v1 import risk_pb2, settings_pb2
from ledgerd.cli.ctl import render
from ledgerd.errors import ConfigError, not_utf8

Version = TypeVar(
    "Version",
    risk_pb2.LimitSet,
    risk_pb2.RuleSet,
    settings_pb2.RoleSet,
    settings_pb2.CurrencySet,
)
FILE: Final = click.Path(path_type=Path, dir_okay=False)
SOURCE_HELP: Final = "Who decided it, or where it is written. Required without PATH."
FROM_HELP: Final = "Moment in UTC from which it holds. Default: at once."
MOMENTS: Final = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]
_SECOND_US: Final = 1_000_000


def expect_one(*given: bool) -> None:
    """Return if exactly one is true. Raises UsageError."""
    if sum(given) != 1:
        raise click.UsageError(
            f"expected one of PATH, options that say what holds, and --none, found {sum(given)}"
        )


def read(path: Path | None, version: Version) -> Version:
    """Fill a version from a file and return it. Raises ConfigError, naming what is wrong."""
    if path is None:
        return version
    try:
        text = files.read_text(path, files.SETTING_BYTES_MAX)
        is_json = path.suffix == ".json"
        document = json.loads(text) if is_json else tomllib.loads(text)
        if not isinstance(document, dict):
            raise ConfigError(f"{path}: expected an object, found {document!r:.40}")
        if not document:  # as of one whose writing failed: it would lift all that holds
            raise ConfigError(
                f"{path}: expected a version, found nothing; that nothing holds any more is "
                "said by --none"
            )
        # JSON can spell half a surrogate pair, at which protobuf fails without a word.
        json.dumps(document, ensure_ascii=False, default=str).encode()
        return ParseDict(document, version)
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{path}: expected characters of Unicode, found half a surrogate pair, "
            f"\\u{ord(error.object[error.start]):04x}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8, {not_utf8(error)}") from error
    except RecursionError as error:
        raise ConfigError(
            f"{path}: expected a version, found it nested too deep"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a file with a version, found: {error.strerror}"
        ) from error
    except (ValueError, ParseError) as error:
        raise ConfigError(f"{path}: {error}") from error


def complete(
    version: Version,
    source: str,
    effective_from: datetime | None,
) -> None:
    """Put what the options say over what the file says."""
    version.source = source or version.source
    if not version.source:
        raise click.UsageError("expected a source, in the file or as --source")
    if effective_from is not None:
        moment = effective_from.replace(tzinfo=UTC)
        version.effective_from_us = int(moment.timestamp()) * _SECOND_US


def chosen(
    versions: Sequence[Version], number: int | None, now_us: int
) -> Version | None:
    """Return the version of this number, or the one in force; None before the first.

    A version that was just set holds from the next entry on, which is what is asked for.
    """
    if number is None:
        past = [row for row in versions if row.effective_from_us <= now_us + 1]
        return max(
            past, key=lambda row: (row.effective_from_us, row.version), default=None
        )
    for row in versions:
        if row.version == number:
            return row
    raise click.UsageError(
        f"expected a version of 1 .. {len(versions)}, found {number}"
    )


def table(version: Version | None, *names: str) -> Table:
    """Return a table with these columns, empty yet, under what names the version."""
    if version is None:
        return render.table(*names, title="none in force")
    since = render.when(version.effective_from_us)
    return render.table(
        *names, title=f"version {version.version}, from {since}, {version.source}"
    )
