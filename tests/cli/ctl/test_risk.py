"""`ledgerctl limits` and `ledgerctl rules`."""

import json
from pathlib import Path

import pytest

from ledgerd.api.codec import single
from ledgerd.api.v1 import risk_pb2
from ledgerd.client import (
    bic_account,
    iban,
    payout_order,
    uk_account,
    us_account,
)
from ledgerd.files import SETTING_BYTES_MAX
from ledgerd.ledger.details import destination_fingerprint
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

LIMITS = """
source = "risk committee"
as_of = "2026-11-21"

[[limits]]
kind = "PER_PAYOUT"
currency = "USD"
rail = "us_ach"
amount_units_max = 500000

[[limits]]
kind = "ACCOUNT_WINDOW"
currency = "USD"
window_s = 86400
amount_units_max = 1000000
count_max = 20
"""
RULES = """
source = "risk committee"

[[rules]]
name = "sanctions"
kind = "BLOCKED_BANK"
action = "REFUSE"
banks = [{ country = "US", bank_code = "021000021" }, { bank_code = "DEUTDEFF" }]

[[rules]]
name = "big"
kind = "AMOUNT"
action = "REVIEW"
currency = "USD"
amount_units = 1000000
"""


def written(tmp_path: Path, text: str, name: str = "policy.toml") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_limits_of_a_file_are_set_and_shown(
    cluster: FakeCluster, run: Run, tmp_path: Path
) -> None:
    """What is shown as JSON is a file that sets the same again."""
    first = run("limits", "set", written(tmp_path, LIMITS))
    shown = run("--output", "json", "limits", "get")
    table = run("limits", "get")
    again = run("limits", "set", written(tmp_path, shown.stdout, "again.json"))

    assert [first.exit_code, shown.exit_code, again.exit_code] == [0, 0, 0]
    one, two = cluster.limits
    assert one.source == two.source == "risk committee"
    assert list(one.limits) == list(two.limits)
    assert one.limits[1] == risk_pb2.Limit(
        kind="ACCOUNT_WINDOW",
        currency="USD",
        window_s=86_400,
        amount_units_max=1_000_000,
        count_max=20,
    )
    for text in ("per_payout", "us_ach", "86400 s", "1000000", "risk committee"):
        assert text in table.output


def test_rules_of_a_file_are_set_and_shown(
    cluster: FakeCluster, run: Run, tmp_path: Path
) -> None:
    """Block lists are counted in the table, and whole as JSON."""
    first = run("rules", "set", written(tmp_path, RULES))
    shown = run("--output", "json", "rules", "get", "--version", "1")
    table = run("rules", "get")

    assert first.exit_code == shown.exit_code == table.exit_code == 0
    (version,) = cluster.rules
    assert [rule.name for rule in version.rules] == ["sanctions", "big"]
    assert version.rules[0].banks[1].bank_code == "DEUTDEFF"
    assert json.loads(shown.stdout)["rules"][1]["amount_units"] == "1000000"
    for text in ("sanctions", "blocked_bank", "refuse", "1000000 USD"):
        assert text in table.output


def test_simple_limits_need_no_file(cluster: FakeCluster, run: Run) -> None:
    result = run(
        *("limits", "set", "--source", "board", "--currency", "EUR"),
        *("--per-payout", "100", "--account-day", "200", "--total-day", "300"),
        *("--effective-from", "2027-01-01"),
    )

    assert result.exit_code == 0
    (version,) = cluster.limits
    assert version.effective_from_us == 1_798_761_600_000_000
    assert [
        (limit.kind, limit.window_s, limit.amount_units_max) for limit in version.limits
    ] == [(1, 0, 100), (2, 86_400, 200), (4, 86_400, 300)]


def test_simple_rules_need_no_file(cluster: FakeCluster, run: Run) -> None:
    result = run(
        *("rules", "set", "--source", "board", "--currency", "USD"),
        *("--review-above", "100", "--first-above", "50", "--block", "ab" * 16),
    )

    assert result.exit_code == 0
    (version,) = cluster.rules
    assert [(rule.name, rule.kind, rule.action) for rule in version.rules] == [
        ("amount", risk_pb2.RiskRule.AMOUNT, risk_pb2.RiskRule.REVIEW),
        (
            "first_destination",
            risk_pb2.RiskRule.FIRST_DESTINATION,
            risk_pb2.RiskRule.REVIEW,
        ),
        ("blocked", risk_pb2.RiskRule.BLOCKED_DESTINATION, risk_pb2.RiskRule.REFUSE),
    ]


@pytest.mark.parametrize("what", ["limits", "rules"])
def test_nothing_is_taken_away_by_an_oversight(
    cluster: FakeCluster, run: Run, what: str
) -> None:
    """Without a file and options it must be said that none is to hold."""
    by_oversight = run(what, "set", "--source", "board")
    meant = run(what, "set", "--source", "board", "--none")

    assert (by_oversight.exit_code, meant.exit_code) == (2, 0)
    assert "expected one of PATH" in by_oversight.output
    assert len([*cluster.limits, *cluster.rules]) == 1


@pytest.mark.parametrize(
    ("arguments", "expected", "exit_code"),
    [
        (("limits", "set", "--none"), "expected a source", 2),
        (("limits", "set", "--source", "b", "--per-payout", "1"), "--currency", 2),
        (("limits", "set", "--source", "b", "--currency", "USD"), "--currency", 2),
        (("rules", "set", "--source", "b", "--review-above", "1"), "--currency", 2),
        (("limits", "get", "--version", "7"), "expected a version", 2),
        (("limits", "set", "nowhere.toml"), "nowhere.toml", 73),
    ],
)
def test_what_cannot_be_meant_is_told(
    run: Run, arguments: tuple[str, ...], expected: str, exit_code: int
) -> None:
    result = run(*arguments)

    assert (result.exit_code, expected in result.output) == (exit_code, True)


