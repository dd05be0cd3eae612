"""Limits and risk rules in the second ledger, and the commands that set them.

Nothing is kept but what was set and what was submitted: a window is summed up anew each time.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledgerd.ledger.commands import Cancel, OpenAccount, Submit
from ledgerd.ledger.details import destination_fingerprint
from ledgerd.ledger.risk import Action, Limit, LimitKind, Rule, RuleKind
from ledgerd.ledger.risk_commands import SetLimits, SetRules
from tests.ledger.making import EUR, PACKED, USD
from tests.ledger.model import RAILS
from tests.ledger.model_accounts import OWN
from tests.ledger.model_payouts import PAID, PayoutModel

DAY_US = 24 * 3600 * 1_000_000
SHORT_US = 24_000  # a slot is as long as an entry is behind the one before it
ENDED_UNPAID = (7, 8)  # CANCELLED, FAILED
K = RuleKind


class RiskModel(PayoutModel):
    """The second ledger with limits and rules."""

    def __init__(self) -> None:
        super().__init__()
        self.limit_sets: list[tuple[int, int, tuple[Limit, ...]]] = []
        self.rule_sets: list[tuple[int, int, tuple[Rule, ...]]] = []
        self.known: dict[tuple[bytes, bytes], bool] = {}
        self.handlers |= {SetLimits: self._set_limits, SetRules: self._set_rules}

    def open(self, c: OpenAccount) -> str:
        code = super().open(c)
        if code == "CREATED":
            self.accounts[c.account_id]["opened"] = self.now_us
        return code

    def _set_limits(self, c: SetLimits) -> str:
        codes = []
        for one in c.limits:
            account = self.accounts.get(one.account_id)
            if one.account_id and account is None:
                codes.append((0, "ACCOUNT_NOT_FOUND"))
            elif account is not None and account["currency"] != one.currency:
                codes.append((1, "CURRENCY_MISMATCH"))
            elif one.rail and RAILS[one.rail] != one.currency:
                codes.append((2, "RAIL_CURRENCY"))
        if codes:
            return min(codes)[1]
        from_us = max(c.effective_from_us, self.now_us + 1)
        self.limit_sets.append((from_us, len(self.limit_sets), c.limits))
        return "CREATED"

    def _set_rules(self, c: SetRules) -> str:
        from_us = max(c.effective_from_us, self.now_us + 1)
        self.rule_sets.append((from_us, len(self.rule_sets), c.rules))
        return "CREATED"

    def rules_now(self) -> tuple[Rule, ...]:
        return _then(self.rule_sets, self.now_us)

    # A payout that is asked for

    def risk(self, c: Submit) -> str | None:
        said = [
            "DESTINATION_BLOCKED"
            if one.kind in (K.BLOCKED_BANK, K.BLOCKED_DESTINATION)
            else "RULE_REFUSED"
            for one in self.rules_now()
            if one.action == Action.REFUSE and self._speaks(one, _asked(c))
        ]
        if said:
            return min(said)  # DESTINATION_BLOCKED before RULE_REFUSED
        if self.over(c.account_id, c.currency, c.amount_minor, c.rail):
            return "LIMIT_PER_PAYOUT"
        windows = [
            (one, self._used(one, _asked(c)))
            for one in self._limits(self.now_us, c.account_id, c.currency)
            if one.kind != LimitKind.PER_PAYOUT
        ]
        for one, (amount, _) in windows:
            if 0 <= one.amount_minor_max < amount + c.amount_minor:
                return "LIMIT_WINDOW_AMOUNT"
        for one, (_, count) in windows:
            if 0 <= one.count_max < count + 1:
                return "LIMIT_WINDOW_COUNT"
        return None

    def over(self, account_id: bytes, currency: int, amount: int, rail: int) -> str:
        limits = self._limits(self.now_us, account_id, currency)
        for one in limits:
            is_asked = one.kind == LimitKind.PER_PAYOUT and one.rail in (0, rail)
            if is_asked and amount > one.amount_minor_max:
                return "LIMIT_PER_PAYOUT"
        return ""

    def is_reviewed(self, p: dict[str, Any]) -> bool:
        return any(
            one.action != Action.ALLOW and self._speaks(one, p)
            for one in self.rules_now()
        )

    def _may_submit(self, c: Submit) -> str:
        code = super()._may_submit(c)
        if code == "CREATED":
            self.payouts[c.payout_id]["accepted"] = self.now_us
        return code

    def _settle(self, p: dict[str, Any], cost: int) -> str:
        code = super()._settle(p, cost)
        to = _destination(p)
        asks = any(one.kind == K.FIRST_DESTINATION for one in self.rules_now())
        if code == "CREATED" and to and asks:
            self.known[p["account"], to] = True
        return code

    # What is in force

    def _limits(self, at_us: int, account_id: bytes, currency: int) -> list[Limit]:
        """Of one kind, rail and window, the limit of the account, else that for all."""
        chosen: dict[Any, Limit] = {}
        for one in _then(self.limit_sets, at_us):
            is_own = bool(one.account_id) and one.account_id == account_id
            if one.currency != currency or (one.account_id and not is_own):
                continue
            if is_own or one.slot not in chosen:
                chosen[one.slot] = one
        return list(chosen.values())

    def _used(self, limit: Limit, c: dict[str, Any]) -> tuple[int, int]:
        """What the window of a limit holds: all payouts are looked at."""
        slot_us = limit.window_us // 24
        first = self.now_us // slot_us - 24
        since_us = self._asked_since(limit, c["account"])
        found = []
        for p in self.payouts.values():
            if p["accepted"] < since_us or p["state"] in ENDED_UNPAID:
                continue
            if p["state"] in PAID and p["accepted"] // slot_us < first:
                continue
            if self.book(p["account"]) != self.book(c["account"]):
                continue
            same: dict[int, Callable[[dict[str, Any]], object]] = {
                LimitKind.ACCOUNT_WINDOW: lambda one: one["account"],
                LimitKind.DESTINATION_WINDOW: _destination,
                LimitKind.TOTAL_WINDOW: lambda _: None,
            }
            if same[limit.kind](p) == same[limit.kind](c):
                found.append(p["amount"])
        return sum(found), len(found)

    def _asked_since(self, limit: Limit, account_id: bytes) -> int:
        """From when on there was such a limit all the time."""
        since_us = self.now_us
        starts = sorted({from_us for from_us, _, _ in self.limit_sets}, reverse=True)
        for start_us in starts:
            if start_us > self.now_us:
                continue
            limits = self._limits(start_us, account_id, limit.currency)
            if limit.slot not in [one.slot for one in limits]:
                break
            since_us = start_us
        return since_us

    def _speaks(self, one: Rule, p: dict[str, Any]) -> bool:
        account = self.accounts[p["account"]]
        to = _destination(p)
        is_above = (
            account["currency"] == one.currency and p["amount"] > one.amount_minor
        )
        match one.kind:
            case K.BLOCKED_DESTINATION:
                return to in one.destinations
            case K.BLOCKED_BANK:
                return bool(to) and ("US", "021000021") in one.banks
            case K.FIRST_DESTINATION:
                return is_above and (p["account"], to) not in self.known
            case K.AMOUNT:
                return is_above
            case K.NEW_ACCOUNT:
                return bool(self.now_us < account["opened"] + one.age_us)
            case K.FROZEN_OWNER:
                owner = account["client"][2]
                return bool(owner) and any(
                    other["client"][2] == owner and other["status"] == "FROZEN"
                    for other in self.accounts.values()
                )


def _then(sets: list[tuple[int, int, Any]], at_us: int) -> Any:
    """The newest of those that have begun; nothing before the first."""
    begun = [one for one in sets if one[0] <= at_us]
    return max(begun, key=lambda one: one[:2])[2] if begun else ()


def _asked(c: Submit) -> dict[str, Any]:
    """A submit as the model keeps a payout."""
    return {
        "account": c.account_id,
        "amount": c.amount_minor,
        "client": (0,) * 4 + (c.details,),
    }


def _destination(p: dict[str, Any]) -> bytes:
    return destination_fingerprint(PACKED) if p["client"][4] == PACKED else b""


limits = st.builds(
    lambda kind, currency, account, rail, window_us, amount, count: Limit(
        kind,
        currency,
        rail if kind == LimitKind.PER_PAYOUT else 0,
        account if kind <= LimitKind.ACCOUNT_WINDOW else b"",
        0 if kind == LimitKind.PER_PAYOUT else window_us,
        amount,
        -1 if kind == LimitKind.PER_PAYOUT else count,
    ),
    st.sampled_from(list(LimitKind)),
    st.sampled_from([USD, USD, USD, EUR]),
    st.sampled_from([b"", b"", b"", OWN[0], OWN[1], OWN[5]]),
    st.sampled_from([0, 0, 2]),
    st.sampled_from([SHORT_US, DAY_US, 30 * DAY_US]),
    st.sampled_from([50, 150, 400, 2_000]),
    st.sampled_from([-1, -1, 3, 12]),
)
rules = st.builds(
    lambda kind, action, amount, days: Rule(
        f"{kind} {action}",
        kind,
        action,
        USD if kind in (K.AMOUNT, K.FIRST_DESTINATION) else 0,
        amount if kind in (K.AMOUNT, K.FIRST_DESTINATION) else 0,
        days * DAY_US if kind == K.NEW_ACCOUNT else 0,
        (destination_fingerprint(PACKED),) if kind == K.BLOCKED_DESTINATION else (),
        (("US", "021000021"),) if kind == K.BLOCKED_BANK else (),
    ),
    st.sampled_from([*K, K.AMOUNT, K.AMOUNT, K.FIRST_DESTINATION, K.FIRST_DESTINATION]),
    st.sampled_from([Action.ALLOW, *[Action.REVIEW] * 6, Action.REFUSE]),
    st.sampled_from([0, 20, 60, 300]),
    st.sampled_from([1, 40]),
)
ahead = st.sampled_from([0, 0, 0, 2_500, 3 * DAY_US])


class RiskRules:
    """Commands about limits and rules for both ledgers."""

    books: Any
    fresh: Callable[[], bytes]
    do: Callable[..., None]
    both: Callable[[list[Submit]], None]

    @rule(some=st.lists(limits, max_size=4), later_us=ahead)
    def set_limits(self, some: list[Limit], later_us: int) -> None:
        unique = {(*one.slot, one.account_id): one for one in some}
        from_us = self.books.ts_us + later_us if later_us else 0
        chosen = tuple(unique.values())
        self.do(SetLimits(self.fresh(), from_us, "s", "", chosen, "p"))

    @rule(some=st.lists(rules, max_size=3), later_us=ahead)
    def set_rules(self, some: list[Rule], later_us: int) -> None:
        unique = {one.name: one for one in some}
        from_us = self.books.ts_us + later_us if later_us else 0
        chosen = tuple(unique.values())
        self.do(SetRules(self.fresh(), from_us, "s", "", chosen, "p"))

    @rule()
    def lift(self) -> None:
        """Or little else would be seen."""
        self.do(
            SetLimits(self.fresh(), 0, "s", "", (), "p"),
            SetRules(self.fresh(), 0, "s", "", (), "p"),
        )

    @rule(
        some=st.lists(limits, min_size=1, max_size=2),
        asked=st.lists(rules, max_size=1),
        amounts=st.lists(st.integers(1, 120), min_size=1, max_size=6),
        gone=st.integers(0, 6),
        wait=st.sampled_from([0, 0, 1, 24, 25, 26]),
    )
    def under_limits(
        self,
        some: list[Limit],
        asked: list[Rule],
        amounts: list[int],
        gone: int,
        wait: int,
    ) -> None:
        """Payouts under limits, a cancel, some slots of a short window later more payouts."""
        self.set_limits(some, 0)
        self.set_rules(asked, 0)
        ids = [self.fresh() for _ in amounts]
        self.both(
            [
                Submit(id_, OWN[n % 2], amount, USD, 2, "p", PACKED)
                for n, (id_, amount) in enumerate(zip(ids, amounts, strict=True))
            ]
        )
        if gone < len(ids):
            self.do(Cancel(self.fresh(), ids[gone], "", "p"))
        self.books.ts_us += wait * 1_000
        self.both([Submit(self.fresh(), OWN[0], 60, USD, 2, "p", PACKED)])
        self.lift()
