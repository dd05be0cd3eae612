"""The history of a run: one event a line, written before anything depends on it.

An *op* is one logical client call: an `invoke` event, then at most one of `ok`, `fail`,
`info` by the same process. `info` is "nobody can know yet" and leaves the op open. The
`invoke` line is flushed before the call leaves, so no crash of the harness forgets an op.

The file is `history.jsonl`; times are CLOCK_MONOTONIC nanoseconds. This module knows the
form of the lines and which belong together; what the values mean is the business of the
workloads that write them and of the checkers that read them.
"""

import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

Json: TypeAlias = (
    bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
)
Fields: TypeAlias = Mapping[str, Json]
Process: TypeAlias = int | str

INVOKE = "invoke"
OK = "ok"
FAIL = "fail"
INFO = "info"
TYPES = (INVOKE, OK, FAIL, INFO)

NEMESIS = "nemesis"
MONITOR = "monitor"
RIG = "rig"
WATCH = "watch"


class HistoryError(ValueError):
    """A line is not a history event, or the events do not pair up."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the log holds a command; compared by (index, ordinal)."""

    term: int
    index: int
    ordinal: int

    @property
    def key(self) -> tuple[int, int]:
        """What positions are ordered by: a term never reorders the log."""
        return (self.index, self.ordinal)

    def __str__(self) -> str:
        return f"{self.index}/{self.ordinal} (term {self.term})"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history.

    i: number of the line, from 0. t: CLOCK_MONOTONIC nanoseconds.
    p: process number, or "nemesis", "monitor", "rig", "watch". type: invoke, ok, fail or info.
    f: what was called. v: its value; on `fail` and `info` an `error` text.
    node: where it was sent; None if the client library chose.
    pos: (term, index, ordinal) of a mutation that the log answered.
    server: node that answered. attempts: made by the client for this one op.
    read_index, applied_index: of a read that was answered.
    """

    i: int
    t: int
    p: Process
    type: str
    f: str
    v: Fields
    node: str | None = None
    pos: Position | None = None
    server: str | None = None
    attempts: int | None = None
    read_index: int | None = None
    applied_index: int | None = None

    def to_json(self) -> str:
        """Return the line, without the line feed. Absent parts are left out."""
        line: dict[str, Json] = {
            "i": self.i,
            "t": self.t,
            "p": self.p,
            "type": self.type,
            "f": self.f,
            "v": self.v,
        }
        if self.node is not None:
            line["node"] = self.node
        if self.pos is not None:
            line["pos"] = [self.pos.term, self.pos.index, self.pos.ordinal]
        if self.server is not None:
            line["server"] = self.server
        if self.attempts is not None:
            line["attempts"] = self.attempts
        if self.read_index is not None:
            line["read_index"] = self.read_index
        if self.applied_index is not None:
            line["applied_index"] = self.applied_index
        return json.dumps(line, separators=(",", ":"))

    @staticmethod
    def from_json(line: str) -> "Event":
        """Return the event of a line; HistoryError says what was expected and found."""
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise HistoryError(f"expected a JSON object, found {line!r}") from error
        if not isinstance(fields, dict):
            raise HistoryError(f"expected a JSON object, found {line!r}")
        type_ = text(fields, "type")
        if type_ not in TYPES:
            raise HistoryError(f"expected a type of {TYPES}, found {type_!r}")
        process = fields.get("p")
        if not isinstance(process, int | str):
            raise HistoryError(f"expected a process in p, found {process!r}")
        return Event(
            i=number(fields, "i"),
            t=number(fields, "t"),
            p=process,
            type=type_,
            f=text(fields, "f"),
            v=mapping(fields, "v"),
            node=maybe_text(fields, "node"),
            pos=position(fields["pos"]) if "pos" in fields else None,
            server=maybe_text(fields, "server"),
            attempts=maybe_number(fields, "attempts"),
            read_index=maybe_number(fields, "read_index"),
            applied_index=maybe_number(fields, "applied_index"),
        )


@dataclass(frozen=True, slots=True)
class Op:
    """A call and its end. `end` is None for an op that the history leaves open."""

    invoke: Event
    end: Event | None

    @property
    def type(self) -> str:
        """How it ended: ok, fail, or info; an op without an end is info."""
        return INFO if self.end is None else self.end.type

    @property
    def f(self) -> str:
        """What was called."""
        return self.invoke.f

    @property
    def answer(self) -> Fields:
        """The value of the end; only for ops that ended."""
        assert self.end is not None, self.invoke.i
        return self.end.v

    @property
    def is_client(self) -> bool:
        """Whether a client did it, rather than the nemesis, the monitor or the rig."""
        return isinstance(self.invoke.p, int)


class History:
    """All events of a run in order, and the ops they make."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events: tuple[Event, ...] = tuple(events)
        self.ops: tuple[Op, ...] = tuple(_pair(self.events))

    def client_ops(self, *names: str) -> Iterator[Op]:
        """Yield the ops of clients, of the named functions or of all, by invocation."""
        for op in self.ops:
            if op.is_client and (not names or op.f in names):
                yield op

    def of(self, process: Process, f: str | None = None) -> Iterator[Event]:
        """Yield the events of one process, of one function or of all."""
        for event in self.events:
            if event.p == process and (f is None or event.f == f):
                yield event


