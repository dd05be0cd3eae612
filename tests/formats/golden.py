"""Golden bytes: one file of hexadecimal text for each durable layout, kept for ever.

A line is what it is, a colon and the bytes. A test that finds other bytes has found a
change of a durable format. To record a new layout, delete nothing: add a case, and run the
tests once with LEDGERD_GOLDEN=record.
"""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check(name: str, cases: dict[str, bytes]) -> None:
    """Compare with the file of this name, which must have exactly these cases."""
    path = FOLDER / f"{name}.hex"
    if os.environ.get("LEDGERD_GOLDEN") == "record" and not path.exists():
        path.write_text("".join(f"{k}: {raw.hex()}\n" for k, raw in cases.items()))
    recorded = dict(line.split(": ") for line in path.read_text().splitlines())

    assert {k: raw.hex() for k, raw in cases.items()} == recorded


def read(name: str) -> dict[str, bytes]:
    """Return the recorded bytes."""
    path = FOLDER / f"{name}.hex"
    return {
        key: bytes.fromhex(text)
        for key, text in (line.split(": ") for line in path.read_text().splitlines())
    }
