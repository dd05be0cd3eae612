"""The books as text that other programs read: hledger, beancount, CSV.

Each function turns journal entries, in their order, into lines. Nothing is rounded and nothing is
summed up: an entry of the ledger is an entry of the text. What the ledger says that a customer's
balance was after an entry stands beside the posting for hledger to check, and at the end for
beancount.

Accounts begin with what they are to an accountant, then the book: live or sandbox. The sign is that
of bookkeeping programs: debits are above 0.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.client.calls import Method
from ledgerd.client.leader import Node

Format: TypeAlias = Callable[[Iterable[pb.ExportedEntry]], Iterator[str]]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HLEDGER_ROOTS: Final = {
    pb.ASSET: "assets",
    pb.LIABILITY: "liabilities",
    pb.REVENUE: "revenues",
    pb.EXPENSE: "expenses",
}
_BEANCOUNT_ROOTS: Final = {
    pb.ASSET: "Assets",
    pb.LIABILITY: "Liabilities",
    pb.REVENUE: "Income",
    pb.EXPENSE: "Expenses",
}
_CSV_COLUMNS: Final = (
    "index",
    "ordinal",
    "n",
    "time",
    "reason",
    "livemode",
    "ledger_account",
    "debit_minor",
    "credit_minor",
    "currency",
    "exponent",
    "balance_minor",
)


class ExportPart(NamedTuple):
    """Journal entries in order, up to one index. more: there are others behind the last one."""

    as_of_index: int
    entries: list[pb.ExportedEntry]
    more: bool

    @property
    def last(self) -> tuple[int, int, int]:
        """The position of the last entry, behind which the next part begins."""
        entry = self.entries[-1]
        return entry.index, entry.ordinal, entry.n


def part_of(node: Node) -> Method[pb.ExportBooksRequest, ExportPart]:
    """Return the call that takes one stream of the journal as one answer."""

    async def whole(request: pb.ExportBooksRequest, /, *, timeout: float) -> ExportPart:
        entries: list[pb.ExportedEntry] = []
        as_of_index, more = 0, False
        async for reply in node.reports.ExportBooks(request, timeout=timeout):
            entries += reply.entries
            as_of_index, more = reply.as_of_index, reply.more
        return ExportPart(as_of_index, entries, more)

    return whole


def hledger(entries: Iterable[pb.ExportedEntry]) -> Iterator[str]:
    """Yield the lines of an hledger journal, which passes `hledger check --strict`.

    Every posting to a customer's balance asserts what the ledger says that it was afterwards.
    """
    accounts: set[str] = set()
    exponents: dict[str, int] = {}
    for entry in entries:
        at = _time(entry.at_us)
        position = f"{entry.index}.{entry.ordinal}.{entry.n}"
        yield f"{at:%Y-%m-%d} ({position}) {entry.reason}  ; time: {at.isoformat()}"
        exponents[entry.currency] = entry.exponent
        last = {leg.ledger_account: n for n, leg in enumerate(entry.legs)}
        for n, leg in enumerate(entry.legs):
            account = _hledger_account(entry, leg)
            accounts.add(account)
            line = f"    {account}  {_amount(leg.debit_units, entry)}"
            if leg.HasField("balance_units") and last[leg.ledger_account] == n:
                line += f" = {_amount(leg.balance_units, entry)}"
            yield line
        yield ""
    for currency, exponent in sorted(exponents.items()):
        yield f"commodity 1000.{'0' * exponent} {currency}"
    for account in sorted(accounts):
        yield f"account {account}"


def beancount(entries: Iterable[pb.ExportedEntry]) -> Iterator[str]:
    """Yield the lines of a beancount file, which passes `bean-check`.

    It ends with the balance of every account, as of the day after the last entry: a customer's as
    the ledger states it, another's as the postings add up.
    """
    balances: dict[tuple[str, str], tuple[int, pb.ExportedEntry]] = {}
    opened: set[str] = set()
    last_day: date | None = None
    for entry in entries:
        at = _time(entry.at_us)
        last_day = at.date()
        for leg in entry.legs:
            account = _beancount_account(entry, leg)
            if account not in opened:
                opened.add(account)
                yield f"{last_day} open {account}"
                yield f'  name: "{leg.ledger_account}"'
            key = account, entry.currency
            before_minor, _ = balances.get(key, (0, entry))
            if leg.HasField("balance_units"):
                balances[key] = leg.balance_units, entry
            else:
                balances[key] = before_minor + leg.debit_units, entry
        position = f"{entry.index}.{entry.ordinal}.{entry.n}"
        yield f'{last_day} * "{entry.reason}"'
        yield f'  position: "{position}"'
        yield f'  time: "{at.isoformat()}"'
        for leg in entry.legs:
            account = _beancount_account(entry, leg)
            yield f"  {account}  {_amount(leg.debit_units, entry)}"
        yield ""
    if last_day is None:
        return
    next_day = last_day + timedelta(days=1)
    for (account, currency), (balance_minor, entry) in sorted(
        balances.items(), key=lambda item: item[0]
    ):
        number = _number(balance_minor, entry.exponent)
        zero = _number(0, entry.exponent)
        yield f"{next_day} balance {account}  {number} ~ {zero} {currency}"


def table(entries: Iterable[pb.ExportedEntry]) -> Iterator[str]:
    """Yield the lines of a CSV file, a posting each; amounts in minor units.

    balance_minor is a customer's balance after the entry, debits above 0.
    """
    yield _row(_CSV_COLUMNS)
    for entry in entries:
        for leg in entry.legs:
            units = leg.debit_units
            yield _row(
                (
                    entry.index,
                    entry.ordinal,
                    entry.n,
                    _time(entry.at_us).isoformat(),
                    entry.reason,
                    "true" if entry.livemode else "false",
                    leg.ledger_account,
                    units if units > 0 else "",
                    -units if units < 0 else "",
                    entry.currency,
                    entry.exponent,
                    leg.balance_units if leg.HasField("balance_units") else "",
                )
            )


FORMATS: Final[dict[str, Format]] = {
    "hledger": hledger,
    "beancount": beancount,
    "csv": table,
}


def _hledger_account(entry: pb.ExportedEntry, leg: pb.ExportedLeg) -> str:
    parts = (_HLEDGER_ROOTS[leg.type], _book(entry), *leg.ledger_account.split("/"))
    return ":".join(parts)


def _beancount_account(entry: pb.ExportedEntry, leg: pb.ExportedLeg) -> str:
    parts = map(_component, (_book(entry), *leg.ledger_account.split("/")))
    return ":".join((_BEANCOUNT_ROOTS[leg.type], *parts))


def _component(name: str) -> str:
    """Return a part of a name in letters, digits and dashes, as beancount wants it.

    The names of the ledger are of small letters, digits, - and _, so no two become one.
    """
    spelt = "".join(c if c.isalnum() else f"-{ord(c):02X}" for c in name)
    return spelt[:1].upper() + spelt[1:] if spelt[:1].isalnum() else f"0X{spelt}"


def _book(entry: pb.ExportedEntry) -> str:
    return "live" if entry.livemode else "sandbox"


def _amount(units: int, entry: pb.ExportedEntry) -> str:
    return f"{_number(units, entry.exponent)} {entry.currency}"


def _number(units: int, exponent: int) -> str:
    """Return minor units as a decimal number, exactly."""
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(exponent + 1, "0")
    if exponent == 0:
        return f"{sign}{digits}"
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"


def _time(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _row(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
