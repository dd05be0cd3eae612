"""What the pages tell people to type exists: commands, options, make targets, Python programs."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from jepsen.cli import cli as jepsen
from ledgerd.cli.ctl.root import cli as ledgerctl
from ledgerd.cli.main import cli as ledgerd

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
PROGRAMS: dict[str, click.Command] = {
    "ledgerd": ledgerd,
    "ledgerctl": ledgerctl,
    "python -m jepsen": jepsen,
}
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(
    r"<!-- run by (\S+): (\S+) -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
PROGRAM = re.compile(rf"(?:^|[\s(])({'|'.join(PROGRAMS)})\s+(?=\S)")
TARGET = re.compile(r"(?:^|`)make ([a-z0-9-]+)")


def typed_in(page: Path) -> Iterator[str]:
    """Yield every shell line of a page, and every inline code that is a command of ours."""
    text = page.read_text()
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            yield line.partition(" #")[0].strip()
    for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        if code.startswith(tuple(f"{program} " for program in PROGRAMS)):
            yield code


def commands_in(line: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each of our programs that a shell line calls, with its arguments."""
    for found in PROGRAM.finditer(line):
        rest = re.split(r"[|;<>)]|&&", line[found.end() :])[0]
        yield found[1], shlex.split(rest)


def flaw_of(program: str, words: list[str]) -> str:
    """Return what is wrong with a command line; empty if it may be typed so."""
    command = PROGRAMS[program]
    known = [*command.params]
    arguments = 0
    rest = iter(words)
    for word in rest:
        if word in ("-h", "--help", "--version", "…", "..."):
            continue
        if word.startswith("--"):
            name, _, value = word.partition("=")
            option = next(
                (p for p in known if name in (*p.opts, *p.secondary_opts)), None
            )
            if not isinstance(option, click.Option):
                return f"{program} {' '.join(words)}: no option {name}"
            if not option.is_flag and not value and next(rest, None) is None:
                return f"{program} {' '.join(words)}: {name} has no value"
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return f"{program} {' '.join(words)}: no command {word}"
            command = found
            known += command.params
        else:
            arguments += 1
    expected = sum(isinstance(p, click.Argument) for p in command.params)
    if arguments > expected:
        return f"{program} {' '.join(words)}: more than {expected} arguments"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_can_be_typed(page: Path) -> None:
    """Nobody who copies a line from a page is told that there is no such command or option."""
    flaws = [
        flaw
        for line in typed_in(page)
        for program, words in commands_in(line)
        if (flaw := flaw_of(program, words))
    ]

    assert flaws == []


@pytest.mark.parametrize(
    ("line", "flaw"),
    [
        ("ledgerd dev --nodes 3 --dir run/mine --detach", ""),
        ("account=$(ledgerctl --output json account open --currency USD --live)", ""),
        ("ledgerctl payout submit FILE --account acct_…", ""),
        ("ledgerd devel --nodes 3", "no command devel"),
        ("ledgerd dev --node 3", "no option --node"),
        ("ledgerd check --data-dir", "--data-dir has no value"),
        ("ledgerctl payout get payout_1 payout_2", "more than 1 arguments"),
    ],
)
def test_a_line_that_cannot_be_typed_is_found(line: str, flaw: str) -> None:
    """The test above would fail for a wrong command, option, value or argument."""
    found = [flaw_of(program, words) for program, words in commands_in(line)]

    assert len(found) == 1
    assert found[0].endswith(flaw)
    assert bool(found[0]) == bool(flaw)


def test_every_make_target_on_a_page_exists() -> None:
    """The Makefile has what the pages promise."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    named = {
        target
        for page in PAGES
        for target in TARGET.findall("\n".join([page.read_text(), *typed_in(page)]))
    }

    assert named
    assert sorted(named - targets) == []


def test_python_on_a_page_is_a_program_that_a_test_runs() -> None:
    """What a reader copies is part of a file that its test names and runs."""
    shown = [
        (page, *found) for page in PAGES for found in PYTHON.findall(page.read_text())
    ]
    fences = sum(page.read_text().count("```python\n") for page in PAGES)

    assert len(shown) == fences, "a python block has no comment that says what runs it"
    assert any(page.name == "README.md" for page, *_ in shown)
    for page, test, program, block in shown:
        assert block in (ROOT / program).read_text(), f"{page.name}: not in {program}"
        assert Path(program).name in (ROOT / test).read_text(), f"{test} runs it not"
