"""File systems of their own for the nodes of a test: small ones, and ones that can stand still."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _run(*command: str) -> None:
    """Run a command of the system. Skips the test, aloud, where it is not there or not allowed."""
    if os.geteuid() != 0 or shutil.which(command[0]) is None:
        pytest.skip(f"SKIPPED ALOUD: {command[0]} needs root, and to be installed")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        pytest.skip(f"SKIPPED ALOUD: {' '.join(command)}: {ended.stderr.strip()}")


@contextmanager
def small(path: Path, size_bytes: int) -> Iterator[None]:
    """A file system of this size is at `path`, empty, until the block ends."""
    path.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "ledgerd", str(path))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)


@contextmanager
def freezable(path: Path, image: Path, size_bytes: int) -> Iterator[None]:
    """A file system that `freeze` can stop is at `path`, empty, until the block ends."""
    path.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as file:
        file.truncate(size_bytes)
    _run("mkfs.ext4", "-q", "-F", str(image))
    _run("mount", "-o", "loop", str(image), str(path))
    try:
        yield
    finally:
        thaw(path)
        subprocess.run(["umount", "-l", str(path)], check=False)
        image.unlink()


def freeze(path: Path) -> None:
    """From now on no write and no sync below `path` returns."""
    _run("fsfreeze", "-f", str(path))


def thaw(path: Path) -> None:
    """What waited goes on; nothing if it was not frozen."""
    subprocess.run(["fsfreeze", "-u", str(path)], check=False, capture_output=True)
