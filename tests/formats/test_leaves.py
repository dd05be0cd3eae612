"""Rows of the audit tree: golden bytes, there and back, and rot."""

from dataclasses import replace
from hashlib import sha256

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.formats import leaves
from ledgerd.formats.leaves import Leaf
from tests.formats import golden

LEAF = Leaf(7, 99, 3, *(bytes((n,)) * 32 for n in range(1, 7)))
ROOT = bytes(range(32))


def test_golden_bytes() -> None:
    """Rows and the bytes that are hashed are durable."""
    golden.check(
        "leaves_v1",
        {
            "leaf key": leaves.tree_key(0, 5),
            "leaf value": leaves.encode_leaf(LEAF),
            "node key": leaves.tree_key(63, 2**63),
            "node value": leaves.encode_node(ROOT),
            "hashed": leaves.leaf_bytes(LEAF),
            "command": leaves.command_digest(2, b"payload"),
        },
    )


def test_what_is_hashed_by_hand() -> None:
    """As the module's page describes it."""
    result = sha256(b"".join(bytes((n,)) * 32 for n in range(2, 7))).digest()

    assert leaves.leaf_bytes(LEAF) == (
        (7).to_bytes(8, "big")
        + (99).to_bytes(8, "big")
        + (3).to_bytes(4, "big")
        + b"\1" * 32
        + result
    )
    assert leaves.command_digest(2, b"payload") == sha256(b"\2payload").digest()


def test_each_field_of_a_leaf_changes_what_is_hashed() -> None:
    """Nothing of a leaf is left out of the tree."""
    others = [
        replace(LEAF, **{name: value})
        for name, value in (
            ("index", 8),
            ("ts_us", 98),
            ("state_version", 4),
            *((name, b"\xff" * 32) for name in ("command", "before", "outcomes")),
            *((name, b"\xff" * 32) for name in ("payouts", "journal", "events")),
        )
    ]

    assert len({leaves.leaf_bytes(leaf) for leaf in (LEAF, *others)}) == 10


def test_what_is_encoded_comes_back() -> None:
    """Leaf, node and key."""
    keys = [leaves.tree_key(level, 3 >> level) for level in range(3)]
    values = [leaves.encode_leaf(LEAF), *map(leaves.encode_node, (ROOT, ROOT[::-1]))]

    assert leaves.decode_leaf(keys[0], values[0]) == LEAF
    assert leaves.decode_node(keys[1], values[1]) == ROOT
    assert leaves.tree_position(keys[1]) == (1, 1)


@pytest.mark.parametrize(
    ("value", "decode"),
    [
        (leaves.encode_leaf(LEAF), leaves.decode_leaf),
        (leaves.encode_node(ROOT), leaves.decode_node),
    ],
)
def test_rot_is_found_and_named(value: bytes, decode) -> None:
    """Every flipped bit and every cut; another version; a body of another size."""
    key = leaves.tree_key(0, 5)
    damaged = [value[:size] for size in range(len(value))]
    for at in range(len(value)):
        flipped = bytearray(value)
        flipped[at] ^= 1 << at % 8
        damaged.append(bytes(flipped))
    bodies = (b"\2" + value[1:-4], value[:-5], value[:-4] + b"\0")
    damaged += [body + leaves.crc32c(body).to_bytes(4, "big") for body in bodies]

    for rotten in damaged:
        with pytest.raises(CorruptionError, match=f"tree, key {key.hex()}"):
            decode(key, rotten)


def test_a_key_of_another_width_is_corruption() -> None:
    """A key that is not one is never read as one."""
    with pytest.raises(CorruptionError, match="expected 9 bytes"):
        leaves.tree_position(bytes(8))
