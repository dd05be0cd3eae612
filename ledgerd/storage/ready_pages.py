"""Payouts that a worker may take: READY, or DISPATCHING with a lease that is over."""

from ledgerd.errors import CorruptionError
from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.accounts import Position
from ledgerd.ledger.payouts import PayoutHead, PayoutStatus
from ledgerd.storage.tables import Tables


def ready_payouts(
    tables: Tables, rail: int, rows_max: int
) -> list[tuple[PayoutHead, PayoutStatus | None]]:
    """Return the first `rows_max` payouts of a rail, oldest first."""
    found: list[tuple[PayoutHead, PayoutStatus | None]] = []
    for key, value in tables.scan(Table.READY, start=records.ready_key(rail, 0)):
        number, index = records.ready_of(key)
        if number != rail:
            break
        for ordinal in records.decode_ready(key, value):
            if len(found) == rows_max:
                return found
            found.append(_payout(tables, (index, ordinal)))
    return found


def _payout(
    tables: Tables, position: Position
) -> tuple[PayoutHead, PayoutStatus | None]:
    head = tables.payout_head(position)
    if head is None:
        raise CorruptionError(
            f"state/, table ready: it names position {position}, where no payout is"
        )
    return head, tables.payout_status(position)
