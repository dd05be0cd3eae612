"""Logs as they were recorded, with the digest after each entry; one or more a state version.

A file has a line for each entry: the value of log/ in base64, and the digest in hexadecimal. It
stays for ever: whatever a later release changes, an old log gives its old digests. State version 3
is not released yet; until it is, its logs are made anew when its rules change.

    python -m tests.replica.golden_logs     folds all of them, prints their last digests

With LEDGERD_GOLDEN=record it writes those that are missing.
"""

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from ledgerd.formats import batches, commands, memberships, versions
from ledgerd.formats.entries import decode, encode, link
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import (
    PLAIN,
    Command,
    FeeRule,
    Refund,
    Submit,
    SubmitTerms,
)
from ledgerd.raft.changes import Found
from ledgerd.raft.entries import GENESIS_LINK, Entry, EntryKind, Index, NodeId, Term
from ledgerd.raft.membership import NOBODY, NodeRecord
from ledgerd.replica.fold import Folded, fold
from ledgerd.replica.tree import NO_TREE
from tests.fakes import MemoryView
from tests.ledger.making import (
    BOB,
    MAX,
    MINUTE_US,
    SWIFT,
    USD,
    capture_hold,
    create_hold,
    freeze,
    fund,
    fund_reverse,
    open_account,
    release_hold,
    set_fees,
    submit,
    uid,
    unfreeze,
)
from tests.ledger.scripted import script
from tests.ledger.scripted_doubt import doubt
from tests.ledger.scripted_lifecycle import lifecycle
from tests.ledger.scripted_settings import settings
from tests.ledger.scripted_standing import Work, standing

FOLDER = Path(__file__).parent / "golden"
# The logs by name, and the newest state version that is in force in each.
LOGS: Final = {
    "state_1": 1,
    "state_2": 2,
    "state_3": 3,
    "state_3_settings": 3,
    "state_3_standing": 3,
    "state_3_doubt": 3,
}
START_US = 1_760_000_000_000_000
_FEES_CHANGE_AT = 21  # index of the entry from which on the schedule is another one
GOLDIE, ELDER = uid(0x601D), uid(0xE1DE)


@dataclass(frozen=True)
class Recorded:
    """A log as it was recorded, and the digests that it gave then."""

    entries: list[Entry]
    digests: list[str]


def path_of(name: str) -> Path:
    """Return where a log is."""
    return FOLDER / f"{name}.log"


def read(name: str) -> Recorded:
    """Return a recorded log. Its values are judged as those of a node are."""
    entries, digests = [], []
    for number, line in enumerate(path_of(name).read_text().splitlines(), 1):
        value, digest = line.split()
        decoded = decode(base64.b64decode(value), Index(number))
        assert decoded.entry is not None, (name, number, decoded.reason)
        entries.append(decoded.entry)
        digests.append(digest)
    return Recorded(entries, digests)


def folded(entries: Sequence[Entry]) -> list[str]:
    """Return the digest after each entry, as this release folds them."""
    return [found.digest.hex() for found in folds(entries)]


def folds(entries: Sequence[Entry]) -> Iterator[Folded]:
    """Yield what each entry of a whole log does, as this release folds it."""
    view, digest, tree = MemoryView(), bytes(32), NO_TREE
    state_version, membership = versions.STATE_VERSION_FIRST, NOBODY
    for entry in entries:
        found = fold(
            lambda: view,
            entry,
            digest,
            membership,
            state_version=state_version,
            tree=tree,
        )
        view.write(found.rows)
        digest, tree = found.digest, found.tree
        state_version = versions.after(entry, state_version)
        membership = memberships.membership_in(found.rows) or membership
        yield found


def made(name: str) -> list[Entry]:
    """Return the log that is recorded under a name."""
    if name == "state_3_settings":
        return _settings()
    if name == "state_3_standing":
        return _newest_alone(lambda index: standing(index, START_US))
    if name == "state_3_doubt":
        return _newest_alone(lambda _: [*script(), *doubt()])
    return _commands(LOGS[name])


def _settings() -> list[Entry]:
    """Return payouts of version 1 that wait for a worker, and what version 3 settles by data."""
    log = _Log()
    log.add(EntryKind.NOOP, b"")
    log.work([open_account(ELDER), fund(1_001, account_id=ELDER)])
    log.work([submit(1_002 + n, account_id=ELDER) for n in range(3)])
    log.found()
    log.add(EntryKind.VERSION, versions.encode(2))
    log.add(EntryKind.VERSION, versions.encode(3))
    for work in settings(len(log.entries) + 1, START_US):
        log.work(work)
    return log.entries


def _newest_alone(works: Callable[[int], Sequence[Work]]) -> list[Entry]:
    """Return works under version 3 from the beginning on; `works` is told its first index."""
    log = _Log()
    log.add(EntryKind.NOOP, b"")
    log.found()
    log.add(EntryKind.VERSION, versions.encode(3))
    for work in works(len(log.entries) + 1):
        log.work(work)
    return log.entries


