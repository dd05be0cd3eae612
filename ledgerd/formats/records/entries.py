"""All rows of one entry, and the bytes of its answers."""

from array import array
from itertools import starmap
from struct import Struct
from sys import byteorder
from typing import Final

from ledgerd.formats.records.accounts import (
    account_row,
    hold_row,
    internal_row,
    voucher_row,
)
from ledgerd.formats.records.journal import (
    EVENT_SEEK_EVERY,
    event_row,
    event_seq_row,
    journal_row,
    mark_rows,
    seek_row,
)
from ledgerd.formats.records.payouts import (
    exception_row,
    past_row,
    payout_row,
    rail_key_row,
    ready_row,
    status_row,
    timer_row,
    under_way_row,
)
from ledgerd.formats.records.rows import (
    APPEND_TABLES,
    KEYED,
    VERSION,
    Row,
    Table,
    TableRows,
    short_text,
)
from ledgerd.formats.records.settings import (
    calendar_row,
    currencies_row,
    fees_row,
    limits_row,
    rail_row,
    roles_row,
    rules_row,
    suspension_row,
)
from ledgerd.formats.records.submits import add_submits
from ledgerd.formats.records.uses import (
    evidence_row,
    external_ref_row,
    id_row,
    request_row,
    reversal_row,
)
from ledgerd.formats.records.windows import frozen_row, known_row, window_row
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.ledger.view import Writes

_TABLES: Final = tuple(Table)  # an Enum takes its members one by one from a dict
_RETRY: Final = Struct(">IQHqBqBB")


def encode_writes(writes: Writes, *, covers_keys: bool = False) -> list[TableRows]:
    """Return the canonical rows of one entry: only tables that have some, in order.

    covers_keys: whether checksums cover the keys that no other row leads to, which the state
    version in force decides (formats/versions).
    """
    layout = KEYED if covers_keys else VERSION
    tables: dict[Table, list[Row]] = {table: [] for table in _TABLES}
    for head in writes.payouts:
        tables[Table.PAYOUT].append(payout_row(head))
    for position, status in writes.payout_statuses:
        tables[Table.PAYOUT_STATE].append(status_row(position, status))
    for entry in writes.journal:
        tables[Table.JOURNAL].append(journal_row(entry))
        tables[Table.ACCOUNT_MARK] += mark_rows(entry)
    for event in writes.events:
        tables[Table.EVENT].append(event_row(event))
        if event.seq % EVENT_SEEK_EVERY == 0:
            tables[Table.EVENT_SEEK].append(seek_row(event.seq, event.position))
    for kind, id_, record in writes.ids:
        tables[Table.ID].append(id_row(kind, id_, record, layout))
    if writes.submits is not None:
        add_submits(tables, writes.submits, layout)
        tables[Table.ID].sort()
    tables[Table.ACCOUNT] += map(account_row, writes.accounts)
    tables[Table.ACCOUNT_MARK].sort()
    tables[Table.INTERNAL] += sorted(starmap(internal_row, writes.internals))
    for request_id, request in writes.requests:
        tables[Table.REQUEST].append(request_row(request_id, request, layout))
    tables[Table.EVIDENCE] += sorted(
        [
            *(external_ref_row(ref, at, layout) for ref, at in writes.external_refs),
            *(evidence_row(fact, use, layout) for fact, use in writes.evidence),
        ]
    )
    tables[Table.CONFIG] += map(fees_row, writes.fee_schedules)
    tables[Table.CONFIG] += sorted(
        [
            *map(rail_row, writes.rails),
            *map(calendar_row, writes.calendars),
            *map(suspension_row, writes.suspensions),
            *map(limits_row, writes.limits),
            *map(rules_row, writes.rules),
            *map(roles_row, writes.roles),
            *map(currencies_row, writes.currencies),
        ]
    )
    tables[Table.WINDOW] += sorted(
        [
            *starmap(window_row, writes.windows),
            *starmap(known_row, writes.known_destinations),
            *starmap(frozen_row, writes.frozen_owners),
        ]
    )
    tables[Table.REVERSAL] += sorted(starmap(reversal_row, writes.reversals))
    tables[Table.UNDER_WAY] += starmap(under_way_row, writes.under_way)
    tables[Table.HOLD] += map(hold_row, writes.holds)
    tables[Table.VOUCHER] += map(voucher_row, writes.vouchers)
    for rail_key, position in writes.rail_keys:
        tables[Table.RAIL_KEY].append(rail_key_row(rail_key, position, layout))
    tables[Table.EXCEPTION] += map(exception_row, writes.exceptions)
    tables[Table.READY] += starmap(ready_row, writes.ready)
    for timer, is_kept in writes.timers:
        tables[Table.TIMER].append(timer_row(timer, is_kept=is_kept))
    if writes.event_seq is not None:
        tables[Table.META].append(event_seq_row(writes.event_seq))
    tables[Table.PAYOUT_PAST] += starmap(past_row, writes.payout_pasts)
    return [
        TableRows(table, rows, table in APPEND_TABLES)
        for table, rows in tables.items()
        if rows
    ]


def encode_outcomes(outcomes: Outcomes) -> bytes:
    """Return the canonical bytes of the answers of one entry, for the digest.

    Layout: count u32; codes; fees i64 each; states; then by row, for retries, row u32,
    index u64, ordinal u16, ts i64, state u8, fee i64, same u8, names u8, and each name
    with its length u8.
    """
    fees_minor = array("q", outcomes.fees_minor)
    if byteorder == "little":
        fees_minor.byteswap()
    parts = [
        len(outcomes).to_bytes(4, "big"),
        bytes(outcomes.codes),
        fees_minor.tobytes(),
        bytes(outcomes.states),
    ]
    for row in sorted(outcomes.retries):
        retry = outcomes.retries[row]
        parts.append(
            _RETRY.pack(
                row,
                retry.index,
                retry.ordinal,
                retry.ts_us,
                retry.state,
                retry.fee_minor,
                retry.same_request,
                len(retry.differing),
            )
        )
        parts += (short_text(name) for name in retry.differing)
    return b"".join(parts)
