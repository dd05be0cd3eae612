"""Prints every direct requirement of pyproject.toml, one a line: what `make lock` pins."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def requirements() -> list[str]:
    """Return the requirements of the package, its extras, the groups and the build, sorted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = set(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        found.update(extra)
    for group in project["dependency-groups"].values():
        found.update(group)
    found.update(project["build-system"]["requires"])
    return sorted(found)


if __name__ == "__main__":
    print("\n".join(requirements()))
