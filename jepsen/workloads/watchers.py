"""Clients that watch the events of the cluster, from the first to the last of a run.

Four of them, all by the product's own library: one that takes everything at once, one that
stops taking now and then, one that leaves for another node now and then and resumes there,
and one with a filter that does the same. What each receives is written in batches.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from jepsen.history import INFO, WATCH, HistoryWriter, Json
from ledgerd.api.v1 import events_pb2, payouts_pb2
from ledgerd.client import AsyncClient, NotLogged, Profile, Watch

QUICK, SLOW, HOPPING, FILTERED = "quick", "slow", "hopping", "filtered"
KIND: Final = "PAYOUT_CREATED"  # what the filtered one asks for
BATCH_EVENTS_MAX: Final = 200
BATCH_S_MAX: Final = 0.5
STALL_S: Final = 3.0
STAY_S: Final = 2.0  # at one node


class Watcher:
    """One watcher. `run` ends once it has looked at `until_seq`."""

    def __init__(
        self, name: str, profile: Profile, history: HistoryWriter, rng: Random
    ) -> None:
        self._name = name
        self._profile = profile
        self._history = history
        self._rng = rng
        self._next_seq = 1
        self._rows: list[Json] = []
        self.until_seq: int | None = None

    async def run(self) -> None:
        """Watch, at one node after the other, to the end.

        What the library itself finds wrong with what it is told is written down, and ends it.
        """
        try:
            await self._watch()
        except NotLogged as error:
            self._write()
            v = {"watcher": self._name, "error": error.message}
            self._history.write(WATCH, INFO, "error", v)

    async def _watch(self) -> None:
        while self.until_seq is None or self._next_seq <= self.until_seq:
            node_id = None
            if self._name in (HOPPING, FILTERED):
                node_id = self._rng.choice(self._profile.endpoints).node_id
            async with AsyncClient(self._profile, node_id=node_id) as client:
                kinds = [KIND] if self._name == FILTERED else []
                watch = client.watch(self._next_seq, kinds=kinds, deadline=3600.0)
                async with watch:
                    await self._stay(watch)
        self._write(is_final=True)

    async def _stay(self, watch: Watch) -> None:
        """Take events, until it is over or time to leave."""
        loop = asyncio.get_running_loop()
        hops = self._name in (HOPPING, FILTERED)
        leaves_at = loop.time() + STAY_S * self._rng.uniform(0.5, 1.5)
        while self.until_seq is None or self._next_seq <= self.until_seq:
            if hops and loop.time() >= leaves_at:
                break
            event: events_pb2.Event | None = None
            try:
                async with asyncio.timeout(BATCH_S_MAX):
                    event = await anext(watch)
            except TimeoutError:
                self._write()
            self._next_seq = watch.next_seq or self._next_seq
            if event is not None:
                self._rows.append(row_of(event))
                if len(self._rows) == BATCH_EVENTS_MAX:
                    self._write()
                    if self._name == SLOW and self.until_seq is None:
                        await asyncio.sleep(STALL_S)
        self._write()

    def _write(self, *, is_final: bool = False) -> None:
        """Write what was received since the last time."""
        if self._rows or is_final:
            self._history.write(
                WATCH,
                INFO,
                "events",
                {
                    "watcher": self._name,
                    "kind": KIND if self._name == FILTERED else "",
                    "rows": self._rows,
                    "next": self._next_seq,
                    "final": is_final,
                },
            )
            self._rows = []


def row_of(event: events_pb2.Event) -> dict[str, Json]:
    """Return an event as the history has it."""
    return {
        "seq": event.seq,
        "at": [event.index, event.ordinal, event.n],
        "kind": events_pb2.Event.Kind.Name(event.kind),
        "subject": event.subject,
        "before": _state(event.state_before),
        "after": _state(event.state_after),
        "minor": event.amount.units,
        "ts": event.at_us,
        "accounts": [
            {
                "id": each.account_id,
                "available": each.balances.available_units,
                "reserved": each.balances.reserved_units,
                "held": each.balances.held_units,
                "blocked": each.balances.blocked_units,
                "receivable": each.balances.receivable_units,
            }
            for each in event.accounts
        ],
    }


def _state(number: int) -> str:
    return payouts_pb2.PayoutState.Name(number) if number else ""


class Watchers:
    """All watchers of a run."""

    def __init__(self, profile: Profile, history: HistoryWriter, rng: Random) -> None:
        self._profile = profile
        self._all = [
            Watcher(name, profile, history, rng)
            for name in (QUICK, SLOW, HOPPING, FILTERED)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Watchers"]:
        """Watch while the block runs; what did not end by then is cut off."""
        self._tasks = [asyncio.create_task(each.run()) for each in self._all]
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def finish(self, timeout_s: float) -> None:
        """Let each watch to the last event there is now, and no longer than `timeout_s`."""
        async with AsyncClient(self._profile) as client:
            last = await client.last_event_seq(deadline=timeout_s)
        for each in self._all:
            each.until_seq = last
        done, _ = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in done:
            task.result()
