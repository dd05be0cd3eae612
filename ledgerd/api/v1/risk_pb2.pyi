from ledgerd.api.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Limit(_message.Message):
    __slots__ = ("kind", "currency", "rail", "account_id", "window_s", "amount_units_max", "count_max")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Limit.Kind]
        PER_PAYOUT: _ClassVar[Limit.Kind]
        ACCOUNT_WINDOW: _ClassVar[Limit.Kind]
        DESTINATION_WINDOW: _ClassVar[Limit.Kind]
        TOTAL_WINDOW: _ClassVar[Limit.Kind]
    KIND_UNSPECIFIED: Limit.Kind
    PER_PAYOUT: Limit.Kind
    ACCOUNT_WINDOW: Limit.Kind
    DESTINATION_WINDOW: Limit.Kind
    TOTAL_WINDOW: Limit.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    RAIL_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_UNITS_MAX_FIELD_NUMBER: _ClassVar[int]
    COUNT_MAX_FIELD_NUMBER: _ClassVar[int]
    kind: Limit.Kind
    currency: str
    rail: str
    account_id: str
    window_s: int
    amount_units_max: int
    count_max: int
    def __init__(self, kind: _Optional[_Union[Limit.Kind, str]] = ..., currency: _Optional[str] = ..., rail: _Optional[str] = ..., account_id: _Optional[str] = ..., window_s: _Optional[int] = ..., amount_units_max: _Optional[int] = ..., count_max: _Optional[int] = ...) -> None: ...

class LimitSet(_message.Message):
    __slots__ = ("version", "effective_from_us", "source", "as_of", "limits")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    version: int
    effective_from_us: int
    source: str
    as_of: str
    limits: _containers.RepeatedCompositeFieldContainer[Limit]
    def __init__(self, version: _Optional[int] = ..., effective_from_us: _Optional[int] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., limits: _Optional[_Iterable[_Union[Limit, _Mapping]]] = ...) -> None: ...

class SetLimitsRequest(_message.Message):
    __slots__ = ("request_id", "effective_from_us", "source", "as_of", "limits", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    effective_from_us: int
    source: str
    as_of: str
    limits: _containers.RepeatedCompositeFieldContainer[Limit]
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., effective_from_us: _Optional[int] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., limits: _Optional[_Iterable[_Union[Limit, _Mapping]]] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class SetLimitsReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class GetLimitsRequest(_message.Message):
    __slots__ = ("concern",)
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetLimitsReply(_message.Message):
    __slots__ = ("header", "versions")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    versions: _containers.RepeatedCompositeFieldContainer[LimitSet]
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., versions: _Optional[_Iterable[_Union[LimitSet, _Mapping]]] = ...) -> None: ...

class BlockedBank(_message.Message):
    __slots__ = ("country", "bank_code")
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    BANK_CODE_FIELD_NUMBER: _ClassVar[int]
    country: str
    bank_code: str
    def __init__(self, country: _Optional[str] = ..., bank_code: _Optional[str] = ...) -> None: ...

class RiskRule(_message.Message):
    __slots__ = ("name", "kind", "action", "currency", "amount_units", "age_s", "destination_fingerprints", "banks")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[RiskRule.Kind]
        BLOCKED_DESTINATION: _ClassVar[RiskRule.Kind]
        BLOCKED_BANK: _ClassVar[RiskRule.Kind]
        FIRST_DESTINATION: _ClassVar[RiskRule.Kind]
        AMOUNT: _ClassVar[RiskRule.Kind]
        NEW_ACCOUNT: _ClassVar[RiskRule.Kind]
        FROZEN_OWNER: _ClassVar[RiskRule.Kind]
    KIND_UNSPECIFIED: RiskRule.Kind
    BLOCKED_DESTINATION: RiskRule.Kind
    BLOCKED_BANK: RiskRule.Kind
    FIRST_DESTINATION: RiskRule.Kind
    AMOUNT: RiskRule.Kind
    NEW_ACCOUNT: RiskRule.Kind
    FROZEN_OWNER: RiskRule.Kind
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACTION_UNSPECIFIED: _ClassVar[RiskRule.Action]
        ALLOW: _ClassVar[RiskRule.Action]
        REVIEW: _ClassVar[RiskRule.Action]
        REFUSE: _ClassVar[RiskRule.Action]
    ACTION_UNSPECIFIED: RiskRule.Action
    ALLOW: RiskRule.Action
    REVIEW: RiskRule.Action
    REFUSE: RiskRule.Action
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_UNITS_FIELD_NUMBER: _ClassVar[int]
    AGE_S_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FINGERPRINTS_FIELD_NUMBER: _ClassVar[int]
    BANKS_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: RiskRule.Kind
    action: RiskRule.Action
    currency: str
    amount_units: int
    age_s: int
    destination_fingerprints: _containers.RepeatedScalarFieldContainer[str]
    banks: _containers.RepeatedCompositeFieldContainer[BlockedBank]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[RiskRule.Kind, str]] = ..., action: _Optional[_Union[RiskRule.Action, str]] = ..., currency: _Optional[str] = ..., amount_units: _Optional[int] = ..., age_s: _Optional[int] = ..., destination_fingerprints: _Optional[_Iterable[str]] = ..., banks: _Optional[_Iterable[_Union[BlockedBank, _Mapping]]] = ...) -> None: ...

class RuleSet(_message.Message):
    __slots__ = ("version", "effective_from_us", "source", "as_of", "rules")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    version: int
    effective_from_us: int
    source: str
    as_of: str
    rules: _containers.RepeatedCompositeFieldContainer[RiskRule]
    def __init__(self, version: _Optional[int] = ..., effective_from_us: _Optional[int] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[RiskRule, _Mapping]]] = ...) -> None: ...

class SetRulesRequest(_message.Message):
    __slots__ = ("request_id", "effective_from_us", "source", "as_of", "rules", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    effective_from_us: int
    source: str
    as_of: str
    rules: _containers.RepeatedCompositeFieldContainer[RiskRule]
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., effective_from_us: _Optional[int] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[RiskRule, _Mapping]]] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class SetRulesReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class GetRulesRequest(_message.Message):
    __slots__ = ("concern",)
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetRulesReply(_message.Message):
    __slots__ = ("header", "versions")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    versions: _containers.RepeatedCompositeFieldContainer[RuleSet]
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., versions: _Optional[_Iterable[_Union[RuleSet, _Mapping]]] = ...) -> None: ...
