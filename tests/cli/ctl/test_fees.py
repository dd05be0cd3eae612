"""`ledgerctl fees set`."""

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
