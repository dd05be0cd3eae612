"""Forced recovery: one surviving copy founds a new cluster of one (F38). Offline.

For the day when a majority of the voters is lost for good. What the survivor holds becomes the
truth of a new cluster, also what was never known to be committed; what only the lost voters held is
lost. Nobody can tell from one copy how much that is, so `inspect` says where the range begins.

The members change by entries of the log, as ever: the fold of the log stays the state, and
`ledgerd check` can replay it. Identity, hard state and these entries are one transaction of log/,
which also keeps whose the directory was before; state/ of that store is taken over when it is
opened next, so an interruption leaves the old cluster's directory or the new one's, and running it
again finishes it.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import lmdb

from ledgerd.errors import (
    ConfigError,
    CorruptionError,
    SlotCorruptError,
    StorageError,
)
from ledgerd.formats.entries import encode, link
from ledgerd.formats.memberships import encode_change
from ledgerd.raft.changes import Change, EnterJoint, LeaveJoint, Op, OpKind, changed
from ledgerd.raft.entries import (
    Anchor,
    Entry,
    EntryId,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Term,
)
from ledgerd.raft.membership import Membership
from ledgerd.replica.fold import after_change, change_of
from ledgerd.storage import founders, hard_state, identity, keys, state_copy, swap
from ledgerd.storage.directories import sync_directory
from ledgerd.storage.environment import Environment, adopt_state
from ledgerd.storage.identity import Identity
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.recovery import Recovery, recover
from ledgerd.storage.state_store import LmdbStateStore

_PAGE_BYTES: Final = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Survivor:
    """What one copy holds, and what can be said about what it does not.

    last: the last entry. Everything behind it that the others acknowledged without this node is
        lost. The copy with the largest (term, index) of all that are left loses least.
    given_up: what follows `last` in the log, and is lost: it begins with an entry that cannot be
        read and is not applied; empty as a rule.
    last_time_us: log time of that entry, microseconds.
    committed: known here to be committed; what follows up to `last` may be or not, and is kept.
    membership: after all entries of the log; `index` 0: that of the founders.
    """

    identity: Identity
    term: Term
    last: EntryId
    last_time_us: int
    given_up: range
    committed: Index
    applied: Index
    digest: bytes
    state_version: int
    membership: Membership


def inspect(environment: Environment, *, give_up_from: Index | None = None) -> Survivor:
    """Return what the copy holds, after reading every entry that a start would apply.

    give_up_from: the first entry that cannot be read and is not applied, where no copy has it.
    Errors: CorruptionError when log/ or state/ is damaged: another copy may be better. ConfigError
    when nothing is to be given up from there on.
    """
    return _look(environment, give_up_from)[0]


def _look(
    environment: Environment, give_up_from: Index | None
) -> tuple[Survivor, Anchor]:
    """Return what the copy holds, and its last entry that is kept."""
    log = LmdbLogStore(environment)
    state = LmdbStateStore(environment)
    plan = recover(log, state)
    flaw = _first_flaw(log, plan.applied)
    end = log.last_index()
    if give_up_from is not None and give_up_from != flaw:
        found = "none" if flaw is None else f"the first at {flaw}"
        raise ConfigError(
            f"--give-up-from: expected the first entry that cannot be read and is not applied, "
            f"found {give_up_from} and {found}; nothing was changed"
        )
    if flaw is not None and give_up_from is None:
        raise CorruptionError(
            f"log index {flaw} is corrupt, and state/ ends at {plan.applied}: another copy may "
            f"have its entry; if none has, --give-up-from {flaw} goes on without {flaw} .. {end}, "
            "whether they were acknowledged or not"
        )
    last = _kept(log, plan, end if flaw is None else Index(flaw - 1))
    survivor = Survivor(
        identity=environment.identity,
        term=log.hard_state().term,
        last=last.id,
        last_time_us=last.ts_us,
        given_up=range(last.at + 1, end + 1),
        committed=max(plan.commit, plan.applied),
        applied=plan.applied,
        digest=state.digest(),
        state_version=state.state_version(),
        membership=_membership_at_end(environment, log, state, last.at),
    )
    return survivor, last


def found_new_cluster(
    environment: Environment,
    cluster_id: str,
    *,
    store_uuid: bytes,
    give_up_from: Index | None = None,
) -> Survivor:
    """Make the directory that of a cluster of one, and return what it holds then.

    cluster_id: of the new cluster, which no certificate of the old one names. store_uuid: 16 bytes
    that no other store has. give_up_from: as `inspect`.
    Errors: ConfigError for the old cluster's id; as `inspect`.
    """
    old = environment.identity
    if cluster_id == old.cluster_id:
        raise ConfigError(
            f"expected another id than the old cluster's, found {cluster_id!r}: its other nodes "
            "must be refused for ever, and they are known by the id"
        )
    survivor, kept = _look(environment, give_up_from)
    hint = LmdbLogStore(environment).hard_state().commit
    new = replace(old, cluster_id=cluster_id, store_uuid=store_uuid)
    term = Term(survivor.term + 1)
    entries = list(_entries(survivor, new, term, kept))
    # Without entries the members stand in the configuration; one voter commits what it holds.
    commit = entries[-1].index if entries else min(hint, kept.at)
    hard = HardState(term, old.node_id, commit)
    try:
        _forget_copies(environment.directory)
        _write(environment, new, hard, entries, survivor.given_up)
        adopt_state(environment.state, old=old, new=new)
    except (lmdb.Error, OSError) as error:
        raise StorageError(f"{environment.directory}: {error}") from error
    last = entries[-1].id if entries else survivor.last
    membership = survivor.membership
    for entry in entries:
        membership = _after(membership, entry)
    if not entries:
        membership = Membership((old.node_id,))
    return replace(
        survivor,
        identity=new,
        term=term,
        last=last,
        given_up=range(0),
        committed=commit,
        membership=membership,
    )


def _forget_copies(directory: Path) -> None:
    """Remove copies of state/: they name the old cluster and its members, and can be made anew.

    First of all, so that an interruption never leaves the new cluster with one.
    """
    for name in (state_copy.FOLDER, swap.FOLDER):
        shutil.rmtree(directory / name, ignore_errors=True)
    sync_directory(directory)


def _first_flaw(log: LmdbLogStore, applied: Index) -> Index | None:
    """Return the first entry behind `applied` that cannot be read; None: all can."""
    first, last = Index(applied + 1), log.last_index()
    while first <= last:
        try:
            first = Index(log.entries(first, last, _PAGE_BYTES)[-1].index + 1)
        except SlotCorruptError as error:
            return Index(error.index)
    return None


def _kept(log: LmdbLogStore, plan: Recovery, last: Index) -> Anchor:
    """Return the entry at `last` by what must be known of it."""
    anchor = log.anchor()
    if last == anchor.at:
        return anchor
    if last == plan.applied and plan.state_anchor is not None:
        return plan.state_anchor  # whatever became of its slot
    (entry,) = log.entries(last, last, 1)
    return Anchor(entry.id, entry.link, entry.ts_us)


def _membership_at_end(
    environment: Environment, log: LmdbLogStore, state: LmdbStateStore, last: Index
) -> Membership:
    """Return the membership once everything in the log up to `last` is applied."""
    membership = state.membership()
    first = Index(state.applied() + 1)
    while first <= last:
        for entry in log.entries(first, last, _PAGE_BYTES):
            membership = _after(membership, entry)
            first = Index(entry.index + 1)
    if membership.is_empty:  # the log does not say who the founders are
        membership = Membership(founders.stored(environment))
    return membership


def _after(membership: Membership, entry: Entry) -> Membership:
    change = change_of(entry)
    if change is None:
        return membership
    return after_change(membership, change, entry.index)


def _entries(
    survivor: Survivor, new: Identity, term: Term, last: Anchor
) -> Iterator[Entry]:
    """Yield the entries that make the survivor the only member; none before the first change."""
    membership = survivor.membership
    if membership.index == 0:
        return
    for change in _changes(membership, new):
        index = Index(last.at + 1)
        after = changed(membership, change, index)
        if not isinstance(after, Membership):
            raise CorruptionError(f"the membership cannot become that of one: {after}")
        membership = after
        payload, ts_us = encode_change(change), last.ts_us + 1
        chained = link(
            last.link,
            index=index,
            term=term,
            ts_us=ts_us,
            kind=EntryKind.MEMBERSHIP,
            payload=payload,
        )
        entry = Entry(term, index, EntryKind.MEMBERSHIP, ts_us, payload, chained)
        last = Anchor(entry.id, entry.link, entry.ts_us)
        yield entry
    assert membership.voters == membership.members == (new.node_id,), membership


def _changes(membership: Membership, new: Identity) -> Iterator[Change]:
    """Yield what leads to a membership of this node alone, under its new store uuid (F25)."""
    if membership.is_joint:
        yield LeaveJoint()
    record = membership.record(new.node_id)
    if record is not None:
        record = replace(record, store_uuid=new.store_uuid)
    others = [member for member in membership.members if member != new.node_id]
    yield EnterJoint(
        (
            Op(OpKind.VOTER, new.node_id, record),
            *(Op(OpKind.REMOVE, other) for other in others),
        )
    )
    yield LeaveJoint()


def _write(
    environment: Environment,
    new: Identity,
    hard: HardState,
    entries: list[Entry],
    given_up: range,
) -> None:
    """Write all of it in one transaction with one full sync."""
    tables = environment.log_tables
    old = environment.identity
    with environment.log.begin(write=True) as transaction:
        for index in map(Index, given_up):
            transaction.delete(keys.index_key(index), db=tables[keys.ENTRIES])
        for entry in entries:
            key = keys.index_key(entry.index)
            put = transaction.put(key, encode(entry), db=tables[keys.ENTRIES])
            assert put, entry.id
        for twin in keys.HARD_STATE_TWINS:
            packed = hard_state.pack(hard, new)
            transaction.put(keys.HARD_STATE, packed, db=tables[twin])
        meta = tables[keys.META]
        transaction.put(keys.FOUNDERS, founders.pack([NodeId(new.node_id)]), db=meta)
        transaction.delete(keys.MET, db=meta)  # of the old cluster
        transaction.put(keys.REFOUNDED, identity.pack(old), db=meta)
        transaction.put(keys.IDENTITY, identity.pack(new), db=meta)
