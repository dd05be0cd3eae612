from collections.abc import Mapping
from typing import Any, TypeAlias

import pytest

from ledgerd.api.v1 import common_pb2, rails_pb2
from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.api.v1.rails_pb2 import Rail
from ledgerd.client.files import rails
from ledgerd.client.files.orders import Target
from ledgerd.ledger.catalogue import RAILS
from ledgerd.ledger.money import currency_code

FileRails: TypeAlias = Mapping[str, rails.FileRail]
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

    assert {
        name: "".join(rail.currencies) for name, rail in rails.SEED.items()
    } == catalogue


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
    assert rails.unsuitable(rails.SEED, chosen, currency, target.kind) is None


def test_unsuitable() -> None:
    """A rail refuses another currency and a destination it does not reach."""

    def told(rail: str, currency: str) -> str | None:
        return rails.unsuitable(rails.SEED, rail, currency, Destination.IBAN)

    assert told("eu_sct", "USD") == "EUR on rail eu_sct"
    assert told("us_ach", "USD") == "a destination of kind US_ACCOUNT on rail us_ach"
    assert told("sandbox", "USD") is None


def catalogue(*records: Rail, log_time_us: int = 100) -> FileRails:
    """What files go by, of an answer with these versions, 50 us after 1970 on our clock."""
    header = common_pb2.ReadHeader(log_time_us=log_time_us)
    reply = rails_pb2.GetCatalogueReply(header=header, rails=records)
    return rails.of_catalogue(reply, now_us=50)


def record(name: str, version: int = 1, from_us: int = 0, **fields: Any) -> Rail:
    return Rail(name=name, version=version, effective_from_us=from_us, **fields)


def test_a_rail_that_a_record_brings_is_known() -> None:
    """With what it takes; beside those of the seed."""
    known = catalogue(record("br_pix", currencies=["BRL"], destination_kinds=[4]))

    assert known.keys() == rails.SEED.keys() | {"br_pix"}
    bic, iban = Destination.BIC_ACCOUNT, Destination.IBAN
    assert rails.unsuitable(known, "br_pix", "BRL", bic) is None
    assert rails.unsuitable(known, "br_pix", "USD", bic) == "BRL on rail br_pix"
    expected = "a destination of kind BIC_ACCOUNT on rail br_pix"
    assert rails.unsuitable(known, "br_pix", "BRL", iban) == expected


def test_the_version_in_force_is_taken() -> None:
    """The latest time that has come, by log time or by our clock; of equal times the newest."""
    versions = [
        record("pix", 3, 10, destination_kinds=[3]),
        record("pix", 1, 0, destination_kinds=[1]),
        record("pix", 2, 10, destination_kinds=[2]),
        record("pix", 4, 60, destination_kinds=[4]),
        record("later", 1, 101),
    ]

    assert catalogue(*versions, log_time_us=9)["pix"].kinds == {3}  # our clock: 50
    assert catalogue(*versions, log_time_us=60)["pix"].kinds == {4}
    assert "later" not in catalogue(*versions)
    assert "later" in catalogue(*versions, log_time_us=101)


def test_a_record_takes_the_place_of_the_seed() -> None:
    """What the ledger would refuse, and spend an id for, is refused before."""
    known = catalogue(record("uk_fps", currencies=["GBP"], destination_kinds=[3]))

    expected = "a destination of kind UK_ACCOUNT on rail uk_fps"
    assert rails.unsuitable(known, "uk_fps", "GBP", Destination.IBAN) == expected
    assert rails.unsuitable(rails.SEED, "uk_fps", "GBP", Destination.IBAN) is None


def test_a_kind_of_a_newer_release_is_told_by_its_number() -> None:
    """Files of today never have it, and the message can be made."""
    known = catalogue(record("pix", destination_kinds=[77]))

    expected = "a destination of kind 77 on rail pix"
    assert rails.unsuitable(known, "pix", "BRL", Destination.IBAN) == expected


def test_what_is_expected_names_all_rails_and_the_nearest() -> None:
    told = rails.expected(catalogue(record("br_pix")), "br_pi")

    assert told.startswith("a rail of br_pix, eu_sct, ")
    assert told.endswith("us_rtp, found br_pi; the nearest is br_pix")
