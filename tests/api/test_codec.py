"""Malformed requests: the field, what was expected, what was found; and nothing of it is logged."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from ledgerd.api import codec, ids, lifecycle_codec
from ledgerd.api import fees as fees_of
from ledgerd.api.v1 import accounts_pb2, admin_pb2, common_pb2
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.errors import NotLogged, Outcome, Reason
from ledgerd.formats.batches import Details, unpack_details
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import (
    THIS_WINDOW,
    Cancel,
    FeeRule,
    Fund,
    OpenAccount,
    SubmitTerms,
    Transfer,
)
from ledgerd.ledger.money import currency_number
from ledgerd.limits import BATCH_COMMANDS_MAX, STALE_AGE_MS_MAX
from ledgerd.replica.inputs import WriteConcern
from tests.api.world import us_account, uuid7

PAYOUT, ACCOUNT, OTHER, REQUEST = (uuid7(number) for number in range(1, 5))
PAYOUT_TEXT = ids.encode(ids.PAYOUT, PAYOUT)
ACCOUNT_TEXT = ids.encode(ids.ACCOUNT, ACCOUNT)
OTHER_TEXT = ids.encode(ids.ACCOUNT, OTHER)
REQUEST_TEXT = ids.encode(ids.REQUEST, REQUEST)
USD = currency_number("USD")
MAX = 2**63 - 1


def columns(orders: Sequence[pb.PayoutOrder], *, principal: str) -> PayoutBatch:
    return asyncio.run(codec.batch(orders, principal=principal))


def order() -> pb.PayoutOrder:
    return pb.PayoutOrder(
        payout_id=PAYOUT_TEXT,
        account_id=ACCOUNT_TEXT,
        amount=common_pb2.Money(units=250, currency="USD"),
        rail="us_ach",
        destination=us_account(),
        reference="Invoice 7",
        metadata={"b": "2", "a": "1"},
    )


def destination(**fields: object) -> Callable[[pb.PayoutOrder], None]:
    return lambda item: item.destination.MergeFrom(pb.Destination(**fields))


def replaced(**fields: object) -> Callable[[pb.PayoutOrder], None]:
    def change(item: pb.PayoutOrder) -> None:
        item.destination.CopyFrom(pb.Destination(**fields))

    return change


def setting(path: str, value: object) -> Callable[[pb.PayoutOrder], None]:
    def change(item: pb.PayoutOrder) -> None:
        *outer, last = path.split(".")
        target: object = item
        for name in outer:
            target = getattr(target, name)
        setattr(target, last, value)

    return change


def noted(**pairs: str) -> Callable[[pb.PayoutOrder], None]:
    return lambda item: item.metadata.update(pairs)


def many_keys(item: pb.PayoutOrder) -> None:
    item.metadata.update({f"key-{number}": "" for number in range(49)})


def test_an_order_that_must_go_with_this_window_has_terms() -> None:
    """The others have none, so that a batch without such rows stays columnar."""
    asked = [order(), order(), order()]
    asked[1].timing = pb.THIS_WINDOW_ONLY
    asked[2].timing = pb.NEXT_WINDOW

    assert columns(asked, principal="svc").terms == {1: SubmitTerms(window=THIS_WINDOW)}
    assert columns(asked[:1] + asked[2:], principal="svc").terms == {}


@pytest.mark.parametrize(
    ("timing", "release_at_us", "expected"),
    [
        (99, 0, "NEXT_WINDOW or THIS_WINDOW_ONLY"),
        (pb.THIS_WINDOW_ONLY, 5, "NEXT_WINDOW with a release_at_us"),
    ],
)
def test_a_timing_that_is_none_is_refused(timing, release_at_us, expected) -> None:
    asked = order()
    asked.timing, asked.release_at_us = timing, release_at_us

    with pytest.raises(NotLogged) as error:
        codec.single(asked, principal="svc")

    assert error.value.reason is Reason.MALFORMED
    assert expected in error.value.message


def test_columns_hold_what_the_orders_say() -> None:
    """Each row is in each column, the principal is the certificate's, metadata is sorted."""
    second = order()
    second.payout_id = ids.encode(ids.PAYOUT, uuid7(9))
    second.amount.units = MAX
    batch = columns([order(), second], principal="ops")

    assert [PAYOUT, uuid7(9)] == batch.ids
    assert batch.account_ids == [ACCOUNT, ACCOUNT]
    assert list(batch.amounts_minor) == [250, MAX]
    assert list(batch.currencies) == [USD, USD]
    assert list(batch.rails) == [2, 2]
    assert batch.principals == ["ops", "ops"]
    assert Details(
        2,
        "US",
        "021000021",
        "12345678",
        "Ada Lovelace",
        "checking",
        "Invoice 7",
        (("a", "1"), ("b", "2")),
    ) == unpack_details(batch.details[0])


