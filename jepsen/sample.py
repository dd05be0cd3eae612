"""What histories are written by hand with: ops, answers, reads and events, in short."""

import dataclasses
from typing import TypeAlias

from jepsen.history import INVOKE, OK, Event, Json, Position

Value: TypeAlias = dict[str, Json]

STEP_NS = 1_000_000
NODES = ("n1", "n2", "n3")
A1, A2 = "acct_1", "acct_2"


class Sample:
    """Writes a history line by line; numbers and times follow by themselves."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(
        self,
        p: int | str,
        type_: str,
        f: str,
        v: Value,
        *,
        pos: tuple[int, int, int] | None = None,
        at: int | None = None,
        node: str | None = None,
    ) -> None:
        """Append an event; `at` is the read and applied index of a read."""
        i = len(self.events)
        position = None if pos is None else Position(*pos)
        event = Event(i, i * STEP_NS, p, type_, f, v, node=node, pos=position)
        if at is not None:
            event = dataclasses.replace(event, read_index=at, applied_index=at)
        self.events.append(event)

    def op(
        self,
        p: int,
        f: str,
        v: Value,
        end: Value,
        *,
        pos: tuple[int, int, int] | None = None,
        at: int | None = None,
        node: str | None = None,
    ) -> None:
        """Append an op that ended ok."""
        self.add(p, INVOKE, f, v, node=node)
        self.add(p, OK, f, end, pos=pos, at=at, node=node)

    def told(
        self, p: int, f: str, v: Value, pos: tuple[int, int, int], **more: Json
    ) -> None:
        """Append a mutation that was answered."""
        self.op(p, f, v, {**told(pos), **more}, pos=pos)


def told(pos: tuple[int, int, int], **more: Json) -> Value:
    """Return what the log said about one command: created, if not said otherwise."""
    return {"pos": list(pos), "ts": pos[1] * 1000, "outcome": "CREATED", **more}


def submit(id_: str, minor: int, account: str = A1) -> Value:
    """Return the invocation of a submit on a sandbox account."""
    return {
        "id": id_,
        "account": account,
        "minor": minor,
        "currency": "USD",
        "rail": "sandbox",
        "dest": "1234567",
        "ref": "r",
    }


def seen(order: Value, index: int, ordinal: int = 0, state: str = "READY") -> Value:
    """Return a payout as a read shows it."""
    return {
        **order,
        "state": state,
        "fee": 0,
        "at": [index, ordinal],
        "ts": index * 1000,
    }


def account(id_: str, available: int, reserved: int, held: int = 0) -> Value:
    """Return an account as a read shows it."""
    return {
        "id": id_,
        "available": available,
        "reserved": reserved,
        "held": held,
        "blocked": 0,
        "receivable": 0,
    }


def trial(available: int, reserved: int, cash: int) -> Value:
    """Return a trial balance of the one book."""
    lines: list[Json] = [
        {"name": "cust/*/available", "debit": 0, "credit": available},
        {"name": "cust/*/reserved", "debit": 0, "credit": reserved},
        {"name": "bank/b/cash", "debit": cash, "credit": 0},
    ]
    book: Json = {
        "livemode": False,
        "currency": "USD",
        "lines": lines,
        "debit": cash,
        "credit": available + reserved,
        "balanced": True,
    }
    return {"books": [book]}


def told_event(
    seq: int,
    at: tuple[int, int],
    kind: str,
    subject: str,
    *accounts: Value,
    states: tuple[str, str] = ("", ""),
    minor: int = 0,
    n: int = 0,
) -> Value:
    """Return an event as a watcher receives it; number n of its command."""
    return {
        "seq": seq,
        "at": [*at, n],
        "kind": kind,
        "subject": subject,
        "before": states[0],
        "after": states[1],
        "minor": minor,
        "ts": at[0] * 1000,
        "accounts": list(accounts),
    }
