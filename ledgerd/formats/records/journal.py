"""The journal and the feed: entries, events, and the marks by which they are found."""

from collections.abc import Iterable
from struct import Struct
from typing import Final

from ledgerd.formats.records.rows import (
    BYTE,
    SEQ,
    VERSION,
    Row,
    Table,
    expect_size,
    opened,
    read_key,
    sealed,
)
from ledgerd.ledger.accounts import (
    AccountKind,
    Balances,
    Book,
    EntryPosition,
    LedgerAccount,
    Side,
)
from ledgerd.ledger.events import AccountAfter, Event, EventKind
from ledgerd.ledger.journal import (
    EntryReason,
    JournalEntry,
    Leg,
    Touched,
    imbalance,
)

EVENT_SEEK_EVERY: Final = 1024
ACCOUNT_MARK_EVERY: Final = 64
META_EVENT_SEQ: Final = b"ledger/event_seq"
_ENTRY: Final = Struct(">QHH")
_MARK_KEY: Final = Struct(">16sQ")
JOURNAL: Final = Struct(">BBBHBB")
TOUCHED: Final = Struct(">16sQqqqqqQHH")
LEG: Final = Struct(">BBBq")
EVENT: Final = Struct(">BBQq16sBBHqqB")
AFTER: Final = Struct(">16sqqqqq")
_SEEK: Final = Struct(">BQHH")
_ACCOUNT_MARK: Final = Struct(">BQHHqqqqq")
_META_SEQ: Final = Struct(">BQ")
_NO_SUBJECT: Final = 0xFF


def entry_key(position: EntryPosition) -> bytes:
    """Return the key of a journal entry or an event."""
    return _ENTRY.pack(*position)


def entry_position_of(key: bytes) -> EntryPosition:
    """Return the position in a key of `journal` or `event`."""
    index, ordinal, n = read_key(_ENTRY, key, "an entry position")
    return index, ordinal, n


def seq_key(seq: int) -> bytes:
    """Return the key of `event_seek`."""
    return SEQ.pack(seq)


def account_mark_key(account_id: bytes, sequence: int) -> bytes:
    """Return the key of `account_mark`."""
    return _MARK_KEY.pack(account_id, sequence)


def account_mark_of(key: bytes) -> tuple[bytes, int]:
    """Return the account id and the sequence in a key of `account_mark`."""
    account_id, sequence = _MARK_KEY.unpack(key)
    return account_id, sequence


# journal: version, reason, livemode, currency, number of customer accounts u8, number of
# legs u8; per customer account its id, sequence, five balances after, previous entry; per
# leg its kind, subject u8, side, amount; then the names of internal subjects, each behind
# its length u8. A leg's subject is a number of a customer account or, for internal
# accounts, of a name; 255 where the kind has no subject.


def journal_row(entry: JournalEntry) -> Row:
    """Return the row of a journal entry."""
    customers = {touched.account_id: n for n, touched in enumerate(entry.touched)}
    names: dict[bytes, int] = {}
    parts = [
        JOURNAL.pack(
            VERSION,
            entry.reason,
            entry.book.livemode,
            entry.book.currency,
            len(entry.touched),
            len(entry.legs),
        )
    ]
    parts += (
        TOUCHED.pack(
            touched.account_id, touched.sequence, *touched.balances, *touched.previous
        )
        for touched in entry.touched
    )
    for leg in entry.legs:
        kind, subject = leg.account
        if leg.account.is_customer:
            number = customers[subject]
        elif subject:
            number = names.setdefault(subject, len(names))
        else:
            number = _NO_SUBJECT
        parts.append(LEG.pack(kind, number, leg.side, leg.amount_minor))
    parts += (BYTE[len(name)] + name for name in names)
    return _ENTRY.pack(*entry.position), sealed(b"".join(parts))


def decode_journal(key: bytes, value: bytes) -> JournalEntry:
    """Return a journal entry with its legs. Its I1 is checked again here."""

    def read(body: bytes) -> JournalEntry:
        _, reason, livemode, currency, touched_count, leg_count = JOURNAL.unpack_from(
            body
        )
        at = JOURNAL.size
        touched: list[Touched] = []
        for _ in range(touched_count):
            account_id, sequence, *rest = TOUCHED.unpack_from(body, at)
            at += TOUCHED.size
            index, ordinal, n = rest[5:]
            touched.append(
                Touched(account_id, sequence, Balances(*rest[:5]), (index, ordinal, n))
            )
        raw_legs = [
            LEG.unpack_from(body, at + leg * LEG.size) for leg in range(leg_count)
        ]
        at += leg_count * LEG.size
        names: list[bytes] = []
        while at < len(body):
            end = at + 1 + body[at]
            names.append(body[at + 1 : end])
            at = end
        expect_size(body, at)

        used: set[int] = set()
        legs: list[Leg] = []
        for raw_kind, number, side, amount_minor in raw_legs:
            kind = AccountKind(raw_kind)
            if kind <= AccountKind.RECEIVABLE:
                subject = touched[number].account_id
            elif number == _NO_SUBJECT:
                subject = b""
            else:
                subject = names[number]
                used.add(number)
            legs.append(Leg(LedgerAccount(kind, subject), Side(side), amount_minor))
        if len(used) != len(names) or b"" in names:
            raise ValueError(f"expected {len(used)} names, found {names}")
        flaw = imbalance(tuple(legs))
        if flaw is not None:
            raise ValueError(flaw)
        return JournalEntry(
            entry_position_of(key),
            EntryReason(reason),
            Book(bool(livemode), currency),
            tuple(legs),
            tuple(touched),
        )

    return opened(Table.JOURNAL, key, value, read)


