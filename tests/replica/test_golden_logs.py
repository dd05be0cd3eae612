"""What a log did when it was recorded it does for ever, in every process. ledger.md 5."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledgerd.formats.records import Table
from ledgerd.formats.versions import STATE_VERSION, STATE_VERSION_FIRST
from ledgerd.raft.entries import EntryKind
from ledgerd.replica.fold import fold
from ledgerd.replica.tree import NO_TREE
from tests.fakes import MemoryView
from tests.replica import golden_logs

ROOT = Path(__file__).parents[2]
# No release has version 3 yet; take this away with the release that brings it.
HINTS = {
    3: "; if that is meant, remove tests/replica/golden/state_3.log, then "
    "LEDGERD_GOLDEN=record python -m tests.replica.golden_logs"
}
VERSIONS = range(STATE_VERSION_FIRST, STATE_VERSION + 1)
ENVIRONMENTS = [
    {"PYTHONHASHSEED": "0"},
    {"PYTHONHASHSEED": "4711", "TZ": "Asia/Kolkata"},
    {"PYTHONHASHSEED": "1", "LANG": "tr_TR", "LC_ALL": "tr_TR.UTF-8", "TZ": "UTC-14"},
]


@pytest.mark.parametrize("state_version", VERSIONS)
def test_a_recorded_log_gives_its_recorded_digests(state_version: int) -> None:
    """After every entry, so that the first one that differs is named."""
    recorded = golden_logs.read(state_version)
    digests = golden_logs.folded(recorded.entries)

    for entry, found, expected in zip(
        recorded.entries, digests, recorded.digests, strict=True
    ):
        assert found == expected, (
            f"entry {entry.index}, {entry.kind.name}: the rules of state version "
            f"{state_version} have changed{HINTS.get(state_version, '')}"
        )


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
def test_the_process_does_not_matter(environment: dict[str, str]) -> None:
    """Hash seeds, time zones and locales reach no digest."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.replica.golden_logs"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert done.stdout.splitlines() == [
        f"{version} {golden_logs.read(version).digests[-1]}" for version in VERSIONS
    ]


@pytest.mark.parametrize("state_version", VERSIONS)
def test_what_is_recorded_is_worth_it(state_version: int) -> None:
    """Every kind of entry that its version knows; with the version, what it brought."""
    entries = golden_logs.read(state_version).entries
    kinds = {entry.kind for entry in entries}
    expected = {EntryKind.NOOP, EntryKind.PAYOUTS, EntryKind.COMMANDS}
    if state_version >= 2:
        expected |= {EntryKind.VERSION, EntryKind.MEMBERSHIP}

    assert kinds == expected
    assert len({entry.term for entry in entries}) > 1


def test_the_versions_of_a_log_are_told_apart_by_their_rows() -> None:
    """The gate: the same entry under an older version writes no leaf, and so another digest."""
    (entry, *_) = golden_logs.read(3).entries
    written = [
        fold(MemoryView, entry, bytes(32), state_version=version, tree=NO_TREE)
        for version in (2, 3)
    ]

    assert [Table.TREE in {rows.table for rows in each.rows} for each in written] == [
        False,
        True,
    ]
    assert written[0].digest != written[1].digest
