"""Reading beside the writer: look-ups, pages bound to an index, and the trial balance."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.formats.records import Table, position_key
from ledgerd.ledger.accounts import Account, Position
from ledgerd.ledger.identity import CallKind, IdKind
from ledgerd.ledger.outcomes import Refusal
from ledgerd.ledger.payouts import PayoutState
from ledgerd.raft.entries import Index
from ledgerd.storage.environment import Environment
from ledgerd.storage.reader import (
    PayoutFound,
    PayoutPage,
    PayoutRefused,
    StateReader,
    read,
)
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.world import POOR, RICH, apply_to, open_node, usual_history, uuid7


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """A node that has applied the usual history."""
    with open_node(tmp_path / "node") as opened:
        state = LmdbStateStore(opened)
        apply_to(state, usual_history())
        state.commit()
        yield opened


def walk(environment: Environment, bound: int, rows_max: int) -> list[PayoutFound]:
    """Return all payouts, page by page, each page in a transaction of its own."""
    found: list[PayoutFound] = []
    after: Position | None = None
    while True:

        def page(reader: StateReader, after: Position | None = after) -> PayoutPage:
            return reader.payouts_page(
                after=after, bound=Index(bound), rows_max=rows_max
            )

        part = read(environment, page)
        assert len(part.payouts) <= rows_max
        found += part.payouts
        after = part.next_after
        if after is None:
            return found


def test_a_payout_is_found_by_its_id(environment: Environment) -> None:
    """Its head, and its status if anything changed since."""
    ready = read(environment, lambda reader: reader.payout(uuid7(100)))
    cancelled = read(environment, lambda reader: reader.payout(uuid7(103)))

    assert isinstance(ready, PayoutFound)
    assert (ready.state, ready.status) == (PayoutState.READY, None)
    assert (ready.updated_index, ready.updated_ts_us) == (4, ready.head.ts_us)
    assert isinstance(cancelled, PayoutFound)
    assert cancelled.state is PayoutState.CANCELLED
    assert cancelled.updated_index == 8
    assert cancelled.updated_ts_us == usual_history()[7].ts_us


def test_a_refused_payout_says_why(environment: Environment) -> None:
    """The id is spent."""
    refused = read(environment, lambda reader: reader.payout(uuid7(209)))

    assert isinstance(refused, PayoutRefused)
    assert refused.record.refusal == Refusal.INSUFFICIENT_FUNDS
    assert (refused.record.index, refused.record.ordinal) == (7, 9)


def test_an_id_never_used_is_none(environment: Environment) -> None:
    """For payouts, accounts, requests and ids."""
    nobody = uuid7(4711)

    assert read(environment, lambda reader: reader.payout(nobody)) is None
    assert read(environment, lambda reader: reader.account(nobody)) is None
    assert read(environment, lambda reader: reader.request(nobody)) is None
    assert read(environment, lambda reader: reader.id(IdKind.PAYOUT, nobody)) is None


def test_a_request_is_found(environment: Environment) -> None:
    """By its id, with call and position."""
    record = read(environment, lambda reader: reader.request(uuid7(6)))

    assert record is not None
    assert (record.call, record.index) == (CallKind.CANCEL, 8)


@pytest.mark.parametrize("rows_max", [1, 7, 63, 1000])
def test_pages_join_to_the_whole_list(environment: Environment, rows_max: int) -> None:
    """Nothing twice, nothing skipped, in order of position."""
    found = walk(environment, bound=8, rows_max=rows_max)

    positions = [payout.head.position for payout in found]
    assert len(found) == 63
    assert positions == sorted(set(positions))


def test_a_list_is_bound_to_its_index(environment: Environment) -> None:
    """Payouts made later are absent, and what changed later is shown as it was (9.3)."""
    as_of_4 = walk(environment, bound=4, rows_max=20)
    as_of_7 = walk(environment, bound=7, rows_max=20)
    as_of_8 = walk(environment, bound=8, rows_max=20)

    assert (len(as_of_4), len(as_of_7), len(as_of_8)) == (50, 63, 63)
    assert {payout.state for payout in as_of_4 + as_of_7} == {PayoutState.READY}
    assert sum(payout.state is PayoutState.CANCELLED for payout in as_of_8) == 1


def test_a_filter_may_leave_a_page_short(environment: Environment) -> None:
    """What is looked at is bounded too; the page then says where to go on."""

    def page(reader: StateReader) -> PayoutPage:
        return reader.payouts_page(
            after=None,
            bound=Index(8),
            rows_max=10,
            keep=lambda payout: payout.head.account_id == POOR,
            scan_max=60,
        )

    short = read(environment, page)

    assert (len(short.payouts), short.scanned) == (0, 60)
    assert short.next_after == (5, 19)


def test_accounts_come_in_pages(environment: Environment) -> None:
    """In order of id, filtered by the caller."""

    def ids(after: bytes | None, rows_max: int) -> tuple[list[bytes], bytes | None]:
        page = read(
            environment,
            lambda reader: reader.accounts_page(after=after, rows_max=rows_max),
        )
        return [account.account_id for account in page.accounts], page.next_after

    assert ids(None, 1) == ([RICH], RICH)
    assert ids(RICH, 1) == ([POOR], None)
    assert ids(None, 100) == ([RICH, POOR], None)

    def is_poor(account: Account) -> bool:
        return account.owner_ref == "poor"

    filtered = read(
        environment,
        lambda reader: reader.accounts_page(after=None, rows_max=5, keep=is_poor),
    )
    assert [account.account_id for account in filtered.accounts] == [POOR]
    assert filtered.scanned == 2


def test_the_trial_balance_is_zero_in_every_book(environment: Environment) -> None:
    """I2: customers by kind of balance, internal accounts by name."""
    (book,) = read(environment, lambda reader: reader.trial_balance())

    assert book.is_balanced
    lines = {line.ledger_account: line for line in book.lines}
    assert list(lines) == ["cust/*/available", "cust/*/reserved", "bank/big_bank/cash"]
    assert lines["bank/big_bank/cash"].debit_minor == 1_000_000_000
    assert lines["cust/*/available"].accounts == 2
    assert (
        lines["cust/*/available"].credit_minor + lines["cust/*/reserved"].credit_minor
        == 1_000_000_000
    )


def test_a_damaged_row_is_corruption_that_names_it(environment: Environment) -> None:
    """A reader never hands out what its checksum denies."""
    key = position_key((4, 0))
    handle = environment.state_tables[Table.PAYOUT]
    with environment.state.begin(write=True) as transaction:
        value = bytearray(transaction.get(key, db=handle) or b"")
        value[20] ^= 1
        transaction.put(key, bytes(value), db=handle)

    with pytest.raises(CorruptionError, match=f"payout.*{key.hex()}"):
        read(environment, lambda reader: reader.payout(uuid7(100)))
