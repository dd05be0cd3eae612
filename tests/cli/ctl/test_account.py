"""`ledgerctl account` in both outputs."""

from collections.abc import Callable

from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

ACCOUNT = "acct_" + "0" * 26
RunJson = Callable[..., dict[str, object]]


def test_open_prints_the_id_for_scripts(run_json: RunJson) -> None:
    """The JSON has the new id, and 64-bit numbers as text."""
    document = run_json("account", "open", "--currency", "USD", "--sandbox")

    assert str(document["account_id"]).startswith("acct_")
    assert document["outcome"] == "CREATED"
    assert document["index"] == "0"


def test_open_takes_an_id(run_json: RunJson) -> None:
    """With an id of the caller, opening is repeatable."""
    options = ("--currency", "USD", "--sandbox", "--account-id", ACCOUNT)

    assert run_json("account", "open", *options)["account_id"] == ACCOUNT


def test_fund_says_its_request_id(run_json: RunJson) -> None:
    """The request id is the key under which the answer is kept."""
    document = run_json(
        *("account", "fund", ACCOUNT, "--amount-minor", "100", "--currency", "USD"),
        *("--bank", "main", "--external-ref", "wire-1", "--request-id", "req_x"),
    )

    assert document["request_id"] == "req_x"


def test_get_shows_money_exactly(run: Run, run_json: RunJson) -> None:
    """Amounts beyond 2^53 are not rounded, in neither output."""
    table = run("account", "get", ACCOUNT).stdout
    document = run_json("account", "get", ACCOUNT)

    assert "90,071,992,547,409.93 USD" in table
    account = document["account"]
    assert isinstance(account, dict)
    assert account["balances"]["available_units"] == "9007199254740993"


def test_names_of_others_are_shown_as_they_are(cluster: FakeCluster, run: Run) -> None:
    """A name that looks like markup neither colours the table nor ends the command."""
    cluster.owner_ref = "[/bold] [red]Ada[/red] :warning:"

    result = run("account", "get", ACCOUNT)

    assert result.exit_code == 0
    assert cluster.owner_ref in result.stdout
