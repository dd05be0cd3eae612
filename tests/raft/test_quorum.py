"""Quorum arithmetic: the published tables of etcd-io/raft, and what they leave out."""

import itertools
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.raft.entries import NodeId
from ledgerd.raft.quorum import (
    EVERYTHING,
    Vote,
    joint_reached,
    joint_vote,
    majority_reached,
    majority_vote,
)

ROOT = Path(__file__).parents[2]
TABLES = ROOT.parent / "shared" / "vectors" / "etcd-raft" / "quorum"
CASES = 127
VOTES = {"VotePending": Vote.PENDING, "VoteWon": Vote.WON, "VoteLost": Vote.LOST}

nodes = st.lists(st.integers(1, 9).map(NodeId), unique=True, max_size=7).map(
    lambda ids: tuple(sorted(ids))
)
values = st.dictionaries(st.integers(1, 9).map(NodeId), st.integers(0, 20))
votes = st.dictionaries(st.integers(1, 9).map(NodeId), st.booleans())


class Case(NamedTuple):
    """One command of a table, and the last line of what it prints."""

    where: str
    command: str
    arguments: dict[str, list[str]]
    expected: str


def read_cases(path: Path) -> list[Case]:
    """Return the cases of one table file."""
    cases = []
    lines = iter(enumerate(path.read_text().splitlines(), 1))
    for number, line in lines:
        if not re.match(r"(committed|vote)\b", line):
            continue
        arguments = {
            name: [item.strip() for item in inner.split(",")] if inner else [bare]
            for name, inner, bare in re.findall(r"(\w+)=(?:\((.*?)\)|(\w+))", line)
        }
        assert next(lines)[1] == "----", (path, number)
        output = [text for _, text in itertools.takewhile(lambda item: item[1], lines)]
        where = f"{path.name}:{number}"
        cases.append(Case(where, line.split()[0], arguments, output[-1]))
    return cases


def voters_of(case: Case, name: str) -> tuple[NodeId, ...]:
    """Return a configuration of the case; a missing or zero one is empty."""
    ids = case.arguments.get(name, ["zero"])
    return () if ids == ["zero"] else tuple(NodeId(int(n)) for n in ids)


def inputs_of(case: Case, name: str) -> dict[NodeId, str]:
    """Return what each voter has, in the order of both halves; `_` means unknown."""
    order = dict.fromkeys((*voters_of(case, "cfg"), *voters_of(case, "cfgj")))
    given_values = case.arguments.get(name, [])
    pairs = zip(order, given_values, strict=False)
    return {voter: value for voter, value in pairs if value != "_"}


def test_the_published_quorum_tables() -> None:
    """All 127 cases, majority and joint: committed indexes and votes. Paper 5.3, 5.2, 6."""
    if not TABLES.is_dir():
        pytest.skip(f"the quorum tables are not at {TABLES}")
    cases = [case for path in sorted(TABLES.glob("*.txt")) for case in read_cases(path)]

    assert len(cases) == CASES
    for case in cases:
        voters, outgoing = voters_of(case, "cfg"), voters_of(case, "cfgj")
        if case.command == "vote":
            answers = inputs_of(case, "votes")
            ballots = {voter: text == "y" for voter, text in answers.items()}

            assert VOTES[case.expected] is joint_vote(voters, outgoing, ballots), case
        else:
            reached = inputs_of(case, "idx")
            matches = {voter: int(text) for voter, text in reached.items()}
            expected = EVERYTHING if "∞" in case.expected else int(case.expected)

            assert expected == joint_reached(voters, outgoing, matches), case


@pytest.mark.parametrize(
    ("matches", "reached"),
    [
        ([5], 5),
        ([5, 9], 5),
        ([5, 9, 7], 7),
        ([5, 9, 7, 8], 7),  # T26: n // 2 would say 8, which only two of four have
        ([1, 2, 3, 4, 5], 3),
    ],
)
def test_a_majority_has_reached_the_value(matches: list[int], reached: int) -> None:
    """More than half of the voters have at least this much, for even numbers too. T26."""
    by_voter = {NodeId(n): match for n, match in enumerate(matches, 1)}

    assert reached == majority_reached(tuple(by_voter), by_voter)


@given(nodes, values)
def test_joint_with_an_empty_half_is_the_majority(
    voters: tuple[NodeId, ...], matches: dict[NodeId, int]
) -> None:
    """An empty half agrees to everything, whichever side it is on."""
    majority = majority_reached(voters, matches)

    assert majority == joint_reached(voters, (), matches)
    assert majority == joint_reached((), voters, matches)
    assert majority == joint_reached(voters, voters, matches)


@given(nodes, votes)
def test_joint_votes_with_an_empty_half_are_the_majority(
    voters: tuple[NodeId, ...], ballots: dict[NodeId, bool]
) -> None:
    """The same for votes."""
    majority = majority_vote(voters, ballots)

    assert majority is joint_vote(voters, (), ballots)
    assert majority is joint_vote((), voters, ballots)
    assert majority is joint_vote(voters, voters, ballots)


@given(nodes, nodes, values)
def test_the_order_of_the_halves_does_not_matter(
    voters: tuple[NodeId, ...],
    outgoing: tuple[NodeId, ...],
    matches: dict[NodeId, int],
) -> None:
    """A joint quorum is symmetric."""
    assert joint_reached(voters, outgoing, matches) == joint_reached(
        outgoing, voters, matches
    )


@given(nodes, values)
def test_reached_is_what_a_count_says(
    voters: tuple[NodeId, ...], matches: dict[NodeId, int]
) -> None:
    """A second way to the same number: the largest value that more than half have."""

    def has_majority(value: int) -> bool:
        holders = sum(matches.get(voter, 0) >= value for voter in voters)
        return 2 * holders > len(voters) or not voters

    reached = majority_reached(voters, matches)
    if voters:
        assert has_majority(reached)
        assert not has_majority(reached + 1)


@given(nodes, votes)
def test_a_vote_is_pending_only_while_it_is_open(
    voters: tuple[NodeId, ...], ballots: dict[NodeId, bool]
) -> None:
    """A pending vote can still be won and still be lost by those who have not voted."""
    outcome = majority_vote(voters, ballots)
    missing = [voter for voter in voters if voter not in ballots]
    for_it = majority_vote(voters, ballots | dict.fromkeys(missing, True))
    against = majority_vote(voters, ballots | dict.fromkeys(missing, False))

    assert outcome is (for_it if for_it is against else Vote.PENDING)
