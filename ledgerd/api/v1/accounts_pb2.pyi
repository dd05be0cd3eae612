from ledgerd.api.v1 import common_pb2 as _common_pb2
from ledgerd.api.v1 import payouts_pb2 as _payouts_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AccountStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_STATUS_UNSPECIFIED: _ClassVar[AccountStatus]
    OPEN: _ClassVar[AccountStatus]
    FROZEN: _ClassVar[AccountStatus]
    CLOSED: _ClassVar[AccountStatus]

class AccountType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_TYPE_UNSPECIFIED: _ClassVar[AccountType]
    ASSET: _ClassVar[AccountType]
    LIABILITY: _ClassVar[AccountType]
    REVENUE: _ClassVar[AccountType]
    EXPENSE: _ClassVar[AccountType]
ACCOUNT_STATUS_UNSPECIFIED: AccountStatus
OPEN: AccountStatus
FROZEN: AccountStatus
CLOSED: AccountStatus
ACCOUNT_TYPE_UNSPECIFIED: AccountType
ASSET: AccountType
LIABILITY: AccountType
REVENUE: AccountType
EXPENSE: AccountType

class Balances(_message.Message):
    __slots__ = ("available_units", "reserved_units", "held_units", "blocked_units", "receivable_units")
    AVAILABLE_UNITS_FIELD_NUMBER: _ClassVar[int]
    RESERVED_UNITS_FIELD_NUMBER: _ClassVar[int]
    HELD_UNITS_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_UNITS_FIELD_NUMBER: _ClassVar[int]
    RECEIVABLE_UNITS_FIELD_NUMBER: _ClassVar[int]
    available_units: int
    reserved_units: int
    held_units: int
    blocked_units: int
    receivable_units: int
    def __init__(self, available_units: _Optional[int] = ..., reserved_units: _Optional[int] = ..., held_units: _Optional[int] = ..., blocked_units: _Optional[int] = ..., receivable_units: _Optional[int] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("account_id", "currency", "exponent", "livemode", "owner_ref", "min_balance_units", "status", "balances", "sequence", "opened_index", "opened_at_us", "account_class")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    OWNER_REF_FIELD_NUMBER: _ClassVar[int]
    MIN_BALANCE_UNITS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    OPENED_INDEX_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_US_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CLASS_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    currency: str
    exponent: int
    livemode: bool
    owner_ref: str
    min_balance_units: int
    status: AccountStatus
    balances: Balances
    sequence: int
    opened_index: int
    opened_at_us: int
    account_class: str
    def __init__(self, account_id: _Optional[str] = ..., currency: _Optional[str] = ..., exponent: _Optional[int] = ..., livemode: _Optional[bool] = ..., owner_ref: _Optional[str] = ..., min_balance_units: _Optional[int] = ..., status: _Optional[_Union[AccountStatus, str]] = ..., balances: _Optional[_Union[Balances, _Mapping]] = ..., sequence: _Optional[int] = ..., opened_index: _Optional[int] = ..., opened_at_us: _Optional[int] = ..., account_class: _Optional[str] = ...) -> None: ...

class OpenAccountRequest(_message.Message):
    __slots__ = ("account_id", "currency", "livemode", "owner_ref", "min_balance_units", "concern", "account_class")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    OWNER_REF_FIELD_NUMBER: _ClassVar[int]
    MIN_BALANCE_UNITS_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CLASS_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    currency: str
    livemode: bool
    owner_ref: str
    min_balance_units: int
    concern: _common_pb2.WriteConcern
    account_class: str
    def __init__(self, account_id: _Optional[str] = ..., currency: _Optional[str] = ..., livemode: _Optional[bool] = ..., owner_ref: _Optional[str] = ..., min_balance_units: _Optional[int] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ..., account_class: _Optional[str] = ...) -> None: ...

class OpenAccountReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class GetAccountRequest(_message.Message):
    __slots__ = ("account_id", "concern")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    concern: _common_pb2.ReadConcern
    def __init__(self, account_id: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetAccountReply(_message.Message):
    __slots__ = ("header", "account")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    account: Account
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., account: _Optional[_Union[Account, _Mapping]] = ...) -> None: ...

class ListAccountsRequest(_message.Message):
    __slots__ = ("currency", "owner_ref", "page_size", "cursor", "concern")
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    OWNER_REF_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    currency: str
    owner_ref: str
    page_size: int
    cursor: str
    concern: _common_pb2.ReadConcern
    def __init__(self, currency: _Optional[str] = ..., owner_ref: _Optional[str] = ..., page_size: _Optional[int] = ..., cursor: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class ListAccountsReply(_message.Message):
    __slots__ = ("header", "accounts", "next_cursor", "scanned")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    SCANNED_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    accounts: _containers.RepeatedCompositeFieldContainer[Account]
    next_cursor: str
    scanned: int
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., accounts: _Optional[_Iterable[_Union[Account, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., scanned: _Optional[int] = ...) -> None: ...

class FundRequest(_message.Message):
    __slots__ = ("request_id", "account_id", "amount", "bank", "external_ref", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_REF_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    account_id: str
    amount: _common_pb2.Money
    bank: str
    external_ref: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., account_id: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., bank: _Optional[str] = ..., external_ref: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class FundReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class TransferRequest(_message.Message):
    __slots__ = ("request_id", "from_account_id", "to_account_id", "amount", "reference", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    TO_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    from_account_id: str
    to_account_id: str
    amount: _common_pb2.Money
    reference: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., from_account_id: _Optional[str] = ..., to_account_id: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., reference: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class TransferReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class GetBalanceRequest(_message.Message):
    __slots__ = ("account_id", "concern", "as_of")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    concern: _common_pb2.ReadConcern
    as_of: _common_pb2.AsOf
    def __init__(self, account_id: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., as_of: _Optional[_Union[_common_pb2.AsOf, _Mapping]] = ...) -> None: ...

class GetBalanceReply(_message.Message):
    __slots__ = ("header", "account_id", "currency", "exponent", "balances", "as_of_index", "sequence", "final")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_INDEX_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    account_id: str
    currency: str
    exponent: int
    balances: Balances
    as_of_index: int
    sequence: int
    final: bool
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., account_id: _Optional[str] = ..., currency: _Optional[str] = ..., exponent: _Optional[int] = ..., balances: _Optional[_Union[Balances, _Mapping]] = ..., as_of_index: _Optional[int] = ..., sequence: _Optional[int] = ..., final: _Optional[bool] = ...) -> None: ...

class TrialBalanceRequest(_message.Message):
    __slots__ = ("concern", "as_of")
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    as_of: _common_pb2.AsOf
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., as_of: _Optional[_Union[_common_pb2.AsOf, _Mapping]] = ...) -> None: ...

class TrialBalanceReply(_message.Message):
    __slots__ = ("header", "books", "as_of_index", "final")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BOOKS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_INDEX_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    books: _containers.RepeatedCompositeFieldContainer[Book]
    as_of_index: int
    final: bool
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., books: _Optional[_Iterable[_Union[Book, _Mapping]]] = ..., as_of_index: _Optional[int] = ..., final: _Optional[bool] = ...) -> None: ...

class StatementRequest(_message.Message):
    __slots__ = ("account_id", "from_index", "from_us", "to_index", "to_us", "page_size", "cursor", "concern")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_INDEX_FIELD_NUMBER: _ClassVar[int]
    FROM_US_FIELD_NUMBER: _ClassVar[int]
    TO_INDEX_FIELD_NUMBER: _ClassVar[int]
    TO_US_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    from_index: int
    from_us: int
    to_index: int
    to_us: int
    page_size: int
    cursor: str
    concern: _common_pb2.ReadConcern
    def __init__(self, account_id: _Optional[str] = ..., from_index: _Optional[int] = ..., from_us: _Optional[int] = ..., to_index: _Optional[int] = ..., to_us: _Optional[int] = ..., page_size: _Optional[int] = ..., cursor: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class StatementReply(_message.Message):
    __slots__ = ("header", "account_id", "currency", "exponent", "from_index", "to_index", "opening", "closing", "lines", "next_cursor", "final")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    FROM_INDEX_FIELD_NUMBER: _ClassVar[int]
    TO_INDEX_FIELD_NUMBER: _ClassVar[int]
    OPENING_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    account_id: str
    currency: str
    exponent: int
    from_index: int
    to_index: int
    opening: StatementBalance
    closing: StatementBalance
    lines: _containers.RepeatedCompositeFieldContainer[StatementLine]
    next_cursor: str
    final: bool
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., account_id: _Optional[str] = ..., currency: _Optional[str] = ..., exponent: _Optional[int] = ..., from_index: _Optional[int] = ..., to_index: _Optional[int] = ..., opening: _Optional[_Union[StatementBalance, _Mapping]] = ..., closing: _Optional[_Union[StatementBalance, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[StatementLine, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., final: _Optional[bool] = ...) -> None: ...

class StatementBalance(_message.Message):
    __slots__ = ("sequence", "balances")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    balances: Balances
    def __init__(self, sequence: _Optional[int] = ..., balances: _Optional[_Union[Balances, _Mapping]] = ...) -> None: ...

class StatementLine(_message.Message):
    __slots__ = ("sequence", "index", "ordinal", "n", "at_us", "reason", "subject", "change", "after", "value_date")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    VALUE_DATE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    index: int
    ordinal: int
    n: int
    at_us: int
    reason: str
    subject: str
    change: Balances
    after: Balances
    value_date: int
    def __init__(self, sequence: _Optional[int] = ..., index: _Optional[int] = ..., ordinal: _Optional[int] = ..., n: _Optional[int] = ..., at_us: _Optional[int] = ..., reason: _Optional[str] = ..., subject: _Optional[str] = ..., change: _Optional[_Union[Balances, _Mapping]] = ..., after: _Optional[_Union[Balances, _Mapping]] = ..., value_date: _Optional[int] = ...) -> None: ...

class Book(_message.Message):
    __slots__ = ("livemode", "currency", "exponent", "lines", "debit_units", "credit_units", "balanced")
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    DEBIT_UNITS_FIELD_NUMBER: _ClassVar[int]
    CREDIT_UNITS_FIELD_NUMBER: _ClassVar[int]
    BALANCED_FIELD_NUMBER: _ClassVar[int]
    livemode: bool
    currency: str
    exponent: int
    lines: _containers.RepeatedCompositeFieldContainer[TrialBalanceLine]
    debit_units: str
    credit_units: str
    balanced: bool
    def __init__(self, livemode: _Optional[bool] = ..., currency: _Optional[str] = ..., exponent: _Optional[int] = ..., lines: _Optional[_Iterable[_Union[TrialBalanceLine, _Mapping]]] = ..., debit_units: _Optional[str] = ..., credit_units: _Optional[str] = ..., balanced: _Optional[bool] = ...) -> None: ...

class TrialBalanceLine(_message.Message):
    __slots__ = ("ledger_account", "debit_units", "credit_units", "accounts")
    LEDGER_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    DEBIT_UNITS_FIELD_NUMBER: _ClassVar[int]
    CREDIT_UNITS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    ledger_account: str
    debit_units: str
    credit_units: str
    accounts: int
    def __init__(self, ledger_account: _Optional[str] = ..., debit_units: _Optional[str] = ..., credit_units: _Optional[str] = ..., accounts: _Optional[int] = ...) -> None: ...

class CloseAccountRequest(_message.Message):
    __slots__ = ("request_id", "account_id", "reason", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    account_id: str
    reason: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., account_id: _Optional[str] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class CloseAccountReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class FreezeRequest(_message.Message):
    __slots__ = ("request_id", "account_id", "reason", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    account_id: str
    reason: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., account_id: _Optional[str] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class FreezeReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class UnfreezeRequest(_message.Message):
    __slots__ = ("request_id", "account_id", "reason", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    account_id: str
    reason: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., account_id: _Optional[str] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class UnfreezeReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class FundReverseRequest(_message.Message):
    __slots__ = ("request_id", "bank", "external_ref", "amount", "reason", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_REF_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    bank: str
    external_ref: str
    amount: _common_pb2.Money
    reason: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., bank: _Optional[str] = ..., external_ref: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class FundReverseReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class Hold(_message.Message):
    __slots__ = ("hold_id", "account_id", "amount", "expires_at_us", "reference", "state", "captured_units", "captured_to", "index", "ordinal", "created_at_us", "updated_index", "updated_at_us", "created_by")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Hold.State]
        OPEN: _ClassVar[Hold.State]
        CAPTURED: _ClassVar[Hold.State]
        RELEASED: _ClassVar[Hold.State]
        EXPIRED: _ClassVar[Hold.State]
    STATE_UNSPECIFIED: Hold.State
    OPEN: Hold.State
    CAPTURED: Hold.State
    RELEASED: Hold.State
    EXPIRED: Hold.State
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_US_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_UNITS_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_TO_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_US_FIELD_NUMBER: _ClassVar[int]
    UPDATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_US_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    hold_id: str
    account_id: str
    amount: _common_pb2.Money
    expires_at_us: int
    reference: str
    state: Hold.State
    captured_units: int
    captured_to: str
    index: int
    ordinal: int
    created_at_us: int
    updated_index: int
    updated_at_us: int
    created_by: str
    def __init__(self, hold_id: _Optional[str] = ..., account_id: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., expires_at_us: _Optional[int] = ..., reference: _Optional[str] = ..., state: _Optional[_Union[Hold.State, str]] = ..., captured_units: _Optional[int] = ..., captured_to: _Optional[str] = ..., index: _Optional[int] = ..., ordinal: _Optional[int] = ..., created_at_us: _Optional[int] = ..., updated_index: _Optional[int] = ..., updated_at_us: _Optional[int] = ..., created_by: _Optional[str] = ...) -> None: ...

class CreateHoldRequest(_message.Message):
    __slots__ = ("hold_id", "account_id", "amount", "ttl_us", "reference", "concern")
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    TTL_US_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    hold_id: str
    account_id: str
    amount: _common_pb2.Money
    ttl_us: int
    reference: str
    concern: _common_pb2.WriteConcern
    def __init__(self, hold_id: _Optional[str] = ..., account_id: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., ttl_us: _Optional[int] = ..., reference: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class CreateHoldReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class CaptureHoldRequest(_message.Message):
    __slots__ = ("request_id", "hold_id", "to_account_id", "amount", "reference", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    TO_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    hold_id: str
    to_account_id: str
    amount: _common_pb2.Money
    reference: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., hold_id: _Optional[str] = ..., to_account_id: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., reference: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class CaptureHoldReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class ReleaseHoldRequest(_message.Message):
    __slots__ = ("request_id", "hold_id", "reason", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    hold_id: str
    reason: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., hold_id: _Optional[str] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class ReleaseHoldReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class GetHoldRequest(_message.Message):
    __slots__ = ("hold_id", "concern")
    HOLD_ID_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    hold_id: str
    concern: _common_pb2.ReadConcern
    def __init__(self, hold_id: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetHoldReply(_message.Message):
    __slots__ = ("header", "hold")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    hold: Hold
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., hold: _Optional[_Union[Hold, _Mapping]] = ...) -> None: ...

class ListHoldsRequest(_message.Message):
    __slots__ = ("account_id", "state", "page_size", "cursor", "concern")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    state: Hold.State
    page_size: int
    cursor: str
    concern: _common_pb2.ReadConcern
    def __init__(self, account_id: _Optional[str] = ..., state: _Optional[_Union[Hold.State, str]] = ..., page_size: _Optional[int] = ..., cursor: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class ListHoldsReply(_message.Message):
    __slots__ = ("header", "holds", "next_cursor", "scanned")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    SCANNED_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    holds: _containers.RepeatedCompositeFieldContainer[Hold]
    next_cursor: str
    scanned: int
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., holds: _Optional[_Iterable[_Union[Hold, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., scanned: _Optional[int] = ...) -> None: ...

class EntryLeg(_message.Message):
    __slots__ = ("kind", "account_id", "bank", "side", "units")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[EntryLeg.Kind]
        AVAILABLE: _ClassVar[EntryLeg.Kind]
        BLOCKED: _ClassVar[EntryLeg.Kind]
        RECEIVABLE: _ClassVar[EntryLeg.Kind]
        BANK_CASH: _ClassVar[EntryLeg.Kind]
        SUSPENSE: _ClassVar[EntryLeg.Kind]
        PAYOUT_FEE: _ClassVar[EntryLeg.Kind]
        FX_SPREAD: _ClassVar[EntryLeg.Kind]
        RAIL_COST: _ClassVar[EntryLeg.Kind]
        RETURNS: _ClassVar[EntryLeg.Kind]
    KIND_UNSPECIFIED: EntryLeg.Kind
    AVAILABLE: EntryLeg.Kind
    BLOCKED: EntryLeg.Kind
    RECEIVABLE: EntryLeg.Kind
    BANK_CASH: EntryLeg.Kind
    SUSPENSE: EntryLeg.Kind
    PAYOUT_FEE: EntryLeg.Kind
    FX_SPREAD: EntryLeg.Kind
    RAIL_COST: EntryLeg.Kind
    RETURNS: EntryLeg.Kind
    class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SIDE_UNSPECIFIED: _ClassVar[EntryLeg.Side]
        DEBIT: _ClassVar[EntryLeg.Side]
        CREDIT: _ClassVar[EntryLeg.Side]
    SIDE_UNSPECIFIED: EntryLeg.Side
    DEBIT: EntryLeg.Side
    CREDIT: EntryLeg.Side
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    kind: EntryLeg.Kind
    account_id: str
    bank: str
    side: EntryLeg.Side
    units: int
    def __init__(self, kind: _Optional[_Union[EntryLeg.Kind, str]] = ..., account_id: _Optional[str] = ..., bank: _Optional[str] = ..., side: _Optional[_Union[EntryLeg.Side, str]] = ..., units: _Optional[int] = ...) -> None: ...

class EntryPosition(_message.Message):
    __slots__ = ("index", "ordinal", "n")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    index: int
    ordinal: int
    n: int
    def __init__(self, index: _Optional[int] = ..., ordinal: _Optional[int] = ..., n: _Optional[int] = ...) -> None: ...

class PostEntryRequest(_message.Message):
    __slots__ = ("request_id", "livemode", "currency", "legs", "reason", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    livemode: bool
    currency: str
    legs: _containers.RepeatedCompositeFieldContainer[EntryLeg]
    reason: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., livemode: _Optional[bool] = ..., currency: _Optional[str] = ..., legs: _Optional[_Iterable[_Union[EntryLeg, _Mapping]]] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class PostEntryReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class AdjustRequest(_message.Message):
    __slots__ = ("request_id", "livemode", "currency", "legs", "reason", "linked", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LINKED_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    livemode: bool
    currency: str
    legs: _containers.RepeatedCompositeFieldContainer[EntryLeg]
    reason: str
    linked: EntryPosition
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., livemode: _Optional[bool] = ..., currency: _Optional[str] = ..., legs: _Optional[_Iterable[_Union[EntryLeg, _Mapping]]] = ..., reason: _Optional[str] = ..., linked: _Optional[_Union[EntryPosition, _Mapping]] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class AdjustReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class ApproveVoucherRequest(_message.Message):
    __slots__ = ("request_id", "voucher_id", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VOUCHER_ID_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    voucher_id: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., voucher_id: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class ApproveVoucherReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class RejectVoucherRequest(_message.Message):
    __slots__ = ("request_id", "voucher_id", "reason", "concern")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VOUCHER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    voucher_id: str
    reason: str
    concern: _common_pb2.WriteConcern
    def __init__(self, request_id: _Optional[str] = ..., voucher_id: _Optional[str] = ..., reason: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.WriteConcern, str]] = ...) -> None: ...

class RejectVoucherReply(_message.Message):
    __slots__ = ("header", "result")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.MutationHeader
    result: _common_pb2.CommandResult
    def __init__(self, header: _Optional[_Union[_common_pb2.MutationHeader, _Mapping]] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ...) -> None: ...

class Voucher(_message.Message):
    __slots__ = ("voucher_id", "livemode", "currency", "exponent", "legs", "reason", "linked", "state", "created_by", "index", "ordinal", "created_at_us", "updated_by", "updated_index", "updated_at_us")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Voucher.State]
        OPEN: _ClassVar[Voucher.State]
        POSTED: _ClassVar[Voucher.State]
        REJECTED: _ClassVar[Voucher.State]
    STATE_UNSPECIFIED: Voucher.State
    OPEN: Voucher.State
    POSTED: Voucher.State
    REJECTED: Voucher.State
    VOUCHER_ID_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LINKED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_US_FIELD_NUMBER: _ClassVar[int]
    UPDATED_BY_FIELD_NUMBER: _ClassVar[int]
    UPDATED_INDEX_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_US_FIELD_NUMBER: _ClassVar[int]
    voucher_id: str
    livemode: bool
    currency: str
    exponent: int
    legs: _containers.RepeatedCompositeFieldContainer[EntryLeg]
    reason: str
    linked: EntryPosition
    state: Voucher.State
    created_by: str
    index: int
    ordinal: int
    created_at_us: int
    updated_by: str
    updated_index: int
    updated_at_us: int
    def __init__(self, voucher_id: _Optional[str] = ..., livemode: _Optional[bool] = ..., currency: _Optional[str] = ..., exponent: _Optional[int] = ..., legs: _Optional[_Iterable[_Union[EntryLeg, _Mapping]]] = ..., reason: _Optional[str] = ..., linked: _Optional[_Union[EntryPosition, _Mapping]] = ..., state: _Optional[_Union[Voucher.State, str]] = ..., created_by: _Optional[str] = ..., index: _Optional[int] = ..., ordinal: _Optional[int] = ..., created_at_us: _Optional[int] = ..., updated_by: _Optional[str] = ..., updated_index: _Optional[int] = ..., updated_at_us: _Optional[int] = ...) -> None: ...

class GetVoucherRequest(_message.Message):
    __slots__ = ("voucher_id", "concern")
    VOUCHER_ID_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    voucher_id: str
    concern: _common_pb2.ReadConcern
    def __init__(self, voucher_id: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class GetVoucherReply(_message.Message):
    __slots__ = ("header", "voucher")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    VOUCHER_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    voucher: Voucher
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., voucher: _Optional[_Union[Voucher, _Mapping]] = ...) -> None: ...

class ListVouchersRequest(_message.Message):
    __slots__ = ("state", "page_size", "cursor", "concern")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    state: Voucher.State
    page_size: int
    cursor: str
    concern: _common_pb2.ReadConcern
    def __init__(self, state: _Optional[_Union[Voucher.State, str]] = ..., page_size: _Optional[int] = ..., cursor: _Optional[str] = ..., concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ...) -> None: ...

class ListVouchersReply(_message.Message):
    __slots__ = ("header", "vouchers", "next_cursor", "scanned")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    VOUCHERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    SCANNED_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    vouchers: _containers.RepeatedCompositeFieldContainer[Voucher]
    next_cursor: str
    scanned: int
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., vouchers: _Optional[_Iterable[_Union[Voucher, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., scanned: _Optional[int] = ...) -> None: ...

class ExportBooksRequest(_message.Message):
    __slots__ = ("concern", "as_of_index", "after_index", "after_ordinal", "after_n")
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_INDEX_FIELD_NUMBER: _ClassVar[int]
    AFTER_INDEX_FIELD_NUMBER: _ClassVar[int]
    AFTER_ORDINAL_FIELD_NUMBER: _ClassVar[int]
    AFTER_N_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    as_of_index: int
    after_index: int
    after_ordinal: int
    after_n: int
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., as_of_index: _Optional[int] = ..., after_index: _Optional[int] = ..., after_ordinal: _Optional[int] = ..., after_n: _Optional[int] = ...) -> None: ...

class ExportBooksReply(_message.Message):
    __slots__ = ("header", "as_of_index", "entries", "more")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    AS_OF_INDEX_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    as_of_index: int
    entries: _containers.RepeatedCompositeFieldContainer[ExportedEntry]
    more: bool
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., as_of_index: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[ExportedEntry, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class ExportedEntry(_message.Message):
    __slots__ = ("index", "ordinal", "n", "at_us", "reason", "livemode", "currency", "exponent", "legs")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    AT_US_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LIVEMODE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    LEGS_FIELD_NUMBER: _ClassVar[int]
    index: int
    ordinal: int
    n: int
    at_us: int
    reason: str
    livemode: bool
    currency: str
    exponent: int
    legs: _containers.RepeatedCompositeFieldContainer[ExportedLeg]
    def __init__(self, index: _Optional[int] = ..., ordinal: _Optional[int] = ..., n: _Optional[int] = ..., at_us: _Optional[int] = ..., reason: _Optional[str] = ..., livemode: _Optional[bool] = ..., currency: _Optional[str] = ..., exponent: _Optional[int] = ..., legs: _Optional[_Iterable[_Union[ExportedLeg, _Mapping]]] = ...) -> None: ...

class ExportedLeg(_message.Message):
    __slots__ = ("ledger_account", "type", "debit_units", "balance_units")
    LEDGER_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DEBIT_UNITS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_UNITS_FIELD_NUMBER: _ClassVar[int]
    ledger_account: str
    type: AccountType
    debit_units: int
    balance_units: int
    def __init__(self, ledger_account: _Optional[str] = ..., type: _Optional[_Union[AccountType, str]] = ..., debit_units: _Optional[int] = ..., balance_units: _Optional[int] = ...) -> None: ...

class ValidateCallRequest(_message.Message):
    __slots__ = ("concern", "open_account", "close_account", "freeze", "unfreeze", "fund", "fund_reverse", "transfer", "create_hold", "capture_hold", "release_hold", "post_entry", "adjust", "approve_voucher", "reject_voucher", "cancel", "approve", "reject", "reroute", "request_recall", "tell_evidence")
    CONCERN_FIELD_NUMBER: _ClassVar[int]
    OPEN_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CLOSE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    FREEZE_FIELD_NUMBER: _ClassVar[int]
    UNFREEZE_FIELD_NUMBER: _ClassVar[int]
    FUND_FIELD_NUMBER: _ClassVar[int]
    FUND_REVERSE_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    CREATE_HOLD_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_HOLD_FIELD_NUMBER: _ClassVar[int]
    RELEASE_HOLD_FIELD_NUMBER: _ClassVar[int]
    POST_ENTRY_FIELD_NUMBER: _ClassVar[int]
    ADJUST_FIELD_NUMBER: _ClassVar[int]
    APPROVE_VOUCHER_FIELD_NUMBER: _ClassVar[int]
    REJECT_VOUCHER_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    APPROVE_FIELD_NUMBER: _ClassVar[int]
    REJECT_FIELD_NUMBER: _ClassVar[int]
    REROUTE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_RECALL_FIELD_NUMBER: _ClassVar[int]
    TELL_EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    concern: _common_pb2.ReadConcern
    open_account: OpenAccountRequest
    close_account: CloseAccountRequest
    freeze: FreezeRequest
    unfreeze: UnfreezeRequest
    fund: FundRequest
    fund_reverse: FundReverseRequest
    transfer: TransferRequest
    create_hold: CreateHoldRequest
    capture_hold: CaptureHoldRequest
    release_hold: ReleaseHoldRequest
    post_entry: PostEntryRequest
    adjust: AdjustRequest
    approve_voucher: ApproveVoucherRequest
    reject_voucher: RejectVoucherRequest
    cancel: _payouts_pb2.CancelPayoutRequest
    approve: _payouts_pb2.ApprovePayoutRequest
    reject: _payouts_pb2.RejectPayoutRequest
    reroute: _payouts_pb2.ReroutePayoutRequest
    request_recall: _payouts_pb2.RequestRecallRequest
    tell_evidence: _payouts_pb2.TellEvidenceRequest
    def __init__(self, concern: _Optional[_Union[_common_pb2.ReadConcern, _Mapping]] = ..., open_account: _Optional[_Union[OpenAccountRequest, _Mapping]] = ..., close_account: _Optional[_Union[CloseAccountRequest, _Mapping]] = ..., freeze: _Optional[_Union[FreezeRequest, _Mapping]] = ..., unfreeze: _Optional[_Union[UnfreezeRequest, _Mapping]] = ..., fund: _Optional[_Union[FundRequest, _Mapping]] = ..., fund_reverse: _Optional[_Union[FundReverseRequest, _Mapping]] = ..., transfer: _Optional[_Union[TransferRequest, _Mapping]] = ..., create_hold: _Optional[_Union[CreateHoldRequest, _Mapping]] = ..., capture_hold: _Optional[_Union[CaptureHoldRequest, _Mapping]] = ..., release_hold: _Optional[_Union[ReleaseHoldRequest, _Mapping]] = ..., post_entry: _Optional[_Union[PostEntryRequest, _Mapping]] = ..., adjust: _Optional[_Union[AdjustRequest, _Mapping]] = ..., approve_voucher: _Optional[_Union[ApproveVoucherRequest, _Mapping]] = ..., reject_voucher: _Optional[_Union[RejectVoucherRequest, _Mapping]] = ..., cancel: _Optional[_Union[_payouts_pb2.CancelPayoutRequest, _Mapping]] = ..., approve: _Optional[_Union[_payouts_pb2.ApprovePayoutRequest, _Mapping]] = ..., reject: _Optional[_Union[_payouts_pb2.RejectPayoutRequest, _Mapping]] = ..., reroute: _Optional[_Union[_payouts_pb2.ReroutePayoutRequest, _Mapping]] = ..., request_recall: _Optional[_Union[_payouts_pb2.RequestRecallRequest, _Mapping]] = ..., tell_evidence: _Optional[_Union[_payouts_pb2.TellEvidenceRequest, _Mapping]] = ...) -> None: ...

class ValidateCallReply(_message.Message):
    __slots__ = ("header", "judged_at_us", "result", "state")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    JUDGED_AT_US_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    header: _common_pb2.ReadHeader
    judged_at_us: int
    result: _common_pb2.CommandResult
    state: _payouts_pb2.PayoutState
    def __init__(self, header: _Optional[_Union[_common_pb2.ReadHeader, _Mapping]] = ..., judged_at_us: _Optional[int] = ..., result: _Optional[_Union[_common_pb2.CommandResult, _Mapping]] = ..., state: _Optional[_Union[_payouts_pb2.PayoutState, str]] = ...) -> None: ...
