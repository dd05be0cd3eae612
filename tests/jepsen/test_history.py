"""The history's lines are what they were, and broken ones are refused by name."""

from pathlib import Path

import pytest

from jepsen.history import (
    FAIL,
    INFO,
    INVOKE,
    OK,
    Event,
    History,
    HistoryError,
    HistoryWriter,
    Position,
    read_history,
)


def event(i: int, p: int | str, type_: str, f: str = "submit") -> Event:
    return Event(i, i * 10, p, type_, f, {})


def test_an_event_survives_its_line() -> None:
    """Every part of a line comes back, and absent parts stay absent."""
    full = Event(
        i=815,
        t=4718340021,
        p=14,
        type=OK,
        f="submit",
        v={"outcome": "CREATED", "differ": ["rail"]},
        node="n2",
        pos=Position(3, 8123, 17),
        server="n1",
        attempts=2,
        read_index=7,
        applied_index=9,
    )
    bare = event(1, "nemesis", INFO)

    assert Event.from_json(full.to_json()) == full
    assert Event.from_json(bare.to_json()) == bare
    assert '"pos":[3,8123,17]' in full.to_json()
    assert "node" not in bare.to_json()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "expected a JSON object"),
        ("[]", "expected a JSON object"),
        ('{"i":0,"t":0,"p":0,"type":"maybe","f":"x","v":{}}', "found 'maybe'"),
        ('{"i":true,"t":0,"p":0,"type":"ok","f":"x","v":{}}', "an integer in 'i'"),
        ('{"i":0,"t":0,"type":"ok","f":"x","v":{}}', "expected a process"),
        ('{"i":0,"t":0,"p":0,"type":"ok","f":"x","v":{},"pos":[1]}', "[term, index"),
    ],
)
def test_a_line_that_is_no_event_is_refused(line: str, said: str) -> None:
    """The message says what was expected and what was found."""
    with pytest.raises(HistoryError) as caught:
        Event.from_json(line)

    assert said in str(caught.value)


def test_ops_are_pairs_of_one_process() -> None:
    """An op ends with the next event of its process; one without an end is unknown."""
    history = History(
        [
            event(0, 1, INVOKE),
            event(1, 2, INVOKE),
            event(2, "nemesis", INFO),
            event(3, 2, FAIL),
            event(4, 1, OK),
            event(5, 2, INVOKE),
        ]
    )

    found = [(op.invoke.i, op.type, op.end and op.end.i) for op in history.ops]

    assert found == [(0, OK, 4), (1, FAIL, 3), (5, INFO, None)]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([event(0, 1, INVOKE), event(1, 1, INVOKE)], "began op 1 while 0 was open"),
        ([event(0, 1, OK)], "ends an op that never began"),
        ([event(0, 1, INVOKE, "get"), event(1, 1, OK)], "but get was open"),
    ],
)
def test_events_that_do_not_pair_are_refused(events: list[Event], said: str) -> None:
    """Two ops at once by one process would make every conclusion worthless."""
    with pytest.raises(HistoryError, match=said):
        History(events)


def test_each_line_is_in_the_file_when_the_write_returns(tmp_path: Path) -> None:
    """No crash of the harness forgets an op: the invoke line precedes the call."""
    path = tmp_path / "history.jsonl"
    seen: list[Event] = []
    with HistoryWriter(path, clock_ns=lambda: 42) as writer:
        writer.listeners.append(seen.append)
        written = writer.write(3, INVOKE, "submit", {"id": "x"})
        there = read_history(path).events

    assert there == (written,)
    assert seen == [written]
    assert (written.i, written.t) == (0, 42)


def test_a_last_line_cut_short_is_left_out(tmp_path: Path) -> None:
    """A harness that was killed in the middle of a line still leaves a history."""
    path = tmp_path / "history.jsonl"
    path.write_text(event(0, 1, INVOKE).to_json() + "\n" + '{"i":1,"t"')

    assert read_history(path).events == (event(0, 1, INVOKE),)
