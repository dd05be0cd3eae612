"""The parts that bodies of settings are made of: big-endian numbers, texts, counted lists.

A text is UTF-8 behind a length u8; a list stands behind a count u16. The head of a version of a
setting: layout u8, version of the set u32, effective from u64, source, as of.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Any, Final

BYTE: Final = Struct(">B")
SHORT: Final = Struct(">H")
_HEAD: Final = Struct(">BIQ")


def head(
    layout: int, version: int, effective_from_us: int, source: str, as_of: str
) -> bytes:
    """Return the head of a version. Raises struct.error where something does not fit."""
    return _HEAD.pack(layout, version, effective_from_us) + text(source) + text(as_of)


def text(value: str) -> bytes:
    """Return a text behind its length."""
    return short(value.encode())


def short(raw: bytes) -> bytes:
    """Return at most 255 bytes behind their length."""
    return BYTE.pack(len(raw)) + raw


def counted(parts: Iterable[bytes]) -> bytes:
    """Return the parts behind their count."""
    items = list(parts)
    return SHORT.pack(len(items)) + b"".join(items)


class BodyReader:
    """Takes a body apart from front to back. Raises ValueError where it ends too early."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def head(self, expected_layout: int) -> tuple[int, int, str, str]:
        """Return version, log time, source and as of. Raises ValueError for another layout."""
        layout, version, effective_from_us = self.unpack(_HEAD)
        if layout != expected_layout:
            raise ValueError(f"expected layout {expected_layout}, found {layout}")
        return version, effective_from_us, self.text(), self.text()

    def one(self, layout: Struct) -> int:
        """Return the one number of a layout."""
        (found,) = self.unpack(layout)
        return int(found)

    def text(self) -> str:
        """Return a text."""
        return self.short().decode()

    def short(self) -> bytes:
        """Return the bytes behind a length u8."""
        return self.take(self.one(BYTE))

    def end(self) -> None:
        """Return if the body ends here. Raises ValueError."""
        if self._at != len(self._body):
            raise ValueError(f"expected {self._at} bytes, found {len(self._body)}")

    # Any: a layout gives numbers and bytes, in its own order.
    def unpack(self, layout: Struct) -> tuple[Any, ...]:
        """Return the values of a layout."""
        return layout.unpack(self.take(layout.size))

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        start, self._at = self._at, self._at + size
        if self._at > len(self._body):
            raise ValueError(f"expected {self._at} bytes, found {len(self._body)}")
        return bytes(self._body[start : self._at])
