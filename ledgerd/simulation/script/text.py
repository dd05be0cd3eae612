"""The text of a script: commands, their input, and what they are expected to print.

    # why this is shown                           a comment stands between blocks
    add-nodes 3 voters=(1,2,3) index=10           a name, words, key=value, key=(a,b)
      more input for the command                  further lines, if the command takes any
    ----                                          what follows is expected, up to a blank line
    ok

A block without `----` has no expectation yet; rewriting gives it one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledgerd import files
from ledgerd.errors import LedgerdError, not_utf8

_SEPARATOR: Final = "----"
_WORD: Final = re.compile(r"[^\s()]+\([^)]*\)|\([^)]*\)|[^\s()]+")
_OPTION: Final = re.compile(r"([a-z][a-z0-9-]*)=(.*)", re.DOTALL)


class ScriptError(LedgerdError):
    """A script says something that cannot be done. The message begins with file and line."""

    def __init__(self, path: str, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")
        self.path = path
        self.line = line


@dataclass(frozen=True, slots=True)
class Block:
    """One command and its expectation.

    line: of the command, from 1. words: positional ones; a group `(1,2)` is one word.
    options: key -> values, `key=(1,2)` has two. start .. stop: the expected lines in the file,
    counted from 0, stop exclusive; expected is None if there is no `----`.
    """

    line: int
    name: str
    words: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    input: tuple[str, ...]
    expected: tuple[str, ...] | None
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Script:
    """A file of blocks, with all its lines, so that it can be written back."""

    path: str
    lines: tuple[str, ...]
    blocks: tuple[Block, ...]


def read(path: Path) -> Script:
    """Return the script in a file. Raises ScriptError."""
    try:
        text = files.read_text(path, files.SETTING_BYTES_MAX)
    except OSError as error:
        problem = f"expected a script, found: {error.strerror}"
        raise ScriptError(str(path), 1, problem) from error
    except UnicodeDecodeError as error:
        problem = f"expected a script, {not_utf8(error)}"
        raise ScriptError(str(path), 1, problem) from error
    return parse(text, str(path))


def parse(text: str, path: str) -> Script:
    """Return the script in a text; path is for messages only. Raises ScriptError."""
    lines = text.splitlines()
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        if _is_between(lines[at]):
            at += 1
            continue
        block = _block(lines, at, path)
        blocks.append(block)
        at = block.stop
    return Script(path, tuple(lines), tuple(blocks))


def render(script: Script, outputs: Sequence[Sequence[str]]) -> str:
    """Return the text of the script with these expectations, one sequence a block."""
    assert len(outputs) == len(script.blocks), (len(outputs), len(script.blocks))
    text: list[str] = []
    at = 0
    for block, output in zip(script.blocks, outputs, strict=True):
        text += script.lines[at : block.start]
        if block.expected is None:
            text.append(_SEPARATOR)
        text += output
        at = block.stop
    text += script.lines[at:]
    return "\n".join(text) + "\n"


def values_in(word: str) -> tuple[str, ...]:
    """Return the values of `x`, of `(x,y)` or of `()`."""
    if word.startswith("(") and word.endswith(")"):
        return tuple(value.strip() for value in word[1:-1].split(",") if value.strip())
    return (word,)


def _is_between(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _block(lines: Sequence[str], at: int, path: str) -> Block:
    name, *rest = _WORD.findall(lines[at])
    words: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    for word in rest:
        option = _OPTION.fullmatch(word)
        if option is None:
            words.append(word)
        elif option[1] in options:
            raise ScriptError(path, at + 1, f"{option[1]}= stands here twice; keep one")
        else:
            options[option[1]] = values_in(option[2])
    input_end = at + 1
    while input_end < len(lines) and not _ends_input(lines[input_end]):
        input_end += 1
    is_expecting = input_end < len(lines) and lines[input_end].rstrip() == _SEPARATOR
    start = stop = input_end + 1 if is_expecting else input_end
    while is_expecting and stop < len(lines) and lines[stop].strip():
        stop += 1
    return Block(
        line=at + 1,
        name=name,
        words=tuple(words),
        options=options,
        input=tuple(line.strip() for line in lines[at + 1 : input_end]),
        expected=tuple(lines[start:stop]) if is_expecting else None,
        start=start,
        stop=stop,
    )


def _ends_input(line: str) -> bool:
    return not line.strip() or line.rstrip() == _SEPARATOR
