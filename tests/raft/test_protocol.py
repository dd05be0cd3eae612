"""Which release understands which message, and what is known of each peer's release."""

from typing import get_args

import pytest

from ledgerd.raft.entries import NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.messages import EarlyMessage, Heartbeat, LateMessage
from ledgerd.raft.protocol import (
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    SINCE,
    Releases,
    is_understood,
)
from tests.raft.harness import Cluster

TWO, THREE = NodeId(2), NodeId(3)
# What release 0.1.0 understands; it will never learn more.
OF_0_1_0 = """
    PreVote PreVoteReply RequestVote RequestVoteReply AppendEntries AppendAccepted
    AppendRejected Heartbeat HeartbeatReply ReadIndexRequest ReadIndexReply TermOver
""".split()  # noqa: SIM905 - a list this long is read more easily as words


def test_every_class_says_since_when_it_is_understood() -> None:
    """A class without a row would be sent to a release that ends the stream over it. F26."""
    classes = {*get_args(EarlyMessage), *get_args(LateMessage)}

    assert classes == set(SINCE)


def test_the_first_version_is_that_of_the_first_release() -> None:
    """What an older release understands cannot change any more."""
    first = {kind.__name__ for kind in SINCE if is_understood(kind, PROTOCOL_MIN)}

    assert first == set(OF_0_1_0)


def test_what_a_peer_said_last_counts() -> None:
    """A node that was taken back to an older release is believed. F26."""
    releases = Releases()
    releases.greeted(PeerGreeted(TWO, 2, 1, 3))
    releases.greeted(PeerGreeted(TWO, 1, 1, 1))

    assert releases.protocol(TWO) == 1
    assert releases.state_versions(TWO) == (1, 1)
    assert releases.speaks(TWO, Heartbeat)


@pytest.mark.parametrize(
    ("greeted", "own", "expected"),
    [
        ((), 3, None),
        ((PeerGreeted(TWO, 2, 1, 2),), 3, None),
        ((PeerGreeted(TWO, 2, 1, 2), PeerGreeted(THREE, 2, 1, 4)), 3, 2),
        ((PeerGreeted(TWO, 2, 1, 4), PeerGreeted(THREE, 2, 1, 4)), 3, 3),
    ],
)
def test_the_state_version_of_all_is_unknown_until_all_have_greeted(
    greeted, own, expected
) -> None:
    """No version is raised over the head of a node that nobody has heard of. T67."""
    releases = Releases()
    for fact in greeted:
        releases.greeted(fact)

    assert releases.state_version_max([TWO, THREE], own) == expected


def test_the_core_remembers_what_it_is_told() -> None:
    """The fact reaches the core; a peer that never greeted counts as one of this release."""
    core = Cluster(3)[1].core
    core.note(PeerGreeted(TWO, 1, 1, 1))

    assert core.releases.protocol(TWO) == 1
    assert core.releases.protocol(THREE) == PROTOCOL_MAX
