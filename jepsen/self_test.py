"""The tester, tested: one history that is right, and many that are wrong in one place.

Every checker must pass the right one and fail each wrong one that is about it; cut
short or empty, a history is unknown. The right history is written by hand here, from the
ledger's rules, not recorded from the daemon.
"""

import copy
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from jepsen.checkers.judge import judge
from jepsen.checkers.verdict import Result, Verdict, merge
from jepsen.history import (
    FAIL,
    INFO,
    INVOKE,
    MONITOR,
    NEMESIS,
    OK,
    RIG,
    WATCH,
    Event,
    History,
    HistoryError,
    Json,
    Position,
)
from jepsen.sample import (
    A1,
    A2,
    NODES,
    STEP_NS,
    Sample,
    Value,
    account,
    seen,
    submit,
    told,
    told_event,
    trial,
)
from jepsen.sample_rails import P1 as R1
from jepsen.sample_rails import P3 as R3
from jepsen.sample_rails import P4 as R4
from jepsen.sample_rails import right_rail_history

Edit: TypeAlias = Callable[[list[Event]], None]

P1, P2, P3, P4, P5, P6, P7 = (f"payout_{number}" for number in range(1, 8))


def right_history() -> list[Event]:
    """Return a history in which everything is as it should be.

    Log: 2 open A1, 3 fund it 1000, 4 open A2, 5 fund it 500, 6 P1 100, 7 P1 again, 8 P1
    with another amount, 9 P2 too much, 10 P2 again, 11 batch P3 20, P4 30, 12 cancel P1,
    13 transfer 50 to A2, 15 P5 7 (never answered), 16 P6 3, 17 P7 1 (the barrier).
    """
    s = Sample()
    _begin(s)
    _idempotency(s)
    _money(s)
    _fault(s)
    _end(s)
    _watched(s)
    return s.events


def _begin(s: Sample) -> None:
    s.add(RIG, INFO, "cluster", {"nodes": list(NODES)})
    s.add(RIG, INFO, "faults", {"enabled": ["kill"]})
    s.add(RIG, INFO, "limits", {"recovery_ms": 50, "deadline_ms": 1000})
    s.add(RIG, INFO, "empty_store", {"empty": True})
    for place, (id_, minor) in enumerate(((A1, 1000), (A2, 500))):
        index = 2 + 2 * place
        opening: Value = {
            "id": id_,
            "currency": "USD",
            "livemode": False,
            "owner": "",
            "min": 0,
        }
        s.told(0, "open_account", opening, (1, index, 0))
        funding: Value = {
            "id": f"req_fund{place}",
            "account": id_,
            "minor": minor,
            "currency": "USD",
            "bank": "b",
            "ref": id_,
        }
        s.told(0, "fund", funding, (1, index + 1, 0))
    s.add(RIG, INFO, "quiet", {"until_ns": 1000 * STEP_NS})


def _idempotency(s: Sample) -> None:
    first = submit(P1, 100)
    s.told(1, "submit", first, (1, 6, 0), state="READY", fee=0)
    again: Value = {"outcome": "REPLAYED", "orig": [6, 0, 6000], "same": True}
    s.told(2, "submit", first, (1, 7, 0), **again, state="READY", fee=0)
    other: Value = {
        "outcome": "CONFLICT",
        "orig": [6, 0, 6000],
        "same": False,
        "differ": ["amount.units"],
    }
    s.told(2, "submit", submit(P1, 101), (1, 8, 0), **other)
    refused: Value = {
        "outcome": "REFUSED",
        "refusal": "INSUFFICIENT_FUNDS",
        "spent": True,
    }
    s.told(1, "submit", submit(P2, 5000), (1, 9, 0), **refused)
    replayed: Value = {**refused, "orig": [9, 0, 9000], "same": True}
    s.told(1, "submit", submit(P2, 5000), (1, 10, 0), **replayed)
    results: list[Json] = [
        told((1, 11, 0), state="READY", fee=0),
        told((1, 11, 1), state="READY", fee=0),
    ]
    orders: list[Json] = [submit(P3, 20), submit(P4, 30)]
    s.op(3, "submit_batch", {"orders": orders}, {"results": results}, pos=(1, 11, 0))


