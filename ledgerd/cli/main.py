"""`ledgerd`: run a node, make certificates, check a directory, run local and simulated clusters."""

import contextlib
import sys
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from ledgerd import __version__
from ledgerd.cli import interrupts, streams
from ledgerd.errors import (
    ConfigError,
    CorruptionError,
    ExitCode,
    LedgerdError,
    NoSpaceError,
    StorageError,
)

# Each is the command of that name in the module of that name.
_COMMANDS: Final = ("check", "dev", "pki", "rail", "recover", "run", "simulate")


class _Group(click.Group):
    """A command group whose errors are one line and a documented exit code, no traceback.

    A command is imported when it is asked for: making a certificate needs no node and no
    simulator, and takes a fifth of the time without them.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, sorted."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None if there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"ledgerd.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    # Any: click's own signature; the command is imported here.
    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        found = super().resolve_command(ctx, args)
        interrupts.raise_from_now_on()
        return found

    # Any: click's own signature.
    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except LedgerdError as error:
            _end(str(error), _exit_code_of(error))
        except OSError as error:
            if not streams.is_unwritten(error):
                raise
            _end(f"cannot write: {streams.why(error)}", ExitCode.STORAGE)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C ends it with a code of its own."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("error: interrupted", err=True)
            sys.exit(interrupts.INTERRUPTED)


def _end(message: str, exit_code: ExitCode) -> NoReturn:
    with contextlib.suppress(OSError):  # nobody can be told; the exit code stands
        click.echo(f"error: {message}", err=True)
    sys.exit(exit_code)


def _exit_code_of(error: LedgerdError) -> ExitCode:
    match error:
        case StorageError():
            return ExitCode.STORAGE
        case CorruptionError():
            return ExitCode.CORRUPTION
        case NoSpaceError():
            return ExitCode.NO_SPACE
        case ConfigError():
            return ExitCode.CONFIG
        case _:
            return ExitCode.USAGE


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ledgerd")
def cli() -> None:
    """A Raft-replicated payout ledger.

    Exit codes: 0 clean, 2 usage, 70 storage error, 71 corruption, 72 no space at start,
    73 configuration or certificate, 74 failed assertion, 130 interrupted.
    """
