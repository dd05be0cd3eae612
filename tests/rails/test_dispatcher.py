import asyncio
import random
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from ledgerd.rails.dispatcher import Dispatcher, Options
from ledgerd.rails.simulated import Magic, Pace, SimulatedBank
from ledgerd.rails.steps import Traits
from tests.rails.virtual import run
from tests.rails.world import (
    DISPATCHING,
    FAILED,
    FINAL,
    READY,
    RETURNED,
    SETTLED,
    FakeBooks,
    FakeLedger,
    Row,
    WireRail,
)

ONCE = Traits(deduplicates=True, answers_queries=True)
TWICE = Traits(deduplicates=False, answers_queries=True)
DUMB = Traits(deduplicates=False, answers_queries=False)
FAST = Options(
    lease_s=3.0, send_s=0.5, margin_s=0.1, poll_s=0.02, again_s=0.1, refused_s=0.5,
    advices_wait_s=0.5,
)  # fmt: skip
PACE = Pace(guarantee_s=1.0)


@dataclass
class Scene:
    """One ledger, one bank, and workers on nodes that lead in turn."""

    traits: Traits = ONCE
    loss: float = 0.0
    late_s: float = 0.0
    seed: int = 1
    knows_tokens: bool = True

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.dice = random.Random(self.seed)
        self.bank = SimulatedBank(deduplicates=self.traits.deduplicates, pace=PACE)
        self.ledger = FakeLedger(lambda: int(loop.time() * 1e6))
        self.task: asyncio.Task[None] | None = None
        self.ended: list[str] = []

    def pay(self, *magics: Magic) -> None:
        for magic in magics:
            number = len(self.ledger.rows)
            self.ledger.add(Row(f"KEY{number:012}".encode(), magic.value))

    def lead(self, worker: str) -> None:
        """A node leads from now on; nobody else's task is left."""
        self.ledger.term += 1
        self.ledger.leader = worker
        dispatcher = Dispatcher(
            books=FakeBooks(self.ledger, worker, self.dice, self.loss),
            rail=WireRail(
                self.bank,
                self.dice,
                self.loss,
                self.late_s,
                knows_tokens=self.knows_tokens,
            ),
            number=1,
            traits=lambda: self.traits,
            options=FAST,
            on_end=self.ended.append,
            name_of=bytes.decode,
        )
        self.dispatcher = dispatcher
        self.task = asyncio.create_task(dispatcher.run())

    async def kill(self) -> None:
        """The leader is gone in the middle of whatever it did; what it sent arrives."""
        self.ledger.leader = None
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until_quiet(self, limit_s: float = 120.0) -> None:
        """Wait until every payout is final, or waits for a person."""
        loop = asyncio.get_running_loop()
        until = loop.time() + limit_s
        while loop.time() < until:
            if all(
                r.state in FINAL or r.has_exception for r in self.ledger.rows.values()
            ):
                await asyncio.sleep(2.0)  # what is late may still come
                return
            await asyncio.sleep(0.1)

    def state(self, number: int = 0) -> str:
        return list(self.ledger.rows.values())[number].state

    def executions(self) -> list[int]:
        return [count.executions for count in self.bank.counts()]


@pytest.mark.parametrize(
    ("magic", "state", "executions"),
    [
        (Magic.SETTLE, SETTLED, 1),
        (Magic.REJECT, FAILED, 0),
        (Magic.RETURN, RETURNED, 1),
        (Magic.TIMEOUT_SENT, SETTLED, 1),
        (Magic.TWO_ACKS, SETTLED, 1),
        (Magic.LATE_RETURN, RETURNED, 1),
        (Magic.SHORT_RETURN, RETURNED, 1),
        (Magic.REFUSE_ONCE, SETTLED, 1),
        (Magic.TIMEOUT_LOST, SETTLED, 1),
    ],
)
@pytest.mark.parametrize("traits", [ONCE, TWICE])
def test_each_magic_number_comes_to_its_end(magic, state, executions, traits):
    """By one leader that lives, over a rail that takes keys once and over one that does not."""

    async def body() -> None:
        scene = Scene(traits)
        scene.pay(magic)
        scene.lead("node-1")
        await scene.until_quiet()
        await scene.kill()

        assert scene.state() == state
        assert scene.executions() == [executions]

    run(body())


def test_a_late_yes_stops_the_second_send():
    """The rail said "not accepted", then took it: an exception, and no second payment."""

    async def body() -> None:
        scene = Scene(TWICE)
        scene.pay(Magic.ACK_AFTER_REFUSAL)
        scene.lead("node-1")
        await scene.until_quiet()
        await scene.kill()

        (row,) = scene.ledger.rows.values()
        assert (row.state, row.has_exception) == (READY, True)
        assert scene.executions() == [1]

    run(body())


