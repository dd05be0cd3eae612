"""The second ledger: what the log should have answered, in plain dicts and integers.

Written from the ledger's rules and from nothing of the daemon, one command at a time,
in log order. The checkers feed it commands by position and compare every answer, refusal
codes included, and every read at its index.

It knows opening, funding, transfers, submits and cancels, the idempotency contract, and
the sums of the trial balance. It leaves fees to the day a workload sets them: without a
schedule every fee is 0.
"""

from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

AMOUNT_MAX = 2**63 - 1

Key: TypeAlias = tuple[int, int]  # (index, ordinal)

# Each rail's one currency; None takes any. `sandbox` is for sandbox accounts only.
RAIL_CURRENCY: dict[str, str | None] = {
    "sandbox": None,
    "us_ach": "USD",
    "us_ach_same_day": "USD",
    "us_fedwire": "USD",
    "us_rtp": "USD",
    "us_fednow": "USD",
    "eu_sct": "EUR",
    "eu_sct_inst": "EUR",
    "uk_fps": "GBP",
    "uk_bacs": "GBP",
    "uk_chaps": "GBP",
    "swift": None,
}

CREATED = "CREATED"
REPLAYED = "REPLAYED"
CONFLICT = "CONFLICT"
REFUSED = "REFUSED"

# Refusals in these rows leave the id unspent.
UNSPENT = frozenset(
    {"KEY_TOO_OLD", "INVALID_COMMAND", "CHAIN_OPEN", "CHAIN_MEMBER_FAILED"}
)


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Open an account. The id is the key of the call."""

    account: str
    currency: str
    livemode: bool
    owner_ref: str
    min_balance: int


@dataclass(frozen=True, slots=True)
class Fund:
    """Money arrived at `bank` for an account."""

    request: str
    account: str
    minor: int
    currency: str
    bank: str
    external_ref: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Available money moves between two accounts of one book."""

    request: str
    source: str
    target: str
    minor: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class Submit:
    """Reserve money for a payout. The id is the key of the call."""

    payout: str
    account: str
    minor: int
    currency: str
    rail: str
    destination: str
    reference: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Free the reserved money of a payout that was not dispatched."""

    request: str
    payout: str
    reason: str


Command: TypeAlias = OpenAccount | Fund | Transfer | Submit | Cancel

# Names of the client's fields as the public messages call them, in their order.
_SUBMIT_FIELDS = (
    ("account", "account_id"),
    ("minor", "amount.units"),
    ("currency", "amount.currency"),
    ("rail", "rail"),
    ("destination", "destination.account_number"),
    ("reference", "reference"),
)


def key_of(command: Command) -> str:
    """Return the idempotency key of a command."""
    match command:
        case OpenAccount():
            return command.account
        case Submit():
            return command.payout
        case Fund() | Transfer() | Cancel():
            return command.request


@dataclass(frozen=True, slots=True)
class Answer:
    """What the log should say about one command.

    original: position of the first answer, on a retry. state: of the payout afterwards.
    same_request: whether a retry said the same as the first call.
    differing: names of the fields that differ, where they can be known.
    """

    outcome: str
    refusal: str | None = None
    original: Key | None = None
    state: str = ""
    fee_minor: int = 0
    spent: bool = False
    same_request: bool = True
    differing: tuple[str, ...] = ()


@dataclass(slots=True)
class Account:
    """A customer's account: minor units, never below their bound."""

    account: str
    currency: str
    livemode: bool
    owner_ref: str
    min_balance: int
    available: int = 0
    reserved: int = 0

    @property
    def book(self) -> tuple[bool, str]:
        """The book the account belongs to."""
        return (self.livemode, self.currency)


@dataclass(slots=True)
class Payout:
    """An accepted payout and where it stands."""

    body: Submit
    at: Key
    state: str = "READY"
    fee_minor: int = 0


@dataclass(frozen=True, slots=True)
class First:
    """The first answer given under a key."""

    command: Command
    at: Key
    refusal: str | None


