"""Refusals of calls about payouts: of two that apply, the first of the list is given. 9.4."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from ledgerd.formats import records
from ledgerd.ledger import catalogue
from ledgerd.ledger.accounts import AccountKind, Book, InternalKey, LedgerAccount
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.payouts import PayoutFlag, PayoutState, Trigger
from ledgerd.ledger.view import Writes
from ledgerd.timetable.rail_file import seed
from tests.ledger.making import ALICE, EUR, MAX, SANDBOX, SWIFT, USD, names, uid
from tests.ledger.stages import PAYOUT, Stage, stage

S, T = PayoutState, Trigger
OLD = uid(2, 1_000_000_000_000)  # milliseconds: long before any ledger of these tests
TOO_LONG = "x" * 141
ACH = seed()[1]
TO_IBANS = replace(ACH, destination_kinds=(1,))
MORE, LESS = replace(ACH, amount_minor_min=1_001), replace(ACH, amount_minor_max=999)


@dataclass
class Scene:
    """A payout in the state that a call needs, and what is wrong with the call or with it."""

    trigger: Trigger
    state: PayoutState
    changes: dict[str, object] = field(default_factory=dict)
    payout: dict[str, object] = field(default_factory=dict)
    account: dict[str, object] = field(default_factory=dict)
    rails: dict[int, dict[str, object]] = field(default_factory=dict)
    internals: dict[AccountKind, int] = field(default_factory=dict)

    def play(self, monkeypatch: pytest.MonkeyPatch) -> str:
        """Return the name of the answer."""
        made = stage(self.state, monkeypatch)
        command = made.command(self.trigger, **self.changes)
        self._spoil(made)
        for number, changes in self.rails.items():
            rail = catalogue.RAILS[number]._replace(**changes)  # type: ignore[arg-type]
            monkeypatch.setitem(catalogue.RAILS, number, rail)
        (answer,) = names(made.do(command))
        return answer

    def _spoil(self, made: Stage) -> None:
        head, _ = made.row
        if self.payout:
            status = made.status._replace(**self.payout)  # type: ignore[arg-type]
            made.books.plant_status(head.position, status)
        account = made.books.view.account(ALICE)
        assert account is not None
        for name, value in self.account.items():
            setattr(account, name, value)
        made.books.plant(account)
        keys = {
            AccountKind.IN_TRANSIT: b"swift",
            AccountKind.BANK_CASH: b"main",
        }
        rows = [
            (InternalKey(Book(True, USD), LedgerAccount(kind, keys[kind])), balance)
            for kind, balance in self.internals.items()
        ]
        made.books.view.write(records.encode_writes(Writes(internals=rows)))


Fault = Callable[[Scene], None]


def asks(**changes: object) -> Fault:
    return lambda scene: scene.changes.update(changes)


def payout_is(**changes: object) -> Fault:
    return lambda scene: scene.payout.update(changes)


def account_is(**changes: object) -> Fault:
    return lambda scene: scene.account.update(changes)


def rail_is(number: int = SWIFT, **changes: object) -> Fault:
    return lambda scene: scene.rails.setdefault(number, {}).update(changes)


def holds(kind: AccountKind, minor: int) -> Fault:
    return lambda scene: scene.internals.update({kind: minor})


KEYED = [
    ("KEY_TOO_OLD", "id", asks(request_id=OLD)),
    ("INVALID_COMMAND", "id", asks(request_id=bytes(16))),
    ("INVALID_COMMAND", "principal", asks(principal="x" * 129)),
]
NAMED = [
    *KEYED,
    ("INVALID_COMMAND", "payout", asks(payout_id=b"short")),
    ("PAYOUT_NOT_FOUND", "payout", asks(payout_id=uid(99))),
]
SILENT = payout_is(flags=PayoutFlag.NOT_FOUND)
FULL = account_is(available_minor=MAX)
EVIDENCE = [
    *KEYED,
    ("INVALID_COMMAND", "key", asks(rail_key="short")),
    ("INVALID_COMMAND", "reference", asks(reference="")),
    ("INVALID_COMMAND", "reference", asks(reference="x" * 65)),
    ("RAIL_NOT_FOUND", "rail", asks(rail=999)),
    ("RAIL_KEY_UNKNOWN", "key", asks(rail_key="A" * 15)),
]

# Per call: the state it needs, and per fault its code, what it changes, and itself.
CASES: dict[Trigger, tuple[PayoutState, list[tuple[str, str, Fault]]]] = {
    T.APPROVE: (
        S.IN_REVIEW,
        [
            *NAMED,
            ("VERSION_MISMATCH", "version", asks(expected_version=99)),
            ("WRONG_STATE", "state", payout_is(state=S.SENT, sequence=1)),
            ("SAME_PERSON", "principal", asks(principal="svc")),
        ],
    ),
    T.REJECT: (
        S.IN_REVIEW,
        [
            *NAMED,
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("VERSION_MISMATCH", "version", asks(expected_version=99)),
            ("WRONG_STATE", "state", payout_is(state=S.SENT, sequence=1)),
            ("SAME_PERSON", "principal", asks(principal="svc")),
            ("OVERFLOW", "available", FULL),
        ],
    ),
    T.CANCEL: (
        S.READY,
        [
            *NAMED,
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("INVALID_COMMAND", "approver", asks(approver="x" * 129)),
            ("VERSION_MISMATCH", "version", asks(expected_version=99)),
            ("WRONG_STATE", "state", payout_is(state=S.SENT, sequence=1)),
            ("EXCEPTION_OPEN", "exceptions", payout_is(open_exceptions=1, sequence=1)),
            ("APPROVAL_MISSING", "approver", SILENT),
            ("OVERFLOW", "available", FULL),
        ],
    ),
    T.REROUTE: (
        S.READY,
        [
            *NAMED,
            ("INVALID_COMMAND", "approver", asks(approver="x" * 129)),
            ("RAIL_NOT_FOUND", "rail", asks(rail=999)),
            ("LIVEMODE_MISMATCH", "rail", asks(rail=SANDBOX)),
            ("VERSION_MISMATCH", "version", asks(expected_version=99)),
            ("WRONG_STATE", "state", payout_is(state=S.SENT, sequence=1)),
            ("EXCEPTION_OPEN", "exceptions", payout_is(open_exceptions=1, sequence=1)),
            ("APPROVAL_MISSING", "approver", SILENT),
            ("RAIL_SUSPENDED", "the rail's state", rail_is(2, is_suspended=True)),
            ("RAIL_CURRENCY", "its currency", rail_is(2, currencies=(EUR,))),
            ("RAIL_DESTINATION", "record", rail_is(2, record=TO_IBANS)),
            ("RAIL_AMOUNT_MIN", "record", rail_is(2, record=MORE)),
            ("RAIL_AMOUNT_MAX", "record", rail_is(2, record=LESS)),
            ("OVERFLOW", "available", FULL),
        ],
    ),
    T.REDATE: (
        S.SCHEDULED,
        [
            *NAMED,
            ("INVALID_COMMAND", "time", asks(release_at_us=0)),
            ("INVALID_COMMAND", "date", asks(arrival_date=-1)),
            ("VERSION_MISMATCH", "calendar", payout_is(calendar_version=9, sequence=1)),
            ("WRONG_STATE", "state", payout_is(state=S.SENT, sequence=1)),
        ],
    ),
    T.REQUEST_RECALL: (
        S.SETTLED,
        [
            *NAMED,
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("VERSION_MISMATCH", "version", asks(expected_version=99)),
            ("WRONG_STATE", "state", payout_is(state=S.FAILED)),
            ("RECALL_UNSUPPORTED", "recall", rail_is(recall_us=0)),
            ("RECALL_WINDOW_CLOSED", "time", payout_is(final_at_us=1)),
        ],
    ),
    T.DISPATCH_BEGIN: (
        S.READY,
        [
            *NAMED,
            ("INVALID_COMMAND", "lease", asks(lease_us=0)),
            ("INVALID_COMMAND", "lease", asks(lease_us=2**50)),
            ("INVALID_COMMAND", "attempt", asks(attempt=0)),
            ("VERSION_MISMATCH", "attempt", asks(attempt=5)),
            ("WRONG_STATE", "state", payout_is(state=S.SENT, sequence=1)),
            ("EXCEPTION_OPEN", "exceptions", payout_is(open_exceptions=1, sequence=1)),
            ("VERSION_MISMATCH", "settings", asks(rail_version=7)),
            ("RAIL_SUSPENDED", "the rail's state", rail_is(is_suspended=True)),
            ("CUTOFF_PASSED", "window", asks(window_closes_us=1)),
            ("INSUFFICIENT_PREFUNDING", "prefunding", rail_is(is_prefunded=True)),
            ("OVERFLOW", "transit", holds(AccountKind.IN_TRANSIT, MAX)),
        ],
    ),
    T.DISPATCH_CLAIM: (
        S.DISPATCHING,
        [
            *NAMED,
            ("INVALID_COMMAND", "lease", asks(lease_us=0)),
            ("VERSION_MISMATCH", "attempt", asks(attempt=9)),
            ("WRONG_STATE", "state", payout_is(state=S.SENT)),
            ("LEASE_HELD", "worker", payout_is(worker="somebody")),
        ],
    ),
    T.RAISE_ATTENTION: (
        S.DISPATCHING,
        [
            *NAMED,
            ("INVALID_COMMAND", "reason", asks(reason=TOO_LONG)),
            ("INVALID_COMMAND", "attempt", asks(attempt=-1)),
            ("VERSION_MISMATCH", "attempt", asks(attempt=9)),
            ("WRONG_STATE", "state", payout_is(state=S.SENT)),
            ("LEASE_HELD", "worker", payout_is(worker="somebody")),
        ],
    ),
    T.RAIL_ACK: (S.DISPATCHING, EVIDENCE),
    T.RAIL_NOT_ACCEPTED: (
        S.DISPATCHING,
        [
            *EVIDENCE,
            ("VERSION_MISMATCH", "claim", asks(claim_index=99)),
            ("OVERFLOW", "reserved", account_is(reserved_minor=MAX)),
        ],
    ),
    T.RAIL_REJECT: (
        S.SENT,
        [
            *EVIDENCE,
            ("INVALID_COMMAND", "code", asks(code="x" * 36)),
            ("OVERFLOW", "available", FULL),
        ],
    ),
    T.SETTLE: (
        S.SENT,
        [
            *EVIDENCE,
            ("INVALID_COMMAND", "date", asks(value_date=-1)),
            ("INVALID_COMMAND", "cost", asks(cost_minor=-1)),
            ("OVERFLOW", "cash", holds(AccountKind.BANK_CASH, -(2**63))),
        ],
    ),
    T.RETURN: (
        S.SETTLED,
        [
            *EVIDENCE,
            ("INVALID_COMMAND", "amount", asks(amount_minor=0)),
            ("RETURN_EXCEEDS_PAYOUT", "amount", asks(amount_minor=1_001)),
            ("OVERFLOW", "available", FULL),
        ],
    ),
    T.REVERSAL_COMPLETE: (
        S.SETTLED,
        [
            *EVIDENCE,
            ("INVALID_COMMAND", "amount", asks(amount_minor=-1)),
            ("RETURN_EXCEEDS_PAYOUT", "amount", asks(amount_minor=1_001)),
            ("OVERFLOW", "cash", holds(AccountKind.BANK_CASH, MAX)),
        ],
    ),
}
SINGLES = [
    pytest.param(trigger, fault, id=f"{trigger.name}-{fault[0]}-{fault[1]}")
    for trigger, (_, faults) in CASES.items()
    for fault in faults
]
PAIRS = [
    pytest.param(trigger, one, other, id=f"{trigger.name}-{one[0]}-{other[0]}")
    for trigger, (_, faults) in CASES.items()
    for one, other in itertools.combinations(faults, 2)
    if one[1] != other[1] and one[0] != other[0]
]


@pytest.mark.parametrize("trigger", CASES)
def test_without_a_fault_the_call_is_accepted(trigger, monkeypatch):
    """What the cases below break is sound before."""
    assert Scene(trigger, CASES[trigger][0]).play(monkeypatch) == Outcome.CREATED.name


@pytest.mark.parametrize(("trigger", "fault"), SINGLES)
def test_each_fault_has_its_code(trigger, fault, monkeypatch):
    """One thing is wrong, and its code is given."""
    code, _, apply = fault
    scene = Scene(trigger, CASES[trigger][0])
    apply(scene)

    assert scene.play(monkeypatch) == code


@pytest.mark.parametrize(("trigger", "one", "other"), PAIRS)
def test_of_two_faults_the_first_code_wins(trigger, one, other, monkeypatch):
    """Only the first code that applies is returned, in the order of the list."""
    scene = Scene(trigger, CASES[trigger][0])
    one[2](scene)
    other[2](scene)
    expected = min(one[0], other[0], key=lambda code: Refusal[code])

    assert scene.play(monkeypatch) == expected


def test_the_payout_of_these_cases_is_that_of_the_stages():
    """Its id is what the calls name."""
    assert stage(S.READY).row[0].payout_id == PAYOUT