ID_TEXT = "payout_ and 26 characters of base 32 (0-9 a-z without i l o u)"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (setting("payout_id", ""), f"payout_id: expected {ID_TEXT}, found nothing"),
        (
            setting("payout_id", ACCOUNT_TEXT),
            f'found "{ACCOUNT_TEXT}": the prefix is "acct"',
        ),
        (setting("payout_id", PAYOUT_TEXT[:-1]), ": 25 characters"),
        (setting("payout_id", PAYOUT_TEXT.upper()), 'the prefix is "PAYOUT"'),
        (setting("payout_id", "payout_8zzzzzzzzzzzzzzzzzzzzzzzzz"), "than 128 bits"),
        (
            setting("payout_id", "payout_00000000000000000000000000"),
            "payout_id: expected a UUIDv7 (RFC 9562) in payout_..., found version 0",
        ),
        (setting("account_id", "acct_"), "account_id: expected acct_ and 26"),
        (
            lambda item: item.ClearField("amount"),
            "amount: expected units and currency, found nothing",
        ),
        (setting("amount.units", 0), f"amount.units: expected 1 .. {MAX} minor units"),
        (setting("amount.units", -5), "minor units, found -5"),
        (
            setting("amount.currency", "usd"),
            "amount.currency: expected an ISO 4217 code with minor units, three capital "
            'letters, found "usd"',
        ),
        (setting("amount.currency", "XAU"), 'found "XAU"'),
        (setting("amount.currency", ""), "three capital letters, found nothing"),
        (
            setting("amount.exponent", 3),
            "amount.exponent: expected 2, the number of decimals of USD, found 3",
        ),
        (setting("rail", "pigeon"), "rail: expected one of eu_sct, eu_sct_inst, sandb"),
        (setting("reference", "x" * 141), "reference: expected 0 .. 140 bytes of UTF-"),
        (setting("reference", "é" * 71), "found 71 characters, 142 bytes"),
        (setting("reference", "e\u0301"), "reference: expected text in Unicode NFC"),
        (setting("reference", "a\nb"), "reference: expected text without control char"),
        (setting("reference", "é\x9f"), "reference: expected text without control ch"),
        (
            noted(**{"": "x"}),
            "metadata.key: expected 1 .. 40 bytes of UTF-8, found noth",
        ),
        (noted(**{"k" * 41: "x"}), "metadata.key: expected 1 .. 40 bytes"),
        (
            noted(long="x" * 501),
            "metadata[long]: expected 0 .. 500 bytes of UTF-8, fou",
        ),
        (noted(nfd="e\u0301"), "metadata[nfd]: expected text in Unicode NFC"),
        (many_keys, "metadata: expected at most 50 keys, found 51"),
        (
            lambda item: item.ClearField("destination"),
            "destination.kind: expected one of IBAN, US_ACCOUNT, UK_ACCOUNT, BIC_ACCOUNT, "
            "found nothing",
        ),
        (
            setting("destination.kind", 9),
            "destination.kind: expected one of IBAN, US_AC",
        ),
        (
            destination(bank_code="12345678"),
            "destination.bank_code: expected a routing number of 9 digits, found 8 char",
        ),
        (
            destination(account_number="1" * 18),
            "destination.account_number: expected 1 .. 17 letters, digits, spaces and",
        ),
        (
            destination(country="us"),
            "destination.country: expected two capital letters",
        ),
        (destination(name="N" * 141), "destination.name: expected 0 .. 140 bytes"),
        (destination(name="e\u0301"), "destination.name: expected text in Unicode NFC"),
        (
            destination(account_type="Checking!"),
            "destination.account_type: expected up to 32 of a-z and _, found",
        ),
        (
            replaced(kind=1, account_number="DE89 3704 0044"),
            "destination.account_number: expected an IBAN: 15 .. 34 capitals and digits",
        ),
        (
            replaced(kind=1, account_number="DE89370400440532013000", bank_code="X"),
            "destination.bank_code: expected nothing or a BIC of 8 or 11 characters",
        ),
        (
            replaced(kind=3, bank_code="12345", account_number="12345678"),
            "destination.bank_code: expected a sort code of 6 digits, found 5 characters",
        ),
        (
            replaced(kind=3, bank_code="123456", account_number="12345"),
            "destination.account_number: expected 6 .. 10 digits",
        ),
        (
            replaced(kind=4, bank_code="DEUTDE", account_number="1"),
            "destination.bank_code: expected a BIC of 8 or 11 characters",
        ),
        (
            replaced(kind=4, bank_code="DEUTDEFF", account_number=" 1"),
            "destination.account_number: expected 1 .. 34 printable ASCII",
        ),
    ],
)
def test_every_malformed_field_is_named(
    change: Callable[[pb.PayoutOrder], None], text: str
) -> None:
    """In a batch the path names the row; in a single call the order."""
    bad = order()
    change(bad)

    with pytest.raises(NotLogged) as of_batch:
        columns([order(), bad], principal="ops")
    with pytest.raises(NotLogged) as of_single:
        codec.single(bad, principal="ops")

    assert text in of_batch.value.message
    assert of_batch.value.message.startswith("orders[1].")
    assert of_batch.value.metadata["field"].startswith("orders[1].")
    assert of_single.value.message.startswith("order.")
    assert Reason.MALFORMED is of_batch.value.reason
    assert Outcome.NOT_LOGGED is of_batch.value.outcome
    expected, found = (of_batch.value.metadata[key] for key in ("expected", "found"))
    assert f": expected {expected}, found {found}" in of_batch.value.message


