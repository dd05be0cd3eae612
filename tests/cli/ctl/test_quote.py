"""`ledgerctl payout quote` and `payout routes`, and a file that the ledger is asked about."""

from pathlib import Path

import pytest

from ledgerd.api.v1 import common_pb2, payouts_pb2
from ledgerd.client import new_account_id
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

ACCOUNT = new_account_id()
ASKED = ("--account", ACCOUNT, "--amount-minor", "10000", "--currency", "USD")


@pytest.fixture(autouse=True)
def routes(cluster: FakeCluster) -> None:
    cluster.routes = [
        payouts_pb2.Route(
            rail="us_ach",
            fee_units=35,
            opens_at_us=1_000_000,
            cut_off_us=2_000_000,
            cut_off_of="bank",
            arrives_at_us=3_000_000,
            in_time=True,
            review=True,
            checks=[
                payouts_pb2.Check(name="account and rail"),
                payouts_pb2.Check(name="funds", value=10_035, bound=90_000),
            ],
        ),
        payouts_pb2.Route(rail="eu_sct", refusal=common_pb2.RAIL_CURRENCY),
        payouts_pb2.Route(rail="us_rtp", arrives_at_us=9, suspended=True),
    ]


def test_a_quote_says_how_to_have_it_so(cluster: FakeCluster, run: Run) -> None:
    """Fee, times, questions, and the two options that bind the quote to a submit."""
    result = run(
        *("payout", "quote", *ASKED, "--rail", "us_ach"),
        *("--routing-number", "021000021", "--needed-by", "1970-01-01T00:01"),
    )

    assert result.exit_code == 0, result.output
    for text in (
        "0.35 USD",
        "usable, after review",
        "1970-01-01 00:00:02.000000Z (bank)",
        "--fee-expected 35 --quoted-at-us 1000000",
        "10,035",
        "90,000",
    ):
        assert text in result.output
    (request,) = cluster.quotes
    assert isinstance(request, payouts_pb2.QuoteRequest)
    assert (request.rail, request.needed_by_us) == ("us_ach", 60_000_000)
    assert request.destination.bank_code == "021000021"


def test_routes_show_why_a_rail_cannot_be_used(run: Run) -> None:
    result = run("payout", "routes", *ASKED)

    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.output.splitlines()[2:5]}
    assert "RAIL_CURRENCY" in lines["eu_sct"]
    assert "waits: rail suspended" in lines["us_rtp"]
    assert lines["us_ach"].rstrip().endswith("yes")
    assert '"cut_off_of": "bank"' in (
        run("--output", "json", "payout", "routes", *ASKED).output
    )


def test_an_index_is_no_time_to_be_there(run: Run) -> None:
    result = run("payout", "routes", *ASKED, "--needed-by", "5")

    assert result.exit_code == 2
    assert "expected a time as --needed-by" in result.output


def test_what_was_quoted_goes_with_the_submit(cluster: FakeCluster, run: Run) -> None:
    result = run(
        *("payout", "send", *ASKED, "--rail", "sandbox", "--name", "Jo"),
        *("--routing-number", "021000021", "--account-number", "1"),
        *("--fee-expected", "35", "--quoted-at-us", "7"),
    )

    assert result.exit_code == 0, result.output
    ((said, _, _),) = cluster.orders.values()
    order = payouts_pb2.PayoutOrder.FromString(said)
    assert (order.fee_expected_units, order.quoted_at_us) == (35, 7)


def test_the_ledger_is_asked_about_a_file(
    cluster: FakeCluster, run: Run, tmp_path: Path
) -> None:
    """With an account; nothing is submitted, and what would be refused is named by its line."""
    path = tmp_path / "payouts.csv"
    header = (
        "account,amount_minor,currency,rail,destination.kind,destination.bank_code,"
        "destination.account_number,destination.name"
    )
    rows = [
        f"{ACCOUNT},{amount},USD,us_ach,us_account,021000021,12345,Jo"
        for amount in (500, 2_000_000)
    ]
    path.write_text("\n".join((header, *rows)) + "\n")

    result = run(
        *("payout", "submit", str(path), "--account", ACCOUNT),
        *("--batch-date", "2026-11-21", "--validate-only"),
    )

    assert result.exit_code == 1, result.output
    assert "line 3" in result.output
    assert "INSUFFICIENT_FUNDS" in result.output
    assert "1 would be CREATED" in result.output
    assert not cluster.orders
