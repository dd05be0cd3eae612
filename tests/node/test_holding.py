"""A leader holds entries back only while its calls are quicker for it. Decision 30."""

import asyncio
import random

from ledgerd.node.holding import FIRST_TRIALS, REST_WINDOWS, WINDOW_CALLS, Holding
from ledgerd.raft.facts import HoldingBack
from ledgerd.replica.inputs import WriteConcern
from tests.node.test_lifecycle import Whole
from tests.replica.machines import fund

CALL_S = 0.002


class Caller:
    """Makes one call after the other; `ratio` is how long they take while entries are held back."""

    def __init__(self, ratio: float, spread: float = 0.0, seed: int = 1) -> None:
        self.ratio, self.spread = ratio, spread
        self.random = random.Random(seed)
        self.slower = 1.0  # each call than the one before
        self.call_s = CALL_S
        self.now_s = 100.0
        self.switched: list[bool] = []
        self.held = 0
        self.holding = Holding(self.switched.append)

    def make(self, calls: int) -> None:
        self.held = 0
        for _ in range(calls):
            began_s = self.now_s
            takes_s = self.call_s * self.random.lognormvariate(0, self.spread)
            self.call_s *= self.slower
            if self.holding.is_on:
                self.held += 1
                takes_s *= self.ratio
            self.now_s += takes_s
            self.holding.observe(began_s, self.now_s)


FIRST = 2 * FIRST_TRIALS * WINDOW_CALLS
ROUND = (REST_WINDOWS + 2) * WINDOW_CALLS


def test_it_begins_as_the_core_does() -> None:
    """So the core need not be told."""
    caller = Caller(0.5)

    assert caller.switched == []
    assert caller.holding.is_on


def test_a_gain_is_kept_and_what_is_no_gain_is_not() -> None:
    """Beside the trials themselves, which take a sixteenth of the calls each way."""
    for ratio, is_kept in ((0.85, True), (1.0, False), (1.4, False)):
        caller = Caller(ratio)
        caller.make(FIRST)
        caller.make(4 * ROUND)
        held = caller.held / (4 * ROUND)

        assert (held > 0.9) is is_kept, (ratio, held)
        assert (held < 0.1) is not is_kept, (ratio, held)


def test_noise_hides_neither_a_gain_nor_a_loss() -> None:
    for seed in range(20):
        print(f"seed {seed}")
        gain, loss = Caller(0.8, 0.4, seed), Caller(1.2, 0.4, seed)
        for caller in (gain, loss):
            caller.make(FIRST)
            caller.make(20 * ROUND)

        assert gain.held > loss.held
        assert gain.held / (20 * ROUND) > 0.8
        assert loss.held / (20 * ROUND) < 0.2


def test_what_changes_is_found() -> None:
    """Somebody else takes the processors: a gain becomes a loss."""
    caller = Caller(0.8)
    caller.make(FIRST + 4 * ROUND)
    caller.ratio = 1.4
    caller.make(4 * ROUND)
    caller.make(4 * ROUND)

    assert caller.held / (4 * ROUND) < 0.1


def test_a_machine_that_grows_slower_is_blamed_on_neither_way() -> None:
    """Both windows of a trial stand side by side, and take turns in coming first."""
    for each_window in (1.1, 0.9):  # or quicker
        caller = Caller(1.0)
        caller.slower = each_window ** (1 / WINDOW_CALLS)
        caller.make(FIRST)

        assert 0.97 < caller.holding.ratio < 1.03


def test_a_call_that_began_before_a_switch_counts_for_neither() -> None:
    """Of 64 callers most calls of a window's begin were sent under the one before."""
    caller = Caller(1.0)
    early_s = caller.now_s
    caller.make(WINDOW_CALLS)
    assert caller.switched == [False]
    for _ in range(10 * WINDOW_CALLS):
        caller.holding.observe(early_s, caller.now_s + 1.0)

    assert caller.switched == [False]


def test_of_calls_at_a_time_one_counts() -> None:
    """Of 256 callers all are answered by one entry: that it was slow is to be told once."""
    for ratio, is_kept in ((0.8, True), (1.2, False)):
        caller = Caller(ratio, 0.4)
        held = entries = 0
        while entries < 4 * (FIRST + ROUND):
            began_s, was_held = caller.now_s, caller.holding.is_on
            caller.make(1)
            held += was_held
            entries += 1
            for _ in range(255):
                caller.now_s += 1e-6
                caller.holding.observe(began_s, caller.now_s)
        share = held / entries

        assert (share > 0.8) is is_kept, (ratio, share)
        assert (share < 0.2) is not is_kept, (ratio, share)


def test_a_pause_of_the_machine_is_no_news() -> None:
    caller = Caller(0.85)
    caller.make(FIRST - WINDOW_CALLS)
    caller.holding.observe(caller.now_s, caller.now_s + 5.0)
    caller.now_s += 5.0
    caller.make(WINDOW_CALLS)

    assert 0.8 < caller.holding.ratio < 0.92


def test_a_clock_that_stands_still_tells_nothing() -> None:
    """A coarse one shows most calls as taking no time; each of them must be answered."""
    holding = Holding(lambda _: None)
    for _ in range(FIRST):
        holding.observe(100.0, 100.0)

    assert holding.ratio == 1.0


def test_stalls_that_two_followers_would_hide_count() -> None:
    """The usual call is a tenth quicker, but one in twelve waits for the one disk there is."""
    caller = Caller(0.9)
    usual, dice = caller.random.lognormvariate, random.Random(2)

    def stalls(mu: float, sigma: float) -> float:
        is_stalled = caller.holding.is_on and dice.random() < 1 / 12
        return 10.0 if is_stalled else usual(mu, sigma)

    caller.random.lognormvariate = stalls  # type: ignore[method-assign]  # of this object
    caller.make(FIRST)
    caller.make(20 * ROUND)

    assert caller.held / (20 * ROUND) < 0.2


def test_the_core_is_told_what_the_calls_of_its_node_show() -> None:
    """Those that wait for all voters show nothing: nothing is held back from anybody for them."""

    async def run() -> None:
        whole = Whole(stamped_us=1_790_000_000_000_000)
        built = whole.replica_thread._build()
        whole.replica_thread._build = lambda: built
        whole.replica_thread.start()
        node, core = whole.node, built[0].core
        deadline = asyncio.get_running_loop().time() + 60

        async def make(calls: int, concern: WriteConcern) -> None:
            for _ in range(calls):
                await node.propose_command(fund(100).command, deadline, concern)

        try:
            await make(WINDOW_CALLS + 1, WriteConcern.ALL_VOTERS)
            assert HoldingBack(True) in core.facts
            await make(WINDOW_CALLS + 1, WriteConcern.QUORUM)
            assert HoldingBack(False) in core.facts
        finally:
            await asyncio.to_thread(whole.replica_thread.stop)

    asyncio.run(run())
