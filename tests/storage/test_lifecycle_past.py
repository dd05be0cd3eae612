"""The past of payouts that went their whole way: lists, balances, sums and events of any index."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.accounts import Balances, Position
from ledgerd.ledger.commands import (
    Cancel,
    Command,
    DispatchBegin,
    RailAck,
    RailNotAccepted,
    RailReject,
    Return,
    Settle,
)
from ledgerd.ledger.payouts import PayoutState, PayoutStatus, rail_now
from ledgerd.raft.entries import Entry, Index
from ledgerd.storage.environment import Environment
from ledgerd.storage.event_pages import EventPoint
from ledgerd.storage.reader import PayoutFound, PayoutPage, StateReader, read
from ledgerd.storage.scrub import Scrub
from ledgerd.storage.state_store import LmdbStateStore
from ledgerd.storage.trial import trial_balance
from tests.storage.world import (
    FEES,
    FUND_RICH,
    OPEN_RICH,
    RICH,
    US_ACH,
    History,
    apply_to,
    open_node,
    payouts,
    uuid7,
)

SEED = 4_711
STEPS = 120
LEASE_US = 60_000_000
VALUE_DATE = 20_261_121
S = PayoutState


class Life:
    """A node whose payouts go their way, and what was read after every entry."""

    def __init__(self, environment: Environment, seed: int) -> None:
        self.environment = environment
        self._dice = random.Random(seed)
        self._store = LmdbStateStore(environment)
        self._history = History()
        self._numbers = iter(range(50_000, 1_000_000))
        self.statuses: dict[int, dict[Position, PayoutStatus | None]] = {}
        self.balances: dict[int, Balances] = {}
        self._apply(self._history.version(STATE_VERSION))
        self._apply(self._history.commands(OPEN_RICH, FUND_RICH, FEES))
        self._apply(self._history.payouts(payouts(100, 12)))

    def step(self) -> None:
        """Apply one entry of one to three commands that its payouts allow."""
        chosen = self._dice.sample(self.page(self.last).payouts, 3)
        commands = [self._next(found) for found in chosen[: self._dice.randint(1, 3)]]
        self._apply(self._history.commands(*filter(None, commands)))

    @property
    def last(self) -> int:
        """The last index."""
        return len(self._history.entries)

    def page(self, bound: int, rows_max: int = 1_000) -> PayoutPage:
        """Return the payouts as of an index."""

        def query(reader: StateReader) -> PayoutPage:
            return reader.payouts_page(
                after=None, bound=Index(bound), rows_max=rows_max
            )

        return read(self.environment, query)

    def _next(self, found: PayoutFound) -> Command:
        request = uuid7(next(self._numbers))
        rail = rail_now(found.head, found.status)
        key = found.status.rail_key if found.status is not None else ""
        evidence = (request, rail, key, f"ref-{request.hex()}")
        attempt = 1 + (found.status.attempt if found.status is not None else 0)
        begin = DispatchBegin(request, found.head.payout_id, attempt, LEASE_US, "w")
        half = found.head.amount_minor // 2
        match found.state:
            case S.DISPATCHING:
                return self._dice.choice(
                    (
                        RailAck(*evidence, "w"),
                        RailNotAccepted(*evidence, True, "w"),
                        Settle(*evidence, VALUE_DATE, 1, "w"),
                        Return(*evidence, half, "R01", False, "w"),
                    )
                )
            case S.SENT:
                return self._dice.choice(
                    (
                        Settle(*evidence, VALUE_DATE, 0, "w"),
                        RailReject(*evidence, "x", "w"),
                    )
                )
            case S.SETTLED:
                return Return(*evidence, half, "R01", False, "w")
            case S.READY if self._dice.random() < 0.1:
                return Cancel(request, found.head.payout_id, "", "w")
            case _:
                return begin

    def _apply(self, entry: Entry) -> None:
        apply_to(self._store, [entry])
        self._store.commit()
        index = self.last
        assert entry.index == index
        if index > 1:
            self.statuses[index] = {
                found.head.position: found.status for found in self.page(index).payouts
            }
            account = read(self.environment, lambda reader: reader.account(RICH))
            assert account is not None
            self.balances[index] = account.balances


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """One node after many steps."""
    with open_node(tmp_path_factory.mktemp("life") / "node") as environment:
        made = Life(environment, SEED)
        for _ in range(STEPS):
            made.step()
        yield made


def test_the_payouts_have_gone_far(life: Life) -> None:
    """Several changes each, in one entry too, parts that came back, and many ends."""
    now = life.statuses[life.last].values()
    states = {status.state for status in now if status is not None}

    assert max(status.sequence for status in now if status is not None) >= 6
    assert len(states) >= 3
    assert any(status is not None and status.returned_minor for status in now)


def test_every_index_can_be_listed(life: Life) -> None:
    """Each payout with all of its status as it was then, not its state alone. 9.3."""
    for index, expected in life.statuses.items():
        found = {
            payout.head.position: payout.status for payout in life.page(index).payouts
        }
        assert found == expected, f"index {index}, seed {SEED}"


def test_every_balance_and_every_sum_of_the_past(life: Life) -> None:
    """What the account had, and books that balance, with all the postings of the lifecycle."""
    account = read(life.environment, lambda reader: reader.account(RICH))
    assert account is not None
    for index, expected in life.balances.items():
        standing = read(
            life.environment,
            lambda reader, at=index: reader.standing_at(account, Index(at)),
        )
        sums = read(
            life.environment, lambda reader, at=index: reader.opened_by(Index(at))
        )
        read(
            life.environment,
            lambda reader, at=index, into=sums: reader.add_journal(
                into, after=(0, 0, 0), last=Index(at), sign=1, rows_max=100_000
            ),
        )
        assert standing.balances == expected, f"index {index}, seed {SEED}"
        assert all(book.is_balanced for book in trial_balance(sums))
    lines = read(
        life.environment,
        lambda reader: reader.lines(account, first=1, last=account.sequence),
    )
    assert {"settle", "fund", "submit"} <= {line.reason for line in lines}
    settled = {line.value_date for line in lines if line.reason == "settle"}
    assert settled == {0, VALUE_DATE}  # 0: a return came first, and told no day
    assert {line.value_date for line in lines if line.reason != "settle"} == {0}


def test_events_of_one_command_stand_together_from_0(life: Life) -> None:
    """A return before its settlement tells two, and a page does not part them."""
    point, told, most = EventPoint(0), [], 0
    while True:
        page = read(
            life.environment,
            lambda reader, at=point: reader.events_page(at, rows_max=1, scan_max=1),
        )
        if not page.events:
            break
        assert len({event.position[:2] for event in page.events}) == 1
        assert [event.position[2] for event in page.events] == list(
            range(len(page.events))
        )
        told += [event.seq for event in page.events]
        point = page.end
        most = max(most, len(page.events))

    assert told == list(range(1, len(told) + 1))
    assert most >= 2, f"seed {SEED}"


def test_a_fresh_life_is_another(tmp_path: Path) -> None:
    """The seed decides: two lives of one seed are equal, of two seeds are not."""
    digests = []
    for number, seed in enumerate((SEED, SEED, SEED + 1)):
        with open_node(tmp_path / str(number)) as environment:
            made = Life(environment, seed)
            for _ in range(10):
                made.step()
            digests.append(read(environment, lambda reader: reader.digest()))

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("rows_max", [1, 5, 12, 100])
def test_what_workers_may_take_is_paged_within_an_entry_and_over_entries(
    tmp_path: Path, rows_max: int
) -> None:
    """Every page begins where the one before ended; the last one says so."""
    with open_node(tmp_path / "node") as environment:
        made = Life(environment, SEED)
        made._apply(made._history.payouts(payouts(300, 3)))
        for _ in range(3):
            made.step()
        every = read(environment, lambda reader: reader.takeable((US_ACH,), 1_000))
        listed_from = every[3].head.position
        pages: list[list[Position]] = []
        after: Position | None = None
        while after is not None or not pages:
            page = read(
                environment,
                lambda reader, at=after: reader.takeable_page(
                    US_ACH, after=at, rows_max=rows_max, scan_max=7
                ),
            )
            pages.append([found.head.position for found in page.payouts])
            after = page.next_after
        late = read(
            environment,
            lambda reader: reader.takeable(
                (), 2, keep=lambda found: found.head.position > listed_from
            ),
        )
        other = read(
            environment,
            lambda reader: reader.takeable_page(US_ACH + 1, after=None, rows_max=9),
        )

    listed = [position for page in pages for position in page]
    assert listed == [found.head.position for found in every]
    assert len({index for index, _ in listed}) == 2
    assert all(len(page) <= min(rows_max, 7) for page in pages)
    assert (other.payouts, other.next_after) == ([], None)
    assert [found.head.position for found in late] == listed[4:6]  # none is hidden


def test_the_scrub_finds_nothing_wrong_with_it(life: Life) -> None:
    """T85: what rows say of each other holds for all kinds of change, or good nodes would fence."""
    found: list[object] = []
    Scrub(
        life.environment,
        bytes_per_s=1 << 40,
        rest_s=0,
        rest_per_work=0,
        on_slot=found.append,
        on_damage=found.append,
    ).pass_once()

    assert found == []
