"""The ledger against a second one, written with plain dicts and without looking.

Hypothesis drives both with the same commands, doubles and nonsense included, and compares
every answer and every balance. Batches of submits also take both paths of apply. After
each run the books are audited from the first entry: I1, I2, I3, I4, I8, I9, I11.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ledgerd.ledger.commands import (
    Cancel,
    FeeRule,
    Fund,
    OpenAccount,
    SetFees,
    Submit,
    Transfer,
)
from ledgerd.ledger.invariants import Audit, trial_balance
from tests.ledger.making import EUR, JPY, MAX, PACKED, USD, Ledger, names, uid

COMMANDS_MIN = 10_000  # a run in CI

ACCOUNTS = [uid(number) for number in range(6)]  # the last one is never opened
RAILS = {1: None, 2: USD, 7: EUR, 12: None}  # number -> currency; None is any
CURRENCIES = [USD, EUR, JPY]
DAY_US = 24 * 3600 * 1_000_000
RETENTION_MS = 35 * DAY_US // 1000

account_ids = st.sampled_from(ACCOUNTS)
rails = st.sampled_from([1, 2, 2, 2, 12, 7, 99])
currencies = st.sampled_from([USD, USD, USD, USD, EUR, JPY, 26**3])
amounts = st.one_of(
    st.integers(1, 400),
    st.integers(1, 400),
    st.sampled_from([0, -1, 5_000, 2**62, MAX]),
)
small_ids = st.integers(1, 150)
ages = st.sampled_from([0, 0, 0, 0, 0, 40])  # days


class Model:
    """The second ledger: dicts, and the rules as one reads them."""

    def __init__(self) -> None:
        self.accounts: dict[bytes, dict[str, Any]] = {}
        self.payouts: dict[bytes, dict[str, Any]] = {}
        self.spent: dict[bytes, str] = {}  # refused payout id -> code
        self.requests: dict[bytes, tuple[Any, str]] = {}  # id -> (call, code)
        self.refs: set[tuple[str, str]] = set()
        self.cash: dict[Any, int] = {}
        self.fees: dict[tuple[int, int], FeeRule] = {}

    def fee(self, rail: int, currency: int, amount: int) -> int:
        fee_rule = self.fees.get((rail, currency))
        if fee_rule is None:
            return 0
        whole = fee_rule.fixed_minor + (amount * fee_rule.bps + 5000) // 10000
        return max(fee_rule.min_minor, min(whole, fee_rule.max_minor))

    def submit(self, c: Submit) -> str:
        client = (c.account_id, c.amount_minor, c.currency, c.rail, c.details)
        if c.payout_id in self.spent:
            return self.spent[c.payout_id]
        if c.payout_id in self.payouts:
            same = self.payouts[c.payout_id]["client"] == client
            return "REPLAYED" if same else "CONFLICT"
        if c.amount_minor <= 0 or c.currency not in CURRENCIES:
            return "INVALID_COMMAND"
        code = self._may_submit(c)
        if code != "CREATED":
            self.spent[c.payout_id] = code
            return code
        total = c.amount_minor + self.fee(c.rail, c.currency, c.amount_minor)
        account = self.accounts[c.account_id]
        account["available"] -= total
        account["reserved"] += total
        self.payouts[c.payout_id] = {"client": client, "total": total, "state": 3}
        return "CREATED"

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
        if RAILS[c.rail] is not None and RAILS[c.rail] != c.currency:
            return "RAIL_CURRENCY"
        total = c.amount_minor + self.fee(c.rail, c.currency, c.amount_minor)
        if account["available"] - total < account["minimum"]:
            return "INSUFFICIENT_FUNDS"
        if account["reserved"] + total > MAX:
            return "OVERFLOW"
        return "CREATED"

    def open(self, c: OpenAccount) -> str:
        account = self.accounts.get(c.account_id)
        client = (c.currency, c.livemode, c.owner_ref, c.min_balance_minor)
        if account is not None:
            return "REPLAYED" if account["client"] == client else "CONFLICT"
        if c.currency not in CURRENCIES:
            return "INVALID_COMMAND"
        self.accounts[c.account_id] = {
            "client": client,
            "currency": c.currency,
            "live": c.livemode,
            "minimum": c.min_balance_minor,
            "available": 0,
            "reserved": 0,
        }
        return "CREATED"

    def request(self, c: Any, now_ms: int) -> str:
        if c.request_id in self.requests:
            first, code = self.requests[c.request_id]
            if code != "CREATED":
                return code
            return "REPLAYED" if first == c else "CONFLICT"
        if int.from_bytes(c.request_id[:6], "big") < now_ms - RETENTION_MS:
            return "KEY_TOO_OLD"
        code = {
            Fund: self._fund,
            Transfer: self._transfer,
            Cancel: self._cancel,
            SetFees: self._set_fees,
        }[type(c)](c)
        if code != "INVALID_COMMAND":
            self.requests[c.request_id] = (c, code)
        return code

    def _fund(self, c: Fund) -> str:
        if c.amount_minor <= 0 or c.currency not in CURRENCIES:
            return "INVALID_COMMAND"
        account = self.accounts.get(c.account_id)
        if account is None:
            return "ACCOUNT_NOT_FOUND"
        if account["currency"] != c.currency:
            return "CURRENCY_MISMATCH"
        if (c.bank, c.external_ref) in self.refs:
            return "EXTERNAL_REF_USED"
        book = (c.bank, account["live"], c.currency)
        cash = self.cash.get(book, 0) + c.amount_minor
        if cash > MAX or account["available"] + c.amount_minor > MAX:
            return "OVERFLOW"
        self.cash[book] = cash
        account["available"] += c.amount_minor
        self.refs.add((c.bank, c.external_ref))
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
        if source["available"] - c.amount_minor < source["minimum"]:
            return "INSUFFICIENT_FUNDS"
        if target["available"] + c.amount_minor > MAX:
            return "OVERFLOW"
        source["available"] -= c.amount_minor
        target["available"] += c.amount_minor
        return "CREATED"

    def _cancel(self, c: Cancel) -> str:
        payout = self.payouts.get(c.payout_id)
        if payout is None:
            return "PAYOUT_NOT_FOUND"
        if payout["state"] == 7:
            return "CREATED"
        account = self.accounts[payout["client"][0]]
        if account["available"] + payout["total"] > MAX:
            return "OVERFLOW"
        account["available"] += payout["total"]
        account["reserved"] -= payout["total"]
        payout["state"] = 7
        return "CREATED"

    def _set_fees(self, c: SetFees) -> str:
        self.fees = {(rule.rail, rule.currency): rule for rule in c.rules}
        return "CREATED"


class Machine(RuleBasedStateMachine):
    """Commands for both ledgers."""

    answers: ClassVar[Counter[str]] = Counter()  # of all runs
    books_of = Ledger

    def __init__(self) -> None:
        super().__init__()
        self.books = self.books_of()
        self.model = Model()

    def do(self, *commands: Any) -> None:
        now_ms = (self.books.ts_us + 1_000) // 1000
        applied = self.books.do(commands)
        expected = [
            self.model.open(command)
            if isinstance(command, OpenAccount)
            else self.model.request(command, now_ms)
            for command in commands
        ]
        Machine.answers.update(expected)

        assert names(applied) == expected

    def request_id(self, number: int, age_days: int) -> bytes:
        """An id as old as asked; the same number on the same day is the same id."""
        today = self.books.ts_us // DAY_US
        return uid(number, max(today - age_days, 0) * DAY_US // 1000)

    @initialize()
    def opening(self) -> None:
        for account_id, currency, live, minimum in (
            (ACCOUNTS[0], USD, True, 0),
            (ACCOUNTS[1], USD, True, -300),
            (ACCOUNTS[2], EUR, True, 50),
            (ACCOUNTS[3], USD, False, 0),
        ):
            self.do(OpenAccount(account_id, currency, live, "o", minimum, "p"))
            request_id = uid(int.from_bytes(account_id[-4:], "big") + 1000)
            ref = account_id.hex()
            self.do(Fund(request_id, account_id, 2_000, currency, "b", ref, "p"))

    @rule(
        account_id=st.sampled_from(ACCOUNTS[:5]),
        currency=currencies,
        live=st.booleans(),
        minimum=st.sampled_from([0, 0, 10]),
    )
    def open(self, account_id: bytes, currency: int, live: bool, minimum: int) -> None:
        self.do(OpenAccount(account_id, currency, live, "o", minimum, "p"))

    @rule(
        rows=st.lists(
            st.tuples(
                small_ids,
                account_ids,
                amounts,
                currencies,
                rails,
                st.sampled_from([PACKED, PACKED, PACKED, b""]),
            ),
            min_size=1,
            max_size=30,
        ),
        repeat=st.booleans(),
    )
    def submit(self, rows: list[tuple[Any, ...]], repeat: bool) -> None:
        commands = [
            Submit(uid(number), account_id, amount, currency, rail, "p", details)
            for number, account_id, amount, currency, rail, details in rows
        ]
        if repeat:
            commands += commands
        self.both(commands)

    @rule(
        first=small_ids,
        count=st.integers(1, 25),
        account_id=st.sampled_from(ACCOUNTS[:2]),
        amount=st.integers(1, 300),
    )
    def submit_sound(
        self, first: int, count: int, account_id: bytes, amount: int
    ) -> None:
        self.both(
            [
                Submit(uid(first + n), account_id, amount, USD, 2, "p", PACKED)
                for n in range(count)
            ]
        )

    def both(self, commands: list[Submit]) -> None:
        applied = self.books.submit(*commands)
        expected = [self.model.submit(command) for command in commands]
        Machine.answers.update(expected)

        assert names(applied) == expected
        assert [
            self.model.payouts[command.payout_id]["state"]
            if code in {"CREATED", "REPLAYED"}
            else 0
            for command, code in zip(commands, expected, strict=True)
        ] == list(applied.outcomes.states)

    @rule(
        number=small_ids,
        age=ages,
        account_id=account_ids,
        amount=st.one_of(amounts, st.sampled_from([900, 2**62])),
        currency=currencies,
        ref=st.integers(1, 8),
        bank=st.sampled_from(["a", "b"]),
    )
    def fund(self, number, age, account_id, amount, currency, ref, bank) -> None:
        request_id = self.request_id(number, age)
        self.do(
            Fund(request_id, account_id, amount, currency, bank, f"r{ref}", "p"),
        )

    @rule(number=small_ids, ref=st.integers(1, 8))
    def fund_alike(self, number: int, ref: int) -> None:
        self.fund(number, 0, ACCOUNTS[ref % 2], 2**61, USD, ref, "a")

    @rule(number=small_ids, age=ages, pair=st.tuples(account_ids, account_ids))
    def transfer_of(self, number, age, pair) -> None:
        self.transfer(number, age, pair, 25, USD)

    @rule(
        number=small_ids,
        age=ages,
        pair=st.tuples(account_ids, account_ids),
        amount=amounts,
        currency=currencies,
    )
    def transfer(self, number, age, pair, amount, currency) -> None:
        request_id = self.request_id(number, age)
        command = Transfer(request_id, *pair, amount, currency, "", "p")
        self.do(command, command)

    @rule(numbers=st.lists(st.tuples(small_ids, small_ids), min_size=1, max_size=8))
    def cancel(self, numbers: list[tuple[int, int]]) -> None:
        self.do(
            *(
                Cancel(self.request_id(number, 0), uid(payout), "", "p")
                for number, payout in numbers
            )
        )

    @rule(
        number=small_ids,
        pairs=st.sets(st.sampled_from([(2, USD), (12, USD), (7, EUR), (1, USD)])),
        fixed=st.integers(0, 30),
        bps=st.sampled_from([0, 15, 9_999]),
        least=st.integers(0, 20),
        most=st.sampled_from([20, 400, MAX]),
    )
    def set_fees(self, number, pairs, fixed, bps, least, most) -> None:
        rules = tuple(
            FeeRule(rail, currency, fixed, bps, least, most)
            for rail, currency in sorted(pairs)
        )
        self.do(SetFees(self.request_id(number, 0), rules, "s", "p"))

    @rule(days=st.integers(0, 30))
    def time_passes(self, days: int) -> None:
        self.books.ts_us += days * DAY_US

    @invariant()
    def balances_agree(self) -> None:
        accounts = self.books.view.all_accounts()
        assert {
            account.account_id: (account.available_minor, account.reserved_minor)
            for account in accounts
        } == {
            account_id: (account["available"], account["reserved"])
            for account_id, account in self.model.accounts.items()
        }
        books = trial_balance(accounts, dict(self.books.view.all_internals()))
        assert all(book.is_balanced for book in books)  # I2

    def teardown(self) -> None:
        view = self.books.view
        minimums = {
            row.account_id: row.min_balance_minor for row in view.all_accounts()
        }
        audit = Audit(minimums)
        for entry in view.journal():
            audit.entry(entry)
        audit.trial_balance()
        audit.accounts(view.all_accounts())
        audit.internals(view.all_internals())
        audit.payouts(view.all_payouts())
        last_seq = audit.events(view.events())

        assert audit.breaches == []
        assert last_seq == view.event_seq()
        assert len(view.all_payouts()) == len(self.model.payouts)


class Forgetful(Ledger):
    """A planted bug: ids of accepted payouts are not kept, so a retry pays again."""

    def do(self, work):
        applied = super().do(work)
        self.view.tables["id"].clear()
        return applied


class Generous(Ledger):
    """A planted bug: a transfer's credit is written, its debit is not."""

    def do(self, work):
        before = {row.account_id: row for row in self.view.all_accounts()}
        applied = super().do(work)
        for command in work if isinstance(work, Sequence) else ():
            if isinstance(command, Transfer) and command.from_account_id in before:
                self.plant(before[command.from_account_id])
        return applied


def run(machine: type[Machine], **changes: Any) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=130,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            **changes,
        ),
    )


def test_both_ledgers_agree():
    """Ten thousand commands a run: every answer and every balance is the model's."""
    Machine.answers.clear()

    run(Machine)

    print(dict(Machine.answers))
    assert Machine.answers.total() >= COMMANDS_MIN
    assert Machine.answers.keys() >= {
        "CREATED",
        "REPLAYED",
        "CONFLICT",
        "KEY_TOO_OLD",
        "INVALID_COMMAND",
        "ACCOUNT_NOT_FOUND",
        "PAYOUT_NOT_FOUND",
        "RAIL_NOT_FOUND",
        "LIVEMODE_MISMATCH",
        "CURRENCY_MISMATCH",
        "EXTERNAL_REF_USED",
        "RAIL_CURRENCY",
        "INSUFFICIENT_FUNDS",
        "OVERFLOW",
    }


@pytest.mark.parametrize("books", [Forgetful, Generous])
def test_the_model_sees_a_planted_bug(books):
    """A checker must be seen to fail: a double payment, and money out of nothing."""

    class Planted(Machine):
        books_of = books

    with pytest.raises(AssertionError):
        run(Planted, phases=[Phase.generate], report_multiple_bugs=False)