def test_a_rail_that_is_suspended_gets_nothing():
    async def body() -> None:
        scene = Scene(Traits(True, True, is_suspended=True))
        scene.pay(Magic.SETTLE)
        scene.lead("node-1")
        await asyncio.sleep(5.0)
        assert scene.state() == READY
        scene.traits = ONCE
        await scene.until_quiet()
        await scene.kill()

        assert scene.state() == SETTLED

    run(body())


def test_a_rail_that_can_do_nothing_waits_for_a_person():
    """It can neither be asked nor does it know keys: a payout in doubt stays in doubt."""

    async def body() -> None:
        scene = Scene(DUMB)
        scene.pay(Magic.TIMEOUT_LOST)
        scene.lead("node-1")
        await asyncio.sleep(0.3)
        await scene.kill()
        scene.lead("node-2")
        with capture_logs() as lines:
            await asyncio.sleep(60.0)
            await scene.kill()

        (row,) = scene.ledger.rows.values()
        assert (row.state, row.has_attention, row.worker) == (DISPATCHING, True, "")
        [told] = [one for one in lines if one["event"] == "payout_needs_a_person"]
        assert told["payout_id"] == row.payout_id.decode()
        assert [count.sends for count in scene.bank.counts()] == [1]
        # One by the first leader; then as often as in a silence, not once in every lease.
        assert row.attempt == 2 + sum(3 * 2**n < 60 for n in range(1, 5)), row

    run(body())


def test_payouts_that_wait_hide_no_newer_ones():
    """Twice as many as are looked at together are in doubt; a new one is sent all the same."""

    async def body() -> None:
        scene = Scene(DUMB)
        stuck = 2 * 4 * FAST.in_flight_max + 1
        scene.pay(*[Magic.TIMEOUT_LOST] * stuck)
        scene.lead("node-1")
        await asyncio.sleep(60.0)
        rows = list(scene.ledger.rows.values())
        assert {(row.state, row.has_attention) for row in rows} == {(DISPATCHING, True)}

        scene.pay(Magic.SETTLE)
        await asyncio.sleep(5.0)
        await scene.kill()

        assert scene.state(stuck) == SETTLED

    run(body())


@pytest.mark.parametrize(
    ("traits", "magic", "ended"),
    [
        (ONCE, Magic.SETTLE, ["taken"]),
        (ONCE, Magic.REFUSE_ONCE, ["refused", "taken"]),
        (DUMB, Magic.TIMEOUT_LOST, ["silent", "attention"]),
    ],
)
def test_each_turn_says_how_it_ended(traits, magic, ended):
    """What the metrics count."""

    async def body() -> None:
        scene = Scene(traits)
        scene.pay(magic)
        scene.lead("node-1")
        await asyncio.sleep(5.0)
        await scene.kill()

        assert scene.ended == ended

    run(body())


def test_a_long_reign_keeps_nothing_of_what_it_has_sent():
    """A leader of a million payouts needs no more memory for them than one of a thousand."""

    async def body() -> None:
        scene = Scene()
        scene.lead("node-1")
        kept = []
        for _ in range(4):
            scene.pay(*[Magic.SETTLE] * 400)
            await asyncio.sleep(10.0)
            assert {row.state for row in scene.ledger.rows.values()} == {SETTLED}
            kept.append(len(scene.dispatcher._not_before))
        await scene.kill()

        assert max(kept) < 700, kept

    run(body())


# Every number that comes to an end without a person.
ENDING = [magic for magic in Magic if magic is not Magic.ACK_AFTER_REFUSAL]


@pytest.mark.parametrize(
    ("traits", "knows_tokens"),
    [(ONCE, False), (TWICE, True), (TWICE, False)],
    ids=["knows keys", "knows tokens", "knows neither, but has a guarantee time"],
)
@pytest.mark.parametrize("seed", range(20))
def test_leaders_are_killed_at_random_and_nothing_is_paid_twice(
    seed, traits, knows_tokens
):
    """Ten kills a seed around dispatch, wires that lose, and three kinds of rails: 3.6, I10.

    600 kills in all. Never more than one execution; what ended FAILED was not executed; all end.
    """

    async def body() -> None:
        scene = Scene(
            traits, loss=0.1, late_s=0.4, seed=seed, knows_tokens=knows_tokens
        )
        scene.pay(*ENDING, *ENDING)
        workers = ["node-1", "node-2", "node-3"]
        for _ in range(10):
            scene.lead(scene.dice.choice(workers))
            await asyncio.sleep(scene.dice.expovariate(1 / 0.15))
            await scene.kill()
            await asyncio.sleep(scene.dice.choice([0.0, 0.05, 4.0]))
        scene.lead("node-1")
        await scene.until_quiet()
        await scene.kill()

        rows = scene.ledger.rows.values()
        executions = {count.rail_key: count.executions for count in scene.bank.counts()}
        assert max(executions.values()) == 1, (seed, executions)
        assert [r for r in rows if r.state not in FINAL] == [], seed
        for row in rows:
            assert executions[row.rail_key] == (row.state != FAILED), (seed, row)

    run(body())
