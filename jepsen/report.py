"""The judgement of a run, for people and for programs."""

import json
from collections.abc import Sequence
from pathlib import Path

from jepsen.checkers.verdict import Result, Verdict, headline, merge
from jepsen.history import MONITOR, NEMESIS, Event, History
from jepsen.options import RunOptions
from jepsen.store import RunFolder

CONTEXT_EVENTS = 6
LOG_LINES = 5
EXIT_CODES = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.UNKNOWN: 2}


def exit_code(results: Sequence[Result]) -> int:
    """Return 0 for valid, 1 for invalid, 2 for unknown."""
    return EXIT_CODES[merge(results)]


def write_report(
    folder: RunFolder, options: RunOptions, history: History, results: Sequence[Result]
) -> str:
    """Write `results.json` and `report.txt`; return the first line of the report."""
    first = headline(results)
    folder.results.write_text(
        json.dumps(
            {
                "verdict": merge(results).name.lower(),
                "headline": first,
                "exit_code": exit_code(results),
                "skipped": [],
                "seed": options.seed,
                "checkers": [_result_fields(result) for result in results],
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
    lines = [
        first,
        "",
        f"exit code {exit_code(results)} · seed {options.seed}",
        f"again: {options.command()}",
        "",
        *_table(results),
        "",
        *_findings(history, results, folder.nodes),
        *_faults(history),
    ]
    folder.report.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return first


def _result_fields(result: Result) -> dict[str, object]:
    return {
        "checker": result.checker,
        "verdict": result.verdict.name.lower(),
        "seconds": result.seconds,
        "numbers": result.numbers,
        "findings": [
            {
                "verdict": each.verdict.name.lower(),
                "sentence": each.sentence,
                "i": each.i,
            }
            for each in result.findings
        ],
    }


def _table(results: Sequence[Result]) -> list[str]:
    lines = [f"{'checker':<14} {'verdict':<8} {'time':>7}  numbers"]
    for result in results:
        numbers = ", ".join(f"{name} {value}" for name, value in result.numbers.items())
        lines.append(
            f"{result.checker:<14} {result.verdict.name.lower():<8}"
            f" {result.seconds:>6.2f}s  {numbers}"
        )
    return lines


def _findings(history: History, results: Sequence[Result], nodes: Path) -> list[str]:
    lines: list[str] = []
    by_line = {event.i: event for event in history.events}
    for result in results:
        for finding in result.findings:
            place = "" if finding.i is None else f" [i{finding.i}]"
            lines.append(f"{finding.verdict.name} {result.checker}: {finding.sentence}")
            if place and finding.i in by_line:
                lines += [f"    {line}" for line in _around(history, finding.i)]
            lines.append("")
    if lines:
        lines += [f"node logs: {nodes}/n*/log", ""]
    return lines


def _around(history: History, i: int) -> list[str]:
    """Return the event, the faults in force at it, and who led."""
    event = history.events[i]
    active: dict[str, Event] = {}
    leaders: dict[str, str] = {}
    for earlier in history.events[:i]:
        if earlier.p == NEMESIS:
            name, _, what = earlier.f.rpartition(".")
            if what == "start":
                active[name] = earlier
            elif what == "stop":
                active.pop(name, None)
        elif earlier.p == MONITOR and earlier.f == "status":
            leaders[earlier.node or "?"] = (
                f"{earlier.v.get('role')} term {earlier.v.get('term')}"
                f" index {earlier.v.get('index')}"
            )
    nodes = ", ".join(f"{node} {what}" for node, what in sorted(leaders.items()))
    faults = ", ".join(f"{name} {fault.v}" for name, fault in active.items())
    lines = [
        f"i{i}: {_shorten(event.to_json())}",
        f"faults: {faults or 'none'}",
        f"nodes: {nodes or 'not seen yet'}",
    ]
    ops = [op for op in history.ops if op.end is not None and op.end.i == i]
    lines += [f"began: {_shorten(op.invoke.to_json())}" for op in ops]
    return lines


def _faults(history: History) -> list[str]:
    lines = ["faults:"]
    begin = history.events[0].t if history.events else 0
    for event in history.of(NEMESIS):
        seconds = (event.t - begin) / 1e9
        lines.append(f"  {seconds:7.2f}s i{event.i} {event.f} {json.dumps(event.v)}")
    return lines


def _shorten(line: str) -> str:
    return line if len(line) <= 400 else line[:400] + " ..."
