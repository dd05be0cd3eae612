from ledgerd.api.v1 import accounts_pb2 as _accounts_pb2
from ledgerd.api.v1 import common_pb2 as _common_pb2
from ledgerd.api.v1 import payouts_pb2 as _payouts_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Event(_message.Message):
    __slots__ = ("seq", "kind", "index", "ordinal", "n", "at_us", "subject", "state_before", "state_after", "amount", "fee_units", "accounts")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Event.Kind]
        ACCOUNT_OPENED: _ClassVar[Event.Kind]
        ACCOUNT_FUNDED: _ClassVar[Event.Kind]
        TRANSFERRED: _ClassVar[Event.Kind]
        PAYOUT_CREATED: _ClassVar[Event.Kind]
        PAYOUT_CANCELLED: _ClassVar[Event.Kind]
        FEES_SET: _ClassVar[Event.Kind]
        PAYOUT_RELEASED: _ClassVar[Event.Kind]
        PAYOUT_APPROVED: _ClassVar[Event.Kind]
        PAYOUT_REJECTED: _ClassVar[Event.Kind]
        PAYOUT_REROUTED: _ClassVar[Event.Kind]
        PAYOUT_REDATED: _ClassVar[Event.Kind]
        DISPATCH_BEGUN: _ClassVar[Event.Kind]
        DISPATCH_CLAIMED: _ClassVar[Event.Kind]
        LEASE_LAPSED: _ClassVar[Event.Kind]
        PAYOUT_SENT: _ClassVar[Event.Kind]
        PAYOUT_NOT_ACCEPTED: _ClassVar[Event.Kind]
        PAYOUT_FAILED: _ClassVar[Event.Kind]
        PAYOUT_SETTLED: _ClassVar[Event.Kind]
        RECALL_REQUESTED: _ClassVar[Event.Kind]
        PAYOUT_RETURNED: _ClassVar[Event.Kind]
        PAYOUT_REVERSED: _ClassVar[Event.Kind]
        EXCEPTION_OPENED: _ClassVar[Event.Kind]
        EXCEPTION_PROPOSED: _ClassVar[Event.Kind]
        EXCEPTION_RESOLVED: _ClassVar[Event.Kind]
        ATTENTION_RAISED: _ClassVar[Event.Kind]
        ACCOUNT_CLOSED: _ClassVar[Event.Kind]
        ACCOUNT_FROZEN: _ClassVar[Event.Kind]
        ACCOUNT_UNFROZEN: _ClassVar[Event.Kind]
        FUNDING_REVERSED: _ClassVar[Event.Kind]
        HOLD_CREATED: _ClassVar[Event.Kind]
        HOLD_CAPTURED: _ClassVar[Event.Kind]
        HOLD_RELEASED: _ClassVar[Event.Kind]
        HOLD_EXPIRED: _ClassVar[Event.Kind]
        VOUCHER_MADE: _ClassVar[Event.Kind]
        VOUCHER_POSTED: _ClassVar[Event.Kind]
        VOUCHER_REJECTED: _ClassVar[Event.Kind]
        CATALOGUE_SET: _ClassVar[Event.Kind]
        CALENDAR_AMENDED: _ClassVar[Event.Kind]
        RAIL_SUSPENDED: _ClassVar[Event.Kind]
        RAIL_RESUMED: _ClassVar[Event.Kind]
        LIMITS_SET: _ClassVar[Event.Kind]
        RULES_SET: _ClassVar[Event.Kind]
        ROLES_SET: _ClassVar[Event.Kind]
        CURRENCIES_SET: _ClassVar[Event.Kind]
    KIND_UNSPECIFIED: Event.Kind
    ACCOUNT_OPENED: Event.Kind
    ACCOUNT_FUNDED: Event.Kind
    TRANSFERRED: Event.Kind
    PAYOUT_CREATED: Event.Kind
    PAYOUT_CANCELLED: Event.Kind
    FEES_SET: Event.Kind
    PAYOUT_RELEASED: Event.Kind
    PAYOUT_APPROVED: Event.Kind
    PAYOUT_REJECTED: Event.Kind
    PAYOUT_REROUTED: Event.Kind
    PAYOUT_REDATED: Event.Kind
    DISPATCH_BEGUN: Event.Kind
    DISPATCH_CLAIMED: Event.Kind
    LEASE_LAPSED: Event.Kind
    PAYOUT_SENT: Event.Kind
    PAYOUT_NOT_ACCEPTED: Event.Kind
    PAYOUT_FAILED: Event.Kind
    PAYOUT_SETTLED: Event.Kind
    RECALL_REQUESTED: Event.Kind
    PAYOUT_RETURNED: Event.Kind
    PAYOUT_REVERSED: Event.Kind
    EXCEPTION_OPENED: Event.Kind
    EXCEPTION_PROPOSED: Event.Kind
    EXCEPTION_RESOLVED: Event.Kind
    ATTENTION_RAISED: Event.Kind
    ACCOUNT_CLOSED: Event.Kind
    ACCOUNT_FROZEN: Event.Kind
    ACCOUNT_UNFROZEN: Event.Kind
    FUNDING_REVERSED: Event.Kind
    HOLD_CREATED: Event.Kind
    HOLD_CAPTURED: Event.Kind
    HOLD_RELEASED: Event.Kind
    HOLD_EXPIRED: Event.Kind
    VOUCHER_MADE: Event.Kind
    VOUCHER_POSTED: Event.Kind
    VOUCHER_REJECTED: Event.Kind
    CATALOGUE_SET: Event.Kind
    CALENDAR_AMENDED: Event.Kind
    RAIL_SUSPENDED: Event.Kind
    RAIL_RESUMED: Event.Kind
    LIMITS_SET: Event.Kind
    RULES_SET: Event.Kind
    ROLES_SET: Event.Kind
    CURRENCIES_SET: Event.Kind
    SEQ_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    STATE_BEFORE_FIELD_NUMBER: _ClassVar[int]
    STATE_AFTER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    FEE_UNITS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    seq: int
    kind: Event.Kind
    index: int
    ordinal: int
    n: int
    at_us: int
    subject: str
    state_before: _payouts_pb2.PayoutState
    state_after: _payouts_pb2.PayoutState
    amount: _common_pb2.Money
    fee_units: int
    accounts: _containers.RepeatedCompositeFieldContainer[AccountAfter]
    def __init__(self, seq: _Optional[int] = ..., kind: _Optional[_Union[Event.Kind, str]] = ..., index: _Optional[int] = ..., ordinal: _Optional[int] = ..., n: _Optional[int] = ..., at_us: _Optional[int] = ..., subject: _Optional[str] = ..., state_before: _Optional[_Union[_payouts_pb2.PayoutState, str]] = ..., state_after: _Optional[_Union[_payouts_pb2.PayoutState, str]] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., fee_units: _Optional[int] = ..., accounts: _Optional[_Iterable[_Union[AccountAfter, _Mapping]]] = ...) -> None: ...

