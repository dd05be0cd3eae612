"""What is measured: each part of the path of a batch by itself, and apply from entry to commit.

The time is that of the processor, not of the clock: what waits for the disk is in the macro
benchmark, and a neighbour on the machine is in neither.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.micro.load import Load
from ledgerd.formats import batches, records
from ledgerd.formats.versions import covers_keys
from ledgerd.raft.entries import Entry, NodeId
from ledgerd.replica.fold import decide, fold, recorded
from ledgerd.storage.environment import StorageOptions, open_directory
from ledgerd.storage.state_store import LmdbStateStore

_OPTIONS: Final = StorageOptions(
    log_map_bytes=1 << 30, state_map_bytes=8 << 30, state_metasync=False
)
_TURN_PAYOUTS: Final = 8_000  # applied between two commits, as in a turn under load
_ROUNDS: Final = 5


class Figure(NamedTuple):
    """Time of one part, microseconds a payout: the best of its rounds."""

    part: str
    rows: int
    accounts: int
    us: float

    @property
    def per_s(self) -> float:
        """Payouts a second."""
        return 1e6 / self.us


def codec(rows: int, accounts: int, *, payouts: int) -> list[Figure]:
    """Measure the parts of apply that read and write bytes, and the decision, one by one."""
    load = Load(accounts)
    with _store() as store:
        _apply_all(store, load.preparation())
        batch = load.batch(rows)
        payload = batches.encode(batch)
        entry = load.payouts(rows)
        decided = decide(store.view, entry, store.state_version())
        parts: list[tuple[str, Callable[[], object]]] = [
            ("encode the entry", lambda: batches.encode(batch)),
            ("decode the entry", lambda: batches.decode(payload)),
            (
                "decode and decide",
                lambda: decide(store.view, entry, store.state_version()),
            ),
            (
                "lay out the rows",
                lambda: records.encode_writes(
                    decided.writes, covers_keys=covers_keys(store.state_version())
                ),
            ),
            (
                "rows, digest, leaf",
                lambda: recorded(
                    entry,
                    decided,
                    store.digest(),
                    state_version=store.state_version(),
                    tree=store.tree(),
                ),
            ),
        ]
        repeats = max(1, payouts // rows)
        return [
            Figure(name, rows, accounts, _best_us(work, repeats, rows))
            for name, work in parts
        ]


def apply(rows: int, accounts: int, *, payouts: int) -> Figure:
    """Measure apply over LMDB: decode, decide, rows, digest, audit tree, write and commit."""
    (figure,) = apply_each((rows,), (accounts,), payouts=payouts)
    return figure


def apply_each(
    rows: tuple[int, ...], accounts: tuple[int, ...], *, payouts: int
) -> list[Figure]:
    """Measure apply for each pair, their rounds taking turns so that all meet the same noise."""
    return _applied("apply", rows, accounts, payouts=payouts, is_limited=False)


def apply_limited(
    rows: tuple[int, ...], accounts: tuple[int, ...], *, payouts: int
) -> list[Figure]:
    """Measure the same under limits of every kind and a rule."""
    return _applied("apply, limited", rows, accounts, payouts=payouts, is_limited=True)


def _applied(
    part: str,
    rows: tuple[int, ...],
    accounts: tuple[int, ...],
    *,
    payouts: int,
    is_limited: bool,
) -> list[Figure]:
    pairs = [(rows_each, spread) for rows_each in rows for spread in accounts]
    best = dict.fromkeys(pairs, float("inf"))
    loads: dict[tuple[int, int], tuple[Load, LmdbStateStore]] = {}
    with contextlib.ExitStack() as open_stores:
        for pair in pairs:
            load = Load(pair[1], is_limited=is_limited)
            store = open_stores.enter_context(_store())
            _apply_all(store, load.preparation())
            loads[pair] = load, store
        for _ in range(_ROUNDS):
            for pair, (load, store) in loads.items():
                best[pair] = min(best[pair], _round_us(store, load, pair[0], payouts))
    return [Figure(part, *pair, us) for pair, us in best.items()]


@contextmanager
def _store() -> Iterator[LmdbStateStore]:
    with (
        tempfile.TemporaryDirectory(prefix="ledgerd-micro-") as name,
        open_directory(
            Path(name), cluster_id="micro", node_id=NodeId(1), options=_OPTIONS
        ) as environment,
    ):
        store = LmdbStateStore(environment)
        yield store
        store.close()


def _round_us(store: LmdbStateStore, load: Load, rows: int, payouts: int) -> float:
    entries = [load.payouts(rows) for _ in range(max(1, payouts // rows))]
    started_ns = time.thread_time_ns()
    _apply_all(store, entries, commit_every=max(1, _TURN_PAYOUTS // rows))
    return (time.thread_time_ns() - started_ns) / 1000 / (len(entries) * rows)


def _best_us(work: Callable[[], object], repeats: int, rows: int) -> float:
    best_ns = float("inf")
    for _ in range(_ROUNDS):
        started_ns = time.thread_time_ns()
        for _ in range(repeats):
            work()
        best_ns = min(best_ns, time.thread_time_ns() - started_ns)
    return best_ns / 1000 / (repeats * rows)


def _apply_all(
    store: LmdbStateStore, entries: list[Entry], *, commit_every: int = 8
) -> None:
    for number, entry in enumerate(entries, start=1):
        folded = fold(
            store.view,
            entry,
            store.digest(),
            store.membership(),
            state_version=store.state_version(),
            tree=store.tree(),
        )
        store.write(entry, folded.rows, folded.digest, folded.tree)
        if number % commit_every == 0:
            store.commit()
    store.commit()
