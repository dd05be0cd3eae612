"""The second ledger: plain dicts, and the rules as one reads them, written without looking.

`Model` knows payouts and the first commands; what came later adds itself with `handlers`, in a
module of its own (`model_accounts`). A money balance has a key and is on its normal side:
(account id, "available") for customers, (book, "bank_cash:first") for ours; a book is
(live, currency).
"""

from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Any

from ledgerd.ledger.commands import (
    Cancel,
    FeeRule,
    Fund,
    OpenAccount,
    SetFees,
    Submit,
    Tick,
    Transfer,
)
from tests.ledger.making import EUR, JPY, MAX, USD

RAILS = {1: None, 2: USD, 7: EUR, 12: None}  # number -> currency; None is any
CURRENCIES = [USD, EUR, JPY]
RETENTION_MS = 35 * 24 * 3600 * 1000
KINDS = ["available", "reserved", "held", "blocked", "receivable"]

Key = tuple[Hashable, str]


class Model:
    """State of the second ledger. Every answer is a name."""

    def __init__(self) -> None:
        self.accounts: dict[bytes, dict[str, Any]] = {}
        self.balance: dict[Key, int] = defaultdict(int)
        self.payouts: dict[bytes, dict[str, Any]] = {}
        self.spent: dict[bytes, str] = {}  # refused payout id -> code
        self.requests: dict[bytes, tuple[Any, str]] = {}  # id -> (call, code)
        self.refs: dict[tuple[str, str], dict[str, Any]] = {}
        # (from when, version, how long a quote binds, rules)
        self.fees: list[tuple[int, int, int, dict[tuple[int, int, str], FeeRule]]] = []
        self.entries: dict[tuple[int, int, int], Any] = {}  # position -> book
        self.timers: dict[tuple[int, tuple[int, int], int], Callable[[int], None]] = {}
        self.index = 0
        self.ordinal = 0
        self.now_us = 0
        self.handlers: dict[type, Callable[[Any], str]] = {
            Fund: self._fund,
            Transfer: self._transfer,
            Cancel: self._cancel,
            SetFees: self._set_fees,
        }
        self.keyed_by_what_they_make: dict[type, Callable[[Any], str]] = {
            OpenAccount: self.open,
            Submit: self.submit,
            Tick: self._tick,
        }

    def decide(self, commands: list[Any], *, index: int, now_us: int) -> list[str]:
        """Return the answers to the commands of one entry."""
        self.index, self.now_us = index, now_us
        answers: list[str] = []
        while len(answers) < len(commands):
            self.ordinal = len(answers)
            rest = commands[self.ordinal :]
            links = [isinstance(c, Submit) and c.terms.is_linked for c in rest]
            if links[0]:
                length = links.index(False) + 1 if False in links else len(links)
                answers += self._chain(rest[:length], is_open=all(links))
                continue
            handler = self.keyed_by_what_they_make.get(type(rest[0]), self._request)
            answers.append(handler(rest[0]))
        return answers

    def _chain(self, members: list[Submit], *, is_open: bool) -> list[str]:
        """All of them or none: what one of them did is taken back when another fails."""
        first = self.ordinal
        seen = [self.seen(member) for member in members]
        stale = [answer for answer in seen if answer and answer != "REPLAYED"]
        if is_open and seen[-1] is None:
            seen[-1] = "CHAIN_OPEN"
        if is_open or stale:
            return [answer or "CHAIN_MEMBER_FAILED" for answer in seen]
        before = {
            name: value.copy()
            for name, value in vars(self).items()
            if isinstance(value, dict)
        }
        answers: list[str] = []
        for n, member in enumerate(members):
            self.ordinal = first + n
            answers.append(self.submit(member))
            if answers[-1] in ("CREATED", "REPLAYED"):
                continue
            vars(self).update(before)
            if answers[-1] != "CONFLICT":
                self.spent[member.payout_id] = answers[-1]
            others = [self.seen(other) or "CHAIN_MEMBER_FAILED" for other in members]
            others[n] = answers[-1]
            return others
        return answers

    # What all commands share

    def post(self, book: Any, changes: list[tuple[Key, int]], n: int = 0) -> bool:
        """Write an entry, or return False where an amount or a balance does not fit."""
        after = dict(self.balance)
        for key, change in changes:
            after[key] = after.get(key, 0) + change
        fits = all(-(2**63) <= after[key] <= MAX for key, _ in changes)
        if not fits or any(abs(change) > MAX for _, change in changes):
            return False
        self.balance.update(after)
        self.entries[self.index, self.ordinal, n] = book
        return True

    def credit(self, account_id: bytes, amount: int) -> list[tuple[Key, int]]:
        """Incoming money: what is owed first, then available, blocked if it may not work."""
        owed = min(self.balance[account_id, "receivable"], amount)
        is_open = self.accounts[account_id]["status"] == "OPEN"
        rest = "available" if is_open else "blocked"
        return [
            ((account_id, "receivable"), -owed),
            ((account_id, rest), amount - owed),
        ]

    def free(self, account_id: bytes) -> int:
        """What a debit may take."""
        minimum: int = self.accounts[account_id]["minimum"]
        return self.balance[account_id, "available"] - minimum

    def book(self, account_id: bytes) -> tuple[bool, int]:
        account = self.accounts[account_id]
        return account["live"], account["currency"]

    def is_retired(self, currency: int) -> bool:
        """Whether nothing new begins in a currency."""
        return False

    def status_code(self, *account_ids: bytes) -> str | None:
        """Why one of them takes no new work; closed before frozen."""
        statuses = {self.accounts[account_id]["status"] for account_id in account_ids}
        for status in ("CLOSED", "FROZEN"):
            if status in statuses:
                return f"ACCOUNT_{status}"
        return None

    def _request(self, c: Any) -> str:
        if c.request_id in self.requests:
            first, code = self.requests[c.request_id]
            if code != "CREATED":
                return code
            return "REPLAYED" if _client(first) == _client(c) else "CONFLICT"
        made_ms = int.from_bytes(c.request_id[:6], "big")
        if made_ms < self.now_us // 1000 - RETENTION_MS:
            return "KEY_TOO_OLD"
        code = self.handlers[type(c)](c)
        if code != "INVALID_COMMAND":
            self.requests[c.request_id] = (c, code)
        return code

    def _tick(self, _: Tick) -> str:
        due = sorted(timer for timer in self.timers if timer[0] <= self.now_us)
        for n, timer in enumerate(due[:1024]):
            self.timers.pop(timer)(n)
        return "CREATED"

    # Payouts

    def in_force(
        self, now_us: int
    ) -> tuple[int, int, int, dict[tuple[int, int, str], FeeRule]]:
        """The schedule with the latest time that has come, of two the later one."""
        nothing = (0, 0, 900_000_000, dict[tuple[int, int, str], FeeRule]())
        begun = [schedule for schedule in self.fees if schedule[0] <= now_us]
        return max([nothing, *begun], key=lambda schedule: schedule[:2])

    def rule_of(
        self, now_us: int, rail: int, currency: int, account_id: bytes
    ) -> FeeRule | None:
        *_, rules = self.in_force(now_us)
        own = rules.get((rail, currency, self.accounts[account_id]["class"]))
        return own or rules.get((rail, currency, ""))

    def fee(
        self,
        rail: int,
        currency: int,
        amount: int,
        account_id: bytes,
        now_us: int | None = None,
    ) -> int:
        now_us = self.now_us if now_us is None else now_us
        fee_rule = self.rule_of(now_us, rail, currency, account_id)
        if fee_rule is None:
            return 0
        whole = fee_rule.fixed_minor + (amount * fee_rule.bps + 5000) // 10000
        return max(fee_rule.min_minor, min(whole, fee_rule.max_minor))

    def seen(self, c: Submit) -> str | None:
        """What is said before any rule is asked: the id was used, or it is no submit."""
        client = (
            c.account_id,
            c.amount_minor,
            c.currency,
            c.rail,
            c.details,
            c.release_at_us,
        )
        if c.payout_id in self.spent:
            return self.spent[c.payout_id]
        if c.payout_id in self.payouts:
            same = self.payouts[c.payout_id]["client"] == client
            return "REPLAYED" if same else "CONFLICT"
        if c.amount_minor <= 0 or c.currency not in CURRENCIES or c.release_at_us < 0:
            return "INVALID_COMMAND"
        return None

    def unfit(self, rail: int, amount: int) -> str:
        """Why the rail does not take the amount."""
        return ""

    def is_suspended(self, rail: int) -> bool:
        """Whether nothing is dispatched by it."""
        return False

    def risk(self, c: Submit) -> str | None:
        """What limits and rules say."""
        return None

    def submit(self, c: Submit) -> str:
        if answer := self.seen(c):
            return answer
        code = self._may_submit(c)
        if code != "CREATED":
            self.spent[c.payout_id] = code
        return code

    def _may_submit(self, c: Submit) -> str:
        account = self.accounts.get(c.account_id)
        if account is None:
            return "ACCOUNT_NOT_FOUND"
        if c.rail not in RAILS:
            return "RAIL_NOT_FOUND"
        if account["live"] == (c.rail == 1):
            return "LIVEMODE_MISMATCH"
        if account["currency"] != c.currency:
            return "CURRENCY_MISMATCH"
        if self.is_retired(c.currency):
            return "CURRENCY_RETIRED"
        if code := self.status_code(c.account_id):
            return code
        if RAILS[c.rail] is not None and RAILS[c.rail] != c.currency:
            return "RAIL_CURRENCY"
        if code := self.unfit(c.rail, c.amount_minor):
            return code
        quoted_us = min(c.terms.quoted_at_us or self.now_us, self.now_us)
        fee = self.fee(c.rail, c.currency, c.amount_minor, c.account_id, quoted_us)
        if c.terms.quoted_at_us:
            good_us = self.in_force(quoted_us)[2]
            if self.now_us - c.terms.quoted_at_us > good_us:
                return "QUOTE_EXPIRED"
        if c.terms.fee_expected_minor not in (None, fee):
            return "FEE_CHANGED"
        if code := self.risk(c):
            return code
        total = c.amount_minor + fee
        if total > self.free(c.account_id):
            return "INSUFFICIENT_FUNDS"
        changes = [
            ((c.account_id, "available"), -total),
            ((c.account_id, "reserved"), total),
        ]
        if not self.post(self.book(c.account_id), changes):
            return "OVERFLOW"
        client = (
            c.account_id,
            c.amount_minor,
            c.currency,
            c.rail,
            c.details,
            c.release_at_us,
        )
        self.payouts[c.payout_id] = {"client": client, "total": total, "state": 3}
        return "CREATED"

    def _cancel(self, c: Cancel) -> str:
        payout = self.payouts.get(c.payout_id)
        if payout is None:
            return "PAYOUT_NOT_FOUND"
        if payout["state"] == 7:
            return "CREATED"
        account_id, total = payout["client"][0], payout["total"]
        changes = [
            ((account_id, "reserved"), -total),
            ((account_id, "available"), total),
        ]
        if not self.post(self.book(account_id), changes):
            return "OVERFLOW"
        payout["state"] = 7
        return "CREATED"

    def _set_fees(self, c: SetFees) -> str:
        rules = {
            (rule.rail, rule.currency, rule.account_class): rule for rule in c.rules
        }
        since_us = max(c.effective_from_us, self.now_us)
        good_us = c.quote_valid_us or 900_000_000
        self.fees.append((since_us, len(self.fees) + 1, good_us, rules))
        return "CREATED"

    # Accounts

    def open(self, c: OpenAccount) -> str:
        account = self.accounts.get(c.account_id)
        client = (
            c.currency,
            c.livemode,
            c.owner_ref,
            c.min_balance_minor,
            c.account_class,
        )
        if account is not None:
            return "REPLAYED" if account["client"] == client else "CONFLICT"
        if c.currency not in CURRENCIES:
            return "INVALID_COMMAND"
        self.accounts[c.account_id] = {
            "client": client,
            "currency": c.currency,
            "live": c.livemode,
            "minimum": c.min_balance_minor,
            "class": c.account_class,
            "status": "OPEN",
        }
        return "CREATED"

    def _fund(self, c: Fund) -> str:
        if c.amount_minor <= 0 or c.currency not in CURRENCIES:
            return "INVALID_COMMAND"
        account = self.accounts.get(c.account_id)
        if account is None:
            return "ACCOUNT_NOT_FOUND"
        if account["currency"] != c.currency:
            return "CURRENCY_MISMATCH"
        if self.is_retired(c.currency):
            return "CURRENCY_RETIRED"
        if (c.bank, c.external_ref) in self.refs:
            return "EXTERNAL_REF_USED"
        book = self.book(c.account_id)
        cash = ((book, f"bank_cash:{c.bank}"), c.amount_minor)
        if not self.post(book, [cash, *self.credit(c.account_id, c.amount_minor)]):
            return "OVERFLOW"
        self.refs[c.bank, c.external_ref] = {
            "account_id": c.account_id,
            "amount": c.amount_minor,
            "reversed": 0,
        }
        return "CREATED"

    def _transfer(self, c: Transfer) -> str:
        same = c.from_account_id == c.to_account_id
        if same or c.amount_minor <= 0 or c.currency not in CURRENCIES:
            return "INVALID_COMMAND"
        source = self.accounts.get(c.from_account_id)
        target = self.accounts.get(c.to_account_id)
        if source is None or target is None:
            return "ACCOUNT_NOT_FOUND"
        if source["live"] != target["live"]:
            return "LIVEMODE_MISMATCH"
        if {source["currency"], target["currency"]} != {c.currency}:
            return "CURRENCY_MISMATCH"
        if self.is_retired(c.currency):
            return "CURRENCY_RETIRED"
        if code := self.status_code(c.from_account_id, c.to_account_id):
            return code
        if c.amount_minor > self.free(c.from_account_id):
            return "INSUFFICIENT_FUNDS"
        changes = [
            ((c.from_account_id, "available"), -c.amount_minor),
            ((c.to_account_id, "available"), c.amount_minor),
        ]
        return (
            "CREATED"
            if self.post(self.book(c.from_account_id), changes)
            else ("OVERFLOW")
        )


def _client(command: Any) -> tuple[Any, ...]:
    """What is compared on a retry: everything but who asked."""
    fields = {name: getattr(command, name) for name in type(command).__slots__}
    fields.pop("principal", None)
    fields.pop("approver", None)
    return type(command), tuple(fields.items())