def _money(s: Sample) -> None:
    cancel: Value = {"id": "req_c", "payout": P1, "reason": ""}
    s.told(1, "cancel", cancel, (1, 12, 0), state="CANCELLED")
    move: Value = {
        "id": "req_t",
        "from": A1,
        "to": A2,
        "minor": 50,
        "currency": "USD",
        "ref": "",
    }
    s.told(2, "transfer", move, (1, 13, 0))
    there = seen(submit(P1, 100), 6, state="CANCELLED")
    s.op(3, "get", {"id": P1}, {**there, "found": True}, at=13)
    s.op(3, "balance", {"id": A1}, account(A1, 900, 50), at=13)
    s.op(3, "get", {"id": "payout_none"}, {"id": "payout_none", "found": False})


def _fault(s: Sample) -> None:
    s.add(NEMESIS, INFO, "kill.start", {"nodes": [1]})
    s.add(4, INVOKE, "submit", submit(P5, 7))
    s.add(4, INFO, "submit", {"error": "client killed", "crashed": True})
    s.add(5, INVOKE, "submit", submit("payout_never", 9), node="n1")
    s.add(5, FAIL, "submit", {"error": "NOT_LEADER"}, node="n1")
    s.add(NEMESIS, INFO, "kill.stop", {})
    s.told(5, "submit", submit(P6, 3), (2, 16, 0), state="READY", fee=0)
    s.add(RIG, INFO, "rounds", {"wanted": 1, "done": 1})


def _end(s: Sample) -> None:
    s.told(0, "submit", submit(P7, 1), (2, 17, 0), state="READY", fee=0)
    found = {**seen(submit(P5, 7), 15), "found": True}
    s.op(6, "get", {"id": P5, "final": True}, found, at=17)
    rows: list[Json] = [
        seen(submit(P1, 100), 6, state="CANCELLED"),
        seen(submit(P3, 20), 11, 0),
        seen(submit(P4, 30), 11, 1),
        seen(submit(P5, 7), 15),
        seen(submit(P6, 3), 16),
        seen(submit(P7, 1), 17),
    ]
    both: list[Json] = [account(A1, 889, 61), account(A2, 550, 0)]
    for node in NODES:
        s.op(0, "accounts", {}, {"rows": copy.deepcopy(both)}, at=17, node=node)
        s.op(0, "trial_balance", {}, trial(1439, 61, 1500), at=17, node=node)
        page: Value = {"rows": copy.deepcopy(rows), "more": False}
        s.op(0, "list", {"final": True, "first": True}, page, at=17, node=node)
    for node in NODES:
        status: Value = {
            "role": "LEADER" if node == "n2" else "FOLLOWER",
            "term": 2,
            "index": 17,
            "digest": "d17",
            "final": True,
        }
        s.add(MONITOR, INFO, "status", status, node=node)
        s.add(RIG, INFO, "exit", {"code": 0, "asked": "stop"}, node=node)
        s.add(RIG, INFO, "offline_check", {"code": 0, "output": "ok"}, node=node)


def feed() -> list[Value]:
    """Return the events of the right history."""
    made = "PAYOUT_CREATED"
    new = ("", "READY")
    return [
        told_event(1, (2, 0), "ACCOUNT_OPENED", A1, account(A1, 0, 0)),
        told_event(2, (3, 0), "ACCOUNT_FUNDED", "req_fund0", account(A1, 1000, 0)),
        told_event(3, (4, 0), "ACCOUNT_OPENED", A2, account(A2, 0, 0)),
        told_event(4, (5, 0), "ACCOUNT_FUNDED", "req_fund1", account(A2, 500, 0)),
        told_event(5, (6, 0), made, P1, account(A1, 900, 100), states=new),
        told_event(6, (11, 0), made, P3, account(A1, 880, 120), states=new),
        told_event(7, (11, 1), made, P4, account(A1, 850, 150), states=new),
        told_event(8, (12, 0), "PAYOUT_CANCELLED", P1, account(A1, 950, 50),
                   states=("READY", "CANCELLED")),
        told_event(9, (13, 0), "TRANSFERRED", "req_t", account(A1, 900, 50),
                   account(A2, 550, 0)),
        told_event(10, (15, 0), made, P5, account(A1, 893, 57), states=new),
        told_event(11, (16, 0), made, P6, account(A1, 890, 60), states=new),
        told_event(12, (17, 0), made, P7, account(A1, 889, 61), states=new),
    ]  # fmt: skip


