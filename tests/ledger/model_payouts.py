"""The lifecycle of payouts in the second ledger, and the rules that drive it.

Written from the tables of the design, state by state, without the table of the ledger.
"""

import base64
import hashlib
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledgerd.ledger.commands import (
    Approve,
    Cancel,
    DispatchBegin,
    DispatchClaim,
    Freeze,
    RailAck,
    RailNotAccepted,
    RailReject,
    RaiseAttention,
    Redate,
    Reject,
    RequestRecall,
    Reroute,
    ResolveException,
    Return,
    ReversalComplete,
    Settle,
    Submit,
    TellEvidence,
    Tick,
    Unfreeze,
)
from tests.ledger.making import PACKED, USD, uid
from tests.ledger.model import RAILS, Model
from tests.ledger.model_accounts import OWN, AccountModel

DAY_US = 24 * 3600 * 1_000_000
LEASE_US_MAX = DAY_US
NAMES = {1: "sandbox", 2: "us_ach", 7: "eu_sct", 12: "swift"}
RECALL_DAYS = {1: 10, 2: 7, 7: 14, 12: 30}
GENEROUS = 1  # refunds the fee, and absorbs what a closed return lacks
RELEASE, LEASE = 1, 2  # timers
(
    SCHEDULED,
    REVIEW,
    READY,
    DISPATCHING,
    SENT,
    SETTLED,
    CANCELLED,
    FAILED,
    RETURNED,
    REVERSED,
) = range(1, 11)
PAID = (SETTLED, RETURNED, REVERSED)


def key_of(payout_id: bytes, rail: int) -> str:
    """The rail key as 3.6 says it: four characters of time, eleven of a hash."""
    seed = b"ledgerd rail key" + payout_id + rail.to_bytes(2, "big") + b"\0\0"
    units = int.from_bytes(payout_id[:6], "big") // 2**20
    low = int.from_bytes(hashlib.sha256(seed).digest()[:7], "big") % 2**55
    number = (units % 2**20) * 2**55 + low
    text = base64.b32encode((number << 5).to_bytes(10, "big")).decode()[:15]
    usual, ours = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "234567ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return text.translate(str.maketrans(usual, ours))


