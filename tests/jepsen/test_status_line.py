"""The line of each second counts what ended, and names the faults in force."""

from jepsen.history import INFO, INVOKE, NEMESIS, OK, Event, Fields
from jepsen.status_line import StatusLine

SECOND_NS = 1_000_000_000


def event(
    t_ms: int, p: int | str, type_: str, f: str, v: Fields | None = None
) -> Event:
    return Event(0, t_ms * 1_000_000, p, type_, f, v or {})


def test_the_line_tells_outcomes_pace_leader_and_faults() -> None:
    """Counts are of the whole run, the pace is of the last seconds."""
    line = StatusLine()
    line.leader = "n2 term 7"
    for each in (
        event(0, 1, INVOKE, "submit"),
        event(40, 1, OK, "submit"),
        event(50, 1, INVOKE, "get"),
        event(60, 1, OK, "get"),
        event(70, 2, INVOKE, "submit"),
        event(80, 2, INFO, "submit"),
        event(90, NEMESIS, INFO, "kill.start", {"nodes": [1]}),
    ):
        line.note(each)

    shown = line.line(2 * SECOND_NS)
    line.note(event(2100, NEMESIS, INFO, "kill.stop"))
    later = line.line(60 * SECOND_NS)

    assert shown == (
        "t=2s ok 2 info 1 fail 0 | 0/s p99 40ms | leader n2 term 7 | kill(nodes=[1])"
    )
    assert later == "t=60s ok 2 info 1 fail 0 | 0/s p99 0ms | leader n2 term 7 | quiet"
