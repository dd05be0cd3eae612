"""A small history of a ledger, and the node directory that it leaves behind."""

from pathlib import Path

from ledgerd.formats import batches, commands, versions
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import (
    Cancel,
    Command,
    FeeRule,
    Fund,
    OpenAccount,
    SetFees,
    Transfer,
)
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.risk import Limit, LimitKind
from ledgerd.ledger.risk_commands import SetLimits
from ledgerd.raft.entries import Entry, EntryKind, NodeId
from ledgerd.replica.fold import fold
from ledgerd.storage.environment import Environment, StorageOptions, open_directory
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.making import entry, hard_state, ready

USD = currency_number("USD")
US_ACH = 2
OPTIONS = StorageOptions(log_map_bytes=256 * 1024**2, state_map_bytes=256 * 1024**2)


def uuid7(number: int, *, ms: int = 1_750_000_000_000) -> bytes:
    """Return a UUIDv7 that rises with `number`."""
    raw = bytearray(ms.to_bytes(6, "big") + number.to_bytes(10, "big"))
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return bytes(raw)


RICH, POOR = uuid7(1), uuid7(2)
OPEN_RICH = OpenAccount(RICH, USD, True, "rich", 0, "tests")
OPEN_POOR = OpenAccount(POOR, USD, True, "poor", 0, "tests")
FUND_RICH = Fund(uuid7(3), RICH, 1_000_000_000, USD, "big_bank", "ref-1", "tests")
MOVE = Transfer(uuid7(4), RICH, POOR, 500, USD, "pocket money", "tests")
FEES = SetFees(
    uuid7(5), (FeeRule(US_ACH, USD, 25, 10, 25, 10_000),), "price list", "tests"
)


def details(name: str = "Payee") -> bytes:
    """Return the packed details of a payout to a bank account in the US."""
    return batches.pack_details(
        batches.Details(
            destination_kind=2,
            country="US",
            bank_code="021000021",
            account_number="123456789",
            name=name,
            account_type="checking",
            reference="invoice 7",
            metadata=(("order", "42"),),
        )
    )


def payouts(first: int, count: int, *, account: bytes = RICH) -> PayoutBatch:
    """Return `count` payouts of 1.00 USD and up, with ids from number `first` on."""
    batch = PayoutBatch()
    for number in range(first, first + count):
        batch.add(
            payout_id=uuid7(number),
            account_id=account,
            amount_minor=100 + number % 7,
            currency=USD,
            rail=US_ACH,
            principal="tests",
            details=details(f"Payee {number}"),
        )
    return batch


class History:
    """Makes the entries of a log one after the other."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def noop(self, *, term: int = 1) -> Entry:
        """Append what a new leader appends."""
        return self._append(EntryKind.NOOP, b"", term)

    def commands(self, *items: Command, term: int = 1) -> Entry:
        """Append rare commands."""
        return self._append(EntryKind.COMMANDS, commands.encode(items), term)

    def version(self, state_version: int, *, term: int = 1) -> Entry:
        """Append what puts a state version in force."""
        return self._append(EntryKind.VERSION, versions.encode(state_version), term)

    def payouts(self, batch: PayoutBatch, *, term: int = 1) -> Entry:
        """Append a batch of payouts."""
        return self._append(EntryKind.PAYOUTS, batches.encode(batch), term)

    def _append(self, kind: EntryKind, payload: bytes, term: int) -> Entry:
        last = self.entries[-1] if self.entries else None
        self.entries.append(entry(last, term=term, payload=payload, kind=kind))
        return self.entries[-1]


def usual_history() -> list[Entry]:
    """Accounts, money, fees, payouts accepted, refused and replayed, and a cancel."""
    history = History()
    history.noop()
    history.commands(OPEN_RICH, OPEN_POOR, FUND_RICH)
    history.commands(FEES, MOVE)
    history.payouts(payouts(100, 50))
    history.payouts(payouts(140, 20))
    history.noop(term=2)
    history.payouts(payouts(200, 10, account=POOR), term=2)
    history.commands(Cancel(uuid7(6), uuid7(103), "changed my mind", "tests"), term=2)
    return history.entries


def open_node(directory: Path) -> Environment:
    """Open, or create, the directory of the node of these tests."""
    return open_directory(
        directory, cluster_id="test", node_id=NodeId(1), options=OPTIONS
    )


def apply_to(state: LmdbStateStore, entries: list[Entry]) -> None:
    """Fold entries into `state`, without committing."""
    for one in entries:
        folded = fold(
            state.view,
            one,
            state.digest(),
            state_version=state.state_version(),
            tree=state.tree(),
        )
        state.write(one, folded.rows, folded.digest, folded.tree)


def make_node(directory: Path, entries: list[Entry]) -> None:
    """Leave behind the directory of a node that stored and applied `entries`."""
    term = entries[-1].term
    with open_node(directory) as environment:
        log = LmdbLogStore(environment)
        state = hard_state(term, vote=1, commit=len(entries))
        log.persist(ready(1, entries=entries, state=state))
        store = LmdbStateStore(environment)
        apply_to(store, entries)
        store.close()
        log.close()


def limited_history() -> History:
    """A limit in force, payouts that a window counts, and one that it gave back."""
    day_us = 24 * 3600 * 1_000_000
    window = Limit(LimitKind.ACCOUNT_WINDOW, USD, 0, b"", day_us, 10**9)
    history = History()
    history.version(STATE_VERSION)
    history.commands(OPEN_RICH, OPEN_POOR, FUND_RICH)
    history.commands(SetLimits(uuid7(7), 0, "tests", "", (window,), "tests"))
    history.payouts(payouts(100, 5))
    history.commands(Cancel(uuid7(6), uuid7(103), "changed my mind", "tests"))
    return history
