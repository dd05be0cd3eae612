"""What is kept of accounts, of customers and our own, with holds and vouchers."""

from struct import Struct
from typing import Final

from ledgerd.errors import CorruptionError
from ledgerd.formats import holds, vouchers
from ledgerd.formats.records.rows import (
    VERSION,
    Row,
    Table,
    expect_size,
    opened,
    position_key,
    position_of,
    read_key,
    sealed,
)
from ledgerd.ledger.accounts import (
    Account,
    AccountKind,
    AccountStatus,
    Book,
    InternalKey,
    LedgerAccount,
)
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.vouchers import Voucher

_WITH_CLASS: Final = 2  # of accounts
_INTERNAL_KEY: Final = Struct(">BHB")
_ACCOUNT: Final = Struct(">BHBBqQHqqqqqqQQHHBB")
_INTERNAL: Final = Struct(">Bq")
_STATUSES: Final = {int(status): status for status in AccountStatus}


def internal_key(key: InternalKey) -> bytes:
    """Return the key of an internal account's balance."""
    book, account = key
    return (
        _INTERNAL_KEY.pack(book.livemode, book.currency, account.kind) + account.subject
    )


def internal_of(key: bytes) -> InternalKey:
    """Return which internal account a key names."""
    livemode, currency, kind = read_key(
        _INTERNAL_KEY, key[: _INTERNAL_KEY.size], "an internal account"
    )
    subject = bytes(key[_INTERNAL_KEY.size :])
    try:
        account = LedgerAccount(AccountKind(kind), subject)
    except ValueError as exc:
        raise CorruptionError(f"table internal, key {key.hex()}: {exc}") from exc
    return InternalKey(Book(bool(livemode), currency), account)


# account: version, currency, livemode, status, minimum, opened index, ordinal and ts, five
# balances, sequence, last entry, length of owner reference u8, length of principal u8;
# owner reference; principal; in layout 2, which only accounts with a class have, their class.


def account_row(account: Account) -> Row:
    """Return the row of a customer account."""
    owner_ref, principal = account.owner_ref.encode(), account.principal.encode()
    own_class = account.account_class.encode()
    fixed = _ACCOUNT.pack(
        _WITH_CLASS if own_class else VERSION,
        account.currency,
        account.livemode,
        account.status,
        account.min_balance_minor,
        account.opened_index,
        account.opened_ordinal,
        account.opened_ts_us,
        account.available_minor,
        account.reserved_minor,
        account.held_minor,
        account.blocked_minor,
        account.receivable_minor,
        account.sequence,
        *account.last_entry,
        len(owner_ref),
        len(principal),
    )
    return account.account_id, sealed(fixed + owner_ref + principal + own_class)


def decode_account(key: bytes, value: bytes) -> Account:
    """Return a fresh account, which the caller may change."""

    def read(body: bytes) -> Account:
        (
            layout,
            currency,
            livemode,
            status,
            min_balance_minor,
            opened_index,
            opened_ordinal,
            opened_ts_us,
            available_minor,
            reserved_minor,
            held_minor,
            blocked_minor,
            receivable_minor,
            sequence,
            index,
            ordinal,
            n,
            owner_bytes,
            principal_bytes,
        ) = _ACCOUNT.unpack_from(body)
        middle = _ACCOUNT.size + owner_bytes
        end = middle + principal_bytes
        if layout != _WITH_CLASS:
            expect_size(body, end)
        elif len(body) <= end:
            raise ValueError("expected a class of the account, found none")
        return Account(
            bytes(key),
            currency,
            bool(livemode),
            body[_ACCOUNT.size : middle].decode(),
            min_balance_minor,
            _STATUSES.get(status) or AccountStatus(status),  # the second raises
            opened_index,
            opened_ordinal,
            opened_ts_us,
            body[middle:end].decode(),
            available_minor,
            reserved_minor,
            held_minor,
            blocked_minor,
            receivable_minor,
            sequence,
            (index, ordinal, n),
            body[end:].decode(),
        )

    return opened(Table.ACCOUNT, key, value, read)


def internal_row(key: InternalKey, balance_minor: int) -> Row:
    """Return the row of the balance of an internal account."""
    return internal_key(key), sealed(_INTERNAL.pack(VERSION, balance_minor))


def decode_internal(key: bytes, value: bytes) -> int:
    """Return the balance of an internal account. Layout: version, balance."""
    return opened(
        Table.INTERNAL, key, value, lambda body: int(_INTERNAL.unpack(body)[1])
    )


def hold_row(hold: Hold) -> Row:
    """Return the row of a hold."""
    return position_key(hold.position), sealed(holds.pack(hold))


def decode_hold(key: bytes, value: bytes) -> Hold:
    """Return a hold."""
    position = position_of(key)
    return opened(Table.HOLD, key, value, lambda body: holds.unpack(position, body))


def voucher_row(voucher: Voucher) -> Row:
    """Return the row of a voucher."""
    return voucher.voucher_id, sealed(vouchers.pack(voucher))


def decode_voucher(key: bytes, value: bytes) -> Voucher:
    """Return a voucher."""
    return opened(
        Table.VOUCHER, key, value, lambda body: vouchers.unpack(bytes(key), body)
    )
