"""The interpreter of scripts: its form, its errors, its rewriting, and its page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledgerd.cli.simulate import simulate
from ledgerd.simulation.script.interpreter import COMMANDS, play
from ledgerd.simulation.script.runner import check
from ledgerd.simulation.script.text import ScriptError, parse, render

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "scripts.md"
WRITTEN = """\
# Why.
add-nodes 1 voters=(1) index=5
----
ok

campaign 1

# In between.
raft-state
----
wrong
"""


def printed(*commands: str) -> list[str]:
    """Return what the last of these commands prints."""
    return list(play(parse("\n\n".join(commands), "here"))[-1])


class TestForm:
    def test_a_block_has_words_options_input_and_expectation(self) -> None:
        """raft.md 4.2: the form of a trace."""
        text = (
            "# c\n\nverb 1 (2, 3) key=a drop=(4,5)\n  more\n----\nout\n  in\n\nnext\n"
        )
        first, second = parse(text, "here").blocks

        assert (first.name, first.words, first.line) == ("verb", ("1", "(2, 3)"), 3)
        assert first.options == {"key": ("a",), "drop": ("4", "5")}
        assert (first.input, first.expected) == (("more",), ("out", "  in"))
        assert (second.name, second.expected) == ("next", None)

    def test_rewriting_changes_expectations_only(self) -> None:
        """Comments, commands and their order stay as the writer left them."""
        script = parse(WRITTEN, "here")
        text = render(script, play(script))

        assert text == WRITTEN.replace(
            "campaign 1\n", "campaign 1\n----\nok\n"
        ).replace("wrong", "1 candidate voter term=1 leader=none")
        assert render(parse(text, "here"), play(parse(text, "here"))) == text


class TestErrors:
    @pytest.mark.parametrize(
        ("commands", "problem"),
        [
            (["fly 1"], "1: there is no command 'fly'"),
            (["campaign 1"], "1: campaign: there is no node 1; add-nodes made none"),
            (["campaign"], "1: campaign: the node is missing"),
            (["raft-log x"], "1: raft-log: a node is a number, not 'x'"),
            (["log-level none 5"], "1: log-level: does not know what '5' is for"),
            (["heal at=1"], "1: heal: has no option at="),
            (["heal\n  now"], "1: heal: takes no input, but 'now' follows"),
            (["heal at=1 at=2"], "1: at= stands here twice"),
            (["rules lax"], "1: rules: the one set of rules"),
            (["add-nodes 1 index=2"], "1: add-nodes: index= needs voters=()"),
            (
                ["add-nodes 1 voters=(1)", "propose-conf-change 1\nx2"],
                "3: propose-conf-change: a change is v1, l1, r1 or u1, not 'x2'",
            ),
            (["add-nodes 1 voters=(1) prevote=1"], "1: add-nodes: prevote= is true or"),
            (["add-nodes 1 voters=(1) index=(1,2)"], "index= takes one value, not 2"),
            (["add-nodes 1 voters=(1) read-only=lease-based"], "no lease reads (F12)"),
            (["add-nodes 1 voters=(1)", "restart 1"], "3: restart: node 1 is up"),
            (
                ["add-nodes 1 voters=(1)", "deliver-msgs 1 type=MsgApp"],
                "3: deliver-msgs: type= is one of AppendAccepted, AppendEntries,",
            ),
            (
                ["add-nodes 2 voters=(1,2)", "cut (1) (1,2)"],
                "3: cut: a node stands on one side of a cut only",
            ),
            (
                ["add-nodes 1 voters=(1)", "set-randomized-election-timeout 1"],
                "timeout= is missing",
            ),
            (["add-nodes 1 voters=(1)", "request 1"], "takes add=, remove=, or"),
            (["add-nodes 1 voters=(1)", "compact 1 1"], "nothing is applied that"),
            (
                ["add-nodes 1 voters=(1)", "crash 1", "propose 1 x"],
                "5: propose: node 1 is down; restart it first",
            ),
        ],
    )
    def test_a_bad_script_is_told_by_file_and_line(
        self, commands: list[str], problem: str
    ) -> None:
        """The reader finds the place and what to do."""
        with pytest.raises(ScriptError) as caught:
            printed(*commands)

        assert str(caught.value).startswith("here:")
        assert problem in str(caught.value)

    def test_a_broken_invariant_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No expectation makes two leaders of one term right."""
        monkeypatch.setattr(
            "ledgerd.raft.elections.Ballot.count", lambda *_, **__: _won()
        )
        with pytest.raises(ScriptError, match="an invariant is broken: R1"):
            printed(
                "add-nodes 3 voters=(1,2,3)",
                "campaign 1",
                "process-ready 1",
                "campaign 2",
                "process-ready 2",
            )


