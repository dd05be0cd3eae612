"""A hash of every record of a stopped node's state, for comparing before and after damage.

Run it as a process of its own (`python -m tests.e2e.dump DIRECTORY`): reading a damaged file may
end it by a signal.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

import lmdb

ROOT = Path(__file__).parents[2]


def dump(state: Path) -> str:
    """Return a hash over all names, keys and values of an LMDB environment."""
    hashed = hashlib.sha256()
    with lmdb.open(str(state), max_dbs=32, readonly=True, lock=False) as opened:
        with opened.begin() as transaction:
            names = [bytes(name) for name, _ in transaction.cursor()]
        for name in names:
            hashed.update(b"table %d %b" % (len(name), name))
            table = opened.open_db(name, create=False)
            with opened.begin(db=table) as transaction:
                for key, value in transaction.cursor():
                    hashed.update(b"row %d %d %b" % (len(key), len(value), key))
                    hashed.update(value)
    return hashed.hexdigest()


def records_of(data_directory: Path) -> str | None:
    """Return what `dump` finds in a child process, None where it cannot be read."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.e2e.dump", str(data_directory / "state")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout.strip() if ended.returncode == 0 else None


if __name__ == "__main__":
    print(dump(Path(sys.argv[1])))
