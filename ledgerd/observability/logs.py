"""Logs: one JSON object a line on standard output; readable lines on a terminal.

An event is a fact in the past tense: `log.info("leader_elected", term=7, votes=3)`.
What other libraries log takes the same way. No account data: fields with the names in
WITHHELD are blanked, whoever wrote them, and `request_line` has no room for any.
"""

import atexit
import contextlib
import json
import logging
import math
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TextIO, cast

# structlog loads rich wherever it is installed, for tracebacks that `configure` does not want: a
# fifth of the start of a node. None is how Python is told that there is no such module.
_IS_RICH_LOADED: Final = "rich" in sys.modules
if not _IS_RICH_LOADED:
    sys.modules["rich"] = None  # type: ignore[assignment]  # typeshed knows no such entry

import structlog  # noqa: E402 - behind the lines above
from structlog.typing import (  # noqa: E402 - likewise
    EventDict,
    FilteringBoundLogger,
    Processor,
)

if not _IS_RICH_LOADED:
    del sys.modules["rich"]

LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final = ("auto", "json", "console")
WITHHELD: Final = frozenset(
    {
        "account_number", "amount", "amount_minor", "balance", "bank_code", "bic",
        "destination", "details", "external_ref", "iban", "key", "metadata", "name",
        "owner_ref", "password", "payload", "reference", "routing_number", "secret",
    }
)  # fmt: skip
_TELL_AGAIN_S: Final = 60.0  # that log lines are lost
BLANK: Final = "[withheld]"
_JSON: Final = json.JSONEncoder(default=str)


class _StandardOutput:
    """Standard output, of which a node does not die: what cannot be written is lost.

    The disk of the logs may be full, or whoever read them has ended. That is no reason for a node
    to end, and with it perhaps all of them.
    """

    def __init__(self) -> None:
        self._out = sys.stdout
        self._told_s = -math.inf
        atexit.register(self._end)

    def isatty(self) -> bool:
        return self._out.isatty()

    def write(self, text: str) -> int:
        try:
            return self._out.write(text)
        except OSError as error:
            self._tell(error)
            return 0

    def flush(self) -> None:
        try:
            self._out.flush()
        except OSError as error:
            self._tell(error)

    def _tell(self, error: OSError) -> None:
        """Say now and then that lines are lost."""
        now_s = time.monotonic()
        if now_s - self._told_s < _TELL_AGAIN_S:
            return
        self._told_s = now_s
        with contextlib.suppress(OSError):
            sys.stderr.write(f"ledgerd: log lines are lost: {error}\n")
            sys.stderr.flush()

    def _end(self) -> None:
        """Let the interpreter end with the code it was told: it would fail to flush."""
        for out in (self._out, sys.stderr):
            if out.closed:
                continue
            try:
                out.flush()
            except OSError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


class _RequestLines:
    """Writes the lines of calls as the chain of processors would, at a third of its price.

    There is one for each call that is answered, and the chain was a sixth of what the loop of a
    leader did for a payout (docs/decisions/0017). No field of theirs is of WITHHELD.
    """

    def __init__(self, out: TextIO, bound: Mapping[str, str | int]) -> None:
        self._write = structlog.WriteLogger(out).msg
        self._bound = bound
        self._heads: dict[FilteringBoundLogger, str] = {}

    def write(self, log: FilteringBoundLogger, fields: Mapping[str, object]) -> None:
        """Write the line of one call."""
        head = self._heads.get(log)
        if head is None:
            head = self._heads[log] = self._head(log)
        now = datetime.now(UTC).isoformat()[: -len("+00:00")]
        self._write(f'{{"time": "{now}Z", {head}, {_JSON.encode(fields)[1:]}')

    def _head(self, log: FilteringBoundLogger) -> str:
        """Return what is the same in every line of a logger, without the braces."""
        said = {"level": "info", "event": _ANSWERED}
        return _JSON.encode(
            {**said, **self._bound, **structlog.get_context(log.bind())}
        )[1:-1]


