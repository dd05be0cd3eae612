"""The adapter for scenarios that others published, on a small one made by hand in their form."""

from pathlib import Path

import pytest

from tools.published_scenarios import Scenario, main

ELECTION = """\
# Two voters; the second one learns of an entry later than the first.
log-level none
----
ok

add-nodes 2 voters=(1,2) index=4
----
ok

log-level debug
----
ok

campaign 1
----
INFO 1 is starting a new election at term 0

stabilize
----
> 1 handling Ready
  Ready MustSync=true:
  Lead:0 State:StateCandidate
  HardState Term:1 Vote:1 Commit:4
  Messages:
  1->2 MsgVote Term:1 Log:1/4
> 2 receiving messages
  1->2 MsgVote Term:1 Log:1/4
> 2 handling Ready
  Ready MustSync=true:
  HardState Term:1 Vote:1 Commit:4
  Messages:
  2->1 MsgVoteResp Term:1 Log:0/0
> 1 handling Ready
  Ready MustSync=true:
  HardState Term:1 Vote:1 Commit:5
  CommittedEntries:
  1/5 EntryNormal ""
> 2 handling Ready
  Ready MustSync=true:
  HardState Term:1 Vote:1 Commit:5
  CommittedEntries:
  1/5 EntryNormal ""

raft-state
----
1: StateLeader (Voter) Term:1 Lead:1
2: StateFollower (Voter) Term:1 Lead:1

propose 1 payout
----
ok

propose 2 payout
----
raft proposal dropped

propose-conf-change 1
l3 l4
----
ok

stabilize 1 2
----
> 1 handling Ready
  INFO 1 switched to configuration voters=(1 2)&&(1 2) learners=(3 4) autoleave
  INFO 1 switched to configuration voters=(1 2) learners=(3 4)

raft-log 2
----
1/5 EntryNormal ""
1/6 EntryNormal "payout"
1/7 EntryConfChangeV2 l3 l4
1/8 EntryConfChangeV2

status 1
----
1: StateReplicate match=8 next=9
2: StateReplicate match=8 next=9
3: StateProbe match=0 next=5 paused inactive
4: StateProbe match=0 next=5 paused inactive
"""


def differences(tmp_path: Path, text: str) -> list[str]:
    """Replay one file and return what differs."""
    path = tmp_path / "election.txt"
    path.write_text(text)
    scenario = Scenario(path)
    scenario.play()
    assert scenario.compared > 15
    return scenario.differences


def test_a_scenario_that_means_the_same_is_alike(tmp_path: Path) -> None:
    """raft.md 4.2: meanings are compared, not texts and counts of messages."""
    assert differences(tmp_path, ELECTION) == []


@pytest.mark.parametrize(
    ("theirs", "other", "difference"),
    [
        ("2: StateFollower (Voter)", "2: StateCandidate (Voter)", "raft-state: role"),
        ("(Voter) Term:1 Lead:1\n2", "(Voter) Term:2 Lead:1\n2", "term and leader"),
        ("2: StateFollower (Voter)", "2: StateFollower (Non-Voter)", "is a voter"),
        ('1/6 EntryNormal "payout"', '1/6 EntryNormal "other"', "raft-log: log"),
        ("1/8 EntryConfChangeV2\n", "", "raft-log: log"),
        ("Vote:1 Commit:5\n  Comm", "Vote:1 Commit:6\n  Comm", "hard state of 1"),
        ('1/5 EntryNormal ""\n> 2', '2/5 EntryNormal ""\n> 2', "applied at 1"),
        (
            "propose 1 payout\n----\nok",
            "propose 1 payout\n----\nraft proposal dropped",
            "propose: refused",
        ),
        ("2: StateReplicate match=8", "2: StateProbe match=8", "status: peer 2"),
        ("voters=(1 2) learners=(3 4)", "voters=(1 2 3)", "membership at 1"),
        ("2->1 MsgVoteResp Term", "2->1 MsgTimeoutNow Term", "never sent"),
    ],
)
def test_what_means_something_else_is_found(
    tmp_path: Path, theirs: str, other: str, difference: str
) -> None:
    """Each kind of semantic line is really compared."""
    assert theirs in ELECTION
    found = differences(tmp_path, ELECTION.replace(theirs, other, 1))

    assert len(found) == 1, found
    assert difference in found[0]


def test_the_folder_is_replayed_and_exceptions_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is skipped is skipped by name and with a reason; the exit code says the rest."""
    (tmp_path / "election.txt").write_text(ELECTION)
    (tmp_path / "confchange_disable_validation.txt").write_text("fly 1\n")

    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "confchange_disable_validation: skipped: there is no such switch" in printed
    assert "election: " in printed

    (tmp_path / "broken.txt").write_text("fly 1\n")
    assert main([str(tmp_path)]) == 2
    assert main([]) == 2
