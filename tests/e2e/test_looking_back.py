"""The past of a real cluster: what was read then is what is read of then now, on every node."""

import csv
import io
import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest

from ledgerd.api.v1 import accounts_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client, Profile
from tests.e2e.load import load_on

pytestmark = pytest.mark.e2e


def ctl(cluster: DevCluster, *arguments: str) -> str:
    """Return what `ledgerctl` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "ledgerd.cli.ledgerctl", *arguments],
        env={**os.environ, "LEDGERCTL_CONFIG": str(cluster.profile_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def whole(client: Client, account: str, **ends: int) -> accounts_pb2.StatementReply:
    """Return a statement with the lines of all its pages."""
    first = page = client.statement(account, page_size=200, **ends)
    lines = list(page.lines)
    while page.next_cursor:
        page = client.statement(account, page_size=200, cursor=page.next_cursor, **ends)
        lines += page.lines
    first.ClearField("lines")
    first.lines.extend(lines)
    return first


def test_what_was_read_then_is_what_is_read_of_then(
    cluster: DevCluster, client: Client
) -> None:
    """Balances, statements, lists and trial balances at earlier indexes, a leader later."""
    with load_on(client, callers=4, deadline_s=20.0) as load:
        load.wait_for(50)
        (account,) = (each.account_id for each in client.accounts().accounts)
        then = []
        for _ in range(5):
            load.wait_for(40)
            then.append(client.balance(account))
        first_page = client.list(account=account, page_size=10)
        leader = cluster.leader()
        assert leader is not None
        cluster.restart(leader)
        load.wait_for(100)
        listed = [payout.order.payout_id for payout in first_page.payouts]
        cursor = first_page.next_cursor
        while cursor:
            page = client.list(account=account, page_size=200, cursor=cursor)
            listed += [payout.order.payout_id for payout in page.payouts]
            cursor = page.next_cursor
    cuts = [reply.header.applied_index + 1 for reply in then]
    created = [
        line.subject
        for line in whole(client, account).lines
        if line.reason == "submit" and line.index <= first_page.header.applied_index
    ]

    assert listed == created
    for node_id in cluster.node_ids:
        profile = Profile.load(cluster.profile_path)
        with Client(profile, node_id=node_id) as pinned:
            for reply in then:
                index = reply.header.applied_index
                again = pinned.balance(account, at_index=index)
                books = pinned.trial_balance(at_index=index, deadline=20.0)
                assert again.balances == reply.balances
                assert (again.as_of_index, again.final) == (index, True)
                assert all(book.balanced for book in books.books)
            parts = [
                whole(pinned, account, from_index=start, to_index=stop)
                for start, stop in pairwise([1, *cuts])
            ]
            assert [part.closing.balances for part in parts] == [
                reply.balances for reply in then
            ]
            assert all(one.closing == two.opening for one, two in pairwise(parts))


def test_the_command_line_tells_the_same(cluster: DevCluster, client: Client) -> None:
    """As JSON, as CSV and as a table, of an index and of a time."""
    account = client.open_account(currency="USD", livemode=True)
    funded = client.fund(account, 700, "USD", bank="main", external_ref="one")
    client.fund(account, 50, "USD", bank="main", external_ref="two")
    at = str(funded.index)
    then = f"{funded.accepted_at_us // 10**6}.{funded.accepted_at_us % 10**6:06d}"

    by_index = json.loads(
        ctl(cluster, "--output", "json", "account", "balance", account, "--at", at)
    )
    table = ctl(cluster, "account", "statement", account)
    text = ctl(
        cluster, "account", "statement", account, "--to", str(funded.index + 1), "--csv"
    )
    books = ctl(cluster, "trial-balance", "--at", at)
    time = json.loads(
        ctl(
            cluster,
            "--output",
            "json",
            "account",
            "statement",
            account,
            "--to",
            "2020-01-01",
        )
    )

    assert by_index["balances"]["available_units"] == "700"
    assert "7.50 USD" in table
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["available_after_minor"] for row in rows] == ["0", "700", "700"]
    assert rows[1]["log_time"].endswith(f"{then[-6:]}Z")
    assert f"as of index {at}" in books
    assert (time["lines"], time["final"]) == ([], True)
