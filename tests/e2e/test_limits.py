"""Limits of a real cluster: exceeded, and counted the same by the leader that comes next. 7.2."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ledgerd.cli.ctl.root import cli
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import (
    Client,
    NotLogged,
    Outcome,
    SubmitResult,
    new_payout_id,
    payout_order,
    us_account,
)
from tests.e2e.test_cluster import check_directory, funded_account
from tests.waiting import until

pytestmark = pytest.mark.e2e

LIMITS = """
source = "risk committee"
as_of = "2026-11-21"

[[limits]]
kind = "PER_PAYOUT"
currency = "USD"
amount_units_max = 1000

[[limits]]
kind = "ACCOUNT_WINDOW"
currency = "USD"
window_s = 86400
amount_units_max = 2500

[[limits]]
kind = "TOTAL_WINDOW"
currency = "USD"
window_s = 86400
count_max = 5
"""
PAYEE = us_account("021000021", "1234567890", "Some Payee")


def pay(
    client: Client, account: str, amount: int, payout_id: str | None = None
) -> SubmitResult:
    return client.submit(
        account=account,
        amount=amount,
        currency="USD",
        rail="us_ach",
        destination=PAYEE,
        payout_id=payout_id,
        deadline=20.0,
    )


def told(result: SubmitResult) -> str:
    """The refusal code, or that the payout is made: by the first try of the call or a later one."""
    return result.refusal or ("made" if result.accepted else result.outcome.value)


def counted(client: Client, account: str) -> dict[str, int]:
    """What one cent more would make of each window, as the leader says."""
    order = payout_order(
        account=account, amount=1, currency="USD", rail="us_ach", destination=PAYEE
    )
    (verdict,) = client.validate([order], deadline=20.0).verdicts
    return {
        check.name: check.value for check in verdict.checks if "window" in check.name
    }


def test_a_window_is_counted_the_same_by_the_next_leader(
    cluster: DevCluster, client: Client, tmp_path: Path
) -> None:
    """Two windows and a payout alone are exceeded; the new leader gives back what is cancelled."""
    account, other = funded_account(client, 10_000), funded_account(client, 10_000)
    path = tmp_path / "limits.toml"
    path.write_text(LIMITS)
    set_limits = ("--config", str(cluster.profile_path), "limits", "set", str(path))
    until(
        "limits are understood",
        lambda: CliRunner().invoke(cli, set_limits).exit_code == 0,
    )

    spent = new_payout_id()
    before = [
        told(pay(client, account, 1_001)),
        told(pay(client, account, 1_000)),
        told(first := pay(client, account, 1_000)),
        told(pay(client, account, 501, spent)),
    ]
    windows = counted(client, account)
    leader = cluster.leader()
    assert leader is not None
    cluster.kill(leader)
    windows_after = until(
        "another leader answers",
        lambda: counted(client, account),
        passing=NotLogged,
    )
    again = pay(client, account, 501, spent)
    after = [
        told(pay(client, account, 1_001)),
        told(pay(client, account, 501)),
        told(pay(client, account, 500)),
        told(pay(client, account, 1)),
    ]
    client.cancel(first.payout_id, deadline=20.0)
    given_back = counted(client, account)
    after += [
        told(pay(client, account, 1_000)),
        told(pay(client, account, 1)),
        told(pay(client, other, 1_000)),
        told(pay(client, other, 1_000)),
        told(pay(client, other, 1)),
    ]
    cluster.stop()

    too_much, too_many = "LIMIT_WINDOW_AMOUNT", "LIMIT_WINDOW_COUNT"
    assert before == ["LIMIT_PER_PAYOUT", "made", "made", too_much]
    assert windows == windows_after == {"account window": 2_001, "total window": 3}
    assert (again.outcome, again.refusal) == (Outcome.REFUSED, too_much)
    assert again.replayed
    assert after[:4] == ["LIMIT_PER_PAYOUT", too_much, "made", too_much]
    assert given_back == {"account window": 1_501, "total window": 3}
    assert after[4:] == ["made", too_much, "made", "made", too_many]
    assert [check_directory(cluster, n)["findings"] for n in (1, 2, 3)] == [[], [], []]
