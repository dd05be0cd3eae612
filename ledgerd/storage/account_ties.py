"""The ties of holds, vouchers and reversals, and of what is counted for an account; as in `ties`.

A hold is tied to its id and, while it is open, to its timer; a voucher to the event of the call
that made it; a reversal to the Fund that it reverses; a window to the limits that asked for it, a
known destination to the payout that settled there.
"""

from ledgerd.formats import records
from ledgerd.formats.records import Table
from ledgerd.ledger.details import destination_of
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.holds import HoldState
from ledgerd.ledger.identity import IdKind
from ledgerd.ledger.risk import LimitKind
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


def check_window(tables: Tables, key: bytes, value: bytes) -> None:
    """A limit asked for it from then on, or a payout settled there.

    Nothing leads to a destination's fingerprint or an owner's reference: a replay finds those.
    """
    if key.startswith(records.KNOWN_PREFIX):
        known = records.known_of(key)
        head = tables.payout_head(records.decode_known(key, value))
        if head is None or (
            (head.account_id, destination_of(head.details).fingerprint) != known
        ):
            raise lonely(Table.WINDOW, key, "another payout settled there")
        return
    if key.startswith(records.FROZEN_PREFIX):
        records.decode_frozen(key, value)
        return
    records.decode_window(key, value)
    window = records.window_of(key)
    if not any(
        row.effective_from_us == window.since_us
        and any(
            (limit.kind, limit.currency, limit.window_us)
            == (window.kind, window.currency, window.window_us)
            for limit in row.limits
        )
        for row in tables.policy().limits
    ):
        raise lonely(Table.WINDOW, key, "no limit asked for it from then on")
    match window.kind:
        case LimitKind.ACCOUNT_WINDOW:
            account = tables.account(window.subject)
            if account is None or account.book != (window.livemode, window.currency):
                raise lonely(Table.WINDOW, key, "no account of this book has this id")
        case LimitKind.TOTAL_WINDOW if window.subject:
            raise lonely(Table.WINDOW, key, "a total has no subject")
