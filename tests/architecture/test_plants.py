"""What the planted bugs replace stands where they look for it.

The gates that plant them are long, so a refactoring hears of it here first.
"""

import importlib
import pkgutil

import pytest

import tests.plants
from tests.plants.loader import owner_of
from tests.simulation.mutations.hunt import PLANTS

OF_PROCESSES = sorted(
    module.name
    for module in pkgutil.iter_modules(tests.plants.__path__)
    if module.name != "loader"
)


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_plant_of_the_simulator_finds_what_it_replaces(name: str) -> None:
    for target in PLANTS[name].bugs:
        owner_of(target)


@pytest.mark.parametrize("name", OF_PROCESSES)
def test_a_plant_of_real_processes_finds_what_it_replaces(name: str) -> None:
    for target in importlib.import_module(f"tests.plants.{name}").BUGS:
        owner_of(target)
