"""What a node signs: golden bytes, for receipts are kept for years."""

from ledgerd.formats.heads import TreeHead, signed_bytes
from tests.formats import golden

HEAD = TreeHead("blue", 3, 4, 10, 1_790_000_000_000_000, -1, bytes(range(32)))


def test_golden_bytes() -> None:
    """Other bytes would be another format."""
    golden.check("heads_v1", {"head": signed_bytes(HEAD)})


def test_each_field_changes_what_is_signed() -> None:
    """Nothing of a head can be exchanged under its signature."""
    others = [
        HEAD._replace(**{name: value})
        for name, value in (
            ("cluster_id", "blu"),
            ("node_id", 4),
            ("first_index", 5),
            ("size", 11),
            ("log_time_us", 0),
            ("signed_at_us", 0),
            ("root", bytes(32)),
        )
    ]

    assert len({signed_bytes(head) for head in (HEAD, *others)}) == 8
