"""Waiting calls: from their arrival to the entry that decides them, or to the word "unknown".

Calls that wait together share an entry (architecture.md 6). A waiter ends exactly once: answered
by the entry at its (term, index), told that it was certainly not proposed, or told that its fate
is unknown (T65). Nobody is told "failed".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledgerd.formats import batches, commands
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Command
from ledgerd.limits import ENTRY_BYTES_MAX, PAGE_COMMANDS_MAX
from ledgerd.raft.entries import EntryKind, Index, Term
from ledgerd.replica.inputs import (
    CommandProposed,
    PayoutsProposed,
    Waiter,
    WriteConcern,
)


@dataclass(frozen=True, slots=True)
class Share:
    """The rows first .. first + count, exclusive, of an entry belong to this waiter.

    concern: how many copies there must be when it is answered.
    """

    waiter: Waiter
    first: int
    count: int
    concern: WriteConcern = WriteConcern.QUORUM


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """The payload of one entry to be, and who waits for which of its rows."""

    kind: EntryKind
    payload: bytes
    shares: tuple[Share, ...]


def draft_payouts(proposed: Sequence[PayoutsProposed]) -> Iterator[EntryDraft]:
    """Yield few entries that hold all batches, in order of arrival, none of them split.

    What is put together fits a page of apply, which a turn can do at once (T94). Each call's batch
    is within the bounds of an entry on its own; the edge has checked that. One with terms has an
    entry to itself, so what it says of its rows is true of the whole entry.
    """
    together, rows, size_bytes = list[PayoutsProposed](), 0, 0
    for item in proposed:
        if item.batch.terms:
            if together:
                yield _draft(together)
                together, rows, size_bytes = [], 0, 0
            payload = commands.encode(tuple(item.batch.commands()))
            share = Share(item.waiter, 0, len(item.batch), item.concern)
            yield EntryDraft(EntryKind.COMMANDS, payload, (share,))
            continue
        item_bytes = batches.size_bytes(item.batch)
        is_full = (
            rows + len(item.batch) > PAGE_COMMANDS_MAX
            or size_bytes + item_bytes > ENTRY_BYTES_MAX
        )
        if is_full and together:
            yield _draft(together)
            together, rows, size_bytes = [], 0, 0
        together.append(item)
        rows += len(item.batch)
        size_bytes += item_bytes
    if together:
        yield _draft(together)


def _draft(together: Sequence[PayoutsProposed]) -> EntryDraft:
    """Return one entry of all these batches, one behind the other."""
    merged = together[0].batch
    if len(together) > 1:
        merged = PayoutBatch()
        for item in together:
            merged.extend(item.batch)
    shares, first = list[Share](), 0
    for item in together:
        shares.append(Share(item.waiter, first, len(item.batch), item.concern))
        first += len(item.batch)
    return EntryDraft(EntryKind.PAYOUTS, batches.encode(merged), tuple(shares))


def draft_commands(proposed: Sequence[CommandProposed]) -> Iterator[EntryDraft]:
    """Yield as few entries as hold all commands, in order of arrival."""
    page, shares, size_bytes = list[Command](), list[Share](), commands.HEADER_BYTES
    for item in proposed:
        item_bytes = commands.size_bytes(item.command)
        is_full = (
            len(page) >= PAGE_COMMANDS_MAX or size_bytes + item_bytes > ENTRY_BYTES_MAX
        )
        if is_full and shares:
            yield EntryDraft(EntryKind.COMMANDS, commands.encode(page), tuple(shares))
            page, shares, size_bytes = [], [], commands.HEADER_BYTES
        shares.append(Share(item.waiter, len(page), 1, item.concern))
        page.append(item.command)
        size_bytes += item_bytes
    if shares:
        yield EntryDraft(EntryKind.COMMANDS, commands.encode(page), tuple(shares))


class Waiters:
    """Who waits for which entry. One owner: the replica."""

    def __init__(self) -> None:
        self._by_index: dict[Index, tuple[Term, tuple[Share, ...]]] = {}

    def __len__(self) -> int:
        return len(self._by_index)

    def add(self, term: Term, index: Index, shares: tuple[Share, ...]) -> None:
        """Remember that `shares` wait for the entry at (term, index)."""
        assert index not in self._by_index, index
        self._by_index[index] = (term, shares)

    def resolve(self, term: Term, index: Index) -> tuple[Sequence[Share], bool]:
        """Return who waited for `index`, and whether (term, index) is what they proposed."""
        waiting = self._by_index.pop(index, None)
        if waiting is None:
            return (), True
        proposed_term, shares = waiting
        return shares, proposed_term == term

    def lose_from(self, index: Index) -> list[Share]:
        """Forget and return everybody who waits for `index` or a later entry."""
        lost = sorted(i for i in self._by_index if i >= index)
        return [share for i in lost for share in self._by_index.pop(i)[1]]
