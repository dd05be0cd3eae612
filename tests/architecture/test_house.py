"""Rules of the house that a machine can keep."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tools.lock_inputs import requirements

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "constraints.txt").read_text()


def tracked_files() -> list[Path]:
    """Return the files git knows, without generated code."""
    shown = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in shown.stdout.splitlines() if "_pb2" not in name]


def test_the_lock_names_no_host_and_no_url() -> None:
    """Whoever installs decides where from; a lock with a host in it would decide for them."""
    assert "://" not in LOCK
    assert not re.search(
        r"^\s*(--index|--extra-index|--find-links|-i|-f)", LOCK, re.MULTILINE
    )
    assert not re.search(r"^\s*#", LOCK, re.MULTILINE)


def test_everything_in_the_lock_is_pinned_with_hashes() -> None:
    """One line without a hash would open the door that all the others close."""
    pins = re.split(r"\n(?=\S)", LOCK.strip())

    unpinned = [
        pin.splitlines()[0]
        for pin in pins
        if not re.match(r"^[\w.\-\[\]]+==\S+", pin) or "--hash=sha256:" not in pin
    ]

    assert unpinned == []


@pytest.mark.parametrize("requirement", requirements())
def test_every_requirement_is_in_the_lock(requirement: str) -> None:
    """What pyproject.toml asks for is what constraints.txt pins."""
    name = re.split(r"[\s=<>!;\[]", requirement, maxsplit=1)[0].lower()

    assert re.search(rf"^{re.escape(name)}==", LOCK, re.MULTILINE | re.IGNORECASE), name


def names_used(path: Path) -> set[str]:
    """Return every name that a file imports, calls or reads."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom | ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Name | ast.Attribute):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
    return found


def test_only_the_log_stores_may_make_receipts() -> None:
    """Persist, then promise: a Receipt is proof only if nobody else can make one."""
    users = {
        path.relative_to(ROOT).as_posix()
        for path in tracked_files()
        if path.suffix == ".py" and "mint" in names_used(path)
    }

    assert users == {
        "ledgerd/replica/ports.py",
        "ledgerd/storage/log_store.py",
        "tests/storage/memory.py",
    }


def test_only_tests_and_simulation_may_leave_rules_out() -> None:
    """raft.md 1.3: the product runs with `Rules.STRICT`; others replay published scenarios."""
    makers = {
        path.relative_to(ROOT).parts[:2]
        for path in tracked_files()
        if path.suffix == ".py" and "Rules" in calls_in(path)
    }

    assert {parts for parts in makers if parts[0] == "ledgerd"} <= {
        ("ledgerd", "raft"),  # where STRICT itself is made
        ("ledgerd", "simulation"),
    }
    assert calls_in(ROOT / "ledgerd" / "raft" / "options.py").count("Rules") == 1
    assert not any(
        "Rules" in calls_in(path)
        for path in (ROOT / "ledgerd" / "raft").glob("*.py")
        if path.name != "options.py"
    )


def test_tests_wait_in_one_place() -> None:
    """A bare sleep is a guess at the speed of a machine: conditions are waited for."""
    sleepers = {
        path.relative_to(ROOT).as_posix()
        for path in tracked_files()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] == "tests"
        and re.search(r"^\s*time\.sleep\(", path.read_text(), re.MULTILINE)
    }

    assert sleepers == {
        "tests/waiting.py",
        "tests/node/test_failstop.py",  # a process that must end before it is over
    }


def calls_in(path: Path) -> list[str]:
    """Return the name of everything that a file calls by a plain name."""
    return [
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]


def test_real_processes_are_started_where_the_makefile_looks() -> None:
    """`make test` runs the tests marked e2e of these folders only; elsewhere none would run."""
    (line,) = re.findall(
        r"^E2E *:= (.*?) *#", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    folders = [ROOT / folder for folder in line.split()]
    marked = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if path != Path(__file__) and "mark.e2e" in path.read_text()
    ]
    strangers = [
        str(path.relative_to(ROOT))
        for path in marked
        if not any(path.is_relative_to(folder) for folder in folders)
    ]

    assert all(folder.is_dir() for folder in folders)
    assert len(marked) > 20
    assert strangers == []


def test_the_packages_a_client_passes_through_import_nothing() -> None:
    """`import ledgerd.client` must not load a server by way of an __init__."""
    for name in ("", "api/", "api/v1/", "security/"):
        source = (ROOT / "ledgerd" / f"{name}__init__.py").read_text()

        assert not re.search(r"^(import|from)\s", source, re.MULTILINE), name
