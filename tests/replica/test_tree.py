"""The audit tree against RFC 6962's definitions and against a verifier written apart from it."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.client.proofs import ProofRefused, check_consistency, check_inclusion
from ledgerd.replica.tree import (
    EMPTY_ROOT,
    NO_TREE,
    TreeNode,
    consistency_proof,
    edge_of,
    inclusion_proof,
    leaf_hash,
    root_of,
)

LEAVES_MAX = 130
FIRST_INDEX = 7


def defined(leaves: list[bytes]) -> bytes:
    """Return the root as the RFC writes it down, 2.1, from the leaves' hashes."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256().digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + defined(leaves[:split]) + defined(leaves[split:])).digest()


class Tree:
    """A tree over its stored nodes."""

    def __init__(self, count: int) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.leaves = [leaf_hash(b"leaf %d" % number) for number in range(count)]
        edge = NO_TREE
        for size, leaf in enumerate(self.leaves):
            edge, nodes = edge.grown(FIRST_INDEX + size, leaf)
            for level, number, root in nodes:
                assert (level, number) not in self.nodes, "a node is written once"
                self.nodes[level, number] = root
            assert edge.first_index == FIRST_INDEX
            assert edge.roots == tuple(
                TreeNode(*node, self.read(*node)) for node in edge_of(size + 1)
            )

    def read(self, level: int, number: int) -> bytes:
        return self.nodes[level, number]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(LEAVES_MAX)


def test_every_root_is_the_defined_one(tree: Tree) -> None:
    """RFC 6962, 2.1; the published root of the empty tree included."""
    assert root_of(0, tree.read) == EMPTY_ROOT
    for size in range(1, LEAVES_MAX + 1):
        assert root_of(size, tree.read) == defined(tree.leaves[:size]), size


def test_a_tree_keeps_fewer_than_two_nodes_a_leaf(tree: Tree) -> None:
    """Complete subtrees only."""
    assert len(tree.nodes) < 2 * LEAVES_MAX


@given(data=st.data())
def test_every_inclusion_proof_is_accepted_and_no_changed_one(
    data: st.DataObject,
) -> None:
    """RFC 6962, 2.1.1."""
    tree = Tree(data.draw(st.integers(1, 40)))
    size = len(tree.leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, tree.read)
    root = root_of(size, tree.read)
    check_inclusion(
        index=index, size=size, leaf=tree.leaves[index], proof=proof, root=root
    )
    wrong = (
        data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
        if size > 1
        else 1
    )
    with pytest.raises(ProofRefused):
        check_inclusion(
            index=wrong, size=size, leaf=tree.leaves[index], proof=proof, root=root
        )


@given(data=st.data())
def test_every_consistency_proof_is_accepted_and_no_changed_one(
    data: st.DataObject,
) -> None:
    """RFC 6962, 2.1.2."""
    tree = Tree(data.draw(st.integers(1, 40)))
    second = len(tree.leaves)
    first = data.draw(st.integers(0, second))
    proof = consistency_proof(first, second, tree.read)
    roots = root_of(first, tree.read), root_of(second, tree.read)
    check_consistency(
        first_size=first,
        second_size=second,
        first_root=roots[0],
        second_root=roots[1],
        proof=proof,
    )
    with pytest.raises(ProofRefused):
        check_consistency(
            first_size=first,
            second_size=second,
            first_root=leaf_hash(b"forged"),
            second_root=roots[1],
            proof=proof,
        )
