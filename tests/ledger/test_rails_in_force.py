"""Payouts obey the version of the catalogue that is in force at the entry's time. 2.7, 7.5, 8."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerd.ledger.accounts import AccountKind, Book, InternalKey, LedgerAccount
from ledgerd.ledger.calendars import DAY_US, Calendar, settled_day
from ledgerd.ledger.catalogue_commands import AmendCalendar, SetCatalogue, SuspendRail
from ledgerd.ledger.commands import (
    DispatchBegin,
    RailNotAccepted,
    Reroute,
    Return,
    Settle,
    Submit,
)
from ledgerd.ledger.details import pack_details
from ledgerd.ledger.invariants import Audit
from ledgerd.ledger.payouts import PayoutState, Trigger
from ledgerd.timetable.days import date_of
from ledgerd.timetable.rail_file import seed
from tests.ledger.making import (
    ALICE,
    BOB,
    DETAILS,
    PACKED,
    SANDBOX,
    SWIFT,
    US_ACH,
    USD,
    Ledger,
    fund,
    ledger,
    names,
    open_account,
    submit,
    uid,
)
from tests.ledger.stages import Stage, stage

SECOND_US = 1_000_000
RECORDS = {rail.number: rail for rail in seed()}
ANYWHERE = replace(RECORDS[SWIFT], destination_kinds=(), account_number_bytes_max=0)
PIX = replace(
    RECORDS[US_ACH], number=99, name="br_pix", windows=(), calendar="", zone=""
)
IBAN, BIC = 1, 4


def paid_to(**changes: object) -> bytes:
    return pack_details(DETAILS._replace(**changes))  # type: ignore[arg-type]


def set_rails(number: int, *rails, **changes) -> SetCatalogue:
    return SetCatalogue(
        uid(number), tuple(replace(r, **changes) for r in rails), "root"
    )


@pytest.mark.parametrize(
    ("changes", "order", "code"),
    [
        ({"amount_minor_min": 1_001}, {}, "RAIL_AMOUNT_MIN"),
        ({"amount_minor_min": 1_000}, {}, "CREATED"),
        ({"amount_minor_max": 999}, {}, "RAIL_AMOUNT_MAX"),
        ({"amount_minor_max": 1_000}, {}, "CREATED"),
        ({"destination_kinds": (IBAN, BIC)}, {}, "RAIL_DESTINATION"),
        ({"destination_kinds": (2,)}, {}, "CREATED"),
        (
            {"destination_kinds": (2,)},
            {"details": b"\x01\x02rubbish"},
            "RAIL_DESTINATION",
        ),
        ({"destination_kinds": (2,)}, {"details": b""}, "RAIL_DESTINATION"),
        ({"countries": ("DE",)}, {}, "RAIL_DESTINATION"),
        ({"countries": ("DE",)}, {"details": paid_to(country="")}, "CREATED"),
        (
            {"countries": ("DE",)},
            {"details": paid_to(country="", destination_kind=IBAN)},
            "RAIL_DESTINATION",  # the letters that begin an IBAN are its country
        ),
        (
            {"countries": ("DE",)},
            {
                "details": paid_to(
                    country="", destination_kind=IBAN, account_number="DE12"
                )
            },
            "CREATED",
        ),
        ({"account_number_bytes_max": 8}, {}, "RAIL_DESTINATION"),
        ({"account_number_bytes_max": 9}, {}, "CREATED"),
    ],
)
def test_a_submit_is_refused_by_what_the_catalogue_says_of_its_rail(
    changes, order, code
):
    """Both paths, which `Ledger.submit` compares; the id is spent by the refusal."""
    books = ledger()
    books.do([set_rails(900, ANYWHERE, **changes)])

    assert names(books.submit(submit(1, **order))) == [code]
    again = "REPLAYED" if code == "CREATED" else code
    assert names(books.submit(submit(1, **order))) == [again]


def test_a_reroute_is_refused_by_what_the_catalogue_says_of_the_new_rail():
    """The payout stays with its rail, and the next call may name another."""
    made = stage(PayoutState.READY)
    made.do(set_rails(900, RECORDS[US_ACH], amount_minor_max=999))
    assert names(made.meet(Trigger.REROUTE)) == ["RAIL_AMOUNT_MAX"]
    made.do(set_rails(901, RECORDS[US_ACH], amount_minor_min=1_001))
    assert names(made.meet(Trigger.REROUTE)) == ["RAIL_AMOUNT_MIN"]
    made.do(set_rails(902, RECORDS[US_ACH], destination_kinds=(IBAN,)))
    assert names(made.meet(Trigger.REROUTE)) == ["RAIL_DESTINATION"]
    made.do(set_rails(903, RECORDS[US_ACH]))
    assert names(made.meet(Trigger.REROUTE)) == ["CREATED"]


def test_a_change_of_the_future_flips_the_answers_at_its_time():
    """Not an entry earlier, and not one of another rail. A table of what changes when."""
    books = ledger(10**9)
    at_us = books.ts_us + 10 * SECOND_US
    small = replace(RECORDS[SWIFT], amount_minor_max=999, destination_kinds=(2,))
    books.do([set_rails(900, small, effective_from_us=at_us)])
    rows = [
        {"amount_minor": 999},
        {"amount_minor": 1_000},
        {"details": paid_to(destination_kind=BIC)},
        {"rail": US_ACH},
    ]

    def answers(number: int, ts_us: int) -> list[str]:
        books.ts_us = ts_us - 1_000  # an entry is that much later than the one before
        orders = [submit(number + n, **row) for n, row in enumerate(rows)]
        return names(books.submit(*orders))

    assert answers(1, at_us - 1) == ["CREATED"] * 4
    flipped = ["CREATED", "RAIL_AMOUNT_MAX", "RAIL_DESTINATION", "CREATED"]
    assert answers(11, at_us) == flipped
    assert answers(21, at_us + 1) == flipped
    kept = [submit(1, **rows[0]), submit(2, **rows[1])]
    assert names(books.submit(*kept)) == ["REPLAYED"] * 2


def test_payouts_are_taken_for_a_rail_that_is_suspended():
    """7.5: suspended means that nothing is dispatched; what is READY waits."""
    books = ledger()
    books.do([SuspendRail(uid(900), SWIFT, True, "outage", "root")])

    assert names(books.submit(submit(1))) == ["CREATED"]
    begin = DispatchBegin(uid(901), uid(1), 1, SECOND_US, "node-1")
    assert names(books.do([begin])) == ["RAIL_SUSPENDED"]


def test_a_rail_that_only_a_record_knows_takes_a_payout_through_its_life():
    """Other rails are data (8.2): submitted, dispatched, settled; and the books agree."""
    made = Stage()
    books = made.books
    assert names(books.submit(submit(1, rail=99))) == ["RAIL_NOT_FOUND"]

    books.do([set_rails(900, PIX)])
    assert names(books.submit(submit(2, rail=99))) == ["CREATED"]
    books.do([DispatchBegin(uid(901), uid(2), 1, SECOND_US, "node-1")])
    key = InternalKey(Book(True, USD), LedgerAccount(AccountKind.IN_TRANSIT, b"br_pix"))
    assert dict(books.view.all_internals())[key] == 1_000
    audit(books)

    ((_, status),) = books.view.all_payouts()
    settle = Settle(uid(902), 99, status.rail_key, "pix-1", 0, 0, "node-1")
    assert names(books.do([settle])) == ["CREATED"]
    audit(books)


def audit(books: Ledger) -> None:
    """I5 needs the names of rails that only the catalogue knows."""
    found = Audit()
    found.rails(
        rail for versions in books.view.catalogue().rails.values() for rail in versions
    )
    for entry in books.view.journal():
        found.entry(entry)
    found.internals(books.view.all_internals())
    found.accounts(books.view.all_accounts())
    found.payouts(books.view.all_payouts())
    assert found.breaches == []


def test_a_rail_of_the_future_is_not_there_yet():
    """Neither for a submit nor for a reroute; its number and name are taken."""
    books = ledger()
    at_us = books.ts_us + SECOND_US
    books.do([set_rails(900, PIX, effective_from_us=at_us)])
    books.submit(submit(1))

    asked = [
        Reroute(uid(901), uid(1), 99, "svc"),
        set_rails(902, replace(PIX, number=98)),
        set_rails(903, replace(PIX, currencies=())),
    ]
    assert names(books.do(asked)) == ["RAIL_NOT_FOUND"] * 2 + ["RAIL_CURRENCY"]
    assert names(books.submit(submit(2, rail=99))) == ["RAIL_NOT_FOUND"]
    books.ts_us = at_us
    assert names(books.submit(submit(3, rail=99))) == ["CREATED"]


# Policies


def test_a_prefunded_rail_sends_no_more_than_its_bank_holds():
    """From the entry's time on; until then the seed is not prefunded."""
    made = stage(PayoutState.READY)
    made.do(set_rails(900, RECORDS[SWIFT], is_prefunded=True))

    assert names(made.meet(Trigger.DISPATCH_BEGIN)) == ["INSUFFICIENT_PREFUNDING"]
    made.do(fund(901, bank="main", amount_minor=1_000))
    assert names(made.meet(Trigger.DISPATCH_BEGIN)) == ["CREATED"]


