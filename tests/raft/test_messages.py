"""Message classes: which may leave early, and that the queues follow the class."""

from dataclasses import FrozenInstanceError, fields

import pytest

from ledgerd.raft.entries import NodeId, Term
from ledgerd.raft.messages import (
    EarlyMessage,
    LateMessage,
    Message,
    PreVote,
    RequestVote,
    TermOver,
)
from ledgerd.raft.outgoing import Outgoing
from tests.raft.test_dispatch import kinds, message_of


def test_each_class_is_early_or_late() -> None:
    """raft.md 1.4: one or the other, decided once."""
    early, late = set(EarlyMessage.__args__), set(LateMessage.__args__)

    assert not early & late
    assert early | late == set(Message.__args__)


def test_a_class_says_which_it_is() -> None:
    """The docstring and the union cannot disagree."""
    for kind in kinds():
        text = kind.__doc__ or ""
        is_early = kind in EarlyMessage.__args__

        assert ("Not early" in text) is not is_early, kind


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_the_class_picks_the_queue(kind: type[Message]) -> None:
    """T1, T3, T81: what rests on durable state cannot be sent early."""
    out = Outgoing(NodeId(2))
    message = message_of(kind, 1)
    out.send(message)

    if kind in EarlyMessage.__args__:
        assert out.take_early() == (message,)
        assert out.take_late() == ()
    else:
        assert out.take_early() == ()
        assert out.take_late() == (message,)


def test_vote_requests_are_late() -> None:
    """T81."""
    assert {PreVote, RequestVote} <= set(LateMessage.__args__)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_messages_are_immutable(kind: type[Message]) -> None:
    """T79: no alias links a log and a message."""
    message = message_of(kind, 1)
    for field in fields(message):
        with pytest.raises(FrozenInstanceError):
            setattr(message, field.name, None)


def test_a_message_to_oneself_is_a_bug() -> None:
    """Own votes and acks are counted by ticket and never become messages."""
    with pytest.raises(AssertionError):
        Outgoing(NodeId(1)).send(TermOver(NodeId(1), NodeId(1), Term(1)))
