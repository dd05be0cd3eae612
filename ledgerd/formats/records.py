"""Contracts first; the layouts follow."""

from enum import StrEnum
from typing import Final, NamedTuple

from ledgerd.ledger.accounts import (
    Account,
    Balances,
    EntryPosition,
    InternalKey,
    Position,
)
from ledgerd.ledger.catalogue import FeeSchedule
from ledgerd.ledger.events import Event
from ledgerd.ledger.identity import IdKind, IdRecord, RequestRecord
from ledgerd.ledger.journal import JournalEntry
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.ledger.payouts import PayoutHead, PayoutStatus
from ledgerd.ledger.view import ExternalRef, Writes


class Table(StrEnum):
    """The tables of the state environment, in the order in which rows are digested."""

    PAYOUT = "payout"
    PAYOUT_STATE = "payout_state"
    JOURNAL = "journal"
    EVENT = "event"
    EVENT_SEEK = "event_seek"
    ACCOUNT = "account"
    ACCOUNT_MARK = "account_mark"
    INTERNAL = "internal"
    ID = "id"
    REQUEST = "request"
    EVIDENCE = "evidence"
    CONFIG = "config"
    META = "meta"


# Tables whose new keys are above all their old ones.
APPEND_TABLES: Final = frozenset(
    {Table.PAYOUT, Table.JOURNAL, Table.EVENT, Table.EVENT_SEEK}
)
META_EVENT_SEQ: Final = b"ledger/event_seq"
FEES_PREFIX: Final = b"\x01"


class TableRows(NamedTuple):
    """Rows for one table, sorted by key, keys unique. is_append: see APPEND_TABLES."""

    table: Table
    rows: list[tuple[bytes, bytes]]
    is_append: bool


def encode_writes(writes: Writes) -> list[TableRows]:
    """Return the canonical rows of one entry: only tables that have some, in order."""
    raise NotImplementedError


def encode_outcomes(outcomes: Outcomes) -> bytes:
    """Return the canonical bytes of the answers of one entry, for the digest."""
    raise NotImplementedError


def position_key(position: Position) -> bytes:
    raise NotImplementedError


def position_of(key: bytes) -> Position:
    raise NotImplementedError


def entry_key(position: EntryPosition) -> bytes:
    raise NotImplementedError


def entry_position_of(key: bytes) -> EntryPosition:
    raise NotImplementedError


def seq_key(seq: int) -> bytes:
    raise NotImplementedError


def account_mark_key(account_id: bytes, sequence: int) -> bytes:
    raise NotImplementedError


def internal_key(key: InternalKey) -> bytes:
    raise NotImplementedError


def internal_of(key: bytes) -> InternalKey:
    raise NotImplementedError


def id_key(kind: IdKind, id_: bytes) -> bytes:
    raise NotImplementedError


def external_ref_key(ref: ExternalRef) -> bytes:
    raise NotImplementedError


def fee_schedule_key(effective_from_us: int, version: int) -> bytes:
    raise NotImplementedError


def decode_payout(key: bytes, value: bytes) -> PayoutHead:
    raise NotImplementedError


def decode_payout_status(key: bytes, value: bytes) -> PayoutStatus:
    raise NotImplementedError


def decode_journal(key: bytes, value: bytes) -> JournalEntry:
    raise NotImplementedError


def decode_event(key: bytes, value: bytes) -> Event:
    raise NotImplementedError


def decode_event_seek(key: bytes, value: bytes) -> EntryPosition:
    raise NotImplementedError


def decode_account(key: bytes, value: bytes) -> Account:
    raise NotImplementedError


def decode_account_mark(key: bytes, value: bytes) -> tuple[EntryPosition, Balances]:
    raise NotImplementedError


def decode_internal(key: bytes, value: bytes) -> int:
    raise NotImplementedError


def decode_id(key: bytes, value: bytes) -> IdRecord:
    raise NotImplementedError


def decode_request(key: bytes, value: bytes) -> RequestRecord:
    raise NotImplementedError


def decode_external_ref(key: bytes, value: bytes) -> Position:
    raise NotImplementedError


def decode_fee_schedule(key: bytes, value: bytes) -> FeeSchedule:
    raise NotImplementedError


def decode_event_seq(key: bytes, value: bytes) -> int:
    raise NotImplementedError


