"""Each file under traces/ plays as it says. `UPDATE=1` writes down what it prints instead."""

import re
from pathlib import Path

import pytest

from ledgerd.simulation.script.runner import check, is_updating

TRACES = sorted((Path(__file__).parent / "traces").glob("*.txt"))
SOURCE = re.compile(
    r"\b([FTCR]\d+|Paper \d|Thesis \d)"
)  # a rule of the design, or a section


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_the_trace_plays_as_it_says(path: Path) -> None:
    """raft.md 4.2: every printed line is what the reader was told."""
    differences = check(path, update=is_updating())

    assert differences == [], "\n".join(differences)


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_the_trace_says_what_it_shows_and_why(path: Path) -> None:
    """A trace begins with a sentence for its reader, and the rule or section behind it."""
    lines = path.read_text().splitlines()
    head = " ".join(lines[: lines.index("")])

    assert head.startswith("# ")
    assert SOURCE.search(head), head
