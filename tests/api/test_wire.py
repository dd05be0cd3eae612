"""The public messages: their numbers are those of the ledger, and nothing of them is ever lost."""

from pathlib import Path

from ledgerd.api.v1 import (
    accounts_pb2,
    admin_pb2,
    audit_pb2,
    cluster_pb2,
    common_pb2,
    dispatch_pb2,
    events_pb2,
    payouts_pb2,
    rails_pb2,
    risk_pb2,
    settings_pb2,
)
from ledgerd.ledger import vouchers
from ledgerd.ledger.accounts import AccountStatus
from ledgerd.ledger.commands import Finding
from ledgerd.ledger.exceptions import ExceptionCause, Resolution
from ledgerd.ledger.holds import HoldState
from ledgerd.ledger.outcomes import Refusal
from ledgerd.ledger.payouts import FailureReason, PayoutState
from ledgerd.ledger.risk import Action, LimitKind, RuleKind
from ledgerd.ledger.roles import RoleKind
from ledgerd.ledger.vouchers import VoucherState
from ledgerd.raft.entries import Role
from ledgerd.security.identity import Role as CertifiedRole
from ledgerd.transport.v1 import peer_pb2

GOLDEN = Path(__file__).parent / "golden" / "descriptors.txt"
FILES = (
    common_pb2,
    payouts_pb2,
    accounts_pb2,
    admin_pb2,
    cluster_pb2,
    events_pb2,
    audit_pb2,
    dispatch_pb2,
    rails_pb2,
    risk_pb2,
    settings_pb2,
    peer_pb2,
)


def numbers(enum: object) -> dict[str, int]:
    values = dict(enum.items())
    assert values.pop(next(name for name, number in values.items() if number == 0)) == 0
    return values


def test_refusal_codes_are_those_of_the_ledger() -> None:
    """Each code has the same name and number on the wire and in the log."""
    ours = {refusal.name: int(refusal) for refusal in Refusal}

    assert ours == numbers(common_pb2.RefusalCode)


def test_states_are_those_of_the_ledger() -> None:
    """Payouts and accounts have the same states on the wire and in the ledger."""
    assert {item.name: int(item) for item in PayoutState} == numbers(
        payouts_pb2.PayoutState
    )
    assert {item.name: int(item) for item in AccountStatus} == numbers(
        accounts_pb2.AccountStatus
    )


def test_exceptions_are_those_of_the_ledger() -> None:
    """Causes and resolutions by name, reasons of a failure by number: some names are taken."""
    assert {item.name: int(item) for item in ExceptionCause} == numbers(
        audit_pb2.PayoutException.Cause
    )
    assert {item.name: int(item) for item in Resolution} == numbers(
        audit_pb2.ExceptionResolution
    )
    assert sorted(map(int, FailureReason))[1:] == sorted(
        numbers(payouts_pb2.FailureReason).values()
    )


def test_findings_are_those_of_the_ledger() -> None:
    """What a person may say of a payout has its number on the wire."""
    assert {item.name: int(item) for item in Finding} == numbers(
        payouts_pb2.TellEvidenceRequest.Finding
    )


def test_limits_and_rules_are_those_of_the_ledger() -> None:
    """Kinds and actions have their numbers on the wire."""
    assert {item.name: int(item) for item in LimitKind} == numbers(risk_pb2.Limit.Kind)
    assert {item.name: int(item) for item in RuleKind} == numbers(
        risk_pb2.RiskRule.Kind
    )
    assert {item.name: int(item) for item in Action} == numbers(
        risk_pb2.RiskRule.Action
    )


def test_roles_of_clients_are_those_of_the_ledger() -> None:
    """And of certificates: each role has one name and one number."""
    ours = {item.name: int(item) for item in RoleKind}

    assert ours == numbers(settings_pb2.Grant.Role)
    assert ours.keys() == {item.name for item in CertifiedRole}


def test_holds_and_vouchers_are_those_of_the_ledger() -> None:
    """States have their numbers on the wire, and legs name what a voucher may touch."""
    assert {item.name: int(item) for item in HoldState} == numbers(
        accounts_pb2.Hold.State
    )
    assert {item.name: int(item) for item in VoucherState} == numbers(
        accounts_pb2.Voucher.State
    )
    reachable = vouchers.CUSTOMER_KINDS | vouchers.BANK_KINDS | vouchers.OWN_KINDS
    assert {item.name: int(item) for item in reachable} == numbers(
        accounts_pb2.EntryLeg.Kind
    )


def test_roles_are_those_of_consensus() -> None:
    """Each role has its name on the wire."""
    assert {role.name for role in Role} == set(numbers(admin_pb2.NodeRole))


def described() -> list[str]:
    """Return one line for each field, enum value and call."""
    lines: list[str] = []

    def message(item: object) -> None:
        for field in item.fields:
            kind = field.message_type or field.enum_type
            type_name = kind.full_name if kind else str(field.type)
            repeated = "repeated " if field.is_repeated else ""
            lines.append(f"{field.full_name} = {field.number} {repeated}{type_name}")
        for nested in item.nested_types:
            message(nested)
        for nested in item.enum_types:
            enum(nested)

    def enum(item: object) -> None:
        lines.extend(
            f"{item.full_name}.{value.name} = {value.number}" for value in item.values
        )

    for file in FILES:
        descriptor = file.DESCRIPTOR
        for item in descriptor.message_types_by_name.values():
            message(item)
        for item in descriptor.enum_types_by_name.values():
            enum(item)
        for service in descriptor.services_by_name.values():
            lines.extend(
                f"{method.full_name} ({method.input_type.full_name}) "
                f"({method.output_type.full_name})"
                for method in service.methods
            )
    return sorted(lines)


def test_nothing_on_the_wire_is_removed_renumbered_or_retyped() -> None:
    """Every line of the list stands; what was added is added to the list with it."""
    assert GOLDEN.read_text().splitlines() == described()
