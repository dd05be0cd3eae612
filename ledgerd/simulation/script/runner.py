"""Checks script files against what they expect, or writes down what they print."""

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ledgerd.simulation.script.interpreter import play
from ledgerd.simulation.script.play import Lines
from ledgerd.simulation.script.text import Script, ScriptError, read, render


def is_updating() -> bool:
    """Return whether UPDATE=1 in the environment asks to write down what is printed."""
    return os.environ.get("UPDATE") == "1"


def check(path: Path, *, update: bool = False) -> list[str]:
    """Play a file and return how it differs from its expectations: empty if it does not.

    update: write what it printed into the file instead, and return nothing. Raises ScriptError.
    """
    script = read(path)
    if not script.blocks:
        raise ScriptError(str(path), 1, "no command stands here")
    outputs = play(script)
    if not update:
        return list(_differences(script, outputs))
    text = render(script, outputs)
    if text != path.read_text():
        path.write_text(text)
    return []


def _differences(script: Script, outputs: Sequence[Lines]) -> Iterator[str]:
    for block, output in zip(script.blocks, outputs, strict=True):
        if block.expected is None:
            yield f"{script.path}:{block.line}: {block.name} has no ---- and expectation"
        elif list(block.expected) != output:
            yield f"{script.path}:{block.line}: {block.name} prints something else"
            yield from difflib.unified_diff(
                block.expected, output, "expected", "printed", lineterm="", n=2
            )
