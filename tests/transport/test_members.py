"""Peers come and go with the membership, and each is known by its number and its store."""

import asyncio

import pytest

from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.membership import Membership, NodeRecord
from ledgerd.transport.greeting import Refusal
from tests.transport.conftest import Station

ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)


def store(node_id: int) -> bytes:
    return bytes([node_id]) * 16


def members(*records: NodeRecord, last: int = 0) -> Membership:
    ids = tuple(record.node_id for record in records)
    return Membership(
        ids, index=Index(1), nodes=records, node_id_last=NodeId(last or ids[-1])
    )


def test_a_new_member_is_dialled_where_its_record_says(peers) -> None:
    """F25: nobody's configuration names it; it dials back who greeted it."""

    async def run() -> None:
        joining = peers.station(3, {})
        await joining.transport.start()
        at = peers.free_address()
        one = peers.station(
            1, {}, membership=members(NodeRecord(ONE)), listen=at, peer_address=at
        )
        await one.transport.start()
        one.transport.follow(
            members(
                NodeRecord(ONE), NodeRecord(THREE, peer_address=joining.address), last=3
            )
        )
        await peers.until(
            lambda: (
                one.transport.connected() == {THREE: True}
                and joining.transport.connected() == {ONE: True}
            ),
            "both dialled",
        )
        assert [g.store_uuid for g in one.greeted if g.node_id == THREE] != []

        # It is removed: nobody dials it, and it is told so when it dials.
        one.transport.follow(members(NodeRecord(ONE), last=3))
        await peers.until(lambda: bool(joining.expelled), "it is told")
        assert one.transport.connected() == {}
        assert joining.expelled[0][0] is Refusal.REMOVED
        await joining.transport.stop(0)
        await one.transport.stop(0)

    asyncio.run(run())


def test_a_member_that_moved_is_dialled_where_it_is_now(peers) -> None:
    """An update of its record is enough."""

    async def run() -> None:
        two = peers.station(2, {})
        await two.transport.start()
        before = NodeRecord(TWO, peer_address="127.0.0.1:9")
        one = peers.station(1, {}, membership=members(NodeRecord(ONE), before))
        await one.transport.start()
        assert one.transport.connected() == {TWO: False}
        moved = NodeRecord(TWO, peer_address=two.address)
        one.transport.follow(members(NodeRecord(ONE), moved))
        await peers.until(
            lambda: one.transport.connected() == {TWO: True}, "it is found"
        )
        await two.transport.stop(0)
        await one.transport.stop(0)

    asyncio.run(run())


def test_an_emptied_store_under_an_old_number_is_told_what_to_do(peers) -> None:
    """F25, T13: the membership says which store a node has, also after a restart of its peers."""

    async def run() -> None:
        recorded = members(NodeRecord(ONE, store(1)), NodeRecord(TWO, store(2)))
        one = peers.station(1, {2: "127.0.0.1:9"}, membership=recorded)
        await one.transport.start()
        wiped = peers.station(2, {1: one.address}, store_id=store(9))
        await wiped.transport.start()
        await peers.until(lambda: bool(wiped.expelled), "it is told")

        refusal, why = wiped.expelled[0]
        assert refusal is Refusal.STORE_CHANGED
        assert "ledgerctl cluster replace 2" in why
        assert one.greeted == []
        assert one.received == []
        await wiped.transport.stop(0)
        await one.transport.stop(0)

    asyncio.run(run())


def test_the_old_store_is_let_in_after_an_emptied_one_was_refused(peers) -> None:
    """F25: what was refused is not remembered, or the right store would be refused for it."""

    async def run() -> None:
        recorded = members(NodeRecord(ONE, store(1)), NodeRecord(TWO, store(2)))
        one = peers.station(1, {2: "127.0.0.1:9"}, membership=recorded)
        await one.transport.start()
        wiped = peers.station(2, {1: one.address}, store_id=store(9))
        await wiped.transport.start()
        await peers.until(lambda: bool(wiped.expelled), "it is told")
        await wiped.transport.stop(0)
        brought_back = peers.station(2, {1: one.address}, store_id=store(2))
        await brought_back.transport.start()
        await peers.until(
            lambda: (
                bool(brought_back.expelled)
                or brought_back.transport.connected() == {ONE: True}
            ),
            "it is judged",
        )

        assert brought_back.expelled == []
        await brought_back.transport.stop(0)
        await one.transport.stop(0)

    asyncio.run(run())


@pytest.mark.parametrize(("then", "is_refused"), [(4, True), (5, True), (6, False)])
def test_an_older_copy_of_a_store_is_told_what_to_do(
    peers, then: int, is_refused: bool
) -> None:
    """F35: what it promised after the copy was made is lost, and no checksum fails.

    The copy was of the start before the last one, so it repeats a number at most.
    """

    async def run() -> None:
        recorded = members(NodeRecord(ONE, store(1)), NodeRecord(TWO, store(2)))
        one = peers.station(1, {2: "127.0.0.1:9"}, membership=recorded)
        await one.transport.start()
        before = peers.station(2, {1: one.address}, store_id=store(2), boot=5)
        await before.transport.start()
        await peers.until(
            lambda: before.transport.connected() == {ONE: True}, "it is let in"
        )
        await before.transport.stop(0)
        after = peers.station(2, {1: one.address}, store_id=store(2), boot=then)
        await after.transport.start()
        await peers.until(
            lambda: bool(after.expelled) or after.transport.connected() == {ONE: True},
            "it is judged",
        )

        assert bool(after.expelled) is is_refused
        if is_refused:
            refusal, why = after.expelled[0]
            assert refusal is Refusal.STORE_ROLLED_BACK
            assert "ledgerctl cluster replace 2" in why
        await after.transport.stop(0)
        await one.transport.stop(0)

    asyncio.run(run())


def test_a_node_that_nobody_added_yet_may_begin_anew(peers) -> None:
    """It has promised nothing: what counts is the store that it has when it is recorded."""

    async def greets(one: Station, store_id: bytes) -> None:
        waiting = peers.station(3, {1: one.address}, store_id=store_id)
        await waiting.transport.start()
        await peers.until(
            lambda: waiting.transport.connected() == {ONE: True}, "it is let in"
        )
        await waiting.transport.stop(0)

    async def run() -> None:
        one = peers.station(1, {}, membership=members(NodeRecord(ONE, store(1))))
        await one.transport.start()
        await greets(one, store(3))
        await greets(one, store(9))
        assert [greeted.store_uuid for greeted in one.greeted] == [store(3), store(9)]
        await one.transport.stop(0)

    asyncio.run(run())
