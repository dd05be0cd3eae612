"""The copies of one node: made in a thread of their own, given to peers, fetched from a leader.

`replica.ports.SnapshotStore` for the replica thread, `transport.SnapshotSource` for the peers'
calls. What is begun here ends as an input of the replica. Fetching is a task of the loop that asks
again and again, from the last good chunk on, for as long as the offer stands (F29).
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from typing import Final

from ledgerd.errors import CorruptionError, StateRottenError, StorageError
from ledgerd.formats import snapshots as headers
from ledgerd.observability import logs
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.messages import SnapshotOffer
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.inputs import (
    SnapshotFetched,
    SnapshotInput,
    SnapshotMade,
    SnapshotSpoiled,
)
from ledgerd.storage import state_copy
from ledgerd.storage.copied_rows import GoesOn, unhurried
from ledgerd.storage.environment import Environment
from ledgerd.storage.install import Incoming, SnapshotRefused, resumed
from ledgerd.storage.state_copy import Copied
from ledgerd.transport.snapshot_stream import (
    OpenSnapshot,
    Part,
    SnapshotClient,
    SnapshotStreamBroken,
)

_RETRY_S_MIN: Final = 0.1
_RETRY_S_MAX: Final = 2.0
_VAIN_ATTEMPTS_MAX: Final = 5  # without one good chunk, before the offer is given back

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How copies are made. bytes_per_s: the pace of reading state/ and writing the copy."""

    bytes_per_s: int
    chunk_bytes: int