@dataclass(slots=True)
class Model:
    """The state after every command applied so far."""

    accounts: dict[str, Account] = field(default_factory=dict)
    payouts: dict[str, Payout] = field(default_factory=dict)
    firsts: dict[str, First] = field(default_factory=dict)
    external_refs: set[tuple[str, str]] = field(default_factory=set)
    cash: dict[tuple[tuple[bool, str], str], int] = field(default_factory=dict)

    def apply(self, at: Key, command: Command) -> Answer:
        """Decide one command at its position; positions must come in rising order."""
        key = key_of(command)
        first = self.firsts.get(key)
        if first is not None:
            return self._retry(first, command)
        refusal = self.refusal_of(command)
        if refusal is None:
            self._take_effect(at, command)
            self.firsts[key] = First(command, at, None)
            state, fee = self._payout_of(command)
            return Answer(CREATED, state=state, fee_minor=fee)
        if refusal in UNSPENT:
            return Answer(REFUSED, refusal)
        self.firsts[key] = First(command, at, refusal)
        return Answer(REFUSED, refusal, spent=True)

    def _retry(self, first: First, command: Command) -> Answer:
        """Answer a key that was used before; this precedes every other rule."""
        same = first.command == command
        if first.refusal is not None:
            return Answer(
                REFUSED,
                first.refusal,
                original=first.at,
                spent=True,
                same_request=same,
            )
        state, fee = self._payout_of(first.command)
        if same:
            return Answer(REPLAYED, original=first.at, state=state, fee_minor=fee)
        return Answer(
            CONFLICT,
            original=first.at,
            same_request=False,
            differing=_differing(first.command, command),
        )

    def _payout_of(self, command: Command) -> tuple[str, int]:
        """Return state and fee of the payout a command is about, as they are now."""
        if isinstance(command, Submit | Cancel) and command.payout in self.payouts:
            payout = self.payouts[command.payout]
            return payout.state, payout.fee_minor
        return "", 0

    def refusal_of(self, command: Command) -> str | None:
        """Return why a command under a new key would be refused now, None if accepted.

        Only the first code that applies is given; the order of the checks is the order
        of precedence. Changes nothing.
        """
        match command:
            case OpenAccount():
                return None
            case Fund():
                return self._refuse_fund(command)
            case Transfer():
                return self._refuse_transfer(command)
            case Submit():
                return self._refuse_submit(command)
            case Cancel():
                known = command.payout in self.payouts
                return None if known else "PAYOUT_NOT_FOUND"
            case _:
                assert_never(command)

    def _refuse_fund(self, command: Fund) -> str | None:
        account = self.accounts.get(command.account)
        if account is None:
            return "ACCOUNT_NOT_FOUND"
        if account.currency != command.currency:
            return "CURRENCY_MISMATCH"
        if (command.bank, command.external_ref) in self.external_refs:
            return "EXTERNAL_REF_USED"
        cash = self.cash.get((account.book, command.bank), 0)
        if max(account.available, cash) + command.minor > AMOUNT_MAX:
            return "OVERFLOW"
        return None

    def _refuse_transfer(self, command: Transfer) -> str | None:
        source = self.accounts.get(command.source)
        target = self.accounts.get(command.target)
        if source is None or target is None:
            return "ACCOUNT_NOT_FOUND"
        if source.livemode != target.livemode:
            return "LIVEMODE_MISMATCH"
        if {source.currency, target.currency} != {command.currency}:
            return "CURRENCY_MISMATCH"
        if source.available - command.minor < source.min_balance:
            return "INSUFFICIENT_FUNDS"
        if target.available + command.minor > AMOUNT_MAX:
            return "OVERFLOW"
        return None

    def _refuse_submit(self, command: Submit) -> str | None:
        account = self.accounts.get(command.account)
        if account is None:
            return "ACCOUNT_NOT_FOUND"
        if command.rail not in RAIL_CURRENCY:
            return "RAIL_NOT_FOUND"
        if account.livemode == (command.rail == "sandbox"):
            return "LIVEMODE_MISMATCH"
        if account.currency != command.currency:
            return "CURRENCY_MISMATCH"
        if RAIL_CURRENCY[command.rail] not in (None, command.currency):
            return "RAIL_CURRENCY"
        if account.available - command.minor < account.min_balance:
            return "INSUFFICIENT_FUNDS"
        if account.reserved + command.minor > AMOUNT_MAX:
            return "OVERFLOW"
        return None

    def _take_effect(self, at: Key, command: Command) -> None:
        """Apply a command that is not refused."""
        match command:
            case OpenAccount():
                self.accounts[command.account] = Account(
                    command.account,
                    command.currency,
                    command.livemode,
                    command.owner_ref,
                    command.min_balance,
                )
            case Fund():
                account = self.accounts[command.account]
                book_bank = (account.book, command.bank)
                self.external_refs.add((command.bank, command.external_ref))
                self.cash[book_bank] = self.cash.get(book_bank, 0) + command.minor
                account.available += command.minor
            case Transfer():
                self.accounts[command.source].available -= command.minor
                self.accounts[command.target].available += command.minor
            case Submit():
                account = self.accounts[command.account]
                account.available -= command.minor
                account.reserved += command.minor
                self.payouts[command.payout] = Payout(command, at)
            case Cancel():
                payout = self.payouts[command.payout]
                if payout.state == "CANCELLED":
                    return  # the same fact again: nothing is posted
                account = self.accounts[payout.body.account]
                money = payout.body.minor + payout.fee_minor
                account.reserved -= money
                account.available += money
                payout.state = "CANCELLED"
            case _:
                assert_never(command)

    def trial_balance(self) -> dict[tuple[bool, str], dict[str, tuple[int, int]]]:
        """Return (debit, credit) by ledger account by book, without zero lines."""
        sums: dict[tuple[bool, str], dict[str, int]] = {}
        for account in self.accounts.values():
            book = sums.setdefault(account.book, {})
            for name, credit in (
                ("cust/*/available", account.available),
                ("cust/*/reserved", account.reserved),
            ):
                book[name] = book.get(name, 0) + credit
        for (book_key, bank), cash in self.cash.items():
            sums.setdefault(book_key, {})[f"bank/{bank}/cash"] = -cash
        return {
            book_key: {
                name: (max(-credit, 0), max(credit, 0))
                for name, credit in lines.items()
                if credit != 0
            }
            for book_key, lines in sums.items()
        }


def _differing(first: Command, again: Command) -> tuple[str, ...]:
    """Name the client fields of a submit that differ, in the order of the message."""
    if not (isinstance(first, Submit) and isinstance(again, Submit)):
        return ()
    return tuple(
        name
        for attribute, name in _SUBMIT_FIELDS
        if getattr(first, attribute) != getattr(again, attribute)
    )
