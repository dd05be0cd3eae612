"""A scripted log of every command, and the digest of all it does. Run as a program by tests.

python -m tests.ledger.scripted
"""

import hashlib
from collections.abc import Sequence
from typing import TypeAlias

from ledgerd.formats import batches, commands, records
from ledgerd.formats.versions import STATE_VERSION_FIRST
from ledgerd.ledger.apply import apply
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Command, FeeRule, Submit
from tests.fakes import MemoryView
from tests.ledger.making import (
    BOB,
    EUR,
    EVE,
    JPY,
    MAX,
    SWIFT,
    USD,
    cancel,
    fund,
    open_account,
    set_fees,
    submit,
    transfer,
    uid,
)

Entry: TypeAlias = Sequence[Submit] | Sequence[Command]


def script() -> list[Entry]:
    """Entries in order, each a list of submits or of other commands."""
    many = [uid(500 + number) for number in range(40)]
    return [
        [
            open_account(),
            open_account(BOB, min_balance_minor=-50),
            open_account(EVE, livemode=False, currency=EUR),
            *(open_account(account_id, owner_ref="o") for account_id in many),
        ],
        [
            *(
                fund(100 + number, account_id=account_id, bank=f"bank{number % 7}")
                for number, account_id in enumerate(many)
            ),
            fund(2),
            fund(3, account_id=EVE, currency=EUR),
            fund(4, account_id=EVE),
            fund(5, amount_minor=MAX),
        ],
        [
            set_fees(
                6,
                FeeRule(SWIFT, USD, 25, 10, 0, 90),
                FeeRule(2, USD, 0, 7, 3, MAX),
                FeeRule(SWIFT, JPY, 1, 1, 1, 1),
            )
        ],
        [
            submit(
                1000 + number * 37 % 200,
                account_id=many[number * 7 % 40],
                amount_minor=number * number % 5000,
                rail=(SWIFT, 2, 7, 99)[number % 4],
                principal=f"p{number % 5}",
            )
            for number in range(300)
        ],
        [transfer(7), transfer(7), cancel(8, payout_id=uid(1001)), cancel(9)],
        [submit(1), submit(1, account_id=BOB), submit(2, account_id=EVE, rail=1)],
        [cancel(10), cancel(11), transfer(12, to_account_id=many[3])],
    ]


def digest(state_version: int = STATE_VERSION_FIRST) -> str:
    """Return the rolling digest at the end of the script."""
    return digest_of(script(), state_version=state_version, step_us=1)


def digest_of(entries: Sequence[Entry], *, state_version: int, step_us: int) -> str:
    """Apply entries from their durable bytes; return the rolling digest at their end."""
    view = MemoryView()
    rolling = bytes(32)
    for index, entry in enumerate(entries, start=1):
        if isinstance(entry[0], Submit):
            batch = PayoutBatch()
            for row in entry:
                assert isinstance(row, Submit)
                batch.add(**{name: getattr(row, name) for name in Submit.__slots__})
            work = batches.decode(batches.encode(batch))
        else:
            work = commands.decode(commands.encode(entry))
        applied = apply(
            view,
            index=index,
            ts_us=1_760_000_000_000_000 + index * step_us,
            state_version=state_version,
            work=work,
        )
        tables = records.encode_writes(applied.writes)
        view.write(tables)
        written = hashlib.sha256()
        for table in tables:
            written.update(str(table.table).encode())
            for key, value in table.rows:
                written.update(key + value)
        answers = hashlib.sha256(records.encode_outcomes(applied.outcomes)).digest()
        rolling = hashlib.sha256(rolling + written.digest() + answers).digest()
    return rolling.hex()


if __name__ == "__main__":
    print(digest())
