"""The invariants of the ledger, over a reference: every committed entry, folded once, apart.

The reference is a state store of its own on a disk without faults. Each node's digest is compared
with its digest at the same index (R6, I12); its journal is folded a second time by `Audit`, entry
by entry. It also remembers which attempt of which client stands where, and what accounts and
payouts were at each index, so that answers can be checked.
"""

from bisect import bisect_right
from dataclasses import replace
from typing import Final

from ledgerd.formats import batches, commands, records
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import Account, Position
from ledgerd.ledger.commands import Asked, Command, CreateHold, Submit, Tick
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.invariants import Audit
from ledgerd.ledger.outcomes import Outcome, Outcomes
from ledgerd.raft.entries import Entry, EntryKind, Index, NodeId
from ledgerd.replica.fold import Folded, fold
from ledgerd.simulation.check_events import EventsWatch
from ledgerd.simulation.dice import dice
from ledgerd.simulation.disk import DiskFaults, SimDisk, SimStateStore
from ledgerd.simulation.verdict import Violation, require
from ledgerd.storage.tables import Tables

# Rows of the same table that are no windows: destinations known, owners frozen.
_OTHER_WINDOWS: Final = (records.KNOWN_PREFIX, records.FROZEN_PREFIX)
_FULL_EVERY: Final = 64  # entries between two comparisons of every row with the journal

AccountSeen = tuple[int, int, int, int]  # sequence, available, reserved, last index


class LedgerWatch:
    """The reference ledger. Each call raises Violation on a breach.

    digests, outcomes, tags: by index; tags name the attempt that each row of the entry is of.
    """

    def __init__(self, seed: int) -> None:
        disk = SimDisk(dice(seed, "reference"), DiskFaults(commit_ns=(0, 0)))
        disk.open(cluster_id="reference", node_id=NodeId(1))
        self._disk = disk
        self._state = SimStateStore(disk)
        self._audit = Audit()
        self._events = EventsWatch()
        self._created: dict[bytes, Position] = {}
        self._bodies: dict[bytes, str] = {}
        self._accounts: dict[bytes, tuple[list[int], list[AccountSeen]]] = {}
        self._ts_us = 0
        self.digests: list[bytes] = [self._state.digest()]
        self.outcomes: list[Outcomes] = [Outcomes()]
        self.tags: list[tuple[str, ...]] = [()]
        self.seen_tags: dict[str, int] = {}

    @property
    def index(self) -> Index:
        """The last entry folded."""
        return Index(len(self.digests) - 1)

    @property
    def state_version(self) -> int:
        """The state version in force after the last entry folded."""
        return self._state.state_version()

    def fold(self, entry: Entry) -> None:
        """Fold the next committed entry."""
        assert entry.index == self.index + 1, (entry.id, self.index)
        require(entry.ts_us > self._ts_us, "I11", f"log time falls at {entry.id}")
        self._ts_us = entry.ts_us
        state = self._state
        folded = fold(
            state.view,
            entry,
            state.digest(),
            state.membership(),
            state_version=state.state_version(),
            tree=state.tree(),
        )
        self._state.write(entry, folded.rows, folded.digest, folded.tree)
        self.digests.append(folded.digest)
        self.outcomes.append(folded.applied.outcomes)
        tags, ids, bodies = _rows_of(entry)
        self.tags.append(tags)
        for tag in tags:
            self.seen_tags.setdefault(tag, entry.index)
        self._check_once(entry, ids, folded.applied.outcomes)
        self._check_bodies(ids, bodies, folded.applied.outcomes)
        self._check_rows(folded)
        if entry.index % _FULL_EVERY == 0:
            self.check_all()

    def _check_once(self, entry: Entry, ids: list[bytes], outcomes: Outcomes) -> None:
        """R13, I16: no id takes effect twice, and a retry is told of the first time."""
        for row, (key, code) in enumerate(zip(ids, outcomes.codes, strict=True)):
            if code == Outcome.CREATED:
                first = self._created.setdefault(key, (entry.index, row))
                require(
                    first == (entry.index, row),
                    "R13",
                    f"id {key.hex()} took effect at {first} and {entry.index}.{row}",
                )
            elif code == Outcome.REPLAYED and key in self._created:
                retry = outcomes.retries[row]
                require(
                    (retry.index, retry.ordinal) == self._created[key],
                    "R13",
                    f"id {key.hex()} is told of {retry}, was {self._created[key]}",
                )

    def _check_bodies(
        self, ids: list[bytes], bodies: list[str], outcomes: Outcomes
    ) -> None:
        """I16: a used id is a replay exactly if it comes with the body of its first use."""
        for key, body, code in zip(ids, bodies, outcomes.codes, strict=True):
            if code == Outcome.CREATED:
                self._bodies.setdefault(key, body)
            elif key in self._bodies and code in (Outcome.REPLAYED, Outcome.CONFLICT):
                require(
                    (code == Outcome.REPLAYED) == (self._bodies[key] == body),
                    "I16",
                    f"id {key.hex()} is answered {Outcome(code).name}: "
                    f"it was used with {self._bodies[key]}, now with {body}",
                )

    def _check_rows(self, folded: Folded) -> None:
        for table, rows, _ in folded.rows:
            if table is Table.JOURNAL:
                for key, value in rows:
                    self._audit.entry(records.decode_journal(key, value))
            elif table is Table.ACCOUNT:
                for key, value in rows:
                    self._note_account(records.decode_account(key, value))
            elif table is Table.EVENT:
                for key, value in rows:
                    self._events.told(records.decode_event(key, value))
        self._report()

    def _note_account(self, account: Account) -> None:
        indexes, values = self._accounts.setdefault(account.account_id, ([], []))
        indexes.append(self.index)
        values.append(account_seen(account))

    def check_all(self) -> None:
        """Compare every row with the journal, and every book with itself: I2 to I8, I11, I13."""
        self._state.commit()
        environment = self._disk.environment
        audit = self._audit
        with environment.state.begin() as transaction:
            tables = Tables(environment, transaction)
            audit.accounts(
                records.decode_account(key, value)
                for key, value in tables.scan(Table.ACCOUNT)
            )
            audit.internals(
                (records.internal_of(key), records.decode_internal(key, value))
                for key, value in tables.scan(Table.INTERNAL)
            )
            payouts = [
                (
                    head := records.decode_payout(key, value),
                    tables.payout_status(head.position),
                )
                for key, value in tables.scan(Table.PAYOUT)
            ]
            audit.payouts(payouts)
            audit.under_way(
                {
                    key: records.decode_under_way(key, value)
                    for key, value in tables.scan(Table.UNDER_WAY)
                },
                payouts,
            )
            audit.windows(
                tables.policy(),
                {
                    records.window_of(key): records.decode_window(key, value)
                    for key, value in tables.scan(Table.WINDOW)
                    if not key.startswith(_OTHER_WINDOWS)
                },
                payouts,
            )
            audit.holds(
                records.decode_hold(key, value)
                for key, value in tables.scan(Table.HOLD)
            )
            audit.events(
                records.decode_event(key, value)
                for key, value in tables.scan(Table.EVENT)
            )
            audit.trial_balance()
        self._report()

    def _report(self) -> None:
        if self._audit.breaches:
            breach = self._audit.breaches[0]
            raise Violation(breach.invariant, str(breach))

    def check_digest(self, node_id: int, index: Index, digest: bytes) -> None:
        """R6, I12: same index applied, same digest."""
        expected = self.digests[index]
        require(
            digest == expected,
            "R6",
            f"node {node_id} has digest {digest.hex()[:16]} at {index}, "
            f"expected {expected.hex()[:16]}",
        )

    def account_at(self, account_id: bytes, index: Index) -> AccountSeen | None:
        """Return what a read of the account at `index` must show."""
        indexes, values = self._accounts.get(account_id, ([], []))
        position = bisect_right(indexes, index)
        return values[position - 1] if position else None


