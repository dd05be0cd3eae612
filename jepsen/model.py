"""The second ledger: what the log should have answered, in plain dicts and integers.

Written from the ledger's rules and from nothing of the daemon, one command at a time,
in log order. The checkers feed it commands by position and compare every answer, refusal
codes included, and every read at its index.

It knows opening, funding, transfers, holds, one rule of fees, the whole life of payouts
(`lifecycle`), the idempotency contract, and the sums of the trial balance. What nodes did
without a client it is told as facts. It knows the rail `sandbox` alone: its fee goes back
with the whole amount, and what its bank keeps of a return is paid by us.
"""

from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from jepsen.commands import (
    Cancel,
    CaptureHold,
    Command,
    CreateHold,
    Fund,
    OpenAccount,
    Recall,
    ReleaseHold,
    SetFees,
    Submit,
    Transfer,
    key_of,
)
from jepsen.lifecycle import (
    CANCELLED,
    EDGES,
    PAID,
    READY,
    RETURNED,
    SCHEDULED,
    UNDER_WAY,
    Fact,
    returned_minor,
)

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


# Names of the client's fields as the public messages call them, in their order.
_SUBMIT_FIELDS = (
    ("account", "account_id"),
    ("minor", "amount.units"),
    ("currency", "amount.currency"),
    ("rail", "rail"),
    ("release_at_us", "release_at_us"),
    ("destination", "destination.account_number"),
    ("reference", "reference"),
)
_HOLD_FIELDS = (
    ("account", "account_id"),
    ("minor", "amount.units"),
    ("currency", "amount.currency"),
    ("ttl_us", "ttl_us"),
    ("reference", "reference"),
)
PAYOUT_BANK = "main"  # whose cash the rails move
RAIL = "sandbox"
Book: TypeAlias = tuple[bool, str]  # livemode, currency


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


@dataclass(frozen=True, slots=True)
class Change:
    """What the feed should tell of one change: states of a payout, "" where there is none."""

    kind: str
    subject: str
    before: str = ""
    after: str = ""


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
    held: int = 0

    @property
    def book(self) -> Book:
        """The book the account belongs to."""
        return (self.livemode, self.currency)


@dataclass(slots=True)
class Payout:
    """An accepted payout and where it stands.

    exceptions: open ones. settled_at: where it was settled. is_overtaken: by a return, so
    that its settlement may still come. returned, absorbed, refunded: minor units.
    """

    body: Submit
    at: Key
    state: str = READY
    fee_minor: int = 0
    exceptions: int = 0
    is_recalled: bool = False
    settled_at: Key | None = None
    is_overtaken: bool = False
    returned: int = 0
    absorbed: int = 0
    refunded: int = 0


@dataclass(slots=True)
class Hold:
    """Money put aside. state: OPEN, CAPTURED, RELEASED or EXPIRED."""

    body: CreateHold
    expires_at_us: int
    state: str = "OPEN"


@dataclass(frozen=True, slots=True)
class First:
    """The first answer given under a key."""

    command: Command
    at: Key
    refusal: str | None


