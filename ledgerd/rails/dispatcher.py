"""The dispatcher: sends payouts to one rail, on the leader alone, and records what the rail says.

It runs as long as this node leads in one term; with the term its tasks end, wherever they are, and
what they left behind is in doubt. Whoever leads next finds it in DISPATCHING and asks the rail
(`steps`). A payout is DISPATCHING by a committed entry before its first byte leaves.

The lease is in log time. The worker reckons log time by its own monotonic clock from the moment
before it proposed the claim, and sends nothing that may not be over before the lease is.

A payout in doubt whose rail is silent is claimed again when its lease is over, then after two
leases, four, and so on, `silent_s_max` at the longest: each claim is a log entry, and a rail that
is down for a night would cost one every few seconds for each payout. Resting is safe because it
does nothing. A turn begins with a claim, however long the rest before it was: its entry gives the
lease and the fencing token under which the rail is asked and sent to, and nothing is sent under an
older one. While a payout rests its lease lapses, so another worker may take it over at any time,
and a new leader knows of no rests and asks at once. What may have been sent is kept through a rest
(`_sent_until_us`): a longer one only brings the end of the rail's guarantee time nearer.
A payout of which the rail can say nothing at all gets its mark, `attention`, and rests in the same
way: only a person, or another word of the catalogue, brings it on.
Rests end as soon as the rail is heard again after it was cut off, and with any answer for the
payout.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final, assert_never

from ledgerd.ledger.accounts import Position
from ledgerd.observability import logs
from ledgerd.rails.books import Books, Claim, Work
from ledgerd.rails.rail import (
    Evidence,
    EvidenceKind,
    Instruction,
    Known,
    NoAnswerError,
    Rail,
)
from ledgerd.rails.steps import (
    Act,
    Doubt,
    Step,
    Traits,
    after_ask,
    after_send,
    first,
)

log = logs.get(__name__)
_SECOND_US: Final = 1_000_000
_RESTS_KEPT: Final = 256
_IN_DOUBT: Final = (
    "it may have been sent, and the rail can neither say so nor recognise it"
)
_DOUBLINGS_MAX: Final = 30  # no rest is as long as that many


@dataclass(frozen=True, slots=True)
class Options:
    """Times in seconds, on the monotonic clock. send_s + margin_s is less than lease_s.

    send_s: a send that has no answer by then has none. margin_s: what clocks may differ by.
    again_s: rest before a payout is looked at again. refused_s: rest before one that the rail
    refused is sent again, so that a late yes is heard before. silent_s_max: the longest rest of
    one that the rail says nothing about. in_flight_max: payouts at a time.
    """

    lease_s: float = 30.0
    send_s: float = 5.0
    margin_s: float = 2.0
    poll_s: float = 0.1
    again_s: float = 0.5
    refused_s: float = 2.0
    silent_s_max: float = 600.0
    advices_wait_s: float = 5.0
    in_flight_max: int = 64

    def __post_init__(self) -> None:
        assert self.send_s + self.margin_s < self.lease_s, self

    def silent_s(self, turns: int) -> float:
        """Return how long after its last claim a payout is claimed again.

        turns: how many in a row, this one included, ended without a word from the rail; from 1.
        """
        assert turns > 0, turns
        doublings = min(turns - 1, _DOUBLINGS_MAX)
        return min(self.lease_s * (1 << doublings), self.silent_s_max)


class Dispatcher:
    """The worker of one rail on one node. Belongs to the loop."""

    def __init__(
        self,
        *,
        books: Books,
        rail: Rail,
        number: int,
        traits: Callable[[], Traits],
        options: Options | None = None,
        on_end: Callable[[str], None] = lambda result: None,
        name_of: Callable[[bytes], str] = bytes.hex,
    ) -> None:
        """Do nothing yet. number: of the rail. traits: what the catalogue says of it now.

        on_end: is told how each turn of a payout ended, as `ledgerd_dispatch_turns_total` has it.
        name_of: the id of a payout as people know it, for log lines.
        """
        self._on_end = on_end
        self._name_of = name_of
        self._books = books
        self._rail = rail
        self._number = number
        self._traits = traits
        self._options = options or Options()
        self._not_before: dict[bytes, float] = {}
        self._looked_up_to: Position | None = None  # by the last look for work
        self._rests_max = (
            _RESTS_KEPT  # so many are looked through for those that are over
        )
        # Turns in a row in which the rail said nothing, of payouts in doubt.
        self._silent_turns: dict[bytes, int] = {}
        self._is_cut_off = False  # the rail gave no answer when it was listened to last
        # Of payouts in hand: log time after which no send can have begun.
        self._sent_until_us: dict[bytes, int] = {}
        # Turns in a row that ended with nothing left but to call a person.
        self._doubtful_turns: dict[bytes, int] = {}

    async def run(self) -> None:
        """Work whenever this node leads. Endless."""
        while True:
            term = self._books.term()
            if term is None:
                await asyncio.sleep(self._options.poll_s)
                continue
            log.info("dispatching_began", rail=self._number, term=term)
            await self._reign(term)
            log.info("dispatching_ended", rail=self._number, term=term)

    async def _reign(self, term: int) -> None:
        """Work until this node no longer leads in `term`."""
        self._not_before.clear()
        self._looked_up_to = None
        self._silent_turns.clear()
        self._is_cut_off = False
        self._sent_until_us.clear()
        self._doubtful_turns.clear()
        pump = asyncio.create_task(self._pump(term))
        busy: dict[bytes, asyncio.Task[None]] = {}
        try:
            while self._books.term() == term:
                if pump.done():
                    pump.result()  # raises what ended it
                for payout_id in [i for i, task in busy.items() if task.done()]:
                    busy.pop(payout_id).result()
                room = self._options.in_flight_max - len(busy)
                for work in await self._due(busy, room):
                    busy[work.payout_id] = asyncio.create_task(self._handle(work, term))
                await asyncio.sleep(self._options.poll_s)
        finally:
            tasks = [pump, *busy.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _due(self, busy: Iterable[bytes], room: int) -> list[Work]:
        """Return payouts that nobody holds, and that did not just have their turn.

        A page of the oldest is looked at, or the page behind the last one if nothing of that was
        due: so what rests, or waits for a person, hides nothing for long.
        """
        if room <= 0:
            return []
        now = _now()
        self._forget_rests(now)
        taken = set(busy)
        page = await self._books.work(
            self._number, 4 * self._options.in_flight_max, self._looked_up_to
        )
        due = [
            work
            for work in page.payouts
            if work.payout_id not in taken
            and self._not_before.get(work.payout_id, 0.0) <= now
            and self._may_claim(work)
        ]
        # With more to do than there is room for, the oldest come first again.
        self._looked_up_to = None if len(due) >= room else page.next_after
        return due[:room]

    def _may_claim(self, work: Work) -> bool:
        """Return whether a claim would probably be accepted; a wrong guess costs a refusal."""
        if work.is_ready:
            return not self._traits().is_suspended
        is_own = work.worker == self._books.worker
        return is_own or work.lease_until_us <= self._books.now_us()

    async def _handle(self, work: Work, term: int) -> None:
        """Give one payout its turn: claim it, then whatever the steps say."""
        options = self._options
        self._not_before[work.payout_id] = _now() + options.again_s
        before = _now()
        lease_us = int(options.lease_s * _SECOND_US)
        if work.is_ready:
            claim = await self._books.begin(work, lease_us)
        else:
            claim = await self._books.claim(work, lease_us)
        if claim is None:
            self._rest(work, options.refused_s)
            self._on_end("unclaimed")
            return
        turn = _Turn(self, work, claim, before=before, term=term)
        self._on_end(await turn.take())

    async def _pump(self, term: int) -> None:
        """Record what the rail tells by itself, in its order for each payout."""
        after = 0
        while self._books.term() == term:
            # After silence it is not waited for an advice: any answer says that it is back.
            wait_s = 0.0 if self._is_cut_off else self._options.advices_wait_s
            try:
                advices = await self._rail.advices(after, wait_s)
            except NoAnswerError:
                self._is_cut_off = True
                await asyncio.sleep(self._options.again_s)
                continue
            self._hear()
            by_key = sorted(advices, key=lambda a: (a.evidence.rail_key, a.number))
            whole = await asyncio.gather(
                *(
                    self._record_all([advice.evidence for advice in group])
                    for _, group in groupby(by_key, lambda a: a.evidence.rail_key)
                )
            )
            if all(whole):
                after = max((advice.number for advice in advices), default=after)
            else:
                await asyncio.sleep(self._options.again_s)

    async def _record_all(self, evidence: Iterable[Evidence]) -> bool:
        for item in evidence:
            if not await self._books.record(self._number, item):
                return False
        return True

    def _forget_rests(self, now: float) -> None:
        """Forget rests that are over: what is kept follows what rests, not what was ever sent."""
        if len(self._not_before) < self._rests_max:
            return
        self._not_before = {
            payout_id: until
            for payout_id, until in self._not_before.items()
            if until > now
        }
        self._rests_max = 2 * len(self._not_before) + _RESTS_KEPT

    def _hear(self) -> None:
        """Let every payout that rests for silence have its turn, if the rail is back."""
        if not self._is_cut_off:
            return
        self._is_cut_off = False
        log.info(
            "rail_is_back", rail=self._number, payouts_waiting=len(self._silent_turns)
        )
        for payout_id in self._silent_turns:
            self._not_before.pop(payout_id, None)
        self._silent_turns.clear()

    def _rest_for_silence(self, work: Work, since: float) -> None:
        """Claim the payout again later than the last time. since: when its claim was made."""
        turns = self._silent_turns.get(work.payout_id, 0) + 1
        self._silent_turns[work.payout_id] = turns
        until = since + self._options.silent_s(turns)
        again = _now() + self._options.again_s
        self._not_before[work.payout_id] = max(until, again)

    def _rest(self, work: Work, rest_s: float) -> None:
        self._not_before[work.payout_id] = _now() + rest_s


class _Turn:
    """One claim of one payout, from the committed entry to the last step under it."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        work: Work,
        claim: Claim,
        *,
        before: float,
        term: int,
    ) -> None:
        self._dispatcher = dispatcher
        self._options = dispatcher._options
        self._rail = dispatcher._rail
        self._work = work
        self._claim = claim
        self._term = term
        # The entry's time lies between `before` and now: reckoned from before, log time is
        # never behind, so a lease is never taken for longer than it is.
        self._before = before
        slack_us = int((_now() - before) * _SECOND_US)
        is_own = work.worker == dispatcher._books.worker
        last_us = claim.ts_us if is_own else min(work.lease_until_us, claim.ts_us)
        known_us = dispatcher._sent_until_us.get(work.payout_id) if is_own else None
        self._sent_until_us = (last_us if known_us is None else known_us) + slack_us
        dispatcher._sent_until_us[work.payout_id] = self._sent_until_us
        self._is_fresh = work.is_ready
        self._is_silent = False  # the rail, when it was asked or sent to last

    async def take(self) -> str:
        """Do what the steps say until the payout has its evidence or its turn is over.

        Returns how it ended: what the rail said last, or why it said nothing.
        """
        traits = self._dispatcher._traits()
        step = first(self._doubt(), traits)
        while True:
            traits = self._dispatcher._traits()
            match step.act:
                case Act.SEND:
                    if self._dispatcher._books.term() != self._term:
                        return "again"  # whoever leads now asks before he sends
                    step = after_send(await self._send(), traits)
                case Act.ASK:
                    doubt = self._doubt()  # as of before the question
                    step = after_ask(await self._ask(), doubt, traits)
                case Act.WAIT:
                    if not await self._wait(step, traits):
                        return "again"
                    step = Step(Act.ASK)
                case Act.RECORD:
                    await self._record(step.evidence)
                    return step.evidence[-1].kind.value
                case Act.CLAIM_AGAIN:
                    if self._is_silent:
                        self._dispatcher._rest_for_silence(self._work, self._before)
                    return "silent" if self._is_silent else "again"
                case Act.CALL_A_PERSON:
                    await self._call_a_person()
                    return "attention"
                case _:
                    assert_never(step.act)

    async def _send(self) -> Evidence | None:
        """Send it once; None where there was no answer."""
        dispatcher, work = self._dispatcher, self._work
        self._is_fresh = False
        until_us = self._now_us() + int(self._options.send_s * _SECOND_US)
        self._sent_until_us = max(self._sent_until_us, until_us)
        dispatcher._sent_until_us[work.payout_id] = self._sent_until_us
        instruction = Instruction(
            self._claim.rail_key,
            work.amount_minor,
            work.currency,
            work.account_number,
            work.reference,
            self._claim.fencing_token,
        )
        try:
            answer = await self._rail.send(instruction, self._options.send_s)
        except NoAnswerError as error:
            self._is_silent = True
            log.warning(
                "send_unanswered", rail_key=instruction.rail_key, why=str(error)
            )
            return None
        self._heard()
        return answer

    async def _ask(self) -> Known | None:
        try:
            known = await self._rail.ask(
                self._claim.rail_key, self._claim.fencing_token, self._options.send_s
            )
        except NoAnswerError as error:
            self._is_silent = True
            log.warning("ask_unanswered", rail_key=self._claim.rail_key, why=str(error))
            return None
        self._heard()
        return known

    def _heard(self) -> None:
        self._is_silent = False
        self._dispatcher._silent_turns.pop(self._work.payout_id, None)

    async def _wait(self, step: Step, traits: Traits) -> bool:
        """Wait as the step says; return whether the rail is to be asked again then."""
        wait_s = max(0.0, (step.until_us - self._now_us()) / _SECOND_US)
        is_over = step.until_us + self._send_us() >= self._claim.lease_until_us
        if is_over or traits.is_suspended or not traits.answers_queries:
            self._dispatcher._rest(self._work, min(wait_s, self._options.lease_s))
            return False
        await asyncio.sleep(wait_s)
        return True

    async def _record(self, evidence: tuple[Evidence, ...]) -> None:
        dispatcher, work = self._dispatcher, self._work
        if evidence[0].kind is EvidenceKind.REFUSED:
            dispatcher._rest(work, self._options.refused_s)
        if await dispatcher._record_all(evidence):
            dispatcher._sent_until_us.pop(work.payout_id, None)
            dispatcher._doubtful_turns.pop(work.payout_id, None)

    async def _call_a_person(self) -> None:
        """Say that nobody but a person can decide, and look again later and later.

        What the catalogue says of the rail may have changed by then, or what the rail knows.
        """
        dispatcher, work = self._dispatcher, self._work
        turns = dispatcher._doubtful_turns.get(work.payout_id, 0) + 1
        dispatcher._doubtful_turns[work.payout_id] = turns
        dispatcher._rest(work, self._options.silent_s(turns))
        if turns == 1:
            log.error(
                "payout_needs_a_person",
                payout_id=dispatcher._name_of(work.payout_id),
                rail_key=self._claim.rail_key,
                why=_IN_DOUBT,
            )
        await dispatcher._books.raise_attention(
            work.payout_id, self._claim.attempt, _IN_DOUBT
        )

    def _doubt(self) -> Doubt:
        return Doubt(
            is_fresh=self._is_fresh,
            sent_until_us=self._sent_until_us,
            lease_until_us=self._claim.lease_until_us,
            now_us=self._now_us(),
            send_us=self._send_us(),
        )

    def _now_us(self) -> int:
        return self._claim.ts_us + int((_now() - self._before) * _SECOND_US)

    def _send_us(self) -> int:
        return int((self._options.send_s + self._options.margin_s) * _SECOND_US)


def _now() -> float:
    return asyncio.get_running_loop().time()
