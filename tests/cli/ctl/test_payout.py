"""`ledgerctl payout` for single payouts."""

from collections.abc import Callable

import pytest

from ledgerd.api.v1.payouts_pb2 import PayoutOrder, TellEvidenceRequest
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

ACCOUNT = "acct_" + "0" * 26
SEND = (
    *("payout", "send", "--account", ACCOUNT, "--amount-minor", "2500"),
    *("--currency", "EUR", "--rail", "eu_sct", "--name", "Payee"),
)
IBAN = ("--iban", "DE89370400440532013000")
RunJson = Callable[..., dict[str, object]]


def test_send_get_cancel(run: Run, run_json: RunJson) -> None:
    """A payout is sent, shown and cancelled."""
    sent = run_json(*SEND, *IBAN, "--reference", "rent", "--metadata", "a=b")
    payout_id = str(sent["payout_id"])
    shown = run("payout", "get", payout_id)
    cancelled = run("payout", "cancel", payout_id)

    assert sent["state"] == "READY"
    assert "rent" in shown.stdout
    assert "ready" in shown.stdout
    assert "cancelled" in cancelled.stdout


def test_a_scheduled_payout_shows_when_it_may_leave(
    run: Run, run_json: RunJson
) -> None:
    """One that is sent at once has no such line."""
    later = run_json(*SEND, *IBAN, "--release-at", "2026-11-30T09:30")
    at_once = run_json(*SEND, *IBAN)
    shown = run("payout", "get", str(later["payout_id"])).stdout

    assert "not sent before" in shown
    assert "2026-11-30 09:30" in shown
    text = run("payout", "get", str(at_once["payout_id"])).stdout
    assert "not sent before" not in text


def test_payouts_that_need_attention_are_listed(
    cluster: FakeCluster, run: Run, run_json: RunJson
) -> None:
    """The filter is asked for by name; without it either kind is listed, and each says so."""
    document = run_json("payout", "list", "--attention")
    run("payout", "list", "--no-attention")
    table = run("payout", "list")

    asked = [request for request in cluster.asked if hasattr(request, "attention")]
    found = [
        request.attention if request.HasField("attention") else None
        for request in asked
    ]
    assert found == [True, False, None]
    (payout,) = document["payouts"]
    assert payout["attention"] is True
    assert "dispatching, attention" in " ".join(table.stdout.split())


def test_what_a_person_found_out_is_told(cluster: FakeCluster, run: Run) -> None:
    """The rail is that of the payout unless it is named; every option reaches the node."""
    sent = run(*SEND, *IBAN, "--payout-id", "payout_x")
    told = run(
        *("payout", "tell", "payout_x", "--finding", "settled"),
        *("--reference", "case 7", "--note", "by phone", "--value-date", "2026-11-20"),
        *("--expected-version", "4"),
    )
    run(
        *("payout", "tell", "payout_x", "--finding", "rejected", "--rail", "swift"),
        *("--reference", "case 8", "--note", "statement", "--code", "AC04"),
    )
    bare = run("payout", "tell", "payout_x", "--finding", "settled")
    blind = [
        run(
            *("payout", "tell", "payout_x", "--finding", finding),
            *("--reference", "case 9", "--note", "by phone"),
        )
        for finding in ("refused", "not_found")
    ]

    assert [result.exit_code for result in blind] == [2, 2]
    assert all("--expected-version" in result.stderr for result in blind)
    first, second = cluster.asked
    assert (sent.exit_code, told.exit_code, bare.exit_code) == (0, 0, 2)
    assert (first.rail, first.reference, first.note) == ("eu_sct", "case 7", "by phone")
    assert (first.value_date, first.expected_version) == (20_261_120, 4)
    finding = TellEvidenceRequest.Finding
    assert (first.finding, second.finding) == (finding.SETTLED, finding.REJECTED)
    assert (second.rail, second.code) == ("swift", "AC04")
    assert "state" in told.stdout


