"""Bits flipped in the files of one node of three: found, repaired, and nothing acknowledged lost.

Acceptance: each log value, random pages of the state. The node is stopped while its files are
changed: while it runs it shares the page cache, and that would be a fault of memory.
"""

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from random import Random

import lmdb
import pytest

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import CallError, Client, Profile, SubmitResult, us_account
from ledgerd.formats.versions import STATE_VERSION
from tests.e2e.dump import records_of
from tests.e2e.rest import rest_of
from tests.e2e.rounds import rounds
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PAGE_BYTES = 4_096


def submit(client: Client, account: str) -> SubmitResult:
    return client.submit(
        account=account,
        amount=100,
        currency="USD",
        rail="us_ach",
        destination=us_account("021000021", "1234567890", "Some Payee"),
        reference="e2e",
        deadline=20.0,
    )


def funded(client: Client) -> str:
    account = client.open_account(currency="USD", livemode=True, owner_ref="e2e")
    client.fund(account, 10**9, "USD", bank="main", external_ref=account[-12:])
    return account


def log_values(directory: Path) -> list[bytes]:
    """Return every value of the log of a stopped node, as LMDB shows it."""
    with lmdb.open(
        str(directory / "log"), max_dbs=32, readonly=True, lock=False
    ) as opened:
        table = opened.open_db(b"entries", create=False)
        with opened.begin(db=table) as transaction:
            return [bytes(value) for _, value in transaction.cursor()]


def flip_everywhere(file: Path, value: bytes, dice: Random) -> int:
    """Flip one bit of `value` in all its copies in the file; return how many there were."""
    data = bytearray(file.read_bytes())
    offset, bit, count = dice.randrange(len(value)), 1 << dice.randrange(8), 0
    at = data.find(value)
    while at >= 0:
        data[at + offset] ^= bit
        count += 1
        at = data.find(value, at + 1)
    file.write_bytes(data)
    return count


def flip_a_payout(directory: Path, dice: Random) -> None:
    """Flip one bit of a payout's row in the state of a stopped node."""
    with lmdb.open(
        str(directory / "state"), max_dbs=32, readonly=True, lock=False
    ) as opened:
        table = opened.open_db(b"payout", create=False)
        with opened.begin(db=table) as transaction:
            values = [bytes(value) for _, value in transaction.cursor()]
    file = directory / "state" / "data.mdb"
    assert flip_everywhere(file, dice.choice(values), dice) >= 1


def statuses(client: Client) -> list[admin_pb2.StatusReply]:
    return [
        status
        for status in client.statuses(deadline=2.0).values()
        if isinstance(status, admin_pb2.StatusReply)
    ]


def at_rest(client: Client, *, within_s: float = 30.0) -> set[tuple[int, str]]:
    """Return (index, digest) of all three nodes once all are ready and at rest."""

    def rest() -> set[tuple[int, str]]:
        found = statuses(client)
        if len(found) < 3 or not all(status.ready for status in found):
            return set()
        return rest_of(found)

    return until("the nodes come to rest", rest, within_s=within_s)


def founded(client: Client) -> None:
    """Return once the log has what a new cluster says of itself: it adds nothing to it now."""

    def is_founded() -> bool:
        status = client.cluster_status()
        return status.membership_index > 0 and status.state_version == STATE_VERSION

    until("the cluster is founded", is_founded, passing=CallError)


def repaired(client: Client) -> None:
    """Return once no node knows of a log value that it still has to get from another one."""

    def is_whole() -> bool:
        found = client.digests(deadline=2.0).values()
        return all(getattr(one, "corrupt_log_values", 1) == 0 for one in found)

    until("all log values are whole", is_whole)


def missing(client: Client, acked: list[SubmitResult]) -> list[SubmitResult]:
    """Return those of the acknowledged payouts that the ledger does not have."""
    return [one for one in acked if not client.get(one.payout_id).HasField("payout")]


def scrub_passes(cluster: DevCluster, node_id: int) -> int:
    """Return how often a node has read all its files since its start, as its metrics say."""
    address = f"http://127.0.0.1:{cluster.ports()[node_id].metrics}/metrics"
    with urllib.request.urlopen(address, timeout=5) as reply:
        text = reply.read().decode()
    (line,) = [
        line
        for line in text.splitlines()
        if line.startswith("ledgerd_scrub_passes_total")
    ]
    return int(float(line.split()[-1]))


