"""`python -m tests.plants.loader PLANT run --config F`: ledgerd with one planted bug."""

import functools
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType


class PlantError(Exception):
    """The plant cannot be put in place; it must be mended, not skipped."""


def owner_of(target: str) -> tuple[object, str]:
    """Return what holds the target "module:Name.attribute", and the attribute's name."""
    module_name, _, path = target.partition(":")
    owner: object = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part, None)
        if owner is None:
            raise PlantError(f"expected {target}, found no {part} in {module_name}")
    if not callable(vars(owner).get(name)):
        raise PlantError(f"expected the function {target}, found none")
    return owner, name


def plant(module: ModuleType) -> None:
    """Replace every target of a plant by its bug; note when all were reached."""
    waiting: set[str] = set()
    for target, replace in module.BUGS.items():
        owner, name = owner_of(target)
        waiting.add(target)
        original: Callable[..., object] = vars(owner)[name]
        setattr(owner, name, _noted(target, original, replace(original), waiting))


def _noted(
    target: str,
    original: Callable[..., object],
    bug: Callable[..., object],
    waiting: set[str],
) -> Callable[..., object]:
    """Return the bug; its first call takes it off the list, the last leaves a file."""

    @functools.wraps(original)
    def noted(*args: object, **kwargs: object) -> object:
        if target in waiting:
            waiting.discard(target)
            path = os.environ.get("LEDGERD_PLANT_REACHED")
            if path and not waiting:
                Path(path).touch()
        return bug(*args, **kwargs)

    return noted


def main() -> None:
    """Plant the bug named by the first argument, then be ledgerd."""
    name = sys.argv.pop(1)
    plant(importlib.import_module(f"tests.plants.{name}"))
    from ledgerd.__main__ import main as ledgerd

    sys.argv[0] = "ledgerd"
    ledgerd()


if __name__ == "__main__":
    main()
