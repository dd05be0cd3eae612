"""How soon the cluster served again, and whether it served well while nobody hurt it.

A fault's recovery is counted from its heal to the first acknowledgement of something that
began after the heal; the time without a leader from the injection likewise. Every op ends
by its deadline and a tenth.
"""

from statistics import median

from jepsen import wire
from jepsen.checkers.verdict import Result
from jepsen.history import NEMESIS, OK, RIG, Event, History, flag, number

FINDINGS_MAX = 20
HEALTHY_OK_SHARE_MIN = 0.95  # of ops that began and ended between two faults
OTHERS_SHARE_MAX = 0.3  # of the machine; above it times are not judged
DEADLINE_SLACK = 1.1
DEADLINE_SLACK_NS = 1_000_000_000  # the harness shares its cores with the cluster


def check_availability(history: History) -> Result:
    """Judge times to recover, deadlines, and the rate of success between faults."""
    result = Result("availability")
    limit_ms = 5_000
    deadline_ms = 0
    for event in history.of(RIG, "limits"):
        limit_ms = number(event.v, "recovery_ms")
        deadline_ms = number(event.v, "deadline_ms")
    faults = _faults(history)
    acks = _acks(history)
    failovers: list[int] = []
    recoveries: list[int] = []
    for start, stop in faults:
        first = _first_after(acks, start.t)
        if first is not None:
            failovers.append(first)
        if stop is None:
            continue
        first = _first_after(acks, stop.t)
        if first is None:
            _note(result, "nothing was acknowledged after the heal", stop.i)
            continue
        recoveries.append(first)
        if first > limit_ms:
            sentence = (
                f"{first} ms from the heal to the first acknowledgement, more than"
                f" {limit_ms}"
            )
            end = stop.t + first * 1_000_000
            _note_slow(history, result, sentence, (stop.t, end), stop.i)
    for name, times in (("failover", failovers), ("recovery", recoveries)):
        if times:
            result.numbers[f"{name} ms p50"] = round(median(times))
            result.numbers[f"{name} ms max"] = max(times)
    _check_deadlines(history, result, deadline_ms)
    _check_healthy(history, result)
    return result


def _faults(history: History) -> list[tuple[Event, Event | None]]:
    """Pair the start of each fault with its stop."""
    faults: list[tuple[Event, Event | None]] = []
    started: dict[str, Event] = {}
    for event in history.of(NEMESIS):
        name, _, what = event.f.rpartition(".")
        if what == "start":
            started[name] = event
        elif what == "stop" and name in started:
            faults.append((started.pop(name), event))
    faults += [(event, None) for event in started.values()]
    return faults


def _acks(history: History) -> list[tuple[int, int]]:
    """Return (begin, end) of each acknowledged mutation, by end, nanoseconds."""
    return sorted(
        (
            (op.invoke.t, op.end.t)
            for op in history.client_ops(*wire.MUTATIONS)
            if op.type == OK and op.end is not None
        ),
        key=lambda pair: pair[1],
    )


def _first_after(acks: list[tuple[int, int]], t: int) -> int | None:
    """Return milliseconds from t to the first ack of something that began after t."""
    for begin, end in acks:
        if begin >= t:
            return (end - t) // 1_000_000
    return None


def _others_share(history: History, begin: int, end: int) -> float:
    """Return the share of the machine that others used around a time, 0 if not noted.

    On a machine that is busy with other work a slow recovery proves nothing.
    """
    samples = list(history.of(RIG, "cpu"))
    before = [event for event in samples if event.t <= begin][-1:]
    after = [event for event in samples if event.t >= end][:1]
    if not before or not after:
        return 0.0
    first, last = before[0].v, after[0].v
    total = number(last, "total") - number(first, "total")
    others = (number(last, "busy") - number(last, "own")) - (
        number(first, "busy") - number(first, "own")
    )
    return others / total if total > 0 else 0.0


def _check_deadlines(history: History, result: Result, deadline_ms: int) -> None:
    if not deadline_ms:
        return
    allowed = int(deadline_ms * 1_000_000 * DEADLINE_SLACK) + DEADLINE_SLACK_NS
    longest = 0
    for op in history.client_ops():
        if op.end is None:
            continue
        if flag(op.invoke.v, "patient"):
            continue  # not of the load: it had a deadline of its own
        took = op.end.t - op.invoke.t
        longest = max(longest, took)
        if took > allowed:
            sentence = (
                f"{op.f} took {took // 1_000_000} ms, its deadline was {deadline_ms}"
            )
            _note_slow(history, result, sentence, (op.invoke.t, op.end.t), op.end.i)
    result.numbers["longest op ms"] = longest // 1_000_000


def _check_healthy(history: History, result: Result) -> None:
    """Between faults nearly everything works; if not, the run proves little.

    Only ops of the library client count: one attempt at a follower fails by right.
    """
    quiet = [
        (event.t, number(event.v, "until_ns")) for event in history.of(RIG, "quiet")
    ]
    tried = worked = 0
    for op in history.client_ops():
        if op.end is None or op.invoke.node is not None or flag(op.end.v, "crashed"):
            continue
        if any(a <= op.invoke.t and op.end.t <= b for a, b in quiet):
            tried += 1
            worked += op.type == OK
    if not tried:
        result.unknown("no op began and ended while nothing was broken")
        return
    share = worked / tried
    result.numbers["healthy ops"] = tried
    result.numbers["healthy ok %"] = round(100 * share, 1)
    if share < HEALTHY_OK_SHARE_MIN:
        result.unknown(
            f"only {100 * share:.0f} % of ops succeeded while nothing was broken"
        )


def _note_slow(
    history: History, result: Result, sentence: str, span: tuple[int, int], i: int
) -> None:
    """Note that something took too long; where others used the machine, nobody can know.

    span: from when to when it took, nanoseconds.
    """
    share = _others_share(history, *span)
    if share <= OTHERS_SHARE_MAX:
        _note(result, sentence, i)
    elif len(result.findings) < FINDINGS_MAX:
        busy = f"while others used {100 * share:.0f} % of the machine"
        result.unknown(f"{sentence}, {busy}", i)


def _note(result: Result, sentence: str, i: int | None) -> None:
    if len(result.findings) < FINDINGS_MAX:
        result.invalid(sentence, i)
