"""What every command of `ledgerctl` shares: the profile, the output, and how to fail."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, Literal

import click
from rich.console import Console

from ledgerd.cli.ctl.moments import NUMBER_MAX
from ledgerd.client import Client, NotLogged, OutcomeUnknown, Profile, WriteConcern
from ledgerd.errors import ConfigError, Kind
from ledgerd.limits import STALE_AGE_MS_MAX

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


class _Console(Console):
    """A console whose reader may go away."""

    def on_broken_pipe(self) -> None:
        """End without a word, and not as if the ledger had refused."""
        try:
            super().on_broken_pipe()
        except SystemExit:
            raise SystemExit(Ended.UNKNOWN) from None


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
        self.concern = WriteConcern.QUORUM
        self.is_dry = False  # calls are judged and not made
        self.repeat_with = ""  # the option and the id of a call that was begun
        self.at_least: int | None = None
        self.max_age_s: float | None = None
        # Piped tables are not cut at the width of a terminal that is not there.
        width = None if os.isatty(1) else 200
        # No markup: what others named, "[/x]" too, is shown as it is.
        self.console = _Console(width=width, highlight=False, emoji=False, markup=False)
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
        return Client(self.profile(), dry_run=self.is_dry)


def write_option(command: click.Command) -> click.Command:
    """Let a command that writes take --write-concern."""

    def note(context: click.Context, _: click.Parameter, value: str) -> None:
        named = value.replace("-", "_")
        context.ensure_object(Session).concern = WriteConcern(named)

    option = click.Option(
        ["--write-concern"],
        type=click.Choice([each.value.replace("_", "-") for each in WriteConcern]),
        default=WriteConcern.QUORUM.value,
        show_default=True,
        expose_value=False,
        callback=note,
        help="How many copies there must be when it is answered. all-voters waits for every "
        "voter, and ends as unknown (4) with NOT_ON_ALL_VOTERS if one is missing.",
    )
    command.params.append(option)
    return command


def dry_option(command: click.Command) -> click.Command:
    """Let a command that writes take --dry-run."""

    def note(context: click.Context, _: click.Parameter, value: bool) -> None:
        context.ensure_object(Session).is_dry = value

    option = click.Option(
        ["--dry-run"],
        is_flag=True,
        expose_value=False,
        callback=note,
        help="Say what the answer would be now; nothing is written and no id is spent. Exit "
        "codes as without it.",
    )
    command.params.append(option)
    return command


def read_options(command: click.Command) -> click.Command:
    """Let a command that reads take --at-least or --max-age; else it is linearizable."""

    def note(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
        # Any: click's own signature.
        def set_it(context: click.Context, _: click.Parameter, value: Any) -> None:
            session = context.ensure_object(Session)
            setattr(session, name, value)
            if session.at_least is not None and session.max_age_s is not None:
                raise click.UsageError("expected --at-least or --max-age, found both")

        return set_it

    command.params += [
        click.Option(
            ["--at-least"],
            type=click.IntRange(0, NUMBER_MAX),
            metavar="INDEX",
            expose_value=False,
            callback=note("at_least"),
            help="Read on any node that has applied this log index. Default: linearizable.",
        ),
        click.Option(
            ["--max-age"],
            type=Seconds(0.001, STALE_AGE_MS_MAX / 1_000),
            metavar="SECONDS",
            expose_value=False,
            callback=note("max_age_s"),
            help="Read on any node whose state is at most this old.",
        ),
    ]
    return command


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
    """Let an error of a mutating call say how to repeat it safely.

    Not that of a request that has to be mended first: repeated, it is refused again.
    """
    context = click.get_current_context(silent=True)
    session = None if context is None else context.find_object(Session)
    if session is not None and not session.is_dry:
        session.repeat_with = f"{option} {command_id}"
    try:
        yield
    except (NotLogged, OutcomeUnknown) as error:
        if error.kind is Kind.INVALID:
            raise
        hint = f"{error.message}; repeat it safely with {option} {command_id}"
        raise type(error)(error.reason, hint, error.metadata) from error
    except KeyboardInterrupt:
        if session is not None and session.is_dry:
            raise  # nothing can have been written
        raise Failed(
            "interrupted before the answer came, so it may be committed; repeat it "
            f"safely with {option} {command_id}",
            Ended.UNKNOWN,
        ) from None
