"""What the windows must hold, from the payouts alone, and whether any held too much. # I13.

Written a second time on purpose: it asks no rule of apply but which windows count a payout.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ledgerd.ledger.catalogue import SANDBOX
from ledgerd.ledger.details import destination_of
from ledgerd.ledger.payouts import (
    OPEN_STATES,
    PAID_STATES,
    PayoutHead,
    PayoutState,
    PayoutStatus,
)
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.risk import NO_BOUND, WINDOW_SLOTS, Limit
from ledgerd.ledger.windows import Slot, WindowKey, WindowUse, slot_number


class WindowDifference(NamedTuple):
    """A window that is not what the payouts make of it."""

    key: WindowKey
    what: str


class _Counted(NamedTuple):
    """One payout in one window. limit: in force when it was accepted."""

    ts_us: int
    amount_minor: int
    state: PayoutState
    limit: Limit


class WindowSums:
    """A fold of all payouts, in the order in which they were accepted."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._is_idle = not policy.counts_windows()
        self._counted: dict[WindowKey, list[_Counted]] = {}

    def payout(self, head: PayoutHead, status: PayoutStatus | None) -> None:
        """Add one payout."""
        if self._is_idle:
            return
        state = head.state if status is None else status.state
        for limit, key in self._policy.windows(
            head.ts_us,
            account_id=head.account_id,
            livemode=head.rail != SANDBOX,
            currency=head.currency,
            fingerprint=destination_of(head.details).fingerprint,
        ):
            counted = _Counted(head.ts_us, head.amount_minor, state, limit)
            self._counted.setdefault(key, []).append(counted)

    def differences(
        self, stored: Mapping[WindowKey, WindowUse]
    ) -> Iterator[WindowDifference]:
        """Yield each window that holds something else, or once held more than its limit."""
        for key in sorted(self._counted.keys() | stored.keys()):
            payouts, use = self._counted.get(key), stored.get(key)
            if payouts is None or use is None:
                found, expected = (
                    "no row" if row is None else "a row" for row in (use, payouts)
                )
                yield WindowDifference(key, f"{found}, its payouts ask for {expected}")
                continue
            wanted = _use_of(key, payouts, use.last_slot)
            if use != wanted:
                yield WindowDifference(key, f"it holds {use}, its payouts {wanted}")
            for what in _passed(key, payouts):
                yield WindowDifference(key, what)


def _use_of(key: WindowKey, payouts: list[_Counted], last_slot: int) -> WindowUse:
    """Return what the window must hold if it was written last in `last_slot`."""
    opened = [row.amount_minor for row in payouts if row.state in OPEN_STATES]
    slots: dict[int, tuple[int, int]] = {}
    for row in payouts:
        number = slot_number(key.window_us, row.ts_us)
        if row.state in PAID_STATES and number >= last_slot - WINDOW_SLOTS:
            amount_minor, count = slots.get(number, (0, 0))
            slots[number] = (amount_minor + row.amount_minor, count + 1)
    return WindowUse(
        sum(opened),
        len(opened),
        last_slot,
        tuple(Slot(number, *slots[number]) for number in sorted(slots)),
    )


def _passed(key: WindowKey, payouts: list[_Counted]) -> Iterator[str]:
    """Yield where a true window held more than the limit in force when it was filled.

    Payouts that ended without being paid are left out: when they ended is not asked here.
    """
    kept = [row for row in payouts if row.state in OPEN_STATES | PAID_STATES]
    first = amount_minor = 0
    for at, row in enumerate(kept):
        amount_minor += row.amount_minor
        while kept[first].ts_us <= row.ts_us - key.window_us:
            amount_minor -= kept[first].amount_minor
            first += 1
        used = (amount_minor, at + 1 - first)
        bounds = (row.limit.amount_minor_max, row.limit.count_max)
        for value, bound in zip(used, bounds, strict=True):
            if bound != NO_BOUND and value > bound:
                yield f"{value} in the window up to {row.ts_us} passes the limit {bound}"
