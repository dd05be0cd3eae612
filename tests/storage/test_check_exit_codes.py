"""`ledgerd check` refuses what it cannot check, with the documented exit code."""

from pathlib import Path

from click.testing import CliRunner

from ledgerd.cli.main import cli
from tests.storage.world import make_node, open_node, usual_history


def test_a_running_node_is_refused(tmp_path: Path) -> None:
    """Exit code 73, naming the process."""
    node = tmp_path / "node"
    make_node(node, usual_history())

    with open_node(node):
        result = CliRunner().invoke(cli, ["check", "--data-dir", str(node)])

    assert result.exit_code == 73
    assert "is in use by process" in result.stderr
    assert "stop that process first" in result.stderr


def test_what_is_no_data_directory_is_refused(tmp_path: Path) -> None:
    """Exit code 73, and nothing is made in it."""
    result = CliRunner().invoke(cli, ["check", "--data-dir", str(tmp_path)])

    assert result.exit_code == 73
    assert "is not a ledgerd data directory: expected log/data.mdb" in result.stderr
    assert list(tmp_path.iterdir()) == []