def test_a_payout_for_later(cluster: FakeCluster, run: Run) -> None:
    """The order says when; the same time in another zone is the same order."""
    options = (*SEND, *IBAN, "--payout-id", "payout_x", "--release-at")

    first = run(*options, "2026-12-01T09:00:00+01:00")
    second = run(*options, "2026-12-01T08:00")
    other = run(*options, "2026-12-02")
    index = run(*options, "17")

    ((said, _, _),) = cluster.orders.values()
    assert PayoutOrder.FromString(said).release_at_us == 1_796_112_000_000_000
    assert first.exit_code == 0
    assert "replayed" in second.stdout
    assert other.exit_code == 1
    assert (index.exit_code, "expected a time" in index.stderr) == (2, True)


def test_same_id_pays_once(cluster: FakeCluster, run: Run) -> None:
    """The second run with the id is a replay and shows the first answer."""
    options = (*SEND, *IBAN, "--payout-id", "payout_x")

    first, second = run(*options), run(*options)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "replayed" in second.stdout
    assert "first answer" in second.stdout
    assert len(cluster.orders) == 1


def test_same_id_for_something_else_is_a_conflict(run: Run) -> None:
    """The line names the fields that differ."""
    run(*SEND, *IBAN, "--payout-id", "payout_x")

    result = run(*SEND, *IBAN, "--payout-id", "payout_x", "--reference", "other")

    assert result.exit_code == 1
    assert "conflict" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        (),
        (*IBAN, "--sort-code", "200000"),
        (*IBAN, "--account-number", "1"),
        ("--routing-number", "021000021"),
        ("--account-number", "1"),
        (*IBAN, "--metadata", "novalue"),
    ],
)
def test_unclear_destination_is_a_usage_error(
    cluster: FakeCluster, run: Run, options: tuple[str, ...]
) -> None:
    """The payee's bank is named exactly once, or nothing is sent."""
    result = run(*SEND, *options)

    assert result.exit_code == 2
    assert not cluster.orders


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--iban", "DE89370400440532013001"), "expected a valid IBAN"),
        ((*IBAN, "--bic", "DEUTXXFF"), "expected a valid BIC"),
        (("--routing-number", "021000022", "--account-number", "1"), "021000022"),
        (("--routing-number", "0210 00021", "--account-number", "1"), "0210 00021"),
    ],
)
def test_numbers_with_wrong_check_digits_are_not_sent(
    cluster: FakeCluster, run: Run, options: tuple[str, ...], words: str
) -> None:
    """As in files: one wrong digit would be somebody else's account."""
    result = run(*SEND, "--rail", "eu_sct", *options)

    assert result.exit_code == 2, result.output
    assert words in " ".join(result.stderr.split())
    assert not cluster.orders


def test_an_iban_is_checked_as_it_is_sent(cluster: FakeCluster, run: Run) -> None:
    """In capitals and without blanks, however somebody types it."""
    typed = ("--iban", "de89 3704 0044 0532 0130 00")
    result = run(*SEND, "--rail", "eu_sct", *typed)

    assert result.exit_code == 0, result.output
    ((said, _, _),) = cluster.orders.values()
    sent = PayoutOrder.FromString(said).destination
    assert sent.account_number == "DE89370400440532013000"


def test_the_sandbox_takes_any_number(cluster: FakeCluster, run: Run) -> None:
    """It pays nobody, and its outcomes are chosen by such numbers."""
    result = run(*SEND, "--rail", "sandbox", "--iban", "DE89370400440532013001")

    assert result.exit_code == 0, result.output
    assert len(cluster.orders) == 1


def test_refusal_is_one_line(cluster: FakeCluster, run: Run) -> None:
    """The code, what to do next, and the id."""
    cluster.poor.add(ACCOUNT)

    result = run(*SEND, *IBAN)

    assert result.exit_code == 1
    assert "INSUFFICIENT_FUNDS; the id is spent, use a new id" in result.stderr
