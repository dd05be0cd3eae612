"""The rail catalogue: versions of rails and calendars, and whether a rail is suspended. 2.7, 8."""

from dataclasses import replace

from ledgerd.ledger import calendars, rails
from ledgerd.ledger.catalogue import RAILS, Suspension
from ledgerd.ledger.catalogue_commands import AmendCalendar, SetCatalogue, SuspendRail
from ledgerd.ledger.decide.common import INVALID, Decision, Moment, is_short
from ledgerd.ledger.events import EventKind
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.rails import RailRecord
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.limits import CATALOGUE_RAILS_MAX, RAIL_FACT_BYTES_MAX, REFERENCE_BYTES_MAX


def set_catalogue(state: WorkingSet, moment: Moment, command: SetCatalogue) -> Decision:
    """Decide one SetCatalogue: all of its rails, or none."""
    numbers = {rail.number for rail in command.rails}
    if not (
        0 < len(command.rails) <= CATALOGUE_RAILS_MAX
        and len(numbers) == len(command.rails)
        and all(rails.is_well_formed(rail) for rail in command.rails)
    ):
        return INVALID
    refusals = [
        code for rail in command.rails if (code := _refuse(state, rail)) is not None
    ]
    if len({rail.name for rail in command.rails}) < len(numbers):
        refusals.append(Refusal.RAIL_NOT_FOUND)
    if refusals:
        return Decision(min(refusals))
    for rail in sorted(command.rails, key=lambda rail: rail.number):
        state.set_rail(
            replace(
                rail,
                version=len(state.rail_versions(rail.number)) + 1,
                effective_from_us=max(rail.effective_from_us, moment.ts_us),
            )
        )
    _tell(state, moment, EventKind.CATALOGUE_SET, command.request_id)
    return Decision(Outcome.CREATED)


def amend_calendar(
    state: WorkingSet, moment: Moment, command: AmendCalendar
) -> Decision:
    """Decide one AmendCalendar: the calendar as a whole, from its time on."""
    calendar = command.calendar
    if not (
        calendars.is_well_formed(calendar)
        and calendar.effective_from_us >= 0
        and calendar.source
        and is_short(calendar.source, RAIL_FACT_BYTES_MAX - 1)
        and is_short(calendar.as_of, RAIL_FACT_BYTES_MAX - 1)
    ):
        return INVALID
    state.set_calendar(
        replace(
            calendar,
            version=len(state.calendar_versions(calendar.name)) + 1,
            effective_from_us=max(calendar.effective_from_us, moment.ts_us),
        )
    )
    _tell(state, moment, EventKind.CALENDAR_AMENDED, command.request_id)
    return Decision(Outcome.CREATED)


def suspend_rail(state: WorkingSet, moment: Moment, command: SuspendRail) -> Decision:
    """Decide one SuspendRail. What the rail is already is accepted and changes nothing."""
    if not is_short(command.reason, REFERENCE_BYTES_MAX):
        return INVALID
    if command.rail not in state.rail_names().values():
        return Decision(Refusal.RAIL_NOT_FOUND)
    before = state.suspension(command.rail)
    if before.is_suspended is not command.is_suspended:
        state.set_suspension(
            Suspension(
                command.rail,
                command.is_suspended,
                moment.ts_us,
                command.reason,
                command.principal,
            )
        )
        kind = (
            EventKind.RAIL_SUSPENDED if command.is_suspended else EventKind.RAIL_RESUMED
        )
        _tell(state, moment, kind, command.request_id)
    return Decision(Outcome.CREATED)


def _refuse(state: WorkingSet, rail: RailRecord) -> Refusal | None:
    """Return why a rail cannot be set so: its number, name and currency are durable.

    A number that no rail has had is a new rail, if its name is new, too.
    """
    names = state.rail_names()
    if rail.number not in names.values():
        return Refusal.RAIL_NOT_FOUND if rail.name in names else None
    if names.get(rail.name) != rail.number:
        return Refusal.RAIL_NOT_FOUND
    seed, versions = RAILS.get(rail.number), state.rail_versions(rail.number)
    currencies = versions[0].currencies if seed is None else seed.currencies
    return None if rail.currencies == currencies else Refusal.RAIL_CURRENCY


def _tell(
    state: WorkingSet, moment: Moment, kind: EventKind, request_id: bytes
) -> None:
    state.tell(position=moment.first, kind=kind, ts_us=moment.ts_us, subject=request_id)
