"""The rail catalogue as messages: what `Admin` and `ledgerctl rail` send and show."""

from collections.abc import Callable
from typing import Final, TypeVar

from ledgerd.api import ids, rail_names, shapes
from ledgerd.api.shapes import Malformed
from ledgerd.api.v1 import rails_pb2 as pb
from ledgerd.formats.rail_records import encode_rail
from ledgerd.ledger import calendars, rails
from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.catalogue import Catalogue, Suspension
from ledgerd.ledger.catalogue_commands import AmendCalendar, SetCatalogue, SuspendRail
from ledgerd.ledger.money import currency_code, currency_number
from ledgerd.ledger.rails import CutOff, Fact, Layer, RailRecord, WallTime, Window
from ledgerd.limits import CATALOGUE_RAILS_MAX, REFERENCE_BYTES_MAX

T = TypeVar("T")
_LAYERS: Final = (
    (Layer.OPERATOR, "operator_cut_off"),
    (Layer.BANK, "bank_cut_off"),
    (Layer.OURS, "own_cut_off"),
)


def set_catalogue(request: pb.SetCatalogueRequest, *, principal: str) -> SetCatalogue:
    """Return the command. Raises NotLogged."""

    def read() -> SetCatalogue:
        count = len(request.rails)
        if not 1 <= count <= CATALOGUE_RAILS_MAX:
            raise Malformed("rails", f"1 .. {CATALOGUE_RAILS_MAX} rails", str(count))
        return SetCatalogue(
            shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            tuple(
                _record(f"rails[{row}]", rail) for row, rail in enumerate(request.rails)
            ),
            principal,
        )

    return _checked(read)


def amend_calendar(
    request: pb.AmendCalendarRequest, *, principal: str
) -> AmendCalendar:
    """Return the command. Raises NotLogged."""

    def read() -> AmendCalendar:
        calendar = calendar_of(request.calendar)
        if not (calendars.is_well_formed(calendar) and calendar.source):
            raise Malformed(
                "calendar",
                "a name, a source, a range, and rising days within it",
                f"{calendar.name or 'no name'} with {len(calendar.closed_days)} days",
            )
        return AmendCalendar(
            shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            calendar,
            principal,
        )

    return _checked(read)


def suspend_rail(request: pb.SuspendRailRequest, *, principal: str) -> SuspendRail:
    """Return the command. Raises NotLogged."""

    def read() -> SuspendRail:
        return SuspendRail(
            shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            shapes.rail("rail", request.rail),
            request.suspended,
            shapes.plain("reason", request.reason, bytes_max=REFERENCE_BYTES_MAX),
            principal,
        )

    return _checked(read)


def catalogue_reply(catalogue: Catalogue) -> pb.GetCatalogueReply:
    """Return all versions, sorted, without the header."""
    return pb.GetCatalogueReply(
        rails=[
            rail_message(rail)
            for _, versions in sorted(catalogue.rails.items())
            for rail in versions
        ],
        calendars=[
            calendar_message(calendar)
            for _, versions in sorted(catalogue.calendars.items())
            for calendar in versions
        ],
        suspensions=[
            _suspension(row) for _, row in sorted(catalogue.suspensions.items())
        ],
    )


def rail_message(rail: RailRecord) -> pb.Rail:
    """Return the message of a record."""
    return pb.Rail(
        number=rail.number,
        name=rail.name,
        version=rail.version,
        effective_from_us=rail.effective_from_us,
        currencies=map(currency_code, rail.currencies),
        countries=rail.countries,
        calendar=rail.calendar,
        zone=rail.zone,
        windows=map(_window, rail.windows),
        arrives_within_s=rail.arrives_within_s,
        amount_units_min=rail.amount_minor_min,
        amount_units_max=rail.amount_minor_max,
        destination_kinds=rail.destination_kinds,
        account_number_bytes_max=rail.account_number_bytes_max,
        reference_bytes_max=rail.reference_bytes_max,
        reference_charset=rail.reference_charset,
        irrevocable=rail.is_irrevocable,
        return_days=rail.return_days,
        recall_days=rail.recall_days,
        deduplicates=rail.deduplicates,
        answers_queries=rail.answers_queries,
        guarantee_s=rail.guarantee_s,
        burns_refused_keys=rail.burns_refused_keys,
        prefunded=rail.is_prefunded,
        absorbs=rail.absorbs,
        statuses=dict(rail.statuses),
        facts=[
            pb.RailFact(
                field=fact.field,
                source=fact.source,
                as_of=fact.as_of,
                effective_from=fact.effective_from,
                unconfirmed=fact.is_unconfirmed,
            )
            for fact in rail.facts
        ],
    )


