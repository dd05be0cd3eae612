"""`ledgerctl rail` and `calendar`: mistakes are named before anything is sent."""

import json
from pathlib import Path

import pytest

from tests.cli.ctl.conftest import Run

AMEND = ("calendar", "amend", "fed")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from-year", "2027", "--to-year", "2026"), "--to-year of 2027 or later"),
        (("--from-year", "-5", "--to-year", "3"), "-5 is not in the range"),
        (("--from-year", "2026", "--to-year", "9999"), "9999 is not in the range"),
        (
            ("--from-year", "2026", "--to-year", "2026", "--closed", "2030-01-01"),
            "expected days from 2026-01-01 to 2026-12-31, found 2030-01-01",
        ),
    ],
)
def test_years_and_days_that_do_not_fit_are_2(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    """Nothing is sent, and the message says what would do."""
    result = run(*AMEND, *arguments)

    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_a_dry_run_shows_the_days_to_people_and_to_programs(run: Run) -> None:
    """What would be sent, in both outputs; nothing is."""
    years = ("--from-year", "2026", "--to-year", "2026", "--dry-run")
    table = run(*AMEND, *years)
    document = json.loads(run("--output", "json", *AMEND, *years).stdout)

    assert table.exit_code == 0
    assert table.stdout.splitlines()[0] == "2026-01-01 Thu"
    assert document["name"] == "fed"
    assert len(document["closed_days"]) == len(table.stdout.splitlines())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "expected a file with rails, found"),
        (b"rails = 5", "expected one [[rail]] or more and nothing else, found rails"),
        (b"\xff\xfe", "expected TOML in UTF-8, found"),
    ],
)
def test_files_that_are_no_rails_are_73(
    run: Run, tmp_path: Path, content: bytes | None, words: str
) -> None:
    """One line, with the file's name; nothing is sent."""
    path = tmp_path / "rails.toml"
    if content is not None:
        path.write_bytes(content)

    result = run("rail", "set", str(path))

    assert result.exit_code == 73
    assert words in result.stderr
    assert str(path) in result.stderr
    assert result.stderr.count("\n") == 1
