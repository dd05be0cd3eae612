"""A rail that says nothing: its payouts are claimed more and more rarely, and never twice sent.

Over the ledger's own rules, which offer a payout again when its lease is over. Leases of 3 s,
rests of a minute at most.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from ledgerd.ledger.commands import Command, DispatchBegin, DispatchClaim
from ledgerd.ledger.payouts import PayoutState
from ledgerd.rails.dispatcher import Dispatcher, Options
from ledgerd.rails.simulated import Magic, SimulatedBank
from ledgerd.rails.steps import Traits
from tests.rails.real import SANDBOX, RealBooks, RealLedger, is_settled
from tests.rails.test_dispatcher import ENDING, FAST, ONCE, PACE, TWICE
from tests.rails.virtual import run
from tests.rails.world import WireRail

OPTIONS = replace(FAST, silent_s_max=60.0, poll_s=0.2)
LEASE_S = OPTIONS.lease_s
LATE_S = 0.5  # polls and calls between the end of a rest and the claim
CALL_S = 0.02  # a rest counts from before the claim was proposed
SILENT, ANSWERS = True, False


class NotedLedger(RealLedger):
    """Notes when each payout was claimed, seconds."""

    def __init__(self, elapsed_s: Callable[[], float]) -> None:
        super().__init__(lambda: int(elapsed_s() * 1e6))
        self._elapsed_s = elapsed_s
        self.claims: dict[bytes, list[float]] = {}

    def do(self, command: Command) -> tuple[int, int]:
        if isinstance(command, DispatchBegin | DispatchClaim):
            self.claims.setdefault(command.payout_id, []).append(self._elapsed_s())
        return super().do(command)


class Scene:
    """A ledger, a bank, and a wire on which calls of a rail key get through or do not."""

    def __init__(
        self, is_silent: Callable[[str], bool], *, seed: int = 1, traits: Traits = ONCE
    ) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.elapsed_s = lambda: loop.time() - began
        self.dice = random.Random(seed)
        self.ledger = NotedLedger(self.elapsed_s)
        self.bank = SimulatedBank(deduplicates=traits.deduplicates, pace=PACE)
        self.is_silent = is_silent
        self.traits = traits
        self._task: asyncio.Task[None] | None = None

    def lead(self, worker: str, loss: float = 0.0) -> None:
        self.ledger.term += 1
        self.ledger.leader = worker
        rail = WireRail(
            self.bank, self.dice, loss, is_silent=lambda key: self.is_silent(key)
        )
        dispatcher = Dispatcher(
            books=RealBooks(self.ledger, worker, self.dice, loss),
            rail=rail,
            number=SANDBOX,
            traits=lambda: self.traits,
            options=OPTIONS,
        )
        self._task = asyncio.create_task(dispatcher.run())

    async def kill(self) -> None:
        self.ledger.leader = None
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def gaps_s(self, payout_id: bytes) -> list[float]:
        """From one claim to the next."""
        return [b - a for a, b in pairwise(self.ledger.claims[payout_id])]

    def state(self, payout_id: bytes) -> PayoutState:
        return self.ledger.found(payout_id).state


def expect_gaps(found: list[float], *least: float) -> None:
    assert len(found) == len(least), found
    for gap, expected in zip(found, least, strict=True):
        assert expected - CALL_S <= gap < expected + LATE_S, found


@pytest.mark.parametrize(
    ("turns", "rest_s"),
    [(1, 3.0), (2, 6.0), (3, 12.0), (4, 24.0), (5, 48.0), (6, 60.0), (7, 60.0)],
)
def test_a_rest_is_twice_the_one_before_it_up_to_a_bound(turns, rest_s):
    assert OPTIONS.silent_s(turns) == rest_s


def test_a_rest_is_bounded_however_long_the_silence_was():
    """A century of silence is no larger number than a float holds."""
    assert OPTIONS.silent_s(10**9) == 60.0
    assert Options(lease_s=3_600.0).silent_s(1) == 600.0


def test_claims_of_a_rail_that_is_down_become_rare():
    """Ten minutes cost each payout 13 claims more, where one at each end of a lease were 200."""

    async def body() -> None:
        scene = Scene(lambda key: SILENT)
        payout_id = scene.ledger.pay(Magic.SETTLE.value)
        scene.lead("node-1")
        await asyncio.sleep(600.0)
        await scene.kill()

        expect_gaps(scene.gaps_s(payout_id), 3, 6, 12, 24, 48, *[60] * 8)
        assert scene.state(payout_id) is PayoutState.DISPATCHING
        assert scene.bank.counts() == ()

    run(body())


def test_a_rail_that_is_back_is_asked_at_once():
    """Nobody waits for the rest of a minute to end; each payout is paid once."""

    async def body() -> None:
        is_down = True
        scene = Scene(lambda key: is_down)
        paid = [scene.ledger.pay(Magic.SETTLE.value) for _ in range(10)]
        scene.lead("node-1")
        await asyncio.sleep(200.0)
        before = sum(map(len, scene.ledger.claims.values()))
        is_down = False
        await asyncio.sleep(2.0)
        await scene.kill()

        assert {scene.state(payout_id) for payout_id in paid} == {PayoutState.SETTLED}
        assert sum(map(len, scene.ledger.claims.values())) == before + len(paid)
        assert {count.executions for count in scene.bank.counts()} == {1}

    run(body())


def test_silence_about_one_payout_holds_up_no_other():
    """Its own rests grow; the rail was never cut off, so nothing ends them early."""

    async def body() -> None:
        silent_key = ""
        scene = Scene(lambda key: bool(key) and key == silent_key)
        strange = scene.ledger.pay(Magic.TIMEOUT_LOST.value)
        scene.lead("node-1")
        await asyncio.sleep(0.4)  # it is sent, and then asked for in vain
        silent_key = scene.ledger.found(strange).status.rail_key
        others = []
        for _ in range(10):
            others.append(scene.ledger.pay(Magic.SETTLE.value))
            await asyncio.sleep(10.0)
        await scene.kill()

        assert {scene.state(payout_id) for payout_id in others} == {PayoutState.SETTLED}
        assert {len(scene.ledger.claims[payout_id]) for payout_id in others} == {1}
        expect_gaps(scene.gaps_s(strange), 3, 6, 12, 24, 48)

    run(body())


def test_an_answer_ends_the_silence():
    """Whatever it says: the next silence begins with a short rest."""

    async def body() -> None:
        # Sent and asked for; asked for twice more; then "not known", sent again, asked for.
        script = [SILENT] * 4 + [ANSWERS, SILENT, SILENT]
        calls = iter(script)
        scene = Scene(lambda key: bool(key) and next(calls, ANSWERS))
        payout_id = scene.ledger.pay(Magic.SETTLE.value)
        scene.lead("node-1")
        await asyncio.sleep(60.0)
        await scene.kill()

        expect_gaps(scene.gaps_s(payout_id), 3, 6, 12, 3)
        assert scene.state(payout_id) is PayoutState.SETTLED

    run(body())


def test_a_new_leader_knows_of_no_rests():
    """It claims what is offered at once, asks the rail, and rests by itself."""

    async def body() -> None:
        scene = Scene(lambda key: SILENT)
        payout_id = scene.ledger.pay(Magic.SETTLE.value)
        scene.lead("node-1")
        await asyncio.sleep(100.0)  # in the middle of a rest of a minute
        await scene.kill()
        killed_s = scene.elapsed_s()
        claimed = len(scene.ledger.claims[payout_id])
        scene.lead("node-2")
        await asyncio.sleep(10.0)
        await scene.kill()

        first_s, *_ = scene.ledger.claims[payout_id][claimed:]
        assert first_s < killed_s + LATE_S
        expect_gaps(scene.gaps_s(payout_id)[claimed:], 3, 6)

    run(body())


@pytest.mark.parametrize("traits", [ONCE, TWICE], ids=["knows keys", "has a guarantee"])
@pytest.mark.parametrize("seed", range(3))
def test_leaders_die_while_the_rail_comes_and_goes_and_nothing_is_paid_twice(
    seed, traits
):
    """60 kills in all, the wire cut at random under them: 3.6, I10. All end once it stays up."""

    async def body() -> None:
        is_down = False
        scene = Scene(lambda key: is_down, seed=seed, traits=traits)
        paid = {scene.ledger.pay(magic.value): magic for magic in ENDING}
        for _ in range(10):
            scene.lead(scene.dice.choice(["node-1", "node-2", "node-3"]), loss=0.1)
            for _ in range(scene.dice.randrange(1, 4)):
                await asyncio.sleep(scene.dice.expovariate(1 / 2.0))
                is_down = not is_down
            await scene.kill()
            await asyncio.sleep(scene.dice.choice([0.0, 0.05, 4.0]))
        is_down = False
        scene.lead("node-1", loss=0.1)
        await asyncio.sleep(60.0)
        await scene.kill()

        executions = {c.rail_key: c.executions for c in scene.bank.counts()}
        assert max(executions.values()) == 1, (seed, executions)
        for found in scene.ledger.heads():
            assert is_settled(found), (seed, found)
            assert found.status is not None
            is_failed = found.state is PayoutState.FAILED
            magic = paid[found.head.payout_id]
            assert is_failed == (magic is Magic.REJECT), (seed, magic, found)
            assert executions[found.status.rail_key] == (not is_failed), (seed, magic)

    run(body())
