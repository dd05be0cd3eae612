"""The canonical rows of the state environment: what is stored, hashed and compared.

Keys are fixed-width and big-endian, so that the order of bytes is the order of meaning.
Every value begins with the version of its layout, one byte, and ends with a CRC32C over
all bytes before it, four bytes: rot is found when it is read, and the message names table
and key. Where no other row leads to a key (ids, requests, references of banks and rails) the
CRC32C is over the value and then the key, from layout 2 on. Numbers are big-endian; texts
are UTF-8 behind their length. Layouts stand at the functions that write them; golden bytes
of each are kept with the tests. A layout is never changed: a new one gets the next version
byte, and the decoder reads both.

    table         key                                   value
    payout        index u64, ordinal u16                PayoutHead
    payout_state  the same                              PayoutStatus
    journal       index u64, ordinal u16, n u16         JournalEntry
    event         the same                              Event
    event_seek    seq u64, every 1,024th                its EntryPosition
    account       account id                            Account
    account_mark  account id, sequence u64, every 64th  EntryPosition and Balances then
    internal      livemode u8, currency u16, kind u8,   balance
                  subject
    id            id, IdKind u8                         IdRecord
    request       request id                            RequestRecord
    evidence      1, length of bank u8, bank, reference Position of its command
                  2, rail u16, trigger u8, reference    EvidenceUse
    reversal      length of bank u8, bank, reference    how much of a Fund was reversed
    under_way     account id                            how many of its payouts are under way
    hold          index u64, ordinal u16                Hold, formats/holds
    voucher       request id of its call                Voucher, formats/vouchers
    config        1, effective from u64, version u32    FeeSchedule
    rail_key      15 characters                         Position of its payout
    exception     index u64, ordinal u16                LedgerException, formats/lifecycle
    ready         rail u16, index u64                   ordinals u16 of its payouts that a
                                                        worker may take
                  b"R", rail u16, version u32           RailRecord, formats/rail_records
                  b"C", name, 0 u8, version u32         Calendar, formats/rail_records
                  b"S", rail u16                        Suspension
                  b"L", version u32                     LimitSet, formats/risk_records
                  b"V", version u32                     RuleSet, formats/risk_records
                  b"G", version u32                     RoleSet, formats/setting_records
                  b"M", version u32                     CurrencySet, formats/setting_records
    window        LimitKind u8, livemode u8, currency   WindowUse, formats/risk_records
                  u16, window u64, since u64, subject
                  16, account id, fingerprint           Position of the first payout that
                                                        was seen to settle there
                  17, owner reference                   how many of its accounts are frozen
    timer         due u64, index u64, ordinal u16,      none
                  TimerKind u8
    meta          b"ledger/event_seq"                   seq of the last event
                  b"cluster/membership"                 the membership, formats/memberships
    payout_past   index, ordinal and n of the change,   PayoutStatus before the change; none
                  then the key of the payout            before its first
    tree          level u8, number u64                  leaves and nodes, formats/leaves

An empty value drops the row of its key: no value is empty, for all are sealed.
"""

from ledgerd.formats.records.accounts import (
    decode_account,
    decode_hold,
    decode_internal,
    decode_voucher,
    internal_key,
    internal_of,
)
from ledgerd.formats.records.entries import encode_outcomes, encode_writes
from ledgerd.formats.records.journal import (
    ACCOUNT_MARK_EVERY,
    EVENT_SEEK_EVERY,
    META_EVENT_SEQ,
    account_mark_key,
    account_mark_of,
    decode_account_mark,
    decode_event,
    decode_event_seek,
    decode_event_seq,
    decode_journal,
    entry_key,
    entry_position_of,
    event_seq_written,
    seq_key,
)
from ledgerd.formats.records.payouts import (
    decode_exception,
    decode_payout,
    decode_payout_past,
    decode_payout_status,
    decode_rail_key,
    decode_ready,
    decode_under_way,
    payout_past_key,
    payout_past_of,
    ready_key,
    ready_of,
    timer_key,
    timer_of,
)
from ledgerd.formats.records.rows import (
    DROPPED,
    Table,
    TableRows,
    is_sealed,
    position_key,
    position_of,
)
from ledgerd.formats.records.settings import (
    CALENDAR_PREFIX,
    CURRENCIES_PREFIX,
    FEES_PREFIX,
    LIMITS_PREFIX,
    ROLES_PREFIX,
    RULES_PREFIX,
    Setting,
    decode_currencies,
    decode_fee_schedule,
    decode_limits,
    decode_roles,
    decode_rules,
    decode_setting,
    setting_key,
)
from ledgerd.formats.records.uses import (
    EVIDENCE_PREFIX,
    decode_evidence,
    decode_external_ref,
    decode_id,
    decode_request,
    decode_reversal,
    evidence_key,
    external_ref_key,
    id_key,
    reversal_key,
    reversal_of,
)
from ledgerd.formats.records.windows import (
    FROZEN_PREFIX,
    KNOWN_PREFIX,
    decode_frozen,
    decode_known,
    decode_window,
    frozen_key,
    frozen_of,
    known_key,
    known_of,
    window_key,
    window_of,
)

__all__ = [
    "ACCOUNT_MARK_EVERY",
    "CALENDAR_PREFIX",
    "CURRENCIES_PREFIX",
    "DROPPED",
    "EVENT_SEEK_EVERY",
    "EVIDENCE_PREFIX",
    "FEES_PREFIX",
    "FROZEN_PREFIX",
    "KNOWN_PREFIX",
    "LIMITS_PREFIX",
    "META_EVENT_SEQ",
    "ROLES_PREFIX",
    "RULES_PREFIX",
    "Setting",
    "Table",
    "TableRows",
    "account_mark_key",
    "account_mark_of",
    "decode_account",
    "decode_account_mark",
    "decode_currencies",
    "decode_event",
    "decode_event_seek",
    "decode_event_seq",
    "decode_evidence",
    "decode_exception",
    "decode_external_ref",
    "decode_fee_schedule",
    "decode_frozen",
    "decode_hold",
    "decode_id",
    "decode_internal",
    "decode_journal",
    "decode_known",
    "decode_limits",
    "decode_payout",
    "decode_payout_past",
    "decode_payout_status",
    "decode_rail_key",
    "decode_ready",
    "decode_request",
    "decode_reversal",
    "decode_roles",
    "decode_rules",
    "decode_setting",
    "decode_under_way",
    "decode_voucher",
    "decode_window",
    "encode_outcomes",
    "encode_writes",
    "entry_key",
    "entry_position_of",
    "event_seq_written",
    "evidence_key",
    "external_ref_key",
    "frozen_key",
    "frozen_of",
    "id_key",
    "internal_key",
    "internal_of",
    "is_sealed",
    "known_key",
    "known_of",
    "payout_past_key",
    "payout_past_of",
    "position_key",
    "position_of",
    "ready_key",
    "ready_of",
    "reversal_key",
    "reversal_of",
    "seq_key",
    "setting_key",
    "timer_key",
    "timer_of",
    "window_key",
    "window_of",
]
