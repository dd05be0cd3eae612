"""The one rename that makes a fetched state this node's state, now or at the next start (F30).

DIR/incoming/SHA256.mdb      a state of another node: whole, verified, synced: see `install`
DIR/incoming/SHA256.head     what it is
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from ledgerd.errors import CorruptionError
from ledgerd.formats import snapshots as headers
from ledgerd.raft.entries import Anchor
from ledgerd.raft.snapshots import Snapshot
from ledgerd.storage.directories import sync_directory

FOLDER: Final = "incoming"
_ASIDE: Final = "damaged.mdb"

Reach: TypeAlias = Callable[[str], None]  # told each step; a test fails there


def nowhere(_: str) -> None:
    """Forget the step."""


def ready_file(directory: Path, snapshot: Snapshot) -> Path:
    """Return where the whole, verified bytes of `snapshot` are kept."""
    return directory / FOLDER / f"{snapshot.sha256.hex()}.mdb"


def put_in_place(directory: Path, ready: Path, reach: Reach = nowhere) -> None:
    """Rename the whole file over that of state/, which nobody has open. Errors: OSError."""
    state = directory / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    reach("swap.begin")
    ready.replace(state / "data.mdb")
    reach("swap.renamed")
    for path in (state, ready.parent, directory):
        sync_directory(path)
    reach("swap.synced")
    ready.with_suffix(".head").unlink(missing_ok=True)


def keep_aside(directory: Path) -> None:
    """Keep state/data.mdb under another name until `forget_aside`, for it is going to be replaced.

    A damaged state that the own log cannot give back may be the last one. An empty file is none: a
    power cut leaves it behind, just when a new state is made beside one that is kept already.
    Errors: OSError.
    """
    state = directory / "state"
    aside, file = state / _ASIDE, state / "data.mdb"
    if file.exists() and file.stat().st_size > 0:
        aside.unlink(missing_ok=True)
        aside.hardlink_to(file)
        sync_directory(state)


def forget_aside(directory: Path) -> None:
    """Remove what was kept aside, since a good state is in its place. Errors: OSError."""
    (directory / "state" / _ASIDE).unlink(missing_ok=True)


def finish(directory: Path, anchor: Anchor) -> bool:
    """Do the rename that a crash has cut off, at the start; return whether there was one.

    The log starts behind `anchor`: if a whole copy of just that state lies aside, the transaction
    was the last thing that happened.
    """
    folder = directory / FOLDER
    for head in sorted(folder.glob("*.head")) if folder.is_dir() else ():
        try:
            header = headers.decode(head.read_bytes())
        except CorruptionError:
            continue  # it was being written when the process ended
        ready = ready_file(directory, header.snapshot)
        if header.snapshot.anchor == anchor and ready.exists():
            put_in_place(directory, ready)
            return True
    return False