def _watched(s: Sample) -> None:
    """Let one watcher receive everything in two parts, and one the payouts only."""
    whole = feed()
    for watcher, kind, cut in (("quick", "", 7), ("filtered", "PAYOUT_CREATED", 9)):
        for part, mark in ((whole[:cut], cut + 1), (whole[cut:], 13)):
            received = [row for row in part if kind in ("", row["kind"])]
            s.add(WATCH, INFO, "events", {
                "watcher": watcher,
                "kind": kind,
                "rows": copy.deepcopy(received),
                "next": mark,
                "final": mark == 13,
            })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wrong:
    """One edit of a right history, who must notice it, and what he must say.

    has_rail: it is of the history in which a rail pays.
    """

    name: str
    checker: str
    verdict: Verdict
    edit: Edit
    has_rail: bool = False


def _change(f: str, place: int, /, **values: Json) -> Edit:
    """Change values of the n-th event of a function that ended ok, or of the rig's."""

    def edit(events: list[Event]) -> None:
        found = [event for event in events if event.f == f and event.type != INVOKE]
        event = found[place]
        value = {**event.v, **values}
        events[event.i] = dataclasses.replace(event, v=value)

    return edit


def _change_row(f: str, place: int, row: int, /, **values: Json) -> Edit:
    """Change values of one row of the n-th read of a function."""

    def edit(events: list[Event]) -> None:
        event = [event for event in events if event.f == f and event.type == OK][place]
        rows = event.v["rows"]
        assert isinstance(rows, list)
        rows[row] = {**rows[row], **values}

    return edit


def _drop_row(f: str, place: int, row: int) -> Edit:
    def edit(events: list[Event]) -> None:
        event = [event for event in events if event.f == f and event.type == OK][place]
        rows = event.v["rows"]
        assert isinstance(rows, list)
        del rows[row]

    return edit


def _count(row: int, /, **values: Json) -> Edit:
    """Change one row of what the rail says that it did."""

    def edit(events: list[Event]) -> None:
        event = next(event for event in events if event.f == "rail_counts")
        rows = event.v["rows"]
        assert isinstance(rows, list)
        rows[row] = {**rows[row], **values}

    return edit


def _ended(id_: str, **values: Json) -> Edit:
    """Change a payout in the final lists of all nodes."""

    def edit(events: list[Event]) -> None:
        for event in events:
            if event.f == "list" and event.type == OK:
                rows = event.v["rows"]
                assert isinstance(rows, list)
                for row in rows:
                    if row["id"] == id_:
                        row.update(values)

    return edit


def _happened(seq: int, /, **values: Json) -> Edit:
    """Change one event of the feed with the rail."""

    def edit(events: list[Event]) -> None:
        _watch(
            0,
            lambda received: [
                row.update(values) for row in received if row["seq"] == seq
            ],
        )(events)

    return edit


def _watch(place: int, change: Callable[[list[Value]], object], **values: Json) -> Edit:
    """Change the rows, or other values, of the n-th line that a watcher wrote."""

    def edit(events: list[Event]) -> None:
        event = [event for event in events if event.p == WATCH][place]
        value = copy.deepcopy(dict(event.v))
        received = value["rows"]
        assert isinstance(received, list)
        change(received)
        events[event.i] = dataclasses.replace(event, v={**value, **values})

    return edit