_ANSWERED: Final = "request_answered"
# As the last call of `configure` made it; None: the chain writes these lines too.
_request_lines: _RequestLines | None = None


def configure(
    *,
    level: str = "info",
    format: str = "auto",
    stream: TextIO | None = None,
    **bound: str | int,
) -> None:
    """Send every log line of the process to `stream`, from now on.

    Args:
        level: The lowest of LEVELS that is written.
        format: One of FORMATS; "auto" is "console" if the stream is a terminal.
        stream: Standard output when None.
        bound: Fields of every line, such as node_id.
    """
    assert level in LEVELS, level
    assert format in FORMATS, format
    # The cast: files have more than loggers need.
    out = cast("TextIO", _StandardOutput()) if stream is None else stream
    is_console = format == "console" or (format == "auto" and out.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _withhold,
        _binder(bound),
    ]
    if not is_console:  # the console renderer shows exceptions in its own way
        shared.append(structlog.processors.format_exc_info)
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=out.isatty(),
            # The one of rich shows local variables, and among them account data.
            exception_formatter=structlog.dev.plain_traceback,
        )
        if is_console
        else structlog.processors.JSONRenderer(serializer=_as_json)
    )
    global _request_lines
    is_plain = not is_console and number <= logging.INFO
    _request_lines = _RequestLines(out, bound) if is_plain else None
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,  # a module's logger obeys the last call
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    # asyncio reports each slow callback and selector at debug; that is its own
    # debugging.
    logging.getLogger("asyncio").setLevel(max(number, logging.INFO))


def get(part: str) -> FilteringBoundLogger:
    """Return the logger of one part of the node; `part` is a field of its lines."""
    logger: FilteringBoundLogger = structlog.get_logger(part=part)
    return logger


def request_line(
    log: FilteringBoundLogger,
    *,
    call: str,
    caller: str,
    status: str,
    duration_s: float,
    rows: int = 1,
    reason: str | None = None,
    outcomes: Mapping[str, int] | None = None,
    term: int | None = None,
    index: int | None = None,
    first_ordinal: int | None = None,
    peer: str | None = None,
    request_id: str | None = None,
) -> None:
    """Log the one canonical line of a call: who asked what, and what became of it.

    Args:
        call: Service and method.
        caller: The name of the identity: a principal or node-N.
        status: The gRPC status, such as OK.
        duration_s: From receiving the call to its answer, seconds.
        rows: Commands of the call.
        reason: Why it got no answer from the log.
        outcomes: How many rows were accepted, replayed, refused by which code.
        term: Of the entry that holds the call's commands.
        index: Of that entry, or the one read at.
        first_ordinal: Row of the entry at which the call's commands begin.
        peer: Address of the caller.
        request_id: The id under which an internal error is found.
    """
    fields: dict[str, object] = {
        "call": call,
        "caller": caller,
        "status": status,
        "duration_ms": round(duration_s * 1_000, 3),
        "rows": rows,
    }
    optional = {
        "reason": reason,
        "outcomes": outcomes,
        "term": term,
        "index": index,
        "first_ordinal": first_ordinal,
        "peer": peer,
        "request_id": request_id,
    }
    fields |= {field: value for field, value in optional.items() if value is not None}
    if _request_lines is None:
        log.info(_ANSWERED, **fields)
    else:
        _request_lines.write(log, fields)


def _binder(bound: Mapping[str, str | int]) -> Processor:
    def bind(logger: object, method: str, event: EventDict) -> EventDict:
        first = {key: event.pop(key) for key in ("time", "level", "event")}
        return {**first, **bound, **event}

    return bind


def _as_json(event: EventDict, **_: object) -> str:
    return _JSON.encode(event)


def _withhold(logger: object, method: str, event: EventDict) -> EventDict:
    for field in WITHHELD.intersection(event):
        event[field] = BLANK
    return event
