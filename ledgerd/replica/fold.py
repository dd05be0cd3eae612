"""One step of the fold of the log: what an entry does to state, and the digest after it.

The same step on a live node, in recovery and in the offline check: there is no second reading of
the log.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, assert_never

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.formats import batches, commands, memberships, records, versions
from ledgerd.formats.records import Table, TableRows
from ledgerd.ledger.apply import Applied, apply
from ledgerd.ledger.batch import PayoutColumns
from ledgerd.ledger.commands import Command
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.ledger.view import LedgerView, Writes
from ledgerd.raft.changes import Change, Flaw, changed
from ledgerd.raft.entries import Entry, EntryKind, Index
from ledgerd.raft.membership import NOBODY, Membership
from ledgerd.replica.audit import next_digest


class Folded(NamedTuple):
    """What an entry did: its answers and writes, the rows to store, the digest after it."""

    applied: Applied
    rows: list[TableRows]
    digest: bytes


def fold(
    view: Callable[[], LedgerView],
    entry: Entry,
    previous_digest: bytes,
    membership: Membership = NOBODY,
    *,
    state_version: int,
) -> Folded:
    """Return what `entry` does to the state in `view`, which stands at the index before it.

    `view` is called only for entries that read state.
    membership: in force before the entry; NOBODY before the first that changes it.
    state_version: in force before the entry.
    """
    change = change_of(entry)
    after = None if change is None else after_change(membership, change, entry.index)
    return recorded(decide(view, entry, state_version), previous_digest, after)


def recorded(
    applied: Applied, previous_digest: bytes, membership: Membership | None = None
) -> Folded:
    """Return the rows and the digest that make what was decided part of the state.

    membership: what the entry put in force; None for every entry that changes none.
    """
    rows = records.encode_writes(applied.writes)
    if membership is not None:
        row = (
            memberships.META_MEMBERSHIP,
            memberships.encode_membership(membership),
        )
        rows.append(TableRows(Table.META, [row], is_append=False))
    outcomes = records.encode_outcomes(applied.outcomes)
    return Folded(applied, rows, next_digest(previous_digest, rows, outcomes))


def change_of(entry: Entry) -> Change | None:
    """Return what the entry changes of the membership; None if it is of another kind.

    Errors: NotUnderstood when a newer release wrote it (F26).
    """
    if entry.kind is not EntryKind.MEMBERSHIP:
        return None
    return memberships.decode_change(entry.payload)


def after_change(membership: Membership, change: Change, index: Index) -> Membership:
    """Return the membership that the change of an applied entry puts in force.

    Errors: CorruptionError when it cannot follow: whoever proposed it saw another one.
    """
    after = changed(membership, change, index)
    if isinstance(after, Flaw):
        raise CorruptionError(
            f"entry {index}: {after.value}; the configuration of this node names other "
            "founding members than the cluster has, or its log is of another cluster"
        )
    return after


def decide(view: Callable[[], LedgerView], entry: Entry, state_version: int) -> Applied:
    """Return what the ledger makes of an entry, by the rules of the version in force before it.

    Errors: NotUnderstood when a newer release wrote it; the node must not apply on (F26).
    """
    if why := versions.not_understood(entry):
        raise NotUnderstood(f"entry {entry.index}: {why}")
    match entry.kind:
        case EntryKind.PAYOUTS:
            work = batches.decode(entry.payload)
            return _applied(view, entry, state_version, work)
        case EntryKind.COMMANDS:
            rare = commands.decode(entry.payload)
            for command in rare:
                if why := versions.not_yet_understood(command, state_version):
                    raise NotUnderstood(f"entry {entry.index}: {why}")
            return _applied(view, entry, state_version, rare)
        case EntryKind.NOOP | EntryKind.VERSION | EntryKind.MEMBERSHIP:
            return Applied(Outcomes(), Writes())
        case _:
            assert_never(entry.kind)


def _applied(
    view: Callable[[], LedgerView],
    entry: Entry,
    state_version: int,
    work: PayoutColumns | Sequence[Command],
) -> Applied:
    return apply(
        view(),
        index=entry.index,
        ts_us=entry.ts_us,
        state_version=state_version,
        work=work,
    )
