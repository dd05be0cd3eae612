"""Status, holds, reversals and vouchers in the second ledger, and the rules that drive them."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledgerd.ledger.accounts import AccountKind
from ledgerd.ledger.commands import (
    Adjust,
    ApproveVoucher,
    CaptureHold,
    CloseAccount,
    CreateHold,
    EntryLeg,
    Freeze,
    FundReverse,
    PostEntry,
    RejectVoucher,
    ReleaseHold,
    Tick,
    Unfreeze,
)
from tests.ledger.making import EUR, MAX, USD, uid
from tests.ledger.model import CURRENCIES, KINDS, Model

DAY_US = 24 * 3600 * 1_000_000
HOLD_TIMER = 32
TTL_US_MAX = 400 * DAY_US

# A ledger account that a voucher may touch: kind, and whose subject it has.
TOUCHABLE = {
    AccountKind.AVAILABLE: "account",
    AccountKind.BLOCKED: "account",
    AccountKind.RECEIVABLE: "account",
    AccountKind.BANK_CASH: "bank",
    AccountKind.SUSPENSE: "bank",
    AccountKind.PAYOUT_FEE: "",
    AccountKind.FX_SPREAD: "",
    AccountKind.RAIL_COST: "",
    AccountKind.RETURNS: "",
}
DEBIT_NORMAL = {
    AccountKind.RECEIVABLE,
    AccountKind.BANK_CASH,
    AccountKind.RAIL_COST,
    AccountKind.RETURNS,
}


class AccountModel(Model):
    """The second ledger with what state version 3 brought for accounts."""

    def __init__(self) -> None:
        super().__init__()
        self.holds: dict[bytes, dict[str, Any]] = {}
        self.spent_holds: dict[bytes, str] = {}
        self.vouchers: dict[bytes, dict[str, Any]] = {}
        self.handlers |= {
            CloseAccount: self._close,
            Freeze: lambda c: self._become(c, "FROZEN"),
            Unfreeze: lambda c: self._become(c, "OPEN"),
            FundReverse: self._reverse,
            CaptureHold: self._capture,
            ReleaseHold: self._release,
            PostEntry: self._write_out,
            Adjust: self._write_out,
            ApproveVoucher: self._approve,
            RejectVoucher: self._reject,
        }
        self.keyed_by_what_they_make[CreateHold] = self._create_hold

    # Status

    def _close(self, c: CloseAccount) -> str:
        if c.account_id not in self.accounts:
            return "ACCOUNT_NOT_FOUND"
        status = self.accounts[c.account_id]["status"]
        if status == "CLOSED":
            return "CREATED"
        if status == "FROZEN":
            return "ACCOUNT_FROZEN"
        if any(self.balance[c.account_id, kind] for kind in KINDS):
            return "ACCOUNT_NOT_EMPTY"
        self.accounts[c.account_id]["status"] = "CLOSED"
        return "CREATED"

    def _become(self, c: Freeze | Unfreeze, status: str) -> str:
        if c.account_id not in self.accounts:
            return "ACCOUNT_NOT_FOUND"
        if self.accounts[c.account_id]["status"] == "CLOSED":
            return "ACCOUNT_CLOSED"
        self.accounts[c.account_id]["status"] = status
        return "CREATED"

    # Money taken back

    def _reverse(self, c: FundReverse) -> str:
        if c.amount_minor <= 0 or c.currency not in CURRENCIES:
            return "INVALID_COMMAND"
        fund = self.refs.get((c.bank, c.external_ref))
        if fund is None:
            return "ENTRY_NOT_FOUND"
        account_id = fund["account_id"]
        book = self.book(account_id)
        if book[1] != c.currency:
            return "CURRENCY_MISMATCH"
        if fund["reversed"] + c.amount_minor > fund["amount"]:
            return "BOUND_EXCEEDED"
        paid = max(0, min(c.amount_minor, self.free(account_id)))
        changes = [
            ((account_id, "available"), -paid),
            ((account_id, "receivable"), c.amount_minor - paid),
            ((book, f"bank_cash:{c.bank}"), -c.amount_minor),
        ]
        if not self.post(book, changes):
            return "OVERFLOW"
        fund["reversed"] += c.amount_minor
        return "CREATED"

    # Holds

    def _create_hold(self, c: CreateHold) -> str:
        client = (c.account_id, c.amount_minor, c.currency, c.ttl_us, c.reference)
        if c.hold_id in self.spent_holds:
            return self.spent_holds[c.hold_id]
        if c.hold_id in self.holds:
            same = self.holds[c.hold_id]["client"] == client
            return "REPLAYED" if same else "CONFLICT"
        if c.amount_minor <= 0 or c.currency not in CURRENCIES:
            return "INVALID_COMMAND"
        if not 1 <= c.ttl_us <= TTL_US_MAX:
            return "INVALID_COMMAND"
        code = self._may_hold(c)
        if code != "CREATED":
            self.spent_holds[c.hold_id] = code
            return code
        timer = (self.now_us + c.ttl_us, (self.index, self.ordinal), HOLD_TIMER)
        hold = {"client": client, "timer": timer, "state": "OPEN"}
        self.holds[c.hold_id] = hold
        self.timers[timer] = lambda n: self._expire(hold, n)
        return "CREATED"

    def _may_hold(self, c: CreateHold) -> str:
        if c.account_id not in self.accounts:
            return "ACCOUNT_NOT_FOUND"
        if self.accounts[c.account_id]["currency"] != c.currency:
            return "CURRENCY_MISMATCH"
        if self.is_retired(c.currency):
            return "CURRENCY_RETIRED"
        if code := self.status_code(c.account_id):
            return code
        if c.amount_minor > self.free(c.account_id):
            return "INSUFFICIENT_FUNDS"
        changes = [
            ((c.account_id, "available"), -c.amount_minor),
            ((c.account_id, "held"), c.amount_minor),
        ]
        fits = self.post(self.book(c.account_id), changes)
        return "CREATED" if fits else "OVERFLOW"

    def _capture(self, c: CaptureHold) -> str:
        if c.amount_minor <= 0 or c.currency not in CURRENCIES:
            return "INVALID_COMMAND"
        if c.to_account_id not in self.accounts:
            return "ACCOUNT_NOT_FOUND"
        hold = self.holds.get(c.hold_id)
        if hold is None:
            return "HOLD_NOT_FOUND"
        own, amount = hold["client"][:2]
        if self.book(own)[0] != self.book(c.to_account_id)[0]:
            return "LIVEMODE_MISMATCH"
        if {self.book(own)[1], self.book(c.to_account_id)[1]} != {c.currency}:
            return "CURRENCY_MISMATCH"
        if hold["state"] in ("CAPTURED", "RELEASED"):
            return "WRONG_STATE"
        if code := self.status_code(own, c.to_account_id):
            return code
        if hold["timer"][0] <= self.now_us:
            return "HOLD_EXPIRED"
        if c.amount_minor > amount:
            return "HOLD_EXCEEDED"
        changes = [
            ((own, "held"), -amount),
            ((c.to_account_id, "available"), c.amount_minor),
            ((own, "available"), amount - c.amount_minor),
        ]
        if not self.post(self.book(own), changes):
            return "OVERFLOW"
        self._end(hold, "CAPTURED")
        return "CREATED"

    def _release(self, c: ReleaseHold) -> str:
        hold = self.holds.get(c.hold_id)
        if hold is None:
            return "HOLD_NOT_FOUND"
        if hold["state"] == "EXPIRED":
            return "HOLD_EXPIRED"
        if hold["state"] != "OPEN":
            return "WRONG_STATE"
        if not self._give_back(hold):
            return "OVERFLOW"
        self._end(hold, "RELEASED")
        return "CREATED"

    def _expire(self, hold: dict[str, Any], n: int) -> None:
        if self._give_back(hold, n):
            self._end(hold, "EXPIRED")

    def _give_back(self, hold: dict[str, Any], n: int = 0) -> bool:
        own, amount = hold["client"][:2]
        changes = [((own, "held"), -amount), ((own, "available"), amount)]
        return self.post(self.book(own), changes, n)

    def _end(self, hold: dict[str, Any], state: str) -> None:
        hold["state"] = state
        self.timers.pop(hold["timer"], None)

    # Vouchers

    def _write_out(self, c: PostEntry | Adjust) -> str:
        if not 2 <= len(c.legs) <= 32 or c.currency not in CURRENCIES or not c.reason:
            return "INVALID_COMMAND"
        for leg in c.legs:
            if leg.kind not in TOUCHABLE or not 1 <= leg.amount_minor <= MAX:
                return "INVALID_COMMAND"
        customers = [leg.subject for leg in c.legs if TOUCHABLE[leg.kind] == "account"]
        book = (c.livemode, c.currency)
        codes = ["ENTRY_UNBALANCED"] if sum(map(_signed, c.legs)) else []
        touched: list[Any] = []
        for account_id in customers:
            if account_id in self.accounts:
                touched.append(self.book(account_id))
            else:
                codes.append("ACCOUNT_NOT_FOUND")
        if isinstance(c, Adjust):
            if c.linked in self.entries:
                touched.append(self.entries[c.linked])
            else:
                codes.append("ENTRY_NOT_FOUND")
        codes += ["LIVEMODE_MISMATCH" for live, _ in touched if live != c.livemode]
        codes += [
            "CURRENCY_MISMATCH"
            for live, currency in touched
            if live == c.livemode and currency != c.currency
        ]
        for code in (
            "ACCOUNT_NOT_FOUND",
            "ENTRY_NOT_FOUND",
            "LIVEMODE_MISMATCH",
            "CURRENCY_MISMATCH",
            "ENTRY_UNBALANCED",
        ):
            if code in codes:
                return code
        self.vouchers[c.request_id] = {"call": c, "book": book, "is_open": True}
        return "CREATED"

    def _approve(self, c: ApproveVoucher) -> str:
        voucher = self.vouchers.get(c.voucher_id)
        if voucher is None:
            return "ENTRY_NOT_FOUND"
        if not voucher["is_open"]:
            return "WRONG_STATE"
        legs = voucher["call"].legs
        drawn = [leg.subject for leg in legs if leg.kind == AccountKind.AVAILABLE]
        if any(self.accounts[id_]["status"] == "CLOSED" for id_ in drawn):
            return "ACCOUNT_CLOSED"
        if voucher["call"].principal == c.principal:
            return "SAME_PERSON"
        return self._post_voucher(voucher, legs)

    def _post_voucher(self, voucher: dict[str, Any], legs: list[EntryLeg]) -> str:
        changes = [_change(voucher["book"], leg) for leg in legs]
        after = {key: self.balance[key] for key, _ in changes}
        for key, change in changes:
            after[key] += change
        if not all(-(2**63) <= balance <= MAX for balance in after.values()):
            return "OVERFLOW"
        for leg in legs:
            if leg.kind == AccountKind.AVAILABLE and leg.is_debit:
                minimum = self.accounts[leg.subject]["minimum"]
                if after[leg.subject, "available"] < minimum:
                    return "INSUFFICIENT_FUNDS"
        guarded = ("blocked", "receivable")
        if any(balance < 0 for (_, name), balance in after.items() if name in guarded):
            return "BOUND_EXCEEDED"
        assert self.post(voucher["book"], changes)
        voucher["is_open"] = False
        return "CREATED"

    def _reject(self, c: RejectVoucher) -> str:
        voucher = self.vouchers.get(c.voucher_id)
        if voucher is None:
            return "ENTRY_NOT_FOUND"
        if not voucher["is_open"]:
            return "WRONG_STATE"
        voucher["is_open"] = False
        return "CREATED"


def _signed(leg: EntryLeg) -> int:
    return leg.amount_minor if leg.is_debit else -leg.amount_minor


def _change(book: Any, leg: EntryLeg) -> Any:
    """The balance that a leg touches, and by how much on its normal side."""
    name = AccountKind(leg.kind).name.lower()
    change = _signed(leg) if leg.kind in DEBIT_NORMAL else -_signed(leg)
    whose = TOUCHABLE[AccountKind(leg.kind)]
    if whose == "account":
        return (leg.subject, name), change
    return (book, f"{name}:{leg.subject.decode()}" if whose else name), change


# The rules. The machine they are mixed into has `do`, `books` and `request_id`.

OWN = [uid(number) for number in range(6)]  # the last one is never opened
account_ids = st.sampled_from(OWN)
numbers = st.integers(1, 150)
hold_numbers = st.integers(1, 12)
voucher_numbers = st.integers(300, 308)
small = st.integers(1, 300)


@st.composite
def any_legs(draw: st.DrawFn) -> tuple[EntryLeg, ...]:
    """Two to four legs that balance most of the time, of accounts that mostly exist."""
    count = draw(st.integers(2, 4))
    units = [draw(small) for _ in range(count - 1)]
    sides = [draw(st.booleans()) for _ in range(count - 1)]
    rest = sum(n if is_debit else -n for n, is_debit in zip(units, sides, strict=True))
    odd = draw(st.sampled_from([0, 0, 0, 0, 1]))
    units.append(abs(rest) + odd)
    sides.append(rest < 0)
    legs = []
    for n, is_debit in zip(units, sides, strict=True):
        kind = draw(
            st.sampled_from([*TOUCHABLE, *[AccountKind.AVAILABLE] * 4, 2, 3, 6])
        )
        whose = TOUCHABLE.get(kind, "account")
        subject = b""
        if whose == "account":
            subject = draw(st.sampled_from([*OWN[:2] * 4, *OWN]))
        elif whose == "bank":
            subject = draw(st.sampled_from([b"a", b"b"]))
        legs.append(EntryLeg(kind, subject, is_debit, n))
    return tuple(legs)


class AccountRules:
    """Rules for a `RuleBasedStateMachine` that has a Machine's `do`."""

    @rule(
        number=numbers,
        account_id=account_ids,
        what=st.sampled_from([Freeze, Freeze, Unfreeze, CloseAccount, CloseAccount]),
        and_back=st.sampled_from([True, True, True, False]),
    )
    def change_status(self, number, account_id, what, and_back) -> None:
        self.do(what(self.request_id(number, 0), account_id, "", "boss"))
        if and_back:
            again = self.request_id(number + 200, 0)
            self.do(Unfreeze(again, account_id, "", "boss"))

    @rule(
        number=numbers,
        ref=st.one_of(st.integers(1, 8).map(lambda n: f"r{n}"), st.just("")),
        own=st.sampled_from(OWN[:4]),
        bank=st.sampled_from(["a", "b"]),
        amount=st.sampled_from([5, 90, 400, 2_000, 0]),
        currency=st.sampled_from([USD, USD, USD, EUR]),
    )
    def reverse(self, number, ref, own, bank, amount, currency) -> None:
        if not ref:  # the opening money
            ref, bank = own.hex(), "b"
        request_id = self.request_id(number, 0)
        self.do(FundReverse(request_id, bank, ref, amount, currency, "", "p"))

    @rule(
        number=hold_numbers,
        account_id=st.sampled_from([*OWN[:2] * 3, *OWN]),
        amount=st.sampled_from([1, 40, 150, 2**62, MAX, 0]),
        currency=st.sampled_from([USD, USD, USD, EUR, 26**3]),
        ttl_us=st.sampled_from([1, 2_500, DAY_US, 3 * DAY_US, 20 * DAY_US, 0]),
        repeat=st.booleans(),
    )
    def hold(self, number, account_id, amount, currency, ttl_us, repeat) -> None:
        command = CreateHold(uid(number), account_id, amount, currency, ttl_us, "", "p")
        self.do(*([command] * (1 + repeat)))

    @rule(first=hold_numbers, count=st.integers(1, 8))
    def hold_soundly(self, first: int, count: int) -> None:
        self.do(
            *(
                CreateHold(uid(first + n), OWN[n % 2], 10 + n, USD, DAY_US, "", "p")
                for n in range(count)
            )
        )

    @rule(
        number=numbers,
        hold_number=hold_numbers,
        to=account_ids,
        amount=st.sampled_from([1, 12, 40, 200, 0]),
        currency=st.sampled_from([USD, USD, USD, EUR]),
    )
    def capture(self, number, hold_number, to, amount, currency) -> None:
        request_id, hold_id = self.request_id(number, 0), uid(hold_number)
        command = CaptureHold(request_id, hold_id, to, amount, currency, "", "p")
        self.do(command, command)

    @rule(number=numbers, hold_number=hold_numbers)
    def release(self, number: int, hold_number: int) -> None:
        self.do(ReleaseHold(self.request_id(number, 0), uid(hold_number), "", "p"))

    @rule(
        number=numbers,
        first=hold_numbers,
        own=st.integers(0, 1),
        amount=st.sampled_from([10, 12, 18, 30]),
    )
    def hold_and_capture(self, number, first, own, amount) -> None:
        """Mostly sound; the hold may have had its end before."""
        hold_id, request_id = uid(first), self.request_id(number, 0)
        to = OWN[1 - own]
        self.do(CreateHold(hold_id, OWN[own], 20, USD, 3 * DAY_US, "", "p"))
        self.do(CaptureHold(request_id, hold_id, to, amount, USD, "", "p"))

    @rule(
        number=voucher_numbers,
        amount=st.integers(1, 40),
        kinds=st.permutations(
            [AccountKind.AVAILABLE, AccountKind.BLOCKED, AccountKind.RECEIVABLE]
        ),
        own=st.integers(0, 1),
        principal=st.sampled_from(["anna", "ben"]),
        slip=st.sampled_from([0, 0, 0, 1]),
    )
    def write_out_and_approve(
        self, number, amount, kinds, own, principal, slip
    ) -> None:
        """An entry between balances of one account and ours, mostly sound, judged at once."""
        voucher_id = self.request_id(number, 0)
        legs = (
            EntryLeg(kinds[0], OWN[own], True, amount),
            EntryLeg(kinds[1], OWN[own], False, amount + 5),
            EntryLeg(AccountKind.RETURNS, b"", True, 5 + slip),
        )
        self.do(PostEntry(voucher_id, True, USD, legs, "r", "anna"))
        request_id = self.request_id(number + 500, 0)
        self.do(ApproveVoucher(request_id, voucher_id, principal))

    @rule(count=st.integers(1, 2))
    def tick(self, count: int) -> None:
        self.do(*[Tick()] * count)

    @rule(
        number=voucher_numbers,
        legs=any_legs(),
        live=st.sampled_from([True, True, True, False]),
        currency=st.sampled_from([USD, USD, USD, EUR]),
        back=st.one_of(st.none(), st.integers(0, 6)),
        ordinal=st.integers(0, 1),
        principal=st.sampled_from(["anna", "ben"]),
    )
    def write_out(self, number, legs, live, currency, back, ordinal, principal) -> None:
        request_id = self.request_id(number, 0)
        if back is None:
            self.do(PostEntry(request_id, live, currency, legs, "r", principal))
            return
        linked = (max(self.books.index - back, 1), ordinal, 0)
        self.do(Adjust(request_id, live, currency, legs, "r", linked, principal))

    @rule(
        number=numbers,
        voucher_number=voucher_numbers,
        principal=st.sampled_from(["anna", "ben"]),
        approves=st.sampled_from([True, True, True, False]),
    )
    def judge(self, number, voucher_number, principal, approves) -> None:
        request_id, voucher_id = (
            self.request_id(number, 0),
            self.request_id(voucher_number, 0),
        )
        if approves:
            self.do(ApproveVoucher(request_id, voucher_id, principal))
        else:
            self.do(RejectVoucher(request_id, voucher_id, "", principal))
