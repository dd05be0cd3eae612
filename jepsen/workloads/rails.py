"""Rails: payouts that the nodes carry to a simulated rail, from the submit to the end.

The payee's account number chooses what the rail does. Meanwhile clients cancel, so that a cancel
and a dispatch race for the same payout, ask for money back, submit for later, and put money
aside and take it again.
"""

import time
from dataclasses import replace
from random import Random

from jepsen.commands import (
    Cancel,
    CaptureHold,
    CreateHold,
    Recall,
    ReleaseHold,
    SetFees,
    Submit,
)
from jepsen.workloads.calls import Call
from jepsen.workloads.mix import Books, Wish, weighted
from jepsen.workloads.pool import Recent
from ledgerd.client import new_hold_id, new_request_id

CRASH_SHARE = 0.05
CURRENCIES = ("USD", "USD", "USD", "USD", "EUR")
# All numbers of the simulated rail but 000000008: a bank that pays what it has refused.
NUMBERS = tuple(f"{number:09}" for number in (1, 2, 3, 4, 5, 6, 7, 9, 10))
_US = 1_000_000
LATER_US = (-_US, _US // 5, _US, 3 * _US)  # from now; some of them have passed
TTL_US = (_US // 5, 2 * _US, 600 * _US)
NEWEST = 6


class Rails:
    """Every outcome of the rail, cancels that race, recalls, schedules, holds and fees."""

    name = "rails"
    has_rail = True

    def __init__(self) -> None:
        self._books = Books()
        self._holds: Recent[CreateHold] = Recent(100)

    def setup(self) -> list[Call]:
        """Open and fund the accounts; payouts in dollars cost something."""
        fees = SetFees(new_request_id(), "sandbox", "USD", fixed_minor=7, bps=25)
        return [*self._books.setup(CURRENCIES), fees]

    def next(self, rng: Random) -> Wish:
        """Return the next call."""
        if rng.random() < CRASH_SHARE:
            return Wish(self._submit(rng), is_crash=True)
        books = self._books
        return Wish(
            weighted(
                rng,
                (
                    (30, lambda: self._submit(rng)),
                    (14, lambda: self._cancel(rng)),
                    (4, lambda: self._recall(rng)),
                    (6, lambda: books.submits.pick(rng)),
                    (3, lambda: books.changed(rng)),
                    (3, lambda: books.refusable(rng)),
                    (6, lambda: self._create_hold(rng)),
                    (4, lambda: self._capture_hold(rng)),
                    (3, lambda: self._release_hold(rng)),
                    (20, lambda: books.read(rng)),
                ),
            )
        )

    def _submit(self, rng: Random) -> Submit:
        submit = replace(self._books.submit(rng), destination=rng.choice(NUMBERS))
        if rng.random() < 0.15:
            now_us = time.time_ns() // 1_000
            submit = replace(submit, release_at_us=now_us + rng.choice(LATER_US))
        self._books.submits.replace_newest(submit)
        return submit

    def _cancel(self, rng: Random) -> Cancel | None:
        """Return the cancel of a payout, mostly of one that may be dispatched just now."""
        submits = self._books.submits
        submit = submits.pick(rng, newest=NEWEST if rng.random() < 0.7 else None)
        if submit is None:
            return None
        return Cancel(new_request_id(), submit.payout, "changed my mind")

    def _recall(self, rng: Random) -> Recall | None:
        submit = self._books.submits.pick(rng)
        if submit is None:
            return None
        return Recall(new_request_id(), submit.payout, "fraud")

    def _create_hold(self, rng: Random) -> CreateHold:
        account = self._books.sandbox(rng)
        too_much = rng.random() < 0.05
        hold = CreateHold(
            new_hold_id(),
            account.account,
            10**12 if too_much else rng.randint(1, 2_000),
            account.currency,
            rng.choice(TTL_US),
            f"table {rng.randrange(100)}",
        )
        self._holds.add(hold)
        return hold

    def _capture_hold(self, rng: Random) -> CaptureHold | None:
        hold = self._holds.pick(rng, newest=20)
        if hold is None:
            return None
        return CaptureHold(
            new_request_id(),
            hold.hold,
            self._books.sandbox(rng).account,
            rng.randint(1, hold.minor + 1),
            hold.currency,
            "dinner",
        )

    def _release_hold(self, rng: Random) -> ReleaseHold | None:
        hold = self._holds.pick(rng, newest=20)
        if hold is None:
            return None
        return ReleaseHold(new_request_id(), hold.hold, "not needed")
