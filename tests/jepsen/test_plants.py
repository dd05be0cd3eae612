"""Every plant's target still exists, and its loader refuses one that does not."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from tests.plants.loader import PlantError, owner_of, plant

FOLDER = Path(__file__).parents[1] / "plants"
NAMES = sorted(
    path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "loader")
)


@pytest.mark.parametrize("name", NAMES)
def test_the_target_of_a_plant_exists(name: str) -> None:
    """Refactoring cannot lose a plant quietly."""
    module = importlib.import_module(f"tests.plants.{name}")

    assert module.BUGS
    for target, replace in module.BUGS.items():
        owner, attribute = owner_of(target)
        assert callable(replace(vars(owner)[attribute]))


@pytest.mark.parametrize(
    "target",
    ["ledgerd.limits:Gone.method", "ledgerd.limits:ORDINAL_MAX", "ledgerd.limits:gone"],
)
def test_a_target_that_is_gone_is_refused(target: str) -> None:
    """A plant that plants nothing would make its run look like a proof."""
    with pytest.raises(PlantError, match="expected"):
        owner_of(target)


def test_a_planted_bug_notes_that_it_was_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call leaves a file; the bug answers instead of the original."""
    module = ModuleType("sample")
    victim = ModuleType("victim")
    vars(victim)["answer"] = lambda: "right"
    monkeypatch.setitem(importlib.import_module("sys").modules, "victim", victim)
    vars(module)["BUGS"] = {"victim:answer": lambda original: lambda: "wrong"}
    reached = tmp_path / "reached"
    monkeypatch.setenv("LEDGERD_PLANT_REACHED", str(reached))

    plant(module)
    assert not reached.exists()

    assert vars(victim)["answer"]() == "wrong"
    assert reached.exists()
