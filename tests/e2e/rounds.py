"""How often a test does what it does again and again: in CI, and at full length.

`make campaigns` runs every test marked `rounds` at full length.
"""

import os

IS_FULL = os.environ.get("LEDGERD_ROUNDS") == "full"


def rounds(*, ci: int, full: int) -> int:
    """Return the number for this run."""
    assert 0 < ci <= full, (ci, full)
    return full if IS_FULL else ci
