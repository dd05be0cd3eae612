"""`ledgerctl voucher` in both outputs."""

from collections.abc import Callable

import pytest

from ledgerd.api.v1 import accounts_pb2 as pb
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

RunJson = Callable[..., dict[str, object]]
BOOK = ("--currency", "USD", "--sandbox", "--reason", "misread")
LEGS = ("--debit", "available:acct_x=70", "--credit", "suspense:main=60")
REST = ("--credit", "returns=10")


def test_an_entry_is_written_out(cluster: FakeCluster, run_json: RunJson) -> None:
    """Debits and credits by kind and subject; the id is the voucher's."""
    document = run_json("voucher", "post", *LEGS, *REST, *BOOK)

    (asked,) = cluster.asked
    assert document["voucher_id"] == asked.request_id
    assert list(asked.legs) == [
        pb.EntryLeg(
            kind=pb.EntryLeg.AVAILABLE,
            account_id="acct_x",
            side=pb.EntryLeg.DEBIT,
            units=70,
        ),
        pb.EntryLeg(
            kind=pb.EntryLeg.SUSPENSE, bank="main", side=pb.EntryLeg.CREDIT, units=60
        ),
        pb.EntryLeg(kind=pb.EntryLeg.RETURNS, side=pb.EntryLeg.CREDIT, units=10),
    ]
    assert (asked.currency, asked.livemode, asked.reason) == ("USD", False, "misread")


def test_an_adjustment_names_its_entry(cluster: FakeCluster, run_json: RunJson) -> None:
    """Index and ordinal as every answer gives them; the number only where there are more."""
    run_json("voucher", "adjust", "7", "1", *LEGS, *REST, *BOOK)
    run_json("voucher", "adjust", "7", "1", "--number", "2", *LEGS, *REST, *BOOK)

    assert [asked.linked for asked in cluster.asked] == [
        pb.EntryPosition(index=7, ordinal=1),
        pb.EntryPosition(index=7, ordinal=1, n=2),
    ]


@pytest.mark.parametrize(
    "leg", ["available", "held:acct_x=5", "returns=", "returns=-5", "returns=1.5", "=5"]
)
def test_a_leg_that_cannot_be_read_is_a_usage_error(run: Run, leg: str) -> None:
    """The message says the form and the kinds there are."""
    result = run("voucher", "post", "--debit", leg, "--credit", "returns=5", *BOOK)

    assert result.exit_code == 2
    assert "expected KIND[:SUBJECT]=MINOR with a kind of available" in result.output


def test_a_book_must_be_named(run: Run) -> None:
    """Live or sandbox is never guessed."""
    without = ("--currency", "USD", "--reason", "misread")

    result = run("voucher", "post", *LEGS, *REST, *without)

    assert result.exit_code == 2
    assert "--live" in result.output


def test_a_voucher_is_approved_or_rejected(
    cluster: FakeCluster, run_json: RunJson
) -> None:
    run_json("voucher", "approve", "req_v", "--request-id", "req_x")
    run_json("voucher", "reject", "req_v", "--reason", "no")

    approved, rejected = cluster.asked
    assert (approved.request_id, approved.voucher_id) == ("req_x", "req_v")
    assert (rejected.voucher_id, rejected.reason) == ("req_v", "no")


def test_a_voucher_is_shown_with_its_legs(run: Run, run_json: RunJson) -> None:
    """What the second person decides about: who, why, what it puts right, and the legs."""
    table = run("voucher", "get", "req_x").stdout
    document = run_json("voucher", "get", "req_x")

    for text in ("anna", "misread", "index 5, ordinal 1, n 2", "available:acct_x"):
        assert text in table
    assert table.count("0.70 USD") == 2
    found = document["voucher"]
    assert isinstance(found, dict)
    assert found["linked"] == {"index": "5", "ordinal": 1, "n": 2}


def test_vouchers_are_listed(cluster: FakeCluster, run: Run, run_json: RunJson) -> None:
    document = run_json("voucher", "list", "--state", "open")
    table = run("voucher", "list").stdout

    assert len(document["vouchers"]) == 1  # type: ignore[arg-type] # a JSON document
    assert "0.70 USD" in table
    assert cluster.asked[0].state == pb.Voucher.OPEN
