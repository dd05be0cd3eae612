"""`ledgerctl account balance` and `ledgerctl account statement`."""

import csv
import io
import json

import pytest

from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

ONE = "acct_" + "0" * 26


def test_a_statement_is_one_for_all_its_pages(run: Run, cluster: FakeCluster) -> None:
    """As a table for people, as JSON for programs, as CSV for spreadsheets."""
    table = run("account", "statement", ONE)
    document = json.loads(run("account", "statement", ONE, "--output", "json").stdout)
    text = run("account", "statement", ONE, "--csv").stdout

    assert table.exit_code == 0, table.output
    assert "log index 1 .. 11" in table.stdout
    assert "3.00 USD" in table.stdout
    assert [line["sequence"] for line in document["lines"]] == ["1", "2", "3"]
    assert document["next_cursor"] == ""
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["reason"] for row in rows] == [
        *("opening", "fund", "fund", "fund", "closing")
    ]
    assert [row["available_after_minor"] for row in rows] == [
        *("0", "100", "200", "300", "300")
    ]
    assert [row["available_change_minor"] for row in rows[1:4]] == ["100"] * 3
    assert rows[1]["log_time"] == "1970-01-01 00:00:01.000000Z"


@pytest.mark.parametrize(
    ("text", "index", "time_us"),
    [
        ("17", 17, None),
        ("1970-01-02", None, 86_400_000_000),
        ("1970-01-01T00:00:01", None, 1_000_000),
        ("1970-01-01T01:00:00.000005+01:00", None, 5),
        ("1969-12-31T23:59:59Z", None, -1_000_000),
    ],
)
def test_a_moment_is_an_index_or_a_time(
    run: Run, cluster: FakeCluster, text: str, index: int | None, time_us: int | None
) -> None:
    """Times without a zone are UTC; what is not final says so."""
    statement = run("account", "statement", ONE, "--from", text, "--to", text)
    balance = run("account", "balance", ONE, "--at", text)

    of_statement, of_balance = cluster.asked[0], cluster.asked[-1]
    assert statement.exit_code == 0, statement.output
    assert balance.exit_code == 0, balance.output
    assert "12,345.00 USD" in balance.stdout
    assert "index 17, 3 entries" in balance.stdout
    if index is not None:
        assert of_statement.from_index == of_statement.to_index == index
        assert of_balance.as_of.index == index
    else:
        assert of_statement.from_us == of_statement.to_us == time_us
        assert of_balance.as_of.time_us == time_us
    assert ("not reached" in statement.output) == (time_us is not None)
    assert ("not final" in balance.stdout) == (time_us is not None)


def test_what_is_no_moment_is_a_mistake_of_the_caller(run: Run) -> None:
    """It names both forms."""
    result = run("account", "balance", ONE, "--at", "yesterday")

    assert result.exit_code == 2
    assert "expected a log index, or a date or time" in result.output
    both = run("account", "statement", ONE, "--csv", "--output", "json")
    assert both.exit_code == 2
