"""Merkle proofs against the verdicts that others published."""

import base64
import json
from pathlib import Path
from typing import Any  # Any: the vectors are JSON

import pytest

from ledgerd.client.proofs import (
    EMPTY_ROOT,
    ProofRefused,
    check_consistency,
    check_inclusion,
    leaf_hash,
)

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "merkle"


def cases(kind: str) -> list[Path]:
    return sorted((VECTORS / kind).rglob("*.json"))


def hashes(values: list[str] | None) -> list[bytes]:
    return [base64.b64decode(value) for value in values or []]


def verdict(path: Path) -> bool:
    """Return whether our verifier refuses a case."""
    case: dict[str, Any] = json.loads(path.read_text())
    try:
        if "leafIdx" in case:
            leaf, root = hashes([case["leafHash"] or "", case["root"] or ""])
            check_inclusion(
                index=case["leafIdx"],
                size=case["treeSize"],
                leaf=leaf,
                proof=hashes(case["proof"]),
                root=root,
            )
        else:
            first, second = hashes([case["root1"] or "", case["root2"] or ""])
            check_consistency(
                first_size=case["size1"],
                second_size=case["size2"],
                first_root=first,
                second_root=second,
                proof=hashes(case["proof"]),
            )
    except ProofRefused:
        return True
    return False


@pytest.mark.skipif(
    not VECTORS.is_dir(), reason=f"SKIPPED ALOUD: no Merkle vectors at {VECTORS}"
)
def test_every_published_proof_gets_its_verdict() -> None:
    """RFC 6962: 96 proofs of inclusion and consistency, good and bad."""
    paths = cases("inclusion") + cases("consistency")

    wrong = [
        f"{path.relative_to(VECTORS)}: {json.loads(path.read_text())['desc']}"
        for path in paths
        if verdict(path) != json.loads(path.read_text())["wantErr"]
    ]

    assert wrong == []
    assert len(paths) >= 96


def test_the_empty_tree_comes_before_every_tree() -> None:
    """RFC 9162 2.1.4: and no other root may claim to."""
    root = leaf_hash(b"a")
    check_consistency(
        first_size=0, second_size=1, first_root=EMPTY_ROOT, second_root=root, proof=[]
    )
    with pytest.raises(ProofRefused, match="empty tree"):
        check_consistency(
            first_size=0, second_size=1, first_root=root, second_root=root, proof=[]
        )


def test_a_hash_of_another_length_is_refused() -> None:
    """Also where its bytes would never be looked at."""
    leaf = leaf_hash(b"a")
    with pytest.raises(ProofRefused, match="32 bytes"):
        check_inclusion(index=0, size=1, leaf=leaf, proof=[b"short"], root=leaf)
