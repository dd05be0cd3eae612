"""Roles and retired currencies are set: whole versions, from a log time on. 2.7."""

from ledgerd.ledger import currencies, risk, roles
from ledgerd.ledger.currencies import CurrencySet
from ledgerd.ledger.decide.common import INVALID, Decision, Moment
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.roles import RoleSet
from ledgerd.ledger.setting_commands import SetCurrencies, SetRoles, SettingCommand
from ledgerd.ledger.timers import Timer, TimerKind
from ledgerd.ledger.working_set import WorkingSet


def set_roles(state: WorkingSet, moment: Moment, command: SetRoles) -> Decision:
    """Decide one SetRoles. Who sets a version is an admin under it, so one is always left."""
    if not (_is_origin(command) and roles.is_grants_well_formed(command.grants)):
        return INVALID
    if command.expected_version not in (None, state.roles_version):
        return Decision(Refusal.VERSION_MISMATCH)
    if not roles.is_admin(
        command.grants,
        command.principal,
        is_certified_admin=command.is_certified_admin,
    ):
        return Decision(Refusal.ADMIN_LOCKED_OUT)
    from_us = _begun(state, moment, command)
    state.set_roles(
        RoleSet(
            state.roles_version + 1,
            from_us,
            command.source,
            command.as_of,
            command.grants,
        )
    )
    return _told(state, moment, EventKind.ROLES_SET, command.request_id)


def set_currencies(
    state: WorkingSet, moment: Moment, command: SetCurrencies
) -> Decision:
    """Decide one SetCurrencies. What was accepted before goes on."""
    if not (_is_origin(command) and currencies.is_retired_well_formed(command.retired)):
        return INVALID
    if command.expected_version not in (None, state.currencies_version):
        return Decision(Refusal.VERSION_MISMATCH)
    from_us = _begun(state, moment, command)
    state.set_currencies(
        CurrencySet(
            state.currencies_version + 1,
            from_us,
            command.source,
            command.as_of,
            command.retired,
        )
    )
    return _told(state, moment, EventKind.CURRENCIES_SET, command.request_id)


def _is_origin(command: SettingCommand) -> bool:
    return risk.is_origin_well_formed(
        command.effective_from_us, command.source, command.as_of
    )


def _begun(state: WorkingSet, moment: Moment, command: SettingCommand) -> int:
    """Return the log time of the version: no entry at or before this one is under it.

    For a later one a timer moves log time there, also in a cluster that has nothing else to do:
    nodes know by log time alone what is in force.
    """
    from_us = max(command.effective_from_us, moment.ts_us + 1)
    if from_us > moment.ts_us + 1:
        state.add_timer(Timer(from_us, moment.position, TimerKind.SETTING))
    return from_us


def _told(
    state: WorkingSet, moment: Moment, kind: EventKind, request_id: bytes
) -> Decision:
    state.tell(position=moment.first, kind=kind, ts_us=moment.ts_us, subject=request_id)
    return Decision(Outcome.CREATED)
