"""`ledgerctl fees`."""

import pytest

from ledgerd.api.v1 import admin_pb2
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

UNBOUNDED = 2**63 - 1


@pytest.mark.parametrize(
    ("rule", "bps", "least", "most"),
    [
        ("us_ach,USD,25", 0, 0, UNBOUNDED),
        ("us_ach,USD,25,10", 10, 0, UNBOUNDED),
        ("us_ach,USD,25,10,5", 10, 5, UNBOUNDED),
        ("us_ach,USD,25,10,5,500", 10, 5, 500),
        ("us_ach,USD,25,10000,5,5", 10_000, 5, 5),
    ],
)
def test_what_a_rule_leaves_out_does_not_bound_the_fee(
    cluster: FakeCluster, run: Run, rule: str, bps: int, least: int, most: int
) -> None:
    """An upper bound that was not given is none: at 0 it would make every fee 0."""
    result = run("fees", "set", "--source", "board", "--rule", rule)

    assert result.exit_code == 0
    assert list(cluster.fees) == [
        admin_pb2.FeeRule(
            rail="us_ach",
            currency="USD",
            fixed_units=25,
            bps=bps,
            min_units=least,
            max_units=most,
        )
    ]


def test_a_schedule_with_classes_a_time_and_a_policy(
    cluster: FakeCluster, run: Run
) -> None:
    """All that a schedule may say, and how it is shown."""
    result = run(
        *("fees", "set", "--source", "board", "--as-of", "2026-11-20"),
        *("--effective-from", "2026-12-01T00:00", "--quote-valid", "60"),
        *("--refund", "when-all-returned"),
        *("--rule", "gold:us_ach,USD,5", "--rule", "us_ach,USD,25,10,5,500"),
    )

    assert result.exit_code == 0, result.output
    asked = cluster.fees_request
    assert (asked.as_of, asked.quote_valid_s) == ("2026-11-20", 60)
    assert asked.effective_from_us == 1_796_083_200_000_000
    assert [(rule.account_class, rule.refund) for rule in asked.rules] == [
        ("gold", admin_pb2.REFUND_WHEN_ALL_RETURNED),
        ("", admin_pb2.REFUND_WHEN_ALL_RETURNED),
    ]
    shown = run("fees", "get").output
    assert "2026-12-01" in shown
    assert "gold" in shown
    assert "when all returned" in shown
    assert "in force" in shown
    assert shown.count("quotes bind") == 1
    assert run("fees", "get", "--all").output.count("quotes bind") == 2
    assert '"version_in_force": 1' in run("--output", "json", "fees", "get").output


def test_an_index_is_no_time_of_a_schedule(run: Run) -> None:
    result = run("fees", "set", "--source", "b", "--effective-from", "17")

    assert result.exit_code == 2
    assert "expected a time as --effective-from" in result.output
