"""`ledgerctl payout submit` against scripted nodes, over the real wire."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner, Result

from ledgerd.api.v1 import payouts_pb2, rails_pb2
from ledgerd.cli.ctl.root import cli
from ledgerd.errors import Reason
from tests.client.fake_cluster import (
    FakeCluster,
    FakeNode,
    fail_like_grpc,
    keep_silent,
    refuse,
)
from tests.client.files.documents import EXAMPLES, changed, joined, nacha

ACCOUNT = "acct_01kr41xpb0fx08ddrk0r57dd23"
COMMAND = (sys.executable, "-m", "ledgerd.cli.ledgerctl")


@pytest.fixture
def profile(tmp_path: Path, cluster: FakeCluster) -> Path:
    """A profile file of the scripted cluster."""
    path = tmp_path / "client.toml"
    path.write_text(cluster.profile().to_toml())
    return path


@pytest.fixture
def payroll(tmp_path: Path) -> Path:
    """A right file of 2,500 entries."""
    path = tmp_path / "payroll.ach"
    path.write_bytes(joined(nacha(2_500)))
    return path


def submit(profile: Path, file: Path, *options: str, output: str = "table") -> Result:
    arguments = ["--config", str(profile), "--output", output, "payout", "submit"]
    if "--account" not in options and "--validate-only" not in options:
        options = ("--account", ACCOUNT, *options)
    return CliRunner().invoke(cli, [*arguments, str(file), *options])


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_dry_run_shows_how_far_it_is(
    cluster: FakeCluster,
    profile: Path,
    payroll: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,
) -> None:
    """A bar on a terminal that begins at none and ends at all; elsewhere only the answer."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if is_terminal else "0")
    result = submit(profile, payroll, "--validate-only", "--account", ACCOUNT)

    assert result.exit_code == 0, result.output
    # A node that is slow is given up for another one, which is asked the same again.
    assert sorted(cluster.judged.values()) == [500, 1_000, 1_000]
    shown = "asking the ledger", "0/2500", "2500/2500"
    assert [text in result.stderr for text in shown] == [is_terminal] * 3
    assert "asking" not in result.stdout


def counts(result: Result) -> dict[str, int]:
    """Return entries by outcome from the JSON summary."""
    outcomes = json.loads(result.stdout)["outcomes"]
    sums = {
        name: sum(t["entries"] for t in totals) for name, totals in outcomes.items()
    }
    return {name: entries for name, entries in sums.items() if entries}


def test_twice(
    tmp_path: Path, cluster: FakeCluster, profile: Path, payroll: Path
) -> None:
    """The first run creates, the second replays every entry; both end with 0."""
    path = tmp_path / "result.csv"
    first = submit(profile, payroll, output="json")
    second = submit(profile, payroll, "--result", str(path), output="json")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert (first.exit_code, counts(first)) == (0, {"CREATED": 2_500})
    assert (second.exit_code, counts(second)) == (0, {"REPLAYED": 2_500})
    assert len(cluster.orders) == 2_500
    assert list(rows[0]) == ["line", "payout_id", "outcome", "code", "index"]
    assert {row["payout_id"] for row in rows} == set(cluster.orders)
    assert {row["outcome"] for row in rows} == {"REPLAYED"}
    assert {int(row["index"]) for row in rows} == {1, 2, 3}
    assert rows[0]["line"] == "3"
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("place", ["missing/result.csv", "payroll.ach/result.csv"])
def test_results_that_can_go_nowhere(
    tmp_path: Path, cluster: FakeCluster, profile: Path, payroll: Path, place: str
) -> None:
    """A usage error, as its code says: nothing was submitted yet."""
    result = submit(profile, payroll, "--result", str(tmp_path / place))

    assert result.exit_code == 2
    found = " ".join(result.stderr.split())
    assert f"found {tmp_path / place}; nothing was submitted" in found
    assert not cluster.orders


def test_results_that_cannot_be_written(
    tmp_path: Path, cluster: FakeCluster, profile: Path, payroll: Path
) -> None:
    """What was submitted is told, and no code stands for a command that did nothing."""
    path = tmp_path / "result.csv"
    (tmp_path / "result.csv.partial").mkdir()

    result = submit(profile, payroll, "--result", str(path))

    assert result.exit_code == 4
    assert len(cluster.orders) == 2_500
    assert "2,500" in result.stdout
    assert result.stderr == (
        f"error: the entries were submitted, and {path} cannot be written: Is a directory; "
        "run the same command again to continue; nothing is paid twice\n"
    )