@pytest.mark.parametrize("path", ["account_number", "name", "bank_code"])
@pytest.mark.parametrize("secret", ["4111111111111111111111" * 7, "Ada\x07Lovelace"])
def test_errors_do_not_repeat_who_is_paid(path: str, secret: str) -> None:
    """Account numbers, bank codes and names are measured, not quoted."""
    bad = order()
    setattr(bad.destination, path, secret)

    with pytest.raises(NotLogged) as caught:
        codec.single(bad, principal="ops")
    assert secret[:12] not in caught.value.message
    assert secret[:12] not in str(caught.value.metadata)


@pytest.mark.parametrize(
    "good",
    [
        replaced(kind=1, account_number="DE89370400440532013000"),
        replaced(kind=1, account_number="NO9386011117947", bank_code="DNBANOKKXXX"),
        replaced(kind=3, bank_code="123456", account_number="12345678"),
        replaced(kind=4, bank_code="DEUTDEFF", account_number="12-34 56", country="DE"),
        setting("reference", "é" * 70),
        setting("amount.exponent", 2),
        setting("destination.name", ""),
    ],
)
def test_what_has_its_shape_is_taken(good: Callable[[pb.PayoutOrder], None]) -> None:
    """The bounds themselves are inside."""
    item = order()
    good(item)

    assert len(codec.single(item, principal="ops")) == 1


@pytest.mark.parametrize("count", [0, BATCH_COMMANDS_MAX + 1])
def test_a_batch_has_its_bounds(count: int) -> None:
    """Nothing and too much are refused before a row is looked at."""
    with pytest.raises(NotLogged, match=f"orders: expected 1 .. 8192 .* found {count}"):
        columns([order()] * count, principal="ops")


def test_the_largest_metadata_is_taken_from_state_version_3_on() -> None:
    """50 keys of 40 bytes with values of 500; before, the whole had to fit 16 KiB."""
    item = order()
    item.metadata.clear()
    for number in range(50):
        item.metadata[f"{number:040}"] = "x" * 500

    assert len(codec.single(item, principal="ops", state_version=3)) == 1
    with pytest.raises(NotLogged, match="expected at most 16384 bytes together"):
        codec.single(item, principal="ops", state_version=2)
    with pytest.raises(
        NotLogged, match=r"orders\[1\].metadata: expected at most 16384"
    ):
        asyncio.run(codec.batch([order(), item], principal="ops", state_version=2))


def test_the_largest_batch_is_taken() -> None:
    """8,192 rows are one batch."""
    assert len(columns([order()] * BATCH_COMMANDS_MAX, principal="ops")) == 8_192


