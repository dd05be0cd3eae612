"""Payouts submitted in a closed loop by several callers, and what became of each call."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from ledgerd.client import CallError, Client, Outcome, us_account
from tests.waiting import lasting, until


class Pace(NamedTuple):
    """Acknowledgements a second, and the slowest call of a hundred."""

    rate: float
    p99_s: float


@dataclass
class Load:
    """What the callers saw. acks: when each payout was acknowledged, monotonic seconds."""

    acks: list[float] = field(default_factory=list)
    payout_ids: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def longest_gap_s(self, since: float = 0.0) -> float:
        """Return the longest time without an acknowledgement that ended after `since`."""
        times = sorted(self.acks)
        first = next((i for i, at in enumerate(times) if at >= since), len(times))
        times = times[max(0, first - 1) :]  # the silence may have begun before
        return max(b - a for a, b in pairwise(times))

    def wait_for(self, more: int, timeout_s: float = 30.0) -> None:
        """Return once `more` further payouts were acknowledged."""
        wanted = len(self.acks) + more
        until(f"{wanted} acks", lambda: len(self.acks) >= wanted, within_s=timeout_s)

    def measure(self, seconds: float) -> Pace:
        """Return the pace of the next `seconds`."""
        first, began = len(self.latencies_s), time.monotonic()
        lasting(seconds)
        taken = sorted(self.latencies_s[first:])
        elapsed = time.monotonic() - began
        worst = taken[int(len(taken) * 0.99)] if taken else seconds
        return Pace(len(taken) / elapsed, worst)


def funded_account(client: Client) -> str:
    """Return a live account that can pay for a long time."""
    account = client.open_account(currency="USD", livemode=True, owner_ref="load")
    client.fund(account, 10**12, "USD", bank="main", external_ref=account[-12:])
    return account


@contextmanager
def load_on(
    client: Client, *, callers: int, deadline_s: float, pause_s: float = 0.0
) -> Iterator[Load]:
    """Submit from `callers` threads until the block ends; failures are noted, not raised.

    pause_s: of each caller between two calls. Without one the load takes the machine that the
    nodes need too, and whoever starts one meanwhile waits long.
    """
    account = funded_account(client)
    load, should_stop = Load(), threading.Event()

    def call() -> None:
        while not should_stop.wait(pause_s):
            began = time.monotonic()
            try:
                result = client.submit(
                    account=account,
                    amount=1,
                    currency="USD",
                    rail="us_ach",
                    destination=us_account("021000021", "1234567890", "Some Payee"),
                    deadline=deadline_s,
                )
            except CallError as error:
                load.failures.append(f"{error.reason.value}: {error.message}")
                continue
            now = time.monotonic()
            if result.outcome not in (Outcome.CREATED, Outcome.REPLAYED):
                load.failures.append(str(result))
            load.acks.append(now)
            load.payout_ids.append(result.payout_id)
            load.latencies_s.append(now - began)
            load.slowest_s = max(load.slowest_s, now - began)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        load.wait_for(50)
        yield load
    finally:
        should_stop.set()
        for thread in threads:
            thread.join()
