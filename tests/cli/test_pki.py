"""`ledgerd pki` as an operator meets it: output, files and exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from ledgerd.cli.pki import pki
from ledgerd.errors import ConfigError, ExitCode

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object) -> Result:
    command: click.Command = pki
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    result = run("init", "--dir", tmp_path / "tls", "--cluster-id", "blue")
    assert result.exit_code == 0, result.output
    return tmp_path / "tls"


def shown(path: Path) -> dict[str, object]:
    result = run("show", path, "--output", "json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert isinstance(facts, dict)
    return facts


def test_a_cluster_is_made_in_three_commands(folder: Path) -> None:
    """CA, node, client: what is shown is what was asked for."""
    made = run("issue", "node", "--dir", folder, "--id", 1, "--host", "n1.example.com")
    assert made.exit_code == 0
    assert str(folder / "node-1.key") in made.stdout
    run("issue", "client", "--dir", folder, "--name", "ops", "--role", "admin",
        "--role", "auditor", "--days", 7)  # fmt: skip

    node, client = shown(folder / "node-1.pem"), shown(folder / "client-ops.pem")

    assert (node["kind"], node["cluster_id"], node["node_id"]) == ("node", "blue", 1)
    assert "n1.example.com" in str(node["hosts"])
    assert (client["principal"], client["roles"]) == ("ops", ["admin", "auditor"])


def test_a_key_for_tree_heads_is_issued_and_shown(folder: Path) -> None:
    """It names its node, and is no certificate of a connection."""
    made = run("issue", "signer", "--dir", folder, "--id", 3, "--days", 9)
    assert made.exit_code == 0
    assert str(folder / "signer-3.key") in made.stdout
    assert (folder / "signer-3.key").stat().st_mode & 0o777 == 0o600

    facts = shown(folder / "signer-3.pem")
    assert (facts["kind"], facts["cluster_id"], facts["node_id"]) == (
        "signer",
        "blue",
        3,
    )
    assert facts["roles"] == []
    again = run("issue", "signer", "--dir", folder, "--id", 3)
    assert isinstance(again.exception, ConfigError)


def test_a_cluster_gets_a_name_if_none_is_given(tmp_path: Path) -> None:
    """The name is told, and is that of the certificate."""
    result = run("init", "--dir", tmp_path)

    name = shown(tmp_path / "ca.pem")["cluster_id"]
    assert isinstance(name, str)
    assert name in result.stdout


def test_a_table_says_the_same(folder: Path) -> None:
    """For people; nothing is cut off."""
    result = run("show", folder / "ca.pem")

    assert "CN=ledgerd blue CA" in result.stdout
    assert str(shown(folder / "ca.pem")["sha256"]) in result.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["init"], "Missing option '--dir'"),
        (["issue", "node", "--dir", "x"], "Missing option '--id'"),
        (["issue", "node", "--dir", "x", "--id", "one"], "'one' is not a valid integer"),
        (["issue", "client", "--dir", "x", "--name", "a"], "Missing option '--role'"),
        (["issue", "client", "--dir", "x", "--name", "a", "--role", "x"], "'x' is not one"),
    ],
)  # fmt: skip
def test_usage_errors(arguments: list[str], text: str) -> None:
    """Exit code 2, and what is wrong."""
    result = run(*arguments)

    assert result.exit_code == ExitCode.USAGE
    assert text in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["init", "--dir", "{}", "--cluster-id", "green"], "exists already"),
        (["init", "--dir", "{}/x", "--cluster-id", "a.b"], "cluster id: expected"),
        (["issue", "node", "--dir", "{}/none", "--id", "1"], "expected a readable PEM file"),
        (["issue", "node", "--dir", "{}", "--id", "0"], "node id: expected 1 .. 65535"),
        (["issue", "client", "--dir", "{}", "--name", "a/b", "--role", "admin"], "client name"),
        (["show", "{}/none.pem"], "expected a readable PEM file"),
        (["show", "{}/ca.key"], "expected certificates in PEM, found none"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(folder: Path, arguments: list[str], text: str) -> None:
    """A ConfigError, which `ledgerd` ends with: see the test below."""
    result = run(*(argument.format(folder) for argument in arguments))

    assert isinstance(result.exception, ConfigError)
    assert text in str(result.exception)


def test_the_command_line_shows_an_error_and_no_traceback(folder: Path) -> None:
    """One line on standard error and exit code 73."""
    done = subprocess.run(
        [sys.executable, "-m", "ledgerd", "pki", "init", "--dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == ExitCode.CONFIG
    assert done.stderr.startswith(f"error: {folder}/ca.pem exists already")
    assert done.stderr.count("\n") == 1
