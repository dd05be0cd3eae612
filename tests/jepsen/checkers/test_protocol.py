"""The offline checker passes a right story and names the invariant that each wrong one breaks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from jepsen.checkers.protocol.check import check_protocol
from jepsen.checkers.protocol.events import Event, Voting, merge, parse
from jepsen.checkers.protocol.rules import RULES, overlap
from jepsen.checkers.verdict import Verdict
from jepsen.cli import cli
from tests.jepsen.checkers.story import THREE, A, B, Story, usual

X = [2, 2, "x"]


def two_leaders() -> Story:
    story = Story(5).elect(1, 1, 2)
    return story.add("become-leader", 3, term=1, role="leader")


def two_votes() -> Story:
    story = Story(5).elect(1, 1, 2)
    story.persist(3, hard=(1, 3))
    return story.send(3, "3->3 RequestVote term=1 last=0/0").send(
        3, "3->1 RequestVoteReply term=1 granted"
    )


def a_vote_forgotten_in_a_crash() -> Story:
    return Story().elect(1, 1, 2).start(2, term=1, vote=3)


def a_leader_replaces_its_own() -> Story:
    return Story().elect(1, 1, 2).store(A, 1, 2).persist(1, [1, 1, "z"])


def two_entries_of_one_name() -> Story:
    return Story().elect(1, 1, 2).persist(1, A).persist(2, [1, 1, "z"])


def a_leader_lacks_what_was_committed() -> Story:
    story = Story().elect(1, 1, 2).store(A, 1, 2)
    return story.commit(1, A, term=1, role="leader").elect(3, 2, 2)


def two_entries_are_committed() -> Story:
    story = Story().elect(1, 1, 2).store(A, 1, 2).commit(1, A, term=1, role="leader")
    return story.commit(3, [2, 1, "z"], term=2, role="follower")


def a_commit_without_quorum() -> Story:
    story = Story(5).elect(1, 1, 2, 3).store(A, 1, 2)
    return story.commit(1, A, term=1, role="leader")


def a_commit_without_the_outgoing_half() -> Story:
    joint = {"voters": [1, 4, 5], "outgoing": [1, 2, 3]}
    story = Story(5, membership=joint).elect(1, 1, 2, 4).store(A, 1, 4, 5)
    return story.commit(1, A, term=1, role="leader")


def a_commit_that_nobody_else_has_on_disk() -> Story:
    """M1: acked before the write."""
    story = Story().elect(1, 1, 2).persist(1, A)
    story.send(2, "2->1 AppendAccepted term=1 match=1 stream=1.1")
    return story.commit(1, A, term=1, role="leader")


def a_term_falls() -> Story:
    story = Story().add("become-follower", 1, term=3, role="follower")
    return story.add("become-follower", 1, term=2, role="follower")


def an_applied_index_falls() -> Story:
    story = Story().elect(1, 1, 2).store(A, 1, 2).store(B, 1, 2)
    story.commit(1, B, term=1, role="leader").apply(1, B)
    return story.apply(1, A)


def an_acked_entry_is_lost_in_a_crash() -> Story:
    story = Story().elect(1, 1, 2).store(A, 1, 2).store(B, 1, 2)
    return story.start(2, A, term=1, vote=1)


def a_term_is_lost_in_a_crash() -> Story:
    return Story().elect(1, 3, 2).start(1)


def an_ack_beyond_the_disk() -> Story:
    return Story().elect(1, 1, 2).send(2, "2->1 AppendAccepted term=1 match=1 s=1")


def an_ack_in_a_term_that_is_not_on_disk() -> Story:
    story = Story().persist(2, A, hard=(1, 0))
    return story.send(2, "2->1 AppendAccepted term=2 match=1 stream=1.1")


def a_vote_that_is_not_on_disk() -> Story:
    return Story().send(2, "2->1 RequestVoteReply term=1 granted")


def a_vote_request_that_is_not_on_disk() -> Story:
    """T81, M21."""
    return Story().send(2, "2->1 RequestVote term=1 last=0/0")


def an_old_entry_is_committed_by_counting() -> Story:
    """Figure 8, M4."""
    story = Story().elect(1, 1, 2).persist(1, A)
    story.elect(1, 2, 2).persist(2, A)
    story.send(2, "2->1 AppendAccepted term=2 match=1 stream=1.1")
    return story.commit(1, A, term=2, role="leader")


def two_changes_at_once() -> Story:
    story = Story().elect(1, 1, 2).add("change-propose", 1, index=2)
    return story.add("change-propose", 1, index=3)


def memberships_without_a_common_quorum() -> Story:
    return Story().add("change-apply", 1, index=2, membership={"voters": [3, 4, 5]})


def two_memberships_at_one_index() -> Story:
    four = {"voters": [1, 2, 3, 4]}
    story = Story().add("change-apply", 1, index=2, membership=THREE)
    return story.add("change-apply", 2, index=2, membership=four)


def a_stale_read() -> Story:
    story = Story().elect(1, 1, 2).store(A, 1, 2).commit(1, A, term=1, role="leader")
    story.apply(1, A).add("read-register", 3, ticket=7)
    return story.add("read-confirm", 3, ticket=7, index=0)


def two_snapshots_of_one_index() -> Story:
    story = Story().add("snapshot-make", 1, id=A, digest="d", membership=THREE)
    return story.add("snapshot-install", 2, id=A, digest="e", membership=THREE)


def a_snapshot_without_its_membership() -> Story:
    """M19."""
    story = Story().add("snapshot-make", 1, id=A, digest="d", membership=THREE)
    nobody = {"voters": []}
    return story.add("snapshot-install", 2, id=A, digest="d", membership=nobody)


def a_proposal_during_a_transfer() -> Story:
    story = Story().elect(1, 1, 2).add("transfer", 1, to=2)
    return story.add("propose", 1, index=2)


def an_emptied_disk_under_its_old_id() -> Story:
    """M18."""
    return Story().start(2, store="another")


WRONG: list[tuple[Callable[[], Story], str]] = [
    (two_leaders, "R1"),
    (two_votes, "R1"),
    (a_vote_forgotten_in_a_crash, "R1"),
    (a_leader_replaces_its_own, "R2"),
    (two_entries_of_one_name, "R4"),
    (a_leader_lacks_what_was_committed, "R5"),
    (two_entries_are_committed, "R5"),
    (a_commit_without_quorum, "R7"),
    (a_commit_without_the_outgoing_half, "R7"),
    (a_commit_that_nobody_else_has_on_disk, "R7"),
    (a_term_falls, "R8"),
    (an_applied_index_falls, "R8"),
    (an_acked_entry_is_lost_in_a_crash, "R8"),
    (a_term_is_lost_in_a_crash, "R8"),
    (an_ack_beyond_the_disk, "R9"),
    (an_ack_in_a_term_that_is_not_on_disk, "R9"),
    (a_vote_that_is_not_on_disk, "R9"),
    (a_vote_request_that_is_not_on_disk, "R9"),
    (an_old_entry_is_committed_by_counting, "R10"),
    (two_changes_at_once, "R11"),
    (memberships_without_a_common_quorum, "R11"),
    (two_memberships_at_one_index, "R11"),
    (a_stale_read, "R12"),
    (two_snapshots_of_one_index, "R14"),
    (a_snapshot_without_its_membership, "R14"),
    (a_proposal_during_a_transfer, "R17"),
    (an_emptied_disk_under_its_old_id, "R17"),
]


def broken(story: Story) -> list[str]:
    """Return the ids of the invariants that a story breaks, in order."""
    result = check_protocol([story.events()])
    return [
        finding.sentence.split(":")[0]
        for finding in result.findings
        if finding.verdict is Verdict.INVALID
    ]


def test_a_right_story_is_valid() -> None:
    result = check_protocol([usual().events()])

    assert result.findings == []
    assert result.numbers["commit"] == 4


@pytest.mark.parametrize(
    ("tell", "rule"), WRONG, ids=lambda case: getattr(case, "__name__", "")
)
def test_each_violation_is_found(tell: Callable[[], Story], rule: str) -> None:
    """By the rule it breaks."""
    assert rule in broken(tell())


def test_every_rule_has_a_story_that_breaks_it() -> None:
    assert {rule for _, rule in WRONG} == {rule.id for rule in RULES}


def test_a_story_in_which_nothing_was_committed_proves_nothing() -> None:
    assert check_protocol([Story().events()]).verdict is Verdict.UNKNOWN


def test_an_uncommitted_tail_may_be_replaced() -> None:
    """Acked to an old leader, superseded by a newer one: no promise was broken."""
    story = Story().elect(1, 1, 2).store(A, 1, 2).commit(1, A, term=1, role="leader")
    story.persist(1, B).elect(3, 1 + 1, 2)
    assert broken(story) == ["R5"], "node 3 has not A"

    story = Story().elect(1, 1, 2).store(A, 1, 2, 3).commit(1, A, term=1, role="leader")
    story.persist(1, B).elect(3, 2, 2).store(X, 3, 2, 1)
    story.commit(3, X, term=2, role="leader").start(1, A, X, term=2, vote=0)
    assert broken(story) == []


def files_of(story: Story) -> list[list[Event]]:
    """Return the events by node, as real nodes write them."""
    return [
        list(
            parse(
                [json.dumps(x) + "\n" for x in story.lines if x["node"] == n], f"n{n}"
            )
        )
        for n in (1, 2, 3)
    ]


def test_files_of_nodes_are_judged_together_whatever_their_clocks_say() -> None:
    """No receive comes before its send, so an ack stands behind its write."""
    story = Story()
    story.elect(1, 1, 2)
    story.store(A, 1, 2)
    ack = story.lines[-1]["id"]
    story.add("receive", 1, id=ack, message=story.lines[-1]["message"])
    story.commit(1, A, term=1, role="leader")
    for line in story.lines:
        if line["node"] == 2:
            line["tick"] += 1_000_000
    result = check_protocol(files_of(story))

    assert result.findings == []
    assert result.numbers["not judged"] == "R12"


def test_a_merge_goes_on_when_a_send_is_in_no_file() -> None:
    story = Story().add("receive", 1, id="gone", message="9->1 TermOver term=1")
    story.elect(1, 2, 2)

    assert len(list(merge(files_of(story)))) == len(story.lines)


def test_a_line_that_a_killed_node_left_half_written_ends_its_file() -> None:
    lines = usual().text()

    assert len(list(parse([*lines, lines[0][:20]], "cut"))) == len(lines)
    result = check_protocol([parse(["{]\n"], "bad")])
    assert result.verdict is Verdict.UNKNOWN
    assert result.findings[0].sentence == "bad:1: not JSON"


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "commit", "tick": 1, "node": 1, "incarnation": 1, "id": [1]}',
        '{"event": "commit", "tick": true, "node": 1, "incarnation": 1}',
        '{"event": "send", "tick": 1, "node": 1, "incarnation": 1, "message": "hm"}',
        "[]",
    ],
)
def test_a_line_of_another_form_is_unknown_and_says_where(line: str) -> None:
    result = check_protocol([parse([line + "\n"], "odd")])

    assert result.verdict is Verdict.UNKNOWN
    assert result.findings[0].sentence.startswith("odd:1")


def voting(voters: str, outgoing: str = "") -> Voting:
    return Voting(frozenset(map(int, voters)), frozenset(map(int, outgoing)))


@pytest.mark.parametrize(
    ("old", "new", "holds"),
    [
        (voting("123"), voting("1234"), True),
        (voting("1234"), voting("123"), True),
        (voting("123"), voting("12345"), False),
        (voting("123"), voting("145", "123"), True),
        (voting("145", "123"), voting("145"), True),
        (voting("123"), voting("145"), False),
        (voting("1"), voting("12"), True),
        (voting("12"), voting("1"), True),
        (voting("1"), voting("2"), False),
    ],
)
def test_memberships_overlap_when_their_quorums_do(
    old: Voting, new: Voting, *, holds: bool
) -> None:
    assert overlap(old, new) is holds


def test_the_command_judges_files_and_exits_by_the_verdict(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.ndjson", tmp_path / "wrong.ndjson"
    right.write_text("".join(usual().text()))
    wrong.write_text("".join(two_votes().text()))

    good = CliRunner().invoke(cli, ["protocol", str(right)], standalone_mode=False)
    bad = CliRunner().invoke(cli, ["protocol", str(wrong)], standalone_mode=False)

    assert (good.return_value, bad.return_value) == (0, 1)
    assert good.output.splitlines()[-1] == "VALID"
    assert "R1: node 3 votes for 3 and for 1 in term 1" in bad.output
