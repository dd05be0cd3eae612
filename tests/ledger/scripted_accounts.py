"""A scripted log of what state version 3 brought for accounts, and the digest of all it does.

python -m tests.ledger.scripted_accounts
"""

from ledgerd.ledger.accounts import AccountKind, Side
from ledgerd.ledger.commands import Tick
from tests.ledger.making import (
    ALICE,
    BOB,
    EUR,
    EVE,
    MINUTE_US,
    adjust,
    approve_voucher,
    cancel,
    capture_hold,
    close_account,
    create_hold,
    freeze,
    fund,
    fund_reverse,
    leg,
    open_account,
    post_entry,
    reject_voucher,
    release_hold,
    submit,
    transfer,
    uid,
    unfreeze,
)
from tests.ledger.scripted import Entry, digest_of

AVAILABLE, BLOCKED = AccountKind.AVAILABLE, AccountKind.BLOCKED


def script() -> list[Entry]:
    """Entries in order; each is 40 s of log time after the one before."""
    return [
        [
            open_account(),
            open_account(BOB, min_balance_minor=-50),
            open_account(EVE, livemode=False, currency=EUR),
            fund(1, external_ref="opening"),
            fund(2, account_id=BOB, amount_minor=700),
            fund(3, account_id=EVE, currency=EUR, external_ref="eve"),
        ],
        [
            create_hold(1),
            create_hold(1),
            create_hold(1, reference="other"),
            create_hold(2, ttl_us=1),
            create_hold(3, amount_minor=10**12),
            create_hold(4, account_id=EVE),
            create_hold(5),
            create_hold(6, ttl_us=10 * MINUTE_US),
        ],
        [
            Tick(),
            capture_hold(10),
            capture_hold(11),
            capture_hold(12, hold_id=uid(2)),
            capture_hold(13, hold_id=uid(5), to_account_id=EVE),
            release_hold(14, hold_id=uid(5)),
            release_hold(15, hold_id=uid(2)),
        ],
        [submit(100), submit(101, account_id=BOB)],
        [
            freeze(20),
            freeze(21),
            transfer(22),
            fund(23, amount_minor=70),
            fund_reverse(24, amount_minor=90_000),
            fund_reverse(25, amount_minor=9_000),
            fund_reverse(26, amount_minor=9_000),
            fund(27, amount_minor=900),
            close_account(28, account_id=ALICE),
            close_account(29),
        ],
        [
            post_entry(
                30,
                leg(BLOCKED, ALICE, Side.DEBIT, 70),
                leg(AVAILABLE, ALICE, Side.CREDIT, 70),
            ),
            adjust(31, linked=(1, 3, 0)),
            adjust(32, linked=(1, 6, 0)),
            adjust(
                34,
                linked=(1, 3, 0),
                legs=(
                    leg(AccountKind.SUSPENSE, b"first", Side.DEBIT, 5),
                    leg(AVAILABLE, ALICE, Side.CREDIT, 5),
                ),
            ),
            post_entry(33),
        ],
        [
            approve_voucher(40, voucher_id=uid(30), principal="anna"),
            approve_voucher(41, voucher_id=uid(30)),
            approve_voucher(42, voucher_id=uid(31)),
            approve_voucher(45, voucher_id=uid(34)),
            reject_voucher(43, voucher_id=uid(33)),
            reject_voucher(44, voucher_id=uid(33)),
            approve_voucher(41, voucher_id=uid(30)),
        ],
        [unfreeze(50), unfreeze(51), cancel(52, payout_id=uid(100))],
        [Tick(), transfer(60, from_account_id=BOB, to_account_id=ALICE)],
        *([[Tick()]] * 12),
        [
            open_account(uid(0xC105E), owner_ref="o"),
            close_account(70, account_id=uid(0xC105E)),
            close_account(71, account_id=uid(0xC105E)),
            fund(72, account_id=uid(0xC105E), amount_minor=5),
        ],
    ]


def digest() -> str:
    """Apply the script from its durable bytes; return the rolling digest at its end."""
    return digest_of(script(), state_version=3, step_us=40_000_000)


if __name__ == "__main__":
    print(digest())
