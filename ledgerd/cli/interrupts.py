"""What Ctrl-C does before a command has begun: it ends the process at once, and quietly.

A `KeyboardInterrupt` while modules are imported is a traceback, or is lost in a callback of
the import system. Nothing has been done yet that anybody would have to tidy up.

It imports only what the interpreter has loaded already, for until then Ctrl-C is not heard:
`signal` itself would load `enum` and all that it needs.
"""

import _signal as signal  # type: ignore[import-not-found]  # built in, without stubs
import os

INTERRUPTED = 130  # as a shell says of a process that SIGINT ended


def end_at_once() -> None:
    """Let Ctrl-C end the process with exit code 130; where it is ignored, it stays so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_from_now_on() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again: a command begins, and may have to say more."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_number: int, _frame: object) -> None:
    os._exit(INTERRUPTED)