def test_a_batch_must_fit_an_entry() -> None:
    """Rows that are each fine and together too large are refused as TOO_LARGE."""
    item = order()
    item.metadata.update({f"key-{number}": "x" * 500 for number in range(20)})

    with pytest.raises(NotLogged, match="split it into smaller ones") as caught:
        columns([item] * 1_000, principal="ops")
    assert Reason.TOO_LARGE is caught.value.reason


def open_account(**changes: object) -> accounts_pb2.OpenAccountRequest:
    fields = {"account_id": ACCOUNT_TEXT, "currency": "USD", **changes}
    return accounts_pb2.OpenAccountRequest(**fields)


def fund(**changes: object) -> accounts_pb2.FundRequest:
    fields = {
        "request_id": REQUEST_TEXT,
        "account_id": ACCOUNT_TEXT,
        "amount": common_pb2.Money(units=5, currency="USD"),
        "bank": "main_bank",
        "external_ref": "W-1",
        **changes,
    }
    return accounts_pb2.FundRequest(**fields)


def transfer(**changes: object) -> accounts_pb2.TransferRequest:
    fields = {
        "request_id": REQUEST_TEXT,
        "from_account_id": ACCOUNT_TEXT,
        "to_account_id": OTHER_TEXT,
        "amount": common_pb2.Money(units=5, currency="USD"),
        **changes,
    }
    return accounts_pb2.TransferRequest(**fields)


def cancelled(request: pb.CancelPayoutRequest, *, principal: str) -> Cancel:
    return lifecycle_codec.cancel(request, principal=principal, approver="")


def cancel(**changes: object) -> pb.CancelPayoutRequest:
    fields = {"request_id": REQUEST_TEXT, "payout_id": PAYOUT_TEXT, **changes}
    return pb.CancelPayoutRequest(**fields)


def rule(**changes: object) -> admin_pb2.FeeRule:
    fields = {
        "rail": "us_ach",
        "currency": "USD",
        "fixed_units": 25,
        "bps": 10,
        "min_units": 1,
        "max_units": 500,
        **changes,
    }
    return admin_pb2.FeeRule(**fields)


def set_fees(*rules: admin_pb2.FeeRule, **changes: object) -> admin_pb2.SetFeesRequest:
    return admin_pb2.SetFeesRequest(
        rules=rules, **{"request_id": REQUEST_TEXT, **changes}
    )


def test_commands_hold_what_the_requests_say() -> None:
    """Each rare request becomes its command, with the principal of the certificate."""
    assert OpenAccount(
        ACCOUNT, USD, livemode=True, owner_ref="o", min_balance_minor=-5, principal="p"
    ) == codec.open_account(
        open_account(livemode=True, owner_ref="o", min_balance_units=-5), principal="p"
    )
    assert Fund(REQUEST, ACCOUNT, 5, USD, "main_bank", "W-1", "p") == codec.fund(
        fund(), principal="p"
    )
    assert Transfer(REQUEST, ACCOUNT, OTHER, 5, USD, "r", "p") == codec.transfer(
        transfer(reference="r"), principal="p"
    )
    assert Cancel(REQUEST, PAYOUT, "late", "p") == lifecycle_codec.cancel(
        cancel(reason="late"), principal="p", approver=""
    )
    fees = fees_of.set_fees(set_fees(rule(), source="board"), principal="p")
    assert (FeeRule(2, USD, 25, 10, 1, 500),) == fees.rules
    assert (fees.source, fees.principal) == ("board", "p")


