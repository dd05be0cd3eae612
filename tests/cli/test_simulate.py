"""`ledgerd simulate`: what it prints and how it exits."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledgerd.cli.main import cli
from ledgerd.files import SETTING_BYTES_MAX
from ledgerd.raft.roles import Roles
from ledgerd.simulation.trace import EVENTS


def simulate(*args: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["simulate", *args])


def test_a_good_seed_exits_zero_and_says_how_to_repeat_it() -> None:
    result = simulate("--seed", "9")

    assert result.exit_code == 0
    last = result.output.splitlines()[-1]
    assert last.startswith("seed 9 commit ")
    assert last.endswith(": GOOD; replay: ledgerd simulate --seed 9 --trace")


def test_a_trace_begins_with_what_the_seed_is_made_of() -> None:
    result = simulate("--seed", "9", "--trace", "--cut", "until=2000")
    head, *lines = result.output.splitlines()

    assert json.loads(head)["seed"] == 9
    assert all(line.split()[2] in EVENTS for line in lines[:-2])
    assert "--cut 'until=2000'" in lines[-1]


def test_events_are_one_json_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    simulate("--seed", "9", "--cut", "until=3000", "--events", str(path))
    events = [json.loads(line) for line in path.read_text().splitlines()]

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {"start", "become-leader", "commit", "apply"} <= {e["event"] for e in events}


def test_several_seeds_end_with_one_verdict() -> None:
    result = simulate("--seeds", "3", "--first", "9")

    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith("GOOD: 3 seeds, commit ")


def test_missed_marks_fail_by_name() -> None:
    result = simulate("--seeds", "1", "--first", "9", "--marks")

    assert result.exit_code == 255
    assert "snapshot.refused" in result.output.splitlines()[-1]


def test_a_failing_seed_has_the_code_of_its_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Roles, "advance_commit", lambda self, leadership: None)

    one, many = simulate("--seed", "9"), simulate("--seeds", "1", "--first", "9")

    hashes = simulate("--seeds", "1", "--first", "9", "--hashes")

    assert one.exit_code == many.exit_code == hashes.exit_code == 128
    assert len(hashes.stdout.splitlines()) == 1
    assert "LIVENESS R18" in hashes.stderr
    assert "LIVENESS R18" in one.output.splitlines()[-1]
    assert "replay: ledgerd simulate --seed 9 --trace" in many.output.splitlines()[-1]


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--seeds", "none"),
        ("--seed", "1", "--cut", "x=1"),
        ("--nothing",),
        ("--seed", "1", "--events", "/nowhere/events"),
    ],
)
def test_wrong_usage_is_254(args: tuple[str, ...]) -> None:
    result = simulate(*args)

    assert result.exit_code == 254
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"#" * (SETTING_BYTES_MAX + 1), "found: more than 16777216 bytes"),
        (b"\xff\xfe", "found UTF-16 (by its byte order mark); save the file as UTF-8"),
    ],
    ids=["without an end", "of another encoding"],
)
def test_a_script_that_is_none(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "question.txt"
    path.write_bytes(content)

    result = simulate("--script", str(path))

    assert result.exit_code == 254
    assert result.output == f"error: {path}:1: expected a script, {words}\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--seed", "9", "--seeds", "2"), "found --seeds and --seed"),
        (("--seed", "9", "--shrink", "9"), "found --seed and --shrink"),
        (("--seeds", "2", "--trace"), "--trace: expected --seed with it"),
        (("--seeds", "2", "--cut", "until=5"), "--cut: expected --seed with it"),
        (("--seed", "9", "--marks"), "--marks: expected --seeds with it"),
        (("--seed", "9", "--first", "3"), "--first: expected --seeds or --prove with"),
        (("--trace",), "say what to run"),
    ],
)
def test_nothing_that_was_asked_for_is_passed_over(
    args: tuple[str, ...], words: str
) -> None:
    """An option without effect would look like a run that had it."""
    result = simulate(*args)

    assert result.exit_code == 254
    assert words in result.output


def test_the_legend_explains_every_letter() -> None:
    shown = simulate("--legend").output

    assert all(f"\n{letter}  {EVENTS[letter][0]}" in shown for letter in EVENTS)
