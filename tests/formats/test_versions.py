import pytest

from ledgerd.formats.versions import STATE_VERSION, is_understood
from ledgerd.raft.entries import EntryKind


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (EntryKind.NOOP, True),
        (EntryKind.PAYOUTS, True),
        (EntryKind.COMMANDS, True),
        (EntryKind.MEMBERSHIP, False),
        (EntryKind.VERSION, False),
    ],
)
def test_version_one_understands(kind, expected):
    """Kinds that are only reserved stop a node of this version."""
    assert STATE_VERSION == 1
    assert is_understood(kind) == expected


@pytest.mark.parametrize("kind", EntryKind)
def test_version_zero_understands_nothing(kind):
    """There is no state version before the first."""
    assert not is_understood(kind, 0)
