"""How `ledgerd` ends."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ledgerd.cli import check
from ledgerd.cli.main import cli


def test_interrupted_is_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line, and not 1, which no document explains."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    assert check.check.callback is not None
    monkeypatch.setattr(check.check, "callback", interrupt)
    result = CliRunner().invoke(cli, ["check", "--data-dir", str(tmp_path)])

    assert result.exit_code == 130, result.output
    assert result.stderr == "error: interrupted\n"
