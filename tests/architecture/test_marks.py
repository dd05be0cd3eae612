"""The list of coverage marks and the code that covers them agree."""

import re
from collections import Counter
from pathlib import Path

from ledgerd.raft.marks import MARKS

ROOT = Path(__file__).parents[2]
NAME = re.compile(r'"([a-z]+(?:\.[a-z_]+)+)"')
CALL = re.compile(r"\.covers\(([^()]*)\)")


def marked_names() -> set[str]:
    """Return every name that some code covers."""
    return {
        name
        for path in (ROOT / "ledgerd").rglob("*.py")
        for call in CALL.findall(path.read_text())
        for name in NAME.findall(call)
    }


def test_every_mark_in_the_list_is_covered_by_code() -> None:
    """A name without code behind it could never be reached."""
    assert sorted(set(MARKS) - marked_names()) == []


def test_every_mark_that_code_covers_is_in_the_list() -> None:
    """A path whose mark nobody waits for would be missed by nobody."""
    assert sorted(marked_names() - set(MARKS)) == []


def test_no_mark_is_listed_twice() -> None:
    """One name, one path."""
    assert [name for name, count in Counter(MARKS).items() if count > 1] == []


def test_every_call_names_its_mark_in_words() -> None:
    """A computed name would escape the tests above."""
    computed = [
        (path.name, call)
        for path in (ROOT / "ledgerd").rglob("*.py")
        for call in CALL.findall(path.read_text())
        if not NAME.search(call) and path.name != "marks.py"
    ]

    assert computed == []
