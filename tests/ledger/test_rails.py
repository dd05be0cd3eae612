from dataclasses import replace

import pytest

from ledgerd.ledger.rails import (
    CutOff,
    Fact,
    Layer,
    RailRecord,
    WallTime,
    Window,
    is_well_formed,
)
from tests.ledger.making import MAX, USD

NOON = WallTime(0, 12 * 3600)
MORNING = WallTime(0, 7 * 3600)
WINDOW = Window(MORNING, (CutOff(Layer.BANK, NOON),), 1, 0)
RAIL = RailRecord(
    number=2,
    name="us_ach",
    version=1,
    effective_from_us=0,
    currencies=(USD,),
    countries=("US",),
    calendar="fed",
    zone="America/New_York",
    windows=(WINDOW,),
    arrives_within_s=0,
    amount_minor_min=1,
    amount_minor_max=9_999_999_999,
    destination_kinds=(2,),
    account_number_bytes_max=17,
    reference_bytes_max=22,
    reference_charset="",
    is_irrevocable=False,
    return_days=2,
    recall_days=5,
    deduplicates=False,
    answers_queries=True,
    guarantee_s=3600,
    burns_refused_keys=True,
    statuses=(("posted", "SETTLED"),),
    facts=(Fact("windows", "the operator's page", "2026-08", "", False),),
)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": 2**16},
        {"name": ""},
        {"currencies": (USD, 99_999)},
        {"windows": ()},
        {"calendar": ""},
        {"zone": ""},
        {"amount_minor_min": 0},
        {"amount_minor_min": 2, "amount_minor_max": 1},
        {"amount_minor_max": MAX + 1},
        {"return_days": -1},
        {"answers_queries": False},  # and says how long it takes
        {"windows": (WINDOW,) * 25},
        {"windows": (WINDOW._replace(cut_offs=()),)},
        {"windows": (WINDOW._replace(cut_offs=WINDOW.cut_offs * 2),)},
        {"windows": (WINDOW._replace(opens=NOON),)},
        {"windows": (WINDOW._replace(opens=WallTime(0, 86_400)),)},
        {"windows": (WINDOW._replace(value_days=-1),)},
        {"windows": (WINDOW._replace(arrives_second=86_400),)},
        {"facts": (Fact("colour", "somebody", "", "", True),)},
        {"facts": (Fact("windows", "", "", "", True),)},
    ],
)
def test_bounds_are_checked(changes):
    assert is_well_formed(RAIL)
    assert not is_well_formed(replace(RAIL, **changes))


def test_a_rail_without_windows_never_closes():
    rail = replace(RAIL, windows=(), calendar="", zone="")

    assert rail.is_always_open
    assert is_well_formed(rail)
