"""Payouts by a rail of its own process, while leaders die around dispatch (ledger.md 3.6, I10)."""

import asyncio
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledgerd.api.rails import calendar_message, rail_message
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import (
    CallError,
    Client,
    CommandResult,
    Outcome,
    Profile,
    SubmitResult,
    payout_order,
    us_account,
)
from ledgerd.errors import Reason
from ledgerd.ledger.calendars import DAY_US, Calendar
from ledgerd.ledger.payouts import PayoutState
from ledgerd.ledger.rails import CutOff, Layer, WallTime, Window
from ledgerd.rails.sandbox import SandboxRail
from ledgerd.rails.simulated import Count, Magic
from ledgerd.security import pki
from ledgerd.security.identity import Role
from ledgerd.security.tls import ChannelTls
from ledgerd.security.tlsfiles import TlsFiles
from ledgerd.timetable.rail_file import seed
from tests.e2e.rounds import rounds
from tests.waiting import lasting, until

ROOT = Path(__file__).parents[2]
FINAL = {
    PayoutState.SETTLED,
    PayoutState.FAILED,
    PayoutState.RETURNED,
}
# Short leases, so that a takeover is soon; the guarantee time is longer than a send.
RAILS = {"lease_ms": 1_500, "send_ms": 400}
ENDING = [magic for magic in Magic if magic is not Magic.ACK_AFTER_REFUSAL]
KILLS = rounds(ci=8, full=32)
PAUSES = rounds(ci=2, full=4)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DevCluster]:
    """Three nodes, and a rail that executes every send that it takes."""
    cluster = DevCluster(
        tmp_path / "cluster",
        3,
        settings={"rails": RAILS},
        has_rail=True,
        rail_options=["--executes-twice", "--guarantee-ms", "1000"],
    )
    cluster.prepare()
    try:
        cluster.start()
        cluster.wait_ready()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def client(cluster: DevCluster) -> Iterator[Client]:
    with Client(Profile.load(cluster.profile_path)) as client:
        until(
            "the state version that knows dispatch",
            lambda: (
                min(
                    getattr(status, "state_version", 0)  # who is busy does not answer
                    for status in client.statuses(deadline=1.0).values()
                )
                >= 3
            ),
        )
        yield client


def open_account(client: Client) -> str:
    account = client.open_account(currency="USD", livemode=False, owner_ref="rails")
    client.fund(account, 10**9, "USD", bank="main", external_ref=f"wire {account}")
    return account


def pay(client: Client, account: str, magic: Magic) -> str:
    return client.submit(
        account=account,
        amount=5_000,
        currency="USD",
        rail="sandbox",
        destination=us_account("021000021", magic.value, "Ada Lovelace"),
        reference=magic.name.lower(),
        deadline=30.0,
    ).payout_id


def payout(client: Client, payout_id: str) -> pb.Payout:
    return client.get(payout_id, deadline=30.0).payout


def state(client: Client, payout_id: str) -> PayoutState:
    return PayoutState(payout(client, payout_id).state)


def counts(cluster: DevCluster) -> tuple[Count, ...]:
    """Ask the rail what it did."""

    async def body() -> tuple[Count, ...]:
        assert cluster.rail is not None
        folder = cluster.directory / "pki"
        files = TlsFiles(
            folder / "ca.pem", folder / "node-1.pem", folder / "node-1.key"
        )
        cluster_id = Profile.load(cluster.profile_path).cluster_id
        rail = SandboxRail(
            cluster.rail.address, ChannelTls(files, cluster_id=cluster_id)
        )
        try:
            return await rail.counts()
        finally:
            await rail.close()

    return asyncio.run(body())


