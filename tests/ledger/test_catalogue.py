from ledgerd.ledger.catalogue import RAILS, RAILS_BY_NAME
from ledgerd.ledger.money import currency_code
from tests.ledger.making import SWIFT


def test_rails_have_their_durable_numbers():
    """Numbers of rails stand in the log for ever."""
    assert {
        rail.number: (rail.name, "".join(map(currency_code, rail.currencies)))
        for rail in RAILS.values()
    } == {
        1: ("sandbox", ""),
        2: ("us_ach", "USD"),
        3: ("us_ach_same_day", "USD"),
        4: ("us_fedwire", "USD"),
        5: ("us_rtp", "USD"),
        6: ("us_fednow", "USD"),
        7: ("eu_sct", "EUR"),
        8: ("eu_sct_inst", "EUR"),
        9: ("uk_fps", "GBP"),
        10: ("uk_bacs", "GBP"),
        11: ("uk_chaps", "GBP"),
        12: ("swift", ""),
    }
    assert {rail.number for rail in RAILS.values() if rail.is_sandbox} == {1}
    assert RAILS_BY_NAME["swift"].number == SWIFT
