"""`make demo`: a real file of payouts, the leader killed in the middle, and nothing lost.

Starts three nodes over mutual TLS, pays a pain.001 file and a NACHA file of 100,000 entries through
`ledgerctl`, kills the leader with SIGKILL half-way, lets it come back, pays both files once more,
and compares what was submitted with what the ledger holds. Then payouts live their whole lives over
the simulated rail (`payout_life`). Exit code 0 only if everything agrees.
"""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from examples import payout_life
from ledgerd.api.v1 import accounts_pb2, admin_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client
from ledgerd.errors import CallError

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "run" / "demo"
PAIN_FILE: Final = ROOT / "examples/files/suppliers.pain.001.001.09.xml"
NACHA_FILE: Final = (
    ROOT.parent / "shared/vectors/nacha/PPD-200-batches-100000-entries.ach.gz"
)
NACHA_ENTRIES: Final = 100_000
NODES: Final = 3
BATCH_ROWS: Final = 1_000  # what ledgerctl sends in one call
LEADERLESS_S_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class Payment:
    """One run of `ledgerctl payout submit`: counts of entries by outcome."""

    file: str
    entries: int
    created: int
    replayed: int
    others: int


class Outage:
    """How long nobody led: from the kill until a surviving node says that it leads."""

    def __init__(self, client: Client, killed: int) -> None:
        self._client = client
        self._survivors = [node for node in range(1, NODES + 1) if node != killed]

    def seconds_since(self, killed_at: float) -> tuple[float, int]:
        """Return the seconds from `killed_at` to the new leader, and its node id."""
        while time.monotonic() - killed_at < LEADERLESS_S_MAX:
            for node_id in self._survivors:
                status = self._status(node_id)
                if status is not None and status.role == admin_pb2.LEADER:
                    return time.monotonic() - killed_at, node_id
            time.sleep(0.005)
        raise TimeoutError(f"nobody led for {LEADERLESS_S_MAX} s after the kill")

    def _status(self, node_id: int) -> admin_pb2.StatusReply | None:
        try:
            return self._client.status(node_id, deadline=0.25)
        except CallError:
            return None


def main() -> int:
    """Run the demonstration; return the exit code."""
    console = Console()
    nacha = nacha_file(console)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    cluster = DevCluster(FOLDER / "cluster", NODES, has_rail=True)
    with running(cluster, console), Client.from_profile(cluster.profile_path) as client:
        eur = open_funded(client, "EUR", 10_000_000_00)
        usd = open_funded(client, "USD", 10_000_000_000_00)

        first = [pay(cluster, PAIN_FILE, eur)]
        payment, leader, killed, outage_s = pay_while_leader_dies(
            cluster, client, nacha, usd, console
        )
        first.append(payment)
        console.print(
            f"node {killed} was killed while leading; node {leader} led"
            f" {outage_s * 1000:.0f} ms later"
        )

        cluster.start(killed)
        cluster.wait_ready()
        console.print(f"node {killed} is back; both files are submitted once more")
        second = [pay(cluster, PAIN_FILE, eur), pay(cluster, nacha, usd)]

        digests = equal_digests(client)
        trial = client.trial_balance()
        show(console, first, second, trial, digests, outage_s)
        console.print("\nthree payouts by the simulated rail")
        has_lived = payout_life.live(client, cluster.profile_path)
        return 0 if is_whole(first, second, trial, digests) and has_lived else 1


def nacha_file(console: Console) -> Path:
    """Return the published file of 100,000 entries, or one of that size made here."""
    if NACHA_FILE.exists():
        return NACHA_FILE
    made = ROOT / "run" / "generated.ach.gz"
    made.parent.mkdir(parents=True, exist_ok=True)
    console.print("the published NACHA file is not here; one of its size is generated")
    command = [sys.executable, str(ROOT / "benchmarks/make_nacha.py")]
    arguments = ["--entries", str(NACHA_ENTRIES), "--output", str(made)]
    subprocess.run([*command, *arguments], check=True)
    return made


@contextmanager
def running(cluster: DevCluster, console: Console) -> Iterator[None]:
    """Start the cluster; stop it whatever happens."""
    cluster.prepare()
    try:
        cluster.start()
        leader = cluster.wait_ready()
        console.print(f"three nodes run over mutual TLS 1.3; node {leader} leads")
        yield
    finally:
        cluster.stop()


def open_funded(client: Client, currency: str, amount_minor: int) -> str:
    """Open a live account with money in it; return its id."""
    account = client.open_account(currency=currency, livemode=True, owner_ref="demo")
    client.fund(
        account, amount_minor, currency, bank="main", external_ref=f"demo-{currency}"
    )
    return account


def pay(cluster: DevCluster, file: Path, account: str) -> Payment:
    """Submit a file as a person would, and read the summary."""
    ended = subprocess.run(
        command_of(cluster, file, account), capture_output=True, text=True
    )
    return payment_of(ended.stdout, ended.stderr, ended.returncode)


