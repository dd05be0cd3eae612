"""Clusters whose nodes are of two releases: the previous one's wheel, and this working tree."""

import hashlib
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ledgerd.api.v1 import admin_pb2
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import CallError, Client, Profile, new_payout_id
from ledgerd.limits import PAGE_ROWS_MAX
from tests.e2e.rest import rest_of
from tests.e2e.test_cluster import funded_account, submit
from tests.waiting import until

WHEEL = Path(__file__).parent / "wheels" / "ledgerd-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "974fa70c1aba70e761eb6c7eb921200ec9dea5863bffd4d75318630207f5cd71"
OLD, NEW = "0.1.0", "0.3.0"
PATIENCE_S = 30.0
NEWER = ("head_certificate", "head_key")  # options since the previous release


def unpack(directory: Path) -> Path:
    """Return the folder with the previous release's package, after checking its wheel."""
    found = hashlib.sha256(WHEEL.read_bytes()).hexdigest()
    assert found == WHEEL_SHA256, f"the wheel is another one: {found}"
    with zipfile.ZipFile(WHEEL) as wheel:
        wheel.extractall(directory)
    return directory


class MixedCluster(DevCluster):
    """Three nodes; each starts with the release that `release_of` names."""

    def __init__(self, directory: Path, old: Path) -> None:
        super().__init__(directory, 3)
        self.release_of: dict[int, str] = dict.fromkeys(self.node_ids, OLD)
        # The folder of the caller must not stand before the wheel's: PYTHONSAFEPATH.
        self._old = {"PYTHONPATH": str(old), "PYTHONSAFEPATH": "1"}

    def prepare(self) -> None:
        """Write everything, without the options that the previous release does not know.

        An upgrade finds the files as they were; what they lack must not be needed.
        """
        super().prepare()
        for node_id in self.node_ids:
            path = self.config_path(node_id)
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(x for x in lines if not x.startswith(NEWER)))

    def _start(self, node_id: int) -> None:
        self._environment: Mapping[str, str] = (
            self._old if self.release_of[node_id] == OLD else {}
        )
        super()._start(node_id)

    def change(self, node_id: int, release: str) -> None:
        """Stop a node and start it with another release; return when all are ready."""
        self.stop(node_id)
        self.release_of[node_id] = release
        self.start(node_id)
        self.wait_ready()

    @contextmanager
    def client(self, node_id: int | None = None) -> Iterator[Client]:
        """Yield a client of all nodes, or of one."""
        if node_id is None:
            with Client(Profile.load(self.profile_path)) as client:
                yield client
        else:
            with Client.from_profile(self.profile_path, node_id=node_id) as client:
                yield client

    def statuses(self) -> dict[int, admin_pb2.StatusReply]:
        """Return what each node says of itself; all must answer."""
        with self.client() as client:
            found = client.statuses(deadline=5.0)
        assert all(isinstance(s, admin_pb2.StatusReply) for s in found.values()), found
        return {n: s for n, s in found.items() if isinstance(s, admin_pb2.StatusReply)}

    def until_at_rest(self, *, state_version: int) -> set[tuple[int, str]]:
        """Return the (index, digest) of all nodes, at one index and in one state version."""

        def at_rest() -> set[tuple[int, str]]:
            statuses = self.statuses().values()
            versions = {status.state_version for status in statuses}
            return rest_of(statuses) if versions == {state_version} else set()

        return until("the nodes come to rest", at_rest, within_s=PATIENCE_S)


class Load:
    """Callers that submit all the time; every call must be answered."""

    def __init__(self, cluster: MixedCluster, callers: int = 4) -> None:
        self._cluster = cluster
        self._should_stop = threading.Event()
        self.acked: list[str] = []
        self.failed: list[CallError] = []
        with cluster.client() as client:
            self._account = funded_account(client)
        self._threads = [threading.Thread(target=self._run) for _ in range(callers)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._should_stop.set()
        for thread in self._threads:
            thread.join()

    def grow(self, count: int) -> None:
        """Return once `count` more payouts are acknowledged."""
        wanted = len(self.acked) + count
        until(
            f"{wanted} acknowledged",
            lambda: self.failed or len(self.acked) >= wanted,
            within_s=PATIENCE_S,
        )
        assert not self.failed, self.failed

    def lost(self) -> list[str]:
        """Return which acknowledged payouts no longer exist; thousands, so they are listed."""
        present: set[str] = set()
        cursor = ""
        with self._cluster.client() as client:
            while True:
                page = client.list(
                    account=self._account,
                    page_size=PAGE_ROWS_MAX,
                    cursor=cursor,
                    deadline=10.0,
                )
                present.update(payout.order.payout_id for payout in page.payouts)
                cursor = page.next_cursor
                if not cursor:
                    return [each for each in self.acked if each not in present]

    def _run(self) -> None:
        with self._cluster.client() as client:
            while not self._should_stop.wait(0.01):  # a steady load, not a full one
                payout_id = new_payout_id()
                try:
                    submit(client, self._account, payout_id=payout_id)
                except CallError as error:
                    self.failed.append(error)
                else:
                    self.acked.append(payout_id)


def read_on_each(cluster: MixedCluster, payout_id: str) -> Iterable[int]:
    """Return the nodes, old and new, that answer a linearizable read of the payout."""
    answered = []
    for node_id in cluster.node_ids:
        with cluster.client(node_id) as pinned:
            if pinned.get(payout_id, deadline=10.0).HasField("payout"):
                answered.append(node_id)
    return answered
