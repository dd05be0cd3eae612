"""Work of an office: entries by hand, accounts that end, rails, limits, roles (faults.md 5.4).

Its dice are its own, so that a run without such work is what it always was. As everywhere, much of
it is refused: vouchers that do not balance or are posted twice, money taken back twice, accounts
that are closed while something is on them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ledgerd.ledger.accounts import AccountKind
from ledgerd.ledger.calendars import SATURDAY_AND_SUNDAY, Calendar
from ledgerd.ledger.catalogue import SANDBOX
from ledgerd.ledger.catalogue_commands import AmendCalendar, SetCatalogue, SuspendRail
from ledgerd.ledger.commands import (
    Adjust,
    ApproveVoucher,
    Asked,
    CloseAccount,
    EntryLeg,
    FundReverse,
    OpenAccount,
    PostEntry,
    RejectVoucher,
)
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.risk import Action, Limit, LimitKind, Rule, RuleKind
from ledgerd.ledger.risk_commands import SetLimits, SetRules
from ledgerd.ledger.roles import Grant, RoleKind
from ledgerd.ledger.setting_commands import SetCurrencies, SetRoles
from ledgerd.limits import AMOUNT_MINOR_MAX
from ledgerd.simulation.dice import chance, dice

EUR: Final = currency_number("EUR")
USD: Final = currency_number("USD")
_SECOND: Final = 1_000_000  # microseconds
_FIRST_DAY: Final = 20_000  # since 1970-01-01
_DRAWN_RAIL: Final = 40  # a number that no rail of the seed has
_SANDBOX_RECORD: Final = RailRecord(
    number=SANDBOX,
    name="sandbox",
    version=0,
    effective_from_us=0,
    currencies=(),
    countries=(),
    calendar="",
    zone="",
    windows=(),
    arrives_within_s=2,
    amount_minor_min=1,
    amount_minor_max=AMOUNT_MINOR_MAX,
    destination_kinds=(),
    account_number_bytes_max=0,
    reference_bytes_max=140,
    reference_charset="",
    is_irrevocable=False,
    return_days=10,
    recall_days=10,
    deduplicates=True,
    answers_queries=True,
    guarantee_s=1,
    burns_refused_keys=False,
)


class BookworkAuthor:
    """Makes up one client's share of it."""

    def __init__(self, seed: int, client: int, new_id: Callable[[int], bytes]) -> None:
        """new_id: makes a UUIDv7 of a time, milliseconds."""
        self._dice = dice(seed, "bookwork", client)
        self._standing = dice(seed, "standing", client)
        self._client = client
        self._new_id = new_id
        self._vouchers: list[bytes] = []
        self._opened: list[bytes] = []

    @property
    def dice(self) -> random.Random:
        """Decides how much of this work there is."""
        return self._dice

    def next(self, now_us: int, accounts: Sequence[bytes]) -> Asked:
        """Return a command; it may well be refused."""
        request_id = self._new_id(now_us // 1000)
        asked = self._ordinary(request_id, now_us, accounts)
        if chance(self._standing, 0.06):
            return self._who_and_what(request_id, now_us)
        return asked

    def _ordinary(
        self, request_id: bytes, now_us: int, accounts: Sequence[bytes]
    ) -> Asked:
        generator = self._dice
        match generator.randrange(15):
            case 2 | 3 | 4 if self._vouchers:
                return self._decided(request_id)
            case 0 | 1 | 2 | 3 | 4:
                return self._written_out(request_id, accounts)
            case 5 | 6:
                return self._taken_back(request_id)
            case 7 | 8:
                return self._of_own_account(request_id, accounts)
            case 9:
                is_suspended = chance(generator, 0.3)
                return SuspendRail(request_id, SANDBOX, is_suspended, "drawn", "")
            case 10:
                return self._catalogue(request_id, now_us)
            case 11:
                return self._calendar(request_id, now_us)
            case 12 | 13:
                return self._limits(request_id, now_us, accounts)
            case _:
                return self._rules(request_id, now_us)

    def _who_and_what(self, request_id: bytes, now_us: int) -> Asked:
        """Return who may call what, or currencies that are retired; seldom the one in use."""
        generator = self._standing
        effective_us = now_us + generator.choice((0, 0, _SECOND))
        head = (request_id, effective_us, "drawn", "2026-11-21")
        if chance(generator, 0.5):
            drawn = (
                Grant("boss", (RoleKind.ADMIN,)),
                Grant("svc", (RoleKind.SUBMITTER, RoleKind.APPROVER)),
            )
            grants = tuple(grant for grant in drawn if chance(generator, 0.5))
            return SetRoles(*head, grants, "boss", chance(generator, 0.8))
        retired = [EUR] if chance(generator, 0.5) else []
        if chance(generator, 0.1):
            retired.append(USD)
        return SetCurrencies(*head, tuple(sorted(retired)), "boss")

    def _written_out(self, request_id: bytes, accounts: Sequence[bytes]) -> Asked:
        """Return a voucher: between two accounts, or with the bank or suspense beside one."""
        generator = self._dice
        amount_minor = generator.choice((1, 500, 90_000))
        other_minor = amount_minor + chance(generator, 0.1)  # now and then unbalanced
        own = (AccountKind.AVAILABLE, generator.choice(accounts))
        beside = generator.choice(
            (
                (AccountKind.AVAILABLE, generator.choice(accounts)),
                (AccountKind.BANK_CASH, b"main"),
                (AccountKind.SUSPENSE, b"main"),
            )
        )
        is_debit = chance(generator, 0.5)
        legs = (
            EntryLeg(*own, is_debit, amount_minor),
            EntryLeg(*beside, not is_debit, other_minor),
        )
        self._vouchers.append(request_id)
        if chance(generator, 0.3):
            linked = (generator.randrange(1, 200), 0, 0)
            return Adjust(request_id, False, USD, legs, "by hand", linked, "")
        return PostEntry(request_id, False, USD, legs, "by hand", "")

    def _decided(self, request_id: bytes) -> Asked:
        """Return what becomes of a voucher, mostly of one of the last ones."""
        generator = self._dice
        voucher_id = generator.choice(self._vouchers[-4:])
        if chance(generator, 0.2):
            return RejectVoucher(request_id, voucher_id, "no", "")
        return ApproveVoucher(request_id, voucher_id, "")

    def _taken_back(self, request_id: bytes) -> FundReverse:
        """Return that the bank took back a part of what a client's first calls have funded."""
        generator = self._dice
        client = self._client if chance(generator, 0.7) else 0
        reference = f"ref-{client}-{generator.choice((2, 2, 4))}"
        amount_minor = generator.choice((1, 40_000, 100_000))
        return FundReverse(request_id, "main", reference, amount_minor, USD, "", "")

    def _of_own_account(self, request_id: bytes, accounts: Sequence[bytes]) -> Asked:
        """Return the opening or the end of an account; one that others use is hardly empty."""
        generator = self._dice
        if not self._opened or chance(generator, 0.4):
            self._opened.append(request_id)
            return OpenAccount(request_id, USD, False, "office", 0, "")
        account_id = generator.choice(self._opened)
        if chance(generator, 0.1):
            account_id = generator.choice(accounts)
        return CloseAccount(request_id, account_id, "drawn", "")

    def _catalogue(self, request_id: bytes, now_us: int) -> SetCatalogue:
        """Return a version of the sandbox, or a rail that nobody goes by; some hold later."""
        generator = self._dice
        record = replace(
            _SANDBOX_RECORD,
            effective_from_us=now_us + generator.choice((0, 0, _SECOND)),
            amount_minor_max=generator.choice((50_000, AMOUNT_MINOR_MAX)),
            burns_refused_keys=chance(generator, 0.5),
            absorbs=chance(generator, 0.5),
            return_days=generator.choice((0, 10)),
            recall_days=generator.choice((0, 10)),
        )
        if chance(generator, 0.2):
            record = replace(record, number=_DRAWN_RAIL, name="drawn")
        return SetCatalogue(request_id, (record,), "")

    def _calendar(self, request_id: bytes, now_us: int) -> AmendCalendar:
        generator = self._dice
        closed = sorted(generator.sample(range(_FIRST_DAY, _FIRST_DAY + 100), 3))
        calendar = Calendar(
            name=generator.choice(("fed", "drawn")),
            version=0,
            effective_from_us=now_us,
            first_day=_FIRST_DAY,
            last_day=_FIRST_DAY + 365,
            closed_weekdays=SATURDAY_AND_SUNDAY,
            closed_days=tuple(closed),
            source="drawn",
            as_of="2026-11-21",
        )
        return AmendCalendar(request_id, calendar, "")

    def _limits(
        self, request_id: bytes, now_us: int, accounts: Sequence[bytes]
    ) -> SetLimits:
        """Return limits that some payouts reach, or none; windows of seconds."""
        generator = self._dice
        one = generator.choice(accounts)
        window_us = generator.choice((24 * _SECOND // 10, 24 * _SECOND))
        drawn = (
            Limit(LimitKind.PER_PAYOUT, USD, amount_minor_max=50_000),
            Limit(LimitKind.PER_PAYOUT, USD, account_id=one, amount_minor_max=2_000),
            Limit(LimitKind.ACCOUNT_WINDOW, USD, window_us=window_us, count_max=20),
            Limit(
                LimitKind.TOTAL_WINDOW,
                USD,
                window_us=window_us,
                amount_minor_max=200_000,
            ),
        )
        limits = tuple(limit for limit in drawn if chance(generator, 0.4))
        effective_us = now_us + generator.choice((0, 0, _SECOND))
        return SetLimits(request_id, effective_us, "drawn", "2026-11-21", limits, "")

    def _rules(self, request_id: bytes, now_us: int) -> SetRules:
        """Return rules that let some payouts wait for review, or refuse them; or none."""
        generator = self._dice
        action = generator.choice((Action.REVIEW, Action.REVIEW, Action.REFUSE))
        drawn = (
            Rule("large", RuleKind.AMOUNT, action, currency=USD, amount_minor=2_000),
            Rule("new", RuleKind.NEW_ACCOUNT, action, age_us=_SECOND),
            Rule("frozen", RuleKind.FROZEN_OWNER, action),
        )
        rules = tuple(rule for rule in drawn if chance(generator, 0.5))
        effective_us = now_us + generator.choice((0, 0, _SECOND))
        return SetRules(request_id, effective_us, "drawn", "2026-11-21", rules, "")
