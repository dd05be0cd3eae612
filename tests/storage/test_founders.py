"""A directory is used with the members of its first start, or not at all."""

from pathlib import Path

import pytest

from ledgerd.errors import ConfigError, CorruptionError
from ledgerd.formats import memberships
from ledgerd.formats.records import Table
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.membership import NOBODY, Membership, NodeRecord
from ledgerd.storage import founders, keys
from ledgerd.storage.environment import Environment, StorageOptions, open_directory

SMALL = StorageOptions(log_map_bytes=16 * 1024**2, state_map_bytes=16 * 1024**2)
THREE = [NodeId(2), NodeId(1), NodeId(3)]


def opened(directory: Path) -> Environment:
    return open_directory(directory, cluster_id="c", node_id=NodeId(1), options=SMALL)


def test_the_members_of_the_first_start_are_kept(tmp_path: Path) -> None:
    """In any order; without what a restart may change, such as addresses."""
    with opened(tmp_path / "d") as environment:
        founders.admit(environment, THREE)
    with opened(tmp_path / "d") as environment:
        founders.admit(environment, sorted(THREE))


@pytest.mark.parametrize("others", [[1], [1, 2], [1, 2, 4], [1, 2, 3, 4, 5]], ids=str)
def test_other_members_are_refused(tmp_path: Path, others: list[int]) -> None:
    """Two majorities without a common node would decide twice."""
    with opened(tmp_path / "d") as environment:
        founders.admit(environment, THREE)
        with pytest.raises(
            ConfigError, match="was first used with the members 1, 2, 3"
        ):
            founders.admit(environment, [NodeId(other) for other in others])
        founders.admit(environment, THREE)


def test_a_damaged_record_is_corruption(tmp_path: Path) -> None:
    """Every flipped byte is found; nothing is taken for a new directory."""
    good = founders.pack(THREE)
    for at in range(len(good)):
        bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        with pytest.raises(CorruptionError, match="key founders"):
            founders.unpack(bad, where="here")
    with opened(tmp_path / "d") as environment:
        meta = environment.log_tables[keys.META]
        with environment.log.begin(db=meta, write=True) as transaction:
            transaction.put(keys.FOUNDERS, good[:-1])
        with pytest.raises(CorruptionError, match="key founders"):
            founders.admit(environment, THREE)


def test_golden_bytes() -> None:
    """The record is durable: its layout stands."""
    assert founders.pack(THREE).hex() == "010003000000010000000200000003" + "f2ba9b5a"


RECORDS = [NodeRecord(node_id) for node_id in THREE]


def test_a_new_directory_begins_with_the_founders_or_waits(tmp_path: Path) -> None:
    """A node that joins founds nothing; one that founded does so whatever is asked later."""
    with opened(tmp_path / "joining") as environment:
        joining = founders.first_membership(environment, RECORDS, joins=True)
        again = founders.first_membership(environment, RECORDS, joins=True)
    with opened(tmp_path / "founding") as environment:
        founding = founders.first_membership(environment, RECORDS, joins=False)
        later = founders.first_membership(environment, RECORDS, joins=True)

    assert joining == again == NOBODY
    assert founding == later
    assert founding.voters == (1, 2, 3)
    assert [node.node_id for node in founding.nodes] == [1, 2, 3]


def test_what_the_state_says_counts_more_than_the_configuration(
    tmp_path: Path,
) -> None:
    """Members come and go; files lag behind."""
    recorded = Membership(
        (NodeId(1), NodeId(4)), index=Index(9), nodes=(NodeRecord(NodeId(4)),)
    )
    with opened(tmp_path / "d") as environment:
        founders.admit(environment, THREE)
        row = memberships.encode_membership(recorded)
        with environment.state.begin(write=True) as transaction:
            meta = environment.state_tables[Table.META]
            transaction.put(memberships.META_MEMBERSHIP, row, db=meta)

        assert founders.first_membership(environment, [], joins=False) == recorded
