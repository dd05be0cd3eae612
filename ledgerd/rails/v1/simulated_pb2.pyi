from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Payment(_message.Message):
    __slots__ = ("rail_key", "amount_minor", "currency", "account_number", "reference", "fencing_token")
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rail_key: str
    amount_minor: int
    currency: str
    account_number: str
    reference: str
    fencing_token: int
    def __init__(self, rail_key: _Optional[str] = ..., amount_minor: _Optional[int] = ..., currency: _Optional[str] = ..., account_number: _Optional[str] = ..., reference: _Optional[str] = ..., fencing_token: _Optional[int] = ...) -> None: ...

class SendReply(_message.Message):
    __slots__ = ("taken", "refused")
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    taken: Advice
    refused: Refusal
    def __init__(self, taken: _Optional[_Union[Advice, _Mapping]] = ..., refused: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reference", "code")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    reference: str
    code: str
    def __init__(self, reference: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class AskRequest(_message.Message):
    __slots__ = ("rail_key", "fencing_token")
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rail_key: str
    fencing_token: int
    def __init__(self, rail_key: _Optional[str] = ..., fencing_token: _Optional[int] = ...) -> None: ...

class AskReply(_message.Message):
    __slots__ = ("advices", "guarantee_ms", "executes_twice")
    ADVICES_FIELD_NUMBER: _ClassVar[int]
    GUARANTEE_MS_FIELD_NUMBER: _ClassVar[int]
    EXECUTES_TWICE_FIELD_NUMBER: _ClassVar[int]
    advices: _containers.RepeatedCompositeFieldContainer[Advice]
    guarantee_ms: int
    executes_twice: bool
    def __init__(self, advices: _Optional[_Iterable[_Union[Advice, _Mapping]]] = ..., guarantee_ms: _Optional[int] = ..., executes_twice: _Optional[bool] = ...) -> None: ...

class AdvicesRequest(_message.Message):
    __slots__ = ("after", "wait_ms")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    after: int
    wait_ms: int
    def __init__(self, after: _Optional[int] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class AdvicesReply(_message.Message):
    __slots__ = ("advices",)
    ADVICES_FIELD_NUMBER: _ClassVar[int]
    advices: _containers.RepeatedCompositeFieldContainer[Advice]
    def __init__(self, advices: _Optional[_Iterable[_Union[Advice, _Mapping]]] = ...) -> None: ...

class Advice(_message.Message):
    __slots__ = ("number", "kind", "rail_key", "reference", "amount_minor", "code", "closing", "value_day")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Advice.Kind]
        TAKEN: _ClassVar[Advice.Kind]
        REJECTED: _ClassVar[Advice.Kind]
        SETTLED: _ClassVar[Advice.Kind]
        RETURNED: _ClassVar[Advice.Kind]
    KIND_UNSPECIFIED: Advice.Kind
    TAKEN: Advice.Kind
    REJECTED: Advice.Kind
    SETTLED: Advice.Kind
    RETURNED: Advice.Kind
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    VALUE_DAY_FIELD_NUMBER: _ClassVar[int]
    number: int
    kind: Advice.Kind
    rail_key: str
    reference: str
    amount_minor: int
    code: str
    closing: bool
    value_day: int
    def __init__(self, number: _Optional[int] = ..., kind: _Optional[_Union[Advice.Kind, str]] = ..., rail_key: _Optional[str] = ..., reference: _Optional[str] = ..., amount_minor: _Optional[int] = ..., code: _Optional[str] = ..., closing: _Optional[bool] = ..., value_day: _Optional[int] = ...) -> None: ...

class CountsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CountsReply(_message.Message):
    __slots__ = ("counts",)
    class Count(_message.Message):
        __slots__ = ("rail_key", "sends", "executions")
        RAIL_KEY_FIELD_NUMBER: _ClassVar[int]
        SENDS_FIELD_NUMBER: _ClassVar[int]
        EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
        rail_key: str
        sends: int
        executions: int
        def __init__(self, rail_key: _Optional[str] = ..., sends: _Optional[int] = ..., executions: _Optional[int] = ...) -> None: ...
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[CountsReply.Count]
    def __init__(self, counts: _Optional[_Iterable[_Union[CountsReply.Count, _Mapping]]] = ...) -> None: ...
