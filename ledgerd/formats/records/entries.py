"""All rows of one entry, and the bytes of its answers."""

from collections import defaultdict
from struct import Struct, pack
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

# An Enum looks a member up each time; these four are in every batch of payouts.
_ACCOUNT: Final = Table.ACCOUNT
_ID: Final = Table.ID
_META: Final = Table.META
_READY: Final = Table.READY
_PLACES: Final = {table: place for place, table in enumerate(Table)}
# Tables with rows from several lists, or whose keys sort otherwise than what they are made of.
_MIXED: Final = (
    Table.ACCOUNT_MARK,
    Table.INTERNAL,
    Table.ID,
    Table.EVIDENCE,
    Table.CONFIG,
    Table.REVERSAL,
    Table.WINDOW,
)
_RETRY: Final = Struct(">IQHqBqBB")


def encode_writes(writes: Writes, *, covers_keys: bool = False) -> list[TableRows]:
    """Return the canonical rows of one entry: only tables that have some, in order.

    covers_keys: whether checksums cover the keys that no other row leads to, which the state
    version in force decides (formats/versions).
    """
    layout = KEYED if covers_keys else VERSION
    tables: defaultdict[Table, list[Row]] = defaultdict(list)
    for kind, id_, record in writes.ids:
        tables[_ID].append(id_row(kind, id_, record, layout))
    if writes.submits is not None:
        add_submits(tables, writes.submits, layout)
    for account in writes.accounts:
        tables[_ACCOUNT].append(account_row(account))
    for rail, index, ordinals in writes.ready:
        tables[_READY].append(ready_row(rail, index, ordinals))
    if writes.event_seq is not None:
        tables[_META].append(event_seq_row(writes.event_seq))
    _add_rarer(tables, writes, layout)
    for table in _MIXED:
        if table in tables:
            tables[table].sort()
    return [
        TableRows(table, tables[table], table in APPEND_TABLES)
        for table in sorted(tables, key=_PLACES.__getitem__)
    ]


def _add_rarer(
    tables: defaultdict[Table, list[Row]], writes: Writes, layout: int
) -> None:
    """Add the rows that no batch of submits leaves."""
    for head in writes.payouts:
        tables[Table.PAYOUT].append(payout_row(head))
    for position, status in writes.payout_statuses:
        tables[Table.PAYOUT_STATE].append(status_row(position, status))
    for change, position, status in writes.payout_pasts:
        tables[Table.PAYOUT_PAST].append(past_row(change, position, status))
    for entry in writes.journal:
        tables[Table.JOURNAL].append(journal_row(entry))
        for mark in mark_rows(entry):
            tables[Table.ACCOUNT_MARK].append(mark)
    for event in writes.events:
        tables[Table.EVENT].append(event_row(event))
        if event.seq % EVENT_SEEK_EVERY == 0:
            tables[Table.EVENT_SEEK].append(seek_row(event.seq, event.position))
    for internal, balance_minor in writes.internals:
        tables[Table.INTERNAL].append(internal_row(internal, balance_minor))
    for request_id, request in writes.requests:
        tables[Table.REQUEST].append(request_row(request_id, request, layout))
    for ref, position in writes.external_refs:
        tables[Table.EVIDENCE].append(external_ref_row(ref, position, layout))
    for fact, use in writes.evidence:
        tables[Table.EVIDENCE].append(evidence_row(fact, use, layout))
    for ref, reversed_minor in writes.reversals:
        tables[Table.REVERSAL].append(reversal_row(ref, reversed_minor))
    for account_id, count in writes.under_way:
        tables[Table.UNDER_WAY].append(under_way_row(account_id, count))
    for hold in writes.holds:
        tables[Table.HOLD].append(hold_row(hold))
    for voucher in writes.vouchers:
        tables[Table.VOUCHER].append(voucher_row(voucher))
    for rail_key, position in writes.rail_keys:
        tables[Table.RAIL_KEY].append(rail_key_row(rail_key, position, layout))
    for exception in writes.exceptions:
        tables[Table.EXCEPTION].append(exception_row(exception))
    for timer, is_kept in writes.timers:
        tables[Table.TIMER].append(timer_row(timer, is_kept=is_kept))
    for window, held in writes.windows:
        tables[Table.WINDOW].append(window_row(window, held))
    for known, position in writes.known_destinations:
        tables[Table.WINDOW].append(known_row(known, position))
    for owner_ref, count in writes.frozen_owners:
        tables[Table.WINDOW].append(frozen_row(owner_ref, count))
    for schedule in writes.fee_schedules:
        tables[Table.CONFIG].append(fees_row(schedule))
    for rail_record in writes.rails:
        tables[Table.CONFIG].append(rail_row(rail_record))
    for calendar in writes.calendars:
        tables[Table.CONFIG].append(calendar_row(calendar))
    for suspension in writes.suspensions:
        tables[Table.CONFIG].append(suspension_row(suspension))
    for limits in writes.limits:
        tables[Table.CONFIG].append(limits_row(limits))
    for rules in writes.rules:
        tables[Table.CONFIG].append(rules_row(rules))
    for roles in writes.roles:
        tables[Table.CONFIG].append(roles_row(roles))
    for currencies in writes.currencies:
        tables[Table.CONFIG].append(currencies_row(currencies))


def encode_outcomes(outcomes: Outcomes) -> bytes:
    """Return the canonical bytes of the answers of one entry, for the digest.

    Layout: count u32; codes; fees i64 each; states; then by row, for retries, row u32,
    index u64, ordinal u16, ts i64, state u8, fee i64, same u8, names u8, and each name
    with its length u8.
    """
    codes, fees_minor = outcomes.codes, outcomes.fees_minor
    count = len(codes)
    fixed = pack(
        f">I{count}s{count}q{count}s", count, codes, *fees_minor, outcomes.states
    )
    if not outcomes.retries:
        return fixed
    parts = [fixed]
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
