"""A right history in which a rail pays, written by hand from the rules."""

import copy

from jepsen.history import INFO, MONITOR, NEMESIS, RIG, WATCH, Event, Json
from jepsen.sample import (
    A1,
    NODES,
    STEP_NS,
    Sample,
    Value,
    account,
    seen,
    submit,
    told_event,
)

P1, P2, P3, P4 = (f"payout_r{number}" for number in range(1, 5))
HOLD = "hold_1"
FEE = 7
LATE: Value = {"outcome": "REFUSED", "spent": True}


def right_rail_history() -> list[Event]:
    """Return a history in which payouts come to their ends, and everything is right.

    Log: 2 open A1, 3 fund it 1000, 4 a fee of 7, 5 a hold of 100 until 8 ms, 6 P1 300, 7 P1
    dispatched, 8 the hold expires, 9 it is captured too late, 10 P1 sent, 11 P1 cancelled too
    late, 12 P1 settled, 13 P2 50, 14 P3 90 for 17.5 ms, 15 P4 20, 16 P4 cancelled, 17 P2
    dispatched, 18 P3 let go, 19 P2 failed, 20 P3 dispatched, 21 P3 comes back 10 short before its
    settlement does, 22 that settlement, 23 P1 recalled.
    """
    s = Sample()
    _begin(s)
    _asked(s)
    _end(s)
    s.add(
        WATCH,
        INFO,
        "events",
        {"watcher": "quick", "kind": "", "rows": _feed(), "next": 22, "final": True},
    )
    return s.events


def _order(id_: str, minor: int, number: str = "1234567", release: int = 0) -> Value:
    return {**submit(id_, minor), "dest": number, "release": release}


ORDERS = {
    P1: _order(P1, 300),
    P2: _order(P2, 50, "000000002"),
    P3: _order(P3, 90, "000000007", 17_500),
    P4: _order(P4, 20),
}


def _begin(s: Sample) -> None:
    s.add(RIG, INFO, "rail", {"address": "127.0.0.1:1"})
    s.add(RIG, INFO, "cluster", {"nodes": list(NODES)})
    s.add(RIG, INFO, "faults", {"enabled": ["kill"]})
    s.add(RIG, INFO, "limits", {"recovery_ms": 50, "deadline_ms": 1000})
    s.add(RIG, INFO, "empty_store", {"empty": True})
    opening: Value = {
        "id": A1,
        "currency": "USD",
        "livemode": False,
        "owner": "",
        "min": 0,
    }
    s.told(0, "open_account", opening, (1, 2, 0))
    funding: Value = {
        "id": "req_fund",
        "account": A1,
        "minor": 1000,
        "currency": "USD",
        "bank": "b",
        "ref": A1,
    }
    s.told(0, "fund", funding, (1, 3, 0))
    fees: Value = {
        "id": "req_fees",
        "rail": "sandbox",
        "currency": "USD",
        "fixed": FEE,
        "bps": 0,
    }
    s.told(0, "set_fees", fees, (1, 4, 0))
    s.add(RIG, INFO, "quiet", {"until_ns": 1000 * STEP_NS})


def _asked(s: Sample) -> None:
    hold: Value = {
        "id": HOLD,
        "account": A1,
        "minor": 100,
        "currency": "USD",
        "ttl": 3_000,
        "ref": "",
    }
    s.told(1, "create_hold", hold, (1, 5, 0))
    ready: Value = {"state": "READY", "fee": FEE}
    s.told(1, "submit", ORDERS[P1], (1, 6, 0), **ready)
    capture: Value = {
        "id": "req_capture",
        "hold": HOLD,
        "to": A1,
        "minor": 100,
        "currency": "USD",
        "ref": "",
    }
    s.told(1, "capture_hold", capture, (1, 9, 0), **LATE, refusal="HOLD_EXPIRED")
    cancel: Value = {"id": "req_c1", "payout": P1, "reason": ""}
    late: Value = {**LATE, "refusal": "WRONG_STATE", "state": "SENT"}
    s.told(1, "cancel", cancel, (1, 11, 0), **late)
    s.op(3, "balance", {"id": A1}, account(A1, 693, 0), at=12)
    s.told(1, "submit", ORDERS[P2], (1, 13, 0), **ready)
    scheduled: Value = {"state": "SCHEDULED", "fee": FEE}
    s.told(1, "submit", ORDERS[P3], (1, 14, 0), **scheduled)
    s.told(1, "submit", ORDERS[P4], (1, 15, 0), **ready)
    cancel = {"id": "req_c4", "payout": P4, "reason": ""}
    s.told(1, "cancel", cancel, (1, 16, 0), state="CANCELLED")
    s.add(NEMESIS, INFO, "kill.start", {"nodes": [1]})
    s.add(NEMESIS, INFO, "kill.stop", {})
    recall: Value = {"id": "req_r1", "payout": P1, "reason": ""}
    s.told(1, "recall", recall, (2, 23, 0), state="SETTLED")
    s.add(RIG, INFO, "rounds", {"wanted": 1, "done": 1})


