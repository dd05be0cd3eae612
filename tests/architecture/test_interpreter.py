"""Which Python `make setup` takes: docs/decisions/0029-which-interpreter.md."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools/interpreter.sh"


def program(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)


def chosen(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script where `folder` has the python3 that is found, and the system's own."""
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), str(folder / "system")],
        env={"PATH": str(folder / "found")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_systems_own_of_the_same_version_is_taken(tmp_path: Path) -> None:
    program(tmp_path / "found/python3", "echo 3.12")
    program(tmp_path / "system/python3.12", "exit 0")
    assert chosen(tmp_path).stdout == f"{tmp_path}/system/python3.12\n"


@pytest.mark.parametrize("system", ["python3.11", "python3"])
def test_one_of_another_version_is_not(tmp_path: Path, system: str) -> None:
    program(tmp_path / "found/python3", "echo 3.12")
    program(tmp_path / "system" / system, "exit 0")
    assert chosen(tmp_path).stdout == "python3\n"


def test_one_that_cannot_make_environments_is_not(tmp_path: Path) -> None:
    """Some distributions ship `ensurepip` apart, and `-m venv` would fail."""
    program(tmp_path / "found/python3", "echo 3.11")
    program(tmp_path / "system/python3.11", "exit 1")
    assert chosen(tmp_path).stdout == "python3\n"


@pytest.mark.parametrize("version", ["2.7", "3.9", "3.10"])
def test_one_that_is_too_old_is_an_error(tmp_path: Path, version: str) -> None:
    program(tmp_path / "found/python3", f"echo {version}")
    program(tmp_path / "system" / f"python{version}", "exit 0")
    done = chosen(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        f"expected a python3 of version 3.11 or newer, found {version}" in done.stderr
    )


def test_none_at_all_is_an_error(tmp_path: Path) -> None:
    done = chosen(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "found none" in done.stderr


def test_one_that_does_not_run_says_why(tmp_path: Path) -> None:
    """A version manager has a python3 for each version, also for those that are not there."""
    program(
        tmp_path / "found/python3", "echo version 3.12 is not installed >&2; exit 1"
    )
    done = chosen(tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert "version 3.12 is not installed\nerror: expected" in done.stderr


def made(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `make setup` in `folder`, where `found` has the python3 that is found first."""
    (folder / "tools").symlink_to(ROOT / "tools")
    for name in ("constraints.txt", "pyproject.toml"):
        (folder / name).touch()
    return subprocess.run(
        ["make", "-f", str(ROOT / "Makefile"), "setup", *words],
        cwd=folder,
        env={"PATH": f"{folder / 'found'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_setup_ends_with_what_the_script_says(tmp_path: Path) -> None:
    """And does not go on with no program at all: `-m: command not found`."""
    program(tmp_path / "found/python3", "echo 3.9")
    done = made(tmp_path)

    assert done.returncode != 0
    assert "expected a python3 of version 3.11 or newer, found 3.9" in done.stderr
    assert "command not found" not in done.stderr


def test_setup_makes_half_an_environment_whole(tmp_path: Path) -> None:
    """One whose making ended before pip was in it: Ctrl-C, or a Python without ensurepip."""
    program(
        tmp_path / "found/python3",
        '[ "$1" = -c ] && echo 3.99 && exit',
        "cp /bin/true .venv/bin/python",
    )
    program(tmp_path / ".venv/bin/python", "echo no module named pip >&2; exit 1")
    done = made(tmp_path)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [(), ("PYTHON=python3",)])
def test_setup_makes_the_environment(tmp_path: Path, words: tuple[str, ...]) -> None:
    """With the program that is chosen, or named."""
    program(
        tmp_path / "found/python3",
        '[ "$1" = -c ] && echo 3.99 && exit',
        "mkdir -p .venv/bin && cp /bin/true .venv/bin/python",
    )
    done = made(tmp_path, *words)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".setup-done").exists()
