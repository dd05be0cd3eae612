"""What a power cut may do to names: nothing, once their directory was synced."""

import os
from pathlib import Path


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable: files that were made, renamed or removed in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