@pytest.mark.parametrize("burns", [False, True])
def test_whether_a_refused_key_is_burned_is_data(burns):
    made = stage(PayoutState.DISPATCHING)
    made.do(set_rails(900, RECORDS[SWIFT], burns_refused_keys=burns))
    made.do(
        RailNotAccepted(uid(901), SWIFT, made.key, "no-1", True, "worker-1"),
    )

    assert made.status.dispatch_no == burns


@pytest.mark.parametrize(
    ("absorbs", "state"), [(False, PayoutState.SETTLED), (True, PayoutState.RETURNED)]
)
def test_who_pays_what_the_rail_kept_is_data(absorbs, state):
    made = stage(PayoutState.SETTLED)
    made.do(set_rails(900, RECORDS[SWIFT], absorbs=absorbs))
    made.do(Return(uid(901), SWIFT, made.key, "back", 900, "R01", True, "worker-1"))

    assert made.state is state
    assert made.status.absorbed_minor == (100 if absorbs else 0)


FRIDAY = 20_000  # 2024-10-04
WEEK = Calendar("week", 0, 0, FRIDAY - 30, FRIDAY + 30, 0b110_0000, (), "test", "")


@pytest.mark.parametrize(
    ("calendar", "days", "last_day"),
    [
        (WEEK, 2, FRIDAY + 4),  # Saturday and Sunday do not count
        (replace(WEEK, closed_days=(FRIDAY + 3,)), 2, FRIDAY + 5),
        (replace(WEEK, last_day=FRIDAY + 2), 2, FRIDAY + 8),  # never too early
        (None, 2, FRIDAY + 2),
    ],
)
@pytest.mark.parametrize("is_dated", [True, False])
def test_the_windows_of_a_settled_payout_are_open_days(
    calendar, days, last_day, is_dated
):
    """Of the calendar in force, to the end of the last day in every zone; then it is over."""
    made = stage(PayoutState.DISPATCHING)
    made.books.ts_us = FRIDAY * DAY_US + 13 * 3_600 * SECOND_US
    if calendar is not None:
        made.do(AmendCalendar(uid(900), calendar, "root"))
    name = "" if calendar is None else "week"
    base = replace(RECORDS[US_ACH], currencies=(), number=SWIFT, name="swift")
    windows, zone = (base.windows, base.zone) if name else ((), "")
    made.do(
        set_rails(
            901,
            base,
            calendar=name,
            zone=zone,
            windows=windows,
            return_days=days,
            recall_days=days,
            destination_kinds=(),
        )
    )
    date = date_of(FRIDAY)
    value_date = int(f"{date:%Y%m%d}") if is_dated else 0
    made.meet(Trigger.SETTLE, value_date=value_date)

    until_us = (last_day + 1) * DAY_US + 12 * 3_600 * SECOND_US
    assert made.status.final_at_us == until_us
    made.books.ts_us = until_us - 1_000
    assert names(made.meet(Trigger.REQUEST_RECALL)) == ["CREATED"]
    if is_dated:
        assert names(made.meet(Trigger.REQUEST_RECALL)) == ["RECALL_WINDOW_CLOSED"]