class PayoutModel(AccountModel):
    """The second ledger with the whole lifecycle."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, bytes] = {}
        self.used: dict[tuple[int, str, str], tuple[bytes | None, int]] = {}
        self.exceptions: dict[tuple[int, int], dict[str, Any]] = {}
        self.handlers |= {
            Approve: self._approve_payout,
            Reject: self._reject_payout,
            Reroute: self._reroute,
            Redate: self._redate,
            Cancel: self._cancel_payout,
            DispatchBegin: self._begin,
            DispatchClaim: self._claim,
            RaiseAttention: self._raise_attention,
            TellEvidence: self._found_out,
            RequestRecall: self._recall,
            ResolveException: self._resolve,
        }
        for told in (RailAck, RailNotAccepted, RailReject, Settle, Return):
            self.handlers[told] = self._evidence
        self.handlers[ReversalComplete] = self._evidence

    def _may_submit(self, c: Submit) -> str:
        code = super()._may_submit(c)
        if code != "CREATED":
            return code
        p = self.payouts[c.payout_id]
        p |= {
            "id": c.payout_id,
            "at": (self.index, self.ordinal),
            "account": c.account_id,
            "amount": c.amount_minor,
            "fee": p["total"] - c.amount_minor,
            "rail": c.rail,
            "who": c.principal,
            "key": None,
            "attempt": 0,
            "worker": "",
            "lease": 0,
            "returned": 0,
            "reversed": 0,
            "absorbed": 0,
            "open": 0,
            "silent": False,
            "doubt": False,
            "implied": False,
            "recall": False,
            "settled": 0,
            "calendar": 0,
            "release": c.release_at_us,
            "asked": c.release_at_us,
        }
        if c.release_at_us > self.now_us:
            p["state"] = SCHEDULED
            self.timers[self._timer(p)] = lambda n: self._let_go(p)
        elif self.is_reviewed(p):
            p["state"] = REVIEW
        return "CREATED"

    def is_reviewed(self, p: dict[str, Any]) -> bool:
        """Whether a rule asks for a second person."""
        return False

    def over(self, account_id: bytes, currency: int, amount: int, rail: int) -> str:
        """What a limit on one payout says."""
        return ""

    def _timer(self, p: dict[str, Any]) -> tuple[int, tuple[int, int], int]:
        return p["release"], p["at"], RELEASE

    def _let_go(self, p: dict[str, Any]) -> None:
        p["state"] = REVIEW if self.is_reviewed(p) else READY

    def _leave(self, p: dict[str, Any], state: int) -> str:
        """Change the state; the timers of the old one go."""
        if p["state"] == SCHEDULED:
            self.timers.pop(self._timer(p), None)
        if p["state"] == DISPATCHING:
            self.timers.pop((p["lease"], p["at"], LEASE), None)
        p["state"] = state
        return "CREATED"

    def move(self, p: dict[str, Any], **parts: int) -> bool:
        """Post changes by short names: own balances, cash, transit, fee, cost, lost, suspense."""
        book = self.book(p["account"])
        names: dict[str, tuple[Any, str]] = {
            "cash": (book, "bank_cash:main"),
            "transit": (book, f"in_transit:{NAMES[p['rail']]}"),
            "fee": (book, "payout_fee"),
            "cost": (book, "rail_cost"),
            "lost": (book, "returns"),
            "suspense": (book, "suspense:main"),
        }
        own = ("available", "reserved")
        changes = [
            (names.get(name, (p["account"], name)), change)
            for name, change in parts.items()
            if name != "credit"
        ]
        assert all(name in names or name in (*own, "credit") for name in parts)
        if "credit" in parts:
            changes += self.credit(p["account"], parts["credit"])
        n = 0
        while (self.index, self.ordinal, n) in self.entries:
            n += 1
        return self.post(book, changes, n)

    def give_back(self, p: dict[str, Any], state: int) -> str:
        total = p["amount"] + p["fee"]
        if not self.move(p, reserved=-total, available=total):
            return "OVERFLOW"
        return self._leave(p, state)

    # People

    def _approve_payout(self, c: Approve | Reject) -> str:
        return self._judge(c) or self._leave(self.payouts[c.payout_id], READY)

    def _reject_payout(self, c: Reject) -> str:
        return self._judge(c) or self.give_back(self.payouts[c.payout_id], FAILED)

    def _judge(self, c: Approve | Reject) -> str:
        p = self.payouts.get(c.payout_id)
        if p is None:
            return "PAYOUT_NOT_FOUND"
        if p["state"] != REVIEW:
            return "WRONG_STATE"
        return "SAME_PERSON" if c.principal == p["who"] else ""

    def _stop(self, c: Cancel | Reroute, p: dict[str, Any]) -> str:
        """Why money may not leave the reach of its rail key."""
        if p["state"] not in (SCHEDULED, REVIEW, READY):
            return "WRONG_STATE"
        if p["open"]:
            return "EXCEPTION_OPEN"
        if p["silent"] and not c.approver:
            return "APPROVAL_MISSING"
        return "SAME_PERSON" if p["silent"] and c.approver == p["who"] else ""

    def _cancel_payout(self, c: Cancel) -> str:
        p = self.payouts.get(c.payout_id)
        if p is None:
            return "PAYOUT_NOT_FOUND"
        if p["state"] == CANCELLED:
            return "CREATED"
        return self._stop(c, p) or self.give_back(p, CANCELLED)

    def _reroute(self, c: Reroute) -> str:
        p = self.payouts.get(c.payout_id)
        if p is None:
            return "PAYOUT_NOT_FOUND"
        if c.rail not in RAILS:
            return "RAIL_NOT_FOUND"
        live, currency = self.book(p["account"])
        if live == (c.rail == 1):
            return "LIVEMODE_MISMATCH"
        more = self.fee(c.rail, currency, p["amount"], p["account"]) - p["fee"]
        code = self._stop(c, p)
        is_frozen = self.accounts[p["account"]]["status"] != "OPEN"
        if more > 0 and is_frozen and code not in ("WRONG_STATE", "EXCEPTION_OPEN"):
            return "ACCOUNT_FROZEN"
        if code:
            return code
        if self.is_suspended(c.rail):
            return "RAIL_SUSPENDED"
        if RAILS[c.rail] is not None and RAILS[c.rail] != currency:
            return "RAIL_CURRENCY"
        if code := self.unfit(c.rail, p["amount"]):
            return code
        if code := self.over(p["account"], currency, p["amount"], c.rail):
            return code
        if more > 0 and more > self.free(p["account"]):
            return "INSUFFICIENT_FUNDS"
        if more and not self.move(p, available=-more, reserved=more):
            return "OVERFLOW"
        if c.rail != p["rail"] and p["calendar"]:
            p["calendar"] = 0  # a date of the old rail says nothing of the new one
            if p["state"] == SCHEDULED:
                del self.timers[self._timer(p)]
                p["release"] = p["asked"]
                self.timers[self._timer(p)] = lambda n: self._let_go(p)
        p["silent"] = p["silent"] and c.rail == p["rail"]
        p |= {"rail": c.rail, "fee": p["fee"] + more}
        return "CREATED"

    def _redate(self, c: Redate) -> str:
        p = self.payouts.get(c.payout_id)
        if p is None:
            return "PAYOUT_NOT_FOUND"
        if c.calendar_version <= p["calendar"]:
            return "VERSION_MISMATCH"
        if p["state"] != SCHEDULED:
            return "WRONG_STATE"
        del self.timers[self._timer(p)]
        p |= {"release": c.release_at_us, "calendar": c.calendar_version}
        self.timers[self._timer(p)] = lambda n: self._let_go(p)
        return "CREATED"

    def _recall(self, c: RequestRecall) -> str:
        p = self.payouts.get(c.payout_id)
        if p is None:
            return "PAYOUT_NOT_FOUND"
        if p["state"] not in (DISPATCHING, SENT, SETTLED):
            return "WRONG_STATE"
        late_us = p["settled"] + RECALL_DAYS[p["rail"]] * DAY_US
        if p["state"] == SETTLED and self.now_us > late_us:
            return "RECALL_WINDOW_CLOSED"
        p["recall"] = True
        return "CREATED"

    # Workers

    def _begin(self, c: DispatchBegin) -> str:
        p = self.payouts.get(c.payout_id)
        if p is None:
            return "PAYOUT_NOT_FOUND"
        held = (p["attempt"], p["worker"]) == (c.attempt, c.principal)
        if p["state"] == DISPATCHING and held:
            return "CREATED"
        if c.attempt != p["attempt"] + 1:
            return "VERSION_MISMATCH"
        if p["state"] != READY:
            return "WRONG_STATE"
        if p["open"]:
            return "EXCEPTION_OPEN"
        if self.is_suspended(p["rail"]):
            return "RAIL_SUSPENDED"
        if not self.move(p, reserved=-p["amount"], transit=p["amount"]):
            return "OVERFLOW"
        self._take(p, key_of(p["id"], p["rail"]))
        self._hold(p, c)
        return "CREATED"

    def _take(self, p: dict[str, Any], key: str) -> None:
        p |= {"state": DISPATCHING, "key": key, "silent": False, "doubt": False}
        self.keys[key] = p["id"]

    def _hold(self, p: dict[str, Any], c: DispatchBegin | DispatchClaim) -> None:
        self.timers.pop((p["lease"], p["at"], LEASE), None)
        lease = self.now_us + c.lease_us
        p |= {"attempt": c.attempt, "worker": c.principal, "lease": lease}
        self.timers[lease, p["at"], LEASE] = lambda n: None

    def _claim(self, c: DispatchClaim) -> str:
        p = self.payouts.get(c.payout_id)
        if p is None:
            return "PAYOUT_NOT_FOUND"
        if c.attempt != p["attempt"] + 1:
            return "VERSION_MISMATCH"
        if p["state"] != DISPATCHING:
            return "WRONG_STATE"
        if self.now_us < p["lease"] and c.principal != p["worker"]:
            return "LEASE_HELD"
        self._hold(p, c)
        return "CREATED"

    def _raise_attention(self, c: RaiseAttention) -> str:
        p = self.payouts.get(c.payout_id)
        if p is None:
            return "PAYOUT_NOT_FOUND"
        if c.attempt != p["attempt"]:
            return "VERSION_MISMATCH"
        if p["state"] != DISPATCHING:
            return "WRONG_STATE"
        if not (p["doubt"] and p["worker"] == ""):
            if p["worker"] != c.principal:
                return "LEASE_HELD"
            p |= {"doubt": True, "worker": ""}
        return "CREATED"

    # What rails tell

    def _evidence(self, c: Any) -> str:
        amount = getattr(c, "amount_minor", 0)
        if isinstance(c, Return | ReversalComplete) and amount <= 0:
            return "INVALID_COMMAND"
        if c.rail not in RAILS:
            return "RAIL_NOT_FOUND"
        name = type(c).__name__
        fact = (c.rail, name, c.reference)
        payout_id = self.keys.get(c.rail_key)
        if fact in self.used:
            if self.used[fact] != (payout_id, amount):
                return self._alert(c, payout_id, amount)
            return "RAIL_KEY_UNKNOWN" if payout_id is None else "CREATED"
        code = self._believe(c, payout_id, amount)
        if code != "OVERFLOW":
            self.used[fact] = (payout_id, amount)
        return code

    def _found_out(self, c: TellEvidence) -> str:
        p = self.payouts.get(c.payout_id)
        if p is None:
            return "PAYOUT_NOT_FOUND"
        if c.rail not in RAILS:
            return "RAIL_NOT_FOUND"
        if p["key"] is None:
            return "WRONG_STATE"
        is_held = p["worker"] != "" and self.now_us < p["lease"]
        if p["state"] == DISPATCHING and is_held and c.finding > 2:
            return "LEASE_HELD"
        if c.principal == p["who"]:
            return "SAME_PERSON"
        head = c.request_id, c.rail, p["key"], c.reference
        by = c.principal
        told: dict[int, Any] = {
            1: RailAck(*head, by),
            2: Settle(*head, c.value_date, 0, by),
            3: RailReject(*head, c.code, by),
            4: RailNotAccepted(*head, True, by),
            5: RailNotAccepted(*head, False, by),
        }
        return self._evidence(told[c.finding])

    def _believe(self, c: Any, payout_id: bytes | None, amount: int) -> str:
        if payout_id is None:
            return self._alert(c, None, amount)
        p = self.payouts[payout_id]
        state = p["state"]
        if p["key"] != c.rail_key:
            return self._alert(c, payout_id, amount)
        is_at_a_rail = state not in (SCHEDULED, REVIEW, READY, CANCELLED)
        if is_at_a_rail and c.rail != p["rail"]:
            return self._alert(c, payout_id, amount)
        under_way = state in (DISPATCHING, SENT)
        left = p["amount"] - p["returned"] - p["reversed"] - p["absorbed"]
        match c:
            case RailAck():
                if state == DISPATCHING:
                    return self._leave(p, SENT)
                if state == SENT or state in PAID:
                    return "CREATED"
            case RailNotAccepted():
                if state == DISPATCHING:
                    return self._not_accepted(p, c)
                if state in (READY, CANCELLED, FAILED):
                    return "CREATED"
            case RailReject():
                if under_way:
                    return self._rejected(p)
                if state in (CANCELLED, FAILED):
                    return "CREATED"
            case Settle():
                if under_way:
                    return self._settle(p, c.cost_minor)
                if state in PAID and p["implied"]:
                    cost = c.cost_minor
                    if cost and not self.move(p, cash=-cost, cost=cost):
                        return "OVERFLOW"
                    p["implied"] = False
                    return "CREATED"
            case Return():
                if (under_way or state == SETTLED) and amount <= left:
                    return self._came_back(p, amount, c.is_closing)
                if under_way or state == SETTLED:
                    self._alert(c, payout_id, amount)
                    return "RETURN_EXCEEDS_PAYOUT"
            case ReversalComplete():
                if state == SETTLED and amount <= left:
                    return self._refund(p, amount, 0, "reversed")
                if state == SETTLED:
                    self._alert(c, payout_id, amount)
                    return "RETURN_EXCEEDS_PAYOUT"
        return self._alert(c, payout_id, amount)

    def _alert(self, c: Any, payout_id: bytes | None, amount: int) -> str:
        if payout_id is not None:
            self.payouts[payout_id]["open"] += 1
            amount = amount or self.payouts[payout_id]["amount"]
        self.exceptions[self.index, self.ordinal] = {
            "payout": payout_id,
            "told": c,
            "amount": amount,
            "proposed": None,
            "open": True,
        }
        return "CREATED" if payout_id is not None else "RAIL_KEY_UNKNOWN"

    def _not_accepted(self, p: dict[str, Any], c: RailNotAccepted) -> str:
        if not self.move(p, transit=-p["amount"], reserved=p["amount"]):
            return "OVERFLOW"
        p["silent"] = not c.is_refused
        return self._leave(p, READY)

    def _rejected(self, p: dict[str, Any]) -> str:
        amount, fee = p["amount"], p["fee"]
        parts = {"transit": -amount, "reserved": -fee, "available": amount + fee}
        return self._leave(p, FAILED) if self.move(p, **parts) else "OVERFLOW"

    def _settle(self, p: dict[str, Any], cost: int) -> str:
        amount, fee = p["amount"], p["fee"]
        parts = {"transit": -amount, "cash": -amount - cost, "reserved": -fee}
        if not self.move(p, **parts, fee=fee, cost=cost):
            return "OVERFLOW"
        p["settled"] = self.now_us
        return self._leave(p, SETTLED)

    def _came_back(self, p: dict[str, Any], amount: int, closing: bool) -> str:
        left = p["amount"] - p["returned"] - p["reversed"] - p["absorbed"] - amount
        lost = left if closing and p["rail"] == GENEROUS else 0
        if p["state"] != SETTLED:
            if self._settle(p, 0) == "OVERFLOW":
                return "OVERFLOW"
            p["implied"] = True
        return self._refund(p, amount, lost, "returned")

    def _refund(self, p: dict[str, Any], amount: int, lost: int, part: str) -> str:
        back = p["returned"] + p["reversed"] + p["absorbed"] + amount + lost
        is_whole = back == p["amount"]
        fee = p["fee"] if is_whole and self._gives_fee_back(p) else 0
        credit = amount + lost + fee
        if not self.move(p, cash=amount, lost=lost, fee=-fee, credit=credit):
            return "OVERFLOW"
        p[part] += amount
        p["absorbed"] += lost
        if is_whole:
            p["state"] = RETURNED if part == "returned" else REVERSED
        return "CREATED"

    def _gives_fee_back(self, p: dict[str, Any]) -> bool:
        currency = self.book(p["account"])[1]
        fee_rule = self.rule_of(self.now_us, p["rail"], currency, p["account"])
        policy = 0 if fee_rule is None else fee_rule.refund
        return bool(p["rail"] == GENEROUS if policy == 0 else policy == 2)

    # Exceptions

    def _resolve(self, c: ResolveException) -> str:
        if c.resolution not in (1, 2, 3) or (c.resolution == 3 and not c.reason):
            return "INVALID_COMMAND"
        e = self.exceptions.get((c.index, c.ordinal))
        if e is None:
            return "EXCEPTION_NOT_FOUND"
        p = self.payouts.get(e["payout"])
        if not e["open"] or not self._may_resolve(c.resolution, e, p):
            return "WRONG_STATE"
        if e["proposed"] is None or e["proposed"][0] != c.resolution:
            e["proposed"] = c.resolution, c.principal
            return "CREATED"
        if e["proposed"][1] == c.principal:
            return "SAME_PERSON"
        if p is not None and not self._carry_out(c.resolution, e, p):
            return "OVERFLOW"
        e["open"] = False
        if p is not None:
            p["open"] -= 1
        return "CREATED"

    def _may_resolve(self, how: int, e: dict[str, Any], p: Any) -> bool:
        told = e["told"]
        if how == 3:
            return True
        if how == 2:
            is_money = isinstance(told, Settle | Return | ReversalComplete)
            return p is not None and is_money
        if p is None or p["state"] != READY or told.rail != p["rail"]:
            return False
        left = p["amount"] - p["returned"] - p["reversed"] - p["absorbed"]
        return (
            isinstance(told, RailAck | RailReject | Settle | Return)
            and e["amount"] <= left
        )

    def _carry_out(self, how: int, e: dict[str, Any], p: dict[str, Any]) -> bool:
        told, amount = e["told"], e["amount"]
        if how == 2:
            sign = -1 if isinstance(told, Settle) else 1
            return self.move(p, cash=sign * amount, suspense=sign * amount)
        if how == 1:
            if not self.move(p, reserved=-p["amount"], transit=p["amount"]):
                return False
            self._take(p, told.rail_key)
            p |= {"attempt": p["attempt"] + 1, "worker": "", "lease": 0}
            match told:
                case RailAck():
                    p["state"] = SENT
                case RailReject():
                    self._rejected(p)
                case Settle():
                    self._settle(p, told.cost_minor)
                case Return():
                    self._came_back(p, amount, closing=False)
        return True


picks = st.integers(0, 10**6)
small_ids = st.integers(1, 150)
told_kinds = st.sampled_from(
    [RailAck, RailNotAccepted, RailReject, Settle, Settle, Return, ReversalComplete]
)
workers = st.sampled_from(["w1", "w1", "w2"])
people = st.sampled_from(["p", "q", "r"])


class PayoutRules:
    """Commands about payouts, most of them on payouts that exist."""

    model: PayoutModel
    serial: int = 10_000

    def fresh(self) -> bytes:
        """A request id that was never used."""
        self.serial += 1
        today: bytes = self.request_id(self.serial, 0)  # type: ignore[attr-defined]
        return today

    def some(self, pick: int, *states: int) -> bytes:
        """A payout, in one of these states if there is any."""
        every = list(self.model.payouts)
        wanted = [id_ for id_ in every if self.model.payouts[id_]["state"] in states]
        found = wanted or every
        return found[pick % len(found)] if found else uid(1 + pick % 150)

    def told(self, kind: type, payout_id: bytes, ref: str, **given: Any) -> Any:
        """Evidence of this kind about a payout, under the key it has or would have."""
        p = self.model.payouts.get(payout_id, {"rail": 2, "key": None, "amount": 1})
        key = given.pop("key", None) or p["key"] or key_of(payout_id, p["rail"])
        values: dict[str, Any] = {
            "request_id": self.fresh(),
            "rail": given.get("rail", p["rail"]),
            "rail_key": key,
            "reference": ref,
            "is_refused": given.get("is_refused", True),
            "claim_index": 0,
            "code": "R03",
            "value_date": 20251010,
            "cost_minor": given.get("cost", 0),
            "amount_minor": given.get("amount", p["amount"]),
            "is_closing": given.get("closing", False),
            "principal": "w1",
        }
        return kind(**{name: values[name] for name in kind.__slots__})

    @rule(
        pick=picks,
        worker=workers,
        off=st.sampled_from([0] * 9 + [1]),
        count=st.integers(1, 5),
        days=st.sampled_from([0, 0, 1]),
    )
    def dispatch(self, pick, worker, off, count, days) -> None:
        commands = []
        for n in range(count):
            payout_id = self.some(pick + n, READY)
            attempt = self.model.payouts.get(payout_id, {"attempt": 0})["attempt"]
            lease_us = days * DAY_US + 5_000 if not days else DAY_US
            commands.append(
                DispatchBegin(
                    self.fresh(), payout_id, attempt + 1 + off, lease_us, worker
                )
            )
        self.do(*commands)

    @rule(pick=picks, worker=workers)
    def claim(self, pick, worker) -> None:
        payout_id = self.some(pick, DISPATCHING)
        attempt = self.model.payouts.get(payout_id, {"attempt": 0})["attempt"]
        command = DispatchClaim(self.fresh(), payout_id, attempt + 1, 5_000, worker)
        self.do(command)

    @rule(
        pick=picks,
        finding=st.integers(1, 5),
        rail=st.sampled_from([0, 0, 0, 0, 12, 99]),
        who=st.sampled_from(["q", "q", "q", "p"]),
        is_given_back=st.booleans(),
    )
    def find_out(self, pick, finding, rail, who, is_given_back) -> None:
        """A person asks the rail, about a payout in doubt or about any other."""
        payout_id = self.some(pick, *([DISPATCHING] if pick % 4 else ()))
        p = self.model.payouts.get(payout_id, {"attempt": 0, "worker": "", "rail": 2})
        before = [
            RaiseAttention(self.fresh(), payout_id, p["attempt"], "", p["worker"])
        ] * is_given_back
        told = TellEvidence(
            self.fresh(),
            payout_id,
            finding,
            rail or p["rail"],
            f"p{pick % 50}",
            0,
            "",
            "seen",
            who,
        )
        self.do(*before, told)

    @rule(pick=picks, worker=workers, off=st.sampled_from([0] * 9 + [1]))
    def doubt(self, pick, worker, off) -> None:
        """A worker gives its claim back, tells so again, and another one asks once more."""
        payout_id = self.some(pick, DISPATCHING)
        attempt = self.model.payouts.get(payout_id, {"attempt": 0})["attempt"]
        self.do(
            RaiseAttention(self.fresh(), payout_id, attempt + off, "", worker),
            RaiseAttention(self.fresh(), payout_id, attempt, "", "w2"),
            DispatchClaim(self.fresh(), payout_id, attempt + 1, 5_000, worker),
        )

    @rule(
        pick=picks,
        kinds=st.lists(told_kinds, min_size=1, max_size=4),
        part=st.sampled_from([1, 2, 3]),
        cost=st.sampled_from([0, 0, 4]),
        is_refused=st.booleans(),
        closing=st.booleans(),
    )
    def carry(self, pick, kinds, part, cost, is_refused, closing) -> None:
        """What a rail tells of a payout that is under way, in any order."""
        payout_id = self.some(pick, DISPATCHING, SENT, SETTLED)
        amount = self.model.payouts.get(payout_id, {"amount": 1})["amount"]
        self.do(
            *(
                self.told(
                    kind,
                    payout_id,
                    f"{pick}-{n}",
                    amount=max(1, amount // part),
                    cost=cost,
                    is_refused=is_refused,
                    closing=closing,
                )
                for n, kind in enumerate(kinds)
            )
        )

    @rule(
        pick=picks,
        kind=told_kinds,
        ref=st.integers(1, 12),
        rail=st.sampled_from([2, 2, 2, 12, 99]),
        amount=st.sampled_from([0, 5, 50, 2**62]),
        key=st.sampled_from([None, None, "2" * 15]),
    )
    def tell(self, pick, kind, ref, rail, amount, key) -> None:
        """Evidence about anything: repeated, reused, of no payout."""
        payout_id = self.some(pick)
        command = self.told(
            kind, payout_id, f"r{ref}", rail=rail, amount=amount, key=key
        )
        again = self.told(kind, payout_id, f"r{ref}", rail=rail, amount=amount, key=key)
        self.do(command, again)

    @rule(
        pick=picks,
        rail=st.sampled_from([2, 12, 12, 7, 1, 99]),
        approver=st.sampled_from(["", "", "p", "q"]),
    )
    def reroute(self, pick, rail, approver) -> None:
        payout_id = self.some(pick, SCHEDULED, REVIEW, READY)
        command = Reroute(self.fresh(), payout_id, rail, "p", approver)
        self.do(command)

    @rule(pick=picks, approver=st.sampled_from(["", "p", "q"]))
    def cancel_with(self, pick, approver) -> None:
        payout_id = self.some(pick, READY, REVIEW)
        command = Cancel(self.fresh(), payout_id, "", "p", approver)
        self.do(command)

    @rule(pick=picks, principal=people, approves=st.booleans())
    def review(self, pick, principal, approves) -> None:
        payout_id = self.some(pick, REVIEW)
        if approves:
            command: Any = Approve(self.fresh(), payout_id, principal)
        else:
            command = Reject(self.fresh(), payout_id, "no", principal)
        self.do(command)

    @rule(
        pick=picks,
        story=st.sampled_from(["silence", "late", "doubt", "frozen", "held", "much"]),
        approver=st.sampled_from(["", "", "p", "q"]),
        days=st.sampled_from([1, 8, 31]),
    )
    def story(self, pick, story, approver, days) -> None:
        """What rarely comes about by chance: a few commands that belong together."""
        payout_id = self.some(pick, READY)
        p = self.model.payouts.get(payout_id, {"attempt": 0, "account": OWN[0]})
        attempt = p["attempt"] + 1
        begin = DispatchBegin(self.fresh(), payout_id, attempt, 5_000, "w1")
        self.do(begin)
        after: list[Any] = []
        match story:
            case "silence":
                told = self.told(
                    RailNotAccepted, payout_id, f"s{pick}", is_refused=False
                )
                self.do(told)
                after = [Cancel(self.fresh(), payout_id, "", "p", approver)]
            case "late":
                self.do(self.told(Settle, payout_id, f"l{pick}"))
                self.books.ts_us += days * DAY_US  # type: ignore[attr-defined]
                after = [RequestRecall(self.fresh(), payout_id, "", "p")]
            case "held":
                after = [
                    DispatchClaim(self.fresh(), payout_id, attempt + 1, 5_000, who)
                    for who in ("w2", "w1")
                ]
            case "much":
                self.do(self.told(Settle, payout_id, f"m{pick}"))
                over = p.get("amount", 1) + days
                after = [
                    self.told(kind, payout_id, f"m{pick}", amount=over)
                    for kind in (Return, ReversalComplete)
                ]
            case "doubt":
                told = self.told(RailNotAccepted, payout_id, f"d{pick}")
                self.do(told, self.told(RailAck, payout_id, f"d{pick}"))
                after = [Cancel(self.fresh(), payout_id, "", "p")]
            case "frozen":
                account_id = p["account"]
                self.do(Freeze(self.fresh(), account_id, "", "p"))
                row = Submit(uid(1 + pick % 150), account_id, 5, USD, 2, "p", PACKED)
                self.both([row])  # type: ignore[attr-defined]
                after = [
                    self.told(Return, payout_id, f"f{pick}", amount=1),
                    Unfreeze(self.fresh(), account_id, "", "p"),
                ]
        self.do(*after)

    @rule(pick=picks)
    def recall(self, pick) -> None:
        payout_id = self.some(pick, DISPATCHING, SENT, SETTLED)
        self.do(RequestRecall(self.fresh(), payout_id, "", "p"))

    @rule(
        first=small_ids,
        count=st.integers(1, 6),
        own=st.integers(0, 1),
        amount=st.integers(1, 90),
        later_us=st.sampled_from([-5, 500, 1_500, 4_000, DAY_US]),
    )
    def schedule(self, first, count, own, amount, later_us) -> None:
        due_us = self.books.ts_us + later_us  # type: ignore[attr-defined]
        self.both(  # type: ignore[attr-defined]
            [
                Submit(
                    uid(first + n), OWN[own], amount, USD, 2, "p", PACKED, due_us + n
                )
                for n in range(count)
            ]
        )
        self.do(Tick())

    @rule(
        pick=picks, later_us=st.sampled_from([2_000, DAY_US]), version=st.integers(1, 3)
    )
    def redate(self, pick, later_us, version) -> None:
        payout_id = self.some(pick, SCHEDULED)
        due_us = self.books.ts_us + later_us  # type: ignore[attr-defined]
        command = Redate(self.fresh(), payout_id, due_us, 20251101, version, "p")
        self.do(command)

    @rule(
        pick=picks,
        how=st.sampled_from([1, 1, 2, 3, 3, 4]),
        reason=st.sampled_from(["seen", "seen", ""]),
        first=people,
        second=people,
    )
    def resolve(self, pick, how, reason, first, second) -> None:
        known = list(self.model.exceptions) or [(1, 0)]
        still = [at for at in known if self.model.exceptions.get(at, {}).get("open")]
        index, ordinal = (still or known)[pick % len(still or known)]
        self.do(
            *(
                ResolveException(self.fresh(), index, ordinal, how, reason, who)
                for who in (first, second)
            )
        )


assert issubclass(PayoutModel, Model)
