"""The turn: persist, then promise; one answer for each waiter; one ledger on all nodes."""

import pytest

from ledgerd.errors import Reason, StorageError
from ledgerd.formats import commands
from ledgerd.ledger.commands import Cancel, SubmitTerms
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.limits import ENTRY_BYTES_MAX, PAGE_COMMANDS_MAX
from ledgerd.raft.changes import Op, OpKind, Simple
from ledgerd.raft.entries import EntryKind, NodeId, Role
from ledgerd.raft.membership import NodeRecord
from ledgerd.raft.messages import (
    AppendAccepted,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from ledgerd.raft.options import Options
from ledgerd.raft.ready import Proposed
from ledgerd.replica.compaction import LogBounds
from ledgerd.replica.inputs import (
    CommandProposed,
    Input,
    ReadsRequested,
    Received,
    Ticked,
    Waiter,
)
from ledgerd.replica.outbox import Outbox
from ledgerd.replica.ports import Receipt
from ledgerd.replica.proposals import draft_commands, draft_payouts
from ledgerd.replica.versions import StateVersion
from tests.replica.machines import (
    START_US,
    Machine,
    Machines,
    fund,
    open_account,
    payouts,
    uuid7,
)


def funded(machines: Machines, amount_minor: int = 100_000) -> None:
    """Elect node 1 and give the account money."""
    leader = machines.elect(1)
    leader.turn(open_account())
    machines.deliver()
    leader.turn(fund(amount_minor))
    machines.deliver()


def cancel(reason_bytes: int) -> Cancel:
    """Return a command of about this size, larger than the edge lets through."""
    return Cancel(uuid7(1), uuid7(2), "r" * reason_bytes, "tests")


def test_nothing_that_rests_on_the_log_leaves_before_the_sync() -> None:
    """On every node, in every turn: votes and acks come after the persist. C2, T1, T3, T81."""
    machines = Machines()
    funded(machines)
    machines[1].turn(payouts(1, 1, 2, 3))
    machines.deliver()

    acks = grants = 0
    for machine in machines.by_id.values():
        for message, hard_state, last in machine.post.promised:
            assert hard_state is not None, "one twin at least is always there"
            if isinstance(message, AppendAccepted):
                acks += 1
                assert message.match <= last, (message, last)
            if isinstance(message, RequestVote):
                assert (hard_state.term, hard_state.vote) == (
                    message.term,
                    machine.node_id,
                )
            if isinstance(message, RequestVoteReply) and message.granted:
                grants += 1
                assert (hard_state.term, hard_state.vote) == (message.term, message.to)
    assert acks >= 4, acks
    assert grants >= 1, grants


def test_an_ack_leaves_before_the_page_behind_it_is_applied() -> None:
    """A follower that acks holds its page back for one turn, and never for two."""
    machines = Machines()
    funded(machines)
    follower = machines[2]
    follower.turn()  # what was held back before
    applied = follower.state.applied()
    machines[1].turn(payouts(1, 1))
    machines[1].turn(_ack_of(machines, 2))  # commits it, and says so
    machines[1].turn(payouts(2, 2))

    held = follower.replica.turn(_to(machines, 2), lambda: 0)
    assert isinstance(follower.post.sent[-1], AppendAccepted)
    assert held.again, held
    assert held.sends_first, held
    assert held.holds_page, held
    assert follower.state.applied() == applied

    machines[1].turn(payouts(3, 3))
    assert not follower.replica.turn(_to(machines, 2), lambda: 0).holds_page
    assert follower.state.applied() == applied + 1


def _later(machine: Machine, *inputs: Input) -> Outbox:
    """Take a turn that no settling follows."""
    outbox = machine.replica.turn(inputs, lambda: START_US, is_settling=False)
    machine.outboxes.append(outbox)
    return outbox


def _carry(machines: Machines) -> None:
    """Carry messages until nobody has any; no turn of node 2 is followed by a settling."""
    while sent := [m for machine in machines.by_id.values() for m in machine.post.sent]:
        for machine in machines.by_id.values():
            machine.post.sent.clear()
        for message in sent:
            if message.to == 2:
                _later(machines[2], Received(message))
            else:
                machines[message.to].turn(Received(message))


def _behind(machines: Machines, *, rows: int = 1) -> Machine:
    """Return node 2, a follower that knows of more that is committed than it applied."""
    funded(machines)
    machines.tick(30)
    machines[1].turn(payouts(1, *range(100, 100 + rows)))
    _carry(machines)
    machines[1].turn(payouts(2, 2))  # carries the commit index of the one before
    _carry(machines)
    return machines[2]


def _backlog(machine: Machine) -> int:
    status = machine.replica.core.status()
    assert status.applied == machine.state.applied()
    return status.commit - status.applied


def test_a_follower_puts_off_what_is_little_until_it_settles() -> None:
    """Nobody sees it before; what is committed by then is applied in one go."""
    machines = Machines()
    follower = _behind(machines)
    assert not follower.outboxes[-1].again
    assert follower.outboxes[-1].needs_settle
    backlog = _backlog(follower)
    assert backlog >= 1

    machines[1].turn(payouts(3, 3))
    _carry(machines)
    _later(follower, Ticked(1, 0))
    assert _backlog(follower) == backlog + 1

    follower.turn()
    assert _backlog(follower) == 0


def test_a_follower_puts_off_nothing_that_is_large() -> None:
    """Else it would have much to do when it is to lead. T94."""
    machines = Machines()
    follower = _behind(machines, rows=200)
    large = machines[1].replica.core.status().last - 1
    while follower.outboxes[-1].again:
        _later(follower)
    assert follower.state.applied() >= large


def test_a_follower_that_is_far_behind_puts_off_nothing() -> None:
    """Who was down has a long log to fold, and must not fold it a page a settling. T94."""
    machines = Machines()
    funded(machines)
    machines.tick(30)
    machines.cut.add(2)
    for number in range(1, 41):
        machines[1].turn(payouts(number, number))
        machines.deliver()
    machines.cut.clear()
    follower = machines[2]
    behind = 0
    for _ in range(40):
        for node_id in (1, 3):
            machines[node_id].turn(Ticked(1, 0))
        _later(follower, Ticked(1, 0))
        _carry(machines)
        behind = max(behind, _backlog(follower))
        while follower.outboxes[-1].again:
            _later(follower)
    assert behind > 16
    assert _backlog(follower) <= 16


def test_a_follower_puts_off_nothing_that_a_reader_waits_for() -> None:
    """A read point is of what is committed: its reader waits until that is applied. R12."""
    machines = Machines()
    follower = _behind(machines)
    _later(follower, ReadsRequested(Waiter(9)))
    _carry(machines)
    while follower.outboxes[-1].again:
        _later(follower)

    points = [point for outbox in follower.outboxes for point in outbox.reads]
    assert [point.waiter for point in points] == [9]
    assert follower.state.applied() >= points[0].index > 3


def test_who_campaigns_applies_what_it_put_off() -> None:
    """A leader answers, so it puts nothing off, and neither does who wants to be one."""
    machines = Machines()
    follower = _behind(machines)
    follower.replica.core.campaign()
    _later(follower)
    while follower.outboxes[-1].again:
        _later(follower)
    assert follower.role is Role.PRE_CANDIDATE
    assert _backlog(follower) == 0


def test_a_follower_puts_off_no_change_of_the_membership() -> None:
    """It could not take over meanwhile: a membership that is not in force holds it back. T52."""
    machines = Machines(bounds=LogBounds())
    funded(machines)
    machines.tick(30)
    record = NodeRecord(NodeId(3), region="far")
    change = Simple((Op(OpKind.UPDATE, NodeId(3), record),))
    assert isinstance(machines[1].replica.core.change(change), Proposed)
    machines[1].turn()
    _carry(machines)
    machines[1].turn(payouts(1, 1))  # carries the commit index of the change
    _carry(machines)
    follower = machines[2]
    while follower.outboxes[-1].again:
        _later(follower)
    assert record in follower.replica.core.membership.nodes

    term = follower.replica.core.term
    _later(follower, Received(TimeoutNow(NodeId(1), NodeId(2), term)))
    assert follower.role is Role.CANDIDATE


def test_an_answer_leaves_before_its_entry_is_recorded() -> None:
    """What waits for nobody comes after the answer, and is in the state when it settles."""
    machines = Machines()
    funded(machines)
    leader = machines[1].replica
    leader.turn([payouts(1, 1)], lambda: START_US)
    ack = _ack_of(machines, 2)
    applied = machines[1].state.applied()
    outbox = leader.turn([ack], lambda: START_US)
    assert len(outbox.answers) == 1
    assert outbox.again, outbox
    assert outbox.sends_first, outbox
    assert machines[1].state.applied() == applied
    assert leader.settle() == applied + 1 == machines[1].state.applied()


def _to(machines: Machines, node_id: int) -> list[Received]:
    """Take what the leader sent to a node off the network."""
    sent = [Received(m) for m in machines[1].post.sent if m.to == node_id]
    machines[1].post.sent.clear()
    return sent


def _ack_of(machines: Machines, node_id: int) -> Received:
    """Let a follower take what was sent to it; return its ack."""
    machines[node_id].turn(*_to(machines, node_id))
    acks = [m for m in machines[node_id].post.sent if isinstance(m, AppendAccepted)]
    machines[node_id].post.sent.clear()
    return Received(acks[-1])


def test_a_leader_sends_while_it_writes() -> None:
    """AppendEntries leaves before the leader's own sync. F18, thesis 10.2.1."""
    machines = Machines()
    funded(machines)
    events = machines[1].events
    events.clear()

    machines[1].turn(payouts(1, 1))

    assert events[:3] == ["early AppendEntries", "early AppendEntries", "persist"]


def test_an_answer_needs_a_quorum() -> None:
    """The leader alone, cut off, answers nobody however often it turns. 5.3."""
    machines = Machines()
    funded(machines)
    machines.cut = {1}

    outboxes = [machines[1].turn(payouts(1, 1))]
    outboxes += [machines[1].turn() for _ in range(5)]

    assert [answer for outbox in outboxes for answer in outbox.answers] == []


def test_waiting_calls_share_one_entry_and_each_gets_its_own_rows() -> None:
    """Three calls that wait together cost one entry; the columns are split by share."""
    machines = Machines()
    funded(machines, amount_minor=350)
    last = machines[1].replica.core.status().last

    machines[1].turn(payouts(1, 1, 2), payouts(2, 3), payouts(3, 4, 2))
    machines.deliver()

    answers = [a for outbox in machines[1].outboxes for a in outbox.answers][2:]
    codes = {
        a.waiter: list(a.outcomes.codes[a.first : a.first + a.count]) for a in answers
    }
    assert machines[1].replica.core.status().last == last + 1
    assert codes == {
        1: [Outcome.CREATED, Outcome.CREATED],
        2: [Outcome.CREATED],
        3: [Refusal.INSUFFICIENT_FUNDS, Outcome.REPLAYED],
    }


def test_payouts_with_terms_have_an_entry_to_themselves() -> None:
    """Its rows are commands; before and behind it the columns share entries as ever."""
    plain, other, last = payouts(1, 1, 2), payouts(2, 3), payouts(3, 4)
    with_terms = payouts(4, 5, 6)
    with_terms.batch.terms[1] = SubmitTerms(fee_expected_minor=7)

    drafts = list(draft_payouts([plain, other, with_terms, last]))

    assert [draft.kind for draft in drafts] == [
        EntryKind.PAYOUTS,
        EntryKind.COMMANDS,
        EntryKind.PAYOUTS,
    ]
    assert [
        [(share.waiter, share.first, share.count) for share in draft.shares]
        for draft in drafts
    ] == [[(1, 0, 2), (2, 2, 1)], [(4, 0, 2)], [(3, 0, 1)]]
    assert commands.decode(drafts[1].payload) == tuple(with_terms.batch.commands())
    assert not StateVersion(2).permits_batch(with_terms.batch)
    assert StateVersion(3).permits_batch(with_terms.batch)


def test_every_node_computes_the_same_digest_at_every_index() -> None:
    """Apply is a function of the log. R6, I12."""
    machines = Machines()
    funded(machines)
    for number in range(10):
        machines[1].turn(payouts(number, number, number + 1))
        machines.deliver()

    digests = [machine.state.digests for machine in machines.by_id.values()]

    assert digests[0] == digests[1] == digests[2]
    assert len(digests[0]) >= 13


@pytest.mark.parametrize("node_id", [2, 3])
def test_a_follower_refuses_proposals_as_not_logged_and_names_the_leader(
    node_id: int,
) -> None:
    """F19: no forwarding; the client follows the hint."""
    machines = Machines()
    funded(machines)

    outbox = machines[node_id].turn(payouts(7, 1))

    assert [(n.waiter, n.reason, n.leader) for n in outbox.not_proposed] == [
        (7, Reason.NOT_LEADER, 1)
    ]


def test_a_leader_that_steps_down_tells_its_waiters_unknown_and_never_failed() -> None:
    """T65: what was proposed may still be committed by the next leader."""
    machines = Machines()
    funded(machines)
    machines.cut = {1}
    machines[1].turn(payouts(7, 1))
    for _ in range(60):
        machines[1].turn(Ticked(1, 0))

    unknown = [u for outbox in machines[1].outboxes for u in outbox.unknown]
    answers = [a for outbox in machines[1].outboxes for a in outbox.answers]

    assert machines[1].role is not Role.LEADER
    assert [(u.waiter, u.reason) for u in unknown] == [(7, Reason.LEADERSHIP_LOST)]
    assert 7 not in [answer.waiter for answer in answers]


def test_a_retry_at_the_next_leader_is_applied_once() -> None:
    """The old leader's entry is superseded or kept; either way the id pays once. T65, I16."""
    machines = Machines()
    funded(machines)
    machines.cut = {1}
    machines[1].turn(payouts(7, 1))
    machines.cut = set()
    for _ in range(80):
        for node_id in (2, 3):
            machines[node_id].turn(Ticked(1, 0))
        machines.cut = {1}
        machines.deliver()
    leader = next(m for m in (machines[2], machines[3]) if m.role is Role.LEADER)
    machines.cut = set()
    leader.turn(payouts(8, 1))
    machines.tick(40)

    heads = [len(m.state.ledger.all_payouts()) for m in machines.by_id.values()]
    account = leader.state.ledger.all_accounts()[0]

    assert heads == [1, 1, 1]
    assert account.balances.reserved_minor == 100


def test_a_read_point_is_at_least_the_commit_it_saw() -> None:
    """R12: a read that begins after an answer sees what was answered."""
    machines = Machines()
    funded(machines)
    machines[1].turn(payouts(1, 1))
    machines.deliver()
    committed = machines[1].replica.core.status().commit

    machines[1].turn(ReadsRequested(Waiter(50)), ReadsRequested(Waiter(51)))
    machines[3].turn(ReadsRequested(Waiter(52)))
    machines.deliver()

    points = {
        point.waiter: point.index
        for machine in machines.by_id.values()
        for outbox in machine.outboxes
        for point in outbox.reads
    }
    assert set(points) == {50, 51, 52}
    assert min(points.values()) >= committed


def test_a_backlog_is_applied_page_by_page() -> None:
    """T94: no turn applies more than its budget, but at least one entry."""
    machines = Machines(1, Options(apply_bytes_max=64 * 1024 * 1024))
    leader = machines.elect(1)
    leader.turn(open_account())
    leader.turn(fund(10**9))
    leader.turn()
    half = PAGE_COMMANDS_MAX // 2 + 1
    numbers = iter(range(10 * half))
    inputs = [payouts(n, *(next(numbers) for _ in range(half))) for n in range(3)]

    outbox = leader.turn(*inputs)
    applied = [len(leader.state.ledger.all_payouts()) // half]
    while outbox.again:
        outbox = leader.turn()
        applied.append(len(leader.state.ledger.all_payouts()) // half)

    assert applied[:2] == [2, 3]
    assert applied[2:] in ([], [3])  # a last turn records what was answered
    assert len(leader.state.ledger.all_payouts()) == 3 * half


def _work_of(machine: Machine, *inputs: Input) -> tuple[bool, int, int]:
    """Take a turn: whether it was heavy, commands it decided, entries it recorded."""
    before = machine.state.applied()
    outbox = machine.replica.turn(inputs, lambda: START_US)
    decided = sum(commands for _, commands in outbox.applied)
    return outbox.is_heavy, decided, machine.state.applied() - before


def test_a_large_entry_is_decided_and_recorded_in_turns_of_their_own() -> None:
    """T94: on every node, so that messages and ticks pass in between."""
    machines = Machines()
    funded(machines)
    leader, follower = machines[1], machines[2]
    follower.turn()  # what was held back before
    large = range(1, PAGE_COMMANDS_MAX + 2)
    leader.turn(payouts(1, *large), payouts(2, len(large) + 1))
    ack = _ack_of(machines, 2)

    assert _work_of(leader, ack) == (True, len(large), 0)
    assert _work_of(leader) == (True, 0, 1)
    assert _work_of(leader) == (False, 1, 0)  # answered first, as any
    assert _work_of(leader, Ticked(3, 0)) == (False, 0, 1)
    told = _to(machines, 2)
    assert _work_of(follower, *told) == (False, 0, 0)  # its acks leave first
    assert _work_of(follower) == (True, len(large), 0)
    assert _work_of(follower) == (True, 0, 1)
    assert _work_of(follower) == (False, 1, 1)
    assert follower.state.digest() == leader.state.digest()


def test_a_turn_may_be_told_to_take_no_page() -> None:
    """Between a large entry and its settling; what was decided is recorded, and nothing is lost."""
    machines = Machines(1)
    leader = machines.elect(1)
    leader.turn(open_account())
    leader.turn(fund(10**9))
    leader.turn()
    large = range(1, PAGE_COMMANDS_MAX + 2)
    before = leader.state.applied()
    proposed = payouts(1, *large), payouts(2, len(large) + 1)
    assert _work_of(leader, *proposed) == (True, len(large), 0)

    for _ in range(2):
        outbox = leader.replica.turn((), lambda: START_US, takes_page=False)
        assert outbox.applied == []
        assert outbox.again
        assert leader.state.applied() == before + 1
    assert not outbox.is_heavy
    assert _work_of(leader) == (False, 1, 0)


def test_log_time_rises_even_when_the_clock_does_not() -> None:
    """I11: ts_us = max(previous + 1, clock)."""
    machines = Machines(1)
    leader = machines.elect(1)
    leader.turn(open_account(), now_us=1_000)
    leader.turn(fund(500), now_us=5)

    first, second, third = (
        leader.replica.core.entries(index, index, 1)[0]  # type: ignore[arg-type]
        for index in (1, 2, 3)
    )
    assert first.kind is EntryKind.NOOP
    assert first.ts_us < second.ts_us < third.ts_us


def test_a_failed_sync_stops_the_turn_before_anything_is_promised() -> None:
    """T8, C7: no ack, no answer, and the error is the caller's to end the process with."""
    machines = Machines()
    funded(machines)
    follower = machines[2]
    machines[1].turn(payouts(1, 1))
    append = [m for m in machines[1].post.sent if m.to == 2]
    follower.disk.fail_in = 1
    follower.events.clear()
    follower.post.sent.clear()

    with pytest.raises(StorageError):
        follower.turn(*[Received(message) for message in append])

    assert [m for m in follower.post.sent if type(m).__name__ == "AppendAccepted"] == []


def test_commands_that_fill_an_entry_leave_room_for_its_header() -> None:
    """An entry a byte too large is a failed assertion, and would stop the leader."""
    half = ENTRY_BYTES_MAX // 2
    around = commands.size_bytes(cancel(half)) - half
    two = [cancel(half - around)] * 2
    assert sum(map(commands.size_bytes, two)) == ENTRY_BYTES_MAX

    drafts = list(
        draft_commands([CommandProposed(Waiter(n), two[n]) for n in range(2)])
    )

    assert [len(draft.shares) for draft in drafts] == [1, 1]
    assert all(len(draft.payload) <= ENTRY_BYTES_MAX for draft in drafts)


def test_receipts_cannot_be_made_by_anybody_else() -> None:
    """Persist, then promise, by construction."""
    with pytest.raises(AssertionError, match=r"LogStore\.persist"):
        Receipt(1, mint=object())  # type: ignore[arg-type]


def test_the_same_id_in_two_waiting_calls_is_decided_in_order() -> None:
    """Both go through the log in one entry; the first creates, the second is replayed."""
    machines = Machines()
    funded(machines)
    machines[1].turn(payouts(1, 5), payouts(2, 5))
    machines.deliver()

    answers = [a for outbox in machines[1].outboxes for a in outbox.answers][2:]

    assert [a.outcomes.codes[a.first] for a in answers] == [
        Outcome.CREATED,
        Outcome.REPLAYED,
    ]
    assert uuid7(5) in machines[3].state.ledger.all_payouts()[0][0].payout_id
