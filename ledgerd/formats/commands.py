"""Contracts first; the layout follows."""

from collections.abc import Sequence

from ledgerd.ledger.commands import Command


def encode(commands: Sequence[Command]) -> bytes:
    """Return the payload of a COMMANDS entry."""
    raise NotImplementedError


def decode(payload: bytes | memoryview) -> tuple[Command, ...]:
    """Return the commands of an entry. Raises CorruptionError for other bytes."""
    raise NotImplementedError


def size_bytes(command: Command) -> int:
    """Return what the command adds to a payload."""
    raise NotImplementedError
