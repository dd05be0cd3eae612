"""Each file under traces/ plays as it says. `UPDATE=1` writes down what it prints instead."""

import re
from pathlib import Path

import pytest

from ledgerd.simulation.script.runner import check, is_updating
from tools.published_scenarios import SKIPPED

TRACES = sorted((Path(__file__).parent / "traces").glob("*.txt"))
SOURCE = re.compile(
    r"\b([FTCR]\d+|Paper \d|Thesis \d)"
)  # a rule of the design, or a section


# The published interaction scenarios of etcd-io/raft: each is retold in our words by a trace.
TOPICS = [
    "async_storage_writes",
    "async_storage_writes_append_aba_race",
    "campaign",
    "campaign_learner_must_vote",
    "checkquorum",
    "confchange_drop_if_unapplied",
    "confchange_v1_add_single",
    "confchange_v1_remove_leader",
    "confchange_v1_remove_leader_stepdown",
    "confchange_v2_add_double_auto",
    "confchange_v2_add_double_implicit",
    "confchange_v2_add_single_auto",
    "confchange_v2_add_single_explicit",
    "confchange_v2_replace_leader",
    "confchange_v2_replace_leader_stepdown",
    "forget_leader",
    "forget_leader_prevote_checkquorum",
    "heartbeat_resp_recovers_from_probing",
    "lagging_commit",
    "prevote",
    "prevote_checkquorum",
    "probe_and_replicate",
    "replicate_pause",
    "single_node",
    "slow_follower_after_compaction",
    "snapshot_succeed_via_app_resp",
    "snapshot_succeed_via_app_resp_behind",
]
# Those that have none: `tools/published_scenarios` says why.
UNTOLD = {"confchange_disable_validation", "forget_leader_read_only_lease_based"}


def test_every_published_topic_is_retold_once() -> None:
    """raft.md 4.2: covering each topic of theirs; what has no counterpart is named."""
    told = [
        topic
        for path in TRACES
        for topic in re.findall(r"Topic: (\w+)", path.read_text())
    ]

    assert sorted(told) == sorted(TOPICS)
    assert not UNTOLD & set(told)
    assert set(SKIPPED) == UNTOLD
    assert len(TRACES) >= 40


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_the_trace_plays_as_it_says(path: Path) -> None:
    """raft.md 4.2: every printed line is what the reader was told."""
    differences = check(path, update=is_updating())

    assert differences == [], "\n".join(differences)


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_the_trace_says_what_it_shows_and_why(path: Path) -> None:
    """A trace begins with a sentence for its reader, and the rule or section behind it."""
    lines = path.read_text().splitlines()
    head = " ".join(lines[: lines.index("")])

    assert head.startswith("# ")
    assert SOURCE.search(head), head
