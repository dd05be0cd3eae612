"""The bytes of rails and calendars, as they stand in commands and in the rows of `config`.

Big-endian, version u8 first; texts are UTF-8 behind a length u8 (source of a fact u16). Canonical:
one record has one form. A layout is never changed: a new one gets the next version.

Rail, layout 1: version, number u16, version of the record u32, effective from u64, amount min and
max i64, arrives within u32, guarantee u32, account number and reference lengths u16, return and
recall days u16, flags u8 (1 irrevocable, 2 deduplicates, 4 answers queries, 8 burns refused keys,
16 prefunded, 32 absorbs);
name, calendar, zone, charset; then, each behind a count u8: currencies u16, countries as texts,
destination kinds u8, windows, statuses as two texts, facts. A window: opens i8 and u32, value days
u8, arrives u32, count u8 of cut-offs: layer u8, i8 and u32. A fact: field, source, as of, effective
from, unconfirmed u8.

Calendar, layout 1: version, version of the calendar u32, effective from u64, first and last day
i32, closed weekdays u8, name, source, as of, count u16, closed days i32.
"""

from collections.abc import Callable, Iterable
from struct import Struct
from struct import error as StructError
from typing import Final, TypeVar

from ledgerd.ledger.calendars import Calendar
from ledgerd.ledger.rails import CutOff, Fact, Layer, RailRecord, WallTime, Window

_LAYOUT: Final = 1
_RAIL: Final = Struct(">BHIQqqIIHHHHB")
_CALENDAR: Final = Struct(">BIQiiB")
_WINDOW: Final = Struct(">bIBIB")
_CUT_OFF: Final = Struct(">BbI")
_DAY: Final = Struct(">i")
_BYTE: Final = Struct(">B")
_SHORT: Final = Struct(">H")
T = TypeVar("T")


def encode_rail(rail: RailRecord) -> bytes:
    """Return the one form of a record. Raises ValueError where a number or text does not fit."""
    flags = (
        rail.is_irrevocable
        | rail.deduplicates << 1
        | rail.answers_queries << 2
        | rail.burns_refused_keys << 3
        | rail.is_prefunded << 4
        | rail.absorbs << 5
    )
    try:
        return b"".join(
            (
                _RAIL.pack(
                    _LAYOUT,
                    rail.number,
                    rail.version,
                    rail.effective_from_us,
                    rail.amount_minor_min,
                    rail.amount_minor_max,
                    rail.arrives_within_s,
                    rail.guarantee_s,
                    rail.account_number_bytes_max,
                    rail.reference_bytes_max,
                    rail.return_days,
                    rail.recall_days,
                    flags,
                ),
                _text(rail.name),
                _text(rail.calendar),
                _text(rail.zone),
                _text(rail.reference_charset),
                _counted(map(_SHORT.pack, rail.currencies)),
                _counted(map(_text, rail.countries)),
                _counted(map(_BYTE.pack, rail.destination_kinds)),
                _counted(map(_window, rail.windows)),
                _counted(_text(theirs) + _text(ours) for theirs, ours in rail.statuses),
                _counted(map(_fact, rail.facts)),
            )
        )
    except (StructError, OverflowError) as error:
        raise ValueError(
            f"rail {rail.name} does not fit its layout: {error}"
        ) from error


def decode_rail(body: bytes) -> RailRecord:
    """Return the record. Raises ValueError unless `body` is exactly one form of one."""
    read = _Reader(body)
    (
        _,
        number,
        version,
        effective_from_us,
        amount_minor_min,
        amount_minor_max,
        arrives_within_s,
        guarantee_s,
        account_number_bytes_max,
        reference_bytes_max,
        return_days,
        recall_days,
        flags,
    ) = read.head(_RAIL)
    rail = RailRecord(
        number=number,
        name=read.text(),
        version=version,
        effective_from_us=effective_from_us,
        calendar=read.text(),
        zone=read.text(),
        reference_charset=read.text(),
        currencies=read.counted(lambda: read.one(_SHORT)),
        countries=read.counted(read.text),
        destination_kinds=read.counted(lambda: read.one(_BYTE)),
        windows=read.counted(read.window),
        statuses=read.counted(lambda: (read.text(), read.text())),
        facts=read.counted(read.fact),
        arrives_within_s=arrives_within_s,
        amount_minor_min=amount_minor_min,
        amount_minor_max=amount_minor_max,
        account_number_bytes_max=account_number_bytes_max,
        reference_bytes_max=reference_bytes_max,
        is_irrevocable=bool(flags & 1),
        return_days=return_days,
        recall_days=recall_days,
        deduplicates=bool(flags & 2),
        answers_queries=bool(flags & 4),
        guarantee_s=guarantee_s,
        burns_refused_keys=bool(flags & 8),
        is_prefunded=bool(flags & 16),
        absorbs=bool(flags & 32),
    )
    read.end()
    if encode_rail(rail) != body:
        raise ValueError(f"rail {rail.name} is not in its one form")
    return rail