def _everywhere(seq: int, /, **values: Json) -> Edit:
    """Change one event as all watchers received it."""

    def edit(events: list[Event]) -> None:
        for place in range(4):
            _watch(
                place,
                lambda received: [
                    row.update(values) for row in received if row["seq"] == seq
                ],
            )(events)

    return edit


def _repeat_row(f: str, place: int, row: int) -> Edit:
    def edit(events: list[Event]) -> None:
        event = [event for event in events if event.f == f and event.type == OK][place]
        rows = event.v["rows"]
        assert isinstance(rows, list)
        rows.append(rows[row])

    return edit


def _add_row(f: str, place: int, row: Value) -> Edit:
    def edit(events: list[Event]) -> None:
        event = [event for event in events if event.f == f and event.type == OK][place]
        rows = event.v["rows"]
        assert isinstance(rows, list)
        rows.append(row)

    return edit


def _read_at(f: str, place: int, index: int) -> Edit:
    def edit(events: list[Event]) -> None:
        event = [event for event in events if event.f == f and event.type == OK][place]
        events[event.i] = dataclasses.replace(
            event, read_index=index, applied_index=index
        )

    return edit


def _without(holds: Callable[[Event], bool]) -> Edit:
    """Leave out the events of which something holds; the others keep their numbers."""

    def edit(events: list[Event]) -> None:
        kept = [event for event in events if not holds(event)]
        events[:] = [dataclasses.replace(e, i=i) for i, e in enumerate(kept)]

    return edit


def _move(place: int, pos: tuple[int, int, int]) -> Edit:
    """Say that the n-th submit stands elsewhere in the log."""

    def edit(events: list[Event]) -> None:
        _change("submit", place, pos=list(pos), ts=pos[1] * 1000)(events)
        event = [e for e in events if e.f == "submit" and e.type != INVOKE][place]
        events[event.i] = dataclasses.replace(event, pos=Position(*pos))

    return edit


def _slow(place: int, seconds: int) -> Edit:
    """Let everything from the n-th submit's end on happen later."""

    def edit(events: list[Event]) -> None:
        begin = [e for e in events if e.f == "submit" and e.type != INVOKE][place].i
        for event in events[begin:]:
            events[event.i] = dataclasses.replace(
                event, t=event.t + seconds * 1_000_000_000
            )

    return edit


def _busy(slow: Edit) -> Edit:
    """Slow something down, and say that others used the machine meanwhile."""

    def edit(events: list[Event]) -> None:
        slow(events)
        _use(events)

    return edit


def _use(events: list[Event]) -> None:
    last = events[-1]
    for t, v in (
        (0, {"total": 0, "busy": 0, "own": 0}),
        (last.t, {"total": 1000, "busy": 900, "own": 100}),
    ):
        events.append(Event(len(events), t, RIG, INFO, "cpu", v))


INVALID, UNKNOWN = Verdict.INVALID, Verdict.UNKNOWN

