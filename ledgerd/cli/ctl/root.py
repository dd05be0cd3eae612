"""The group `ledgerctl`, its common options, and its exit codes."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from ledgerd import __version__
from ledgerd.cli import interrupts, streams
from ledgerd.cli.ctl.account import account
from ledgerd.cli.ctl.audit import audit
from ledgerd.cli.ctl.books import trial_balance
from ledgerd.cli.ctl.cluster import cluster
from ledgerd.cli.ctl.events import events
from ledgerd.cli.ctl.exceptions import exceptions
from ledgerd.cli.ctl.export import export
from ledgerd.cli.ctl.fees import fees
from ledgerd.cli.ctl.hold import hold
from ledgerd.cli.ctl.payout import payout
from ledgerd.cli.ctl.rail import calendar, rail
from ledgerd.cli.ctl.risk import limits, rules
from ledgerd.cli.ctl.roles import currencies, roles
from ledgerd.cli.ctl.session import CONFIG_VARIABLE, Ended, Failed, Seconds, Session
from ledgerd.cli.ctl.statement import account_balance, account_statement
from ledgerd.cli.ctl.voucher import voucher
from ledgerd.client import NotLogged, OutcomeUnknown, Refused
from ledgerd.errors import CallError, ConfigError, LedgerdError, Reason


class _Group(click.Group):
    """A command group whose errors are one line and a documented exit code."""

    # Any: click's own signature.
    def main(self, *args: Any, **kwargs: Any) -> Any:
        given = args[0] if args else kwargs.get("args")
        try:
            _refuse_undecodable(sys.argv[1:] if given is None else given)
            return super().main(*args, **kwargs)
        except Failed as failure:
            _end(failure.message, failure.exit_code)
        except LedgerdError as error:
            _end(_line_of(error), _exit_code_of(error))
        except OSError as error:  # of help or version: commands look after their own
            if error.errno is None:
                raise
            _end(f"the answer cannot be written: {streams.why(error)}", Ended.USAGE)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; one whose answer cannot be written ends as unknown, not as refused."""
        interrupts.raise_from_now_on()
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Not click's own end, which is the code of a refusal.
            raise Failed("interrupted", Ended.INTERRUPTED) from None
        except BrokenPipeError:
            # What is left must not fail once more at the end of the process.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(Ended.UNKNOWN)
        except OSError as error:
            if error.errno is None:  # not of the system: a defect
                raise
            if error.filename is not None:  # a file of the caller's
                raise Failed(
                    f"{error.filename}: {error.strerror}", Ended.USAGE
                ) from error
            raise Failed(_unwritten(ctx, error), Ended.UNKNOWN) from error


def _unwritten(context: click.Context, error: OSError) -> str:
    """Return what is known of a command whose answer could not be written."""
    repeat_with = context.ensure_object(Session).repeat_with
    hint = f"; repeat it safely with {repeat_with}" if repeat_with else ""
    return f"the answer cannot be written: {streams.why(error)}{hint}"


def _refuse_undecodable(arguments: Sequence[str]) -> None:
    """Return if every argument is text. Raises Failed."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise Failed(
                f"expected arguments in UTF-8, found {argument!a}", Ended.USAGE
            ) from None


def _end(message: str, exit_code: int) -> None:
    try:
        click.echo(f"error: {' '.join(message.split())}", err=True)
    except OSError:
        pass  # nobody can be told; the exit code stands
    sys.exit(exit_code)


def _line_of(error: LedgerdError) -> str:
    """Return an error as one line: the code, then what was expected and found."""
    if isinstance(error, CallError):
        return f"{error.reason.value}: {error.message}"
    return str(error)


def _exit_code_of(error: LedgerdError) -> Ended:
    match error:
        case ConfigError():
            return Ended.CONFIG
        case Refused():
            return Ended.REFUSED
        case OutcomeUnknown():
            return Ended.UNKNOWN
        case NotLogged() if error.reason is Reason.NOT_FOUND:
            return Ended.REFUSED
        case _:
            return Ended.NOT_LOGGED


def _set(name: str) -> Callable[[click.Context, click.Parameter, object], None]:
    """Return a callback that notes a common option wherever it was written."""

    def note(context: click.Context, _: click.Parameter, value: object) -> None:
        if value is not None:
            setattr(context.ensure_object(Session), name, value)

    return note


def _common() -> list[click.Option]:
    """Return the options that the group and every command take, in either place."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=_set("config"),
            help=f"Client profile; else the environment's {CONFIG_VARIABLE}.",
        ),
        click.Option(
            ["--output"],
            type=click.Choice(["table", "json"]),
            expose_value=False,
            callback=_set("output"),
            help="For people or for programs. Default: table.",
        ),
        click.Option(
            ["--deadline"],
            type=Seconds(0.001),
            metavar="SECONDS",
            expose_value=False,
            callback=_set("deadline_s"),
            help="Time of a call with all its retries. Default: the profile's.",
        ),
    ]


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ledgerctl")
@click.pass_context
def cli(context: click.Context) -> None:
    """Accounts, payouts and the cluster.

    Exit codes: 0 done, 1 refused by the ledger (also: not found), 2 usage, 3 certainly
    not logged, 4 outcome unknown, or it could not be written: repeat with the same id, 65
    the payout file is refused, 73 configuration or certificate, 130 interrupted.
    """
    context.ensure_object(Session)


def _adopt(command: click.Command) -> None:
    """Give a command, or those in a group, the common options."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _adopt(inner)
    else:
        command.params.extend(_common())


account.add_command(account_balance)
account.add_command(account_statement)
_COMMANDS: Final = (
    account,
    hold,
    payout,
    exceptions,
    voucher,
    events,
    trial_balance,
    cluster,
    fees,
    rail,
    calendar,
    limits,
    rules,
    roles,
    currencies,
    audit,
    export,
)
for _command in _COMMANDS:
    cli.add_command(_command)
    _adopt(_command)
cli.params.extend(_common())
