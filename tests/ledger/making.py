"""What ledger tests are made of: ids, commands with sensible fields, batches, ledgers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ledgerd.formats import batches, records
from ledgerd.ledger.accounts import Account, AccountKind, Side
from ledgerd.ledger.apply import Applied
from ledgerd.ledger.batch import PayoutBatch, PayoutColumns
from ledgerd.ledger.commands import (
    Adjust,
    ApproveVoucher,
    Cancel,
    CaptureHold,
    CloseAccount,
    CreateHold,
    EntryLeg,
    FeeRule,
    Freeze,
    Fund,
    FundReverse,
    OpenAccount,
    PostEntry,
    RejectVoucher,
    ReleaseHold,
    SetFees,
    Submit,
    Transfer,
    Unfreeze,
)
from ledgerd.ledger.decide.one import apply_readable
from ledgerd.ledger.details import Details, pack_details
from ledgerd.ledger.invariants import Audit
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import PayoutStatus
from ledgerd.ledger.risk import Action, Limit, LimitKind, Rule, RuleKind
from ledgerd.ledger.risk_commands import SetLimits, SetRules
from ledgerd.ledger.roles import Grant
from ledgerd.ledger.setting_commands import SetCurrencies, SetRoles
from ledgerd.ledger.view import Writes
from tests.fakes import MemoryLedger

USD = currency_number("USD")
EUR = currency_number("EUR")
JPY = currency_number("JPY")
US_ACH, EU_SCT, SWIFT, SANDBOX = 2, 7, 12, 1
MAX = 2**63 - 1
NOW_MS = 1_760_000_000_000
MINUTE_US = 60 * 1_000_000
DAY_US = 24 * 60 * MINUTE_US

DETAILS = Details(
    destination_kind=2,
    country="US",
    bank_code="021000021",
    account_number="123456789",
    name="Jane Doe",
    account_type="checking",
    reference="Invoice 4711",
    metadata=(("batch", "7"), ("cost_centre", "Zürich")),
)
PACKED = pack_details(DETAILS)


def uid(number: int, ms: int = NOW_MS) -> bytes:
    """A UUIDv7 made of a time and a number."""
    low = number.to_bytes(9, "big")
    return ms.to_bytes(6, "big") + bytes((0x70, low[0], 0x80 | low[1] & 0x3F)) + low[2:]


ALICE, BOB, EVE = uid(0xA11CE), uid(0xB0B), uid(0xE7E)


def submit(number: int = 1, **changes) -> Submit:
    """A Submit of 10.00 USD from Alice by SWIFT."""
    command = Submit(uid(number), ALICE, 1000, USD, SWIFT, "svc", PACKED)
    return replace(command, **changes)


def open_account(account_id: bytes = ALICE, **changes) -> OpenAccount:
    return replace(OpenAccount(account_id, USD, True, "owner", 0, "svc"), **changes)


def fund(number: int = 1, **changes) -> Fund:
    """A Fund of 1,000.00 USD for Alice; the reference follows the number."""
    command = Fund(uid(number), ALICE, 100_000, USD, "first", f"ref-{number}", "svc")
    return replace(command, **changes)


def transfer(number: int = 1, **changes) -> Transfer:
    """A Transfer of 10.00 USD from Alice to Bob."""
    return replace(Transfer(uid(number), ALICE, BOB, 1000, USD, "", "svc"), **changes)


def cancel(number: int = 1, **changes) -> Cancel:
    """A Cancel of the payout of `submit(1)`."""
    return replace(Cancel(uid(number), uid(1), "typo", "svc"), **changes)


def set_fees(number: int = 1, *rules: FeeRule, **changes) -> SetFees:
    """A SetFees of 25 cents and 10 basis points by SWIFT."""
    rules = rules or (FeeRule(SWIFT, USD, 25, 10, 0, MAX),)
    return replace(SetFees(uid(number), rules, "tariff", "svc"), **changes)


def limit(kind: LimitKind = LimitKind.PER_PAYOUT, **changes) -> Limit:
    """A limit of 50.00 USD: on each payout, or within a day."""
    window_us = 0 if kind is LimitKind.PER_PAYOUT else DAY_US
    made = Limit(kind, USD, window_us=window_us, amount_minor_max=5_000)
    return made._replace(**changes)


def rule(kind: RuleKind = RuleKind.AMOUNT, **changes) -> Rule:
    """A rule that asks for a review, of payouts above 50.00 USD where it is about amounts."""
    made = Rule(f"{kind.name.lower()} rule", kind, Action.REVIEW)
    if kind in (RuleKind.AMOUNT, RuleKind.FIRST_DESTINATION):
        made = made._replace(currency=USD, amount_minor=5_000)
    return made._replace(**changes)


def set_limits(number: int, *limits: Limit, **changes) -> SetLimits:
    command = SetLimits(uid(number), 0, "policy", "2026-11-21", limits, "root")
    return replace(command, **changes)


def set_rules(number: int, *rules: Rule, **changes) -> SetRules:
    command = SetRules(uid(number), 0, "policy", "2026-11-21", rules, "root")
    return replace(command, **changes)


def close_account(number: int = 1, **changes) -> CloseAccount:
    """A CloseAccount of Bob, who has nothing."""
    return replace(CloseAccount(uid(number), BOB, "moved", "svc"), **changes)


def freeze(number: int = 1, **changes) -> Freeze:
    """A Freeze of Alice."""
    return replace(Freeze(uid(number), ALICE, "court order", "boss"), **changes)


def unfreeze(number: int = 1, **changes) -> Unfreeze:
    """An Unfreeze of Alice."""
    return replace(Unfreeze(uid(number), ALICE, "order lifted", "boss"), **changes)


def fund_reverse(number: int = 1, **changes) -> FundReverse:
    """A FundReverse of 10.00 USD of Alice's opening money."""
    command = FundReverse(uid(number), "first", "opening", 1000, USD, "recall", "svc")
    return replace(command, **changes)