def command_of(cluster: DevCluster, file: Path, account: str) -> list[str]:
    """Return the command line that pays `file` from `account`."""
    ledgerctl = Path(sys.executable).with_name("ledgerctl")
    profile = ["--config", str(cluster.profile_path), "--output", "json"]
    return [
        str(ledgerctl),
        *profile,
        "payout",
        "submit",
        str(file),
        "--account",
        account,
    ]


def payment_of(stdout: str, stderr: str, code: int) -> Payment:
    """Read the JSON summary of `ledgerctl payout submit`; ends the demo if there is none."""
    if not stdout.strip():
        raise SystemExit(f"ledgerctl payout submit ended with {code}:\n{stderr}")
    summary = json.loads(stdout)
    counts = {
        outcome: sum(total["entries"] for total in totals)
        for outcome, totals in summary["outcomes"].items()
    }
    created, replayed = counts.pop("CREATED", 0), counts.pop("REPLAYED", 0)
    return Payment(
        file=summary["file"],
        entries=summary["entries"],
        created=created,
        replayed=replayed,
        others=sum(counts.values()),
    )


def pay_while_leader_dies(
    cluster: DevCluster, client: Client, file: Path, account: str, console: Console
) -> tuple[Payment, int, int, float]:
    """Submit a file and kill the leader in its middle.

    Returns the payment, the new leader, the killed node, and the seconds without a leader.
    """
    before = client.status().applied_index
    half = NACHA_ENTRIES // BATCH_ROWS // 2
    process = subprocess.Popen(
        command_of(cluster, file, account),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
        ) as bar:
            task = bar.add_task("log entries until the kill", total=half)
            while (done := client.status().applied_index - before) < half:
                bar.update(task, completed=done)
                if process.poll() is not None:
                    raise SystemExit(f"it ended early:\n{process.communicate()[1]}")
                time.sleep(0.02)
        leader = cluster.leader()
        assert leader is not None, "no leader in the middle of the file"
        cluster.kill(leader)
        killed_at = time.monotonic()
        outage_s, successor = Outage(client, leader).seconds_since(killed_at)
        stdout, stderr = communicate(process)
    finally:
        process.kill()
        process.wait()
    payment = payment_of(stdout, stderr, process.returncode)
    return payment, successor, leader, outage_s


def communicate(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Return the output of a process that ends by itself, with a bound on its time."""
    watchdog = threading.Timer(240, process.kill)
    watchdog.start()
    try:
        return process.communicate()
    finally:
        watchdog.cancel()


def equal_digests(client: Client) -> dict[int, tuple[int, str]]:
    """Return (index, digest) by node, once all nodes have come to the same index."""
    ends_at = time.monotonic() + 30
    while True:
        found = {
            node: (status.visible_index, status.digest)
            for node, status in client.statuses(deadline=2.0).items()
            if isinstance(status, admin_pb2.StatusReply)
        }
        indexes = {index for index, _ in found.values()}
        if (len(found) == NODES and len(indexes) == 1) or time.monotonic() > ends_at:
            return found
        time.sleep(0.05)


def show(
    console: Console,
    first: list[Payment],
    second: list[Payment],
    trial: accounts_pb2.TrialBalanceReply,
    digests: dict[int, tuple[int, str]],
    outage_s: float,
) -> None:
    """Print what was submitted, what the books say, and what each node computed."""
    files = Table(title="submitted = acknowledged + replayed")
    for name in ("file", "run", "submitted", "acknowledged", "replayed", "others"):
        files.add_column(name, justify="left" if name in ("file", "run") else "right")
    for run, payments in (("first", first), ("again", second)):
        for each in payments:
            counts = (each.entries, each.created, each.replayed, each.others)
            files.add_row(each.file, run, *(f"{count:,}" for count in counts))
    console.print(files)

    books = Table(title="trial balance, minor units")
    for name in ("currency", "debits", "credits", "difference"):
        books.add_column(name, justify="left" if name == "currency" else "right")
    for book in trial.books:
        debit, credit = int(book.debit_units), int(book.credit_units)
        books.add_row(book.currency, f"{debit:,}", f"{credit:,}", f"{debit - credit:,}")
    console.print(books)

    nodes = Table(title="digest of everything applied")
    for name in ("node", "index", "digest"):
        nodes.add_column(name)
    for node_id, (index, digest) in sorted(digests.items()):
        nodes.add_row(str(node_id), str(index), digest[:32] + "…")
    console.print(nodes)
    console.print(f"time without a leader: {outage_s * 1000:.0f} ms")


def is_whole(
    first: list[Payment],
    second: list[Payment],
    trial: accounts_pb2.TrialBalanceReply,
    digests: dict[int, tuple[int, str]],
) -> bool:
    """Whether nothing was lost and nothing paid twice."""
    return (
        all(p.entries == p.created + p.replayed and p.others == 0 for p in first)
        and all(p.entries == p.replayed for p in second)
        and len(trial.books) > 0
        and all(book.debit_units == book.credit_units for book in trial.books)
        and len(digests) == NODES
        and len(set(digests.values())) == 1
    )


if __name__ == "__main__":
    sys.exit(main())
