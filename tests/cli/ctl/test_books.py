"""`ledgerctl trial-balance`."""

import json

from tests.cli.ctl.conftest import Run


def test_books_that_balance(run: Run) -> None:
    """Totals in units of the currency for people, in minor units for programs."""
    table = run("trial-balance")
    document = json.loads(run("trial-balance", "--output", "json").stdout)

    assert table.exit_code == 0
    assert "live USD: balanced" in table.stdout
    assert "10,000.00 USD" in table.stdout
    assert document["books"][0]["debit_units"] == "1000000"