def calendar_message(calendar: Calendar) -> pb.Calendar:
    """Return the message of a calendar."""
    return pb.Calendar(
        name=calendar.name,
        version=calendar.version,
        effective_from_us=calendar.effective_from_us,
        first_day=calendar.first_day,
        last_day=calendar.last_day,
        closed_weekdays=calendar.closed_weekdays,
        closed_days=calendar.closed_days,
        source=calendar.source,
        as_of=calendar.as_of,
    )


def rail_of(rail: pb.Rail) -> RailRecord:
    """Return the record of a message. Raises ValueError for a currency that is none."""
    return RailRecord(
        number=rail.number,
        name=rail.name,
        version=rail.version,
        effective_from_us=rail.effective_from_us,
        currencies=tuple(map(currency_number, rail.currencies)),
        countries=tuple(rail.countries),
        calendar=rail.calendar,
        zone=rail.zone,
        windows=tuple(map(_window_of, rail.windows)),
        arrives_within_s=rail.arrives_within_s,
        amount_minor_min=rail.amount_units_min,
        amount_minor_max=rail.amount_units_max,
        destination_kinds=tuple(rail.destination_kinds),
        account_number_bytes_max=rail.account_number_bytes_max,
        reference_bytes_max=rail.reference_bytes_max,
        reference_charset=rail.reference_charset,
        is_irrevocable=rail.irrevocable,
        return_days=rail.return_days,
        recall_days=rail.recall_days,
        deduplicates=rail.deduplicates,
        answers_queries=rail.answers_queries,
        guarantee_s=rail.guarantee_s,
        burns_refused_keys=rail.burns_refused_keys,
        is_prefunded=rail.prefunded,
        absorbs=rail.absorbs,
        statuses=tuple(sorted(rail.statuses.items())),
        facts=tuple(
            Fact(
                fact.field,
                fact.source,
                fact.as_of,
                fact.effective_from,
                fact.unconfirmed,
            )
            for fact in rail.facts
        ),
    )


def calendar_of(calendar: pb.Calendar) -> Calendar:
    """Return the calendar of a message."""
    return Calendar(
        name=calendar.name,
        version=calendar.version,
        effective_from_us=calendar.effective_from_us,
        first_day=calendar.first_day,
        last_day=calendar.last_day,
        closed_weekdays=calendar.closed_weekdays,
        closed_days=tuple(calendar.closed_days),
        source=calendar.source,
        as_of=calendar.as_of,
    )


def _checked(read: Callable[[], T]) -> T:
    try:
        return read()
    except Malformed as bad:
        raise bad.error() from None


def _record(field: str, rail: pb.Rail) -> RailRecord:
    try:
        record = rail_of(rail)
        encode_rail(record)
    except ValueError as error:
        raise Malformed(field, "a rail that fits its layout", str(error)) from None
    if not rails.is_well_formed(record):
        raise Malformed(
            field,
            "numbers within their ranges, and windows, calendar and zone together",
            f"the rail {rail.name or 'without a name'}",
        )
    return record


def _window(window: Window) -> pb.RailWindow:
    names = dict(_LAYERS)
    return pb.RailWindow(
        opens=_time(window.opens),
        value_days=window.value_days,
        arrives_second=window.arrives_second,
        **{names[cut_off.layer]: _time(cut_off.at) for cut_off in window.cut_offs},
    )


def _window_of(window: pb.RailWindow) -> Window:
    return Window(
        _time_of(window.opens),
        tuple(
            CutOff(layer, _time_of(getattr(window, name)))
            for layer, name in _LAYERS
            if window.HasField(name)
        ),
        window.value_days,
        window.arrives_second,
    )


def _time(at: WallTime) -> pb.WallTime:
    return pb.WallTime(days=at.days, second=at.second)


def _time_of(at: pb.WallTime) -> WallTime:
    return WallTime(at.days, at.second)


def _suspension(row: Suspension) -> pb.Suspension:
    return pb.Suspension(
        rail=rail_names.known().name(row.rail),
        suspended=row.is_suspended,
        since_us=row.since_us,
        reason=row.reason,
        principal=row.principal,
    )
