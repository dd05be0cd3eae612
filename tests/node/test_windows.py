"""Windows of payouts that may not wait: worked out by the leader, and again when they are stale."""

import asyncio
from array import array
from dataclasses import replace

import pytest

from ledgerd.errors import NotLogged, Reason
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.commands import THIS_WINDOW, SubmitTerms, WindowTerms
from ledgerd.ledger.outcomes import Outcome, Outcomes
from ledgerd.node.courier import Decided
from ledgerd.node.windows import has_windows, propose_dated, with_windows
from ledgerd.timetable.rail_file import seed
from tests.ledger.making import SANDBOX, SWIFT, US_ACH, submit

DAY_US = 86_400_000_000
HOUR_US = DAY_US // 24
MONDAY = 20_731  # 2026-10-05, summer time in New York: 17:00 there is 21:00 UTC
FED = Calendar("fed", 3, 0, MONDAY - 9, MONDAY + 90, 0b110_0000, (), "test", "")
RAILS = {
    rail.number: (replace(rail, version=2, effective_from_us=5),) for rail in seed()
}
CATALOGUE = Catalogue(RAILS, {"fed": (FED,)})
NOON_US = MONDAY * DAY_US + 12 * HOUR_US
FIVE_US = MONDAY * DAY_US + 21 * HOUR_US  # the earliest cut-off is ours
ASKED = SubmitTerms(window=THIS_WINDOW)


def batch(*rows: tuple[int, SubmitTerms]) -> PayoutBatch:
    made = PayoutBatch()
    for number, (rail, terms) in enumerate(rows):
        row = submit(number, rail=rail)
        made.add(
            payout_id=row.payout_id,
            account_id=row.account_id,
            amount_minor=row.amount_minor,
            currency=row.currency,
            rail=rail,
            principal=row.principal,
            details=row.details,
            terms=terms,
        )
    return made


def test_a_row_that_asks_gets_the_window_and_the_versions_it_comes_from():
    """The others keep what they had, and the batch that came is not changed."""
    asked = batch(
        (US_ACH, ASKED), (SWIFT, SubmitTerms(fee_expected_minor=7)), (SANDBOX, ASKED)
    )

    found = with_windows(asked, CATALOGUE, NOON_US)

    opens_us = MONDAY * DAY_US + 4 * HOUR_US
    assert found.terms == {
        0: SubmitTerms(window=WindowTerms(opens_us, FIVE_US, 2, 3)),
        1: SubmitTerms(fee_expected_minor=7),
        2: SubmitTerms(window=WindowTerms(0, 0, 2, 0)),
    }
    assert asked.terms[0] == ASKED
    assert has_windows(asked)
    assert not has_windows(batch((SWIFT, SubmitTerms(fee_expected_minor=7))))


def test_after_the_cut_off_the_window_is_one_that_is_not_open_yet():
    """Apply refuses it as CUTOFF_PASSED: the entry is before it opens."""
    found = with_windows(batch((US_ACH, ASKED)), CATALOGUE, FIVE_US)

    window = found.terms[0].window
    assert window is not None
    assert window.opens_us > FIVE_US


@pytest.mark.parametrize(
    "catalogue",
    [
        Catalogue(),
        Catalogue(RAILS),
        Catalogue(RAILS, {"fed": (replace(FED, last_day=MONDAY - 5),)}),
        Catalogue(
            {US_ACH: (replace(RAILS[US_ACH][0], zone="Mars/Olympus"),)},
            {"fed": (FED,)},
        ),
    ],
    ids=["no record", "no calendar", "calendar ended", "unknown zone"],
)
def test_nobody_guesses_a_window(catalogue):
    """The call ends without an entry, and says what is missing."""
    with pytest.raises(NotLogged) as error:
        with_windows(batch((US_ACH, ASKED)), catalogue, NOON_US)

    assert error.value.reason is Reason.WINDOW_UNKNOWN


class Log:
    """A log whose settings have moved on at each of the first entries."""

    def __init__(self, stale: int) -> None:
        self.stale = stale
        self.proposed: list[WindowTerms | None] = []
        self.ts_us = NOON_US - 60_000_000  # behind this node's clock

    async def look(self) -> tuple[Catalogue, int]:
        version = 2 + len(self.proposed)
        rail = replace(RAILS[US_ACH][0], version=version)
        return Catalogue({US_ACH: (rail,)}, {"fed": (FED,)}), self.ts_us

    async def propose(self, dated: PayoutBatch) -> Decided:
        self.proposed.append(dated.terms[0].window)
        self.ts_us += 1
        code = (
            Outcome.STALE_SETTINGS
            if len(self.proposed) <= self.stale
            else Outcome.CREATED
        )
        outcomes = Outcomes(bytearray([code]), array("q", [0]), bytearray(1))
        return Decided(1, len(self.proposed), self.ts_us, outcomes, 0, 1)


def propose(log: Log) -> Decided:
    return asyncio.run(
        propose_dated(
            batch((US_ACH, ASKED)),
            look=log.look,
            propose=log.propose,
            clock_us=NOON_US,
        )
    )


def test_a_stale_entry_is_worked_out_and_proposed_again():
    """Until the settings hold still; the caller sees the last answer alone."""
    log = Log(stale=3)

    decided = propose(log)

    assert decided.outcomes.codes[0] == Outcome.CREATED
    versions = [window.rail_version for window in log.proposed if window is not None]
    assert versions == [2, 3, 4, 5]


def test_settings_that_never_hold_still_end_the_call_without_effect():
    with pytest.raises(NotLogged) as error:
        propose(Log(stale=99))

    assert error.value.reason is Reason.SETTINGS_MOVED