def account_seen(account: Account) -> AccountSeen:
    """Return what a client sees of an account."""
    return (
        account.sequence,
        account.available_minor,
        account.reserved_minor,
        account.last_entry[0],
    )


def _rows_of(entry: Entry) -> tuple[tuple[str, ...], list[bytes], list[str]]:
    """Return of each row of an entry whose attempt it is, its key, and what the client sent."""
    if entry.kind is EntryKind.PAYOUTS:
        columns = batches.decode(entry.payload)
        names = columns.principals
        tags = tuple(names[ref] for ref in columns.principal_refs)
        bodies = [
            f"{columns.accounts[ref].hex()} {amount_minor} {currency} {rail} {details!r}"
            for ref, amount_minor, currency, rail, details in zip(
                columns.account_refs,
                columns.amounts_minor,
                columns.currencies,
                columns.rails,
                columns.details,
                strict=True,
            )
        ]
        return tags, [b"p" + payout_id for payout_id in columns.ids], bodies
    if entry.kind is EntryKind.COMMANDS:
        work = commands.decode(entry.payload)
        rows = [_row_of(entry, n, command) for n, command in enumerate(work)]
        return (
            tuple(tag for tag, _, _ in rows),
            [key for _, key, _ in rows],
            [body for _, _, body in rows],
        )
    return (), [], []


def _row_of(
    entry: Entry, row: int, command: Command | Submit
) -> tuple[str, bytes, str]:
    if isinstance(command, Tick):  # nobody's attempt, and never the same one again
        return "", b"t%d.%d" % (entry.index, row), "Tick"
    return command.principal, _key(command), repr(replace(command, principal=""))


def _key(command: Asked | Submit) -> bytes:
    if isinstance(command, Submit):
        return b"p" + command.payout_id
    if hasattr(command, "request_id"):
        return b"r" + command.request_id
    if isinstance(command, CreateHold):
        return bytes([IdKind.HOLD]) + command.hold_id
    return bytes([IdKind.ACCOUNT]) + command.account_id