# Ends of submits in order: 0 P1, 1 again, 2 conflict, 3 P2, 4 P2 again, 5 P5 (info),
# 6 never (fail), 7 P6, 8 P7.
WRONGS: tuple[Wrong, ...] = (
    Wrong("a refusal with another code", "positions", INVALID,
          _change("submit", 3, refusal="ACCOUNT_NOT_FOUND")),
    Wrong("a refused retry that suddenly succeeds", "positions", INVALID,
          _change("submit", 4, outcome="CREATED", refusal=None, spent=False)),
    Wrong("a retry created again", "positions", INVALID,
          _change("submit", 1, outcome="CREATED", orig=[])),
    Wrong("a retry with another original position", "positions", INVALID,
          _change("submit", 1, orig=[5, 0, 5000])),
    Wrong("a retry with another original time", "positions", INVALID,
          _change("submit", 1, orig=[6, 0, 6001])),
    Wrong("a conflict that names another field", "positions", INVALID,
          _change("submit", 2, differ=["rail"])),
    Wrong("a wrong state in an answer", "positions", INVALID,
          _change("submit", 0, state="SENT")),
    Wrong("a fee nobody set", "positions", INVALID, _change("submit", 0, fee=1)),
    Wrong("one position for two commands", "positions", INVALID, _move(7, (2, 13, 0))),
    Wrong("a later write at an earlier position", "positions", INVALID,
          _move(7, (1, 14, 0))),
    Wrong("log time that falls", "positions", INVALID,
          _change("submit", 7, ts=14_000)),
    Wrong("a stale read", "positions", INVALID, _read_at("balance", 0, 12)),
    Wrong("a read that shows the future", "positions", INVALID,
          _read_at("get", 0, 11)),
    Wrong("a wrong balance", "positions", INVALID, _change("balance", 0, available=800)),
    Wrong("a payout in the wrong state", "positions", INVALID,
          _change("get", 0, state="READY")),
    Wrong("an acknowledged id that is not found", "positions", INVALID,
          _change("get", 1, id=P3)),
    Wrong("a torn batch", "positions", INVALID,
          _change("submit_batch", 0, results=[
              told((1, 11, 0), state="READY", fee=0),
              told((1, 11, 2), state="READY", fee=0)])),
    Wrong("an op of unknown fate nobody resolved", "positions", UNKNOWN,
          _without(lambda e: e.p == 6 or e.f == "list")),
    Wrong("an acknowledged payout lost on one node", "exactly_once", INVALID,
          _drop_row("list", 1, 2)),
    Wrong("a payout twice on one node", "exactly_once", INVALID,
          _repeat_row("list", 2, 1)),
    Wrong("a phantom payout", "exactly_once", INVALID,
          _add_row("list", 0, seen(submit("payout_phantom", 5), 14))),
    Wrong("a refused payout that is there", "exactly_once", INVALID,
          _add_row("list", 0, seen(submit(P2, 5000), 9))),
    Wrong("a payout that was never logged", "exactly_once", INVALID,
          _add_row("list", 0, seen(submit("payout_never", 9), 14))),
    Wrong("a payout with another amount", "exactly_once", INVALID,
          _change_row("list", 0, 3, minor=8)),
    Wrong("an unknown payout on one node only", "exactly_once", INVALID,
          _drop_row("list", 0, 3)),
    Wrong("no final list of a node", "exactly_once", UNKNOWN,
          _without(lambda e: e.f == "list" and e.node == "n3")),
    Wrong("money made", "bank", INVALID, _change_row("accounts", 0, 0, available=890)),
    Wrong("an account below its bound", "bank", INVALID,
          _change_row("accounts", 1, 0, available=-1)),
    Wrong("a missing account", "bank", INVALID, _drop_row("accounts", 2, 1)),
    Wrong("an unexpected account", "bank", INVALID,
          _add_row("accounts", 0, account("acct_9", 0, 0))),
    Wrong("a book that does not balance", "bank", INVALID,
          _change("trial_balance", 0, books=trial(1440, 61, 1500)["books"])),
    Wrong("nobody read all accounts", "bank", UNKNOWN,
          _without(lambda e: e.f in ("accounts", "trial_balance"))),
    Wrong("an event that a watcher never received", "watch", INVALID,
          _watch(0, lambda rows: rows.pop(3))),
    Wrong("an event too late after a resume", "watch", INVALID,
          _watch(1, lambda rows: rows.pop(0))),
    Wrong("an event twice", "watch", INVALID,
          _watch(1, lambda rows: rows.insert(0, dict(rows[0], seq=7)))),
    Wrong("events out of order", "watch", INVALID,
          _watch(0, lambda rows: rows.reverse())),
    Wrong("events that stand in the log in another order", "watch", INVALID,
          _everywhere(6, at=[11, 2, 0])),
    Wrong("a torn command", "watch", INVALID, _everywhere(9, at=[13, 0, 1])),
    Wrong("a mark ahead of what was received", "watch", INVALID,
          _watch(0, lambda rows: None, next=9)),
    Wrong("a mark that goes back", "watch", INVALID,
          _watch(3, lambda rows: None, next=13 - 4)),
    Wrong("a filter that leaves one out", "watch", INVALID,
          _watch(2, lambda rows: rows.pop(1))),
    Wrong("another event on one node", "watch", INVALID,
          _watch(3, lambda rows: rows[0].update(subject="payout_9"))),
    Wrong("a state that was never there", "watch", INVALID, _everywhere(8, before="SENT")),
    Wrong("an acknowledged payout without its event", "watch", INVALID,
          _everywhere(7, subject="payout_9")),
    Wrong("balances that no read shows", "watch", INVALID,
          _everywhere(12, accounts=[account(A1, 888, 61)])),
    Wrong("a gap that the library found", "watch", INVALID,
          lambda events: events.append(Event(
              len(events), 10**12, WATCH, INFO, "error",
              {"watcher": "quick", "error": "expected events behind 3"}))),
    Wrong("nobody watched", "watch", UNKNOWN, _without(lambda e: e.p == WATCH)),
    Wrong("a watcher that was cut off", "watch", UNKNOWN,
          _watch(3, lambda rows: None, final=False)),
    Wrong("another digest on one node", "digests", INVALID,
          _change("status", 2, digest="other")),
    Wrong("two leaders in one term", "digests", INVALID,
          _change("status", 0, role="LEADER")),
    Wrong("nodes that did not come to rest", "digests", UNKNOWN,
          _change("status", 2, index=16, digest="d16")),
    Wrong("a node whose state could not be read at the end", "digests", UNKNOWN,
          _change("status", 2, index=0, digest="")),
    Wrong("no final status", "digests", UNKNOWN, _without(lambda e: e.f == "status")),
    Wrong("a node that ended on its own", "logs", INVALID,
          _change("exit", 1, code=74, asked="none")),
    Wrong("a data directory that is not clean", "offline", INVALID,
          _change("offline_check", 0, code=71)),
    Wrong("no directory was checked", "offline", UNKNOWN,
          _without(lambda e: e.f == "offline_check")),
    Wrong("a slow recovery", "availability", INVALID, _slow(7, 1)),
    Wrong("a slow recovery on a busy machine", "availability", UNKNOWN,
          _busy(_slow(7, 1))),
    Wrong("an op far past its deadline on a busy machine", "availability", UNKNOWN,
          _busy(_slow(6, 5))),
    Wrong("no acknowledgement after the heal", "availability", INVALID,
          _without(lambda e: e.f == "submit" and e.p in (0, 5))),
    Wrong("an op far past its deadline", "availability", INVALID, _slow(6, 5)),
    Wrong("a store that was not empty", "assumptions", UNKNOWN,
          _change("empty_store", 0, empty=False)),
    Wrong("a fault that never happened", "assumptions", UNKNOWN,
          _without(lambda e: e.p == NEMESIS)),
    Wrong("a fault that was never healed", "assumptions", UNKNOWN,
          _without(lambda e: e.f == "kill.stop")),
    Wrong("a kind of op that never succeeded", "assumptions", UNKNOWN,
          _without(lambda e: e.f == "transfer" and e.type == OK)),
    Wrong("fewer rounds than asked for", "assumptions", UNKNOWN,
          _change("rounds", 0, wanted=2)),
    Wrong("an event that the model does not expect", "positions", INVALID,
          _everywhere(9, kind="ACCOUNT_FUNDED")),
    Wrong("an event that nobody asked for", "positions", INVALID,
          _everywhere(9, at=[14, 0, 0], ts=14_000)),
    Wrong("balances in an event that are not the model's", "positions", INVALID,
          _everywhere(10, accounts=[account(A1, 894, 56)])),
    Wrong("a payment executed twice", "rails", INVALID, _count(0, executions=2),
          has_rail=True),
    Wrong("a payment of nobody", "rails", INVALID, _count(0, key="KX"), has_rail=True),
    Wrong("a failed payout that was executed", "rails", INVALID,
          _count(1, executions=1), has_rail=True),
    Wrong("a cancelled payout that was executed", "rails", INVALID,
          _ended(R4, key="K1"), has_rail=True),
    Wrong("a settled payout that was never executed", "rails", INVALID,
          _count(0, executions=0), has_rail=True),
    Wrong("a payout that did not come to its end", "rails", INVALID,
          _ended(R1, state="SENT"), has_rail=True),
    Wrong("another end than its number stands for", "rails", INVALID,
          _ended(R1, dest="000000003"), has_rail=True),
    Wrong("nobody asked the rail", "rails", UNKNOWN,
          _without(lambda e: e.f == "rail_counts"), has_rail=True),
    Wrong("nothing came back", "rails", UNKNOWN,
          _ended(R3, state="SETTLED", dest="000000001"), has_rail=True),
    Wrong("a dispatch after the settlement", "positions", INVALID,
          _happened(9, kind="DISPATCH_BEGUN"), has_rail=True),
    Wrong("an acknowledgement that moved money", "positions", INVALID,
          _happened(8, accounts=[account(A1, 600, 300)]), has_rail=True),
    Wrong("a cancel that wins against a dispatch", "positions", INVALID,
          _change("cancel", 0, outcome="CREATED", refusal=None, spent=False,
                  state="CANCELLED"), has_rail=True),
    Wrong("a late cancel that does not name the winner", "positions", INVALID,
          _change("cancel", 0, state="READY"), has_rail=True),
    Wrong("a hold captured after its time", "positions", INVALID,
          _change("capture_hold", 0, outcome="CREATED", refusal=None, spent=False),
          has_rail=True),
    Wrong("a hold that expired early", "positions", INVALID,
          _happened(7, ts=7_900), has_rail=True),
    Wrong("a payout let go early", "positions", INVALID,
          _happened(15, ts=17_400), has_rail=True),
    Wrong("a return that lost something", "positions", INVALID,
          _ended(R3, returned=79), has_rail=True),
    Wrong("a feed that nobody has whole", "positions", UNKNOWN,
          _watch(0, lambda rows: None, final=False), has_rail=True),
    Wrong("a planted bug that was never reached", "assumptions", UNKNOWN,
          lambda events: events.append(Event(
              len(events), 10**12, RIG, INFO, "plant", {"reached": False}))),
)  # fmt: skip


