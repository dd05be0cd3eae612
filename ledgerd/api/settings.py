"""Roles of clients and retired currencies as messages: what `Admin` takes and shows."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from ledgerd.api import ids, shapes
from ledgerd.api.shapes import Malformed
from ledgerd.api.v1 import settings_pb2 as pb
from ledgerd.ledger.currencies import CurrencySet
from ledgerd.ledger.money import CURRENCIES, currency_code
from ledgerd.ledger.policy import Policy
from ledgerd.ledger.roles import Grant, RoleKind, RoleSet
from ledgerd.ledger.setting_commands import SetCurrencies, SetRoles
from ledgerd.limits import RAIL_FACT_BYTES_MAX, ROLE_GRANTS_MAX
from ledgerd.security.identity import check_principal

T = TypeVar("T")
_TEXT_MAX: Final = RAIL_FACT_BYTES_MAX - 1


def set_roles(
    request: pb.SetRolesRequest, *, principal: str, is_certified_admin: bool
) -> SetRoles:
    """Return the command, with what the caller's certificate says. Raises NotLogged."""

    def read() -> SetRoles:
        _at_most("grants", len(request.grants), ROLE_GRANTS_MAX)
        grants = [
            _grant(f"grants[{row}]", grant) for row, grant in enumerate(request.grants)
        ]
        _once("grants", [grant.principal for grant in grants])
        return SetRoles(
            shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            *_origin(request),
            tuple(sorted(grants)),
            principal,
            is_certified_admin,
            _expected_version(request),
        )

    return _checked(read)


def set_currencies(
    request: pb.SetCurrenciesRequest, *, principal: str
) -> SetCurrencies:
    """Return the command. Raises NotLogged."""

    def read() -> SetCurrencies:
        _at_most("retired", len(request.retired), len(CURRENCIES))
        _once("retired", request.retired)
        retired = [
            shapes.currency(f"retired[{row}]", code)[0]
            for row, code in enumerate(request.retired)
        ]
        return SetCurrencies(
            shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            *_origin(request),
            tuple(sorted(retired)),
            principal,
            _expected_version(request),
        )

    return _checked(read)


def roles_reply(policy: Policy) -> pb.GetRolesReply:
    """Return all versions of the roles, without the header."""
    return pb.GetRolesReply(versions=map(_role_set, policy.roles))


def currencies_reply(policy: Policy, log_time_us: int) -> pb.GetCurrenciesReply:
    """Return all versions of the retired currencies, and the table; without the header."""
    retired = policy.retired_at(log_time_us + 1)
    return pb.GetCurrenciesReply(
        versions=map(_currency_set, policy.currencies),
        currencies=[
            pb.Currency(
                code=row.code, exponent=row.exponent, is_retired=row.number in retired
            )
            for _, row in sorted(CURRENCIES.items())
        ],
    )


def _checked(read: Callable[[], T]) -> T:
    try:
        return read()
    except Malformed as bad:
        raise bad.error() from None


def _at_most(field: str, count: int, count_max: int) -> None:
    if count > count_max:
        raise Malformed(field, f"at most {count_max}", str(count))


def _once(field: str, names: Iterable[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise Malformed(field, "each name once", shapes.quoted(twice[0]) + " twice")


def _origin(
    request: pb.SetRolesRequest | pb.SetCurrenciesRequest,
) -> tuple[int, str, str]:
    if request.effective_from_us < 0:
        raise Malformed(
            "effective_from_us", "0 or a log time", str(request.effective_from_us)
        )
    return (
        request.effective_from_us,
        shapes.plain("source", request.source, bytes_min=1, bytes_max=_TEXT_MAX),
        shapes.plain("as_of", request.as_of, bytes_max=_TEXT_MAX),
    )


def _expected_version(
    request: pb.SetRolesRequest | pb.SetCurrenciesRequest,
) -> int | None:
    return request.expected_version if request.HasField("expected_version") else None


def _grant(field: str, grant: pb.Grant) -> Grant:
    try:
        check_principal(grant.principal)
    except ValueError:
        raise Malformed(
            f"{field}.principal",
            "the name in a client's certificate",
            shapes.quoted(grant.principal),
        ) from None
    known: Sequence[int] = [int(role) for role in RoleKind]
    for row, role in enumerate(grant.roles):
        if role not in known:
            names = ", ".join(role.name for role in RoleKind)
            raise Malformed(f"{field}.roles[{row}]", f"one of {names}", str(role))
    return Grant(grant.principal, tuple(map(RoleKind, sorted(set(grant.roles)))))


def _role_set(row: RoleSet) -> pb.RoleSet:
    return pb.RoleSet(
        version=row.version,
        effective_from_us=row.effective_from_us,
        source=row.source,
        as_of=row.as_of,
        grants=[
            pb.Grant(
                principal=grant.principal,
                roles=[pb.Grant.Role.Name(role) for role in grant.roles],
            )
            for grant in row.grants
        ],
    )


def _currency_set(row: CurrencySet) -> pb.CurrencySet:
    return pb.CurrencySet(
        version=row.version,
        effective_from_us=row.effective_from_us,
        source=row.source,
        as_of=row.as_of,
        retired=map(currency_code, row.retired),
    )