def test_no_window_is_no_window():
    """0 days: final at once, and nothing to recall."""
    made = stage(PayoutState.DISPATCHING)
    made.do(set_rails(900, RECORDS[SWIFT], return_days=0, recall_days=0))
    made.meet(Trigger.SETTLE)

    assert made.status.final_at_us == made.status.ts_us
    assert names(made.meet(Trigger.REQUEST_RECALL)) == ["RECALL_UNSUPPORTED"]


def test_a_value_date_is_its_day():
    """Against the library's calendar, day by day for 200 years."""
    for day in range(-800, 73_000):
        date = date_of(day)
        written = date.year * 10_000 + date.month * 100 + date.day
        assert settled_day(written, day * DAY_US) == day, date


@pytest.mark.parametrize(
    "no_date", [0, 20_261_301, 20_260_001, 20_261_232, 1_231, 101, 99_991_231]
)
def test_what_cannot_be_the_date_is_the_day_of_the_entry(no_date):
    """No date, or one that is more than a year away: a mistake of whoever told it."""
    assert settled_day(no_date, 20_000 * DAY_US + 5) == 20_000


# Both paths


def town() -> Ledger:
    """Accounts of three books, and a catalogue that changes while batches go on."""
    books = ledger(20_000)
    sandboxed = uid(900)
    later_us = books.ts_us + 9_000
    books.do(
        [
            open_account(sandboxed, livemode=False),
            fund(2, account_id=BOB, amount_minor=5_000),
            fund(3, account_id=sandboxed, amount_minor=9_000),
            set_rails(
                4,
                replace(ANYWHERE, amount_minor_min=10, amount_minor_max=800),
                replace(PIX, amount_minor_max=50, account_number_bytes_max=9),
                replace(RECORDS[SANDBOX], destination_kinds=(), amount_minor_max=700),
            ),
            set_rails(
                5,
                replace(ANYWHERE, destination_kinds=(2,), amount_minor_min=100),
                effective_from_us=later_us,
            ),
        ]
    )
    return books