@pytest.mark.parametrize(
    ("parse", "request_", "text"),
    [
        (
            codec.open_account,
            open_account(account_id="x"),
            "account_id: expected acct_",
        ),
        (codec.open_account, open_account(currency="US"), "currency: expected an ISO"),
        (
            codec.open_account,
            open_account(owner_ref="x" * 129),
            "owner_ref: expected 0",
        ),
        (
            codec.fund,
            fund(request_id=""),
            "request_id: expected req_ and 26 characters",
        ),
        (codec.fund, fund(account_id=PAYOUT_TEXT), 'the prefix is "payout"'),
        (codec.fund, fund(amount=None), "amount: expected units and currency"),
        (
            codec.fund,
            fund(amount=common_pb2.Money(units=-1, currency="USD")),
            "amount.units: expected 1 ..",
        ),
        (codec.fund, fund(bank="Main Bank"), "bank: expected 1 .. 32 of a-z 0-9 _ -"),
        (codec.fund, fund(bank=""), "found nothing"),
        (codec.fund, fund(external_ref=""), "external_ref: expected 1 .. 64 bytes"),
        (codec.fund, fund(external_ref="x" * 65), "external_ref: expected 1 .. 64"),
        (
            codec.transfer,
            transfer(to_account_id=ACCOUNT_TEXT),
            "to_account_id: expected another account than from_account_id, found the same",
        ),
        (
            codec.transfer,
            transfer(from_account_id=""),
            "from_account_id: expected acct_",
        ),
        (codec.transfer, transfer(reference="x" * 141), "reference: expected 0 .. 140"),
        (cancelled, cancel(payout_id=""), "payout_id: expected payout_ and 26"),
        (cancelled, cancel(reason="x" * 141), "reason: expected 0 .. 140 bytes"),
        (
            fees_of.set_fees,
            set_fees(rule(), rule()),
            "rules[1]: expected each rail, currency and account class once, found a second rule",
        ),
        (
            fees_of.set_fees,
            set_fees(rule(bps=10_001)),
            "rules[0].bps: expected 0 .. 10000",
        ),
        (
            fees_of.set_fees,
            set_fees(rule(fixed_units=-1)),
            "rules[0].fixed_units: expect",
        ),
        (
            fees_of.set_fees,
            set_fees(rule(max_units=0)),
            "rules[0].max_units: expected at l",
        ),
        (fees_of.set_fees, set_fees(rule(rail="x")), "rules[0].rail: expected one of"),
        (
            fees_of.set_fees,
            set_fees(rule(currency="x")),
            "rules[0].currency: expected an",
        ),
        (
            fees_of.set_fees,
            set_fees(source="x" * 141),
            "source: expected 0 .. 140 bytes",
        ),
        (
            fees_of.set_fees,
            set_fees(*[rule()] * 1_001),
            "rules: expected at most 1000 rul",
        ),
    ],
)
def test_malformed_commands_are_named(
    parse: Callable[..., object], request_: object, text: str
) -> None:
    """Each field of the rarer calls is checked like those of an order."""
    with pytest.raises(NotLogged) as caught:
        parse(request_, principal="ops")

    assert text in caught.value.message
    assert Reason.MALFORMED is caught.value.reason


def test_a_read_is_linearizable_unless_it_names_an_index() -> None:
    """Unset and linearizable mean the same; an index of 0 is an index."""
    assert codec.read_wish(common_pb2.ReadConcern()) == (None, None)
    assert codec.read_wish(common_pb2.ReadConcern(linearizable=True)) == (None, None)
    assert codec.read_wish(common_pb2.ReadConcern(at_least_index=0)) == (0, None)
    assert codec.read_wish(common_pb2.ReadConcern(at_least_index=9)) == (9, None)


@pytest.mark.parametrize("age_ms", [0, STALE_AGE_MS_MAX + 1])
def test_an_age_has_bounds(age_ms: int) -> None:
    """A read that accepts any age asks for an index instead; 0 is no age."""
    stale = common_pb2.Stale(max_age_ms=250)
    wrong = common_pb2.Stale(max_age_ms=age_ms)

    assert codec.read_wish(common_pb2.ReadConcern(stale=stale)) == (None, 0.25)
    with pytest.raises(NotLogged, match=r"max_age_ms: expected 1 \.\. 86400000"):
        codec.read_wish(common_pb2.ReadConcern(stale=wrong))


def test_a_write_concern_of_a_newer_release_is_refused() -> None:
    """It may ask for more than this release can promise; unset is QUORUM."""
    assert codec.write_concern(common_pb2.WRITE_CONCERN_UNSPECIFIED) is (
        WriteConcern.QUORUM
    )
    assert codec.write_concern(common_pb2.QUORUM) is WriteConcern.QUORUM
    assert codec.write_concern(common_pb2.ALL_VOTERS) is WriteConcern.ALL_VOTERS
    with pytest.raises(NotLogged, match="concern: expected QUORUM or ALL_VOTERS"):
        codec.write_concern(77)  # type: ignore[arg-type] # what a newer caller sends


def test_a_page_has_a_default_and_a_bound() -> None:
    """0 asks for the default; above the bound is malformed."""
    assert [codec.page_rows(size) for size in (0, 1, 1_000)] == [100, 1, 1_000]
    with pytest.raises(NotLogged, match=r"page_size: expected 0 \.\. 1000, found 1001"):
        codec.page_rows(1_001)
