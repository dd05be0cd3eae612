"""The leadership is handed over under load, and no caller notices more than a short pause."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import CallError, Client
from tests.e2e.load import load_on
from tests.waiting import lasting, until

pytestmark = pytest.mark.e2e
STALL_S_MAX = 1.0
HANDOVER_GAP_S_MAX = 0.1
GAP_S_MAX = 2.0  # F39
RATE_MIN = 0.6  # F39, of what it is while all is well
TAIL_MAX = 3.0
PAUSE_S = 0.01  # between the calls of one caller, where a rate does not matter


@pytest.fixture
def cluster(shared: DevCluster) -> DevCluster:
    """One for all tests of this file, which leave it as they like."""
    return shared


def lines_of(cluster: DevCluster, node_id: int) -> list[str]:
    """Return the log of a node so far, without a line that is being written."""
    return cluster.log_path(node_id).read_text().rpartition("\n")[0].splitlines()


def led(cluster: DevCluster) -> dict[int, int]:
    """Return who led each term, as the nodes' own logs say."""
    found: dict[int, int] = {}
    for node_id in (1, 2, 3):
        for line in lines_of(cluster, node_id):
            if '"role_changed"' in line and '"role": "leader"' in line:
                found[json.loads(line)["term"]] = node_id
    return found


def missing(client: Client, payout_ids: list[str]) -> list[str]:
    """Return those of the acknowledged payouts that the ledger does not have."""
    return [each for each in payout_ids if not client.get(each).HasField("payout")]


@pytest.mark.alone
def test_a_rolling_restart_fails_no_call_and_stalls_less_than_a_second(
    cluster: DevCluster, client: Client
) -> None:
    """F5, issue acceptance 6: each node in turn, the leader too, by SIGTERM under load."""
    with load_on(client, callers=8, deadline_s=5.0, pause_s=PAUSE_S) as load:
        for node_id in (1, 2, 3):
            cluster.stop(node_id)
            cluster.start(node_id)
            cluster.wait_ready()
            load.wait_for(50)

    print(f"longest gap {load.longest_gap_s():.3f} s, slowest {load.slowest_s:.3f} s")
    assert load.failures == []
    assert load.longest_gap_s() <= STALL_S_MAX
    assert load.slowest_s <= STALL_S_MAX
    assert missing(client, load.payout_ids[::25]) == []


@pytest.mark.alone
def test_a_leader_told_to_stop_hands_over_first(
    cluster: DevCluster, client: Client
) -> None:
    """F5: the next leader came by a transfer, not by an election timeout."""
    with load_on(client, callers=4, deadline_s=5.0, pause_s=PAUSE_S) as load:
        leader = cluster.leader()
        assert leader is not None
        before = len(lines_of(cluster, leader))
        began = time.monotonic()
        cluster.stop(leader)
        load.wait_for(50)
    lines = lines_of(cluster, leader)[before:]
    events = [json.loads(line) for line in lines]

    assert load.failures == []
    assert load.longest_gap_s(began) <= STALL_S_MAX
    assert [e["to"] for e in events if e["event"] == "leadership_handed_over"]
    assert any(
        e["event"] == "role_changed" and e["cause"] == "transfer" for e in events
    )


@pytest.mark.alone
def test_a_transfer_under_load_costs_a_tenth_of_a_second(
    cluster: DevCluster, client: Client
) -> None:
    """F5: the gap in acknowledgements, LAN profile; the median of six, for a busy machine."""
    gaps = []
    replies = []
    with load_on(client, callers=8, deadline_s=5.0) as load:
        for _ in range(6):
            began = time.monotonic()
            replies.append(client.transfer_leadership())
            load.wait_for(50)
            gaps.append(load.longest_gap_s(began))
    terms = led(cluster)

    assert load.failures == []
    for reply in replies:
        assert terms[reply.term] == reply.leader_id
        assert (
            terms[max(term for term in terms if term < reply.term)] != reply.leader_id
        )
    print("gaps in ms:", *[f"{gap * 1000:.0f}" for gap in gaps])
    assert statistics.median(gaps) <= HANDOVER_GAP_S_MAX, gaps