def calls(cluster: DevCluster) -> int:
    """How many calls the rail has taken so far."""
    assert cluster.rail is not None
    path = cluster.rail.journal_path
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.e2e
def test_every_number_visibly_comes_to_its_end(
    cluster: DevCluster, client: Client
) -> None:
    """Settled, rejected, returned in full and in part, unanswered, refused: by real processes."""
    account = open_account(client)
    paid = {magic: pay(client, account, magic) for magic in Magic}

    until(
        "all payouts are final",
        lambda: all(state(client, paid[magic]) in FINAL for magic in ENDING),
    )
    until(
        "what comes late is there",
        lambda: (
            state(client, paid[Magic.LATE_RETURN]) is PayoutState.RETURNED
            and state(client, paid[Magic.RETURN]) is PayoutState.RETURNED
        ),
    )

    ended = {magic: state(client, paid[magic]) for magic in Magic}
    assert ended[Magic.REJECT] is PayoutState.FAILED
    assert ended[Magic.ACK_AFTER_REFUSAL] is PayoutState.READY  # and has an exception
    for magic in (Magic.SETTLE, Magic.TIMEOUT_SENT, Magic.TWO_ACKS, Magic.REFUSE_ONCE):
        assert ended[magic] is PayoutState.SETTLED, magic
    assert max(count.executions for count in counts(cluster)) == 1


@pytest.mark.e2e
def test_a_rail_is_suspended_and_resumed_within_a_second(
    cluster: DevCluster, client: Client
) -> None:
    """The catalogue is data in the log: a change holds on the leader at once, without a restart."""
    account = open_account(client)
    before = client.catalogue()
    client.set_catalogue([rail_message(rail) for rail in seed()])
    client.suspend_rail("sandbox", reason="the bank asked for it")
    calls_before = calls(cluster)
    payout_id = pay(client, account, Magic.SETTLE)
    lasting(1.0)  # longer than it takes otherwise
    waiting = state(client, payout_id)
    sent = calls(cluster) - calls_before
    client.suspend_rail("sandbox", suspended=False)
    until(
        "the payout is settled",
        lambda: state(client, payout_id) is PayoutState.SETTLED,
        within_s=5.0,
    )
    after = client.catalogue()

    assert (waiting, sent) == (PayoutState.READY, 0)
    assert len(before.rails) == 0
    assert [rail.name for rail in after.rails] == [rail.name for rail in seed()]
    assert [(s.rail, s.suspended) for s in after.suspensions] == [("sandbox", False)]


@pytest.mark.e2e
def test_a_payout_in_doubt_waits_for_what_a_person_finds_out(
    cluster: DevCluster, client: Client
) -> None:
    """A rail that can be asked nothing and knows no keys loses a send.

    The mark outlives the leader; a second person tells what the rail says, and it goes on.
    """
    account = open_account(client)
    dumb = replace(seed()[0], deduplicates=False, answers_queries=False, guarantee_s=0)
    client.set_catalogue([rail_message(dumb)])
    lost = pay(client, account, Magic.TIMEOUT_LOST)

    def listed() -> list[str]:
        page = client.list(attention=True, deadline=30.0)
        return [found.order.payout_id for found in page.payouts]

    def counted() -> list[bytes]:
        """What the metrics of each node say."""
        found = []
        for ports in cluster.ports().values():
            address = f"http://127.0.0.1:{ports.metrics}/metrics"
            with urllib.request.urlopen(address, timeout=5.0) as reply:
                lines = reply.read().splitlines()
            found += [
                line.split()[1]
                for line in lines
                if line.startswith(b"ledgerd_attention_payouts ")
            ]
        return found

    until("it needs attention", lambda: listed() == [lost], within_s=20.0)
    until(
        "every node counts it",
        lambda: counted() == [b"1.0"] * 3,
        within_s=20.0,
        passing=OSError,
    )
    leader_id = until("there is a leader", lambda: cluster.leader(1.0))
    cluster.kill(leader_id)
    cluster.start(leader_id)
    cluster.wait_ready()
    found = payout(client, lost)
    sends = sum(count.sends for count in counts(cluster))
    other = Profile.load(cluster.profile_path)
    folder = cluster.directory / "pki"
    pki.issue_client(folder, "support", [Role.APPROVER])
    other = replace(
        other,
        certificate=folder / "client-support.pem",
        key=folder / "client-support.key",
    )

    def tell(person: Client) -> CommandResult:
        """What the rail says of the payout as it stands now; no send is under way."""
        return person.tell_evidence(
            lost,
            "NOT_FOUND",
            rail="sandbox",
            reference="case 7",
            note="by phone",
            expected_version=payout(client, lost).version,
            deadline=30.0,
        )

    until(
        "who submitted it may not tell",
        lambda: tell(client).refusal == "SAME_PERSON",
        within_s=20.0,
    )
    with Client(other) as support:

        def is_taken() -> bool:
            """Whoever leads now may look again meanwhile, and hold it for a moment."""
            answer = tell(support)
            assert answer.refusal in (None, "LEASE_HELD", "VERSION_MISMATCH"), answer
            return answer.outcome is Outcome.CREATED

        until("the word of a person is taken", is_taken, within_s=20.0)
    until(
        "it is sent again and settled",
        lambda: state(client, lost) is PayoutState.SETTLED,
        within_s=20.0,
    )
    (count,) = counts(cluster)

    assert (found.attention, found.state) == (True, pb.DISPATCHING)
    assert sends == 1
    assert (count.sends, count.executions) == (2, 1)
    assert listed() == []
    until(
        "no node counts it",
        lambda: counted() == [b"0.0"] * 3,
        within_s=20.0,
        passing=OSError,
    )