def scrubbed(cluster: DevCluster, node_id: int) -> None:
    """Return once a node has read all its files anew, from now on."""
    before = until(
        "the node tells its metrics",
        lambda: (scrub_passes(cluster, node_id),),
        passing=OSError,
    )[0]
    # The pass that is under way may be past what matters, so the one after it counts.
    until(
        "the scrub has read everything",
        lambda: scrub_passes(cluster, node_id) >= before + 2,
        within_s=120,  # it stands back while others want the processor
        passing=OSError,
    )


def check(cluster: DevCluster, node_id: int) -> list[object]:
    """Run `ledgerd check` on a stopped node, and return its findings."""
    directory = str(cluster.data_directory(node_id))
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "ledgerd", "check"),
            *("--data-dir", directory, "--output", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    findings: list[object] = json.loads(ended.stdout)["findings"]
    return findings


def what_it_said(cluster: DevCluster, node_id: int) -> list[str]:
    """Return the lines that a node has written to its log and to standard error."""
    log = cluster.log_path(node_id)
    errors = log.with_name("stderr.log")
    return [*log.read_text().splitlines(), *errors.read_text().splitlines()]


def scrub_fast(cluster: DevCluster, node_id: int, *, keep: int = 10_000) -> None:
    """Let the node look for rot at once, and again and again; `keep`: entries of its log."""
    config = cluster.config_path(node_id)
    text = config.read_text()
    lines = "scrub_bytes_per_s = 1073741824\nscrub_rest_ms = 200\n"
    lines += f"log_keep_entries = {keep}\n"
    if "scrub_rest_ms" not in text:
        found = "[storage]\n" in text
        text = (
            text.replace("[storage]\n", f"[storage]\n{lines}")
            if found
            else f"{text}\n[storage]\n{lines}"
        )
        config.write_text(text)


def test_a_bit_in_each_log_value_is_repaired_from_peers(
    cluster: DevCluster, client: Client
) -> None:
    """First one value after the other, then all of them at once; the digests are equal."""
    account = funded(client)
    acked = [submit(client, account) for _ in range(20)]
    victim = next(n for n in (1, 2, 3) if n != cluster.leader())
    scrub_fast(cluster, victim)
    dice = Random(8)
    log_file = cluster.data_directory(victim) / "log" / "data.mdb"

    flipped = 0
    for every in (3, 1):  # every third value, then all
        cluster.stop(victim)
        values = log_values(cluster.data_directory(victim))
        for value in values[::every]:
            copies = flip_everywhere(log_file, value, dice)
            assert copies >= 1
            flipped += 1
        assert log_values(cluster.data_directory(victim)) != values
        cluster.start(victim)
        acked.append(submit(client, account))
        assert len(at_rest(client)) == 1
        repaired(client)
    lost = missing(client, acked)
    text = cluster.log_path(victim).read_text()
    cluster.stop()

    assert lost == []
    assert flipped > 25
    assert "log_slots_corrupt" in text
    assert "log_slots_repaired" in text
    assert [check(cluster, node_id) for node_id in (1, 2, 3)] == [[], [], []]


def test_the_last_log_value_of_all_nodes_at_once_is_no_loss(
    cluster: DevCluster, client: Client
) -> None:
    """F33: nobody can send it, and what it did stands in each state: the logs begin behind it."""
    account = funded(client)
    acked = [submit(client, account) for _ in range(10)]
    founded(client)
    at_rest(client)
    # At once: a node that hands over, or one that is elected, adds an entry that nobody applied.
    cluster.kill()
    dice = Random(12)
    for node_id in (1, 2, 3):
        directory = cluster.data_directory(node_id)
        last = log_values(directory)[-1]
        assert flip_everywhere(directory / "log" / "data.mdb", last, dice) >= 1
    cluster.start()
    cluster.wait_ready()
    acked.append(submit(client, account))
    rest = at_rest(client)
    lost = missing(client, acked)
    said = [line for node_id in (1, 2, 3) for line in what_it_said(cluster, node_id)]
    cluster.stop()

    assert sum('"log_slots_corrupt"' in line for line in said) == 3
    assert len(rest) == 1
    assert lost == []
    assert [check(cluster, node_id) for node_id in (1, 2, 3)] == [[], [], []]


def test_the_last_value_of_a_node_that_all_others_have_cut_is_no_loss(
    own_cluster: DevCluster,
) -> None:
    """F33: it is the one that was applied last, and a snapshot brings the node forward."""
    cluster = own_cluster
    for node_id in (1, 2, 3):
        scrub_fast(cluster, node_id, keep=5)
    cluster.start()
    cluster.wait_ready()
    with Client(Profile.load(cluster.profile_path)) as client:
        account = funded(client)
        acked = [submit(client, account) for _ in range(10)]
        founded(client)
        at_rest(client)
        victim = next(n for n in (1, 2, 3) if n != cluster.leader())
        cluster.stop(victim)
        directory = cluster.data_directory(victim)
        last = log_values(directory)[-1]
        assert flip_everywhere(directory / "log" / "data.mdb", last, Random(13)) >= 1
        before = len(acked)
        acked += [submit(client, account) for _ in range(40)]

        def is_cut() -> bool:
            # A leader is patient with who is silent, and looks again when its log grows.
            acked.append(submit(client, account))
            return all(status.first_index > before + 20 for status in statuses(client))

        until("the others have cut their logs behind it", is_cut)
        cluster.start(victim)
        rest = at_rest(client, within_s=60)
        client.transfer_leadership(victim)
        acked.append(submit(client, account))
        lost = missing(client, acked)
    cluster.stop()

    assert len(rest) == 1
    assert lost == []
    assert [check(cluster, node_id) for node_id in (1, 2, 3)] == [[], [], []]


def test_a_lone_node_goes_on_behind_rot_that_its_state_holds(tmp_path: Path) -> None:
    """F33: every value of its log is damaged, the last one too, and no payout is lost by that."""
    cluster = DevCluster(tmp_path / "lone", 1)
    cluster.prepare()
    try:
        cluster.start()
        cluster.wait_ready()
        with Client(Profile.load(cluster.profile_path)) as client:
            account = funded(client)
            acked = [submit(client, account) for _ in range(5)]
            cluster.stop()
            directory, dice = cluster.data_directory(1), Random(14)
            for value in log_values(directory):
                assert flip_everywhere(directory / "log" / "data.mdb", value, dice) >= 1
            cluster.start()
            cluster.wait_ready()
            acked.append(submit(client, account))
            lost = missing(client, acked)
        cluster.stop()
        findings = check(cluster, 1)
    finally:
        cluster.stop()

    assert lost == []
    assert findings == []


def test_a_state_behind_a_cut_log_is_that_of_a_peer(own_cluster: DevCluster) -> None:
    """Nothing is left to fold it from, so the leader is asked for a copy of its own."""
    cluster = own_cluster
    for node_id in (1, 2, 3):
        scrub_fast(cluster, node_id, keep=5)
    cluster.start()
    cluster.wait_ready()
    with Client(Profile.load(cluster.profile_path)) as client:
        account = funded(client)
        acked = [submit(client, account) for _ in range(40)]
        at_rest(client)
        victim = next(n for n in (1, 2, 3) if n != cluster.leader())
        cluster.stop(victim)
        assert len(log_values(cluster.data_directory(victim))) < 40
        flip_a_payout(cluster.data_directory(victim), Random(3))
        cluster.start(victim)
        acked.append(submit(client, account))
        rest = at_rest(client, within_s=60)
        lost = missing(client, acked)
    text = cluster.log_path(victim).read_text()
    cluster.stop()

    assert len(rest) == 1
    assert lost == []
    assert "state_rebuild_begun" in text
    assert [check(cluster, node_id) for node_id in (1, 2, 3)] == [[], [], []]


@pytest.mark.parametrize("is_cut_off", [False, True])
def test_a_state_that_cannot_be_opened_behind_a_cut_log_is_that_of_a_peer(
    own_cluster: DevCluster, is_cut_off: bool
) -> None:
    """F37: it does not even know the members any more, and comes back by itself all the same."""
    cluster = own_cluster
    for node_id in (1, 2, 3):
        scrub_fast(cluster, node_id, keep=5)
    cluster.start()
    cluster.wait_ready()
    with Client(Profile.load(cluster.profile_path)) as client:
        account = funded(client)
        acked = [submit(client, account) for _ in range(40)]
        at_rest(client)
        victim = next(n for n in (1, 2, 3) if n != cluster.leader())
        cluster.stop(victim)
        assert len(log_values(cluster.data_directory(victim))) < 40
        file = cluster.data_directory(victim) / "state" / "data.mdb"
        head, size_bytes = file.read_bytes()[: 2 * PAGE_BYTES], file.stat().st_size
        rest = b"" if is_cut_off else b"\xff" * (size_bytes - len(head))
        file.write_bytes(head + rest)
        cluster.start(victim)
        acked.append(submit(client, account))
        at_one = at_rest(client, within_s=60)
        client.transfer_leadership(victim)
        acked.append(submit(client, account))
        lost = missing(client, acked)
    said = what_it_said(cluster, victim)
    cluster.stop()

    assert len(at_one) == 1
    assert lost == []
    assert any("folded again from a copy of a peer's state" in line for line in said)
    assert any('"state_rebuild_begun"' in line for line in said)
    assert not file.with_name("damaged.mdb").exists()
    assert [check(cluster, node_id) for node_id in (1, 2, 3)] == [[], [], []]


def test_a_copy_kept_for_peers_is_looked_at_too(
    cluster: DevCluster, client: Client
) -> None:
    """T90: one bit of it flipped; it is dropped before anybody is offered it."""
    submit(client, funded(client))
    victim = next(n for n in (1, 2, 3) if n != cluster.leader())
    scrub_fast(cluster, victim)
    made = client.snapshot(victim, make=True).newest
    cluster.stop(victim)
    (copy,) = (cluster.data_directory(victim) / "snapshots").glob("*.mdb")
    data = bytearray(copy.read_bytes())
    data[Random(4).randrange(len(data))] ^= 1
    copy.write_bytes(data)
    cluster.start(victim)
    cluster.wait_ready()
    scrubbed(cluster, victim)

    assert made.index > 0
    assert any('"snapshot_spoiled"' in one for one in what_it_said(cluster, victim))
    assert not copy.exists()
    assert not client.snapshot(victim).HasField("newest")
    assert client.snapshot(victim, make=True).newest.index > 0


@pytest.mark.rounds
@pytest.mark.timeout(900)
def test_bits_in_random_pages_of_the_state_end_in_a_state_that_is_right(
    cluster: DevCluster, client: Client
) -> None:
    """What shows in any record is found, and the state is folded again; the rest harms nobody."""
    account = funded(client)
    acked = [submit(client, account) for _ in range(20)]
    victim = next(n for n in (1, 2, 3) if n != cluster.leader())
    scrub_fast(cluster, victim)
    dice = Random(9)
    state_file = cluster.data_directory(victim) / "state" / "data.mdb"

    shown = 0
    for number in range(rounds(ci=3, full=12)):
        cluster.stop(victim)
        before = records_of(cluster.data_directory(victim))
        assert before is not None
        data = bytearray(state_file.read_bytes())
        is_shown = False
        # Many bytes of a small state belong to no record; of the first round, some must.
        for _ in range(100 if number == 0 else 1):
            for _ in range(4):
                page = dice.randrange(2, len(data) // PAGE_BYTES)  # no meta page
                offset = page * PAGE_BYTES + dice.randrange(PAGE_BYTES)
                data[offset] ^= 1 << dice.randrange(8)
            state_file.write_bytes(data)
            is_shown = records_of(cluster.data_directory(victim)) != before
            if is_shown:
                break
        said = Counter(what_it_said(cluster, victim))
        cluster.start(victim)
        acked.append(submit(client, account))
        assert len(at_rest(client)) == 1
        scrubbed(cluster, victim)
        assert len(at_rest(client)) == 1
        news = Counter(what_it_said(cluster, victim)) - said
        assert not is_shown or any("folded again from" in line for line in news), news
        shown += is_shown
    lost = missing(client, acked)
    cluster.stop()

    assert shown > 0, "no flip hit a record, so nothing was put to the test"
    assert lost == []
    assert [check(cluster, node_id) for node_id in (1, 2, 3)] == [[], [], []]
