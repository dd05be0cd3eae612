"""Whom a node met before the log says which stores the founders have. F25, T13."""

from dataclasses import replace
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.membership import Membership, NodeRecord, Standing
from ledgerd.storage import founders, keys, met
from ledgerd.storage.met import Met
from tests.storage.test_founders import opened

ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)
RECORDS = [
    NodeRecord(ONE, store_uuid=bytes([1]) * 16),
    NodeRecord(TWO, peer_address="two:1"),
    NodeRecord(THREE),
]
STORE = bytes(range(16))
GREETED = PeerGreeted(TWO, 4, 1, 3, STORE)


def test_a_founder_that_was_met_is_known_after_a_restart(tmp_path: Path) -> None:
    """T13: with another store it is another node, which may not vote."""
    with opened(tmp_path / "d") as environment:
        first = founders.first_membership(environment, RECORDS, joins=False)
        Met(environment, first).remember(GREETED)
    with opened(tmp_path / "d") as environment:
        again = founders.first_membership(environment, RECORDS, joins=False)
        known = Met(environment, again)

    assert first.standing(TWO, b"emptied" + bytes(9)) is Standing.MEMBER
    assert again.standing(TWO, b"emptied" + bytes(9)) is Standing.OTHER_STORE
    assert again.standing(TWO, STORE) is Standing.MEMBER
    assert again.standing(THREE, b"any of them, yes") is Standing.MEMBER
    assert again.record(TWO) == replace(
        RECORDS[1], store_uuid=STORE, version_min=1, version_max=3
    )
    assert again.record(ONE) == RECORDS[0], "of itself the node knows best"
    assert known.facts == (GREETED,), "so the founders are recorded without it"


def test_a_greeting_is_written_once(tmp_path: Path) -> None:
    """A node that greets again costs no write; one of another release does."""
    with opened(tmp_path / "d") as environment:
        first = founders.first_membership(environment, RECORDS, joins=False)
        known = Met(environment, first)

        def writes() -> int:
            return int(environment.log.info()["last_txnid"])

        known.remember(GREETED)
        after_one = writes()
        known.remember(GREETED)
        assert writes() == after_one
        newer = replace(GREETED, state_version_max=9)
        known.remember(newer)
        assert writes() == after_one + 1
        assert met.load(environment) == (newer,)


@pytest.mark.parametrize(
    "membership",
    [
        Membership((ONE, TWO, THREE), index=Index(9)),
        Membership(()),
        Membership((ONE, THREE)),
    ],
    ids=["recorded", "joining", "not a founder"],
)
def test_nothing_is_remembered_where_the_log_says_it(
    tmp_path: Path, membership: Membership
) -> None:
    """F25: nor of a node that has promised nothing yet."""
    with opened(tmp_path / "d") as environment:
        Met(environment, membership).remember(GREETED)
        assert met.load(environment) == ()


def test_a_founder_that_shows_another_store_never_comes_so_far(tmp_path: Path) -> None:
    """F25: the greeting refuses it first."""
    with opened(tmp_path / "d") as environment:
        first = founders.first_membership(environment, RECORDS, joins=False)
        known = Met(environment, first)
        known.remember(GREETED)
        with pytest.raises(AssertionError):
            known.remember(replace(GREETED, store_uuid=bytes(16)))


def test_a_damaged_record_is_corruption(tmp_path: Path) -> None:
    """Every flipped byte is found; nothing is taken for a founder that was never met."""
    good = met.pack([GREETED])
    for at in range(len(good)):
        bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        with pytest.raises(CorruptionError, match="key met"):
            met.unpack(bad, where="here")
    with opened(tmp_path / "d") as environment:
        meta = environment.log_tables[keys.META]
        with environment.log.begin(db=meta, write=True) as transaction:
            transaction.put(keys.MET, good[:-1])
        with pytest.raises(CorruptionError, match="key met"):
            founders.first_membership(environment, RECORDS, joins=False)


def test_golden_bytes() -> None:
    """The record is durable: its layout stands."""
    stored = met.pack([replace(GREETED, node_id=THREE), GREETED])
    assert stored.hex() == (
        "010002"
        "00000002000102030405060708090a0b0c0d0e0f00040000000100000003"
        "00000003000102030405060708090a0b0c0d0e0f00040000000100000003"
        "4e677683"
    )
    assert met.unpack(stored, where="here") == (
        GREETED,
        replace(GREETED, node_id=THREE),
    )
