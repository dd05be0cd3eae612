"""What clients ask for: every command of the ledger, ids used again, and reads (faults.md 5.4)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.catalogue import SANDBOX
from ledgerd.ledger.commands import (
    Asked,
    Cancel,
    FeeRule,
    Fund,
    OpenAccount,
    SetFees,
    Submit,
    Transfer,
)
from ledgerd.ledger.money import currency_number
from ledgerd.replica.inputs import CommandProposed, PayoutsProposed, Waiter
from ledgerd.simulation.bookwork import BookworkAuthor
from ledgerd.simulation.clock import EPOCH_US
from ledgerd.simulation.dice import chance, dice
from ledgerd.simulation.lifecycle import LifecycleAuthor
from ledgerd.simulation.swarm import Load

USD: Final = currency_number("USD")
EUR: Final = currency_number("EUR")
_START_MS: Final = EPOCH_US // 1000


@dataclass(frozen=True, slots=True)
class Submits:
    """A batch of payouts in one call."""

    rows: tuple[Submit, ...]


@dataclass(frozen=True, slots=True)
class ReadAccount:
    """A linearizable read of one account."""

    account_id: bytes


Work: TypeAlias = Submits | Asked | ReadAccount


def rows_of(work: Work) -> int:
    """Return how many rows of a log entry the work is; 0 for a read."""
    match work:
        case Submits():
            return len(work.rows)
        case ReadAccount():
            return 0
        case _:
            return 1


def proposal(
    work: Submits | Asked, waiter: Waiter, tag: str
) -> PayoutsProposed | CommandProposed:
    """Return the input that proposes the work under the name of this attempt."""
    if not isinstance(work, Submits):
        return CommandProposed(waiter, replace(work, principal=tag))
    batch = PayoutBatch()
    for row in work.rows:
        batch.add(
            payout_id=row.payout_id,
            account_id=row.account_id,
            amount_minor=row.amount_minor,
            currency=row.currency,
            rail=row.rail,
            principal=tag,
            details=row.details,
            release_at_us=row.release_at_us,
        )
    return PayoutsProposed(waiter, batch)


def uuid7(generator: random.Random, ms: int) -> bytes:
    """Return a UUIDv7 of this time."""
    low = generator.randbytes(10)
    return (
        ms.to_bytes(6, "big")
        + bytes((0x70 | low[0] & 0x0F, low[1], 0x80 | low[2] & 0x3F))
        + low[3:]
    )


def account_ids(seed: int, count: int) -> list[bytes]:
    """Return the ids of the accounts that all clients of a run share."""
    generator = dice(seed, "accounts")
    return [uuid7(generator, _START_MS) for _ in range(count)]


class Author:
    """Makes up one client's work, and remembers what it may use again."""

    def __init__(self, seed: int, client: int, load: Load) -> None:
        self._dice = dice(seed, "workload", client)
        self._load = load
        self._client = client
        self._accounts = account_ids(seed, load.accounts)
        # A cut may leave nobody but those who only read.
        self._to_open = self._accounts[client :: max(1, load.clients)]
        self._done: list[Submits | Asked] = []
        self._payouts: list[bytes] = []
        self._begun = 0
        self._life = LifecycleAuthor(seed, client, self._life_id)
        self._office = BookworkAuthor(seed, client, self._office_id)

    def next(self, now_us: int) -> Work:
        """Return what to do next."""
        generator, load = self._dice, self._load
        self._begun += 1
        if self._begun <= 2 * len(self._to_open):
            return self._opening(now_us)
        if chance(generator, load.reads):
            return self.read()
        if self._done and chance(generator, load.retry_same):
            return self._again()
        make = self._rare if chance(generator, load.rare) else self._submits
        work = make(now_us)
        if load.lifecycle:
            work = self._with_life(work, now_us)
        if load.bookwork and chance(self._office.dice, load.bookwork):
            work = self._office.next(now_us, self._accounts)
        self._done.append(work)
        return work

    def _with_life(self, work: Submits | Asked, now_us: int) -> Submits | Asked:
        """Return the work, or in its place what belongs to the lifecycle of payouts."""
        generator = self._life.dice
        if not chance(generator, self._load.lifecycle):
            return work
        if isinstance(work, Submits):
            if chance(generator, 0.2):
                return Submits(self._life.scheduled(work.rows, now_us))
            if chance(generator, 0.5):
                return work
        return self._life.next(now_us, self._payouts, self._accounts)

    def _life_id(self, ms: int) -> bytes:
        return uuid7(self._life.dice, ms)

    def _office_id(self, ms: int) -> bytes:
        return uuid7(self._office.dice, ms)

    def read(self) -> ReadAccount:
        """Return a read of any account."""
        return ReadAccount(self._dice.choice(self._accounts))

    def _opening(self, now_us: int) -> Asked:
        """Open this client's share of the accounts and put money on each."""
        account_id = self._to_open[(self._begun - 1) // 2]
        if self._begun % 2:
            return self._open(account_id)
        return self._fund(now_us, account_id)

    def _again(self) -> Submits | Asked:
        """Return work of before: as it was, or with the same id and another body."""
        work = self._dice.choice(self._done)
        if not chance(self._dice, self._load.other_body):
            return work
        match work:
            case Submits():
                first = replace(
                    work.rows[0], amount_minor=work.rows[0].amount_minor + 1
                )
                return Submits((first, *work.rows[1:]))
            case Fund() | Transfer():
                return replace(work, amount_minor=work.amount_minor + 1)
            case Cancel():
                return replace(work, reason=work.reason + "!")
            case _:
                return work

    def _submits(self, now_us: int) -> Submits:
        generator = self._dice
        count = generator.randint(1, self._load.batch_max)
        rows = [self._submit(now_us) for _ in range(count)]
        if count > 1 and chance(generator, 0.1):
            rows[-1] = rows[0]  # an id twice within one batch
        return Submits(tuple(rows))

    def _submit(self, now_us: int) -> Submit:
        generator = self._dice
        payout_id = uuid7(generator, now_us // 1000)
        self._payouts.append(payout_id)
        # Hot accounts: the first is drawn far more often than the last.
        count = len(self._accounts)
        account_id = self._accounts[
            min(generator.randrange(count), generator.randrange(count))
        ]
        return Submit(
            payout_id,
            account_id,
            generator.choice((1, 100, 2_500, 60_000)),
            EUR if chance(generator, 0.03) else USD,
            99 if chance(generator, 0.03) else SANDBOX,
            "",
            b"",
        )

    def _rare(self, now_us: int) -> Asked:
        generator = self._dice
        request_id = uuid7(generator, now_us // 1000)
        account_id = generator.choice(self._accounts)
        match generator.randrange(10):
            case 0:
                return self._open(account_id)
            case 1 | 2 | 3:
                return self._fund(now_us, account_id)
            case 4 | 5:
                other = generator.choice(self._accounts)
                amount = generator.choice((1, 500, 90_000))
                return Transfer(request_id, account_id, other, amount, USD, "", "")
            case 6:
                return self._fees(request_id)
            case _:
                if not self._payouts:
                    return self._open(account_id)
                payout_id = generator.choice(self._payouts)
                return Cancel(request_id, payout_id, "changed my mind", "")

    def _open(self, account_id: bytes) -> OpenAccount:
        return OpenAccount(account_id, USD, False, "owner", 0, "")

    def _fund(self, now_us: int, account_id: bytes) -> Fund:
        generator = self._dice
        reference = f"ref-{self._client}-{self._begun}"
        if chance(generator, 0.05):
            reference = "ref-0-2"  # somebody else's evidence (I9)
        request_id = uuid7(generator, now_us // 1000)
        return Fund(request_id, account_id, 100_000, USD, "main", reference, "")

    def _fees(self, request_id: bytes) -> SetFees:
        fixed = self._dice.randrange(50)
        rules: Sequence[FeeRule] = (FeeRule(SANDBOX, USD, fixed, 25, 0, 10_000),)
        return SetFees(request_id, tuple(rules), "drawn", "")
