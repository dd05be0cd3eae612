"""Where runs are kept: `store/<name>/<utc>/`, with a link to the latest.

`latest-failed` is the latest that was not valid.

    test.json      options, seed, versions          history.jsonl   every event
    results.json   every checker's judgement        report.txt      the same, for people
    repro.sh       the command that repeats it      made.jsonl      what the rig made
    nodes/n1/      ledgerd.toml, log, exit.json, data/
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def test(self) -> Path:
        """Options and versions."""
        return self.path / "test.json"

    @property
    def history(self) -> Path:
        """Every event."""
        return self.path / "history.jsonl"

    @property
    def results(self) -> Path:
        """Every checker's judgement."""
        return self.path / "results.json"

    @property
    def report(self) -> Path:
        """The judgement for people."""
        return self.path / "report.txt"

    @property
    def made(self) -> Path:
        """What the rig made."""
        return self.path / "made.jsonl"

    @property
    def repro(self) -> Path:
        """The command that repeats the run."""
        return self.path / "repro.sh"

    @property
    def nodes(self) -> Path:
        """The nodes' own folders."""
        return self.path / "nodes"


def make_run(store: Path, name: str) -> RunFolder:
    """Make the folder of a new run and point `latest` at it."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = store / name / stamp
    path.mkdir(parents=True)
    link(store / "latest", path)
    return RunFolder(path)


def link(place: Path, target: Path) -> None:
    """Point a link at a run; the change is seen whole or not at all."""
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    fresh.symlink_to(os.path.relpath(target, place.parent))
    fresh.replace(place)


def all_runs(store: Path) -> Iterator[RunFolder]:
    """Yield every run of a store, oldest first within a name."""
    for path in sorted(store.glob("*/*/made.jsonl")):
        if not path.parent.parent.is_symlink():
            yield RunFolder(path.parent)