def encode_calendar(calendar: Calendar) -> bytes:
    """Return the one form of a calendar. Raises ValueError where something does not fit."""
    try:
        return b"".join(
            (
                _CALENDAR.pack(
                    _LAYOUT,
                    calendar.version,
                    calendar.effective_from_us,
                    calendar.first_day,
                    calendar.last_day,
                    calendar.closed_weekdays,
                ),
                _text(calendar.name),
                _text(calendar.source),
                _text(calendar.as_of),
                _SHORT.pack(len(calendar.closed_days)),
                *map(_DAY.pack, calendar.closed_days),
            )
        )
    except (StructError, OverflowError) as error:
        raise ValueError(
            f"calendar {calendar.name} does not fit its layout: {error}"
        ) from error


def decode_calendar(body: bytes) -> Calendar:
    """Return the calendar. Raises ValueError unless `body` is exactly one form of one."""
    read = _Reader(body)
    _, version, effective_from_us, first_day, last_day, weekdays = read.head(_CALENDAR)
    name, source, as_of = read.text(), read.text(), read.text()
    days = tuple(read.one(_DAY) for _ in range(read.one(_SHORT)))
    read.end()
    return Calendar(
        name=name,
        version=version,
        effective_from_us=effective_from_us,
        first_day=first_day,
        last_day=last_day,
        closed_weekdays=weekdays,
        closed_days=days,
        source=source,
        as_of=as_of,
    )


def _text(text: str) -> bytes:
    raw = text.encode()
    return _BYTE.pack(len(raw)) + raw


def _counted(parts: Iterable[bytes]) -> bytes:
    items = list(parts)
    return _BYTE.pack(len(items)) + b"".join(items)


def _window(window: Window) -> bytes:
    head = _WINDOW.pack(
        window.opens.days,
        window.opens.second,
        window.value_days,
        window.arrives_second,
        len(window.cut_offs),
    )
    return head + b"".join(
        _CUT_OFF.pack(cut_off.layer, cut_off.at.days, cut_off.at.second)
        for cut_off in window.cut_offs
    )


def _fact(fact: Fact) -> bytes:
    source = fact.source.encode()
    return b"".join(
        (
            _text(fact.field),
            _SHORT.pack(len(source)),
            source,
            _text(fact.as_of),
            _text(fact.effective_from),
            _BYTE.pack(fact.is_unconfirmed),
        )
    )


class _Reader:
    """Takes a body apart from front to back. Raises ValueError where it ends too early."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def head(self, layout: Struct) -> tuple[int, ...]:
        found = self._unpack(layout)
        if found[0] != _LAYOUT:
            raise ValueError(f"expected layout {_LAYOUT}, found {found[0]}")
        return found

    def one(self, layout: Struct) -> int:
        (found,) = self._unpack(layout)
        return found

    def text(self) -> str:
        return self._take(self.one(_BYTE)).decode()

    def counted(self, item: Callable[[], T]) -> tuple[T, ...]:
        return tuple(item() for _ in range(self.one(_BYTE)))

    def window(self) -> Window:
        days, second, value_days, arrives_second, count = self._unpack(_WINDOW)
        cut_offs = []
        for _ in range(count):
            layer, at_days, at_second = self._unpack(_CUT_OFF)
            cut_offs.append(CutOff(Layer(layer), WallTime(at_days, at_second)))
        return Window(
            WallTime(days, second), tuple(cut_offs), value_days, arrives_second
        )

    def fact(self) -> Fact:
        field = self.text()
        source = self._take(self.one(_SHORT)).decode()
        return Fact(field, source, self.text(), self.text(), bool(self.one(_BYTE)))

    def end(self) -> None:
        if self._at != len(self._body):
            raise ValueError(f"expected {self._at} bytes, found {len(self._body)}")

    def _unpack(self, layout: Struct) -> tuple[int, ...]:
        return layout.unpack(self._take(layout.size))

    def _take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._body):
            raise ValueError(f"expected {self._at} bytes, found {len(self._body)}")
        return self._body[start : self._at]
