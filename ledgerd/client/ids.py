"""New ids: UUIDv7 (RFC 9562), ascending within a process, in their text form.

The id of a payout or a request is its idempotency key, so the caller keeps it until the
call has an answer. Ascending ids are also what the store likes best: neighbours in time
are neighbours on disk.
"""

import os
import threading
import time
from typing import Final

from ledgerd.api import ids

_COUNTER_BITS: Final = 74  # rand_a and rand_b of RFC 9562 section 5.7 as one number
_STEP_BITS: Final = (
    40  # distance between two ids of one millisecond: random, so no guessing
)
_VERSION: Final = 7 << 76
_VARIANT: Final = 2 << 62
_LOW_BITS: Final = 62
_LOW_MASK: Final = (1 << _LOW_BITS) - 1


class _Source:
    """Makes 16 bytes at a time, each larger than the last one of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._counter = 0

    def next(self) -> bytes:
        """Return a UUIDv7 greater than every earlier one of this source."""
        with self._lock:
            now_ms = time.time_ns() // 1_000_000
            random = int.from_bytes(os.urandom(10), "big")
            if now_ms > self._last_ms:
                self._last_ms = now_ms
                # The top bit starts at zero, which leaves room to count.
                self._counter = random >> (80 - _COUNTER_BITS + 1)
            else:  # the same millisecond, or a clock that went back
                self._counter += 1 + (random >> (80 - _STEP_BITS))
                if self._counter >> _COUNTER_BITS:
                    self._last_ms += 1
                    self._counter = random >> (80 - _COUNTER_BITS + 1)
            number = (
                self._last_ms << 80
                | _VERSION
                | (self._counter >> _LOW_BITS) << 64
                | _VARIANT
                | self._counter & _LOW_MASK
            )
            return number.to_bytes(16, "big")

    def after_fork(self) -> None:
        """Forget the counter: a child must not continue where its parent continues."""
        self._lock = threading.Lock()
        self._last_ms = 0


_source: Final = _Source()
os.register_at_fork(after_in_child=_source.after_fork)


def new_payout_id() -> str:
    """Return a new `payout_...` id, larger than every earlier id of this process."""
    return ids.encode(ids.PAYOUT, _source.next())


def new_account_id() -> str:
    """Return a new `acct_...` id, larger than every earlier id of this process."""
    return ids.encode(ids.ACCOUNT, _source.next())


def new_hold_id() -> str:
    """Return a new `hold_...` id, larger than every earlier id of this process."""
    return ids.encode(ids.HOLD, _source.next())


def new_request_id() -> str:
    """Return a new `req_...` id, larger than every earlier id of this process."""
    return ids.encode(ids.REQUEST, _source.next())