def test_a_mistake_in_a_file_is_told_with_its_key(run: Run, tmp_path: Path) -> None:
    result = run("limits", "set", written(tmp_path, LIMITS.replace("rail", "rial")))

    assert result.exit_code == 73
    assert "rial" in result.output


@pytest.mark.parametrize("what", ["limits", "rules", "roles", "currencies"])
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("f.toml", "", "found nothing; that nothing holds any more is said by --none"),
        ("f.toml", "# to do\n", "found nothing"),
        ("f.json", "{}", "found nothing"),
        ("f.json", "null", "expected an object, found None"),
        ("f.json", "3", "expected an object, found 3"),
        ("f.json", "[1]", "expected an object, found [1]"),
        ("f.json", "[" * 100_000, "found it nested too deep"),
        ("f.json", r'{"\ud800": 1}', r"found half a surrogate pair, \ud800"),
        ("f.json", r'{"source": "a\udc00b"}', r"found half a surrogate pair, \udc00"),
    ],
)
def test_a_file_that_says_nothing_lifts_nothing(
    run: Run, tmp_path: Path, what: str, name: str, text: str, words: str
) -> None:
    """One whose writing failed is empty, and would end every limit there is."""
    path = tmp_path / name
    path.write_text(text)
    result = run(what, "set", str(path), "--source", "the board")

    assert result.exit_code == 73, result.output
    assert words in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("size", "found"),
    [(0, "No such file or directory"), (SETTING_BYTES_MAX + 1, "more than 16777216")],
)
def test_a_file_that_cannot_be_read(
    run: Run, tmp_path: Path, size: int, found: str
) -> None:
    """One that is not there, or without an end, as /dev/zero is."""
    path = tmp_path / "f.toml"
    if size:
        path.write_text("#" * size)
    result = run("limits", "set", str(path), "--source", "the board")

    assert result.exit_code == 73, result.output
    assert result.stderr.startswith(
        f"error: {path}: expected a file with a version, found: {found}"
    )


def test_a_file_may_begin_with_a_byte_order_mark(run: Run, tmp_path: Path) -> None:
    """UTF-8 with one is read, TOML and JSON; UTF-16 is named."""
    path = Path(written(tmp_path, ""))
    path.write_text(LIMITS, encoding="utf-8-sig")
    taken = run("limits", "set", str(path))
    shown = tmp_path / "shown.json"
    shown.write_text(
        run("--output", "json", "limits", "get").stdout, encoding="utf-8-sig"
    )
    again = run("limits", "set", str(shown))
    path.write_text(LIMITS, encoding="utf-16")
    refused = run("limits", "set", str(path))

    assert [taken.exit_code, again.exit_code, refused.exit_code] == [0, 0, 73]
    assert "found UTF-16" in refused.output


def test_before_the_first_version_there_is_none(run: Run) -> None:
    for what in ("limits", "rules"):
        assert "none in force" in run(what, "get").output
        assert run("--output", "json", what, "get").stdout.strip() == "{}"


SAME_ACCOUNTS = {
    "iban": (
        ("--iban", "DE89 3704 0044 0532 0130 00"),
        iban("DE89370400440532013000", "Ada", bic="COBADEFFXXX"),
    ),
    "us": (
        ("--routing-number", "021000021", "--account-number", "44-123"),
        us_account("021000021", "44123", "Ada", account_type="savings"),
    ),
    "uk": (
        ("--sort-code", "20-00-00", "--account-number", "55779911"),
        uk_account("200000", "55779911", "Ada"),
    ),
    "bic": (
        ("--bic", "CHASUS33", "--account-number", "1 2"),
        bic_account("CHASUS33XXX", "12", "Ada", country="US"),
    ),
}


@pytest.mark.parametrize("kind", SAME_ACCOUNTS)
def test_an_account_has_the_fingerprint_that_its_payouts_show(
    run: Run, kind: str
) -> None:
    """No cluster is asked, and another way to write it changes nothing."""
    options, to = SAME_ACCOUNTS[kind]
    order = payout_order(
        account="acct_01kr41xpb0fx08ddrk0r57dd23",
        amount=1,
        currency="USD",
        rail="swift",
        destination=to,
        reference="rent",
    )
    (submit,) = single(order, principal="p", state_version=3).commands()

    shown = run("rules", "fingerprint", *options)
    as_json = run("rules", "fingerprint", *options, "--output", "json")

    assert shown.exit_code == 0, shown.output
    assert shown.stdout.strip() == destination_fingerprint(submit.details).hex()
    assert json.loads(as_json.stdout) == {
        "destination_fingerprint": shown.stdout.strip()
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "expected --iban, or one of"),
        (("--iban", "DE89370400440532013000", "--bic", "COBADEFF"), "expected --iban"),
        (("--routing-number", "021000021"), "expected --iban"),
        (("--iban", "DE89"), "destination.account_number"),
        (("--bic", "chas", "--account-number", "1"), "destination.bank_code"),
    ],
)
def test_what_nothing_could_be_paid_to_has_no_fingerprint(
    run: Run, options: tuple[str, ...], expected: str
) -> None:
    result = run("rules", "fingerprint", *options)

    assert result.exit_code == 2
    assert expected in result.stderr
