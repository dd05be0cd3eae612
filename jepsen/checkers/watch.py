"""What watchers received: seven guarantees of the feed (C7).

ordered       numbers and positions rise
unique        no event twice
atomic        the events of one command stand together, numbered from 0
reliable      no number is missing, from 1 to the last; nor any acknowledged payout
resumable     all that holds across nodes and restarts, for the watchers hop
bookmarkable  where to resume is behind what was received, and never beyond it
faithful      all watchers were told the same; filters are exact; states follow each other;
              balances in the events are those that reads of all accounts show
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jepsen import wire
from jepsen.checkers.verdict import Result
from jepsen.commands import Submit
from jepsen.history import (
    OK,
    WATCH,
    Event,
    Fields,
    History,
    flag,
    number,
    numbers,
    rows,
    text,
)

FINDINGS_MAX = 20
BALANCES = ("available", "reserved", "held", "blocked", "receivable")


@dataclass(slots=True)
class _Stream:
    """What one watcher received so far. kind: what it asked for, "" for everything."""

    name: str
    kind: str
    told: list[Fields] = field(default_factory=list)
    next_seq: int = 1
    is_final: bool = False


def check_watch(history: History) -> Result:
    """Judge everything that watchers wrote; without any that came to its end it is unknown."""
    result = Result("watch")
    streams = _streams(history, result)
    for event in history.of(WATCH, "error"):
        result.invalid(f"{text(event.v, 'watcher')}: {text(event.v, 'error')}", event.i)
    whole = [each for each in streams.values() if not each.kind and each.is_final]
    if not whole:
        result.unknown("no watcher without a filter came to its end")
        return result
    unfinished = [each.name for each in streams.values() if not each.is_final]
    if unfinished:
        result.unknown(f"watchers that did not come to their end: {unfinished}")
    feed = whole[0].told
    _same(streams, feed, result)
    _atomic(feed, result)
    _states(feed, result)
    _payouts(history, feed, result)
    _balances(history, feed, result)
    result.numbers["watchers"] = len(streams)
    result.numbers["events"] = len(feed)
    del result.findings[FINDINGS_MAX:]
    return result


def _streams(history: History, result: Result) -> dict[str, _Stream]:
    """Return the watchers by name; order and marks are judged line by line."""
    streams: dict[str, _Stream] = {}
    for event in history.of(WATCH, "events"):
        name = text(event.v, "watcher")
        stream = streams.setdefault(name, _Stream(name, text(event.v, "kind")))
        for row in rows(event.v, "rows"):
            _received(stream, row, event, result)
        mark = number(event.v, "next")
        last = number(stream.told[-1], "seq") if stream.told else 0
        is_right = mark > last if stream.kind else mark == last + 1
        if not is_right or mark < stream.next_seq:
            result.invalid(
                f"{name} would resume at {mark} after event {last}, and before at"
                f" {stream.next_seq}",
                event.i,
            )
        stream.next_seq = mark
        stream.is_final |= flag(event.v, "final")
    return streams


def _received(stream: _Stream, row: Fields, event: Event, result: Result) -> None:
    seq = number(row, "seq")
    before = stream.told[-1] if stream.told else None
    last = number(before, "seq") if before is not None else 0
    if seq <= last:
        result.invalid(f"{stream.name} received event {seq} after {last}", event.i)
        return
    if not stream.kind and seq != last + 1:
        result.invalid(f"{stream.name} missed {last + 1} .. {seq - 1}", event.i)
    if seq < stream.next_seq:
        result.invalid(
            f"{stream.name} received event {seq} behind its mark {stream.next_seq}",
            event.i,
        )
    if before is not None and numbers(row, "at") <= numbers(before, "at"):
        result.invalid(f"event {seq} stands before event {last} in the log", event.i)
    stream.told.append(row)


def _same(streams: Mapping[str, _Stream], feed: list[Fields], result: Result) -> None:
    """Every watcher was told what the whole feed has, as far as it asked for it."""
    for stream in streams.values():
        last = max(
            stream.next_seq - 1, number(stream.told[-1], "seq") if stream.told else 0
        )
        wanted = [
            row
            for row in feed
            if number(row, "seq") <= last and stream.kind in ("", text(row, "kind"))
        ]
        if stream.told == wanted:
            continue
        found = {number(row, "seq"): row for row in stream.told}
        expected = {number(row, "seq"): row for row in wanted}
        differing = sorted(
            seq
            for seq in found.keys() | expected.keys()
            if found.get(seq) != expected.get(seq)
        )
        result.invalid(
            f"{stream.name} was told otherwise than others of events {differing[:5]}"
        )


def _atomic(feed: list[Fields], result: Result) -> None:
    """The events of a command are numbered from 0, one after the other."""
    before: tuple[int, ...] = (0, 0, -1)
    for row in feed:
        at = numbers(row, "at")
        expected = before[2] + 1 if at[:2] == before[:2] else 0
        if at[2] != expected:
            result.invalid(
                f"event {number(row, 'seq')} is number {at[2]} of its command, expected"
                f" {expected}"
            )
        before = at


def _states(feed: list[Fields], result: Result) -> None:
    """What a payout was before a change is what the change before it left."""
    states: dict[str, str] = {}
    for row in feed:
        after = text(row, "after")
        if not after:
            continue
        subject, before = text(row, "subject"), text(row, "before")
        if states.get(subject, "") != before:
            result.invalid(
                f"event {number(row, 'seq')}: {subject} was {states.get(subject)!r}, told is"
                f" {before!r}"
            )
        states[subject] = after


def _payouts(history: History, feed: list[Fields], result: Result) -> None:
    """Each acknowledged payout has its event, where the answer said that it stands."""
    created = {
        text(row, "subject"): numbers(row, "at")[:2]
        for row in feed
        if text(row, "kind") == "PAYOUT_CREATED"
    }
    missing = 0
    for op in history.client_ops(wire.SUBMIT, wire.SUBMIT_BATCH):
        if op.type != OK or op.end is None:
            continue
        commands = wire.commands_of(op.f, op.invoke.v)
        for command, answer in zip(
            commands, wire.answers_of(op.f, op.answer), strict=False
        ):
            if answer.outcome != "CREATED" or not isinstance(command, Submit):
                continue
            at = created.get(command.payout)
            if at != answer.pos.key:
                missing += 1
                result.invalid(
                    f"{command.payout} was created at {answer.pos}, its event stands at {at}",
                    op.end.i,
                )
    result.numbers["payouts without event"] = missing


def _balances(history: History, feed: list[Fields], result: Result) -> None:
    """Whoever folds the events up to an index has what a read at that index shows."""
    compared = 0
    folded: dict[str, tuple[int, ...]] = {}
    reads = sorted(
        (
            op.end
            for op in history.client_ops(wire.ACCOUNTS)
            if op.type == OK and op.end is not None
        ),
        key=lambda event: event.applied_index or 0,
    )
    rest = iter(feed)
    coming = next(rest, None)
    for read in reads:
        if read.applied_index is None:
            continue
        while coming is not None and numbers(coming, "at")[0] <= read.applied_index:
            for after in rows(coming, "accounts"):
                folded[text(after, "id")] = tuple(
                    number(after, name) for name in BALANCES
                )
            coming = next(rest, None)
        for row in rows(read.v, "rows"):
            found = tuple(number(row, name) for name in BALANCES)
            told = folded.get(text(row, "id"))
            compared += 1
            if found != told:
                result.invalid(
                    f"{text(row, 'id')} has {found} at index {read.applied_index}, its"
                    f" events say {told}",
                    read.i,
                )
    result.numbers["balances compared"] = compared