class AccountAfter(_message.Message):
    __slots__ = ("account_id", "balances")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    balances: _accounts_pb2.Balances
    def __init__(self, account_id: _Optional[str] = ..., balances: _Optional[_Union[_accounts_pb2.Balances, _Mapping]] = ...) -> None: ...

class EventFilter(_message.Message):
    __slots__ = ("account_id", "payout_id", "kinds", "currency")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    payout_id: str
    kinds: _containers.RepeatedScalarFieldContainer[Event.Kind]
    currency: str
    def __init__(self, account_id: _Optional[str] = ..., payout_id: _Optional[str] = ..., kinds: _Optional[_Iterable[_Union[Event.Kind, str]]] = ..., currency: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("from_seq", "from_now", "filter", "cluster_id")
    FROM_SEQ_FIELD_NUMBER: _ClassVar[int]
    FROM_NOW_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    from_seq: int
    from_now: bool
    filter: EventFilter
    cluster_id: str
    def __init__(self, from_seq: _Optional[int] = ..., from_now: _Optional[bool] = ..., filter: _Optional[_Union[EventFilter, _Mapping]] = ..., cluster_id: _Optional[str] = ...) -> None: ...

class WatchReply(_message.Message):
    __slots__ = ("events", "scanned_seq", "applied_index", "log_time_us")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SCANNED_SEQ_FIELD_NUMBER: _ClassVar[int]
    APPLIED_INDEX_FIELD_NUMBER: _ClassVar[int]
    LOG_TIME_US_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    scanned_seq: int
    applied_index: int
    log_time_us: int
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., scanned_seq: _Optional[int] = ..., applied_index: _Optional[int] = ..., log_time_us: _Optional[int] = ...) -> None: ...

class GetEventRequest(_message.Message):
    __slots__ = ("seq", "concern")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    seq: int
    concern: _common_pb2.ReadConcern
    def __init__(self, seq: _Optional[int] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetEventReply(_message.Message):
    __slots__ = ("header", "event")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    event: Event
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...
