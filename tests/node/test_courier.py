"""Each waiting call ends exactly once, and nobody is told "failed" of what may still happen."""

import asyncio

import pytest

from ledgerd.errors import NotLogged, OutcomeUnknown, Reason
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.node.courier import Courier, message_of
from ledgerd.raft.entries import NO_NODE, Index, NodeId, Role, Term
from ledgerd.raft.ready import RoleChange
from ledgerd.replica.outbox import Answered, NotProposed, Outbox, ReadPoint, Unknown


def courier(told: list[object]) -> Courier:
    return Courier(
        loop=asyncio.get_running_loop(),
        api_addresses={NodeId(2): "127.0.0.1:7002"},
        on_role_change=told.append,
        on_visible=told.append,
    )


async def settle() -> None:
    """Let what was handed to the loop run."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_one_outbox_ends_many_calls_each_its_own_way() -> None:
    """Answers, refusals, unknowns and read points of one turn, in one wake-up."""

    async def run() -> None:
        told: list[object] = []
        post = courier(told)
        answered, decision = post.expect_decision()
        refused, refusal = post.expect_decision()
        lost, unknown = post.expect_decision()
        reader, point = post.expect_read_point()
        change = RoleChange(Role.FOLLOWER, Term(4), NodeId(2))
        outbox = Outbox(
            answers=[Answered(answered, Term(3), Index(9), 77, Outcomes(), 2, 5)],
            not_proposed=[NotProposed(refused, Reason.NOT_LEADER, NodeId(2))],
            unknown=[Unknown(lost, Reason.LEADERSHIP_LOST, NO_NODE)],
            reads=[ReadPoint(reader, Index(8))],
            role_change=change,
        )

        post.deliver(outbox)
        await settle()

        decided = decision.result()
        assert (decided.term, decided.index, decided.ts_us) == (3, 9, 77)
        assert (decided.first, decided.count) == (2, 5)
        refusal_error = refusal.exception()
        assert isinstance(refusal_error, NotLogged)
        assert refusal_error.metadata == {
            "leader": "2",
            "leader_address": "127.0.0.1:7002",
        }
        assert isinstance(unknown.exception(), OutcomeUnknown)
        assert point.result() == 8
        assert told == [change]
        assert post.calls_in_flight() == 0

    asyncio.run(run())


def test_an_answer_to_a_call_that_gave_up_is_dropped() -> None:
    """The deadline ended the call; the late answer has nobody to go to."""

    async def run() -> None:
        post = courier([])
        waiter, future = post.expect_decision()
        post.forget(waiter)

        answer = Answered(waiter, Term(1), Index(1), 1, Outcomes(), 0, 1)
        post.deliver(Outbox(answers=[answer]))
        await settle()

        assert not future.done()

    asyncio.run(run())


def test_at_the_end_what_was_proposed_is_unknown_and_reads_are_not_logged() -> None:
    """A stopping node does not know what its successor will commit. T65."""

    async def run() -> None:
        post = courier([])
        _, decision = post.expect_decision()
        _, point = post.expect_read_point()

        post.end_all(Reason.STOPPED_AFTER_PROPOSAL)

        assert isinstance(decision.exception(), OutcomeUnknown)
        assert isinstance(point.exception(), NotLogged)

    asyncio.run(run())


def test_an_empty_outbox_wakes_nobody() -> None:
    """Most turns only tick."""

    async def run() -> None:
        told: list[object] = []
        post = courier(told)
        post.deliver(Outbox(again=True, needs_settle=True))
        await settle()

        assert told == []

    asyncio.run(run())


@pytest.mark.parametrize(
    "reason",
    [
        Reason.NOT_LEADER,
        Reason.NO_LEADER,
        Reason.OVERLOADED,
        Reason.UNCOMMITTED_QUOTA,
        Reason.READ_NOT_CONFIRMED,
        Reason.NOT_READY,
        Reason.STOPPING,
        Reason.LEADERSHIP_LOST,
        Reason.STOPPED_AFTER_PROPOSAL,
        Reason.DEADLINE_AFTER_PROPOSAL,
    ],
)
def test_every_reason_a_node_gives_says_what_to_do(reason: Reason) -> None:
    """A message is a sentence, not a code."""
    assert message_of(reason) != reason.value
