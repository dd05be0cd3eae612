"""One step of the fold of the log: what an entry does to state, and the digest after it.

The same step on a live node, in recovery and in the offline check: there is no second reading of
the log.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, Literal, NamedTuple, assert_never

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.formats import batches, commands, leaves, memberships, records, versions
from ledgerd.formats.leaves import Leaf
from ledgerd.formats.records import Table, TableRows
from ledgerd.ledger.apply import Applied, apply
from ledgerd.ledger.batch import PayoutColumns
from ledgerd.ledger.commands import Command, Submit
from ledgerd.ledger.decide import sweep
from ledgerd.ledger.decide.life import LIFECYCLE_SINCE
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.ledger.view import LedgerView, Writes
from ledgerd.raft.changes import Change, Flaw, changed
from ledgerd.raft.entries import Entry, EntryKind, Index
from ledgerd.raft.membership import NOBODY, Membership
from ledgerd.replica.audit import laid_out, next_digest
from ledgerd.replica.tree import NO_TREE, Edge, TreeNode, leaf_hash

# Kept for ever, so that a receipt can show them; in the order of a leaf.
_IN_LEAF: Final = (Table.PAYOUT, Table.JOURNAL, Table.EVENT)
_NOTHING: Final = dict.fromkeys(_IN_LEAF, sha256().digest())
_TREE: Final = Table.TREE  # an Enum looks a member up each time
_MEMBERSHIP: Final[Literal[EntryKind.MEMBERSHIP]] = EntryKind.MEMBERSHIP
_PAYOUTS: Final[Literal[EntryKind.PAYOUTS]] = EntryKind.PAYOUTS


class Folded(NamedTuple):
    """What an entry did: its answers and writes, the rows to store, and what stands after it."""

    applied: Applied
    rows: list[TableRows]
    digest: bytes
    tree: Edge


def fold(
    view: Callable[[], LedgerView],
    entry: Entry,
    previous_digest: bytes,
    membership: Membership = NOBODY,
    *,
    state_version: int,
    tree: Edge = NO_TREE,
) -> Folded:
    """Return what `entry` does to the state in `view`, which stands at the index before it.

    `view` is called only for entries that read state.
    membership: in force before the entry; NOBODY before the first that changes it.
    state_version: in force before the entry. tree: the edge of the audit tree before it.
    """
    change = change_of(entry)
    after = None if change is None else after_change(membership, change, entry.index)
    return recorded(
        entry,
        decide(view, entry, state_version),
        previous_digest,
        after,
        state_version=state_version,
        tree=tree,
    )


def recorded(
    entry: Entry,
    applied: Applied,
    previous_digest: bytes,
    membership: Membership | None = None,
    *,
    state_version: int,
    tree: Edge,
) -> Folded:
    """Return the rows and the digest that make what was decided part of the state.

    membership: what the entry put in force; None for every entry that changes none.
    state_version, tree: as before the entry. The tree grows with every entry after which a version
    is in force that knows it, so its first leaf is the entry that puts the first such version in
    force.
    """
    covers_keys = versions.covers_keys(state_version)
    rows = records.encode_writes(applied.writes, covers_keys=covers_keys)
    if membership is not None:
        row = (
            memberships.META_MEMBERSHIP,
            memberships.encode_membership(membership),
        )
        rows.append(TableRows(Table.META, [row], is_append=False))
    outcomes = sha256(records.encode_outcomes(applied.outcomes)).digest()
    layouts = [laid_out(table) for table in rows]
    version_after = versions.after(entry, state_version)
    if versions.has_audit_tree(version_after):
        digests = _NOTHING.copy()
        for table, layout in zip(rows, layouts, strict=True):
            if table.table in digests:
                digests[table.table] = sha256(layout).digest()
        leaf = Leaf(
            entry.index,
            entry.ts_us,
            version_after,
            leaves.command_digest(entry.kind, entry.payload),
            previous_digest,
            outcomes,
            *digests.values(),
        )
        tree, nodes = tree.grown(entry.index, leaf_hash(leaves.leaf_bytes(leaf)))
        rows.append(_tree_rows(leaf, nodes))
        layouts.append(laid_out(rows[-1]))
    digest = next_digest(previous_digest, layouts, outcomes)
    return Folded(applied, rows, digest, tree)


def _tree_rows(leaf: Leaf, nodes: Sequence[TreeNode]) -> TableRows:
    """Return the leaf and the nodes that it completes: one node a leaf on average."""
    (_, number, _), *above = nodes
    rows = [(leaves.tree_key(0, number), leaves.encode_leaf(leaf))]
    for level, number, root in above:
        rows.append((leaves.tree_key(level, number), leaves.encode_node(root)))
    return TableRows(_TREE, rows, is_append=False)


def change_of(entry: Entry) -> Change | None:
    """Return what the entry changes of the membership; None if it is of another kind.

    Errors: NotUnderstood when a newer release wrote it (F26).
    """
    if entry.kind is not _MEMBERSHIP:
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
    if entry.kind is _PAYOUTS:
        work = batches.decode(entry.payload)
        has_releases = work.releases_us is not None
        if why := versions.batch_not_yet_understood(has_releases, state_version):
            raise NotUnderstood(f"entry {entry.index}: {why}")
        return _applied(view, entry, state_version, work)
    match entry.kind:
        case EntryKind.COMMANDS:
            rare = commands.decode(entry.payload)
            for command in rare:
                if why := versions.not_yet_understood(command, state_version):
                    raise NotUnderstood(f"entry {entry.index}: {why}")
            return _applied(view, entry, state_version, rare)
        case EntryKind.VERSION:
            return _raised(view, entry, state_version)
        case EntryKind.NOOP | EntryKind.MEMBERSHIP:
            return Applied(Outcomes(), Writes())
        case _:
            assert_never(entry.kind)


def _applied(
    view: Callable[[], LedgerView],
    entry: Entry,
    state_version: int,
    work: PayoutColumns | Sequence[Command | Submit],
) -> Applied:
    return apply(
        view(),
        index=entry.index,
        ts_us=entry.ts_us,
        state_version=state_version,
        work=work,
    )


def _raised(
    view: Callable[[], LedgerView], entry: Entry, state_version: int
) -> Applied:
    """Return what is due when a version comes into force."""
    after = versions.after(entry, state_version)
    if state_version < LIFECYCLE_SINCE <= after:
        return Applied(Outcomes(), sweep.begun(view(), entry.ts_us))
    return Applied(Outcomes(), Writes())
