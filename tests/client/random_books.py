"""A random run of commands over several books, through the ledger itself; for exports."""

import math
from random import Random
from typing import Final

from ledgerd.formats import batches, commands
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Cancel as CancelPayout
from ledgerd.ledger.commands import (
    CaptureHold,
    Command,
    CreateHold,
    DispatchBegin,
    FeeRule,
    Fund,
    FundReverse,
    OpenAccount,
    RailReject,
    ReleaseHold,
    Return,
    SetFees,
    Settle,
    Transfer,
)
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.rail_keys import rail_key
from ledgerd.raft.entries import EntryKind
from tests.api.world import World, uuid7
from tests.storage.world import details

BOOKS: Final = (
    (True, "USD"),
    (True, "JPY"),
    (True, "KWD"),
    (False, "USD"),
    (False, "CLF"),
)
SANDBOX, SWIFT = 1, 12
PER_ENTRY: Final = 20
BANKS: Final = ("first_bank", "second-bank", "_", "0")


class Run:
    """Makes entries; remembers what may be named again."""

    def __init__(self, seed: int, *, accounts: int = 40) -> None:
        self._random = Random(seed)
        self._number = 0
        self.accounts = [(self._id(), *BOOKS[n % len(BOOKS)]) for n in range(accounts)]
        self.payouts: list[tuple[bytes, int]] = []
        self.holds: list[tuple[bytes, str]] = []
        self.funds: list[Fund] = []

    def opening(self) -> list[Command]:
        """Return what comes first: accounts and fees."""
        fees = tuple(
            FeeRule(rail, currency_number(code), 25, 10, 1, 9_000)
            for rail, code in sorted(
                (rail, code) for rail in (SANDBOX, SWIFT) for code in ("JPY", "USD")
            )
        )
        opened = [
            OpenAccount(account, currency_number(code), live, "", -500 * (n % 2), "t")
            for n, (account, live, code) in enumerate(self.accounts)
        ]
        return [*opened, SetFees(self._id(), fees, "random", "t")]

    def commands(self) -> list[Command]:
        """Return some commands; the ledger will refuse some of them."""
        return [self._command() for _ in range(PER_ENTRY)]

    def batch(self) -> PayoutBatch:
        """Return some payouts."""
        made = PayoutBatch()
        for _ in range(PER_ENTRY):
            account, live, code = self._random.choice(self.accounts)
            rail = SWIFT if live else SANDBOX
            self.payouts.append((self._id(), rail))
            made.add(
                payout_id=self.payouts[-1][0],
                account_id=account,
                amount_minor=self._amount(),
                currency=currency_number(code),
                rail=rail,
                principal="t",
                details=details(),
            )
        return made

    def _command(self) -> Command:
        random = self._random
        account, live, code = random.choice(self.accounts)
        currency = currency_number(code)
        kind = random.randrange(14)
        if kind < 3 or not self.payouts:
            bank = random.choice(BANKS)
            reference = f"r{self._number}"
            fund = Fund(
                self._id(), account, 3 * self._amount(), currency, bank, reference, "t"
            )
            self.funds.append(fund)
            return fund
        if kind == 3:
            fund = random.choice(self.funds)
            amount_minor = random.randint(1, fund.amount_minor)
            return FundReverse(
                self._id(),
                fund.bank,
                fund.external_ref,
                amount_minor,
                fund.currency,
                "clawed back",
                "t",
            )
        if kind == 4:
            self.holds.append((self._id(), code))
            return CreateHold(
                self.holds[-1][0], account, self._amount(), currency, 10**13, "", "t"
            )
        if kind == 5 and self.holds:
            hold, of = random.choice(self.holds)
            return CaptureHold(
                self._id(), hold, account, self._amount(), currency_number(of), "", "t"
            )
        if kind == 6 and self.holds:
            return ReleaseHold(self._id(), random.choice(self.holds)[0], "", "t")
        if kind == 7:
            return CancelPayout(self._id(), random.choice(self.payouts)[0], "", "t")
        if kind > 8:
            return self._of_the_rail(kind, *random.choice(self.payouts))
        others = [each for each, *book in self.accounts if book == [live, code]]
        to = random.choice(others)
        return Transfer(self._id(), account, to, self._amount(), currency, "", "t")

    def _of_the_rail(self, kind: int, payout: bytes, rail: int) -> Command:
        """Return what a rail worker does with a payout, whatever state that is in."""
        random = self._random
        key = rail_key(payout, rail=rail, dispatch_no=0, salt=0)
        told = self._id(), rail, key, f"e{self._number}"
        match kind:
            case 9 | 10:
                return DispatchBegin(self._id(), payout, 1, 60_000_000, "w")
            case 11 | 12:
                cost_minor = random.choice((0, 0, 7, 45))
                return Settle(*told, 20_261_121, cost_minor, "w")
            case _ if random.random() < 0.3:
                return RailReject(*told, "R03", "w")
            case _:
                return Return(*told, self._amount(), "R01", random.random() < 0.3, "w")

    def _amount(self) -> int:
        """Return an amount of any size: most are small."""
        return math.ceil(10 ** self._random.uniform(0, 6))

    def _id(self) -> bytes:
        self._number += 1
        return uuid7(self._number)


async def fill(world: World, *, seed: int, count: int) -> Run:
    """Let a node decide `count` random commands. Seeds are the caller's to print."""
    run = Run(seed)
    node = world.node
    opening = run.opening()
    await node._decide(EntryKind.COMMANDS, commands.encode(opening), len(opening), 0)
    for number in range(count // PER_ENTRY):
        if number % 2:
            payload = batches.encode(run.batch())
            await node._decide(EntryKind.PAYOUTS, payload, PER_ENTRY, 0)
        else:
            payload = commands.encode(run.commands())
            await node._decide(EntryKind.COMMANDS, payload, PER_ENTRY, 0)
    return run
