"""What the other checkers take for granted. Broken, a run is unknown, never valid."""

from jepsen import wire
from jepsen.checkers.verdict import Result
from jepsen.history import (
    NEMESIS,
    OK,
    RIG,
    History,
    flag,
    number,
    text,
    texts,
)


def check_assumptions(history: History) -> Result:
    """Judge whether the run did what it set out to do."""
    result = Result("assumptions")
    _check_start(history, result)
    _check_ops(history, result)
    _check_last_ops(history, result)
    _check_faults(history, result)
    return result


def _check_start(history: History, result: Result) -> None:
    """The store is empty at the start."""
    for event in history.of(RIG, "empty_store"):
        if not flag(event.v, "empty"):
            result.unknown("the cluster was not empty at the start", event.i)
        return
    result.unknown("nobody looked whether the cluster was empty at the start")


def _check_ops(history: History, result: Result) -> None:
    """Every kind of op succeeded once; two at once by one process do not parse."""
    tried: dict[str, int] = {}
    worked: dict[str, int] = {}
    for op in history.client_ops():
        tried[op.f] = tried.get(op.f, 0) + 1
        worked[op.f] = worked.get(op.f, 0) + (op.type == OK)
    if not any(f in wire.MUTATIONS for f in tried):
        result.unknown("the workload did nothing")
    for f in sorted(tried):
        result.numbers[f"{f} ok"] = worked[f]
        if not worked[f]:
            result.unknown(f"none of {tried[f]} {f} ops succeeded")


def _check_last_ops(history: History, result: Result) -> None:
    """Each client that was not killed did something at the end, and it worked."""
    last = {}
    retired: set[int] = set()
    for op in history.client_ops():
        assert isinstance(op.invoke.p, int)
        last[op.invoke.p] = op
        if op.end is not None and flag(op.end.v, "crashed"):
            retired.add(op.invoke.p)
    bad = [p for p, op in last.items() if op.type != OK and p not in retired]
    if bad:
        first = last[bad[0]]
        result.unknown(
            f"the last op of {len(bad)} clients did not succeed, {first.f} among them",
            first.invoke.i,
        )


def _check_faults(history: History, result: Result) -> None:
    """Every fault that was asked for happened at least once, and was healed."""
    wanted: list[str] = []
    for event in history.of(RIG, "faults"):
        wanted += texts(event.v, "enabled")
    happened: dict[str, int] = {}
    open_: dict[str, int] = {}
    for event in history.of(NEMESIS):
        name, _, what = event.f.rpartition(".")
        if what == "start":
            happened[name] = happened.get(name, 0) + 1
            open_[name] = event.i
        elif what == "stop":
            open_.pop(name, None)
        elif what == "failed":
            result.unknown(f"{name} could not be injected: {text(event.v, 'error')}")
    for name in wanted:
        result.numbers[f"{name} faults"] = happened.get(name, 0)
        if name not in happened:
            result.unknown(f"the fault {name} never happened")
    for name, i in open_.items():
        result.unknown(f"the fault {name} was never healed", i)
    for event in history.of(RIG, "cut"):
        result.unknown(
            f"a phase of the run was cut short after {number(event.v, 'after_s')} s",
            event.i,
        )
    for event in history.of(RIG, "plant"):
        if not flag(event.v, "reached"):
            result.unknown("the planted bug was never reached", event.i)
    for event in history.of(RIG, "rounds"):
        wanted_rounds, done = number(event.v, "wanted"), number(event.v, "done")
        result.numbers["rounds"] = done
        if done < wanted_rounds:
            result.unknown(f"{done} of {wanted_rounds} rounds were done", event.i)