def test_ledgerctl_hands_over_to_the_node_named(cluster: DevCluster) -> None:
    """The verb of the operator, with a document for programs."""

    def handed_over() -> tuple[int, int, dict[str, Any]] | None:
        """Return the newest term before, who should lead, and the document of the verb.

        None: on a busy machine that node was elected before it could be handed anything.
        """
        leader = cluster.leader()
        assert leader is not None
        wanted = leader % 3 + 1
        before = max(led(cluster))
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "ledgerd.cli.ledgerctl"),
                *("--config", str(cluster.profile_path), "--output", "json"),
                *("cluster", "transfer", "--to", str(wanted)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        document = json.loads(ended.stdout)
        is_late = document["from_node_id"] == wanted
        return None if is_late else (before, wanted, document)

    found = until("another node leads and hands over", handed_over)
    assert found is not None
    before, wanted, document = found
    term = int(document["term"])
    terms = until(
        "the log of who leads now says so", lambda: seen_leading(cluster, term)
    )

    assert document["leader_id"] == terms[term] == wanted
    # One node, unless others were elected while the command ran.
    assert document["from_node_id"] in {terms[t] for t in terms if before <= t < term}


def seen_leading(cluster: DevCluster, term: int) -> dict[int, int]:
    """Return who led each term, nothing before a node has logged that it leads `term`."""
    terms = led(cluster)
    return terms if term in terms else {}


def gap_after_kill(cluster: DevCluster, client: Client) -> float:
    """Kill the leader under load; return the longest time without an acknowledgement."""
    with load_on(client, callers=8, deadline_s=10.0, pause_s=PAUSE_S) as load:
        leader = cluster.leader()
        assert leader is not None
        began = time.monotonic()
        cluster.kill(leader)
        load.wait_for(50)
    assert load.failures == []
    cluster.start(leader)
    cluster.wait_ready()
    return load.longest_gap_s(began)


def first_to_ask(cluster: DevCluster, before: dict[int, int]) -> str:
    """Return why the first node asked for votes, of the lines behind those counted `before`."""
    lines = [
        json.loads(line)
        for node_id, count in before.items()
        for line in lines_of(cluster, node_id)[count:]
        if '"role_changed"' in line and '"pre_candidate"' in line
    ]
    return str(min(lines, key=lambda line: line["time"])["cause"])


@pytest.mark.alone
def test_a_killed_leader_is_suspected_at_once(
    cluster: DevCluster, client: Client
) -> None:
    """F4: its machine refuses connections, so nobody waits for an election timeout.

    Most of five kills, for on a busy machine the timeout may come first. How long callers wait
    then is for the benchmark to say.
    """
    causes: list[str] = []
    gaps: list[float] = []
    while len(gaps) < 5 and causes.count("peer_refused") < 3:
        before = {node_id: len(lines_of(cluster, node_id)) for node_id in (1, 2, 3)}
        gaps.append(gap_after_kill(cluster, client))
        causes.append(first_to_ask(cluster, before))
    print("gaps in ms:", *[f"{gap * 1000:.0f}" for gap in gaps])

    assert causes.count("peer_refused") >= 3, (causes, gaps)


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("how", ["dead", "paused"])
def test_one_node_of_three_that_is_away_harms_nobody(
    cluster: DevCluster, client: Client, how: str
) -> None:
    """F39: after two seconds, the rate is at least 60 % and p99 at most three times healthy.

    The median of three rounds, for a machine that others use too has noisy seconds; two good ones
    decide it.
    """
    rates: list[float] = []
    tails: list[float] = []
    good = 0
    while len(rates) < 3 and good < 2:
        with load_on(client, callers=8, deadline_s=10.0) as load:
            healthy = load.measure(3.0)
            leader = cluster.leader()
            assert leader is not None
            follower = leader % 3 + 1
            if how == "dead":
                cluster.kill(follower)
            else:
                cluster.pause(follower)
            load.measure(2.0)
            alone = load.measure(3.0)
            if how == "dead":
                cluster.start(follower)
            else:
                cluster.resume(follower)
            cluster.wait_ready()
        print(f"{how}: healthy {healthy}, without one {alone}")
        assert load.failures == []
        rates.append(alone.rate / healthy.rate)
        tails.append(alone.p99_s / healthy.p99_s)
        good += rates[-1] >= RATE_MIN and tails[-1] <= TAIL_MAX

    assert statistics.median(rates) >= RATE_MIN, rates
    assert statistics.median(tails) <= TAIL_MAX, tails


def agreed_leader(client: Client) -> int:
    """Return who leads if all nodes name the same one, else 0: one that was away may lag."""
    statuses = client.statuses(deadline=1.0).values()
    named = {getattr(status, "leader_id", 0) for status in statuses}
    return named.pop() if len(named) == 1 else 0


@pytest.mark.alone
def test_a_paused_leader_harms_nobody_for_longer_than_two_seconds(
    cluster: DevCluster, client: Client
) -> None:
    """F39: others elect at once; a call under way gives the silent node one second, and moves on.

    It is not sent elsewhere sooner: a slow answer is no sign of a dead leader, and sending twice
    would double the load of a cluster that is overloaded. Calls that begin later go to the new
    leader directly.
    """
    gaps: list[float] = []
    rates: list[float] = []
    good = 0
    while len(gaps) < 3 and good < 2:
        with load_on(client, callers=8, deadline_s=10.0) as load:
            healthy = load.measure(2.0)
            leader = until("all name one leader", lambda: agreed_leader(client))
            began = time.monotonic()
            cluster.pause(leader)
            load.wait_for(50)
            gaps.append(load.longest_gap_s(began))
            lasting(began + GAP_S_MAX - time.monotonic())
            rates.append(load.measure(2.0).rate / healthy.rate)
            cluster.resume(leader)
            cluster.wait_ready()
        assert load.failures == []
        good += gaps[-1] <= GAP_S_MAX and rates[-1] >= RATE_MIN
    print("gaps in s:", *[f"{gap:.2f}" for gap in gaps], "rates:", rates)

    assert min(gaps) > 0.1, "the node that was paused did not lead"
    assert statistics.median(gaps) <= GAP_S_MAX, gaps
    assert statistics.median(rates) >= RATE_MIN, rates


def test_the_node_of_highest_priority_leads(tmp_path: Path) -> None:
    """L1: ten seconds after it has caught up, wherever the leadership was before."""
    cluster = DevCluster(tmp_path / "cluster", 3, priorities={2: 5})
    cluster.prepare()

    def logs() -> list[str]:
        return [cluster.log_path(n).read_text() for n in (1, 3)]

    try:
        cluster.start()
        cluster.wait_ready()
        with Client.from_profile(cluster.profile_path) as client:

            def handed_over() -> bool:
                """Whether who led stood back; node 2 gives it away if it came by an election."""
                if any('"cause": "priority"' in log for log in logs()):
                    return True
                if agreed_leader(client) == 2:
                    client.transfer_leadership(3)
                return False

            until(
                "the others stand back for node 2",
                handed_over,
                within_s=60.0,
                passing=CallError,
            )
            until("node 2 leads", lambda: agreed_leader(client) == 2)
    finally:
        cluster.stop()
