"""A report says the verdict first, what is behind it, and how to see it again."""

import copy
import json
from pathlib import Path

from jepsen.history import History
from jepsen.options import RunOptions, read_options
from jepsen.report import exit_code, write_report
from jepsen.self_test import WRONGS, judge_events, right_history
from jepsen.store import RunFolder, all_runs, link, make_run


def test_a_valid_run_says_so_and_how_to_repeat_it(tmp_path: Path) -> None:
    """The first line is the verdict, and the command holds the seed."""
    folder = make_run(tmp_path, "payouts-kill-leader")
    options = RunOptions(seed=7)
    events = right_history()

    first = write_report(folder, options, History(events), judge_events(events))

    assert first == "VALID"
    assert folder.report.read_text().startswith("VALID\n")
    assert "--seed 7" in folder.report.read_text()
    assert json.loads(folder.results.read_text())["exit_code"] == 0


def test_a_violation_is_shown_with_its_line_faults_and_leader(tmp_path: Path) -> None:
    """Who reads the report finds the event, what was broken then, and who led."""
    folder = make_run(tmp_path, "payouts-kill-leader")
    wrong = next(each for each in WRONGS if each.name == "a slow recovery")
    events = copy.deepcopy(right_history())
    wrong.edit(events)
    results = judge_events(events)

    first = write_report(folder, RunOptions(), History(events), results)

    text = folder.report.read_text()
    assert exit_code(results) == 1
    assert first.startswith("INVALID availability: ")
    assert "report.txt#i" in first
    assert "faults: kill {'nodes': [1]}" in text
    assert '"f":"kill.stop"' in text


def test_options_come_back_as_they_were_saved(tmp_path: Path) -> None:
    """`check` judges a saved run by the options it had."""
    options = RunOptions(nemesis=("kill", "pause"), target="all", seed=3, plant="x")
    path = tmp_path / "test.json"
    path.write_text(options.to_json(kernel="any"))

    assert read_options(path) == options
    assert options.name == "payouts-kill-pause-all-x"


def test_the_latest_link_follows_the_newest_run(tmp_path: Path) -> None:
    """A link is replaced whole, and links are not runs."""
    first = make_run(tmp_path, "a")
    second = make_run(tmp_path, "b")
    for folder in (first, second):
        folder.made.touch()
    link(tmp_path / "latest-failed", first.path)

    assert (tmp_path / "latest").resolve() == second.path
    assert (tmp_path / "latest-failed").resolve() == first.path
    assert list(all_runs(tmp_path)) == [RunFolder(first.path), RunFolder(second.path)]
