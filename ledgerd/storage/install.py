"""A state that comes from another node: kept aside while it comes, checked, put in place (F30).

    DIR/incoming/SHA256.part     chunks as they came; its length is how far it is
    DIR/incoming/SHA256.verified all of them, synced, and the SHA-256 was that of the snapshot
    DIR/incoming/SHA256.mdb      whole, verified, with this node's identity, synced
    DIR/incoming/SHA256.head     formats/snapshots, written before the first chunk

The order is fixed: bytes aside, verified, synced, renamed, the folder synced; then its rows are
checked and it is made this node's, and renamed again; then one transaction in log/ (hard state,
first index); then the rename over state/data.mdb. Until the transaction a restart finds the old
state, and what has come so far. After it, and before the rename, a restart finds a log that starts
behind a whole copy, and does the rename (`finish`).
"""

import hashlib
import os
from pathlib import Path
from typing import Final

import google_crc32c
import lmdb

from ledgerd.errors import CorruptionError, StorageError
from ledgerd.formats import snapshots as headers
from ledgerd.formats.snapshots import SnapshotHeader
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.raft.entries import Anchor
from ledgerd.raft.snapshots import Snapshot
from ledgerd.storage import identity as identities
from ledgerd.storage import keys
from ledgerd.storage.copied_rows import GoesOn, check_copy
from ledgerd.storage.directories import sync_directory
from ledgerd.storage.identity import Identity
from ledgerd.storage.state_copy import read_copy
from ledgerd.storage.swap import FOLDER, Reach, nowhere

_PIECE_BYTES: Final = 1 << 20
_SYNC_BYTES: Final = 16 << 20
_LMDB_MAJOR: Final = 0  # as in `environment`


class SnapshotRefused(CorruptionError):
    """What came is not what was offered; nothing of it is used (T90)."""


