"""What a row of state/ says of other rows: the ties that break when a bit of a key flips.

Checksums cover values, not keys (T85). So a row whose key changed is found from the other side: by
a row that leads to the key it had. Journal entries are a chain for each account, from its last
entry back; postings name the internal accounts, and marks, seeks and events what they are about.
Each function takes the decoded row and looks others up in the same transaction.

No row leads to a request id, a refused id or a reference of a bank or a rail: from state version 3
on the checksums of these rows cover their keys. `ledgerd check` finds a flipped key of an older one
where the log is whole, for it folds all of it again.
"""

from ledgerd.errors import CorruptionError
from ledgerd.formats import memberships, records
from ledgerd.formats.records import Setting, Table
from ledgerd.ledger.accounts import (
    Account,
    Balances,
    EntryPosition,
    InternalKey,
)
from ledgerd.ledger.events import Event, EventKind
from ledgerd.ledger.journal import JournalEntry, Touched
from ledgerd.ledger.payouts import PayoutStatus
from ledgerd.storage import keys
from ledgerd.storage.tables import Tables

META_KEYS = frozenset(
    {
        keys.IDENTITY,
        keys.APPLIED,
        memberships.META_MEMBERSHIP,
        records.META_EVENT_SEQ,
    }
)

# One event a command, by the rules of every state version: what is true of no life of a payout.
_ALONE = frozenset(
    {
        EventKind.ACCOUNT_OPENED,
        EventKind.ACCOUNT_FUNDED,
        EventKind.TRANSFERRED,
        EventKind.PAYOUT_CREATED,
        EventKind.FEES_SET,
    }
)


def check_journal(tables: Tables, key: bytes, entry: JournalEntry) -> None:
    """Each account's chain goes on behind it (I11), and what it posted to exists.

    Errors: CorruptionError, here as in all others, naming table and key.
    """
    for touched in entry.touched:
        account = tables.account(touched.account_id)
        if account is None or account.sequence < touched.sequence:
            raise lonely(
                Table.JOURNAL, key, f"no account {touched.account_id.hex()} goes so far"
            )
        if touched.sequence > 1:
            _expect_touch(
                tables,
                Table.JOURNAL,
                key,
                (touched.account_id, touched.sequence - 1, touched.previous),
            )
    for leg in entry.legs:
        if leg.account.is_customer:
            continue
        if not tables.has_internal(InternalKey(entry.book, leg.account)):
            raise lonely(
                Table.JOURNAL, key, f"no balance of {leg.account.name}, it posts to it"
            )


def check_account(tables: Tables, account: Account) -> None:
    """Its last journal entry touched it, with its sequence and its balances; it was opened."""
    key = account.account_id
    if account.sequence:
        touched = _expect_touch(
            tables, Table.ACCOUNT, key, (key, account.sequence, account.last_entry)
        )
        if touched.balances != account.balances:
            raise lonely(
                Table.ACCOUNT, key, "its last journal entry left other balances"
            )
    opened = tables.event((account.opened_index, account.opened_ordinal, 0))
    if opened is None or opened.subject != key:
        raise lonely(Table.ACCOUNT, key, "no event says that it was opened")


def check_account_mark(
    tables: Tables, key: bytes, mark: tuple[EntryPosition, Balances]
) -> None:
    """It stands for the entry that touched this account as the one of this number."""
    account_id, sequence = records.account_mark_of(key)
    position, balances = mark
    touched = _expect_touch(
        tables, Table.ACCOUNT_MARK, key, (account_id, sequence, position)
    )
    if touched.balances != balances:
        raise lonely(Table.ACCOUNT_MARK, key, "the entry left other balances")


def check_event(tables: Tables, key: bytes, event: Event) -> None:
    """What it says was made stands where it says, and it is the only event of its command."""
    at, n = event.position[:2], event.position[2]
    if n and event.kind in _ALONE:
        raise lonely(Table.EVENT, key, f"a command makes one {event.kind.name}")
    match event.kind:
        case EventKind.PAYOUT_CREATED:
            head = tables.payout_head(at)
            is_there = head is not None and head.payout_id == event.subject
        case EventKind.ACCOUNT_OPENED:
            account = tables.account(event.subject)
            is_there = (
                account is not None
                and (account.opened_index, account.opened_ordinal) == at
            )
        case EventKind.ACCOUNT_FUNDED | EventKind.TRANSFERRED:
            is_there = tables.journal(event.position) is not None
        case _:
            return
    if not is_there:
        raise lonely(Table.EVENT, key, f"its {event.kind.name} was not made there")


def check_event_seek(tables: Tables, key: bytes, position: EntryPosition) -> None:
    """The event of this number stands there."""
    event = tables.event(position)
    if event is None or records.seq_key(event.seq) != key:
        raise lonely(Table.EVENT_SEEK, key, f"another event stands at {position}")


def check_payout_status(tables: Tables, key: bytes, status: PayoutStatus) -> None:
    """It is of a payout, and the event of its last change is of the same one."""
    head = tables.payout_head(records.position_of(key))
    if head is None:
        raise lonely(Table.PAYOUT_STATE, key, f"no payout, but a status {status.state}")
    event = tables.event(status.last_entry)
    if event is None or event.subject != head.payout_id:
        raise lonely(Table.PAYOUT_STATE, key, "its last change was another payout's")


def check_setting(key: bytes, setting: Setting) -> None:
    """The key repeats what the setting says of itself."""
    expected = records.setting_key(setting)
    if key != expected:
        kind = type(setting).__name__
        raise lonely(Table.CONFIG, key, f"expected {expected.hex()} for this {kind}")


def check_meta_key(key: bytes) -> None:
    """There are few keys, and all are known."""
    if key not in META_KEYS:
        raise lonely(Table.META, key, "no such record is known")


def lonely(table: Table, key: bytes, what: str) -> CorruptionError:
    """Return the error of a row that others contradict."""
    return CorruptionError(f"state/, table {table}, key {key.hex()}: {what}")


def _expect_touch(
    tables: Tables,
    table: Table,
    key: bytes,
    expected: tuple[bytes, int, EntryPosition],
) -> Touched:
    """Return what the entry at a position left in an account as the one of this number."""
    account_id, sequence, position = expected
    entry = tables.journal(position)
    for touched in () if entry is None else entry.touched:
        if (touched.account_id, touched.sequence) == (account_id, sequence):
            return touched
    raise lonely(
        table,
        key,
        f"no entry {sequence} of account {account_id.hex()} at {position}",
    )