def _end(s: Sample) -> None:
    counts: list[Json] = [
        {"key": "K1", "sends": 1, "executions": 1},
        {"key": "K2", "sends": 1, "executions": 0},
        {"key": "K3", "sends": 2, "executions": 1},
    ]
    s.add(RIG, INFO, "rail_counts", {"rows": counts})
    fee: Value = {"fee": FEE}
    back: Value = {"returned": 80, "absorbed": 10, "refunded": FEE}
    rows: list[Json] = [
        {**seen(ORDERS[P1], 6, state="SETTLED"), **fee, "key": "K1", "recalled": 1},
        {**seen(ORDERS[P2], 13, state="FAILED"), **fee, "key": "K2"},
        {**seen(ORDERS[P3], 14, state="RETURNED"), **fee, "key": "K3", **back},
        {**seen(ORDERS[P4], 15, state="CANCELLED"), **fee},
    ]
    for node in NODES:
        one: list[Json] = [account(A1, 693, 0)]
        s.op(0, "accounts", {}, {"rows": one}, at=23, node=node)
        s.op(0, "trial_balance", {}, _trial(), at=23, node=node)
        page: Value = {"rows": copy.deepcopy(rows), "more": False}
        s.op(0, "list", {"final": True, "first": True}, page, at=23, node=node)
    for node in NODES:
        status: Value = {
            "role": "LEADER" if node == "n2" else "FOLLOWER",
            "term": 2,
            "index": 23,
            "digest": "d23",
            "final": True,
        }
        s.add(MONITOR, INFO, "status", status, node=node)
        s.add(RIG, INFO, "exit", {"code": 0, "asked": "stop"}, node=node)
        s.add(RIG, INFO, "offline_check", {"code": 0, "output": "ok"}, node=node)


def _trial() -> Value:
    lines: list[Json] = [
        {"name": "cust/*/available", "debit": 0, "credit": 693},
        {"name": "bank/b/cash", "debit": 1000, "credit": 0},
        {"name": "bank/main/cash", "debit": 0, "credit": 310},
        {"name": "rev/payout_fee", "debit": 0, "credit": FEE},
        {"name": "exp/returns", "debit": 10, "credit": 0},
    ]
    book: Json = {
        "livemode": False,
        "currency": "USD",
        "lines": lines,
        "debit": 1010,
        "credit": 1010,
        "balanced": True,
    }
    return {"books": [book]}


def _feed() -> list[Json]:
    """Return all events. Dispatch, evidence and what falls due are asked for by no client."""
    made, begun, ready = "PAYOUT_CREATED", "DISPATCH_BEGUN", ("READY", "DISPATCHING")
    settled, sent = "PAYOUT_SETTLED", ("SENT", "SETTLED")
    return [
        told_event(1, (2, 0), "ACCOUNT_OPENED", A1, account(A1, 0, 0)),
        told_event(2, (3, 0), "ACCOUNT_FUNDED", "req_fund", account(A1, 1000, 0)),
        told_event(3, (4, 0), "FEES_SET", "req_fees"),
        told_event(4, (5, 0), "HOLD_CREATED", HOLD, account(A1, 900, 0, 100), minor=100),
        told_event(5, (6, 0), made, P1, account(A1, 593, 307, 100),
                   states=("", "READY"), minor=300),
        told_event(6, (7, 0), begun, P1, account(A1, 593, 7, 100), states=ready),
        told_event(7, (8, 0), "HOLD_EXPIRED", HOLD, account(A1, 693, 7), minor=100),
        told_event(8, (10, 0), "PAYOUT_SENT", P1, states=("DISPATCHING", "SENT")),
        told_event(9, (12, 0), settled, P1, account(A1, 693, 0), states=sent),
        told_event(10, (13, 0), made, P2, account(A1, 636, 57), states=("", "READY")),
        told_event(11, (14, 0), made, P3, account(A1, 539, 154),
                   states=("", "SCHEDULED")),
        told_event(12, (15, 0), made, P4, account(A1, 512, 181), states=("", "READY")),
        told_event(13, (16, 0), "PAYOUT_CANCELLED", P4, account(A1, 539, 154),
                   states=("READY", "CANCELLED")),
        told_event(14, (17, 0), begun, P2, account(A1, 539, 104), states=ready),
        told_event(15, (18, 0), "PAYOUT_RELEASED", P3, states=("SCHEDULED", "READY")),
        told_event(16, (19, 0), "PAYOUT_FAILED", P2, account(A1, 596, 97),
                   states=("DISPATCHING", "FAILED")),
        told_event(17, (20, 0), begun, P3, account(A1, 596, 7), states=ready),
        told_event(18, (21, 0), settled, P3, account(A1, 596, 0),
                   states=("DISPATCHING", "SETTLED")),
        told_event(19, (21, 0), "PAYOUT_RETURNED", P3, account(A1, 693, 0),
                   states=("SETTLED", "RETURNED"), minor=90, n=1),
        told_event(20, (22, 0), settled, P3, states=("RETURNED", "RETURNED")),
        told_event(21, (23, 0), "RECALL_REQUESTED", P1, states=("SETTLED", "SETTLED")),
    ]  # fmt: skip
