from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledgerd.api.v1 import payouts_pb2
from ledgerd.errors import ConfigError
from ledgerd.ledger.catalogue import RAILS
from ledgerd.timetable import rail_file
from ledgerd.timetable.closings import calendar
from ledgerd.timetable.rail_file import read, seed
from ledgerd.timetable.windows import slot

NOW_US = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * 10**6
RAIL = """
[[rail]]
number = 77
name = "test"
calendar = "fed"
zone = "America/New_York"
amount_minor_max = 100
account_number_bytes_max = 17
reference_bytes_max = 18
deduplicates = true
answers_queries = false
burns_refused_keys = false
windows = [{ opens = "-1 21:00", operator = "18:45", value_days = 0, arrives = "19:00" }]
"""


def test_the_seed_has_the_rails_of_the_first_state_version():
    """Numbers are durable, and currencies those that the ledger has always known."""
    assert {rail.number: rail.name for rail in seed()} == {
        rail.number: rail.name for rail in RAILS.values()
    }
    for rail in seed():
        assert rail.currencies == RAILS[rail.number].currencies


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """Editors of some systems write one in front of UTF-8; UTF-16 is named."""
    path = tmp_path / "rails.toml"
    path.write_text(RAIL, encoding="utf-8-sig")

    assert [rail.number for rail in read(path)] == [77]

    path.write_text(RAIL, encoding="utf-16")
    with pytest.raises(ConfigError, match="found UTF-16"):
        read(path)


@pytest.mark.parametrize("rail", seed(), ids=lambda rail: rail.name)
def test_every_rail_of_the_seed_has_a_window_to_go_by(rail):
    """Its calendar and zone are known; on a Saturday at noon UTC there is a next window."""
    closings = calendar(rail.calendar, [2026, 2027]) if rail.calendar else None

    found = slot(rail, closings, NOW_US)

    assert found.opens_us >= NOW_US or found.closes_us > NOW_US or not found.closes_us
    assert found.arrives_us > NOW_US


@pytest.mark.parametrize("rail", seed(), ids=lambda rail: rail.name)
def test_windows_and_limits_of_the_seed_name_their_source(rail):
    """8.1: each field that somebody may question carries source and time of the source."""
    named = {fact.field for fact in rail.facts}

    assert not rail.windows or "windows" in named
    assert rail.facts
    assert all(fact.as_of or fact.is_unconfirmed for fact in rail.facts)


def test_a_bank_that_never_asked_for_less_is_obeyed_by_the_earliest():
    """Ours is the bank's cut-off less a margin; where all three stand, ours is first."""
    for rail in seed():
        for window in rail.windows:
            layers = [cut_off.at for cut_off in sorted(window.cut_offs)]
            assert layers == sorted(layers, reverse=True), rail.name


def test_destination_kinds_have_the_public_numbers():
    kinds = payouts_pb2.Destination.Kind.DESCRIPTOR.values_by_name

    assert [kinds[name].number for name in rail_file._KINDS] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "test"', "", "rail without a name: no 'name'"),
        ("number = 77", 'number = "77"', "rail test: number: expected int, found '77'"),
        ("= true", "= 1", "rail test: deduplicates: expected bool, found 1"),
        ("number = 77", "number = 77\ncolour = 1", "rail test: unknown: colour"),
        ("number = 77", "number = 77\nversion = 1", "rail test: unknown: version"),
        ("number = 77", "number = 0", "out of its range"),
        ('calendar = "fed"', "", "all there or all left out"),
        ("18:45", "24:00", "expected a time such as 17:30"),
        ("arrives", "arrive", "windows: unknown: arrive"),
        ("number = 77", 'number = 77\ncurrencies = ["usd"]', "three capital letters"),
        (
            "number = 77",
            'number = 77\ncurrencies = "USD"',
            "currencies: expected a list",
        ),
        ("number = 77", 'number = 77\ndestination_kinds = ["X"]', "destination_kinds"),
        ("[[rail]]", "[rail]", "expected one [[rail]] or more"),
        ("number = 77", "number = ", "Invalid value"),
        (RAIL, RAIL + RAIL, "each number and name once"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "rails.toml"
    path.write_text(RAIL)
    assert read(path)[0].windows[0].opens.days == -1

    path.write_text(RAIL.replace(old, new, 1))

    with pytest.raises(ConfigError) as raised:
        read(path)
    assert words in str(raised.value)
    assert str(path) in str(raised.value)
