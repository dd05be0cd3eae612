"""Leaders are killed around dispatch, over the ledger's own rules (ledger.md 3.6, I10)."""

import asyncio
import random

import pytest

from ledgerd.ledger.payouts import PayoutState
from ledgerd.rails.dispatcher import Dispatcher
from ledgerd.rails.simulated import Magic, SimulatedBank
from tests.rails.real import SANDBOX, RealBooks, RealLedger, is_settled
from tests.rails.test_dispatcher import ENDING, FAST, ONCE, PACE, TWICE
from tests.rails.virtual import run
from tests.rails.world import WireRail

KILLS = 10


@pytest.mark.parametrize(
    ("traits", "knows_tokens"),
    [(ONCE, False), (TWICE, True), (TWICE, False)],
    ids=["knows keys", "knows tokens", "knows neither, but has a guarantee time"],
)
@pytest.mark.parametrize("seed", range(8))
def test_the_ledger_and_the_rail_agree_after_every_kill(seed, traits, knows_tokens):
    """240 kills in all. One execution at most; FAILED means not executed; all end."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        dice = random.Random(seed)
        ledger = RealLedger(lambda: int((loop.time() - began) * 1e6))
        bank = SimulatedBank(deduplicates=traits.deduplicates, pace=PACE)
        paid = {ledger.pay(magic.value): magic for magic in ENDING}

        def lead(worker: str) -> asyncio.Task[None]:
            ledger.term += 1
            ledger.leader = worker
            dispatcher = Dispatcher(
                books=RealBooks(ledger, worker, dice, 0.1),
                rail=WireRail(bank, dice, 0.1, 0.4, knows_tokens=knows_tokens),
                number=SANDBOX,
                traits=lambda: traits,
                options=FAST,
            )
            return asyncio.create_task(dispatcher.run())

        async def kill(task: asyncio.Task[None]) -> None:
            ledger.leader = None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        for _ in range(KILLS):
            task = lead(dice.choice(["node-1", "node-2", "node-3"]))
            await asyncio.sleep(dice.expovariate(1 / 0.15))
            await kill(task)
            await asyncio.sleep(dice.choice([0.0, 0.05, 4.0]))
        task = lead("node-1")
        await asyncio.sleep(60.0)
        await kill(task)

        executions = {c.rail_key: c.executions for c in bank.counts()}
        assert max(executions.values()) == 1, (seed, executions)
        for found in ledger.heads():
            assert is_settled(found), (seed, found)
            assert found.status is not None
            magic = paid[found.head.payout_id]
            is_failed = found.state is PayoutState.FAILED
            assert is_failed == (magic is Magic.REJECT), (seed, magic, found)
            assert executions[found.status.rail_key] == (not is_failed), (seed, magic)
            assert not found.status.open_exceptions, (seed, magic)

    run(body())
