"""Log lines: JSON for machines, lines for people, account data for nobody."""

import atexit
import errno
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from ledgerd.observability import logs


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    asyncio_level = logging.getLogger("asyncio").level
    root.handlers = []  # else configure would close those of the test runner
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.getLogger("asyncio").setLevel(asyncio_level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object() -> None:
    """Time, level and event first, then what the node is, then the fields."""
    out = io.StringIO()
    logs.configure(stream=out, node_id=2)

    logs.get("raft").info("leader_elected", term=7, votes=3)

    [line] = lines(out)
    assert list(line) == ["time", "level", "event", "node_id", "part", "term", "votes"]
    assert (line["event"], line["level"], line["term"]) == ("leader_elected", "info", 7)
    assert str(line["time"]).endswith("Z")


class Full(io.StringIO):
    """A file on a disk that is full, until there is room."""

    has_room = False

    def flush(self) -> None:
        if not self.has_room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_lines_that_cannot_be_written_are_lost_and_end_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told on standard error, and not for each line."""
    out = Full()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(atexit, "register", lambda _: None)
    logs.configure()
    for _ in range(3):
        logs.get("raft").info("leader_elected")
        logging.getLogger("another").warning("something")
    assert capsys.readouterr().err == (
        "ledgerd: log lines are lost: [Errno 28] No space left on device\n"
    )

    out.has_room = True
    out.truncate(0)
    out.seek(0)
    logs.get("raft").info("leader_elected")

    assert len(lines(out)) == 1


def test_a_traceback_on_a_terminal_shows_no_variables() -> None:
    """What a function had at hand when it failed may be an account."""
    out = Terminal()
    logs.configure(stream=out)
    secret = "".join(("DE89", "3704"))  # written nowhere in the source as a whole

    try:
        raise ValueError("expected something else")
    except ValueError:
        logs.get("api").exception("call_failed")

    assert "expected something else" in out.getvalue()
    assert "Traceback" in out.getvalue()
    assert secret not in out.getvalue()


def test_logs_load_no_library_for_terminals() -> None:
    """A node starts sooner without it; whoever wants it has it afterwards."""
    program = (
        "import sys; import ledgerd.observability.logs; print('rich' in sys.modules);"
        "import rich.console; print('rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", "True"]


def test_a_terminal_gets_lines_for_people() -> None:
    """Automatically, and only a terminal."""
    out = Terminal()
    logs.configure(stream=out)

    logs.get("raft").info("leader_elected", term=7)

    assert "leader_elected" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_the_format_can_be_forced() -> None:
    """JSON on a terminal, lines for people in a file."""
    terminal, file = Terminal(), io.StringIO()

    logs.configure(stream=terminal, format="json")
    logs.get("raft").info("leader_elected")
    logs.configure(stream=file, format="console")
    logs.get("raft").info("leader_elected")

    assert terminal.getvalue().startswith("{")
    assert not file.getvalue().startswith("{")


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_levels(level: str, expected: list[str]) -> None:
    """Ours and those of other libraries alike; a logger made before obeys too."""
    log = logs.get("raft")
    out = io.StringIO()
    logs.configure(stream=out, level=level)

    for name in logs.LEVELS:
        getattr(log, name)("happened")
        getattr(logging.getLogger("grpc"), name)("said")

    assert [
        line["level"] for line in lines(out) if line["event"] == "happened"
    ] == expected
    assert [line["level"] for line in lines(out) if line["event"] == "said"] == expected


@pytest.mark.parametrize("format", ["json", "console"])
def test_an_exception_is_logged_whole(format: str) -> None:
    """With its traceback, in either form, by either way of logging."""
    out = io.StringIO()
    logs.configure(stream=out, format=format)

    for log in (logs.get("raft"), logging.getLogger("asyncio")):
        try:
            raise ValueError("expected 1, found 2")
        except ValueError:
            log.exception("broken")

    assert out.getvalue().count("ValueError: expected 1, found 2") == 2


def test_account_data_is_withheld() -> None:
    """Whoever logs it, by mistake."""
    out = io.StringIO()
    logs.configure(stream=out)

    logs.get("api").info("mistake", iban="DE02", account_number="12", reference="rent")

    [line] = lines(out)
    assert (line["iban"], line["account_number"], line["reference"]) == (
        logs.BLANK,
    ) * 3
    assert "DE02" not in out.getvalue()


def ask(name: str = "api") -> None:
    """Log the line of a call with every field."""
    logs.request_line(
        logs.get(name),
        call="Payouts/SubmitBatch",
        caller='sam "the man" of Z\u00fcrich',
        status="OK",
        duration_s=0.0123456,
        rows=3,
        reason="OVERLOADED",
        outcomes={"CREATED": 2, "INSUFFICIENT_FUNDS": 1},
        term=3,
        index=9,
        first_ordinal=0,
        peer="ipv4:127.0.0.1:1",
        request_id="ab",
    )


def test_the_line_of_a_request_is_what_the_chain_would_write() -> None:
    """Byte for byte but for the time: it is made by hand, for there is one a call."""
    out = io.StringIO()
    logs.configure(stream=out, node_id=2, cluster="c")

    ask()
    [made] = lines(out)
    del made["time"]
    fields = {
        key: value
        for key, value in made.items()
        if key not in ("level", "event", "node_id", "cluster", "part")
    }
    logs.get("api").info("request_answered", **fields)

    by_hand, by_chain = out.getvalue().splitlines()
    after = len('{"time": "2026-01-01T00:00:00')
    assert by_hand[:after][:10] == by_chain[:after][:10] == '{"time": "'
    assert by_hand.partition('Z"')[2] == by_chain.partition('Z"')[2]


def test_lines_of_requests_obey_the_last_call_of_configure() -> None:
    """Level, format, stream and bound fields, for a logger that was used before too."""
    old, quiet, people = io.StringIO(), io.StringIO(), Terminal()
    logs.configure(stream=old, node_id=1)
    ask()
    logs.configure(stream=quiet, level="warning")
    ask()
    logs.configure(stream=people, node_id=3)
    ask("other")

    [line] = lines(old)
    assert (line["node_id"], line["part"]) == (1, "api")
    assert quiet.getvalue() == ""
    assert "request_answered" in people.getvalue()
    assert not people.getvalue().startswith("{")


def test_the_line_of_a_request() -> None:
    """Who, what, how long, what became of it, and where in the log."""
    out = io.StringIO()
    logs.configure(stream=out)

    logs.request_line(
        logs.get("api"),
        call="Payouts.SubmitBatch",
        caller="sam",
        status="OK",
        duration_s=0.0123456,
        rows=3,
        outcomes={"CREATED": 2, "INSUFFICIENT_FUNDS": 1},
        term=3,
        index=9,
        first_ordinal=0,
    )

    [line] = lines(out)
    del line["time"]
    assert line == {
        "level": "info",
        "event": "request_answered",
        "part": "api",
        "call": "Payouts.SubmitBatch",
        "caller": "sam",
        "status": "OK",
        "duration_ms": 12.346,
        "rows": 3,
        "outcomes": {"CREATED": 2, "INSUFFICIENT_FUNDS": 1},
        "term": 3,
        "index": 9,
        "first_ordinal": 0,
    }
