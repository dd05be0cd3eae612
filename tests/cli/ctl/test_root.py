"""How `ledgerctl` ends: one line, and an exit code that a script can rely on."""

import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from ledgerd.cli.ctl.root import cli
from ledgerd.client import Client
from ledgerd.errors import Reason
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster, fail_like_grpc, refuse

OPEN = ("account", "open", "--currency", "USD", "--sandbox")
FEES = ("fees", "set", "--source", "s", "--rule")


def test_done_is_0(run: Run) -> None:
    """An accepted command ends with 0 and says what was opened."""
    result = run(*OPEN)

    assert result.exit_code == 0
    assert "acct_" in result.stdout
    assert "created" in result.stdout


def test_refused_is_1(run: Run) -> None:
    """A refusal of the ledger is an answer, and not success."""
    result = run("account", "open", "--currency", "XXX", "--live")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: refused: CURRENCY_RETIRED")


def test_not_found_is_1(run: Run) -> None:
    """A read of something that does not exist."""
    result = run("payout", "get", "payout_" + "0" * 26)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: NOT_FOUND")


BIG = str(2**64)


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "statement", "acct", "--from", BIG),
        ("account", "balance", "acct", "--at", "9" * 5_000),
        ("account", "balance", "acct", "--at-least", BIG),
        ("events", "watch", "--from-seq", BIG),
        ("events", "get", BIG),
        ("export", "--format", "csv", "--as-of", BIG),
        ("audit", "digest", BIG),
        ("audit", "head", "--index", BIG, "--save", "head.json"),
        ("exceptions", "resolve", BIG, "0", "--as", "adjust"),
        ("voucher", "adjust", BIG, "0", "--reason", "r"),
        ("voucher", "post", "--reason", "r", "--debit", f"payout_fee={BIG}"),
        ("payout", "send", "--account", "acct", "--quoted-at-us", BIG),
        ("limits", "set", "--currency", "USD", "--per-payout", BIG),
        ("rules", "set", "--currency", "USD", "--first-above", "-1"),
    ],
)
def test_a_number_that_no_call_can_carry_is_usage(
    run: Run, arguments: tuple[str, ...]
) -> None:
    """It was a traceback."""
    result = run(*arguments)

    assert result.exit_code == 2, result.output
    assert "Invalid value" in result.stderr, result.stderr


def test_interrupted_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not 1, which is an answer of the ledger."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "members", interrupt)
    result = run("cluster", "members")

    assert result.exit_code == 130
    assert result.stderr == "error: interrupted\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "open", "--currency", "USD"),
        ("account", "fund", "acct", "--amount-minor", "0"),
        ("account", "list", "--output", "xml"),
        ("fees", "set", "--source", "s", "--rule", "us_ach,USD"),
        ("fees", "set", "--source", "s", "--rule", "us_ach,USD,1,x"),
        ("nonsense",),
    ],
)
def test_usage_is_2(run: Run, arguments: tuple[str, ...]) -> None:
    """What cannot be meant is refused before anything is sent."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert "Error" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*OPEN, "--deadline", "nan"), "expected a number of seconds, found nan"),
        ((*OPEN, "--deadline", "inf"), "expected a number of seconds, found inf"),
        ((*OPEN, "--deadline", "0"), "0.0 is not in the range x>=0.001"),
        ((*OPEN, "--deadline", "-1"), "-1.0 is not in the range x>=0.001"),
        (
            ("account", "fund", "acct_", "--amount-minor", str(2**63)),
            f"{2**63} is not in the range 1<=x<={2**63 - 1}",
        ),
        (
            ("account", "fund", "acct_", "--amount-minor", "-1"),
            f"-1 is not in the range 1<=x<={2**63 - 1}",
        ),
        (
            (*FEES, "us_ach,USD,9223372036854775808"),
            "expected FIXED of 0 .. 9223372036854775807 in --rule",
        ),
        ((*FEES, f"us_ach,USD,{'9' * 5000}"), "expected [CLASS:]RAIL,CURRENCY,FIXED"),
        ((*FEES, "us_ach,USD,1,10001"), "expected BPS of 0 .. 10000 in --rule"),
        ((*FEES, "us_ach,USD,1,0,9,8"), "expected MIN of 0 .. 8 in --rule"),
        ((*FEES, "us_ach,USD,\u0663"), "expected [CLASS:]RAIL,CURRENCY,FIXED"),
    ],
)
def test_numbers_outside_their_range_are_2(
    cluster: FakeCluster, run: Run, arguments: tuple[str, ...], words: str
) -> None:
    """Also those that Python would take for a number; nothing is sent."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert cluster.calls("OpenAccount") == [0, 0, 0]