def test_results_into_a_pipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: Path, payroll: Path
) -> None:
    """What is no file, /dev/stdout for example, is not replaced by one.

    Its folder need not be one that the caller may write to.
    """
    path = tmp_path / "result.csv"
    os.mkfifo(path)
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda at, mode: at != tmp_path and access(at, mode)
    )
    lines: list[str] = []
    reader = threading.Thread(
        target=lambda: lines.extend(path.read_text().splitlines()), daemon=True
    )
    reader.start()

    result = submit(profile, payroll, "--result", str(path))
    assert path.is_fifo()
    reader.join()

    assert result.exit_code == 0, result.output
    assert len(lines) == 1 + 2_500


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--account", ACCOUNT), "; repeat it safely with the same command"),
        (("--validate-only",), ""),
    ],
)
def test_a_summary_that_cannot_be_written(
    profile: Path, payroll: Path, options: tuple[str, ...], hint: str
) -> None:
    """The file is not blamed for it, and what was submitted is not told as refused."""
    command = [*COMMAND, "--config", str(profile), "payout", "submit", str(payroll)]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [*command, *options], stdout=full, stderr=subprocess.PIPE, text=True
        )

    assert ended.returncode == 4
    assert ended.stderr == (
        f"error: the answer cannot be written: No space left on device{hint}\n"
    )


def test_summary(profile: Path, payroll: Path) -> None:
    """People see a table with totals per currency."""
    result = submit(profile, payroll)

    assert result.exit_code == 0
    assert "payroll.ach" in result.stdout
    assert "CREATED" in result.stdout
    assert "USD" in result.stdout
    assert "2,500" in result.stdout


def test_refused_file(cluster: FakeCluster, profile: Path, payroll: Path) -> None:
    """A file with a wrong field ends with 65, its lines named, nothing submitted."""
    lines = changed(nacha(2_500), 700, 12, "9")
    payroll.write_bytes(joined(lines))
    table, found = submit(profile, payroll), submit(profile, payroll, output="json")

    assert (table.exit_code, found.exit_code) == (65, 65)
    assert "payroll.ach is refused: 1 finding" in table.stderr
    assert "line 700, receiving bank: expected the check digit" in table.stderr
    assert "nothing was submitted" in table.stderr
    assert json.loads(found.stdout)["findings"][0]["line"] == 700
    assert cluster.batches == []


def test_currency_of_the_account(cluster: FakeCluster, profile: Path) -> None:
    """A file in another currency than the account's is refused with its places."""
    result = submit(profile, EXAMPLES / "suppliers.pain.001.001.09.xml")

    assert result.exit_code == 65
    assert "is refused: 3 findings" in result.stderr
    assert "PmtInf[2]/CdtTrfTxInf[1]: expected USD, the currency of" in result.stderr
    assert cluster.batches == []


def test_validate_only(cluster: FakeCluster, tmp_path: Path, payroll: Path) -> None:
    """A verdict needs no cluster."""
    right = submit(tmp_path / "none.toml", payroll, "--validate-only")
    as_json = submit(tmp_path / "none.toml", payroll, "--validate-only", output="json")
    payroll.write_bytes(joined(nacha(5)[:-1]))
    wrong = submit(tmp_path / "none.toml", payroll, "--validate-only")

    assert right.exit_code == 0
    assert "payroll.ach is right: NACHA" in right.stdout
    assert json.loads(as_json.stdout)["entries"] == 2_500
    assert wrong.exit_code == 65
    assert cluster.batches == []


def test_an_entry_for_later_does_not_ask_for_the_window_of_now(
    cluster: FakeCluster, profile: Path, tmp_path: Path
) -> None:
    """The node would refuse a batch that does, when those before are submitted already."""
    path = tmp_path / "later.csv"
    header, row, *_ = (EXAMPLES / "vendors.csv").read_text().splitlines()
    path.write_text(f"release_at,{header}\n2026-12-01T09:00Z,{row}\n")

    result = submit(profile, path, "--timing", "this-window-only")

    assert result.exit_code == 2
    assert "expected --timing next-window" in result.stderr
    assert cluster.orders == {}


