from ledgerd.api.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WallTime(_message.Message):
    __slots__ = ("days", "second")
    DAYS_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    days: int
    second: int
    def __init__(self, days: _Optional[int] = ..., second: _Optional[int] = ...) -> None: ...

class RailWindow(_message.Message):
    __slots__ = ("opens", "operator_cut_off", "bank_cut_off", "own_cut_off", "value_days", "arrives_second")
    OPENS_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_CUT_OFF_FIELD_NUMBER: _ClassVar[int]
    BANK_CUT_OFF_FIELD_NUMBER: _ClassVar[int]
    OWN_CUT_OFF_FIELD_NUMBER: _ClassVar[int]
    VALUE_DAYS_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_SECOND_FIELD_NUMBER: _ClassVar[int]
    opens: WallTime
    operator_cut_off: WallTime
    bank_cut_off: WallTime
    own_cut_off: WallTime
    value_days: int
    arrives_second: int
    def __init__(self, opens: _Optional[_Union[WallTime, _Mapping]] = ..., operator_cut_off: _Optional[_Union[WallTime, _Mapping]] = ..., bank_cut_off: _Optional[_Union[WallTime, _Mapping]] = ..., own_cut_off: _Optional[_Union[WallTime, _Mapping]] = ..., value_days: _Optional[int] = ..., arrives_second: _Optional[int] = ...) -> None: ...

class RailFact(_message.Message):
    __slots__ = ("field", "source", "as_of", "effective_from", "unconfirmed")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_FIELD_NUMBER: _ClassVar[int]
    UNCONFIRMED_FIELD_NUMBER: _ClassVar[int]
    field: str
    source: str
    as_of: str
    effective_from: str
    unconfirmed: bool
    def __init__(self, field: _Optional[str] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., effective_from: _Optional[str] = ..., unconfirmed: _Optional[bool] = ...) -> None: ...

class Rail(_message.Message):
    __slots__ = ("number", "name", "version", "effective_from_us", "currencies", "countries", "calendar", "zone", "windows", "arrives_within_s", "amount_units_min", "amount_units_max", "destination_kinds", "account_number_bytes_max", "reference_bytes_max", "reference_charset", "irrevocable", "return_days", "recall_days", "deduplicates", "answers_queries", "guarantee_s", "burns_refused_keys", "statuses", "facts", "prefunded", "absorbs")
    class StatusesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    CURRENCIES_FIELD_NUMBER: _ClassVar[int]
    COUNTRIES_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_WITHIN_S_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_UNITS_MIN_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_UNITS_MAX_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_KINDS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_NUMBER_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_CHARSET_FIELD_NUMBER: _ClassVar[int]
    IRREVOCABLE_FIELD_NUMBER: _ClassVar[int]
    RETURN_DAYS_FIELD_NUMBER: _ClassVar[int]
    RECALL_DAYS_FIELD_NUMBER: _ClassVar[int]
    DEDUPLICATES_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_QUERIES_FIELD_NUMBER: _ClassVar[int]
    GUARANTEE_S_FIELD_NUMBER: _ClassVar[int]
    BURNS_REFUSED_KEYS_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    PREFUNDED_FIELD_NUMBER: _ClassVar[int]
    ABSORBS_FIELD_NUMBER: _ClassVar[int]
    number: int
    name: str
    version: int
    effective_from_us: int
    currencies: _containers.RepeatedScalarFieldContainer[str]
    countries: _containers.RepeatedScalarFieldContainer[str]
    calendar: str
    zone: str
    windows: _containers.RepeatedCompositeFieldContainer[RailWindow]
    arrives_within_s: int
    amount_units_min: int
    amount_units_max: int
    destination_kinds: _containers.RepeatedScalarFieldContainer[int]
    account_number_bytes_max: int
    reference_bytes_max: int
    reference_charset: str
    irrevocable: bool
    return_days: int
    recall_days: int
    deduplicates: bool
    answers_queries: bool
    guarantee_s: int
    burns_refused_keys: bool
    statuses: _containers.ScalarMap[str, str]
    facts: _containers.RepeatedCompositeFieldContainer[RailFact]
    prefunded: bool
    absorbs: bool
    def __init__(self, number: _Optional[int] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., effective_from_us: _Optional[int] = ..., currencies: _Optional[_Iterable[str]] = ..., countries: _Optional[_Iterable[str]] = ..., calendar: _Optional[str] = ..., zone: _Optional[str] = ..., windows: _Optional[_Iterable[_Union[RailWindow, _Mapping]]] = ..., arrives_within_s: _Optional[int] = ..., amount_units_min: _Optional[int] = ..., amount_units_max: _Optional[int] = ..., destination_kinds: _Optional[_Iterable[int]] = ..., account_number_bytes_max: _Optional[int] = ..., reference_bytes_max: _Optional[int] = ..., reference_charset: _Optional[str] = ..., irrevocable: _Optional[bool] = ..., return_days: _Optional[int] = ..., recall_days: _Optional[int] = ..., deduplicates: _Optional[bool] = ..., answers_queries: _Optional[bool] = ..., guarantee_s: _Optional[int] = ..., burns_refused_keys: _Optional[bool] = ..., statuses: _Optional[_Mapping[str, str]] = ..., facts: _Optional[_Iterable[_Union[RailFact, _Mapping]]] = ..., prefunded: _Optional[bool] = ..., absorbs: _Optional[bool] = ...) -> None: ...

