"""`ledgerctl hold`, and the status of accounts, in both outputs."""

from collections.abc import Callable

import pytest

from ledgerd.api.v1 import accounts_pb2 as pb
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

RunJson = Callable[..., dict[str, object]]
MONEY = ("--amount-minor", "5", "--currency", "USD")


def test_a_hold_is_created_under_an_id(cluster: FakeCluster, run_json: RunJson) -> None:
    """The id is printed, so that it can be captured; the time is in seconds."""
    document = run_json("hold", "create", "acct_x", *MONEY, "--ttl", "90.5")

    (asked,) = cluster.asked
    assert document["hold_id"] == asked.hold_id
    assert asked.ttl_us == 90_500_000
    options = (*MONEY, "--ttl", "1", "--hold-id", "hold_x")
    assert run_json("hold", "create", "acct_x", *options)["hold_id"] == "hold_x"


@pytest.mark.parametrize("ttl", ["0", "-1", "nan", "99999999999"])
def test_a_time_out_of_bounds_is_a_usage_error(run: Run, ttl: str) -> None:
    result = run("hold", "create", "acct_x", *MONEY, "--ttl", ttl)

    assert result.exit_code == 2
    assert "--ttl" in result.output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("hold", "capture", "hold_x", "acct_y", *MONEY),
            pb.CaptureHoldRequest(hold_id="hold_x", to_account_id="acct_y"),
        ),
        (
            ("hold", "release", "hold_x", "--reason", "no show"),
            pb.ReleaseHoldRequest(hold_id="hold_x", reason="no show"),
        ),
        (
            ("account", "close", "acct_x"),
            pb.CloseAccountRequest(account_id="acct_x"),
        ),
        (
            ("account", "freeze", "acct_x", "--reason", "order"),
            pb.FreezeRequest(account_id="acct_x", reason="order"),
        ),
        (("account", "unfreeze", "acct_x"), pb.UnfreezeRequest(account_id="acct_x")),
        (
            ("account", "reverse", *MONEY, "--bank", "b", "--external-ref", "w"),
            pb.FundReverseRequest(bank="b", external_ref="w"),
        ),
    ],
    ids=["capture", "release", "close", "freeze", "unfreeze", "reverse"],
)
def test_each_verb_asks_for_what_it_says(
    cluster: FakeCluster, run_json: RunJson, arguments, expected
) -> None:
    """With the request id of the caller, under which it can be repeated."""
    document = run_json(*arguments, "--request-id", "req_x")

    (asked,) = cluster.asked
    asked.ClearField("concern")
    if asked.DESCRIPTOR.fields_by_name.get("amount"):
        assert asked.amount.units == 5
        asked.ClearField("amount")
    assert asked.request_id == document["request_id"] == "req_x"
    asked.ClearField("request_id")
    assert asked == expected


def test_a_hold_is_shown_exactly(run: Run, run_json: RunJson) -> None:
    """Amounts beyond 2^53 are not rounded, and a reference is no markup."""
    table = run("hold", "get", "hold_x").stdout
    document = run_json("hold", "get", "hold_x")

    assert "90,071,992,547,409.93 USD" in table
    assert "1.50 USD for acct_y" in table
    assert "[/bold] booking" in table
    assert "2026-09-21" in table
    found = document["hold"]
    assert isinstance(found, dict)
    assert found["amount"]["units"] == "9007199254740993"
    assert found["state"] == "CAPTURED"


def test_holds_are_listed_to_the_limit(
    cluster: FakeCluster, run: Run, run_json: RunJson
) -> None:
    """Pages are fetched until the limit or the end; the cursor says where to go on."""
    document = run_json("hold", "list", "--state", "open", "--account-id", "acct_x")
    table = run("hold", "list", "--limit", "1").stdout

    assert len(document["holds"]) == 2  # type: ignore[arg-type] # a JSON document
    assert document["next_cursor"] == ""
    assert "captured" in table
    assert "more: --cursor more" in table
    assert cluster.asked[0] == pb.ListHoldsRequest(
        account_id="acct_x", state=pb.Hold.OPEN, page_size=100
    )
