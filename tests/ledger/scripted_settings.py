"""A scripted log of all settings with their times, and of the payouts that meet them.

Limits and rolling windows, risk rules and review, rails and calendars, fees by class, chains, and
calls that say which version of a payout they have seen: what came with state version 3 and is not
in `scripted_lifecycle`. Entries are a second apart, so that times flip between them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from ledgerd.ledger.accounts import AccountKind, EntryPosition, Side
from ledgerd.ledger.calendars import SATURDAY_AND_SUNDAY, Calendar
from ledgerd.ledger.catalogue_commands import AmendCalendar, SetCatalogue, SuspendRail
from ledgerd.ledger.commands import (
    Approve,
    Command,
    DispatchBegin,
    FeeRule,
    RailAck,
    Redate,
    Refund,
    Reject,
    RequestRecall,
    Reroute,
    Return,
    Settle,
    Submit,
    SubmitTerms,
    Tick,
    WindowTerms,
)
from ledgerd.ledger.details import destination_fingerprint, pack_details
from ledgerd.ledger.rail_keys import rail_key
from ledgerd.ledger.rails import CutOff, Fact, Layer, RailRecord, WallTime, Window
from ledgerd.ledger.risk import NO_BOUND, Action, LimitKind, RuleKind
from tests.ledger.making import (
    ALICE,
    BOB,
    DETAILS,
    EVE,
    MAX,
    PACKED,
    SANDBOX,
    SWIFT,
    US_ACH,
    USD,
    adjust,
    approve_voucher,
    cancel,
    close_account,
    freeze,
    fund,
    leg,
    limit,
    open_account,
    post_entry,
    reject_voucher,
    rule,
    set_fees,
    set_limits,
    set_rules,
    submit,
    uid,
    unfreeze,
)

Work: TypeAlias = Sequence[Submit | Command]
SECOND_US: Final = 1_000_000
GOLD, SILVER, CLOSED = uid(0x601D), uid(0x511FE), uid(0xC105ED)
PIX: Final = 40  # a rail that no release brings
WINDOW_US: Final = 24 * SECOND_US  # its slots are as far apart as the entries
OTHER = pack_details(DETAILS._replace(account_number="987654321"))
BLOCKED = pack_details(DETAILS._replace(account_number="666"))
OF_BANK = pack_details(DETAILS._replace(bank_code="011000015"))
ABROAD = pack_details(DETAILS._replace(country="CA"))
LINKED = SubmitTerms(is_linked=True)

FED = Calendar(
    "fed", 0, 0, 20_300, 21_000, SATURDAY_AND_SUNDAY, (20_374, 20_403), "test", "2025"
)
ACH = RailRecord(
    number=US_ACH,
    name="us_ach",
    version=0,
    effective_from_us=0,
    currencies=(USD,),
    countries=("US",),
    calendar="fed",
    zone="America/New_York",
    windows=(
        Window(
            WallTime(-1, 75_600),
            (
                CutOff(Layer.BANK, WallTime(0, 63_000)),
                CutOff(Layer.OURS, WallTime(0, 61_200)),
            ),
            1,
            30_600,
        ),
    ),
    arrives_within_s=0,
    amount_minor_min=100,
    amount_minor_max=50_000,
    destination_kinds=(2,),
    account_number_bytes_max=17,
    reference_bytes_max=80,
    reference_charset="A-Z 0-9",
    is_irrevocable=False,
    return_days=2,
    recall_days=5,
    deduplicates=False,
    answers_queries=True,
    guarantee_s=86_400,
    burns_refused_keys=True,
    statuses=(("posted", "SETTLED"), ("returned", "RETURNED")),
    facts=(Fact("windows", "a rule book", "2025-09", "", True),),
)


class _Script:
    """Entries in order; knows the log time of each, so that settings can name it."""

    def __init__(self, index: int, start_us: int) -> None:
        self.works: list[Work] = []
        self._index = index
        self._start_us = start_us

    @property
    def index(self) -> int:
        """Index of the entry that is added next."""
        return self._index + len(self.works)

    def at_us(self, ahead: int = 0) -> int:
        """Return the log time of the entry that is added next, or of one behind it."""
        return self._start_us + SECOND_US * (self.index + ahead)

    def add(self, *work: Submit | Command) -> None:
        """Append an entry."""
        self.works.append(work)


def settings(index: int, start_us: int) -> list[Work]:
    """Return entries of which the first is that of `index`.

    start_us: log time of the entry 0; each is a second later than the one before it.
    """
    script = _Script(index, start_us)
    _accounts(script)
    funds_at = script.index - 2
    _fees(script)
    _chains(script)
    _rails(script)
    _limits(script)
    _rules(script)
    _vouchers(script, (funds_at, 0, 0))
    return script.works


def _accounts(script: _Script) -> None:
    script.add(
        open_account(),
        open_account(BOB, owner_ref="builder", min_balance_minor=-50),
        open_account(EVE, livemode=False),
        open_account(GOLD, account_class="gold", owner_ref="golden"),
        open_account(CLOSED),
    )
    script.add(
        fund(1, external_ref="opening", amount_minor=10_000_000),
        fund(2, account_id=BOB, amount_minor=1_000_000),
        fund(3, account_id=EVE, amount_minor=1_000_000),
        fund(4, account_id=GOLD, amount_minor=1_000_000),
    )
    script.add(
        close_account(5, account_id=CLOSED),
        close_account(6),
        submit(7, account_id=CLOSED, terms=SubmitTerms(fee_expected_minor=0)),
    )


def _fees(script: _Script) -> None:
    """A schedule by class, one that takes its place at a time, and quotes from before it."""
    gold = FeeRule(SWIFT, USD, 3, 0, 0, MAX, "gold", Refund.WHEN_ALL_RETURNED)
    plain = FeeRule(SWIFT, USD, 11, 20, 5, 400, "", Refund.NEVER)
    script.add(set_fees(10, gold, plain, as_of="2025-10", quote_valid_us=3 * SECOND_US))
    quoted_at_us = script.at_us()
    later = FeeRule(SWIFT, USD, 4, 0, 0, MAX, "gold")
    script.add(
        set_fees(11, later, plain, effective_from_us=script.at_us(2)),
        _priced(12, 3),
        _priced(13, 13, account_id=ALICE),
    )
    script.add(_priced(14, 3), _priced(15, 4))
    script.add(
        _priced(16, 3),  # the schedule is another one from here on
        _priced(17, 4),
        _priced(18, 3, quoted_at_us=quoted_at_us),
    )
    script.add(submit(19, account_id=GOLD), submit(20))
    script.add(_priced(21, 3, quoted_at_us=quoted_at_us))  # the quote is too old


def _priced(number: int, fee_minor: int, *, quoted_at_us: int = 0, **changes) -> Submit:
    terms = SubmitTerms(fee_expected_minor=fee_minor, quoted_at_us=quoted_at_us)
    return submit(number, **{"account_id": GOLD, "terms": terms} | changes)


def _chains(script: _Script) -> None:
    """One that is accepted, one with a culprit, one that is open, and retries of them."""
    chain = [submit(30, terms=LINKED), submit(31, terms=LINKED), submit(32)]
    failed = [
        submit(33, terms=LINKED),
        submit(34, amount_minor=MAX, terms=LINKED),
        submit(35),
    ]
    script.add(*chain)
    script.add(*chain, *failed, submit(36))
    script.add(*failed)
    script.add(submit(33), submit(37, terms=LINKED))


def _rails(script: _Script) -> None:
    """Records and a calendar, a rail of their own, what is suspended, windows and dispatch."""
    pix = replace(
        ACH,
        number=PIX,
        name="br_pix",
        windows=(),
        calendar="",
        zone="",
        is_prefunded=True,
    )
    script.add(
        SetCatalogue(uid(40), (ACH, pix), "root"),
        AmendCalendar(uid(41), FED, "root"),
        SetCatalogue(uid(42), (replace(ACH, name="other"),), "root"),
    )
    opens_us, closes_us = script.at_us(-2), script.at_us(4)
    script.add(
        SetCatalogue(
            uid(43),
            (replace(ACH, amount_minor_max=900, effective_from_us=script.at_us(4)),),
            "root",
        ),
        _by_ach(44),
        _by_ach(45, amount_minor=99),
        _by_ach(46, amount_minor=50_001),
        _by_ach(47, details=ABROAD),
        _by_ach(48, rail=PIX),
        _by_ach(49, rail=PIX + 1),
        _by_ach(50, account_id=EVE, rail=SANDBOX),
        _by_ach(51, account_id=EVE),
    )
    script.add(_urgent(52, opens_us, closes_us), _urgent(53, opens_us, opens_us))
    script.add(
        SuspendRail(uid(54), US_ACH, True, "outage", "root"),
        _by_ach(55),
        _begin(56, 55),
    )
    script.add(_urgent(57, opens_us, closes_us))
    script.add(
        SuspendRail(uid(58), US_ACH, False, "mended", "root"),
        _by_ach(59),  # the newer version is in force: too much for it
    )
    script.add(_urgent(60, opens_us, closes_us + 9 * SECOND_US), submit(61))
    script.add(
        _urgent(60, opens_us, closes_us + 9 * SECOND_US, rail_version=2), submit(61)
    )
    script.add(
        submit(62, rail=US_ACH, amount_minor=800, release_at_us=script.at_us(4)),
        submit(63, rail=US_ACH, amount_minor=800, release_at_us=script.at_us(4)),
    )
    script.add(
        AmendCalendar(uid(64), replace(FED, closed_days=(20_374,)), "root"),
        Redate(uid(65), uid(62), script.at_us(2), 20_251_014, 2, "svc"),
        Redate(uid(66), uid(62), script.at_us(2), 20_251_014, 2, "svc"),
        Redate(uid(67), uid(61), script.at_us(2), 20_251_014, 2, "svc"),
    )
    script.add(Tick())
    script.add(
        Tick(),
        _begin(68, 62, rail_version=2, calendar_version=1),
        _begin(69, 62, rail_version=2, calendar_version=2, window_closes_us=1),
    )
    script.add(
        _begin(70, 62, rail_version=2, calendar_version=2),
        _begin(71, 55),
        _begin(78, 48),
    )
    script.add(Tick())
    keys = {
        number: rail_key(uid(number), rail=US_ACH, dispatch_no=0, salt=0)
        for number in (55, 62)
    }
    script.add(
        RailAck(uid(72), US_ACH, keys[62], "ack", "w1"),
        Settle(uid(73), US_ACH, keys[62], "booked", 20_251_014, 7, "w1"),
        Settle(uid(74), US_ACH, keys[55], "booked too", 20_251_014, 0, "w1"),
    )
    script.add(
        RequestRecall(uid(75), uid(62), "fraud", "svc", expected_version=9),
        RequestRecall(uid(76), uid(62), "fraud", "svc", expected_version=6),
        Return(uid(77), US_ACH, keys[62], "back", 800, "R01", True, "w1"),
    )


def _by_ach(number: int, **changes) -> Submit:
    """A submit that is one of the commands, so that it can stand beside others."""
    return submit(number, **{"rail": US_ACH} | changes)


def _urgent(
    number: int, opens_us: int, closes_us: int, *, rail_version: int = 1
) -> Submit:
    window = WindowTerms(opens_us, closes_us, rail_version, 1)
    terms = SubmitTerms(window=window)
    return submit(number, rail=US_ACH, amount_minor=800, terms=terms)


def _begin(number: int, payout: int, **changes) -> DispatchBegin:
    command = DispatchBegin(uid(number), uid(payout), 1, 60 * SECOND_US, "w1")
    return replace(command, **changes)


def _limits(script: _Script) -> None:
    """Bounds of each kind, rolling windows whose slots pass, and a version with a time."""
    kinds = LimitKind
    script.add(
        set_limits(
            80,
            limit(amount_minor_max=2_000),
            limit(amount_minor_max=1_500, account_id=ALICE),
            limit(amount_minor_max=1_200, rail=US_ACH),
            limit(kinds.ACCOUNT_WINDOW, window_us=WINDOW_US, amount_minor_max=4_000),
            limit(
                kinds.ACCOUNT_WINDOW,
                window_us=WINDOW_US,
                amount_minor_max=2_000,
                account_id=BOB,
            ),
            limit(
                kinds.DESTINATION_WINDOW,
                window_us=2 * WINDOW_US,
                amount_minor_max=NO_BOUND,
                count_max=6,
            ),
            limit(kinds.TOTAL_WINDOW, window_us=WINDOW_US, amount_minor_max=9_000),
        )
    )
    script.add(
        *(submit(90 + n, amount_minor=1_000 + 100 * n) for n in range(7)),
        submit(97, rail=US_ACH, amount_minor=1_201),
    )
    script.add(
        *(
            submit(
                100 + n,
                account_id=BOB,
                amount_minor=400,
                details=(PACKED, OTHER)[n % 2],
            )
            for n in range(12)
        )
    )
    script.add(
        cancel(112, payout_id=uid(90), expected_version=2),
        cancel(113, payout_id=uid(90), expected_version=1),
        DispatchBegin(uid(114), uid(91), 1, SECOND_US, "w1"),
    )
    key = rail_key(uid(91), rail=SWIFT, dispatch_no=0, salt=0)
    script.add(Settle(uid(115), SWIFT, key, "paid", 20_251_014, 0, "w1"))
    script.add(submit(116), submit(117, amount_minor=2_001))
    script.add(
        set_limits(
            118,
            limit(kinds.ACCOUNT_WINDOW, window_us=WINDOW_US, amount_minor_max=2_500),
            effective_from_us=script.at_us(3),
        )
    )
    script.add(submit(119, account_id=GOLD), submit(120, account_id=GOLD))
    script.add(submit(121, account_id=GOLD))
    script.add(
        submit(122, account_id=GOLD, amount_minor=800), submit(123, account_id=GOLD)
    )
    script.add(Reroute(uid(124), uid(122), US_ACH, "svc", expected_version=1))
    for number in range(125, 125 + 26):  # what was settled leaves the window
        script.add(submit(number, amount_minor=150))


def _rules(script: _Script) -> None:
    """Each kind of rule and action; review, by whom, and of which version of the payout."""
    kinds = RuleKind
    script.add(set_limits(160))
    script.add(
        set_rules(
            161,
            rule(
                kinds.BLOCKED_DESTINATION,
                action=Action.REFUSE,
                destinations=(destination_fingerprint(BLOCKED),),
            ),
            rule(kinds.BLOCKED_BANK, banks=(("", "999"), ("US", "011000015"))),
            rule(kinds.FIRST_DESTINATION, amount_minor=2_000),
            rule(kinds.AMOUNT, amount_minor=3_000),
            rule(kinds.AMOUNT, name="most", amount_minor=9_000, action=Action.REFUSE),
            rule(kinds.NEW_ACCOUNT, age_us=SECOND_US, action=Action.ALLOW),
            rule(kinds.FROZEN_OWNER),
        ),
        set_rules(162, effective_from_us=script.at_us(7)),
    )
    script.add(
        submit(170, details=BLOCKED),
        submit(171, details=OF_BANK),
        submit(172, details=OTHER, amount_minor=2_001),
        submit(173, amount_minor=2_001),
        submit(174, amount_minor=3_001),
        submit(175, amount_minor=9_001),
        submit(176, amount_minor=3_001, release_at_us=script.at_us(2)),
    )
    script.add(freeze(177, account_id=GOLD), open_account(SILVER, owner_ref="golden"))
    script.add(Tick(), fund(178, account_id=SILVER), submit(179, account_id=SILVER))
    script.add(
        Approve(uid(180), uid(171), "svc"),
        Approve(uid(181), uid(171), "boss", expected_version=2),
        Approve(uid(182), uid(171), "boss", expected_version=1),
        Reject(uid(183), uid(172), "no", "boss", expected_version=3),
        Reject(uid(184), uid(172), "no", "boss", expected_version=1),
        Approve(uid(185), uid(176), "boss"),
        Reroute(uid(186), uid(174), US_ACH, "svc", expected_version=7),
    )
    script.add(unfreeze(187, account_id=GOLD), submit(188, account_id=SILVER))
    script.add(submit(189, details=BLOCKED))
    script.add(submit(190, details=BLOCKED, amount_minor=9_001))


def _vouchers(script: _Script, linked: EntryPosition) -> None:
    """Entries that people write out: one approved, one rejected, one by a single person."""
    legs = (
        leg(AccountKind.AVAILABLE, ALICE, Side.DEBIT, 700),
        leg(AccountKind.SUSPENSE, b"first", Side.CREDIT, 700),
    )
    script.add(post_entry(200), adjust(201, legs=legs, linked=linked), post_entry(202))
    script.add(
        approve_voucher(203, voucher_id=uid(200), principal="anna"),
        approve_voucher(204, voucher_id=uid(200)),
        approve_voucher(205, voucher_id=uid(201)),
        reject_voucher(206, voucher_id=uid(202)),
    )
