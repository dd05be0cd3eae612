"""The ties of holds, vouchers and reversals, and of what is counted for an account; as in `ties`.

A hold is tied to its id and, while it is open, to its timer; a voucher to the event of the call
that made it; a reversal to the Fund that it reverses.
"""

from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.holds import HoldState
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.timers import TimerKind
from ledgerd.storage.tables import Tables
from ledgerd.storage.ties import lonely


def check_hold(tables: Tables, key: bytes, value: bytes) -> None:
    """Its id leads back to it. Errors: CorruptionError, here as in all others."""
    hold = records.decode_hold(key, value)
    kept = tables.id(IdKind.HOLD, hold.hold_id)
    if kept is None or kept.refusal or (kept.index, kept.ordinal) != hold.position:
        raise lonely(Table.HOLD, key, "its id does not lead back to it")


def check_timer(tables: Tables, key: bytes, value: bytes) -> None:
    """A timer of a hold is that of an open one."""
    timer = records.timer_of(key, value)
    if timer.kind is not TimerKind.HOLD:
        return
    hold = tables.hold(timer.position)
    if hold is None or hold.state is not HoldState.OPEN or hold.timer != timer:
        raise lonely(Table.TIMER, key, "no open hold falls due there")


def check_voucher(tables: Tables, key: bytes, value: bytes) -> None:
    """The event of the call that made it names it."""
    voucher = records.decode_voucher(key, value)
    event = tables.event((*voucher.position, 0))
    if (
        event is None
        or event.kind is not EventKind.VOUCHER_MADE
        or event.subject != voucher.voucher_id
    ):
        raise lonely(Table.VOUCHER, key, "no call made it where it says")


def check_reversal(tables: Tables, key: bytes, value: bytes) -> None:
    """A Fund used its bank and reference."""
    records.decode_reversal(key, value)
    if tables.external_ref(records.reversal_of(key)) is None:
        raise lonely(Table.REVERSAL, key, "no funding has this reference")


def check_under_way(tables: Tables, key: bytes, value: bytes) -> None:
    """It is of an account."""
    records.decode_under_way(key, value)
    if tables.account(key) is None:
        raise lonely(Table.UNDER_WAY, key, "no account of this id")