rows = st.builds(
    Submit,
    payout_id=st.one_of(st.integers(15, 30).map(uid), st.integers(0, 60).map(uid)),
    account_id=st.sampled_from([ALICE, ALICE, BOB, uid(900)]),
    amount_minor=st.sampled_from([1, 9, 10, 50, 51, 99, 100, 700, 701, 800, 801, 900]),
    currency=st.just(USD),
    rail=st.sampled_from([SWIFT, SWIFT, 99, SANDBOX, US_ACH, 98]),
    principal=st.just("svc"),
    details=st.sampled_from(
        [PACKED, paid_to(destination_kind=IBAN), paid_to(account_number="1" * 10), b""]
    ),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    entries=st.lists(st.lists(rows, min_size=1, max_size=25), min_size=1, max_size=9)
)
def test_both_paths_obey_the_catalogue_alike(entries):
    """Random batches across the time at which a record takes effect: the same bytes."""
    books = town()

    for commands in entries:
        books.submit(*commands)  # compares


def test_the_catalogue_of_the_town_refuses():
    """So that the property above is not vacuous: each code, before and after the change."""
    books = town()

    def answers(number: int) -> list[str]:
        rows = [
            submit(number, amount_minor=99),
            submit(number + 1, amount_minor=9),
            submit(number + 2, amount_minor=801),
            submit(
                number + 3, amount_minor=100, details=paid_to(destination_kind=IBAN)
            ),
            submit(number + 4, rail=99, amount_minor=51),
            submit(number + 5, rail=99, amount_minor=50),
        ]
        return names(books.submit(*rows))

    low, high, nowhere = "RAIL_AMOUNT_MIN", "RAIL_AMOUNT_MAX", "RAIL_DESTINATION"
    assert answers(20) == ["CREATED", low, high, "CREATED", high, "CREATED"]
    books.ts_us += 9_000
    assert answers(30) == [low, low, "CREATED", nowhere, high, "CREATED"]


@pytest.mark.parametrize("days", [0, 2])
@pytest.mark.parametrize("value_date", [20241004, 0])
def test_when_a_payout_is_final_does_not_depend_on_the_order_of_evidence(
    days, value_date
):
    """A return that overtakes the settlement knows no value date; the settlement brings it. 3.5."""
    orders = [(Trigger.SETTLE, Trigger.RETURN), (Trigger.RETURN, Trigger.SETTLE)]
    found = []
    for order in orders:
        made = stage(PayoutState.DISPATCHING)
        made.books.ts_us = (FRIDAY + 3) * DAY_US
        assert names(made.do(set_rails(900, RECORDS[SWIFT], return_days=days))) == [
            "CREATED"
        ]
        for trigger in order:
            given = (
                {"value_date": value_date}
                if trigger is Trigger.SETTLE
                else {"amount_minor": 400}
            )
            assert names(made.meet(trigger, **given)) == ["CREATED"]
        found.append(made.status.final_at_us // DAY_US)  # not to the microsecond

    assert found[0] == found[1]
