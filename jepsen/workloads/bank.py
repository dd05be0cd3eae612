"""The bank: money moves between accounts, and everybody reads everything.

Nothing is funded after the setup, so the total of each currency never changes.
"""

from random import Random

from jepsen.commands import Transfer
from jepsen.workloads.calls import Accounts, Call, Trial
from jepsen.workloads.mix import Books, Wish, weighted
from ledgerd.client import new_request_id

CRASH_SHARE = 0.05
CURRENCIES = ("USD", "USD", "USD", "USD", "USD", "EUR", "EUR")


class Bank:
    """Transfers, submits, cancels, and reads of all accounts at one index."""

    name = "bank"
    has_rail = False

    def __init__(self) -> None:
        self._books = Books()

    def setup(self) -> list[Call]:
        """Open and fund the accounts."""
        return self._books.setup(CURRENCIES)

    def next(self, rng: Random) -> Wish:
        """Return the next call."""
        books = self._books
        call = weighted(
            rng,
            (
                (45, lambda: self._transfer(rng)),
                (15, lambda: books.submit(rng)),
                (6, lambda: books.cancel(rng)),
                (20, Accounts),
                (8, Trial),
                (6, lambda: books.read(rng)),
            ),
        )
        is_crash = isinstance(call, Transfer) and rng.random() < CRASH_SHARE
        return Wish(call, is_crash=is_crash)

    def _transfer(self, rng: Random) -> Transfer:
        """Return a transfer; now and then one that must be refused."""
        source, target = rng.sample(self._books.accounts, 2)
        if source.currency != target.currency and rng.random() < 0.8:
            same = [
                each
                for each in self._books.accounts
                if each.currency == source.currency and each is not source
            ]
            target = rng.choice(same)
        too_much = rng.random() < 0.03
        return Transfer(
            request=new_request_id(),
            source=source.account,
            target=target.account,
            minor=10**12 if too_much else rng.randint(1, 5_000),
            currency=source.currency,
            reference=f"move {rng.randrange(1000)}",
        )