def test_expected_entries(cluster: FakeCluster, profile: Path, payroll: Path) -> None:
    """Who knows how many payouts a file has may say so."""
    result = submit(profile, payroll, "--expect-entries", "2501")

    assert result.exit_code == 65
    assert "expected 2501 entries (--expect-entries), found 2500" in result.stderr
    assert cluster.batches == []


def test_refusals(cluster: FakeCluster, profile: Path, payroll: Path) -> None:
    """Entries that the ledger refuses are counted by code."""
    cluster.poor.add(ACCOUNT)
    result = submit(profile, payroll)

    assert result.exit_code == 1
    assert "refused: INSUFFICIENT_FUNDS (2,500 x)" in result.stdout
    assert "2500 entries refused" in result.stderr


def test_edited_file(profile: Path, tmp_path: Path) -> None:
    """A file edited under the same identity is in conflict, with line and field."""
    path = tmp_path / "payroll.ach"
    lines = nacha(3)
    path.write_bytes(joined(lines))
    submit(profile, path)
    edited = changed(lines, 3, 30, "0000000999")
    total = f"{321 + 899:012}"
    path.write_bytes(joined(changed(changed(edited, 6, 33, total), 7, 44, total)))
    result = submit(profile, path)

    assert result.exit_code == 1
    assert "line 3: the id was used before with other fields: amount.units" in (
        result.stdout
    )
    assert "1 in conflict" in result.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--rail", "sandbox"), "is a live account and never uses rail sandbox"),
        (("--rail", "us_achh"), "us_ach"),
        (("--account", "acct_1"), "expected acct_ and 26 characters"),
        (("--timeout", "0"), "--timeout"),
    ],
)
def test_usage(
    cluster: FakeCluster,
    profile: Path,
    payroll: Path,
    options: tuple[str, ...],
    expected: str,
) -> None:
    """Options that cannot be meant end with 2 before anything is submitted."""
    result = submit(profile, payroll, *options)

    assert result.exit_code == 2
    assert expected in result.stderr
    assert cluster.batches == []


HOUSE = rails_pb2.Rail(name="us_house", version=1, currencies=["USD"])
BY_HOUSE = """\
id,amount_minor,currency,rail,destination.kind,destination.bank_code,\
destination.account_number,destination.name
payout_01kr41xpb0fx08ddrk0r57dd23,100,USD,us_house,us_account,021000021,1,N
"""


def rails_of(cluster: FakeCluster) -> set[str]:
    """The rails of the orders that were decided."""
    decided = (order for order, _, _ in cluster.orders.values())
    return {payouts_pb2.PayoutOrder.FromString(order).rail for order in decided}


def test_a_rail_of_the_catalogue(
    cluster: FakeCluster, profile: Path, payroll: Path, tmp_path: Path
) -> None:
    """A rail that no release brings is taken from the option and from a column."""
    cluster.rails.append(HOUSE)
    path = tmp_path / "one.csv"
    path.write_text(BY_HOUSE)

    assert submit(profile, payroll, "--rail", "us_house").exit_code == 0
    assert rails_of(cluster) == {"us_house"}
    assert submit(profile, path).exit_code == 0
    assert rails_of(cluster) == {"us_house"}


def test_a_rail_that_the_cluster_does_not_know(
    cluster: FakeCluster, profile: Path, payroll: Path
) -> None:
    """What it knows is named, and nothing is submitted."""
    cluster.rails.append(HOUSE)
    result = submit(profile, payroll, "--rail", "us_hous")

    assert result.exit_code == 2
    told = " ".join(result.stderr.split())
    assert "us_fednow, us_fedwire, us_house, us_rtp, found us_hous;" in told
    assert "the nearest is us_house" in told
    assert cluster.batches == []


def test_a_rail_that_does_not_take_the_file(
    cluster: FakeCluster, profile: Path, payroll: Path
) -> None:
    """By its record in the cluster; before ids are spent."""
    record = rails_pb2.Rail(name="us_house", version=1, currencies=["EUR"])
    cluster.rails.append(record)
    result = submit(profile, payroll, "--rail", "us_house")

    assert result.exit_code == 65
    assert "expected EUR on rail us_house, found USD to US_ACCOUNT" in result.stderr
    assert cluster.batches == []