@pytest.mark.e2e
def test_windows_and_dates_follow_the_calendar_in_the_log(
    cluster: DevCluster, client: Client
) -> None:
    """A payout for this window only, and one that a notice moves; three nodes agree (8.3)."""
    account = client.open_account(currency="USD", livemode=True, owner_ref="rails")
    client.fund(account, 10**6, "USD", bank="main", external_ref="first")
    today = time.time_ns() // 1_000 // DAY_US
    # Open from the day before to the day after each of its days: there is always a window.
    ach = replace(
        seed()[1],
        windows=(
            Window(
                WallTime(-1, 0), (CutOff(Layer.OURS, WallTime(1, 86_399)),), 1, 3_600
            ),
        ),
    )
    every_day = Calendar("fed", 0, 0, today - 9, today + 300, 0, (), "test", "")

    def close(*days: int) -> None:
        client.amend_calendar(calendar_message(replace(every_day, closed_days=days)))

    def pay_ach(**changes: object) -> SubmitResult:
        order = payout_order(
            account=account,
            amount=500,
            currency="USD",
            rail="us_ach",
            destination=us_account("021000021", "7", "Jane Doe"),
        )
        order.MergeFrom(pb.PayoutOrder(**changes))  # type: ignore[arg-type]  # fields by name
        return client.submit_order(order, deadline=30.0)

    urgent = {"timing": pb.THIS_WINDOW_ONLY}
    client.set_catalogue([rail_message(ach)])
    with pytest.raises(CallError) as unknown:
        pay_ach(**urgent)
    close()
    in_time = pay_ach(**urgent)
    close(*range(today - 5, today + 6))
    late = pay_ach(**urgent)

    day = today + 60
    release_at_us = day * DAY_US + DAY_US // 2
    planned = pay_ach(release_at_us=release_at_us)

    def dates() -> tuple[int, int]:
        found = payout(client, planned.payout_id)
        return found.release_at_us, found.arrival_date

    until("it has a date of arrival", lambda: dates()[1] > 0, within_s=20.0)
    first = dates()
    close(*range(day - 2, day + 4))
    until("it is moved", lambda: dates() != first, within_s=20.0)

    assert unknown.value.reason is Reason.WINDOW_UNKNOWN
    assert in_time.outcome is Outcome.CREATED
    assert late.refusal == "CUTOFF_PASSED"
    assert first[0] == release_at_us
    moved_us, arrives = dates()
    # The next open day is day + 4, and its window opens the evening before, in New York.
    assert (day + 3) * DAY_US <= moved_us < (day + 4) * DAY_US
    assert arrives > first[1]


