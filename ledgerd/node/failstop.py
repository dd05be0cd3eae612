"""The one way a node dies on purpose (architecture.md 9): a stopped node is safe, a wrong one not.

No drain, no atexit, no cleanup: what is in memory is no longer trusted. The log decides at the
next start what is true.
"""

import asyncio
import os
import sys
import threading
import traceback
from typing import Any, NoReturn

from ledgerd.errors import (
    ConfigError,
    CorruptionError,
    ExitCode,
    NoSpaceError,
    StorageError,
)


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the documented exit code for what stopped a node."""
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
            return ExitCode.ASSERTION


def fail_stop(error: BaseException, *, where: str) -> NoReturn:
    """End the process at once with the exit code of `error`, saying what and where on stderr."""
    code = exit_code_of(error)
    lines = [
        f"ledgerd stops: {where}: {type(error).__name__}: {error} (exit {int(code)})\n"
    ]
    if code is ExitCode.ASSERTION:
        lines += traceback.format_exception(error)
    try:
        sys.stderr.write("".join(lines))
        sys.stderr.flush()
        sys.stdout.flush()
    finally:
        os._exit(int(code))


def install_nets(loop: asyncio.AbstractEventLoop) -> None:
    """Make unhandled exceptions of threads and of the loop end the process."""

    def on_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "thread"
        fail_stop(args.exc_value or AssertionError("no exception given"), where=name)

    # Any: the type asyncio gives its handler's context.
    def on_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, AssertionError | StorageError | CorruptionError):
            fail_stop(error, where="event loop")
        _loop.default_exception_handler(context)

    threading.excepthook = on_thread
    loop.set_exception_handler(on_loop)