def create_hold(number: int = 1, **changes) -> CreateHold:
    """A hold of 50.00 USD of Alice's for a minute."""
    command = CreateHold(uid(number), ALICE, 5000, USD, MINUTE_US, "booking", "svc")
    return replace(command, **changes)


def capture_hold(number: int = 1, **changes) -> CaptureHold:
    """A CaptureHold of 30.00 USD of `create_hold(1)` for Bob."""
    command = CaptureHold(uid(number), uid(1), BOB, 3000, USD, "stay", "svc")
    return replace(command, **changes)


def release_hold(number: int = 1, **changes) -> ReleaseHold:
    """A ReleaseHold of `create_hold(1)`."""
    return replace(ReleaseHold(uid(number), uid(1), "no show", "svc"), **changes)


def leg(kind: AccountKind, subject: bytes, side: Side, amount_minor: int) -> EntryLeg:
    return EntryLeg(kind, subject, side == Side.DEBIT, amount_minor)


def post_entry(number: int = 1, *legs: EntryLeg, **changes) -> PostEntry:
    """A PostEntry of 7.00 USD from Alice to the fees we earn."""
    legs = legs or (
        leg(AccountKind.AVAILABLE, ALICE, Side.DEBIT, 700),
        leg(AccountKind.PAYOUT_FEE, b"", Side.CREDIT, 700),
    )
    command = PostEntry(uid(number), True, USD, legs, "fee by hand", "anna")
    return replace(command, **changes)


def adjust(number: int = 1, **changes) -> Adjust:
    """An Adjust of Alice's opening money, which stands at index 2: 7.00 USD too much."""
    legs = (
        leg(AccountKind.AVAILABLE, ALICE, Side.DEBIT, 700),
        leg(AccountKind.SUSPENSE, b"first", Side.CREDIT, 700),
    )
    command = Adjust(uid(number), True, USD, legs, "misread", (2, 0, 0), "anna")
    return replace(command, **changes)


