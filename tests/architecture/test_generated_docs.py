"""Generated pages say what the code says, and what they explain is what there is."""

import re

import pytest

from ledgerd.ledger.outcomes import Refusal
from tools import generated_docs
from tools.generated_docs import PAGES, REFUSALS, ROOT


@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_what_the_code_says(path: str) -> None:
    """`make docs` would change nothing."""
    page = PAGES[path]()

    assert page == (ROOT / path).read_text(), f"{path} is stale: run `make docs`"


def test_a_changed_page_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: a page of other words is named by its path."""
    monkeypatch.setitem(PAGES, "docs/reference/api.md", lambda: "other words\n")  # type: ignore[arg-type]

    assert "docs/reference/api.md" in generated_docs.stale()


def test_every_refusal_that_the_ledger_gives_is_explained_and_no_other() -> None:
    """A code is either explained with what to do about it, or said to be given by nobody."""
    given = {
        name
        for path in (ROOT / "ledgerd" / "ledger").rglob("*.py")
        if path.name != "outcomes.py"
        for name in re.findall(r"\bRefusal\.([A-Z_]+)\b", path.read_text())
    }

    assert {code.name for code in REFUSALS} == given
    assert given <= {code.name for code in Refusal}