def judge_events(
    events: list[Event], log: str = '{"event":"started"}\n'
) -> list[Result]:
    """Judge events, with one line of log for each node."""
    with tempfile.TemporaryDirectory() as folder:
        for node in NODES:
            (Path(folder) / node).mkdir()
            (Path(folder) / node / "log").write_text(log, encoding="utf-8")
        return judge(History(events), Path(folder))


def problems_of(wrong: Wrong) -> Iterator[str]:
    """Yield what is not as known about one wrong history."""
    right = right_rail_history() if wrong.has_rail else right_history()
    events = copy.deepcopy(right)
    wrong.edit(events)
    try:
        results = judge_events(events)
    except HistoryError as error:
        yield f"{wrong.name}: it cannot be read: {error}"
        return
    for result in results:
        if result.checker == wrong.checker and result.verdict != wrong.verdict:
            yield (
                f"{wrong.name}: {wrong.checker} says {result.verdict.name}, known is"
                f" {wrong.verdict.name}"
            )
        for finding in result.findings:
            if "the checker failed" in finding.sentence:
                yield f"{wrong.name}: {result.checker}: {finding.sentence}"


def self_test(tell: Callable[[str], None]) -> list[str]:
    """Return everything that is not as known; tell what was tried."""
    problems: list[str] = []
    for right in (right_history(), right_rail_history()):
        for result in judge_events(right):
            problems += [
                f"a right history: {result.checker}: {finding.sentence}"
                for finding in result.findings
            ]
    if merge(judge_events([])) is not Verdict.UNKNOWN:
        problems.append("the empty history is not unknown")
    traceback = judge_events(right_history(), "Traceback (most recent call last):\n")
    if merge(traceback) is not Verdict.INVALID:
        problems.append("a traceback in a log is not invalid")
    for wrong in WRONGS:
        problems += problems_of(wrong)
    tell(f"self-test: 2 right histories, {len(WRONGS)} wrong ones, an empty one, a log")
    return problems