@dataclass(slots=True)
class Model:
    """The state after every command applied and every fact told so far.

    internal: balances of the accounts that are nobody's, on the credit side.
    changes: what the last command or fact should have told the feed.
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    payouts: dict[str, Payout] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    firsts: dict[str, First] = field(default_factory=dict)
    external_refs: set[tuple[str, str]] = field(default_factory=set)
    internal: dict[tuple[Book, str], int] = field(default_factory=dict)
    fees: SetFees | None = None
    changes: list[Change] = field(default_factory=list)

    def apply(self, at: Key, command: Command, ts_us: int = 0) -> Answer:
        """Decide one command at its position; positions must come in rising order.

        ts_us: log time of the entry.
        """
        self.changes = []
        key = key_of(command)
        first = self.firsts.get(key)
        if first is not None:
            return self._retry(first, command)
        refusal = self.refusal_of(command, ts_us)
        if refusal is None:
            self._take_effect(at, command, ts_us)
            self.firsts[key] = First(command, at, None)
            state, fee = self._payout_of(command)
            return Answer(CREATED, state=state, fee_minor=fee)
        # A cancel that came too late names what won.
        state, _ = self._payout_of(command)
        if refusal in UNSPENT:
            return Answer(REFUSED, refusal, state=state)
        self.firsts[key] = First(command, at, refusal)
        return Answer(REFUSED, refusal, state=state, spent=True)

    def _retry(self, first: First, command: Command) -> Answer:
        """Answer a key that was used before; this precedes every other rule."""
        same = first.command == command
        state, fee = self._payout_of(first.command)
        if first.refusal is not None:
            # A request that named no payout then is about none, even if one came since.
            is_known = same and first.refusal != "PAYOUT_NOT_FOUND"
            return Answer(
                REFUSED,
                first.refusal,
                original=first.at,
                state=state if is_known else "",
                spent=True,
                same_request=same,
            )
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
        if isinstance(command, Submit | Cancel | Recall):
            payout = self.payouts.get(command.payout)
            if payout is not None:
                return payout.state, payout.fee_minor
        return "", 0

    def fee_minor(self, command: Submit) -> int:
        """Return the fee of a payout by the schedule in force."""
        fees = self.fees
        if fees is None or (fees.rail, fees.currency) != (
            command.rail,
            command.currency,
        ):
            return 0
        return fees.fixed_minor + (command.minor * fees.bps + 5_000) // 10_000

    # What is refused, and why.

    def refusal_of(self, command: Command, ts_us: int) -> str | None:
        """Return why a command under a new key would be refused now, None if accepted.

        Only the first code that applies is given; the order of the checks is the order
        of precedence. Changes nothing.
        """
        match command:
            case OpenAccount() | SetFees():
                return None
            case Fund():
                return self._refuse_fund(command)
            case Transfer():
                return self._refuse_transfer(command)
            case Submit():
                return self._refuse_submit(command)
            case Cancel() | Recall():
                return self._refuse_stop(command)
            case CreateHold():
                return self._refuse_hold(command)
            case CaptureHold():
                return self._refuse_capture(command, ts_us)
            case ReleaseHold():
                return self._refuse_release(command)
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
        cash = -self.internal.get((account.book, f"bank/{command.bank}/cash"), 0)
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
        if account.livemode == (command.rail == RAIL):
            return "LIVEMODE_MISMATCH"
        if account.currency != command.currency:
            return "CURRENCY_MISMATCH"
        if RAIL_CURRENCY[command.rail] not in (None, command.currency):
            return "RAIL_CURRENCY"
        money = command.minor + self.fee_minor(command)
        if account.available - money < account.min_balance:
            return "INSUFFICIENT_FUNDS"
        if account.reserved + money > AMOUNT_MAX:
            return "OVERFLOW"
        return None

    def _refuse_stop(self, command: Cancel | Recall) -> str | None:
        payout = self.payouts.get(command.payout)
        if payout is None:
            return "PAYOUT_NOT_FOUND"
        is_recall = isinstance(command, Recall)
        kind = "RECALL_REQUESTED" if is_recall else "PAYOUT_CANCELLED"
        if payout.state == CANCELLED and not is_recall:
            return None  # the same fact again
        if payout.state not in EDGES[kind]:
            return "WRONG_STATE"
        if is_recall:
            # The rail sandbox takes recalls for days, longer than any run.
            return None if payout.body.rail == RAIL else "RECALL_UNSUPPORTED"
        return "EXCEPTION_OPEN" if payout.exceptions else None

    def _refuse_hold(self, command: CreateHold) -> str | None:
        account = self.accounts.get(command.account)
        if account is None:
            return "ACCOUNT_NOT_FOUND"
        if account.currency != command.currency:
            return "CURRENCY_MISMATCH"
        if account.available - command.minor < account.min_balance:
            return "INSUFFICIENT_FUNDS"
        if account.held + command.minor > AMOUNT_MAX:
            return "OVERFLOW"
        return None

    def _refuse_capture(self, command: CaptureHold, ts_us: int) -> str | None:
        target = self.accounts.get(command.target)
        if target is None:
            return "ACCOUNT_NOT_FOUND"
        hold = self.holds.get(command.hold)
        if hold is None:
            return "HOLD_NOT_FOUND"
        if target.livemode != self.accounts[hold.body.account].livemode:
            return "LIVEMODE_MISMATCH"
        if {hold.body.currency, target.currency} != {command.currency}:
            return "CURRENCY_MISMATCH"
        if hold.state in ("CAPTURED", "RELEASED"):
            return "WRONG_STATE"
        if ts_us >= hold.expires_at_us:
            return "HOLD_EXPIRED"  # whether or not anybody has freed it yet
        if command.minor > hold.body.minor:
            return "HOLD_EXCEEDED"
        if target.available + command.minor > AMOUNT_MAX:
            return "OVERFLOW"
        return None

    def _refuse_release(self, command: ReleaseHold) -> str | None:
        hold = self.holds.get(command.hold)
        if hold is None:
            return "HOLD_NOT_FOUND"
        if hold.state == "EXPIRED":
            return "HOLD_EXPIRED"
        return None if hold.state == "OPEN" else "WRONG_STATE"

    # What takes effect.

    def _tell(self, kind: str, subject: str, before: str = "", after: str = "") -> None:
        self.changes.append(Change(kind, subject, before, after))

    def _post(self, book: Book, name: str, credit: int) -> None:
        self.internal[book, name] = self.internal.get((book, name), 0) + credit

    def _take_effect(self, at: Key, command: Command, ts_us: int) -> None:
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
                self._tell("ACCOUNT_OPENED", command.account)
            case SetFees():
                self.fees = command
                self._tell("FEES_SET", command.request)
            case Fund():
                account = self.accounts[command.account]
                self.external_refs.add((command.bank, command.external_ref))
                self._post(account.book, f"bank/{command.bank}/cash", -command.minor)
                account.available += command.minor
                self._tell("ACCOUNT_FUNDED", command.request)
            case Transfer():
                self.accounts[command.source].available -= command.minor
                self.accounts[command.target].available += command.minor
                self._tell("TRANSFERRED", command.request)
            case Submit():
                self._submit(at, command, ts_us)
            case Cancel() | Recall():
                self._stop(command)
            case CreateHold():
                account = self.accounts[command.account]
                account.available -= command.minor
                account.held += command.minor
                self.holds[command.hold] = Hold(command, ts_us + command.ttl_us)
                self._tell("HOLD_CREATED", command.hold)
            case CaptureHold():
                hold = self.holds[command.hold]
                self._free(hold, "CAPTURED", hold.body.minor - command.minor)
                self.accounts[command.target].available += command.minor
            case ReleaseHold():
                hold = self.holds[command.hold]
                self._free(hold, "RELEASED", hold.body.minor)
            case _:
                assert_never(command)

    def _submit(self, at: Key, command: Submit, ts_us: int) -> None:
        account = self.accounts[command.account]
        payout = Payout(command, at, fee_minor=self.fee_minor(command))
        if command.release_at_us > ts_us:
            payout.state = SCHEDULED
        account.available -= command.minor + payout.fee_minor
        account.reserved += command.minor + payout.fee_minor
        self.payouts[command.payout] = payout
        self._tell("PAYOUT_CREATED", command.payout, after=payout.state)

    def _stop(self, command: Cancel | Recall) -> None:
        payout = self.payouts[command.payout]
        before = payout.state
        if isinstance(command, Recall):
            if not payout.is_recalled:
                payout.is_recalled = True
                self._tell("RECALL_REQUESTED", command.payout, before, before)
            return
        if before == CANCELLED:
            return  # nothing is posted
        self._unreserve(payout, payout.body.minor + payout.fee_minor)
        payout.state = CANCELLED
        self._tell("PAYOUT_CANCELLED", command.payout, before, CANCELLED)

    def _unreserve(self, payout: Payout, minor: int) -> None:
        account = self.accounts[payout.body.account]
        account.reserved -= minor
        account.available += minor

    def _free(self, hold: Hold, state: str, back_minor: int) -> None:
        account = self.accounts[hold.body.account]
        account.held -= hold.body.minor
        account.available += back_minor
        hold.state = state
        self._tell(f"HOLD_{state}", hold.body.hold)

    # What happens without a client.

    def happened(self, at: Key, fact: Fact) -> str | None:
        """Let a fact take place; return why it cannot have, None if all is well."""
        self.changes = []
        if fact.kind == "HOLD_EXPIRED":
            return self._expired(fact)
        payout = self.payouts.get(fact.subject)
        if payout is None:
            return "there is no such payout"
        if fact.after not in EDGES[fact.kind].get(payout.state, ()):
            return f"it was {payout.state}, and cannot have become {fact.after}"
        why_not = self._why_not(payout, fact)
        if why_not is None:
            before, payout.state = payout.state, fact.after
            self._take_place(at, payout, before, fact)
            self._tell(fact.kind, fact.subject, before, fact.after)
        return why_not

    def _expired(self, fact: Fact) -> str | None:
        hold = self.holds.get(fact.subject)
        if hold is None or hold.state != "OPEN":
            return "there is no open hold"
        if fact.ts_us < hold.expires_at_us:
            return f"its time is {hold.expires_at_us}, this is {fact.ts_us}"
        self._free(hold, "EXPIRED", hold.body.minor)
        return None

    def _why_not(self, payout: Payout, fact: Fact) -> str | None:
        """Return what forbids a fact whose states are right."""
        match fact.kind:
            case "PAYOUT_RELEASED" if fact.ts_us < payout.body.release_at_us:
                due_us = payout.body.release_at_us
                return f"it is due at {due_us}, this is {fact.ts_us}"
            case "DISPATCH_BEGUN" if payout.exceptions:
                return "it has an open exception"
            case "PAYOUT_SETTLED" if payout.state in PAID and not payout.is_overtaken:
                return "it was settled before"
            case "PAYOUT_RETURNED" if fact.minor != payout.body.minor:
                return f"{fact.minor} came back of {payout.body.minor}"
            case "PAYOUT_RETURNED" if fact.after != RETURNED:
                return "the whole amount came back"
            case "PAYOUT_REVERSED":
                return "nobody asked for a reversal"
            case _:
                return None

    def _take_place(self, at: Key, payout: Payout, before: str, fact: Fact) -> None:
        """Move the money of a fact, and keep what later ones depend on."""
        book = self.accounts[payout.body.account].book
        minor, fee_minor = payout.body.minor, payout.fee_minor
        in_transit = f"rail/{payout.body.rail}/in_transit"
        cash = f"bank/{PAYOUT_BANK}/cash"
        account = self.accounts[payout.body.account]
        match fact.kind:
            case "DISPATCH_BEGUN":
                account.reserved -= minor
                self._post(book, in_transit, minor)
            case "PAYOUT_NOT_ACCEPTED":
                account.reserved += minor
                self._post(book, in_transit, -minor)
            case "PAYOUT_FAILED":
                self._post(book, in_transit, -minor)
                self._unreserve(payout, fee_minor)
                account.available += minor
            case "PAYOUT_SETTLED" if before in UNDER_WAY:
                self._post(book, in_transit, -minor)
                self._post(book, cash, minor)
                account.reserved -= fee_minor
                self._post(book, "rev/payout_fee", fee_minor)
                payout.settled_at = at
            case "PAYOUT_SETTLED":
                payout.is_overtaken = False
            case "PAYOUT_RETURNED":
                payout.is_overtaken = payout.settled_at == at
                payout.returned = returned_minor(payout.body.destination, minor)
                payout.absorbed = minor - payout.returned
                payout.refunded = fee_minor
                self._post(book, cash, -payout.returned)
                self._post(book, "exp/returns", -payout.absorbed)
                self._post(book, "rev/payout_fee", -fee_minor)
                account.available += minor + fee_minor
            case "EXCEPTION_OPENED":
                payout.exceptions += 1
            case _:
                pass  # a claim, an acknowledgement: no money moves

    def trial_balance(self) -> dict[Book, dict[str, tuple[int, int]]]:
        """Return (debit, credit) by ledger account by book, without zero lines."""
        sums: dict[Book, dict[str, int]] = {}
        for account in self.accounts.values():
            book = sums.setdefault(account.book, {})
            for name, credit in (
                ("cust/*/available", account.available),
                ("cust/*/reserved", account.reserved),
                ("cust/*/held", account.held),
            ):
                book[name] = book.get(name, 0) + credit
        for (book_key, name), credit in self.internal.items():
            sums.setdefault(book_key, {})[name] = credit
        return {
            book_key: {
                name: (max(-credit, 0), max(credit, 0))
                for name, credit in lines.items()
                if credit != 0
            }
            for book_key, lines in sums.items()
        }


def _differing(first: Command, again: Command) -> tuple[str, ...]:
    """Name the client fields that differ, in the order of the message, where known."""
    fields: tuple[tuple[str, str], ...]
    match first, again:
        case Submit(), Submit():
            fields = _SUBMIT_FIELDS
        case CreateHold(), CreateHold():
            fields = _HOLD_FIELDS
        case _:
            return ()
    return tuple(
        name
        for attribute, name in fields
        if getattr(first, attribute) != getattr(again, attribute)
    )