# event: version, kind, seq, ts, subject, state before, state after, currency, amount, fee,
# number of accounts u8; per account its id and five balances after.


def event_row(event: Event) -> Row:
    """Return the row of one event of the feed."""
    parts = [
        EVENT.pack(
            VERSION,
            event.kind,
            event.seq,
            event.ts_us,
            event.subject,
            event.state_before,
            event.state_after,
            event.currency,
            event.amount_minor,
            event.fee_minor,
            len(event.accounts),
        )
    ]
    parts += (AFTER.pack(after.account_id, *after.balances) for after in event.accounts)
    return _ENTRY.pack(*event.position), sealed(b"".join(parts))


def decode_event(key: bytes, value: bytes) -> Event:
    """Return one event of the feed."""

    def read(body: bytes) -> Event:
        _, kind, seq, ts_us, subject, before, after, currency, amount, fee, count = (
            EVENT.unpack_from(body)
        )
        expect_size(body, EVENT.size + count * AFTER.size)
        accounts: list[AccountAfter] = []
        for account in range(count):
            account_id, *balances = AFTER.unpack_from(
                body, EVENT.size + account * AFTER.size
            )
            accounts.append(AccountAfter(account_id, Balances(*balances)))
        return Event(
            entry_position_of(key),
            seq,
            EventKind(kind),
            ts_us,
            subject,
            before,
            after,
            currency,
            amount,
            fee,
            tuple(accounts),
        )

    return opened(Table.EVENT, key, value, read)


# event_seek: version, position.


def seek_row(seq: int, position: EntryPosition) -> Row:
    """Return the row that leads from a seq to its event."""
    return SEQ.pack(seq), sealed(_SEEK.pack(VERSION, *position))


def decode_event_seek(key: bytes, value: bytes) -> EntryPosition:
    """Return where the event with this seq stands."""

    def read(body: bytes) -> EntryPosition:
        _, index, ordinal, n = _SEEK.unpack(body)
        return index, ordinal, n

    return opened(Table.EVENT_SEEK, key, value, read)


# account_mark: version, position of the entry, five balances after it.


def mark_rows(entry: JournalEntry) -> Iterable[Row]:
    """Yield the marks that an entry reaches, one for each account at most."""
    for touched in entry.touched:
        if touched.sequence % ACCOUNT_MARK_EVERY == 0:
            yield mark_row(
                touched.account_id, touched.sequence, entry.position, touched.balances
            )


def mark_row(
    account_id: bytes, sequence: int, position: EntryPosition, balances: Balances
) -> Row:
    """Return the row of the balances of an account after one of its entries."""
    value = sealed(_ACCOUNT_MARK.pack(VERSION, *position, *balances))
    return account_mark_key(account_id, sequence), value


def decode_account_mark(key: bytes, value: bytes) -> tuple[EntryPosition, Balances]:
    """Return the position of an account's entry, and the balances after it."""

    def read(body: bytes) -> tuple[EntryPosition, Balances]:
        _, index, ordinal, n, *balances = _ACCOUNT_MARK.unpack(body)
        return (index, ordinal, n), Balances(*balances)

    return opened(Table.ACCOUNT_MARK, key, value, read)


def event_seq_row(seq: int) -> Row:
    """Return the row of the seq of the last event."""
    return META_EVENT_SEQ, sealed(_META_SEQ.pack(VERSION, seq))


def event_seq_written(row: Row) -> int | None:
    """Return the seq of the last event if that is what this row of `meta`, just made, says."""
    key, value = row
    return int(_META_SEQ.unpack_from(value)[1]) if key == META_EVENT_SEQ else None


def decode_event_seq(key: bytes, value: bytes) -> int:
    """Return the seq of the last event. Layout: version, seq."""
    return opened(Table.META, key, value, lambda body: int(_META_SEQ.unpack(body)[1]))
