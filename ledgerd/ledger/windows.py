"""Rolling windows: what was paid out in the last W of log time, in 24 slots. 7.2.

Usage is the sum of all open payouts, whenever they were made, and of the payouts paid whose submit
lies in the current slot or one of the 24 before it. So no true window W ever holds more than the
limit, and up to one slot more than W may be counted.

What a window counts is told by its key. `since_us` is the log time from which a limit has asked for
the window without a break: a limit that is taken away and set again begins with an empty window,
and a payout is counted exactly in the windows that were asked for when it was accepted.
"""

from typing import NamedTuple

from ledgerd.ledger.risk import WINDOW_SLOTS, LimitKind


class WindowKey(NamedTuple):
    """Names one window.

    subject: account id; fingerprint of a destination, empty for all payouts that name none; empty
    for the total of the book.
    """

    kind: LimitKind
    livemode: bool
    currency: int
    window_us: int
    since_us: int
    subject: bytes


class Slot(NamedTuple):
    """What was submitted in one slot and is paid. number: log time by the width of a slot."""

    number: int
    amount_minor: int
    payouts: int


class WindowUse(NamedTuple):
    """What a window holds. Sums may pass 64 bits.

    last_slot: the current one when it was written last; slots before `last_slot` - 24 are gone.
    slots: rising, none of them empty.
    """

    open_minor: int = 0
    open_count: int = 0
    last_slot: int = 0
    slots: tuple[Slot, ...] = ()


EMPTY = WindowUse()


def slot_number(window_us: int, ts_us: int) -> int:
    """Return the slot that a log time lies in."""
    return ts_us // (window_us // WINDOW_SLOTS)


def usage(use: WindowUse, now_slot: int) -> tuple[int, int]:
    """Return sum and count as of a slot."""
    first = now_slot - WINDOW_SLOTS
    amount_minor, count = use.open_minor, use.open_count
    for slot in use.slots:
        if slot.number >= first:
            amount_minor += slot.amount_minor
            count += slot.payouts
    return amount_minor, count


def opened(use: WindowUse, amount_minor: int, now_slot: int) -> WindowUse:
    """Return the window with one open payout more."""
    return WindowUse(
        use.open_minor + amount_minor,
        use.open_count + 1,
        now_slot,
        _kept(use, now_slot),
    )


def given_back(use: WindowUse, amount_minor: int, now_slot: int) -> WindowUse:
    """Return the window with one open payout less, of which nothing was paid."""
    after = WindowUse(
        use.open_minor - amount_minor,
        use.open_count - 1,
        now_slot,
        _kept(use, now_slot),
    )
    assert min(after.open_minor, after.open_count) >= 0, (use, amount_minor)  # I13
    return after


def paid(
    use: WindowUse, amount_minor: int, *, submit_slot: int, now_slot: int
) -> WindowUse:
    """Return the window with one open payout less, which counts in the slot of its submit."""
    after = given_back(use, amount_minor, now_slot)
    if submit_slot < now_slot - WINDOW_SLOTS:
        return after
    slots = {slot.number: slot for slot in after.slots}
    before = slots.get(submit_slot, Slot(submit_slot, 0, 0))
    slots[submit_slot] = Slot(
        submit_slot, before.amount_minor + amount_minor, before.payouts + 1
    )
    return after._replace(slots=tuple(slots[number] for number in sorted(slots)))


def _kept(use: WindowUse, now_slot: int) -> tuple[Slot, ...]:
    assert now_slot >= use.last_slot, (use, now_slot)  # I11
    first = now_slot - WINDOW_SLOTS
    if not use.slots or use.slots[0].number >= first:
        return use.slots
    return tuple(slot for slot in use.slots if slot.number >= first)
