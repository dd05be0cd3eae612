"""What needs attention, found in pages: each page is one short read transaction.

No table lists it, and it is found where it can be: open exceptions among all of them, payouts in
doubt among those whose lease runs (`timer`) or has lapsed (`ready`). A pass over the three tables
that takes more than one page sees no single index: what moved in between may be missed once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import Position
from ledgerd.ledger.exceptions import NO_PAYOUT_AT
from ledgerd.ledger.payouts import PayoutFlag
from ledgerd.ledger.timers import TimerKind
from ledgerd.storage.tables import Tables

_PASS: Final = (Table.EXCEPTION, Table.TIMER, Table.READY)


class AttentionPoint(NamedTuple):
    """Behind a row: where a pass goes on."""

    table: Table
    key: bytes


@dataclass(frozen=True, slots=True)
class AttentionPage:
    """What one page of a pass found.

    open_exceptions: how many. payouts: positions of those that need attention; one may come twice.
    next_after: where the next page begins; None at the end of the pass.
    """

    open_exceptions: int
    payouts: list[Position]
    next_after: AttentionPoint | None


def attention_page(
    tables: Tables, *, after: AttentionPoint | None, scan_max: int
) -> AttentionPage:
    """Return a page of a pass. scan_max: rows, or payouts of a row, that it may look at."""
    opened, scanned = 0, 0
    found: list[Position] = []
    for table, key, value in _rows(tables, after):
        if scanned >= scan_max and after is not None:
            return AttentionPage(opened, found, after)
        after = AttentionPoint(table, key)
        scanned += 1
        match table:
            case Table.EXCEPTION:
                row = records.decode_exception(key, value)
                opened += row.is_open
                if row.is_open and row.payout != NO_PAYOUT_AT:
                    found.append(row.payout)
            case Table.TIMER:
                timer = records.timer_of(key, value)
                if timer.kind is TimerKind.LEASE and _is_in_doubt(
                    tables, timer.position
                ):
                    found.append(timer.position)
            case _:
                _, index = records.ready_of(key)
                ordinals = records.decode_ready(key, value)
                scanned += len(ordinals)
                positions = [(index, ordinal) for ordinal in ordinals]
                found += [at for at in positions if _is_in_doubt(tables, at)]
    return AttentionPage(opened, found, None)


def _rows(
    tables: Tables, after: AttentionPoint | None
) -> Iterator[tuple[Table, bytes, bytes]]:
    for table in _PASS[0 if after is None else _PASS.index(after.table) :]:
        is_resumed = after is not None and after.table is table
        start = after.key + b"\0" if after is not None and is_resumed else b""
        for key, value in tables.scan(table, start=start):
            yield table, key, value


def _is_in_doubt(tables: Tables, position: Position) -> bool:
    status = tables.payout_status(position)
    return status is not None and status.has(PayoutFlag.IN_DOUBT)