def _commands(state_version: int) -> list[Entry]:
    """Return all kinds of entries and commands of a state version, in its scripts' order."""
    log = _Log()
    log.add(EntryKind.NOOP, b"")
    if state_version >= 2:
        log.add(EntryKind.VERSION, versions.encode(state_version))
        log.found()
    for work in script():
        log.work(work)
    log.add(EntryKind.NOOP, b"")
    if state_version >= 3:
        for work in (*_newest(), *_fees(), *lifecycle()):
            log.work(work)
    return log.entries


def _newest() -> list[list[Command]]:
    """Return the commands that came with state version 3, in entries."""
    return [
        [fund(2_000 + n, amount_minor=5_000, external_ref=f"n{n}") for n in range(5)],
        [fund_reverse(2_100, external_ref="n0", amount_minor=1_500)],
        [
            create_hold(2_200, amount_minor=700, ttl_us=MINUTE_US),
            create_hold(2_201, amount_minor=900),
            create_hold(2_202, amount_minor=10**15),
        ],
        [
            capture_hold(2_300, hold_id=uid(2_201), amount_minor=600),
            release_hold(2_301, hold_id=uid(2_200)),
            release_hold(2_302, hold_id=uid(2_201)),
        ],
        [freeze(2_400, account_id=BOB), fund(2_401, account_id=BOB)],
        [unfreeze(2_402, account_id=BOB)],
    ]


def _fees() -> list[list[Command] | list[Submit]]:
    """Return schedules with classes and times, and submits that expect a fee."""
    gold = FeeRule(SWIFT, USD, 3, 0, 0, MAX, "gold", Refund.WHEN_ALL_RETURNED)
    plain = FeeRule(SWIFT, USD, 11, 20, 5, 400, "", Refund.NEVER)
    soon_us = START_US + 1_000_000 * _FEES_CHANGE_AT
    expected = SubmitTerms(fee_expected_minor=3)
    quoted = SubmitTerms(fee_expected_minor=3, quoted_at_us=soon_us - 1)
    stale = SubmitTerms(fee_expected_minor=3, quoted_at_us=1)

    def row(number: int, terms: SubmitTerms = PLAIN) -> Submit:
        return submit(2_600 + number, account_id=GOLDIE, terms=terms)

    return [
        [
            open_account(GOLDIE, account_class="gold"),
            fund(2_500, account_id=GOLDIE, external_ref="gold"),
            set_fees(2_501, gold, plain, as_of="2026-11", quote_valid_us=MINUTE_US),
            set_fees(2_502, effective_from_us=soon_us),
        ],
        [row(1), row(2)],
        [row(3, expected), row(4, stale), row(5)],
        [row(6)],
        [row(7, expected), row(8, quoted), row(3, expected)],
    ]


class _Log:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._indexes = count(1)

    def found(self) -> None:
        """Append the membership that the cluster begins with."""
        founders = (NodeRecord(NodeId(n), bytes((n,)) * 16) for n in (1, 2, 3))
        change = memberships.encode_change(Found(tuple(founders)))
        self.add(EntryKind.MEMBERSHIP, change)

    def work(self, work: Sequence[Submit | Command]) -> None:
        """Append a batch of submits, or a list of other commands."""
        if any(isinstance(row, Submit) and row.terms != PLAIN for row in work):
            self.add(EntryKind.COMMANDS, commands.encode(work))
        elif isinstance(work[0], Submit):
            batch = PayoutBatch()
            for row in work:
                assert isinstance(row, Submit)
                batch.add(**{name: getattr(row, name) for name in Submit.__slots__})
            self.add(EntryKind.PAYOUTS, batches.encode(batch))
        else:
            self.add(EntryKind.COMMANDS, commands.encode(work))

    def add(self, kind: EntryKind, payload: bytes) -> None:
        """Append an entry, linked to the one before."""
        before = self.entries[-1].link if self.entries else GENESIS_LINK
        index = Index(next(self._indexes))
        term = Term(1 + index // 4)
        ts_us = START_US + 1_000_000 * index
        linked = link(
            before, index=index, term=term, ts_us=ts_us, kind=kind, payload=payload
        )
        self.entries.append(Entry(term, index, kind, ts_us, payload, linked))


def record(name: str) -> None:
    """Write a log with the digests that it has now."""
    entries = made(name)
    FOLDER.mkdir(exist_ok=True)
    path_of(name).write_text(
        "".join(
            f"{base64.b64encode(encode(entry)).decode()} {digest}\n"
            for entry, digest in zip(entries, folded(entries), strict=True)
        )
    )


def main() -> None:
    """Print the last digest of each log."""
    for name in LOGS:
        is_missing = not path_of(name).exists()
        if is_missing and os.environ.get("LEDGERD_GOLDEN") == "record":
            record(name)
        print(name, folded(read(name).entries)[-1])


if __name__ == "__main__":
    main()
