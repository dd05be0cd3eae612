"""What every workload is made of: accounts, funds, and a weighted choice of calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from jepsen.commands import Cancel, Fund, OpenAccount, Submit
from jepsen.workloads.calls import Accounts, Balance, Batch, Call, Get, Trial
from jepsen.workloads.pool import Recent
from ledgerd.client import new_account_id, new_payout_id, new_request_id

RECENT = 400
BANK = "bank-1"
FUNDS_MINOR = 2_000_000
SANDBOX_CURRENCIES = ("USD", "USD", "USD", "USD", "EUR", "JPY")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client shall do next.

    is_crash: the client dies between send and answer, and another one retries the call
    at another node.
    """

    call: Call
    is_crash: bool = False


class Workload(Protocol):
    """A source of calls. One for all clients of a run; owned by one event loop."""

    @property
    def name(self) -> str:
        """The name on the command line."""
        ...

    @property
    def has_rail(self) -> bool:
        """Whether the nodes carry its payouts to a simulated rail."""
        ...

    def setup(self) -> list[Call]:
        """Return the calls, all of which must succeed, that come before any other."""
        ...

    def next(self, rng: Random) -> Wish:
        """Return what a client shall do next. Ids are made here, before any call."""
        ...


class Books:
    """The accounts of a run and the recent payouts on them."""

    def __init__(self) -> None:
        self.accounts: list[OpenAccount] = []
        self.submits: Recent[Submit] = Recent(RECENT)

    def setup(self, currencies: Sequence[str] = SANDBOX_CURRENCIES) -> list[Call]:
        """Return the opening and funding of sandbox accounts, and of one live one."""
        calls: list[Call] = []
        for place, currency in enumerate(currencies):
            calls += self._open(currency, f"owner-{place}", livemode=False)
        calls += self._open("USD", "owner-live", livemode=True)
        return calls

    def _open(self, currency: str, owner_ref: str, *, livemode: bool) -> list[Call]:
        account = OpenAccount(new_account_id(), currency, livemode, owner_ref, 0)
        self.accounts.append(account)
        request = new_request_id()
        ref = f"deposit {owner_ref}"
        fund = Fund(request, account.account, FUNDS_MINOR, currency, BANK, ref)
        return [account, fund]

    def sandbox(self, rng: Random) -> OpenAccount:
        """Return a sandbox account."""
        return rng.choice([each for each in self.accounts if not each.livemode])

    def submit(self, rng: Random) -> Submit:
        """Return a new payout that will mostly be accepted, and remember it."""
        account = self.sandbox(rng)
        submit = Submit(
            payout=new_payout_id(),
            account=account.account,
            minor=rng.randint(1, 900),
            currency=account.currency,
            rail="sandbox",
            destination=str(rng.randrange(10**6, 10**7)),
            reference=f"invoice {rng.randrange(1000)}",
        )
        self.submits.add(submit)
        return submit

    def refusable(self, rng: Random) -> Submit:
        """Return a new payout that the ledger should refuse, for one of its reasons."""
        submit = self.submit(rng)
        live = next(each for each in self.accounts if each.livemode)
        choices: list[Callable[[], Submit]] = [
            lambda: replace(submit, account=new_account_id()),
            lambda: replace(submit, minor=FUNDS_MINOR * 50),
            lambda: replace(submit, rail="us_ach"),
            lambda: replace(submit, account=live.account, currency="USD"),
            lambda: replace(submit, currency="GBP"),
            lambda: replace(
                submit, account=live.account, currency="USD", rail="eu_sct"
            ),
        ]
        refused = rng.choice(choices)()
        self.submits.add(refused)
        return refused

    def changed(self, rng: Random) -> Submit | None:
        """Return a recent payout under its id with one or two other fields."""
        submit = self.submits.pick(rng)
        if submit is None:
            return None
        choices = (
            replace(submit, minor=submit.minor + 1),
            replace(submit, reference=submit.reference + "!"),
            replace(submit, destination="7654321", minor=submit.minor + 2),
            replace(submit, account=self.sandbox(rng).account),
        )
        return rng.choice(choices)

    def cancel(self, rng: Random) -> Cancel | None:
        """Return the cancel of a recent payout."""
        submit = self.submits.pick(rng)
        if submit is None:
            return None
        return Cancel(new_request_id(), submit.payout, "changed my mind")

    def batch(self, rng: Random) -> Batch:
        """Return a batch of new payouts; some hold one twice, or a refusable one."""
        submits = [self.submit(rng) for _ in range(rng.randint(2, 12))]
        if rng.random() < 0.2:
            submits.append(rng.choice(submits))
        if rng.random() < 0.2:
            submits.append(self.refusable(rng))
        return Batch(tuple(submits))

    def read(self, rng: Random) -> Call:
        """Return a read of something recent, or of everything."""
        submit = self.submits.pick(rng)
        choice = rng.random()
        if choice < 0.6 and submit is not None:
            return Get(submit.payout)
        if choice < 0.9:
            return Balance(rng.choice(self.accounts).account)
        return Accounts() if choice < 0.96 else Trial()


def weighted(
    rng: Random, choices: Sequence[tuple[float, Callable[[], Call | None]]]
) -> Call:
    """Return the call of one choice, by weight; the first if the choice has nothing."""
    weights = [weight for weight, _ in choices]
    make = rng.choices([make for _, make in choices], weights)[0]
    call = make()
    if call is None:
        call = choices[0][1]()
    assert call is not None, "the first choice must always have something"
    return call
