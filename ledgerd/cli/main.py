"""`ledgerd`: run a node, make certificates, check a directory, run local and simulated clusters."""

import errno
import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from ledgerd import __version__
from ledgerd.cli import interrupts
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


# Of what is written, be it this command's own words.
_UNWRITTEN: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


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
        _open_closed()
        try:
            return super().main(*args, **kwargs)
        except LedgerdError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(_exit_code_of(error))
        except OSError as error:
            if error.errno not in _UNWRITTEN:
                raise
            click.echo(f"error: cannot write: {error.strerror}", err=True)
            sys.exit(ExitCode.STORAGE)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C ends it with a code of its own."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("error: interrupted", err=True)
            sys.exit(interrupts.INTERRUPTED)


def _open_closed() -> None:
    """Standard input, output and error that were closed lead nowhere.

    Else the next file that is opened, a store for example, would take the number of one of them,
    and get what a library writes there.
    """
    for number, name, mode in (
        (0, "stdin", "r"),
        (1, "stdout", "w"),
        (2, "stderr", "w"),
    ):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            assert opened == number, (opened, number)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 # stays open


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
