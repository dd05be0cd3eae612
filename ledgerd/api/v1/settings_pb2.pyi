from ledgerd.api.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Grant(_message.Message):
    __slots__ = ("principal", "roles")
    class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ROLE_UNSPECIFIED: _ClassVar[Grant.Role]
        SUBMITTER: _ClassVar[Grant.Role]
        APPROVER: _ClassVar[Grant.Role]
        DISPATCHER: _ClassVar[Grant.Role]
        AUDITOR: _ClassVar[Grant.Role]
        ADMIN: _ClassVar[Grant.Role]
    ROLE_UNSPECIFIED: Grant.Role
    SUBMITTER: Grant.Role
    APPROVER: Grant.Role
    DISPATCHER: Grant.Role
    AUDITOR: Grant.Role
    ADMIN: Grant.Role
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    principal: str
    roles: _containers.RepeatedScalarFieldContainer[Grant.Role]
    def __init__(self, principal: _Optional[str] = ..., roles: _Optional[_Iterable[_Union[Grant.Role, str]]] = ...) -> None: ...

class RoleSet(_message.Message):
    __slots__ = ("version", "effective_from_us", "source", "as_of", "grants")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    version: int
    effective_from_us: int
    source: str
    as_of: str
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    def __init__(self, version: _Optional[int] = ..., effective_from_us: _Optional[int] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ...) -> None: ...

class SetRolesRequest(_message.Message):
    __slots__ = ("request_id", "effective_from_us", "source", "as_of", "grants", "concern", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    effective_from_us: int
    source: str
    as_of: str
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    concern: _common_pb2.WriteConcern
    expected_version: int
    def __init__(self, request_id: _Optional[str] = ..., effective_from_us: _Optional[int] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., expected_version: _Optional[int] = ...) -> None: ...

class SetRolesReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class GetRolesRequest(_message.Message):
    __slots__ = ("concern",)
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetRolesReply(_message.Message):
    __slots__ = ("header", "versions")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    versions: _containers.RepeatedCompositeFieldContainer[RoleSet]
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., versions: _Optional[_Iterable[_Union[RoleSet, _Mapping]]] = ...) -> None: ...

class CurrencySet(_message.Message):
    __slots__ = ("version", "effective_from_us", "source", "as_of", "retired")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    version: int
    effective_from_us: int
    source: str
    as_of: str
    retired: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[int] = ..., effective_from_us: _Optional[int] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., retired: _Optional[_Iterable[str]] = ...) -> None: ...

class Currency(_message.Message):
    __slots__ = ("code", "exponent", "is_retired")
    CODE_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    IS_RETIRED_FIELD_NUMBER: _ClassVar[int]
    code: str
    exponent: int
    is_retired: bool
    def __init__(self, code: _Optional[str] = ..., exponent: _Optional[int] = ..., is_retired: _Optional[bool] = ...) -> None: ...

class SetCurrenciesRequest(_message.Message):
    __slots__ = ("request_id", "effective_from_us", "source", "as_of", "retired", "concern", "expected_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    effective_from_us: int
    source: str
    as_of: str
    retired: _containers.RepeatedScalarFieldContainer[str]
    concern: _common_pb2.WriteConcern
    expected_version: int
    def __init__(self, request_id: _Optional[str] = ..., effective_from_us: _Optional[int] = ..., source: _Optional[str] = ..., as_of: _Optional[str] = ..., retired: _Optional[_Iterable[str]] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., expected_version: _Optional[int] = ...) -> None: ...

class SetCurrenciesReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class GetCurrenciesRequest(_message.Message):
    __slots__ = ("concern",)
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetCurrenciesReply(_message.Message):
    __slots__ = ("header", "versions", "currencies")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CURRENCIES_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    versions: _containers.RepeatedCompositeFieldContainer[CurrencySet]
    currencies: _containers.RepeatedCompositeFieldContainer[Currency]
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., versions: _Optional[_Iterable[_Union[CurrencySet, _Mapping]]] = ..., currencies: _Optional[_Iterable[_Union[Currency, _Mapping]]] = ...) -> None: ...
