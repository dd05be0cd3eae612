"""What storage tests are made of: chained entries, Readys, and a store that can be told to fail."""

from collections.abc import Sequence

import lmdb

from ledgerd.formats.entries import link
from ledgerd.raft.entries import (
    GENESIS_LINK,
    Entry,
    EntryKind,
    HardState,
    Index,
    NodeId,
    Term,
)
from ledgerd.raft.ready import Ready, Ticket
from ledgerd.storage.environment import Environment
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.state_store import LmdbStateStore

FIRST_TS_US = 1_750_000_000_000_000


def entry(
    previous: Entry | None,
    *,
    term: int,
    payload: bytes = b"",
    kind: EntryKind = EntryKind.NOOP,
) -> Entry:
    """Return the entry that follows `previous` in the chain."""
    index = Index(1 if previous is None else previous.index + 1)
    ts_us = FIRST_TS_US + index
    this = link(
        GENESIS_LINK if previous is None else previous.link,
        index=index,
        term=Term(term),
        ts_us=ts_us,
        kind=kind,
        payload=payload,
    )
    return Entry(Term(term), index, kind, ts_us, payload, this)


def chain(
    payloads: Sequence[bytes], *, term: int = 1, after: Entry | None = None
) -> list[Entry]:
    """Return entries of one term with these payloads, each linked to the one before."""
    entries: list[Entry] = []
    for payload in payloads:
        after = entry(after, term=term, payload=payload, kind=EntryKind.COMMANDS)
        entries.append(after)
    return entries


def hard_state(term: int, *, vote: int = 0, commit: int = 0) -> HardState:
    return HardState(Term(term), NodeId(vote), Index(commit))


def ready(
    ticket: int,
    *,
    entries: Sequence[Entry] = (),
    state: HardState | None = None,
    must_sync: bool = True,
) -> Ready:
    """Return a Ready with work for the log store only."""
    return Ready(
        ticket=Ticket(ticket),
        hard_state=state,
        entries=tuple(entries),
        must_sync=must_sync,
        send_early=(),
        send_after=(),
        apply=None,
        reads=(),
        reads_failed=(),
        lost_from=None,
        role_change=None,
    )


class CrashInCommit(BaseException):
    """The end of the process inside a commit."""


class FailingLogStore(LmdbLogStore):
    """Fails the commit it is told to fail, once: LMDB, too, goes on after a failed sync.

    crash_kept: the next commit ends the process, with or without what was written.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.fail_in = 0
        self.crash_kept: bool | None = None

    def _commit(self, transaction: "lmdb.Transaction[bytes]") -> None:
        if self.crash_kept is not None:
            if self.crash_kept:
                super()._commit(transaction)
            raise CrashInCommit("crash in a commit")
        if self.fail_in:
            self.fail_in -= 1
            if not self.fail_in:
                raise lmdb.DiskError("mdb_txn_commit: Input/output error", 5)
        super()._commit(transaction)


class FailingStateStore(LmdbStateStore):
    """The same for state/."""

    fail_in = 0

    def _commit(self, transaction: "lmdb.Transaction[bytes]") -> None:
        if self.fail_in:
            self.fail_in -= 1
            if not self.fail_in:
                transaction.abort()
                raise lmdb.MapFullError("mdb_put: MDB_MAP_FULL")
        super()._commit(transaction)
