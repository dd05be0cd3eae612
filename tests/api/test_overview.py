"""What a node says of the cluster: members always, progress only if it leads."""

from dataclasses import replace

from ledgerd.api.overview import overview
from ledgerd.raft.entries import Index, NodeId, Role, Term
from ledgerd.raft.membership import Membership
from ledgerd.raft.progress import Mode
from ledgerd.raft.status import PeerStatus, Status

ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)
LEADER = Status(
    node_id=ONE,
    role=Role.LEADER,
    term=Term(7),
    vote=ONE,
    leader=ONE,
    commit=Index(90),
    durable=Index(95),
    applied=Index(90),
    first=Index(1),
    last=Index(100),
    membership=Membership((ONE, TWO), learners=(THREE,), index=Index(40)),
    peers=(
        PeerStatus(
            TWO, Mode.REPLICATE, Index(80), Index(101), 1, 9, True,
            is_slow=True, protocol=1, state_versions=(1, 1), free_bytes=0,
        ),
        PeerStatus(
            THREE, Mode.PROBE, Index(0), Index(1), 0, 0, False, is_heard=False
        ),
    ),
)  # fmt: skip


def shown(core: Status):
    return overview(
        core, cluster_id="c", state_version=2, addresses={TWO: "127.0.0.1:7002"}
    )


def test_a_leader_says_how_far_everybody_is() -> None:
    """Lag counts what is not durable there, of the leader's own disk too."""
    reply = shown(LEADER)
    one, two, three = reply.nodes

    assert (reply.commit_index, reply.last_index, reply.membership_index) == (
        90,
        100,
        40,
    )
    assert (one.as_heard.mode, one.as_heard.lag_entries) == ("leader", 5)
    assert (two.as_heard.lag_entries, two.as_heard.slow) == (20, True)
    assert (two.as_heard.protocol, two.as_heard.state_version_max) == (1, 1)
    assert two.api_address == "127.0.0.1:7002"
    assert (three.voter, three.as_heard.heard) == (False, False)
    assert three.as_heard.protocol == 0


def test_room_that_is_not_known_is_not_0() -> None:
    """0 is a node that is low (F36); a peer of an older release says nothing."""
    one, two, three = shown(replace(LEADER, free_bytes=17)).nodes

    assert one.as_heard.free_bytes == 17
    assert (two.as_heard.HasField("free_bytes"), two.as_heard.free_bytes) == (True, 0)
    assert not three.as_heard.HasField("free_bytes")


def test_another_node_says_only_who_takes_part() -> None:
    """What it would say of the others' progress would be made up."""
    follower = replace(LEADER, role=Role.FOLLOWER, leader=TWO, peers=())

    assert [node.HasField("as_heard") for node in shown(follower).nodes] == [False] * 3
    assert [node.voter for node in shown(follower).nodes] == [True, True, False]
