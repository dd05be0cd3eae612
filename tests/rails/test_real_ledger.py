"""Leaders are killed around dispatch, over the ledger's own rules (ledger.md 3.6, I10)."""

import asyncio
import random

import pytest

from ledgerd.ledger.commands import Finding, TellEvidence
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import PayoutFlag, PayoutState
from ledgerd.rails.dispatcher import Dispatcher
from ledgerd.rails.node_books import new_request_id
from ledgerd.rails.rail import EvidenceKind
from ledgerd.rails.simulated import Magic, SimulatedBank
from tests.rails.real import SANDBOX, RealBooks, RealLedger, is_settled
from tests.rails.test_dispatcher import DUMB, ENDING, FAST, ONCE, PACE, TWICE
from tests.rails.virtual import run
from tests.rails.world import WireRail

KILLS = 10
# A refusal is of one send, and says nothing of another; what came back the bank tells by itself.
FINDINGS = {
    EvidenceKind.TAKEN: Finding.TAKEN,
    EvidenceKind.SETTLED: Finding.SETTLED,
    EvidenceKind.REJECTED: Finding.REJECTED,
}


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


def ask_for(ledger: RealLedger, bank: SimulatedBank, payout_id: bytes) -> None:
    """What a person does about a payout in doubt: asks the bank, and tells what it says."""
    status = ledger.found(payout_id).status
    assert status is not None
    loop = asyncio.get_running_loop()
    known = bank.ask(status.rail_key, loop.time())
    found = [
        (FINDINGS[e.kind], e.reference, e.code) for e in known if e.kind in FINDINGS
    ]
    for finding, reference, code in found or [(Finding.NOT_FOUND, "case", "")]:
        if finding is Finding.NOT_FOUND:
            reference = f"case {payout_id.hex()[-6:]} {status.attempt}"
        if finding is not Finding.REJECTED:
            code = ""
        told = TellEvidence(
            new_request_id(),
            payout_id,
            finding,
            SANDBOX,
            reference,
            0,
            code,
            "by phone",
            "boss",
        )
        answer, _ = ledger.do(told)
        assert answer in (Outcome.CREATED, Refusal.LEASE_HELD), (told, answer)


@pytest.mark.parametrize("seed", range(6))
def test_people_bring_to_an_end_what_a_dumb_rail_leaves_in_doubt(seed):
    """60 kills in all, over a rail that answers no question, knows no keys and tells nothing.

    A person who asks the bank is all that decides. Still one execution at most; FAILED means not
    executed, and all end.
    """

    async def body() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        dice = random.Random(seed)
        ledger = RealLedger(lambda: int((loop.time() - began) * 1e6))
        bank = SimulatedBank(deduplicates=False, pace=PACE)
        paid = {ledger.pay(magic.value): magic for magic in ENDING}
        asked = 0

        def lead(worker: str) -> asyncio.Task[None]:
            ledger.term += 1
            ledger.leader = worker
            dispatcher = Dispatcher(
                books=RealBooks(ledger, worker, dice, 0.1),
                rail=WireRail(
                    bank,
                    dice,
                    0.1,
                    0.4,
                    knows_tokens=False,
                    is_silent=lambda rail_key: not rail_key,
                ),
                number=SANDBOX,
                traits=lambda: DUMB,
                options=FAST,
            )
            return asyncio.create_task(dispatcher.run())

        async def people() -> None:
            nonlocal asked
            while True:
                await asyncio.sleep(1.0)
                for found in ledger.heads():
                    status = found.status
                    is_doubted = status is not None and status.has(PayoutFlag.IN_DOUBT)
                    asked += is_doubted
                    if is_doubted or found.state is PayoutState.SENT:
                        ask_for(ledger, bank, found.head.payout_id)

        support = asyncio.create_task(people())
        for n in range(KILLS + 1):
            task = lead(dice.choice(["node-1", "node-2", "node-3"]))
            await asyncio.sleep(dice.expovariate(1 / 0.3) if n < KILLS else 120.0)
            assert not support.done() or support.result()
            ledger.leader = None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(dice.choice([0.0, 0.05, 4.0]))
        support.cancel()
        await asyncio.gather(support, return_exceptions=True)

        executions = {c.rail_key: c.executions for c in bank.counts()}
        assert asked, seed
        assert max(executions.values()) == 1, (seed, executions)
        for found in ledger.heads():
            assert is_settled(found), (seed, found)
            assert found.status is not None
            assert not found.status.needs_attention, (seed, found)
            magic = paid[found.head.payout_id]
            is_failed = found.state is PayoutState.FAILED
            assert is_failed == (magic is Magic.REJECT), (seed, magic, found)
            assert executions[found.status.rail_key] == (not is_failed), (seed, magic)

    run(body())