@pytest.mark.e2e
def test_the_example_of_a_life_shows_it(cluster: DevCluster, client: Client) -> None:
    """Settled, returned, rejected; a statement; a receipt that is checked from its file alone."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "payout_life.py")],
        env={**os.environ, "LEDGERCTL_CONFIG": str(cluster.profile_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for words in (
        "quoted at a fee of 0 cents",
        "created → dispatch_begun → sent → settled",
        "sent → settled → returned",
        "sent → failed",
        "the receipt of the first payout is sound",
    ):
        assert words in done.stdout, done.stdout


@pytest.mark.e2e
def test_the_example_of_a_worker_carries_payouts(tmp_path: Path) -> None:
    """It is killed in the middle and started again; the nodes carry nothing themselves."""
    cluster = DevCluster(
        tmp_path / "cluster", 1, settings={"rails": {"sandbox": ""}}, has_rail=True
    )
    cluster.prepare()
    assert cluster.rail is not None
    worker = [sys.executable, str(ROOT / "examples" / "rail_worker.py")]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LEDGERCTL_CONFIG": str(cluster.profile_path),
        "RAIL": cluster.rail.address,
    }
    processes = []
    try:
        cluster.start()
        cluster.wait_ready()
        with (
            Client(Profile.load(cluster.profile_path)) as client,
            (tmp_path / "worker.log").open("wb") as output,
        ):
            account = open_account(client)
            paid = {magic: pay(client, account, magic) for magic in ENDING}
            for is_killed in (True, False):
                processes.append(
                    subprocess.Popen(
                        worker, env=environment, stdout=output, stderr=output
                    )
                )
                if is_killed:
                    before = calls(cluster)
                    until("the rail was called", lambda n=before: calls(cluster) > n)
                    processes[-1].kill()
            until(
                "all payouts are final",
                lambda: all(state(client, p) in FINAL for p in paid.values()),
            )
            done = counts(cluster)
            words = (tmp_path / "worker.log").read_text()
    finally:
        for process in processes:
            process.kill()
            process.wait()
        cluster.stop()

    assert "Traceback" not in words
    assert max(count.executions for count in done) == 1
    assert len([c for c in done if c.executions]) == len(paid) - 1  # one is rejected


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.rounds
@pytest.mark.timeout(900)
def test_leaders_that_die_around_dispatch_pay_exactly_once(
    cluster: DevCluster, client: Client
) -> None:
    """Kills, and pauses beyond the lease, at random points around dispatch; 32 and 4 in full.

    The rail does not recognise a payment that it gets twice, so nothing but the dispatcher keeps
    it from being paid twice.
    """
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    account = open_account(client)
    paid: dict[str, Magic] = {}

    faults = ["kill"] * KILLS + ["pause"] * PAUSES
    dice.shuffle(faults)
    for fault in faults:
        leader_id = until("there is a leader", lambda: cluster.leader(1.0))
        before = calls(cluster)
        fresh = [dice.choice(ENDING) for _ in range(4)]
        new = {pay(client, account, magic): magic for magic in fresh}
        paid |= new
        point = dice.choice(["submitted", "sent", "sent", "claimed"])
        if point == "sent":
            count = before + dice.randint(1, len(new))
            until("the rail was called", lambda n=count: calls(cluster) >= n)
        elif point == "claimed":
            until(
                "a payout left READY",
                lambda ids=tuple(new): any(
                    state(client, p) is not PayoutState.READY for p in ids
                ),
            )
        lasting(dice.choice([0.0, 0.0, dice.uniform(0.0, 0.1)]))
        if fault == "kill":
            cluster.kill(leader_id)
            cluster.start(leader_id)
        else:
            cluster.pause(leader_id)
            lasting(RAILS["lease_ms"] / 1000 + dice.uniform(0.2, 1.5))
            cluster.resume(leader_id)
    cluster.wait_ready()

    until(
        "all payouts are final",
        lambda: all(state(client, payout_id) in FINAL for payout_id in paid),
        within_s=60.0,
    )
    done = counts(cluster)
    ended = {payout_id: state(client, payout_id) for payout_id in paid}
    rejected = sum(magic is Magic.REJECT for magic in paid.values())
    print(f"{len(paid)} payouts, {sum(c.sends for c in done)} sends")

    assert max(count.executions for count in done) == 1, seed
    assert sum(count.executions for count in done) == len(paid) - rejected, seed
    for payout_id, magic in paid.items():
        is_failed = ended[payout_id] is PayoutState.FAILED
        assert is_failed == (magic is Magic.REJECT), (seed, payout_id, magic)
