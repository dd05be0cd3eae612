"""The example of a worker outlives rail and cluster, and troubles neither while it waits."""

import asyncio
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ledgerd.api.v1 import dispatch_pb2 as pb
from ledgerd.client import NotLogged
from ledgerd.errors import Reason
from ledgerd.rails.rail import Advice, Evidence, EvidenceKind, Known, NoAnswerError
from ledgerd.rails.steps import Traits
from tests.rails.virtual import run

PATH = Path(__file__).parents[2] / "examples" / "rail_worker.py"
NIGHT_S = 3_600.0


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rail_worker", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Ends:
    """A rail and a cluster, either of which may be away; what they were asked, and when."""

    def __init__(self) -> None:
        self.is_rail_away = False
        self.is_cluster_away = False
        self.asked: list[float] = []
        self.claimed: list[float] = []
        self.told: list[str] = []
        self.tries = 0
        self.raised: list[tuple[str, int]] = []
        self.sent = 0
        self.lost = ""  # of no evidence by this reference the cluster hears
        self.claims: list[pb.Claim] = []

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # The rail

    async def advices(self, after: int, wait_s: float) -> tuple[Advice, ...]:
        self.asked.append(self._now())
        if self.is_rail_away:
            raise NoAnswerError("connection refused")
        if after == 0:
            return (Advice(1, Evidence(EvidenceKind.SETTLED, "A" * 15, "r-1")),)
        await asyncio.sleep(wait_s)
        return ()

    async def send(self, instruction: object, timeout_s: float) -> Evidence:
        self.sent += 1
        return Evidence(EvidenceKind.TAKEN, "B" * 15, "r-2")

    async def ask(self, rail_key: str, fencing_token: int, timeout_s: float) -> Known:
        return Known((), 0)

    # The cluster

    async def claim_dispatch(self, rails: object, **_: object) -> pb.ClaimDispatchReply:
        self.claimed.append(self._now())
        self._meet()
        claims, self.claims = self.claims, []
        return pb.ClaimDispatchReply(claims=claims)

    async def tell(self, message: Any, **_: object) -> pb.EvidenceReply:
        self.tries += 1
        if message.reference == self.lost:
            raise NotLogged(Reason.NO_LEADER, "nobody leads")
        self._meet()
        self.told.append(message.reference)
        return pb.EvidenceReply()

    async def raise_attention(self, payout_id: str, attempt: int, **_: object) -> None:
        self._meet()
        self.raised.append((payout_id, attempt))

    def _meet(self) -> None:
        if self.is_cluster_away:
            raise NotLogged(Reason.NO_LEADER, "nobody leads")


async def working(ends: Ends, seconds: float, change: Callable[[], None]) -> None:
    """Let the worker work for so long, then change something, and let it work a minute more."""
    task = asyncio.create_task(load().work(ends, ends))
    await asyncio.sleep(seconds)
    assert not task.done()
    change()
    await asyncio.sleep(60.0)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_nothing_is_claimed_for_a_rail_that_is_away_and_it_is_asked_rarely() -> None:
    """A night costs no log entry; then it goes on within half a minute."""

    async def body() -> None:
        ends = Ends()
        ends.is_rail_away = True
        begin = asyncio.get_running_loop().time()
        asked_at_night = 0

        def back() -> None:
            nonlocal asked_at_night
            assert ends.claimed == []
            asked_at_night = len(ends.asked)
            ends.is_rail_away = False

        await working(ends, NIGHT_S, back)

        assert asked_at_night < NIGHT_S / 15 + 10
        assert ends.told == ["r-1"]
        assert ends.claimed[0] < begin + NIGHT_S + 31

    run(body())


def test_a_cluster_that_is_away_is_asked_rarely_and_loses_no_evidence() -> None:
    """What the rail told is told again until it is in the log, once."""

    async def body() -> None:
        ends = Ends()
        ends.is_cluster_away = True
        tries = 0

        def back() -> None:
            nonlocal tries
            tries = len(ends.claimed) + ends.tries
            ends.is_cluster_away = False

        await working(ends, NIGHT_S, back)

        assert tries < 2 * (NIGHT_S / 15 + 10)
        assert ends.told == ["r-1"]

    run(body())


def test_a_claim_whose_evidence_is_lost_ends_no_work() -> None:
    """The cluster is gone between claim and evidence: a later claim asks the rail."""

    async def body() -> None:
        ends = Ends()
        claim = pb.Claim(rail_key="B" * 15, claimed_at_us=1, lease_until_us=10**7)
        claim.payout.order.payout_id = "payout_x"
        ends.claims = [claim]
        ends.lost = "r-2"
        claimed = 0

        def note() -> None:
            nonlocal claimed
            claimed = len(ends.claimed)

        await working(ends, 5.0, note)

        assert (ends.sent, ends.told) == (1, ["r-1"])
        assert len(ends.claimed) > claimed > 0

    run(body())


def test_a_payout_of_which_the_rail_can_say_nothing_is_given_back() -> None:
    """It may have been sent by another worker: it is neither sent nor claimed on and on."""

    async def body() -> None:
        ends = Ends()
        claim = pb.Claim(rail_key="B" * 15, attempt=3, ask_first=True)
        claim.payout.order.payout_id = "payout_x"
        ends.claims = [claim]
        module = load()
        module.TRAITS = Traits(deduplicates=False, answers_queries=False)
        task = asyncio.create_task(module.work(ends, ends))
        await asyncio.sleep(5.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert (ends.raised, ends.sent) == ([("payout_x", 3)], 0)

    run(body())