def _won() -> object:
    from ledgerd.raft.quorum import Vote

    return Vote.WON


class TestCommands:
    def test_a_dropped_message_is_gone(self) -> None:
        """Delivering and dropping are told apart in what is printed."""
        lines = printed(
            "add-nodes 3 voters=(1,2,3) index=2",
            "campaign 1",
            "process-ready 1",
            "deliver-msgs 2 drop=(3)",
        )

        assert lines == [
            "1->2 RequestVote term=1 last=1/2",
            "dropped: 1->3 RequestVote term=1 last=1/2",
        ]

    def test_what_crosses_a_cut_is_lost(self) -> None:
        """A one-way cut loses one direction only."""
        setup = ("add-nodes 2 voters=(1,2) index=2", "campaign 1", "process-ready 1")
        towards = printed(*setup, "cut (1) (2) oneway=true", "deliver-msgs 2")
        back = printed(*setup, "cut (2) (1) oneway=true", "deliver-msgs 2")

        assert towards == ["lost: 1->2 RequestVote term=1 last=1/2"]
        assert back == ["1->2 RequestVote term=1 last=1/2"]

    def test_a_crash_keeps_what_was_written_and_loses_what_was_queued(self) -> None:
        """The append thread dies with its process."""
        setup = (
            "add-nodes 1 voters=(1) index=2 async-storage-writes=true",
            "campaign 1",
            "stabilize",
            "propose 1 queued",
            "process-ready 1",
            "crash 1",
        )

        assert printed(*setup, "raft-log 1") == ["1/3 noop 0B"]
        assert printed(*setup, "raft-state") == ["1 down"]
        assert printed(*setup, "restart 1", "raft-state") == [
            "1 follower voter term=1 leader=none"
        ]


class TestRunner:
    def test_a_difference_is_told_by_line(self, tmp_path: Path) -> None:
        """Both the missing and the wrong expectation are named."""
        path = tmp_path / "script.txt"
        path.write_text(WRITTEN)
        differences = check(path)

        assert f"{path}:6: campaign has no ---- and expectation" in differences
        assert f"{path}:9: raft-state prints something else" in differences
        assert "-wrong" in differences

    @pytest.mark.parametrize(("update", "code"), [("", 1), ("1", 0)])
    def test_from_the_command_line(
        self, tmp_path: Path, update: str, code: int
    ) -> None:
        """UPDATE=1 writes what was printed; afterwards the file is as expected."""
        path = tmp_path / "script.txt"
        path.write_text(WRITTEN)
        done = subprocess.run(
            [sys.executable, "-m", "ledgerd.simulation.script", str(path)],
            env={**os.environ, "UPDATE": update},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == code, done.stderr
        assert (check(path) == []) == bool(update)

    def test_a_script_without_a_command_is_no_script(self, tmp_path: Path) -> None:
        """It would be as expected for ever."""
        path = tmp_path / "script.txt"
        path.write_text("# tomorrow\n")

        with pytest.raises(ScriptError, match="no command stands here"):
            check(path)

    def test_a_script_that_cannot_be_played_ends_with_2(self, tmp_path: Path) -> None:
        """The error stands on standard error and names the line."""
        path = tmp_path / "script.txt"
        path.write_text("fly 1\n")
        done = subprocess.run(
            [sys.executable, "-m", "ledgerd.simulation.script", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 2
        assert f"{path}:1: there is no command 'fly'" in done.stderr


class TestSimulate:
    def test_ledgerd_simulate_plays_scripts_too(self, tmp_path: Path) -> None:
        """An installed ledgerd is enough; the exit codes are those of `ledgerd simulate`."""
        path = tmp_path / "script.txt"
        path.write_text(WRITTEN)
        wrong = CliRunner().invoke(simulate, ["--script", str(path)])
        written = CliRunner(env={"UPDATE": "1"}).invoke(
            simulate, ["--script", str(path)]
        )
        right = CliRunner().invoke(simulate, ["--script", str(path)])
        path.write_text("fly 1\n")
        unplayable = CliRunner().invoke(simulate, ["--script", str(path)])

        codes = [r.exit_code for r in (wrong, written, right, unplayable)]
        assert codes == [129, 0, 0, 254]


class TestPage:
    def test_every_command_is_on_the_page(self) -> None:
        """An outsider learns the commands there and nowhere else."""
        table = PAGE.read_text().partition("## Commands")[2]
        named = {
            name
            for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
            for name in re.findall(r"`([a-z-]+)", row)
        }

        assert named - {"command"} == set(COMMANDS)

    def test_the_example_plays_as_printed(self, tmp_path: Path) -> None:
        """What a reader copies works."""
        example = re.findall(
            r"^```text\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
        )
        path = tmp_path / "example.txt"
        path.write_text("".join(example))

        assert check(path) == []
