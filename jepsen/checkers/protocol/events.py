"""Protocol events from NDJSON files: read, checked for form, and put into one order.

One file of a simulation has the events of all nodes in their true order. Files of single nodes have
no common clock that could be trusted, so they are merged by cause: a receive never comes before its
send. What such an order cannot decide is left to the rules to say.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MESSAGE = re.compile(r"(\d+)->(\d+) (\w+) term=(\d+)(.*)")
FIELD = re.compile(r"(\w+)=(\S+)")


class FormError(Exception):
    """A line is not a protocol event. The message says which and why."""


@dataclass(frozen=True, slots=True)
class EntryId:
    """One entry: equal links stand for equal logs up to it."""

    term: int
    index: int
    link: str

    def __str__(self) -> str:
        return f"{self.term}/{self.index}"


class Message(NamedTuple):
    """A message by its one-line form. words: what stands behind the term without a `=`."""

    sender: int
    to: int
    kind: str
    term: int
    fields: Mapping[str, str]
    words: frozenset[str]

    def number(self, name: str) -> int:
        """Return a numeric field."""
        return int(self.fields[name])


class Voting(NamedTuple):
    """Who decides: the voters, and while two memberships are in force the outgoing ones."""

    voters: frozenset[int]
    outgoing: frozenset[int]

    @property
    def halves(self) -> tuple[frozenset[int], ...]:
        """The groups of which each must have a majority."""
        return (self.voters, self.outgoing) if self.outgoing else (self.voters,)


@dataclass(frozen=True, slots=True)
class Event:
    """One line. where: its file and line number, for people."""

    where: str
    name: str
    tick: int
    node: int
    incarnation: int
    fields: Mapping[str, object]

    def has(self, name: str) -> bool:
        """Return whether the line has this field."""
        return name in self.fields

    def number(self, name: str) -> int:
        """Return a numeric field."""
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise FormError(f"{self.where}: {name}: expected a number, found {value!r}")
        return value

    def text(self, name: str) -> str:
        """Return a field that is text."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise FormError(f"{self.where}: {name}: expected text, found {value!r}")
        return value

    def entry(self, name: str) -> EntryId:
        """Return a field [term, index, link]."""
        return self._entry(name, self.fields.get(name))

    def entries(self, name: str) -> list[EntryId]:
        """Return a list of [term, index, link], empty if the field is absent."""
        value = self.fields.get(name, [])
        if not isinstance(value, list):
            raise FormError(f"{self.where}: {name}: expected a list, found {value!r}")
        return [self._entry(name, each) for each in value]

    def voting(self, name: str) -> Voting:
        """Return a field {"voters": [...], "outgoing": [...]}."""
        value = self.fields.get(name)
        try:
            assert isinstance(value, dict)
            return Voting(
                frozenset(map(int, value["voters"])),
                frozenset(map(int, value.get("outgoing", ()))),
            )
        except (AssertionError, KeyError, TypeError, ValueError):
            message = f"{self.where}: {name}: expected a membership, found {value!r}"
            raise FormError(message) from None

    def message(self) -> Message:
        """Return the message that was sent, received or dropped."""
        line = self.text("message")
        found = MESSAGE.match(line)
        if found is None:
            raise FormError(f"{self.where}: message: cannot read {line!r}")
        sender, to, kind, term, rest = found.groups()
        fields = dict(FIELD.findall(rest))
        words = frozenset(word for word in rest.split() if "=" not in word)
        return Message(int(sender), int(to), kind, int(term), fields, words)

    def _entry(self, name: str, value: object) -> EntryId:
        try:
            assert isinstance(value, list)
            term, index, link = value
            return EntryId(int(term), int(index), str(link))
        except (AssertionError, TypeError, ValueError):
            message = f"{self.where}: {name}: expected an entry, found {value!r}"
            raise FormError(message) from None


def read(path: Path) -> Iterator[Event]:
    """Yield the events of a file."""
    with path.open(encoding="utf-8") as file:
        yield from parse(file, path.name)


def parse(lines: Iterable[str], source: str) -> Iterator[Event]:
    """Yield events from lines; empty lines are passed over.

    A last line that was cut off, as a killed process leaves it, ends the file.
    """
    number = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except ValueError:
            if not line.endswith("\n"):
                return
            raise FormError(f"{source}:{number}: not JSON") from None
        if not isinstance(fields, dict):
            raise FormError(f"{source}:{number}: expected an object")
        where = f"{source}:{number}"
        event = Event(where, "", 0, 0, 0, fields)
        yield Event(
            where,
            event.text("event"),
            event.number("tick"),
            event.number("node"),
            event.number("incarnation"),
            fields,
        )


def merge(files: Sequence[Iterable[Event]]) -> Iterator[Event]:
    """Yield the events of all files in an order in which nothing is received before it was sent.

    Among what may come next the smallest tick does. A message whose send is in no file holds up
    nothing once every file waits for such a one.
    """
    if len(files) == 1:
        yield from files[0]
        return
    sources = [iter(file) for file in files]
    heads = [next(source, None) for source in sources]
    sent: set[object] = set()
    while True:
        open_ = [number for number, head in enumerate(heads) if head is not None]
        if not open_:
            return
        chosen = min(open_, key=lambda number: _rank(heads[number], sent))
        event = heads[chosen]
        assert event is not None
        if event.name == "send":
            sent.add(event.fields.get("id"))
        yield event
        heads[chosen] = next(sources[chosen], None)


def _rank(event: Event | None, sent: set[object]) -> tuple[bool, int]:
    assert event is not None
    waits = event.name == "receive" and event.fields.get("id") not in sent
    return waits, event.tick
