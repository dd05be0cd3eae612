"""Clean logs and clean deaths, and what the offline check says of each data directory."""

import json
import re
from pathlib import Path

from jepsen.checkers.verdict import Result
from jepsen.history import RIG, History, flag, number, text

FINDINGS_MAX = 20
_BAD = re.compile(
    r"Traceback \(most recent call last\)|\bCRITICAL\b|\"level\": ?\"critical\""
    r"|Task was destroyed but it is pending|was never awaited|AssertionError"
)
EXITS_BY_NAME = {
    2: "usage",
    70: "storage error",
    71: "corruption",
    72: "no space",
    73: "configuration",
    74: "failed assertion",
}


def check_logs(history: History, nodes: Path) -> Result:
    """Judge exits, node logs under `nodes`, and the offline checks that were run."""
    result = Result("logs")
    _check_exits(history, result)
    lines = 0
    for log in sorted(nodes.glob("n*/log")):
        lines += _check_log(result, log)
    result.numbers["lines"] = lines
    if not lines:
        result.unknown("there are no node logs")
    return result


def _check_exits(history: History, result: Result) -> None:
    """A node ends only when the rig ends it, and then as it was told to."""
    for event in history.of(RIG, "exit"):
        code = number(event.v, "code")
        asked = text(event.v, "asked")
        if asked == "kill" and code == -9:
            continue
        if asked == "stop" and code == 0:
            continue
        name = EXITS_BY_NAME.get(code, "undocumented")
        why = "on its own" if asked == "none" else f"when asked to {asked}"
        result.invalid(f"{event.node} ended {why} with {code} ({name})", event.i)


def _check_log(result: Result, log: Path) -> int:
    count = 0
    with log.open(encoding="utf-8", errors="replace") as file:
        for count, line in enumerate(file, 1):
            if _BAD.search(line) and len(result.findings) < FINDINGS_MAX:
                result.invalid(
                    f"{log.parent.name}/log:{count}: {_shorten(line.strip())}"
                )
    return count


def _shorten(line: str) -> str:
    """Return the telling part of a log line: its event, or its beginning."""
    try:
        fields = json.loads(line)
    except ValueError:
        return line[:160]
    if isinstance(fields, dict) and "event" in fields:
        return f"{fields['event']} {fields.get('error', fields.get('exception', ''))}"[
            :160
        ]
    return line[:160]


def check_offline(history: History) -> Result:
    """Judge what `ledgerd check` said of every stopped node's data directory."""
    result = Result("offline")
    checked = 0
    for event in history.of(RIG, "offline_check"):
        checked += 1
        code = number(event.v, "code")
        if code != 0:
            result.invalid(
                f"ledgerd check of {event.node} ended with {code}:"
                f" {text(event.v, 'output')[:200]}",
                event.i,
            )
        if flag(event.v, "timed_out"):
            result.unknown(f"ledgerd check of {event.node} took too long", event.i)
    result.numbers["directories"] = checked
    if not checked:
        result.unknown("no data directory was checked offline")
    return result
