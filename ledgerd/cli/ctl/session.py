"""What every command of `ledgerctl` shares: the profile, the output, and how to fail."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, Literal

import click
from rich.console import Console

from ledgerd.client import Client, NotLogged, OutcomeUnknown, Profile
from ledgerd.errors import ConfigError

CONFIG_VARIABLE: Final = "LEDGERCTL_CONFIG"
Output = Literal["table", "json"]
_CLIENT_COLUMNS_MIN: Final = 80


class Ended(IntEnum):
    """How a command ended, for scripts."""

    DONE = 0
    REFUSED = 1  # the ledger refused, or the id was used for something else
    USAGE = 2
    NOT_LOGGED = 3  # certainly without effect
    UNKNOWN = 4  # may be committed: repeat with the same id
    CONFIG = 73
    INTERRUPTED = 130


class Failed(Exception):
    """A command ends with this line and this exit code."""

    def __init__(self, message: str, exit_code: int = Ended.REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


class Session:
    """One run of `ledgerctl`."""

    def __init__(
        self,
        config: Path | None = None,
        output: Output = "table",
        deadline_s: float | None = None,
    ) -> None:
        """Open nothing yet. `deadline_s` of each call; None takes the profile's."""
        self.config = config
        self.output: Output = output
        self.deadline_s = deadline_s
        # Piped tables are not cut at the width of a terminal that is not there.
        width = None if os.isatty(1) else 200
        # No markup: what others named, "[/x]" too, is shown as it is.
        self.console = Console(width=width, highlight=False, emoji=False, markup=False)
        self.errors = Console(stderr=True, highlight=False, emoji=False, markup=False)

    def profile(self) -> Profile:
        """Return the profile that --config or LEDGERCTL_CONFIG names.

        Errors: ConfigError, when neither does, or it cannot be used.
        """
        named = self.config or os.environ.get(CONFIG_VARIABLE)
        if not named:
            raise ConfigError(
                f"expected a profile, found neither --config nor {CONFIG_VARIABLE}; "
                f"after `ledgerd dev --dir D`: export {CONFIG_VARIABLE}=D/client.toml"
            )
        return Profile.load(named)

    def client(self) -> Client:
        """Return a client; use it in `with`."""
        return Client(self.profile())


class Seconds(click.FloatRange):
    """A length of time; nan and inf are none."""

    # Any: click's own signature.
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds that a text stands for."""
        seconds: float = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"expected a number of seconds, found {value}", param, ctx)
        return seconds


@contextmanager
def repeatable(option: str, command_id: str) -> Iterator[None]:
    """Let an error of a mutating call say how to repeat it safely."""
    try:
        yield
    except (NotLogged, OutcomeUnknown) as error:
        hint = f"{error.message}; repeat it safely with {option} {command_id}"
        raise type(error)(error.reason, hint, error.metadata) from error
    except KeyboardInterrupt:
        raise Failed(
            "interrupted before the answer came, so it may be committed; repeat it "
            f"safely with {option} {command_id}",
            Ended.UNKNOWN,
        ) from None