class SnapshotKeeper:
    """Makes, keeps, gives and fetches copies of state/.

    `newest`, `make`, `fetch`, `stop_fetching` and `forget` belong to the replica thread; `open`,
    `came_damaged` and `look_over` to any; `attach` and `stop` to the loop.
    """

    def __init__(
        self,
        environment: Environment,
        options: CopyOptions,
        *,
        metrics: Metrics,
        put: Callable[[SnapshotInput], None],
        on_damage: Callable[[str], None],
        fail_stop: Callable[[BaseException], object],
    ) -> None:
        """Find the copies that an earlier process left.

        put: hands an end to the replica. on_damage: a row of the own state fails its check.
        """
        self._environment = environment
        self._options = options
        self._metrics = metrics
        self._put = put
        self._on_damage = on_damage
        self._fail_stop = fail_stop
        self._copied: Copied | None = state_copy.newest_copy(environment.directory)
        self._swapping = threading.Lock()  # around a look at `_copied` that changes it
        self._visible: Callable[[], Index] = lambda: Index(0)
        self._doublings = 0  # of the pace, for the copy that is made or at hand
        self._copier: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: SnapshotClient | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._is_forgetting = False

    def attach(self, loop: asyncio.AbstractEventLoop, client: SnapshotClient) -> None:
        """Take the loop that fetches, and its way to the peers."""
        self._loop, self._client = loop, client

    def follow(self, visible: Callable[[], Index]) -> None:
        """Take the way to ask what is visible, on the replica thread."""
        self._visible = visible

    async def stop(self) -> None:
        """End what is under way; what has come of a fetch stays for the next start."""
        self._is_stopping = True
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        if self._copier is not None:
            await asyncio.to_thread(self._copier.join)

    # `replica.ports.SnapshotStore`.

    def newest(self) -> Snapshot | None:
        """Return the newest whole copy at hand."""
        return None if self._copied is None else self._copied.snapshot

    def make(self, doublings: int) -> Index:
        """Begin a copy in a thread of its own, and say so if the one before came too late."""
        if self._copier is not None:
            self._copier.join()  # it has handed its end over, and only returns now (T63)
        at = self._visible()
        self._doublings = doublings
        if doublings:
            log.warning("snapshot_outrun", bytes_per_s=self.bytes_per_s)
            self._count("outrun")
        self._copier = threading.Thread(target=self._copy, name="copier", daemon=True)
        self._copier.start()
        return at

    def fetch(self, offer: SnapshotOffer) -> None:
        """Begin or go on to fetch, on the loop."""
        assert self._loop is not None, "fetch before attach"
        self._loop.call_soon_threadsafe(self._begin, offer)

    def stop_fetching(self) -> None:
        """Give the fetch under way up."""
        assert self._loop is not None, "stop_fetching before attach"
        self._loop.call_soon_threadsafe(self._cancel)

    def forget(self) -> None:
        """Remove the copies of a state that turned out bad, the one being made too (F37).

        On the replica thread, before the state is replaced.
        """
        self._is_forgetting = True
        if self._copier is not None:
            self._copier.join()
        self._is_forgetting = False
        copied, self._copied = self._copied, None
        if copied is not None:
            state_copy.forget(copied)

    # `transport.SnapshotSource`.

    def open(self, sha256: bytes) -> OpenSnapshot | None:
        """Open the copy with this checksum."""
        copied = self._copied
        if copied is None or copied.snapshot.sha256 != sha256:
            return None
        try:
            return _OpenCopy(copied, self._doublings)
        except OSError as error:
            log.error("snapshot_unreadable", path=str(copied.path), why=str(error))
            self._copied = None
            self._put(SnapshotSpoiled(sha256))
            return None

    def came_damaged(self, sha256: bytes) -> None:
        """Look whether it is damaged here; if so, forget it and say so (T90)."""
        copied = self._copied
        if copied is None or copied.snapshot.sha256 != sha256:
            return
        if state_copy.is_intact(copied):
            try:
                state_copy.check_rows(self._environment, copied)
            except StateRottenError as error:
                self._on_damage(str(error))
            except CorruptionError as error:
                log.error("snapshot_unsound", path=str(copied.path), why=str(error))
            else:
                return  # the damage was done on the way or at the other end
        self._drop(copied)

    def look_over(self, goes_on: Callable[[int], bool]) -> None:
        """Read the newest copy as the scrub does, and forget one that rotted (T90). Any thread.

        It is offered no more; another one is made when a peer needs one.
        """
        copied = self._copied
        if copied is None or state_copy.is_intact(copied, goes_on):
            return
        if copied.path.exists():  # else a newer one has just taken its place
            self._drop(copied)

    def _drop(self, copied: Copied) -> None:
        """Forget a copy whose bytes are wrong, unless another one took its place."""
        with self._swapping:
            if self._copied is not copied:
                return
            self._copied = None
        log.error("snapshot_spoiled", path=str(copied.path))
        self._count("spoiled")
        state_copy.forget(copied)
        self._put(SnapshotSpoiled(copied.snapshot.sha256))

    @property
    def bytes_per_s(self) -> int:
        """The pace of the copy that is made or at hand."""
        return self._options.bytes_per_s << self._doublings

    # Making.

    def _copy(self) -> None:
        try:
            copied = state_copy.make_copy(
                self._environment,
                bytes_per_s=self.bytes_per_s,
                chunk_bytes=self._options.chunk_bytes,
                should_stop=lambda: self._is_stopping or self._is_forgetting,
            )
        except (StorageError, CorruptionError) as error:
            log.warning("snapshot_not_made", why=str(error))
            self._count("failed")
            if isinstance(error, StateRottenError):
                self._on_damage(str(error))  # first, so that no other copy is begun
            self._put(SnapshotMade(None, str(error)))
            return
        with self._swapping:
            self._copied = copied
        snapshot = copied.snapshot
        log.info("snapshot_made", index=snapshot.index, size_bytes=snapshot.size_bytes)
        self._count("made")
        self._put(SnapshotMade(snapshot))

    # Fetching.

    def _begin(self, offer: SnapshotOffer) -> None:
        self._cancel()
        if not self._is_stopping:
            task = asyncio.create_task(self._fetch(offer), name="snapshot-fetch")
            task.add_done_callback(self._ended)
            self._fetching = task

    def _cancel(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A fetch ends by itself or is cancelled; anything else stops the node (T68)."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail_stop(error)

    async def _fetch(self, offer: SnapshotOffer) -> None:
        """Fetch what was offered until it is whole or refused, and hand that over."""
        sha256 = offer.snapshot.sha256
        log.info(
            "snapshot_fetch_begun",
            index=offer.snapshot.index,
            size_bytes=offer.snapshot.size_bytes,
            leader=offer.sender,
        )
        fetch = _Fetch(self._environment, offer)
        backoff_s, vain = _RETRY_S_MIN, 0
        while vain < _VAIN_ATTEMPTS_MAX:
            before = fetch.offset
            try:
                snapshot = await self._attempt(fetch)
            except SnapshotRefused as refused:
                log.error("snapshot_refused", why=str(refused))
                await self._tell_damaged(offer.sender, sha256)
                break
            except StorageError as error:
                log.error("snapshot_not_stored", why=str(error))
                break
            if snapshot is not None:
                log.info("snapshot_fetched", index=snapshot.index)
                self._count("fetched")
                self._put(SnapshotFetched(sha256, snapshot))
                return
            is_vain = fetch.offset == before
            vain = vain + 1 if is_vain else 0
            backoff_s = min(2 * backoff_s, _RETRY_S_MAX) if is_vain else _RETRY_S_MIN
            await asyncio.sleep(backoff_s)
        self._count("refused")
        self._put(SnapshotFetched(sha256, None))

    async def _attempt(self, fetch: "_Fetch") -> Snapshot | None:
        """Ask once, from the last good chunk on; return the snapshot if it is whole now.

        Errors: SnapshotRefused when it is not what was offered; StorageError.
        """
        assert self._client is not None, "fetch before attach"
        await asyncio.to_thread(fetch.resume)
        if not fetch.has_all:
            offer = fetch.offer
            parts = self._client.fetch(
                offer.sender, offer.snapshot.sha256, fetch.offset
            )
            try:
                async for part in parts:
                    await asyncio.to_thread(fetch.take, part)
            except ChunkRefused as refused:
                log.warning("snapshot_chunk_refused", why=str(refused))
            except SnapshotStreamBroken as broken:
                log.warning("snapshot_stream_broken", why=str(broken))
            finally:
                await parts.aclose()
        if not fetch.has_all:
            return None
        goes_on = unhurried(self._options.bytes_per_s, lambda: self._is_stopping)
        return await asyncio.to_thread(fetch.finish, goes_on)

    async def _tell_damaged(self, peer: NodeId, sha256: bytes) -> None:
        assert self._client is not None
        try:
            await self._client.tell_damaged(peer, sha256)
        except SnapshotStreamBroken as broken:
            log.warning("snapshot_stream_broken", why=str(broken))

    def _count(self, event: str) -> None:
        self._metrics.snapshots.labels(event).inc()


class ChunkRefused(Exception):
    """A chunk came damaged or out of order; all before it are good."""


class _Fetch:
    """What has come of one offer. Its methods wait for the disk: call them beside the loop."""

    def __init__(self, environment: Environment, offer: SnapshotOffer) -> None:
        self._environment = environment
        self._incoming: Incoming | None = None
        self.offer = offer

    @property
    def offset(self) -> int:
        """How many bytes are here and good."""
        return 0 if self._incoming is None else self._incoming.offset

    @property
    def has_all(self) -> bool:
        """Whether all bytes are here."""
        return self._incoming is not None and self._incoming.has_all

    def resume(self) -> None:
        """Take over what an earlier process has fetched of it."""
        if self._incoming is None:
            self._incoming = resumed(
                self._environment.directory,
                self.offer.snapshot.sha256,
                self._environment.identity,
            )

    def take(self, part: Part) -> None:
        """Take the header or a chunk. Errors: ChunkRefused, SnapshotRefused, StorageError."""
        if part.header:
            self._take_header(part.header)
        elif self._incoming is None:
            raise ChunkRefused("expected the header first, found a chunk")
        else:
            try:
                self._incoming.add(part.offset, part.data, part.crc)
            except SnapshotRefused as refused:
                raise ChunkRefused(str(refused)) from refused

    def finish(self, goes_on: GoesOn) -> Snapshot:
        """Verify the whole; see `Incoming.finish`. Errors: SnapshotRefused, StorageError."""
        assert self._incoming is not None
        return self._incoming.finish(goes_on)

    def _take_header(self, raw: bytes) -> None:
        try:
            header = headers.decode(raw)
        except CorruptionError as error:
            raise ChunkRefused(str(error)) from error
        found, offered = header.snapshot, self.offer.snapshot
        if (found.sha256, found.anchor, found.digest, found.size_bytes) != (
            offered.sha256,
            offered.anchor,
            offered.digest,
            offered.size_bytes,
        ):
            raise SnapshotRefused("its header is not that of what was offered")
        if self._incoming is None:
            self._incoming = Incoming(
                self._environment.directory, header, self._environment.identity
            )


class _OpenCopy:
    """One copy, open for a peer's call."""

    def __init__(self, copied: Copied, doublings: int) -> None:
        self.doublings = doublings
        self._file: BufferedReader = copied.path.open("rb")
        self.header = headers.encode(copied.header)
        self.size_bytes = copied.snapshot.size_bytes
        self.chunk_bytes = copied.header.chunk_bytes

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from `offset` on."""
        self._file.seek(offset)
        return self._file.read(size_bytes)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
