"""The audit tree: RFC 6962's Merkle tree over what each entry did; one leaf an entry.

Only complete subtrees are kept, each once and for ever: the node (level, number) is the root over
the leaves number * 2**level .. (number + 1) * 2**level, exclusive. Everything else is computed from
them, so an entry adds one leaf and, on average, one node above it. Sizes count leaves; indexes of
leaves begin at 0.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()

NodeReader: TypeAlias = Callable[[int, int], bytes]  # (level, number) -> its hash


class TreeNode(NamedTuple):
    """A complete subtree and its root."""

    level: int
    number: int
    root: bytes


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf's bytes. RFC 6962, 2.1."""
    return sha256(b"\x00" + leaf).digest()


def edge_of(size: int) -> Iterator[tuple[int, int]]:
    """Yield level and number of the complete subtrees on the right edge, levels falling."""
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            yield level, (size >> level) - 1


class Edge(NamedTuple):
    """What the next leaf needs of the tree: the complete subtrees on its right edge.

    first_index: the log index of leaf 0; 0 before there is one. size: leaves.
    roots: from the largest subtree, one for each bit of `size`, levels falling.
    """

    first_index: int = 0
    size: int = 0
    roots: tuple[TreeNode, ...] = ()

    def grown(self, index: int, leaf: bytes) -> tuple["Edge", list[TreeNode]]:
        """Return the edge after one more leaf, and the nodes that the leaf completes, lowest first.

        index: of the leaf's entry. leaf: its hash.
        """
        first_index, size, roots = self
        assert not size or index == first_index + size, (index, self)
        assert len(leaf) == HASH_BYTES, len(leaf)
        kept, level, number, root = len(roots), 0, size, leaf
        nodes = [TreeNode(0, size, leaf)]
        while (
            number & 1
        ):  # the subtree to its left is complete, and the last one that is kept
            kept -= 1
            left = roots[kept]
            assert left[:2] == (level, number - 1), (level, number, self)
            level, number, root = level + 1, number >> 1, parent_hash(left.root, root)
            nodes.append(TreeNode(level, number, root))
        # With what was asserted of each that went: one subtree for each bit of the new size.
        assert kept + 1 == (size + 1).bit_count(), self
        return Edge(first_index or index, size + 1, (*roots[:kept], nodes[-1])), nodes


NO_TREE: Final = Edge()


def root_of(size: int, read: NodeReader) -> bytes:
    """Return the root over the first `size` leaves. RFC 6962, 2.1."""
    return _range_root(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """Return the path from the leaf at `index` to the root over `size` leaves. RFC 6962, 2.1.1."""
    assert 0 <= index < size, (index, size)
    return _path(index, 0, size, read)


def consistency_proof(
    first_size: int, second_size: int, read: NodeReader
) -> list[bytes]:
    """Return the proof that the larger tree begins with the smaller one. RFC 6962, 2.1.2."""
    assert 0 <= first_size <= second_size, (first_size, second_size)
    if first_size in (0, second_size):
        return []
    return _subproof(first_size, 0, second_size, read, is_whole=True)


def _path(index: int, start: int, end: int, read: NodeReader) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(index, start, middle, read), _range_root(middle, end, read)]
    return [*_path(index, middle, end, read), _range_root(start, middle, read)]


def _subproof(
    size: int, start: int, end: int, read: NodeReader, *, is_whole: bool
) -> list[bytes]:
    if size == end:
        return [] if is_whole else [_range_root(start, end, read)]
    middle = start + _split(end - start)
    if size <= middle:
        below = _subproof(size, start, middle, read, is_whole=is_whole)
        return [*below, _range_root(middle, end, read)]
    below = _subproof(size, middle, end, read, is_whole=False)
    return [*below, _range_root(start, middle, read)]


def _range_root(start: int, end: int, read: NodeReader) -> bytes:
    """Return the root over start .. end, exclusive; `start` is a multiple of the left half."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return read(level, start >> level)
    middle = start + _split(count)
    return parent_hash(_range_root(start, middle, read), _range_root(middle, end, read))


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def parent_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node above two others. RFC 6962, 2.1."""
    return sha256(b"\x01" + left + right).digest()
