"""Refusal codes in order of precedence: for every pair that one command can meet, the winner.

Each fault below changes one thing about a call that would be accepted, and alone it gives
its own code. Two of them together give the smaller code. Faults that change the same thing
in contrary ways cannot meet and are left out of the pairs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations

import pytest

from ledgerd.formats import records
from ledgerd.ledger.accounts import AccountKind, AccountStatus
from ledgerd.ledger.catalogue_commands import SetCatalogue
from ledgerd.ledger.commands import (
    Adjust,
    Command,
    EntryLeg,
    FeeRule,
    PostEntry,
    SetFees,
    Submit,
)
from ledgerd.ledger.details import destination_fingerprint
from ledgerd.ledger.holds import HoldState
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import PayoutState, PayoutStatus
from ledgerd.ledger.risk import NO_BOUND, Action, Limit, LimitKind, Rule, RuleKind
from ledgerd.ledger.roles import Grant, RoleKind
from ledgerd.ledger.view import Writes
from ledgerd.ledger.vouchers import VoucherState
from ledgerd.limits import DETAILS_BYTES_MAX, HOLD_TTL_US_MAX
from ledgerd.timetable.rail_file import seed
from tests.ledger.making import (
    ALICE,
    BOB,
    EU_SCT,
    EUR,
    EVE,
    JPY,
    MAX,
    PACKED,
    SANDBOX,
    SWIFT,
    US_ACH,
    USD,
    Ledger,
    adjust,
    approve_voucher,
    cancel,
    capture_hold,
    close_account,
    create_hold,
    freeze,
    fund,
    fund_reverse,
    ledger,
    limit,
    name,
    open_account,
    post_entry,
    reject_voucher,
    release_hold,
    rule,
    set_currencies,
    set_fees,
    set_limits,
    set_roles,
    set_rules,
    submit,
    transfer,
    uid,
    unfreeze,
)

VOUCHER = uid(0xF0)
# SWIFT with no wish: what a test changes of it is the only one.
SWIFT_RECORD = replace(
    next(rail for rail in seed() if rail.number == SWIFT),
    destination_kinds=(),
    account_number_bytes_max=0,
)
OLD = 1_000_000_000_000  # milliseconds: long before any ledger of these tests


def stage(books: Ledger) -> None:
    """A hold and a voucher that calls may name."""
    books.do([create_hold(1), post_entry(0xF0)])


@dataclass
class Scene:
    """What one call meets: the call, the accounts, the payout it may name."""

    command: Command | Submit
    alice: dict[str, object] = field(default_factory=dict)
    bob: dict[str, object] = field(default_factory=dict)
    payout_state: PayoutState | None = None
    hold: dict[str, object] = field(default_factory=dict)
    voucher: Callable[[Ledger], None] | None = None
    rail: dict[str, object] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    retired: tuple[int, ...] = ()

    def play(self) -> str:
        """Return the name of the answer."""
        books = ledger()
        books.submit(submit(1))
        stage(books)
        if self.rail:
            record = replace(SWIFT_RECORD, **self.rail)
            books.do([SetCatalogue(uid(0xCA7), (record,), "root")])
        plant_hold(books, **self.hold)
        if self.voucher is not None:
            self.voucher(books)
        for account_id, changes in ((ALICE, self.alice), (BOB, self.bob)):
            account = books.view.account(account_id)
            assert account is not None
            books.plant(replace(account, **changes))
        if self.limits or self.rules:
            books.do([set_limits(0xF1, *self.limits), set_rules(0xF2, *self.rules)])
        if self.retired:
            books.do([set_currencies(0xF3, *self.retired)])
        if self.payout_state is not None:
            status = PayoutStatus(self.payout_state, 1, (3, 0, 0), books.ts_us)
            books.plant_status((3, 0), status)
        return self._answer(books)

    def _answer(self, books: Ledger) -> str:
        if isinstance(self.command, Submit):
            return name(books.submit(self.command).outcomes.codes[0])
        return name(books.do([self.command]).outcomes.codes[0])


Fault = Callable[[Scene], None]


def bounded(kind: LimitKind, **changes: object) -> Fault:
    """A limit that 9.99 pass, and 10.00 do not."""

    def apply(scene: Scene) -> None:
        changed = {"amount_minor_max": 999} | changes
        scene.limits.append(limit(kind, **changed))

    return apply


def dollars_retire(scene: Scene) -> None:
    """From the next entry on, which is that of the call."""
    scene.retired = (USD,)


def ruled(kind: RuleKind, **changes: object) -> Fault:
    """A rule that refuses."""

    def apply(scene: Scene) -> None:
        made = rule(kind, action=Action.REFUSE, **changes)
        scene.rules.append(made)

    return apply


def asks(**changes: object) -> Fault:
    """The call says something else."""

    def apply(scene: Scene) -> None:
        scene.command = replace(scene.command, **changes)

    return apply


def alice(**changes: object) -> Fault:
    def apply(scene: Scene) -> None:
        scene.alice |= changes

    return apply


def bob(**changes: object) -> Fault:
    def apply(scene: Scene) -> None:
        scene.bob |= changes

    return apply


def rail_is(**changes: object) -> Fault:
    """The catalogue says something else of SWIFT."""

    def apply(scene: Scene) -> None:
        scene.rail |= changes

    return apply


def payout_is(state: PayoutState) -> Fault:
    def apply(scene: Scene) -> None:
        scene.payout_state = state

    return apply


def adds_rule(rule: FeeRule) -> Fault:
    def apply(scene: Scene) -> None:
        assert isinstance(scene.command, SetFees)
        scene.command = replace(scene.command, rules=(*scene.command.rules, rule))

    return apply


def has_leg(kind: AccountKind, subject: bytes, amount_minor: int) -> Fault:
    """The entry has one more leg, a debit."""

    def apply(scene: Scene) -> None:
        assert isinstance(scene.command, PostEntry | Adjust)
        leg = EntryLeg(kind, subject, True, amount_minor)
        scene.command = replace(scene.command, legs=(*scene.command.legs, leg))

    return apply


def hold_is(state: HoldState) -> Fault:
    """The hold of the scene has ended so."""

    def apply(scene: Scene) -> None:
        scene.hold["state"] = state

    return apply


def hold_until(expires_at_us: int) -> Fault:
    """The hold of the scene is over, and no Tick ran."""

    def apply(scene: Scene) -> None:
        scene.hold["expires_at_us"] = expires_at_us

    return apply


def plant_hold(books: Ledger, **changes: object) -> None:
    (hold,) = books.view.all_holds()
    books.view.write(records.encode_writes(Writes(holds=[hold._replace(**changes)])))


def voucher_is(state: VoucherState) -> Fault:
    """The voucher of the scene has ended so."""

    def apply(scene: Scene) -> None:
        def plant(books: Ledger) -> None:
            voucher = books.view.voucher(VOUCHER)
            assert voucher is not None
            changed = voucher._replace(state=state)
            books.view.write(records.encode_writes(Writes(vouchers=[changed])))

        scene.voucher = plant

    return apply


def retired(scene: Scene) -> None:
    """The account and the call are in a currency that was retired since."""
    alice(currency=BGN)(scene)
    asks(currency=BGN)(scene)


NOT_V7 = bytes(16)
FINGERPRINT = destination_fingerprint(PACKED)
BGN = currency_number("BGN")
ROOT = Grant("root", (RoleKind.ADMIN,))
CLOSED = {"status": AccountStatus.CLOSED}
FROZEN = {"status": AccountStatus.FROZEN}
TOO_LONG = "x" * 141

# Per call: the code, what it changes (two faults meet if these differ), the fault.
CASES: dict[
    str, tuple[Callable[[], Command | Submit], list[tuple[str, str, Fault]]]
] = {
    "submit": (
        lambda: submit(2),
        [
            ("INVALID_COMMAND", "amount", asks(amount_minor=0)),
            ("INVALID_COMMAND", "id", asks(payout_id=NOT_V7)),
            ("INVALID_COMMAND", "details", asks(details=bytes(DETAILS_BYTES_MAX + 1))),
            ("INVALID_COMMAND", "currency", asks(currency=26**3)),
            ("INVALID_COMMAND", "amount", asks(amount_minor=-1)),
            ("ACCOUNT_NOT_FOUND", "account", asks(account_id=EVE)),
            ("RAIL_NOT_FOUND", "rail", asks(rail=999)),
            ("LIVEMODE_MISMATCH", "livemode", alice(livemode=False)),
            ("LIVEMODE_MISMATCH", "rail", asks(rail=SANDBOX)),
            ("CURRENCY_MISMATCH", "currency", asks(currency=JPY)),
            ("CURRENCY_RETIRED", "retired", dollars_retire),
            ("ACCOUNT_CLOSED", "status", alice(**CLOSED)),
            ("ACCOUNT_FROZEN", "status", alice(**FROZEN)),
            ("RAIL_CURRENCY", "rail", asks(rail=EU_SCT)),
            ("RAIL_DESTINATION", "rail", rail_is(destination_kinds=(1, 4))),
            ("RAIL_DESTINATION", "rail", rail_is(countries=("DE", "FR"))),
            ("RAIL_DESTINATION", "rail", rail_is(account_number_bytes_max=8)),
            ("RAIL_AMOUNT_MIN", "bounds", rail_is(amount_minor_min=1_001)),
            ("RAIL_AMOUNT_MAX", "bounds", rail_is(amount_minor_max=999)),
            (
                "DESTINATION_BLOCKED",
                "blocked",
                ruled(RuleKind.BLOCKED_DESTINATION, destinations=(FINGERPRINT,)),
            ),
            (
                "DESTINATION_BLOCKED",
                "bank",
                ruled(RuleKind.BLOCKED_BANK, banks=(("", "021000021"),)),
            ),
            ("RULE_REFUSED", "rule", ruled(RuleKind.AMOUNT, amount_minor=999)),
            ("RULE_REFUSED", "age", ruled(RuleKind.NEW_ACCOUNT, age_us=2**60)),
            ("LIMIT_PER_PAYOUT", "each", bounded(LimitKind.PER_PAYOUT)),
            ("LIMIT_WINDOW_AMOUNT", "of account", bounded(LimitKind.ACCOUNT_WINDOW)),
            ("LIMIT_WINDOW_AMOUNT", "of total", bounded(LimitKind.TOTAL_WINDOW)),
            (
                "LIMIT_WINDOW_COUNT",
                "of destination",
                bounded(
                    LimitKind.DESTINATION_WINDOW,
                    amount_minor_max=NO_BOUND,
                    count_max=0,
                ),
            ),
            ("INSUFFICIENT_FUNDS", "funds", alice(available_minor=999)),
            ("INSUFFICIENT_FUNDS", "minimum", alice(min_balance_minor=98_001)),
            ("OVERFLOW", "reserved", alice(reserved_minor=MAX - 999)),
        ],
    ),
    "set_limits": (
        lambda: set_limits(2, limit()),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "id", asks(request_id=NOT_V7)),
            ("INVALID_COMMAND", "source", asks(source="")),
            ("INVALID_COMMAND", "time", asks(effective_from_us=-1)),
            ("INVALID_COMMAND", "limits", asks(limits=(limit(), limit()))),
            ("ACCOUNT_NOT_FOUND", "limits", asks(limits=(limit(account_id=EVE),))),
            ("RAIL_NOT_FOUND", "limits", asks(limits=(limit(rail=999),))),
            (
                "CURRENCY_MISMATCH",
                "limits",
                asks(limits=(limit(account_id=ALICE, currency=EUR),)),
            ),
            ("CURRENCY_RETIRED", "limits", asks(limits=(limit(currency=BGN),))),
            ("RAIL_CURRENCY", "limits", asks(limits=(limit(rail=EU_SCT),))),
        ],
    ),
    "set_rules": (
        lambda: set_rules(2, rule()),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "id", asks(request_id=NOT_V7)),
            ("INVALID_COMMAND", "as of", asks(as_of="x" * 256)),
            ("INVALID_COMMAND", "rules", asks(rules=(rule(), rule()))),
            ("CURRENCY_RETIRED", "rules", asks(rules=(rule(currency=BGN),))),
        ],
    ),
    "set_roles": (
        lambda: set_roles(2, ROOT),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "id", asks(request_id=NOT_V7)),
            ("INVALID_COMMAND", "source", asks(source="")),
            ("INVALID_COMMAND", "time", asks(effective_from_us=-1)),
            ("INVALID_COMMAND", "grants", asks(grants=(ROOT, ROOT))),
            ("VERSION_MISMATCH", "version", asks(expected_version=1)),
            ("ADMIN_LOCKED_OUT", "grants", asks(grants=(Grant("root", ()),))),
        ],
    ),
    "set_currencies": (
        lambda: set_currencies(2, BGN),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "id", asks(request_id=NOT_V7)),
            ("INVALID_COMMAND", "as of", asks(as_of="x" * 256)),
            ("INVALID_COMMAND", "retired", asks(retired=(BGN, BGN))),
            ("VERSION_MISMATCH", "version", asks(expected_version=7)),
        ],
    ),
    "open_account": (
        lambda: open_account(EVE),
        [
            ("INVALID_COMMAND", "id", asks(account_id=NOT_V7)),
            ("INVALID_COMMAND", "owner", asks(owner_ref="x" * 129)),
            ("INVALID_COMMAND", "principal", asks(principal="x" * 129)),
            ("INVALID_COMMAND", "minimum", asks(min_balance_minor=2**63)),
            ("INVALID_COMMAND", "currency", asks(currency=currency_number("XAU"))),
            ("CURRENCY_RETIRED", "currency", asks(currency=BGN)),
        ],
    ),
    "fund": (
        lambda: fund(2),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "id", asks(request_id=NOT_V7)),
            ("INVALID_COMMAND", "amount", asks(amount_minor=0)),
            ("INVALID_COMMAND", "amount", asks(amount_minor=2**63)),
            ("INVALID_COMMAND", "currency", asks(currency=26**3)),
            ("INVALID_COMMAND", "bank", asks(bank="First")),
            ("INVALID_COMMAND", "bank", asks(bank="")),
            ("INVALID_COMMAND", "account", asks(account_id=b"short")),
            ("INVALID_COMMAND", "ref", asks(external_ref="")),
            ("INVALID_COMMAND", "ref", asks(external_ref="x" * 65)),
            ("ACCOUNT_NOT_FOUND", "account", asks(account_id=EVE)),
            ("CURRENCY_MISMATCH", "currency", asks(currency=EUR)),
            ("CURRENCY_RETIRED", "retired", dollars_retire),
            ("EXTERNAL_REF_USED", "ref", asks(external_ref="opening")),
            ("OVERFLOW", "available", alice(available_minor=MAX - 99_999)),
        ],
    ),
    "transfer": (
        lambda: transfer(2),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "id", asks(request_id=b"")),
            ("INVALID_COMMAND", "amount", asks(amount_minor=-5)),
            ("INVALID_COMMAND", "reference", asks(reference=TOO_LONG)),
            ("INVALID_COMMAND", "to", asks(to_account_id=b"short")),
            ("ACCOUNT_NOT_FOUND", "from", asks(from_account_id=uid(0xE7F))),
            ("ACCOUNT_NOT_FOUND", "to", asks(to_account_id=EVE)),
            ("LIVEMODE_MISMATCH", "livemode", bob(livemode=False)),
            ("CURRENCY_MISMATCH", "currency", asks(currency=EUR)),
            ("CURRENCY_MISMATCH", "bob's currency", bob(currency=EUR)),
            ("CURRENCY_RETIRED", "retired", dollars_retire),
            ("ACCOUNT_CLOSED", "alice's status", alice(**CLOSED)),
            ("ACCOUNT_CLOSED", "bob's status", bob(**CLOSED)),
            ("ACCOUNT_FROZEN", "alice's status", alice(**FROZEN)),
            ("ACCOUNT_FROZEN", "bob's status", bob(**FROZEN)),
            ("INSUFFICIENT_FUNDS", "funds", alice(available_minor=999)),
            ("OVERFLOW", "bob's funds", bob(available_minor=MAX)),
        ],
    ),
    "cancel": (
        lambda: cancel(2),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("INVALID_COMMAND", "payout", asks(payout_id=b"")),
            ("PAYOUT_NOT_FOUND", "payout", asks(payout_id=uid(99))),
            ("WRONG_STATE", "state", payout_is(PayoutState.SENT)),
            ("OVERFLOW", "funds", alice(available_minor=MAX)),
        ],
    ),
    "close_account": (
        lambda: close_account(2),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("INVALID_COMMAND", "account", asks(account_id=b"short")),
            ("ACCOUNT_NOT_FOUND", "account", asks(account_id=EVE)),
            ("ACCOUNT_FROZEN", "status", bob(**FROZEN)),
            ("ACCOUNT_NOT_EMPTY", "available", bob(available_minor=1)),
            ("ACCOUNT_NOT_EMPTY", "reserved", bob(reserved_minor=1)),
            ("ACCOUNT_NOT_EMPTY", "held", bob(held_minor=1)),
            ("ACCOUNT_NOT_EMPTY", "blocked", bob(blocked_minor=1)),
            ("ACCOUNT_NOT_EMPTY", "receivable", bob(receivable_minor=1)),
        ],
    ),
    "freeze": (
        lambda: freeze(2),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("INVALID_COMMAND", "account", asks(account_id=b"short")),
            ("ACCOUNT_NOT_FOUND", "account", asks(account_id=EVE)),
            ("ACCOUNT_CLOSED", "status", alice(**CLOSED)),
        ],
    ),
    "unfreeze": (
        lambda: unfreeze(2),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("INVALID_COMMAND", "account", asks(account_id=b"short")),
            ("ACCOUNT_NOT_FOUND", "account", asks(account_id=EVE)),
            ("ACCOUNT_CLOSED", "status", alice(**CLOSED)),
        ],
    ),
    "fund_reverse": (
        lambda: fund_reverse(2),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "bank", asks(bank="First")),
            ("INVALID_COMMAND", "ref", asks(external_ref="")),
            ("INVALID_COMMAND", "ref", asks(external_ref="x" * 65)),
            ("INVALID_COMMAND", "amount", asks(amount_minor=0)),
            ("INVALID_COMMAND", "currency", asks(currency=26**3)),
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("ENTRY_NOT_FOUND", "ref", asks(external_ref="unknown")),
            ("ENTRY_NOT_FOUND", "bank", asks(bank="second")),
            ("CURRENCY_MISMATCH", "currency", asks(currency=EUR)),
            ("BOUND_EXCEEDED", "amount", asks(amount_minor=100_001)),
            ("OVERFLOW", "receivable", alice(available_minor=0, receivable_minor=MAX)),
        ],
    ),
    "create_hold": (
        lambda: create_hold(2),
        [
            ("INVALID_COMMAND", "id", asks(hold_id=NOT_V7)),
            ("INVALID_COMMAND", "amount", asks(amount_minor=0)),
            ("INVALID_COMMAND", "ttl", asks(ttl_us=0)),
            ("INVALID_COMMAND", "ttl", asks(ttl_us=HOLD_TTL_US_MAX + 1)),
            ("INVALID_COMMAND", "reference", asks(reference=TOO_LONG)),
            ("INVALID_COMMAND", "principal", asks(principal="x" * 129)),
            ("INVALID_COMMAND", "currency", asks(currency=26**3)),
            ("ACCOUNT_NOT_FOUND", "account", asks(account_id=EVE)),
            ("CURRENCY_MISMATCH", "currency", asks(currency=JPY)),
            ("CURRENCY_RETIRED", "currency", retired),
            ("ACCOUNT_CLOSED", "status", alice(**CLOSED)),
            ("ACCOUNT_FROZEN", "status", alice(**FROZEN)),
            ("INSUFFICIENT_FUNDS", "funds", alice(available_minor=4_999)),
            ("INSUFFICIENT_FUNDS", "minimum", alice(min_balance_minor=95_001)),
            ("OVERFLOW", "held", alice(held_minor=MAX - 4_999)),
        ],
    ),
    "capture_hold": (
        lambda: capture_hold(3),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(3, OLD))),
            ("INVALID_COMMAND", "amount", asks(amount_minor=0)),
            ("INVALID_COMMAND", "hold", asks(hold_id=b"short")),
            ("INVALID_COMMAND", "to", asks(to_account_id=b"")),
            ("INVALID_COMMAND", "reference", asks(reference=TOO_LONG)),
            ("ACCOUNT_NOT_FOUND", "to", asks(to_account_id=EVE)),
            ("HOLD_NOT_FOUND", "hold", asks(hold_id=uid(99))),
            ("LIVEMODE_MISMATCH", "livemode", bob(livemode=False)),
            ("CURRENCY_MISMATCH", "currency", asks(currency=EUR)),
            ("CURRENCY_MISMATCH", "bob's currency", bob(currency=EUR)),
            ("WRONG_STATE", "hold's state", hold_is(HoldState.CAPTURED)),
            ("WRONG_STATE", "hold's state", hold_is(HoldState.RELEASED)),
            ("ACCOUNT_CLOSED", "bob's status", bob(**CLOSED)),
            ("ACCOUNT_CLOSED", "alice's status", alice(**CLOSED)),
            ("ACCOUNT_FROZEN", "bob's status", bob(**FROZEN)),
            ("ACCOUNT_FROZEN", "alice's status", alice(**FROZEN)),
            ("HOLD_EXPIRED", "time", hold_until(0)),
            ("HOLD_EXCEEDED", "amount", asks(amount_minor=5_001)),
            ("OVERFLOW", "bob's funds", bob(available_minor=MAX)),
        ],
    ),
    "release_hold": (
        lambda: release_hold(3),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(3, OLD))),
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("INVALID_COMMAND", "hold", asks(hold_id=b"short")),
            ("HOLD_NOT_FOUND", "hold", asks(hold_id=uid(99))),
            ("WRONG_STATE", "hold's state", hold_is(HoldState.CAPTURED)),
            ("WRONG_STATE", "hold's state", hold_is(HoldState.RELEASED)),
            ("HOLD_EXPIRED", "hold's state", hold_is(HoldState.EXPIRED)),
            ("OVERFLOW", "funds", alice(available_minor=MAX)),
        ],
    ),
    "post_entry": (
        lambda: post_entry(3),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(3, OLD))),
            ("INVALID_COMMAND", "reason", asks(reason="")),
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("INVALID_COMMAND", "a", has_leg(AccountKind.HELD, ALICE, 1)),
            ("INVALID_COMMAND", "b", has_leg(AccountKind.AVAILABLE, ALICE, 0)),
            ("ACCOUNT_NOT_FOUND", "c", has_leg(AccountKind.AVAILABLE, EVE, 1)),
            ("LIVEMODE_MISMATCH", "livemode", asks(livemode=False)),
            ("CURRENCY_MISMATCH", "currency", asks(currency=EUR)),
            ("ENTRY_UNBALANCED", "d", has_leg(AccountKind.RETURNS, b"", 1)),
        ],
    ),
    "adjust": (
        lambda: adjust(3),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(3, OLD))),
            ("INVALID_COMMAND", "reason", asks(reason="")),
            ("INVALID_COMMAND", "linked", asks(linked=(0, 0, 0))),
            ("INVALID_COMMAND", "linked", asks(linked=(1, 65_536, 0))),
            ("ACCOUNT_NOT_FOUND", "c", has_leg(AccountKind.AVAILABLE, EVE, 1)),
            ("ENTRY_NOT_FOUND", "linked", asks(linked=(2, 0, 1))),
            ("LIVEMODE_MISMATCH", "livemode", asks(livemode=False)),
            ("CURRENCY_MISMATCH", "currency", asks(currency=EUR)),
            ("ENTRY_UNBALANCED", "d", has_leg(AccountKind.RETURNS, b"", 1)),
        ],
    ),
    "approve_voucher": (
        lambda: approve_voucher(3, voucher_id=VOUCHER),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(3, OLD))),
            ("INVALID_COMMAND", "voucher", asks(voucher_id=b"short")),
            ("ENTRY_NOT_FOUND", "voucher", asks(voucher_id=uid(99))),
            ("WRONG_STATE", "voucher's state", voucher_is(VoucherState.POSTED)),
            ("WRONG_STATE", "voucher's state", voucher_is(VoucherState.REJECTED)),
            ("ACCOUNT_CLOSED", "status", alice(**CLOSED)),
            ("SAME_PERSON", "principal", asks(principal="anna")),
            ("INSUFFICIENT_FUNDS", "funds", alice(available_minor=699)),
        ],
    ),
    "reject_voucher": (
        lambda: reject_voucher(3, voucher_id=VOUCHER),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(3, OLD))),
            ("INVALID_COMMAND", "voucher", asks(voucher_id=b"short")),
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("ENTRY_NOT_FOUND", "voucher", asks(voucher_id=uid(99))),
            ("WRONG_STATE", "voucher's state", voucher_is(VoucherState.POSTED)),
        ],
    ),
    "set_fees": (
        lambda: set_fees(2),
        [
            ("KEY_TOO_OLD", "id", asks(request_id=uid(2, OLD))),
            ("INVALID_COMMAND", "source", asks(source=TOO_LONG)),
            ("INVALID_COMMAND", "a", adds_rule(FeeRule(SWIFT, USD, 0, 0, 0, 0))),
            ("INVALID_COMMAND", "b", adds_rule(FeeRule(SWIFT, JPY, -1, 0, 0, 0))),
            ("INVALID_COMMAND", "c", adds_rule(FeeRule(SWIFT, JPY, 0, 10_001, 0, 0))),
            ("INVALID_COMMAND", "d", adds_rule(FeeRule(SWIFT, JPY, 0, 0, 2, 1))),
            ("INVALID_COMMAND", "e", adds_rule(FeeRule(SWIFT, JPY, 0, 0, 0, 2**63))),
            ("RAIL_NOT_FOUND", "f", adds_rule(FeeRule(999, USD, 0, 0, 0, 1))),
            ("CURRENCY_RETIRED", "g", adds_rule(FeeRule(SWIFT, BGN, 0, 0, 0, 1))),
            ("RAIL_CURRENCY", "h", adds_rule(FeeRule(US_ACH, EUR, 0, 0, 0, 1))),
        ],
    ),
}

SINGLES = [(call, fault) for call, (_, faults) in CASES.items() for fault in faults]
PAIRS = [
    (call, one, other)
    for call, (_, faults) in CASES.items()
    for one, other in combinations(faults, 2)
    if one[0] != other[0] and one[1] != other[1]
]


@pytest.mark.parametrize("call", CASES)
def test_a_call_without_a_fault_is_accepted(call):
    """The scene itself refuses nothing."""
    assert Scene(CASES[call][0]()).play() == Outcome.CREATED.name


@pytest.mark.parametrize(("call", "fault"), SINGLES)
def test_one_fault_gives_its_code(call, fault):
    """Each fault alone is refused with its own code."""
    code, _, apply = fault
    scene = Scene(CASES[call][0]())

    apply(scene)

    assert scene.play() == code


@pytest.mark.parametrize(("call", "one", "other"), PAIRS)
def test_of_two_faults_the_first_code_wins(call, one, other):
    """Only the first code that applies is returned, in the order of the list."""
    scene = Scene(CASES[call][0]())

    one[2](scene)
    other[2](scene)

    assert scene.play() == min(one[0], other[0], key=lambda code: Refusal[code])


@pytest.mark.parametrize("account", ["alice", "bob"])
def test_closed_wins_over_frozen_on_either_side(account):
    """Two accounts of one transfer may have different states."""
    closed, frozen = (alice, bob) if account == "alice" else (bob, alice)
    scene = Scene(transfer(2))

    closed(**CLOSED)(scene)
    frozen(**FROZEN)(scene)

    assert scene.play() == "ACCOUNT_CLOSED"


@pytest.mark.parametrize("call", CASES)
def test_identity_wins_over_everything(call):
    """A key used before is answered before any rule is asked, even of a broken call."""
    first = CASES[call][0]()
    books = ledger()
    books.submit(submit(1))
    stage(books)
    if isinstance(first, Submit):
        books.submit(first)
        again = books.submit(replace(first, amount_minor=0))
    else:
        books.do([first])
        again = books.do([replace(first, principal="x" * 500)])

    assert name(again.outcomes.codes[0]) in {"REPLAYED", "CONFLICT"}


def test_a_transfer_needs_two_accounts():
    """Money that stays where it is is no transfer, even where there is no account."""
    scene = Scene(transfer(2, from_account_id=EVE, to_account_id=EVE))

    assert scene.play() == "INVALID_COMMAND"


def test_codes_are_listed_in_order():
    """The numbers are the order: nothing else decides precedence."""
    codes = [int(refusal) for refusal in Refusal]

    assert codes == sorted(set(codes))
