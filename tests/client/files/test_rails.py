import pytest

from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client.files import rails
from ledgerd.client.files.orders import Target
from ledgerd.ledger.catalogue import RAILS
from ledgerd.ledger.money import currency_code

GERMAN = Target(Destination.IBAN, "DE", "", "DE89370400440532013000", "N", "")
BRITISH_IBAN = Target(Destination.IBAN, "GB", "", "GB33BUKB20201555555555", "N", "")
BRITISH = Target(Destination.UK_ACCOUNT, "GB", "200415", "87654321", "N", "")
AMERICAN = Target(Destination.US_ACCOUNT, "US", "021000021", "1", "N", "checking")
QATARI = Target(Destination.IBAN, "QA", "", "QA58DOHB00001234567890ABCDEFG", "N", "")
BY_BIC = Target(Destination.BIC_ACCOUNT, "HK", "HSBCHKHH", "123456789012", "N", "")


def test_catalogue() -> None:
    """The rails of files are those of the cluster's catalogue, with their currencies."""
    catalogue = {
        rail.name: currency_code(rail.currencies[0]) if rail.currencies else ""
        for rail in RAILS.values()
    }

    assert {name: currency for name, (currency, _) in rails.RAILS.items()} == catalogue


@pytest.mark.parametrize(
    ("currency", "target", "service", "instrument", "rail"),
    [
        ("EUR", GERMAN, "", "", "eu_sct"),
        ("EUR", GERMAN, "SEPA", "", "eu_sct"),
        ("EUR", GERMAN, "SEPA", "INST", "eu_sct_inst"),
        ("EUR", GERMAN, "URGP", "", "swift"),
        ("EUR", QATARI, "", "", "swift"),
        ("CHF", GERMAN, "", "", "swift"),
        ("GBP", BRITISH, "", "", "uk_fps"),
        ("GBP", BRITISH_IBAN, "", "", "uk_fps"),
        ("GBP", BRITISH, "NURG", "", "uk_bacs"),
        ("GBP", BRITISH, "", "BACS", "uk_bacs"),
        ("GBP", BRITISH, "SDVA", "", "uk_chaps"),
        ("USD", AMERICAN, "", "", "us_ach"),
        ("USD", AMERICAN, "NURG", "PPD", "us_ach"),
        ("USD", AMERICAN, "URGP", "", "us_fedwire"),
        ("USD", AMERICAN, "URNS", "rtp", "us_rtp"),
        ("USD", AMERICAN, "URGP", "CCD", "us_ach"),
        ("HKD", BY_BIC, "URGP", "", "swift"),
    ],
)
def test_choice(
    currency: str, target: Target, service: str, instrument: str, rail: str
) -> None:
    """Currency, destination and the file's words choose a rail that suits."""
    chosen = rails.choose(currency, target, service=service, instrument=instrument)

    assert chosen == rail
    assert rails.unsuitable(chosen, currency, target) is None


def test_unsuitable() -> None:
    """A rail refuses another currency and a destination it does not reach."""
    assert rails.unsuitable("eu_sct", "USD", GERMAN) == "EUR on rail eu_sct"
    expected = "a destination of kind US_ACCOUNT on rail us_ach"
    assert rails.unsuitable("us_ach", "USD", GERMAN) == expected
    assert rails.unsuitable("sandbox", "USD", GERMAN) is None
