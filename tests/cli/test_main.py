"""How `ledgerd` ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledgerd.cli import check
from ledgerd.cli.main import cli
from ledgerd.security import pki


def test_interrupted_is_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line, and not 1, which no document explains."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    assert check.check.callback is not None
    monkeypatch.setattr(check.check, "callback", interrupt)
    result = CliRunner().invoke(cli, ["check", "--data-dir", str(tmp_path)])

    assert result.exit_code == 130, result.output
    assert result.stderr == "error: interrupted\n"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (">/dev/full", "error: cannot write: No space left on device\n"),
        (">&-", "error: cannot write: standard output is closed\n"),
        (">&- 2>&-", ""),
        (">/dev/full 2>/dev/full", ""),
    ],
)
@pytest.mark.parametrize("command", ["pki show ca.pem", "simulate --seed 1"])
def test_an_answer_that_cannot_be_written_is_70(
    tmp_path: Path, command: str, where: str, words: str
) -> None:
    """Not 0, as if somebody had read it, and not the interpreter's own 120."""
    pki.create_ca(tmp_path, "yours")
    # As a user has it: what was not written is tried again at the very end.
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONUNBUFFERED"}

    ended = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m ledgerd {command} {where}'],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )

    assert (ended.returncode, ended.stderr) == (70, words)