@pytest.mark.parametrize(
    "arguments", [("account", "get", "acct_\udcff"), (*OPEN, "--owner-ref", "\udcff")]
)
def test_arguments_that_are_no_text_are_2(run: Run, arguments: tuple[str, ...]) -> None:
    """Bytes that are no UTF-8 reach a program as lone surrogates, and no message takes those."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert (
        result.stderr
        == f"error: expected arguments in UTF-8, found {arguments[-1]!a}\n"
    )


def test_certainly_not_logged_is_3_and_repeatable(
    cluster: FakeCluster, run: Run
) -> None:
    """The line says why, and how to repeat the very same command."""
    cluster.leader_id = None

    result = run(*OPEN, "--deadline", "0.1")

    assert result.exit_code == 3
    assert "DEADLINE_BEFORE_PROPOSAL" in result.stderr
    assert "--account-id acct_" in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_has_to_be_mended_is_not_to_be_repeated(
    cluster: FakeCluster, run: Run
) -> None:
    """The line ends with what is wrong: the same command would be refused again."""
    for node in cluster.nodes.values():
        node.before.append(refuse(Reason.MALFORMED))

    result = run(*OPEN)

    assert result.exit_code == 3
    assert result.stderr.endswith("MALFORMED by script\n")


def test_unknown_is_4(cluster: FakeCluster, run: Run) -> None:
    """An outcome that nobody knows is never reported as failed."""
    for node in cluster.nodes.values():
        node.before.extend([fail_like_grpc(grpc.StatusCode.UNAVAILABLE)] * 99)

    result = run(*OPEN, "--deadline", "0.1")

    assert result.exit_code == 4
    assert "DEADLINE_AFTER_PROPOSAL" in result.stderr


def buffered() -> dict[str, str]:
    """Return the environment of a user: what was not written is tried again at the very end."""
    return {n: v for n, v in os.environ.items() if n != "PYTHONUNBUFFERED"}


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize(
    ("where", "why"),
    [
        (">/dev/full", "No space left on device"),
        (">/dev/full 2>/dev/full", None),
        (">&-", "standard output is closed"),
        (">&- 2>&-", None),
    ],
)
def test_an_answer_that_cannot_be_written_is_4(
    cluster: FakeCluster, tmp_path: Path, where: str, why: str | None, output: str
) -> None:
    """A full disk, or nothing open to write to: what was accepted is not told as refused."""
    profile = tmp_path / "client.toml"
    profile.write_text(cluster.profile().to_toml())
    command = [sys.executable, "-m", "ledgerd.cli.ledgerctl", "--output", output]
    command += ["--config", str(profile), *OPEN]

    ended = subprocess.run(
        ["bash", "-c", f'"$@" {where}', "bash", *command],
        env=buffered(),
        stderr=subprocess.PIPE,
        text=True,
    )

    assert ended.returncode == 4, ended.stderr
    if why is None:
        assert ended.stderr == ""
        return
    (line,) = ended.stderr.splitlines()
    assert line.startswith(
        f"error: the answer cannot be written: {why}; "
        "repeat it safely with --account-id acct_"
    )


@pytest.mark.parametrize("output", ["table", "json"])
def test_an_answer_that_nobody_reads_is_4(
    cluster: FakeCluster, tmp_path: Path, output: str
) -> None:
    """The reader went away: it ends without a word."""
    profile = tmp_path / "client.toml"
    profile.write_text(cluster.profile().to_toml())
    command = [sys.executable, "-m", "ledgerd.cli.ledgerctl", "--output", output]
    command += ["--config", str(profile), *OPEN]
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "wb") as unread:
        ended = subprocess.run(
            command, env=buffered(), stdout=unread, stderr=subprocess.PIPE, text=True
        )

    assert (ended.returncode, ended.stderr) == (4, "")


@pytest.mark.parametrize(
    ("module", "code"), [("ledgerd.cli.ledgerctl", 2), ("ledgerd", 70)]
)
@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.parametrize(
    ("where", "why"),
    [
        (">/dev/full", "No space left on device"),
        (">&-", "standard output is closed"),
    ],
)
def test_help_that_cannot_be_written_is_one_line(
    module: str, code: int, option: str, where: str, why: str
) -> None:
    """The file that it was to go to is full, or there is none."""
    command = f'"{sys.executable}" -m {module} {option} {where}'

    ended = subprocess.run(
        ["bash", "-c", command], env=buffered(), stderr=subprocess.PIPE, text=True
    )

    assert ended.returncode == code
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(f": {why}")


def test_missing_role_is_3(cluster: FakeCluster, run: Run) -> None:
    """The node's own words reach the terminal."""
    cluster.nodes[1].before.append(refuse(Reason.ROLE_MISSING))

    result = run(*OPEN)

    assert result.exit_code == 3
    assert "ROLE_MISSING by script" in result.stderr


def test_without_a_profile_is_73() -> None:
    """Neither option nor variable: the line says what to export."""
    result = CliRunner(env={"LEDGERCTL_CONFIG": None}).invoke(cli, OPEN)

    assert result.exit_code == 73
    assert "export LEDGERCTL_CONFIG=" in result.stderr


def test_broken_profile_is_73(run: Run, tmp_path: Path) -> None:
    """--config wins over the variable, wherever it is written."""
    (tmp_path / "other.toml").write_text("[clustre]\n")

    result = run(*OPEN, "--config", str(tmp_path / "other.toml"))

    assert result.exit_code == 73
    assert 'the nearest valid one is "cluster"' in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 100_000, "is not TOML: it is nested too deep"),
        ("\0", "is not TOML: Invalid statement (at line 1, column 1)"),
        ("[cluster]\nid = 3\n", "expected [cluster] endpoints = "),
        ("", "expected [cluster] endpoints = "),
    ],
)
def test_profile_that_is_none_is_73(
    run: Run, tmp_path: Path, text: str, words: str
) -> None:
    """Whatever the file holds: one line that names it."""
    path = tmp_path / "other.toml"
    path.write_text(text)

    result = run(*OPEN, "--config", str(path))

    assert result.exit_code == 73
    assert result.stderr.startswith(f"error: {path}")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_nothing_is_coloured_in_a_pipe(run: Run) -> None:
    """Escape codes are for terminals."""
    assert "\x1b" not in run("cluster", "status").output