def _pair(events: Sequence[Event]) -> list[Op]:
    """Return the ops in order of invocation. Only client processes make ops."""
    open_by_process: dict[int, Event] = {}
    ended: dict[int, Op] = {}
    order: list[Event] = []
    for event in events:
        if not isinstance(event.p, int):
            continue
        before = open_by_process.pop(event.p, None)
        if event.type == INVOKE:
            if before is not None:
                raise HistoryError(
                    f"process {event.p} began op {event.i} while {before.i} was open"
                )
            open_by_process[event.p] = event
            order.append(event)
        else:
            if before is None:
                raise HistoryError(f"event {event.i} ends an op that never began")
            if before.f != event.f:
                raise HistoryError(
                    f"event {event.i} ends {event.f}, but {before.f} was open"
                )
            ended[before.i] = Op(before, event)
    return [ended.get(event.i, Op(event, None)) for event in order]


def read_history(path: Path) -> History:
    """Return the history of a file. A last line cut short by a crash is left out."""
    events: list[Event] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break
            events.append(Event.from_json(line))
    return History(events)


class HistoryWriter:
    """Appends events to `history.jsonl`; each line is flushed as it is written.

    Owned by one event loop. `listeners` see each event after it is in the file.
    """

    def __init__(
        self, path: Path, *, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._file: io.TextIOWrapper = path.open("x", encoding="utf-8")
        self._clock_ns = clock_ns
        self._next = 0
        self.listeners: list[Callable[[Event], None]] = []

    def write(
        self,
        process: Process,
        type_: str,
        f: str,
        v: Fields,
        *,
        node: str | None = None,
        pos: Position | None = None,
        server: str | None = None,
        attempts: int | None = None,
        read_index: int | None = None,
        applied_index: int | None = None,
    ) -> Event:
        """Append one event with the next number and the present time; return it."""
        event = Event(
            i=self._next,
            t=self._clock_ns(),
            p=process,
            type=type_,
            f=f,
            v=v,
            node=node,
            pos=pos,
            server=server,
            attempts=attempts,
            read_index=read_index,
            applied_index=applied_index,
        )
        self._next += 1
        self._file.write(event.to_json() + "\n")
        self._file.flush()
        for listener in self.listeners:
            listener(event)
        return event

    def close(self) -> None:
        """Close the file; later writes fail."""
        self._file.close()

    def __enter__(self) -> "HistoryWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def text(fields: Fields, key: str) -> str:
    """Return the text under `key`; HistoryError if there is none."""
    value = fields.get(key)
    if not isinstance(value, str):
        raise HistoryError(f"expected text in {key!r}, found {value!r}")
    return value


def maybe_text(fields: Fields, key: str) -> str | None:
    """Return the text under `key`, None if the key is absent."""
    return text(fields, key) if fields.get(key) is not None else None


def number(fields: Fields, key: str) -> int:
    """Return the integer under `key`; HistoryError if there is none."""
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise HistoryError(f"expected an integer in {key!r}, found {value!r}")
    return value


def maybe_number(fields: Fields, key: str) -> int | None:
    """Return the integer under `key`, None if the key is absent."""
    return number(fields, key) if fields.get(key) is not None else None


def flag(fields: Fields, key: str) -> bool:
    """Return the truth value under `key`; an absent key is False."""
    value = fields.get(key, False)
    if not isinstance(value, bool):
        raise HistoryError(f"expected true or false in {key!r}, found {value!r}")
    return value


def mapping(fields: Fields, key: str) -> Fields:
    """Return the object under `key`; HistoryError if there is none."""
    value = fields.get(key)
    if not isinstance(value, Mapping):
        raise HistoryError(f"expected an object in {key!r}, found {value!r}")
    return value


def rows(fields: Fields, key: str) -> list[Fields]:
    """Return the list of objects under `key`; an absent key is an empty list."""
    value = fields.get(key, [])
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise HistoryError(f"expected a list in {key!r}, found {value!r}")
    found: list[Fields] = []
    for item in value:
        if not isinstance(item, Mapping):
            raise HistoryError(f"expected objects in {key!r}, found {item!r}")
        found.append(item)
    return found


def texts(fields: Fields, key: str) -> tuple[str, ...]:
    """Return the list of texts under `key`; an absent key is an empty one."""
    value = fields.get(key, [])
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise HistoryError(f"expected a list in {key!r}, found {value!r}")
    if not all(isinstance(item, str) for item in value):
        raise HistoryError(f"expected texts in {key!r}, found {value!r}")
    return tuple(item for item in value if isinstance(item, str))


def numbers(fields: Fields, key: str) -> tuple[int, ...]:
    """Return the list of integers under `key`; an absent key is an empty one."""
    value = fields.get(key, [])
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise HistoryError(f"expected a list in {key!r}, found {value!r}")
    found = tuple(
        item for item in value if isinstance(item, int) and not isinstance(item, bool)
    )
    if len(found) != len(value):
        raise HistoryError(f"expected integers in {key!r}, found {value!r}")
    return found


def position(value: Json) -> Position:
    """Return the position of `[term, index, ordinal]`."""
    parts = numbers({"pos": value}, "pos")
    if len(parts) != 3:
        raise HistoryError(f"expected [term, index, ordinal], found {value!r}")
    return Position(*parts)