class Calendar(_message.Message):
    __slots__ = ("name", "version", "effective_from_us", "first_day", "last_day", "closed_weekdays", "closed_days", "source", "as_of")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    LAST_DAY_FIELD_NUMBER: _ClassVar[int]
    CLOSED_WEEKDAYS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_DAYS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    effective_from_us: int
    first_day: int
    last_day: int
    closed_weekdays: int
    closed_days: _containers.RepeatedScalarFieldContainer[int]
    source: str
    as_of: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., effective_from_us: _Optional[int] = ..., first_day: _Optional[int] = ..., last_day: _Optional[int] = ..., closed_weekdays: _Optional[int] = ..., closed_days: _Optional[_Iterable[int]] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ...) -> None: ...

class SetCatalogueRequest(_message.Message):
    __slots__ = ("request_id", "rails", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAILS_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rails: _containers.RepeatedCompositeFieldContainer[Rail]
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., rails: _Optional[_Iterable[_Union[Rail, _Mapping]]] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class SetCatalogueReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class AmendCalendarRequest(_message.Message):
    __slots__ = ("request_id", "calendar", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    calendar: Calendar
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., calendar: _Optional[_Union[Calendar, _Mapping]] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class AmendCalendarReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class SuspendRailRequest(_message.Message):
    __slots__ = ("request_id", "rail", "suspended", "reason", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rail: str
    suspended: bool
    reason: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., rail: _Optional[str] = ..., suspended: _Optional[bool] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class SuspendRailReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class GetCatalogueRequest(_message.Message):
    __slots__ = ("concern",)
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetCatalogueReply(_message.Message):
    __slots__ = ("header", "rails", "calendars", "suspensions")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RAILS_FIELD_NUMBER: _ClassVar[int]
    CALENDARS_FIELD_NUMBER: _ClassVar[int]
    SUSPENSIONS_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    rails: _containers.RepeatedCompositeFieldContainer[Rail]
    calendars: _containers.RepeatedCompositeFieldContainer[Calendar]
    suspensions: _containers.RepeatedCompositeFieldContainer[Suspension]
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., rails: _Optional[_Iterable[_Union[Rail, _Mapping]]] = ..., calendars: _Optional[_Iterable[_Union[Calendar, _Mapping]]] = ..., suspensions: _Optional[_Iterable[_Union[Suspension, _Mapping]]] = ...) -> None: ...

class Suspension(_message.Message):
    __slots__ = ("rail", "suspended", "since_us", "reason", "principal")
    RAIL_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    SINCE_US_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    rail: str
    suspended: bool
    since_us: int
    reason: str
    principal: str
    def __init__(self, rail: _Optional[str] = ..., suspended: _Optional[bool] = ..., since_us: _Optional[int] = ..., reason: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...
