"""The bank: money is neither made nor lost by moving it.

Uses no model and no positions. Every read of all accounts shows the accounts that were
opened, none below its bound, and per currency a total between what had been funded for
certain before the read began and what may have been funded before it ended; where a rail
pays, less what may have left by then. Every trial balance balances, per book.
"""

from collections import Counter
from collections.abc import Iterator

from jepsen import wire
from jepsen.checkers.verdict import Result
from jepsen.commands import Fund, OpenAccount, SetFees, Submit
from jepsen.history import FAIL, OK, RIG, Event, Fields, History, Op, flag, number, rows

FINDINGS_MAX = 20
CLAIMS = ("available", "reserved", "held", "blocked")


def check_bank(history: History) -> Result:
    """Judge every read of all accounts and every trial balance by its own sums."""
    result = Result("bank")
    funds = _Funds(history)
    reads = 0
    for op in history.client_ops(wire.ACCOUNTS, wire.TRIAL):
        if op.type != OK or op.end is None:
            continue
        reads += 1
        check = _accounts if op.f == wire.ACCOUNTS else _trial
        for sentence in check(op, funds):
            if len(result.findings) < FINDINGS_MAX:
                result.invalid(sentence, op.end.i)
    result.numbers["reads of all"] = reads
    if not reads:
        result.unknown("nobody read all accounts")
    return result


class _Funds:
    """What was opened and funded, for certain and perhaps, by the line of a history."""

    def __init__(self, history: History) -> None:
        self.opened: dict[str, tuple[int, OpenAccount]] = {}  # ok line
        self.maybe_opened: dict[str, OpenAccount] = {}
        self.sure: list[tuple[int, str, int]] = []  # ok line, currency, minor
        self.maybe: list[tuple[int, str, int]] = []  # invoke line, currency, minor
        # invoke line, currency, minor with the fee: of payouts that a rail may carry.
        self.leaving: list[tuple[int, str, int]] = []
        seen: set[str] = set()
        sure: set[str] = set()
        for op in history.client_ops(wire.OPEN, wire.FUND):
            for command in wire.commands_of(op.f, op.invoke.v):
                if isinstance(command, OpenAccount):
                    self._open(op, command)
                elif isinstance(command, Fund):
                    self._fund(op, command, seen, sure)
        if any(True for _ in history.of(RIG, "rail")):
            self._note_leaving(history)

    def _note_leaving(self, history: History) -> None:
        """Count every payout that was asked for, once for each body."""
        rules = [
            command
            for op in history.client_ops(wire.FEES)
            for command in wire.commands_of(op.f, op.invoke.v)
            if isinstance(command, SetFees)
        ]
        seen: set[Submit] = set()
        for op in history.client_ops(wire.SUBMIT, wire.SUBMIT_BATCH):
            for command in wire.commands_of(op.f, op.invoke.v):
                assert isinstance(command, Submit)
                if op.type == FAIL or command in seen:
                    continue
                seen.add(command)
                fee = max((_fee(rule, command) for rule in rules), default=0)
                self.leaving.append(
                    (op.invoke.i, command.currency, command.minor + fee)
                )

    def _open(self, op: Op, command: OpenAccount) -> None:
        if op.type != FAIL:
            self.maybe_opened[command.account] = command
        if _took_effect(op) and command.account not in self.opened:
            assert op.end is not None
            self.opened[command.account] = (op.end.i, command)

    def _fund(self, op: Op, command: Fund, seen: set[str], sure: set[str]) -> None:
        """Count each request once, however often it was sent."""
        refused = op.type == OK and not _took_effect(op)
        if op.type != FAIL and not refused and command.request not in seen:
            seen.add(command.request)
            self.maybe.append((op.invoke.i, command.currency, command.minor))
        if _took_effect(op) and command.request not in sure:
            sure.add(command.request)
            assert op.end is not None
            self.sure.append((op.end.i, command.currency, command.minor))

    def bounds(self, currency: str, begin: Event, end: Event) -> tuple[int, int]:
        """Return the least and the most that may be there, in minor units."""
        least = sum(m for i, c, m in self.sure if c == currency and i < begin.i)
        most = sum(m for i, c, m in self.maybe if c == currency and i < end.i)
        left = sum(m for i, c, m in self.leaving if c == currency and i < end.i)
        return least - left, most


def _fee(rule: SetFees, submit: Submit) -> int:
    return rule.fixed_minor + (submit.minor * rule.bps + 5_000) // 10_000


def _took_effect(op: Op) -> bool:
    return op.type == OK and all(
        told.outcome in ("CREATED", "REPLAYED")
        for told in wire.answers_of(op.f, op.answer)
    )


def _accounts(op: Op, funds: _Funds) -> Iterator[str]:
    assert op.end is not None
    totals: Counter[str] = Counter()
    shown: set[str] = set()
    for row in rows(op.answer, "rows"):
        id_ = str(row.get("id"))
        shown.add(id_)
        opened = funds.maybe_opened.get(id_)
        if opened is None:
            yield f"unexpected account {id_}"
            continue
        if number(row, "available") < opened.min_balance:
            yield f"{id_} is below its bound: {number(row, 'available')} available"
        for name in ("reserved", "held", "blocked", "receivable"):
            if number(row, name) < 0:
                yield f"{id_} is negative: {number(row, name)} {name}"
        totals[opened.currency] += _claim(row)
    for id_, (line, _) in funds.opened.items():
        if line < op.invoke.i and id_ not in shown:
            yield f"missing account {id_}"
    currencies = {each.currency for each in funds.maybe_opened.values()}
    for currency in sorted(currencies):
        least, most = funds.bounds(currency, op.invoke, op.end)
        if not least <= totals[currency] <= most:
            expected = str(least) if least == most else f"{least} to {most}"
            yield f"total {totals[currency]} != {expected} {currency}"


def _claim(row: Fields) -> int:
    return sum(number(row, name) for name in CLAIMS) - number(row, "receivable")


def _trial(op: Op, funds: _Funds) -> Iterator[str]:
    del funds
    for book in rows(op.answer, "books"):
        name = f"{book.get('currency')}{'' if flag(book, 'livemode') else ' sandbox'}"
        debit = sum(number(line, "debit") for line in rows(book, "lines"))
        credit = sum(number(line, "credit") for line in rows(book, "lines"))
        if debit != credit:
            yield f"book {name}: debits {debit} != credits {credit}"
        if (number(book, "debit"), number(book, "credit")) != (debit, credit):
            yield f"book {name}: its sums are not those of its lines"
        if flag(book, "balanced") != (debit == credit):
            yield f"book {name}: says balanced={flag(book, 'balanced')}"