def test_a_verdict_without_a_cluster_knows_the_rails_of_the_release(
    tmp_path: Path, payroll: Path
) -> None:
    """It says how the others are found."""
    by_option = submit(
        tmp_path / "none.toml", payroll, "--validate-only", "--rail", "us_house"
    )
    path = tmp_path / "one.csv"
    path.write_text(BY_HOUSE)
    by_column = submit(tmp_path / "none.toml", path, "--validate-only")

    assert (by_option.exit_code, by_column.exit_code) == (2, 65)
    for result in (by_option, by_column):
        assert "with --account the cluster is asked" in " ".join(result.stderr.split())


def test_a_node_of_before_the_catalogue(
    cluster: FakeCluster, profile: Path, payroll: Path
) -> None:
    """It has the rails of the seed, and takes files as it did."""
    unknown = fail_like_grpc(grpc.StatusCode.UNIMPLEMENTED)
    for node in cluster.nodes.values():
        node.before.append(unknown)
    result = submit(profile, payroll)

    assert result.exit_code == 0
    assert rails_of(cluster) == {"us_ach"}


def test_without_account(profile: Path, payroll: Path) -> None:
    """Somebody has to pay."""
    arguments = ["--config", str(profile), "payout", "submit", str(payroll)]
    result = CliRunner().invoke(cli, arguments)

    assert result.exit_code == 2
    assert "--account names the account that pays" in result.stderr


def rows_of(*amounts_minor: int) -> str:
    """A file that its owner may add rows to: the ids are in it."""
    names = "id,amount_minor,currency,destination.kind,destination.bank_code,"
    names += "destination.account_number,destination.name\n"
    return names + "".join(
        f"payout_01kr41xpb0fx08ddrk0r57dd{n:02},{amount_minor},USD,us_account,021000021,1,N\n"
        for n, amount_minor in enumerate(amounts_minor)
    )


def test_short_account(cluster: FakeCluster, profile: Path, tmp_path: Path) -> None:
    """An account that holds less than the file stops the run before ids are spent."""
    path = tmp_path / "large.csv"
    path.write_text(rows_of(2**63 - 1))
    result = submit(profile, path)

    assert result.exit_code == 1
    assert "fund the account first" in result.stderr
    assert cluster.batches == []

    assert submit(profile, path, "--even-if-short").exit_code == 0
    assert submit(profile, path).exit_code == 0  # there already: replayed
    assert len(cluster.orders) == 1


def test_a_file_that_has_grown(
    cluster: FakeCluster, profile: Path, tmp_path: Path
) -> None:
    """What was paid has used its funds; the rows that are new must be covered, or none is sent."""
    path = tmp_path / "grown.csv"
    path.write_text(rows_of(400, 500))
    assert submit(profile, path).exit_code == 0
    path.write_text(rows_of(400, 500, 150, 60))

    cluster.available_units = 209
    short = submit(profile, path)
    told = " ".join(short.stderr.split())
    assert short.exit_code == 1
    assert f"expected 2.10 USD in {ACCOUNT} for 2 of 4 entries, found 2.09" in told
    assert "nothing was submitted" in told
    assert (cluster.batches, len(cluster.orders)) == ([2], 2)

    cluster.available_units = 210
    enough = submit(profile, path, output="json")
    assert (enough.exit_code, counts(enough)) == (0, {"CREATED": 2, "REPLAYED": 2})

    cluster.available_units = -1
    nothing_new = submit(profile, path, output="json")
    assert (nothing_new.exit_code, counts(nothing_new)) == (0, {"REPLAYED": 4})


def test_an_interrupted_run_goes_on_if_the_rest_is_there(
    cluster: FakeCluster, profile: Path, payroll: Path
) -> None:
    """Wherever the entries are that were submitted; the ledger is asked about each."""
    assert submit(profile, payroll).exit_code == 0
    undone = [*cluster.orders][100:1_400]
    orders = [
        payouts_pb2.PayoutOrder.FromString(cluster.orders.pop(n)[0]) for n in undone
    ]
    needed = sum(order.amount.units for order in orders)
    decided = len(cluster.batches)

    cluster.available_units = needed - 1
    short = submit(profile, payroll)
    assert short.exit_code == 1
    assert "for 1,300 of 2,500 entries, found" in " ".join(short.stderr.split())
    assert len(cluster.batches) == decided

    cluster.available_units = needed
    enough = submit(profile, payroll, output="json")
    assert enough.exit_code == 0
    assert counts(enough) == {"CREATED": 1_300, "REPLAYED": 1_200}


