"""Lists on a terminal of 80 columns: ids of one minute begin alike, and money is never cut."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from ledgerd.api.v1 import accounts_pb2, cluster_pb2, payouts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.account import accounts_table
from ledgerd.cli.ctl.payout import payouts_table
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

ACCOUNT = accounts_pb2.Account(
    account_id="acct_01m81axc8recnrfag56h5pya3g",
    currency="USD",
    exponent=2,
    status=accounts_pb2.OPEN,
    owner_ref="a department with a long name",
)
ACCOUNT.balances.available_units = 900_000_000_099_964
ACCOUNT.balances.reserved_units = 2_500
PAYOUT = payouts_pb2.Payout(
    state=payouts_pb2.DISPATCHING, created_at_us=1_790_000_000_000_000, attention=True
)
PAYOUT.order.payout_id = "payout_01m81axc8recnrfag56h5pya3g"
PAYOUT.order.rail = "us_ach"
PAYOUT.order.destination.name = "Somebody With A Long Name"
PAYOUT.order.amount.units = 900_000_000_099_964
PAYOUT.order.amount.currency = "USD"
PAYOUT.order.amount.exponent = 2


def narrow(table: Table, width: int = 80) -> list[str]:
    """Return the lines of a table on a terminal of so many columns."""
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("table", "second", "identity"),
    [
        (accounts_table([ACCOUNT]), "mode", ACCOUNT.account_id),
        (payouts_table([PAYOUT]), "state", PAYOUT.order.payout_id),
    ],
    ids=["accounts", "payouts"],
)
def test_a_list_loses_neither_money_nor_ids(
    table: Table, second: str, identity: str
) -> None:
    """Ids are folded; sums are whole on one line."""
    lines = narrow(table)
    names, _, *rows = lines
    first = "".join(row[: names.index(second)].strip() for row in rows)

    assert first == identity
    assert any("9,000,000,000,999.64 USD" in line for line in lines), lines
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= 80


def test_an_account_of_usual_size_is_not_folded() -> None:
    """Its id is copied from here into the next command."""
    account = accounts_pb2.Account()
    account.CopyFrom(ACCOUNT)
    account.owner_ref = ""
    account.balances.available_units = 999_999_999_99

    _, _, *rows = narrow(accounts_table([account]))
    assert [row.split()[0] for row in rows] == [ACCOUNT.account_id]


def test_a_sum_without_room_shows_that_it_is_cut() -> None:
    """On a terminal narrower than the sum: what is left would pass for a smaller one."""
    table = Table("payout_id")
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_row(PAYOUT.order.payout_id, "9,000,000,000,999.64 USD")

    (line,) = [line for line in narrow(render.fold(table), 20) if "9,000" in line]
    assert "…" in line


def test_a_statement_cuts_nothing(run_narrow: Run) -> None:
    """Its six columns are folded where they must."""
    shown = run_narrow("account", "statement", "acct_" + "0" * 26)

    assert shown.exit_code == 0, shown.output
    assert "…" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    "words",
    [
        ("hold", "list"),
        ("exceptions", "list"),
        ("voucher", "list"),
        ("voucher", "get", "req_x"),
        ("trial-balance",),
    ],
    ids=" ".join,
)
def test_other_lists_cut_nothing(run_narrow: Run, words: tuple[str, ...]) -> None:
    """Neither a sum nor the key that a rail knows a payout by."""
    shown = run_narrow(*words)

    assert shown.exit_code == 0, shown.output
    assert "…" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_a_sum_of_a_hold_stands_on_one_line(run_narrow: Run) -> None:
    """A sum whose last digits stand below it is easily misread."""
    assert "90,071,992,547,409.93 USD" in run_narrow("hold", "list").stdout


def test_the_members_fit_a_terminal(cluster: FakeCluster, run_narrow: Run) -> None:
    """How far each is stands on one line; an address is folded only if it is long."""
    usual, long = "ledgerd-2.payouts.example", f"{'a' * 60}.example.net"
    for member, host in zip(
        cluster.members.members, ("node-1", usual, long), strict=True
    ):
        member.peer_address, member.api_address = f"{host}:7201", f"{host}:7101"
        member.store_uuid = "0123456789abcdef"
        member.progress.match_index = 1_234_567_890
        member.progress.lag_entries = 1_234_567
    cluster.members.members[2].role = cluster_pb2.LEARNER
    cluster.members.members[2].catching_up = True
    cluster.members.members[2].replaces = 2
    shown = run_narrow("cluster", "members")

    lines = shown.stdout.splitlines()
    (learner,) = [line for line in lines if "learner" in line]
    assert shown.exit_code == 0, shown.output
    assert "…" not in shown.stdout
    assert max(map(len, lines)) <= 80
    assert all(n in learner for n in ("1234567890", "1234567", "the place of node 2"))
    assert any(f"{usual}:7201" in at and f"{usual}:7101" in at for at in lines), lines
    assert any(at.rstrip().endswith("01234567") for at in lines), lines
