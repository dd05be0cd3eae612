"""One step of the fold of the log: what an entry does to state, and the digest after it.

The same step on a live node, in recovery and in the offline check: there is no second reading of
the log.
"""

from collections.abc import Callable
from typing import NamedTuple, assert_never

from ledgerd.errors import NotUnderstood
from ledgerd.formats import batches, commands, records, versions
from ledgerd.formats.records import TableRows
from ledgerd.ledger.apply import Applied, apply
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.ledger.view import LedgerView, Writes
from ledgerd.raft.entries import Entry, EntryKind
from ledgerd.replica.audit import next_digest


class Folded(NamedTuple):
    """What an entry did: its answers and writes, the rows to store, the digest after it."""

    applied: Applied
    rows: list[TableRows]
    digest: bytes


def fold(
    view: Callable[[], LedgerView], entry: Entry, previous_digest: bytes
) -> Folded:
    """Return what `entry` does to the state in `view`, which stands at the index before it.

    `view` is called only for entries that read state.
    """
    return recorded(decide(view, entry), previous_digest)


def recorded(applied: Applied, previous_digest: bytes) -> Folded:
    """Return the rows and the digest that make what was decided part of the state."""
    rows = records.encode_writes(applied.writes)
    outcomes = records.encode_outcomes(applied.outcomes)
    return Folded(applied, rows, next_digest(previous_digest, rows, outcomes))


def decide(view: Callable[[], LedgerView], entry: Entry) -> Applied:
    """Return what the ledger makes of an entry.

    Errors: NotUnderstood when a newer release wrote it; the node must not apply on (F26).
    """
    if why := versions.not_understood(entry):
        raise NotUnderstood(f"entry {entry.index}: {why}")
    match entry.kind:
        case EntryKind.PAYOUTS:
            work = batches.decode(entry.payload)
            return apply(view(), index=entry.index, ts_us=entry.ts_us, work=work)
        case EntryKind.COMMANDS:
            rare = commands.decode(entry.payload)
            return apply(view(), index=entry.index, ts_us=entry.ts_us, work=rare)
        case EntryKind.NOOP | EntryKind.VERSION:
            return Applied(Outcomes(), Writes())
        case EntryKind.MEMBERSHIP:
            raise AssertionError(f"entry {entry.index} changes the membership")
        case _:
            assert_never(entry.kind)
