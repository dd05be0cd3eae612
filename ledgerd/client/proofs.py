"""Merkle proofs, checked with nothing but the numbers in them (RFC 6962; RFC 9162, 2.1.3, 2.1.4).

Written apart from the code that makes the proofs, on purpose: whoever holds a receipt need not
trust the server's arithmetic. A hash that is not 32 bytes is refused, wherever it stands.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()


class ProofRefused(Exception):
    """The proof does not prove what it claims; the message says where it fails."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf's bytes."""
    return sha256(b"\x00" + leaf).digest()


def check_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Return if the tree of `size` leaves under `root` holds the hash `leaf` at `index`, from 0.

    Raises ProofRefused. RFC 9162, 2.1.3.2.
    """
    _check_hashes(leaf, root, *proof)
    if not 0 <= index < size:
        raise ProofRefused(
            f"expected an index below the tree's size {size}, found {index}"
        )
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofRefused(f"expected fewer than {len(proof)} hashes in the proof")
        if node & 1 or node == last:
            found = _parent(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = _parent(found, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofRefused(f"expected more than {len(proof)} hashes in the proof")
    if found != root:
        raise ProofRefused("the proof leads to another root")


def check_consistency(
    *,
    first_size: int,
    second_size: int,
    first_root: bytes,
    second_root: bytes,
    proof: Sequence[bytes],
) -> None:
    """Return if the second tree begins with all the leaves of the first, in order.

    Raises ProofRefused. RFC 9162, 2.1.4.2.
    """
    _check_hashes(first_root, second_root, *proof)
    if not 0 <= first_size <= second_size:
        raise ProofRefused(
            f"expected sizes that rise from 0, found {first_size} and {second_size}"
        )
    if first_size == 0 or first_size == second_size:
        if proof:
            raise ProofRefused(f"expected no hashes, found {len(proof)}")
        if first_size == 0 and first_root != EMPTY_ROOT:
            raise ProofRefused(
                "expected the root of the empty tree before the first leaf"
            )
        if first_size == second_size and first_root != second_root:
            raise ProofRefused("two trees of one size have different roots")
        return
    _climb(first_size, second_size, first_root, second_root, proof)


def _climb(
    first_size: int,
    second_size: int,
    first_root: bytes,
    second_root: bytes,
    proof: Sequence[bytes],
) -> None:
    """Build both roots from one path."""
    path = [*proof]
    if first_size & (first_size - 1) == 0:
        path.insert(0, first_root)  # the first tree is itself a node of the second
    if not path:
        raise ProofRefused("expected hashes in the proof, found none")
    node, last = first_size - 1, second_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofRefused(f"expected fewer than {len(proof)} hashes in the proof")
        if node & 1 or node == last:
            first, second = _parent(sibling, first), _parent(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = _parent(second, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofRefused(f"expected more than {len(proof)} hashes in the proof")
    if first != first_root:
        raise ProofRefused("the proof leads to another first root")
    if second != second_root:
        raise ProofRefused("the proof leads to another second root")


def _parent(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _check_hashes(*hashes: bytes) -> None:
    for value in hashes:
        if len(value) != HASH_BYTES:
            raise ProofRefused(
                f"expected hashes of {HASH_BYTES} bytes, found {len(value)}"
            )
