"""Every metric is named by the rules, declared once, and explained to operators."""

import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from ledgerd.observability.metrics import ROLES, Metrics

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "metrics.md"
# Units and nouns a name may end with, besides _total; a unit comes last.
ENDINGS = (
    "_seconds", "_bytes", "_index", "_commands", "_messages", "_info", "_ready", "_role",
    "_term", "_id", "_waiting", "_in_flight", "_connected", "_slots", "_fenced",
    "_slow", "_version", "_exceptions", "_payouts", "_ratio",
)  # fmt: skip


def declared() -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Return type, labels and text of each metric of ours, by the name a scrape shows."""
    return {
        name: (kind, labels, text) for name, kind, labels, text in Metrics().declared
    }


def test_each_is_explained_with_what_to_do() -> None:
    """The page has a row for each metric, and no row for what is no metric."""
    rows = re.findall(
        r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.*?) \| (.+?) \|$",
        PAGE.read_text(),
        re.MULTILINE,
    )
    explained = {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)), text)
        for name, kind, labels, text, _ in rows
    }

    assert explained == declared()
    assert len(rows) == len(explained)


@pytest.mark.parametrize("name", declared())
def test_each_is_named_by_the_rules(name: str) -> None:
    """ledgerd_<noun>_<unit>[_total]."""
    kind = declared()[name][0]

    assert re.fullmatch(r"ledgerd(_[a-z]+)+", name)
    assert name.endswith("_total") == (kind == "counter")
    assert kind == "counter" or name.endswith(ENDINGS)


def test_nodes_of_one_process_do_not_share_metrics() -> None:
    """Each has its registry."""
    first, second = Metrics(), Metrics()

    first.term.set(7)

    assert second.registry.get_sample_value("ledgerd_raft_term") == 0


def test_a_node_has_one_role() -> None:
    """The role before is 0 again."""
    metrics = Metrics()
    metrics.set_role("follower")
    metrics.set_role("leader")

    values = {
        role: metrics.registry.get_sample_value("ledgerd_node_role", {"role": role})
        for role in ROLES
    }

    assert values == {"follower": 0, "pre_candidate": 0, "candidate": 0, "leader": 1}


def test_a_node_is_named() -> None:
    """Version, cluster and number are labels of one metric, not of all."""
    metrics = Metrics()
    metrics.set_info(version="1.2", cluster_id="blue", node_id=3)

    text = generate_latest(metrics.registry).decode()

    assert 'ledgerd_node_info{cluster_id="blue",node_id="3",version="1.2"} 1.0' in text


def test_buckets_reach_from_a_fast_write_to_a_stall() -> None:
    """100 microseconds to 5 seconds."""
    metrics = Metrics()
    metrics.settle_seconds.observe(0.00005)

    text = generate_latest(metrics.registry).decode()

    assert 'ledgerd_state_settle_seconds_bucket{le="0.0001"} 1.0' in text
    assert 'ledgerd_state_settle_seconds_bucket{le="5.0"} 1.0' in text