def approve_voucher(number: int = 2, **changes) -> ApproveVoucher:
    """Ben's approval of the voucher of `post_entry(1)`."""
    return replace(ApproveVoucher(uid(number), uid(1), "ben"), **changes)


def reject_voucher(number: int = 2, **changes) -> RejectVoucher:
    """Ben's rejection of the voucher of `post_entry(1)`."""
    return replace(RejectVoucher(uid(number), uid(1), "no", "ben"), **changes)


def set_roles(number: int, *grants: Grant, **changes) -> SetRoles:
    """A SetRoles by root, whose certificate says that it is an admin."""
    command = SetRoles(uid(number), 0, "board", "2026-11-21", grants, "root", True)
    return replace(command, **changes)


def set_currencies(number: int, *retired: int, **changes) -> SetCurrencies:
    command = SetCurrencies(uid(number), 0, "list one", "2026-01-01", retired, "root")
    return replace(command, **changes)


def columns(commands: Iterable[Submit]) -> PayoutColumns:
    """The batch of these rows, as it comes out of the log."""
    batch = PayoutBatch()
    for command in commands:
        batch.add(
            payout_id=command.payout_id,
            account_id=command.account_id,
            amount_minor=command.amount_minor,
            currency=command.currency,
            rail=command.rail,
            principal=command.principal,
            details=command.details,
            release_at_us=command.release_at_us,
        )
    return batches.decode(batches.encode(batch))


class Ledger(MemoryLedger):
    """A ledger in memory that does every batch of submits both ways and compares."""

    def submit(self, *commands: Submit) -> Applied:
        """Apply a batch by the batch path; the readable path must leave the same."""
        batch = columns(commands)
        outcomes, writes = apply_readable(
            self.view,
            index=self.index + 1,
            ts_us=self.ts_us + 1_000,
            state_version=self.state_version,
            commands=commands,
        )
        readable = [
            records.encode_writes(writes, covers_keys=covers)
            for covers in (False, True)
        ]
        applied = self.do(batch)

        assert readable == [
            records.encode_writes(applied.writes, covers_keys=covers)
            for covers in (False, True)
        ]
        assert records.encode_outcomes(applied.outcomes) == records.encode_outcomes(
            outcomes
        )
        return applied

    def window_breaches(self) -> list[str]:
        """Where the windows do not hold what the payouts say. I13."""
        audit = Audit()
        audit.windows(
            self.view.policy(), self.view.all_windows(), self.view.all_payouts()
        )
        return list(map(str, audit.breaches))

    def plant(self, *accounts: Account) -> None:
        """Put account rows that no command of today can make: closed, owing, huge."""
        self.view.write(
            records.encode_writes(
                Writes(accounts=sorted(accounts, key=lambda row: row.account_id))
            )
        )

    def plant_status(self, position: tuple[int, int], status: PayoutStatus) -> None:
        """Put a payout into a state that no command of today leads to."""
        self.view.write(
            records.encode_writes(Writes(payout_statuses=[(position, status)]))
        )

    def balances(self, account_id: bytes = ALICE) -> tuple[int, ...]:
        """Available, reserved, held, blocked, receivable."""
        account = self.view.account(account_id)
        assert account is not None
        return tuple(account.balances)


def ledger(funds_minor: int = 100_000) -> Ledger:
    """A ledger with Alice, who has funds, and Bob, who has none. Index 2."""
    books = Ledger()
    books.do([open_account(ALICE), open_account(BOB)])
    books.do([fund(0xF00D, amount_minor=funds_minor, external_ref="opening")])
    return books


def names(applied: Applied) -> list[str]:
    """The answers of an entry by name."""
    return [name(code) for code in applied.outcomes.codes]


def name(code: int) -> str:
    return Refusal(code).name if code in _REFUSALS else Outcome(code).name


_REFUSALS: Sequence[int] = [int(refusal) for refusal in Refusal]