def test_ids_that_were_refused_need_no_funds(
    cluster: FakeCluster, profile: Path, tmp_path: Path
) -> None:
    """They are spent, and the rows after them may be paid."""
    path = tmp_path / "refused.csv"
    path.write_text(rows_of(400, 500))
    cluster.poor.add(ACCOUNT)
    assert submit(profile, path).exit_code == 1
    cluster.poor.clear()
    path.write_text(rows_of(400, 500, 150))
    cluster.available_units = 150
    result = submit(profile, path, output="json")

    assert result.exit_code == 1
    assert counts(result) == {"REFUSED": 2, "CREATED": 1}


def test_a_node_of_before_dry_runs(
    cluster: FakeCluster, profile: Path, tmp_path: Path
) -> None:
    """It can tell no more than whether the file was begun, and takes files as it did."""
    for node in cluster.nodes.values():
        node.lacks.add("Validate")
    path = tmp_path / "file.csv"
    path.write_text(rows_of(400, 500))
    cluster.available_units = 899
    short = submit(profile, path)
    assert short.exit_code == 1
    assert f"expected 9.00 USD in {ACCOUNT}, found 8.99" in " ".join(
        short.stderr.split()
    )
    assert cluster.batches == []

    cluster.available_units = 900
    assert submit(profile, path).exit_code == 0
    cluster.available_units = 0
    again = submit(profile, path, output="json")
    assert (again.exit_code, counts(again)) == (0, {"REPLAYED": 2})


def test_leader_dies(cluster: FakeCluster, profile: Path, payroll: Path) -> None:
    """Batches whose answers were lost are sent again and pay once."""
    for node in cluster.nodes.values():
        node.after.extend([refuse(Reason.LEADERSHIP_LOST)] * 2)
    result = submit(profile, payroll, output="json")

    assert result.exit_code == 0
    assert counts(result)["REPLAYED"] >= 1_000
    assert sum(counts(result).values()) == 2_500
    assert len(cluster.orders) == 2_500


def test_nobody_leads(cluster: FakeCluster, profile: Path, payroll: Path) -> None:
    """Without a leader nothing is logged: 3, and the way to go on."""
    cluster.leader_id = None
    result = submit(profile, payroll, "--timeout", "0.5")

    assert result.exit_code == 3
    assert "0 of 2500 entries answered, 0 unknown, 2500 not sent" in result.stderr
    assert "run the same command again" in result.stderr


def test_role_missing(cluster: FakeCluster, profile: Path, payroll: Path) -> None:
    """A certificate without the role is told at once, not at the end of the time."""

    def refuse_writes(node: FakeNode, context: grpc.ServicerContext) -> None:
        if node.calls["SubmitBatch"]:
            refuse(Reason.ROLE_MISSING)(node, context)

    for node in cluster.nodes.values():
        node.before.extend([refuse_writes] * 8)
    result = submit(profile, payroll)

    assert result.exit_code == 3
    assert "ROLE_MISSING" in result.stderr
    assert cluster.batches == []


def test_interrupted(cluster: FakeCluster, profile: Path, payroll: Path) -> None:
    """Ctrl-C says how far it came and how to go on; running again finishes the file."""
    asked = threading.Event()

    def hold(node: FakeNode, context: grpc.ServicerContext) -> None:
        asked.set()
        keep_silent(node, context)

    for node in cluster.nodes.values():
        node.after.extend([hold] * 8)
    environment = {**os.environ, "LEDGERCTL_CONFIG": str(profile)}
    process = subprocess.Popen(
        [*COMMAND, "payout", "submit", str(payroll), "--account", ACCOUNT],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert asked.wait(60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 4
    assert "interrupted: 0 of 2500 entries answered" in errors
    assert "run the same command again to continue; nothing is paid twice" in errors

    for node in cluster.nodes.values():
        node.after.clear()
    assert submit(profile, payroll).exit_code == 0
    assert len(cluster.orders) == 2_500
