"""The registers in docs/ point at code and tests that exist, and miss none that they must name."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REGISTERS = ("guarantees.md", "traps.md", "invariants.md")
WITH_SYMBOLS = (*REGISTERS, "divergence.md")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:::(\w+))?`")
TRACE = re.compile(r"`(tests/raft/traces/\w+\.txt)`")
CODE = re.compile(r"`((?:ledgerd|jepsen)/[\w/]+\.py)(?:: ?([\w.]+))?`")


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the names of functions, classes and constants defined anywhere in a file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
    return frozenset(found)


@pytest.mark.parametrize("page", REGISTERS)
def test_every_test_that_a_register_names_exists(page: str) -> None:
    """A guarantee whose test was renamed away is a promise that nobody checks."""
    text = (DOCS / page).read_text()
    named = TEST.findall(text)

    missing = [
        f"{path}::{name}"
        for path, *names in named
        for name in filter(None, names)
        if not (ROOT / path).exists() or name not in names_in(ROOT / path)
    ]

    assert named, f"{page} names no test"
    assert missing == []


def test_every_trace_that_the_traps_name_exists() -> None:
    """A trap is shown by a trace where one can show it; the name leads there."""
    named = TRACE.findall((DOCS / "traps.md").read_text())

    assert len(named) > 50
    assert sorted({path for path in named if not (ROOT / path).exists()}) == []


@pytest.mark.parametrize("page", WITH_SYMBOLS)
def test_every_symbol_that_a_register_names_exists(page: str) -> None:
    """The code that keeps a rule can be found from the rule."""
    missing = [
        f"{path}: {symbol}"
        for path, symbol in CODE.findall((DOCS / page).read_text())
        if not (ROOT / path).exists()
        or (symbol and symbol.split(".")[-1] not in names_in(ROOT / path))
    ]

    assert missing == []


def test_every_trap_cited_in_the_code_stands_in_the_register() -> None:
    """A trap that code obeys and no test watches is a trap again after the next change."""
    cited = {
        trap
        for path in (ROOT / "ledgerd").rglob("*.py")
        for trap in re.findall(r"\bT(\d{1,2})\b", path.read_text())
    }
    listed = set(
        re.findall(r"^\| T(\d{1,2}) ", (DOCS / "traps.md").read_text(), re.MULTILINE)
    )

    assert sorted(cited - listed, key=int) == []


def test_every_invariant_cited_in_the_code_stands_in_the_register() -> None:
    """R is consensus, I is the ledger; docs/invariants.md is the list.

    They have no leading zero: R01 is a bank's reason for a return.
    """
    cited = {
        invariant
        for path in (ROOT / "ledgerd").rglob("*.py")
        for invariant in re.findall(r"\b([RI][1-9]\d?)\b", path.read_text())
    }
    text = (DOCS / "invariants.md").read_text()
    listed = set(re.findall(r"^\| ([RI]\d{1,2}) ", text, re.MULTILINE))

    assert sorted(cited - listed) == []


def test_links_between_pages_lead_somewhere() -> None:
    """A reader who follows a link finds a file."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_links_into_pages_lead_to_a_heading() -> None:
    """A link with an anchor names a heading as GitHub spells its anchor."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}#{anchor}"
        for page in pages
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text())
        if anchor not in anchors_of(page.parent / target if target else page)
    ]

    assert broken == []


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    )
