"""`ledgerctl exceptions`, and what people do with payouts, in both outputs."""

from collections.abc import Callable

import pytest

from ledgerd.api.v1 import audit_pb2
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

RunJson = Callable[..., dict[str, object]]


def test_exceptions_are_a_table_or_a_document(
    cluster: FakeCluster, run: Run, run_json: RunJson
) -> None:
    """Both say what was told, who proposed what, and that there may be more."""
    document = run_json("exceptions", "list", "--all", "--limit", "5")
    table = run("exceptions", "list")

    (row,) = document["exceptions"]  # type: ignore[misc]
    assert (row["index"], row["cause"]) == ("7", "SECOND_SETTLEMENT")  # type: ignore[index]
    assert [asked.with_resolved for asked in cluster.asked] == [True, False]
    assert table.exit_code == 0, table.output
    for text in ("7 1", "second_settlement", "adjust by", "raise --limit"):
        assert text in table.output


def test_an_exception_is_resolved(cluster: FakeCluster, run_json: RunJson) -> None:
    """By its position, in one of three ways."""
    document = run_json(
        "exceptions", "resolve", "7", "1", "--as", "dismiss", "--reason", "known"
    )

    (asked,) = cluster.asked
    assert document["request_id"] == asked.request_id
    assert document["payout_state"] == "SETTLED"
    assert (asked.index, asked.ordinal, asked.reason) == (7, 1, "known")
    assert asked.resolution == audit_pb2.DISMISS


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (("approve",), "payout_id", "payout_x"),
        (("reject", "--reason", "no"), "reason", "no"),
        (("reroute", "--rail", "swift"), "rail", "swift"),
        (("recall", "--reason", "fraud"), "reason", "fraud"),
    ],
)
def test_a_payout_is_changed(
    cluster: FakeCluster, run_json: RunJson, words, field, value
) -> None:
    """The answer names the payout and its state."""
    version = ("--expected-version", "3")
    document = run_json("payout", words[0], "payout_x", *words[1:], *version)

    (asked,) = cluster.asked
    assert getattr(asked, field) == value
    assert asked.expected_version == 3
    assert asked.payout_id == "payout_x"
    assert document["payout_state"] == "READY"
