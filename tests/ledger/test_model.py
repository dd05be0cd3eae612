"""The ledger against a second one, written with plain dicts and without looking.

Hypothesis drives both with the same commands, doubles and nonsense included, and compares
every answer and every balance. Batches of submits also take both paths of apply. After
each command an auditor checks the rows that it left, I1 to I9, I11, I14, and after each entry
the digest of a second node, I12; after each step the windows of limits, I13; after each run the
books are audited from the first entry.
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

from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import InternalKey
from ledgerd.ledger.apply import Applied
from ledgerd.ledger.commands import (
    Cancel,
    FeeRule,
    Fund,
    OpenAccount,
    SetFees,
    Submit,
    SubmitTerms,
    Transfer,
)
from ledgerd.ledger.invariants import Audit, trial_balance
from ledgerd.ledger.payouts import (
    PayoutHead,
    PayoutState,
    PayoutStatus,
    fee_now,
    rail_now,
    status_of,
)
from ledgerd.replica.audit import GENESIS_DIGEST
from tests.ledger.auditor import Auditor, Follower, digest_after
from tests.ledger.making import EUR, JPY, MAX, PACKED, USD, Ledger, names, uid
from tests.ledger.model import KINDS
from tests.ledger.model_accounts import OWN, AccountRules
from tests.ledger.model_payouts import PayoutRules
from tests.ledger.model_rails import RailRules
from tests.ledger.model_risk import RiskRules
from tests.ledger.model_settings import SettingModel, SettingRules
from tests.ledger.stages import check_ready

COMMANDS_MIN = 50_000  # a run in CI
OF_WINDOWS = {Table.WINDOW, Table.PAYOUT, Table.PAYOUT_STATE, Table.CONFIG}  # I13

ACCOUNTS = OWN  # the last one is never opened
DAY_US = 24 * 3600 * 1_000_000

account_ids = st.sampled_from(ACCOUNTS)
rails = st.sampled_from([1, 2, 2, 2, 12, 7, 99])
currencies = st.sampled_from([USD, USD, USD, USD, EUR, JPY, 26**3])
amounts = st.one_of(
    st.integers(1, 400),
    st.integers(1, 400),
    st.sampled_from([0, -1, 5_000, 2**62, MAX]),
)
small_ids = st.integers(1, 150)
classes = st.sampled_from(["", "", "gold", "No class"])
ages = st.sampled_from([0, 0, 0, 0, 0, 40])  # days


class Machine(
    SettingRules,
    RailRules,
    RiskRules,
    PayoutRules,
    AccountRules,
    RuleBasedStateMachine,
):
    """Commands for both ledgers."""

    answers: ClassVar[Counter[str]] = Counter()  # of all runs
    books_of = Ledger

    def __init__(self) -> None:
        super().__init__()
        self.books = self.books_of()
        self.model = SettingModel()
        self.auditor = Auditor()
        self.follower = Follower()
        self.digest = GENESIS_DIGEST
        self.windows_may_differ = False

    def do(self, *commands: Any) -> None:
        expected = self.model.decide(
            list(commands), index=self.books.index + 1, now_us=self.books.ts_us + 1_000
        )
        applied = self.books.do(commands)
        Machine.answers.update(expected)
        self.audit(commands, applied)

        assert names(applied) == expected

    def audit(self, commands: Sequence[Any], applied: Applied) -> None:
        """Look at what an entry left, command by command, and at another node."""
        books = self.books
        self.auditor.entry(books.index, books.ts_us, books.rows)
        self.windows_may_differ |= any(rows.table in OF_WINDOWS for rows in books.rows)
        self.digest = digest_after(self.digest, books.rows, applied.outcomes)
        digest = self.follower.take(commands, books)

        assert self.digest == digest  # I12

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
            own = "gold" if account_id == ACCOUNTS[1] else ""
            self.do(OpenAccount(account_id, currency, live, "o", minimum, "p", own))
            request_id = uid(int.from_bytes(account_id[-4:], "big") + 1000)
            ref = account_id.hex()
            self.do(Fund(request_id, account_id, 2_000, currency, "b", ref, "p"))
        self.do(OpenAccount(ACCOUNTS[4], USD, True, "empty", 0, "p"))
        self.both(
            [
                Submit(uid(140 + n), ACCOUNTS[n % 2], 40 + n, USD, 2, "p", PACKED)
                for n in range(6)
            ]
        )

    @rule(
        account_id=st.sampled_from(ACCOUNTS[:5]),
        currency=currencies,
        live=st.booleans(),
        minimum=st.sampled_from([0, 0, 10]),
        own=classes,
    )
    def open(self, account_id, currency, live, minimum, own) -> None:
        self.do(OpenAccount(account_id, currency, live, "o", minimum, "p", own))

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
        rows=st.lists(
            st.tuples(
                small_ids,
                st.sampled_from([*ACCOUNTS[:2]] * 6 + [ACCOUNTS[5]]),
                st.one_of(st.integers(1, 90), st.sampled_from([0, 700, 5_000])),
                st.sampled_from([True, True, True, False]),
                st.sampled_from([0] * 5 + [DAY_US]),
            ),
            min_size=1,
            max_size=8,
        ),
        times=st.sampled_from([1, 1, 2]),
    )
    def chain(self, rows: list[tuple[Any, ...]], times: int) -> None:
        """Linked submits, some of them closed, some sent again."""
        commands = [
            Submit(
                uid(number),
                account_id,
                amount,
                USD,
                2,
                "p",
                PACKED,
                self.books.ts_us + later_us if later_us else 0,
                SubmitTerms(is_linked=is_linked),
            )
            for number, account_id, amount, is_linked, later_us in rows
        ]
        for _ in range(times):
            self.do(*commands)

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
        expected = self.model.decide(
            commands, index=self.books.index + 1, now_us=self.books.ts_us + 1_000
        )
        applied = self.books.submit(*commands)
        Machine.answers.update(expected)
        self.audit(commands, applied)

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
        own=st.sampled_from(["", "", "gold"]),
        refund=st.sampled_from([0, 0, 1, 2]),
        ahead=st.sampled_from([0, 0, 2_500, 5 * DAY_US]),
        good=st.sampled_from([0, 0, 3_500]),
        fixed=st.integers(0, 30),
        bps=st.sampled_from([0, 15, 9_999]),
        least=st.integers(0, 20),
        most=st.sampled_from([20, 400, MAX]),
    )
    def set_fees(
        self, number, pairs, own, refund, ahead, good, fixed, bps, least, most
    ) -> None:
        """For one class, and for all; now, in some entries, or in some days."""
        rules = tuple(
            FeeRule(rail, currency, *numbers, each, refund)
            for rail, currency in sorted(pairs)
            for each, numbers in {
                own: (fixed, bps, least, most),
                "": (3, 20, 1, MAX),
            }.items()
        )
        since_us = self.books.ts_us + ahead if ahead else 0
        request_id = self.request_id(number, 0)
        self.do(SetFees(request_id, rules, "s", "p", since_us, "2026", good))

    @rule(
        number=small_ids,
        account_id=st.sampled_from(ACCOUNTS[:4]),
        amount=st.integers(1, 300),
        rail=st.sampled_from([1, 2, 2, 12]),
        off=st.sampled_from([None, 0, 0, 0, 1]),
        before_us=st.sampled_from([None, 0, 1_000, 2_000, 5_000, 900_000_001, -7_000]),
    )
    def submit_quoted(self, number, account_id, amount, rail, off, before_us) -> None:
        """With the fee of now or of a moment ago, or a unit beside it; in time or too late."""
        quoted_us = 0 if before_us is None else self.books.ts_us - before_us
        now_us = self.books.ts_us + 1_000
        fee = self.model.fee(
            rail, USD, amount, account_id, min(quoted_us or now_us, now_us)
        )
        terms = SubmitTerms(None if off is None else fee + off, quoted_us)
        self.do(
            Submit(uid(number), account_id, amount, USD, rail, "p", PACKED, terms=terms)
        )

    @rule(days=st.integers(0, 30))
    def time_passes(self, days: int) -> None:
        self.books.ts_us += days * DAY_US

    @invariant()
    def balances_agree(self) -> None:
        accounts = self.books.view.all_accounts()
        internals = self.books.view.all_internals()
        assert {
            account.account_id: (account.status.name, *account.balances)
            for account in accounts
        } == {
            account_id: (
                account["status"],
                *(self.model.balance[account_id, kind] for kind in KINDS),
            )
            for account_id, account in self.model.accounts.items()
        }
        assert {_name_of(key): balance for key, balance in internals if balance} == {
            key: balance
            for key, balance in self.model.balance.items()
            if balance and key[1] not in KINDS
        }
        books = trial_balance(accounts, dict(internals))
        assert all(book.is_balanced for book in books)  # I2

    @invariant()
    def windows_hold_what_payouts_say(self) -> None:
        if self.windows_may_differ:
            assert self.books.window_breaches() == []  # I13
        self.windows_may_differ = False

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
        audit.under_way(view.all_under_way(), view.all_payouts())
        audit.holds(view.all_holds())
        audit.windows(view.policy(), view.all_windows(), view.all_payouts())
        last_seq = audit.events(view.events())
        check_ready(view)

        assert audit.breaches == []
        assert self.follower.view.tables == view.tables  # I8: from the log again
        assert last_seq == view.event_seq()
        assert {
            head.payout_id: shown(head, status) for head, status in view.all_payouts()
        } == {
            payout_id: expected(payout)
            for payout_id, payout in self.model.payouts.items()
        }
        assert {hold.hold_id: hold.state.name for hold in view.all_holds()} == {
            hold_id: hold["state"] for hold_id, hold in self.model.holds.items()
        }
        assert [timer[0] for timer in sorted(self.model.timers)] == [
            timer.due_us for timer in view.timers(2**63 - 1, 10_000)
        ]


def shown(head: PayoutHead, status: PayoutStatus | None) -> tuple[Any, ...]:
    """What both ledgers say of a payout."""
    now = status_of(head, status)
    return (
        now.state,
        fee_now(head, status),
        rail_now(head, status),
        now.rail_key or None,
        now.attempt,
        now.returned_minor,
        now.reversed_minor,
        now.absorbed_minor,
        now.open_exceptions,
        now.needs_attention,
    )


def expected(payout: dict[str, Any]) -> tuple[Any, ...]:
    names = (
        "state",
        "fee",
        "rail",
        "key",
        "attempt",
        "returned",
        "reversed",
        "absorbed",
    )
    is_open, is_asked = payout["open"], payout["state"] == PayoutState.DISPATCHING
    needs_attention = is_open > 0 or (is_asked and payout["doubt"])
    return (*(payout[name] for name in names), is_open, needs_attention)


def _name_of(key: InternalKey) -> tuple[tuple[bool, int], str]:
    """How the model calls one of our accounts."""
    name = key.account.kind.name.lower()
    subject = key.account.subject.decode()
    return tuple(key.book), f"{name}:{subject}" if subject else name


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
            max_examples=520,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            **changes,
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(900)  # half a minute of one core, and cores are shared
def test_both_ledgers_agree():
    """Fifty thousand commands a run: every answer and every balance is the model's.

    Which answers come about differs from run to run, with the modules that are loaded; that each
    does is for `test_model_answers.py`.
    """
    Machine.answers.clear()

    run(Machine)

    print(dict(Machine.answers))
    assert Machine.answers.total() >= COMMANDS_MIN


@pytest.mark.parametrize("books", [Forgetful, Generous])
def test_the_model_sees_a_planted_bug(books):
    """A checker must be seen to fail: a double payment, and money out of nothing."""

    class Planted(Machine):
        books_of = books

    with pytest.raises(AssertionError):
        run(Planted, phases=[Phase.generate], report_multiple_bugs=False)