class Incoming:
    """One snapshot that comes in, chunk by chunk, over as many streams as it takes (F29)."""

    def __init__(
        self,
        directory: Path,
        header: SnapshotHeader,
        identity: Identity,
        reach: Reach = nowhere,
    ) -> None:
        """Go on with what has come before under the same checksum, and forget all others.

        Errors: SnapshotRefused when the header is of another cluster, or of a state version that
        this release does not apply; StorageError when the disk fails.
        """
        _judge(header, identity)
        self.header = header
        self._identity = identity
        self._reach = reach
        folder = directory / FOLDER
        name = header.snapshot.sha256.hex()
        self._part = folder / f"{name}.part"
        self._verified = folder / f"{name}.verified"
        self._whole = folder / f"{name}.mdb"
        self._head = folder / f"{name}.head"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            for other in folder.iterdir():
                if other.stem != name:
                    other.unlink()
            self._head.write_bytes(headers.encode(header))
            self.offset = self._part.stat().st_size if self._part.exists() else 0
            if self.is_whole or self._verified.exists():
                self._part.unlink(missing_ok=True)
                self.offset = header.snapshot.size_bytes
            if self.offset > header.snapshot.size_bytes:
                self._part.unlink()
                self.offset = 0
        except OSError as error:
            raise StorageError(f"{folder}: {error}") from error

    @property
    def is_whole(self) -> bool:
        """Whether it is ready to be put in place."""
        return self._whole.exists()

    @property
    def has_all(self) -> bool:
        """Whether all bytes have come."""
        return (
            self.is_whole
            or self._verified.exists()
            or self.offset == self.header.snapshot.size_bytes
        )

    def add(self, offset: int, data: bytes, crc: int) -> None:
        """Append a chunk. Errors: SnapshotRefused when it is damaged or not the next one."""
        if offset != self.offset:
            raise SnapshotRefused(
                f"expected the chunk at {self.offset}, found {offset}"
            )
        if google_crc32c.value(data) != crc:
            raise SnapshotRefused(f"the chunk at {offset}: checksum is wrong")
        if offset + len(data) > self.header.snapshot.size_bytes:
            raise SnapshotRefused(
                f"the chunk at {offset}: {len(data)} bytes are more than there are"
            )
        try:
            self._write(offset, data)
        except OSError as error:
            raise StorageError(f"{self._part}: {error}") from error
        self.offset += len(data)

    def _write(self, offset: int, data: bytes) -> None:
        """Write at its place, so that a chunk written twice is the same, and sync now and then.

        Many short syncs, and not one long one at the end: log/ is on the same disk.
        """
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            written = os.pwrite(descriptor, data, offset)
            if written != len(data):
                raise OSError(f"{written} of {len(data)} bytes were written")
            if (offset + written) // _SYNC_BYTES > offset // _SYNC_BYTES:
                os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def finish(self, goes_on: GoesOn = lambda _: True) -> Snapshot:
        """Verify everything, make it durable, and return what can be installed now.

        What an earlier process has verified is only made this node's: its bytes are then not those
        of the snapshot any more. goes_on: as in `copied_rows.check_copy`.
        Errors: SnapshotRefused when it is not what was offered, or a row in it is damaged, and then
        all of it is gone; StorageError when the disk fails, or `goes_on` says no.
        """
        snapshot = self.header.snapshot
        if self.is_whole:
            return snapshot
        try:
            if not self._verified.exists():
                self._verify()
            self._check(goes_on)
            self._reach("install.checked")
            _write_identity(self._verified, self._identity)
            self._reach("install.owned")
            _sync_file(self._verified)
            self._verified.replace(self._whole)
            self._reach("install.renamed")
            sync_directory(self._whole.parent)
            sync_directory(self._whole.parent.parent)
            self._reach("install.ready")
        except SnapshotRefused:
            self.forget()
            raise
        except (lmdb.Error, OSError) as error:
            raise StorageError(f"{self._part}: {error}") from error
        return snapshot

    def forget(self) -> None:
        """Remove all that has come."""
        for path in (self._part, self._verified, self._whole, self._head):
            path.unlink(missing_ok=True)
        self.offset = 0

    def _verify(self) -> None:
        """Compare the bytes with what was offered, and note durably that they are the same."""
        snapshot = self.header.snapshot
        if _sha256(self._part) != snapshot.sha256:
            raise SnapshotRefused(
                f"snapshot at index {snapshot.index}: the SHA-256 of its bytes is wrong"
            )
        _sync_file(self._part)
        self._part.replace(self._verified)
        sync_directory(self._verified.parent)
        self._reach("install.verified")

    def _check(self, goes_on: GoesOn) -> None:
        """Check that the file holds what its header says, and that each of its rows is sound."""
        snapshot = self.header.snapshot
        try:
            applied, membership, state_version = read_copy(self._verified)
            if not check_copy(self._verified, goes_on):
                raise OSError("the node stops")
        except CorruptionError as error:
            raise SnapshotRefused(
                f"snapshot at index {snapshot.index}: {error}"
            ) from error
        anchor = Anchor(snapshot.id, snapshot.anchor.link, snapshot.anchor.ts_us)
        found = (applied.index, applied.term, applied.link, applied.log_time_us)
        stated = (anchor.id.index, anchor.id.term, anchor.link, anchor.ts_us)
        if (found, applied.digest, membership, state_version) != (
            stated,
            snapshot.digest,
            snapshot.membership,
            self.header.state_version,
        ):
            raise SnapshotRefused(
                f"snapshot at index {snapshot.index}: the state in it is at {applied.index}, with "
                "another digest, membership or version than its header says"
            )


def resumed(directory: Path, sha256: bytes, identity: Identity) -> Incoming | None:
    """Return what has come of this snapshot before the process started; None if nothing has."""
    head = directory / FOLDER / f"{sha256.hex()}.head"
    try:
        return Incoming(directory, headers.decode(head.read_bytes()), identity)
    except (OSError, CorruptionError):
        return None


def _judge(header: SnapshotHeader, identity: Identity) -> None:
    if header.cluster_id != identity.cluster_id:
        raise SnapshotRefused(
            f"expected a snapshot of cluster {identity.cluster_id!r}, found one of "
            f"{header.cluster_id!r}"
        )
    if header.state_version > STATE_VERSION:
        raise SnapshotRefused(
            f"the snapshot is of state version {header.state_version}; this release applies up to "
            f"{STATE_VERSION}: upgrade this node"
        )


def _sha256(path: Path) -> bytes:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            found.update(piece)
    return found.digest()


def _write_identity(path: Path, identity: Identity) -> None:
    copy = lmdb.open(
        str(path),
        subdir=False,
        lock=False,
        max_dbs=32,
        map_size=path.stat().st_size + (64 << 20),
        lib_version=_LMDB_MAJOR,
    )
    try:
        meta = copy.open_db(keys.META.encode("ascii"), create=False)
        with copy.begin(db=meta, write=True) as transaction:
            transaction.put(keys.IDENTITY, identities.pack(identity))
        copy.sync(True)
    finally:
        copy.close()


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
