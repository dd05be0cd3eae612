"""The log that the micro benchmarks apply: payouts over accounts with plenty of money."""

from itertools import count

from ledgerd.formats import batches, commands, versions
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Command, FeeRule, Fund, OpenAccount, SetFees
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.risk import Action, Limit, LimitKind, Rule, RuleKind
from ledgerd.ledger.risk_commands import SetLimits, SetRules
from ledgerd.raft.entries import Entry, EntryKind, Index, Term

USD = currency_number("USD")
RAIL = 2
START_US = 1_790_000_000_000_000
MONEY_MINOR = 10**15
_DAY_US = 24 * 3600 * 1_000_000
_PER_ENTRY = 1_000  # accounts that one entry opens


def uuid7(number: int) -> bytes:
    """Return a UUIDv7 that rises with `number`."""
    raw = bytearray((1_790_000_000_000).to_bytes(6, "big") + number.to_bytes(10, "big"))
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return bytes(raw)


class Load:
    """Makes entries one after the other; all of them are accepted.

    accounts: over how many the payouts are spread, one after the other.
    is_limited: limits and rules are in force, which all of them pass.
    """

    def __init__(self, accounts: int, *, is_limited: bool = False) -> None:
        self._is_limited = is_limited
        self._numbers = count(1)
        self._index = 0
        self._accounts = [uuid7(next(self._numbers)) for _ in range(accounts)]
        self._details = batches.pack_details(
            batches.Details(
                destination_kind=2,
                country="US",
                bank_code="021000021",
                account_number="123456789012",
                name="Erika Mustermann",
                account_type="checking",
                reference="invoice 2026-11-21",
                metadata=(),
            )
        )

    def preparation(self) -> list[Entry]:
        """Return what must be applied first: the state version, fees, accounts, money."""
        entries = [
            self._entry(EntryKind.VERSION, versions.encode(STATE_VERSION)),
            self._commands(
                [
                    SetFees(
                        uuid7(next(self._numbers)),
                        (FeeRule(RAIL, USD, 25, 10, 25, 10_000),),
                        "benchmark",
                        "bench",
                    )
                ]
            ),
        ]
        for start in range(0, len(self._accounts), _PER_ENTRY):
            some = self._accounts[start : start + _PER_ENTRY]
            opened: list[Command] = [
                OpenAccount(account, USD, True, "", 0, "bench") for account in some
            ]
            funded: list[Command] = [
                Fund(
                    uuid7(next(self._numbers)),
                    account,
                    MONEY_MINOR,
                    USD,
                    "bank",
                    account.hex(),
                    "bench",
                )
                for account in some
            ]
            entries += [self._commands(opened), self._commands(funded)]
        if self._is_limited:
            entries.append(self._commands(self._policy()))
        return entries

    def _policy(self) -> list[Command]:
        """Return limits of every kind, and a rule that all payouts are asked by."""
        windows = [
            Limit(kind, USD, window_us=_DAY_US, amount_minor_max=2**62)
            for kind in LimitKind
            if kind is not LimitKind.PER_PAYOUT
        ]
        limits = (Limit(LimitKind.PER_PAYOUT, USD, amount_minor_max=2**62), *windows)
        review = Rule("big", RuleKind.AMOUNT, Action.REVIEW, USD, 2**62)
        ids = [uuid7(next(self._numbers)) for _ in range(2)]
        return [
            SetLimits(ids[0], 0, "benchmark", "", limits, "bench"),
            SetRules(ids[1], 0, "benchmark", "", (review,), "bench"),
        ]

    def payouts(self, rows: int) -> Entry:
        """Return an entry of `rows` payouts."""
        return self._entry(EntryKind.PAYOUTS, batches.encode(self.batch(rows)))

    def batch(self, rows: int) -> PayoutBatch:
        """Return `rows` payouts as the edge hands them over."""
        batch = PayoutBatch()
        for _ in range(rows):
            number = next(self._numbers)
            batch.add(
                payout_id=uuid7(number),
                account_id=self._accounts[number % len(self._accounts)],
                amount_minor=100 + number % 9_999,
                currency=USD,
                rail=RAIL,
                principal="bench",
                details=self._details,
            )
        return batch

    def _commands(self, items: list[Command]) -> Entry:
        return self._entry(EntryKind.COMMANDS, commands.encode(items))

    def _entry(self, kind: EntryKind, payload: bytes) -> Entry:
        self._index += 1
        return Entry(
            Term(1),
            Index(self._index),
            kind,
            START_US + self._index,
            payload,
            bytes(32),
        )
