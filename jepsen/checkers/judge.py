"""All checkers over one finished run. The run is saved before this begins."""

import time
import traceback
from collections.abc import Callable
from pathlib import Path

from jepsen.checkers.assumptions import check_assumptions
from jepsen.checkers.availability import check_availability
from jepsen.checkers.bank import check_bank
from jepsen.checkers.digests import check_digests
from jepsen.checkers.exactly_once import check_exactly_once
from jepsen.checkers.logs import check_logs, check_offline
from jepsen.checkers.positions import check_positions
from jepsen.checkers.protocol.check import check_files
from jepsen.checkers.rails import check_rails
from jepsen.checkers.verdict import Result
from jepsen.checkers.watch import check_watch
from jepsen.history import RIG, History


def judge(history: History, nodes: Path) -> list[Result]:
    """Return the judgement of every checker, the assumptions first.

    An exception inside a checker is its `unknown`, with the traceback.
    """
    checkers: dict[str, Callable[[], Result]] = {
        "assumptions": lambda: check_assumptions(history),
        "exactly_once": lambda: check_exactly_once(history),
        "positions": lambda: check_positions(history),
        "bank": lambda: check_bank(history),
        "watch": lambda: check_watch(history),
        "digests": lambda: check_digests(history),
        "offline": lambda: check_offline(history),
        "logs": lambda: check_logs(history, nodes),
        "availability": lambda: check_availability(history),
    }
    if any(True for _ in history.of(RIG, "rail")):
        checkers["rails"] = lambda: check_rails(history)
    if events := sorted(nodes.glob("*/raft.ndjson")):
        checkers["protocol"] = lambda: check_files(events)
    return [_run(name, checker) for name, checker in checkers.items()]


def _run(name: str, checker: Callable[[], Result]) -> Result:
    began = time.monotonic()
    try:
        result = checker()
    except Exception:  # a checker that fails has judged nothing, and says so
        result = Result(name)
        result.unknown(f"the checker failed: {traceback.format_exc()}")
    result.seconds = round(time.monotonic() - began, 3)
    return result
