"""The log as the core sees it: a stable part read through `LogReader`, and an unstable tail.

 first            durable    handed       last
   |---- reader ------|         |           |
              |------------ recent ---------|
             base

`recent` holds everything that is not durable yet, and behind it as much of the durable end as
apply and close peers will ask for. An entry is durable when the ticket that carried it was
acknowledged, unless the tail changed in between: a truncation clips the tickets in flight, so
that a late completion never vouches for entries it did not write (T9, T10).
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from ledgerd.errors import SlotCorruptError
from ledgerd.raft.entries import (
    GENESIS,
    Anchor,
    Entry,
    EntryId,
    EntryKind,
    Index,
    Term,
)
from ledgerd.raft.marks import NO_MARKS, Marks
from ledgerd.raft.options import Linker
from ledgerd.raft.reader import LogReader
from ledgerd.raft.ready import Ticket
from ledgerd.raft.slots import SlotReader, Slots

_SCAN_BYTES: Final = 4 << 20


class RaftLog:
    """One node's log. Indexes run from `first` to `last` without gaps; terms never fall.

    state_anchor: the last entry in the state at the start. applied_anchor: the last one that was
    applied, as long as that is known; the log may begin behind it whatever became of its slot.
    stored_term: that on disk; no entry there is of a later one (T4).
    """

    __slots__ = (
        "_anchor",
        "_applied",
        "_base",
        "_before",
        "_changes",
        "_durable",
        "_handed",
        "_last_id",
        "_last_link",
        "_last_ts_us",
        "_link",
        "_reader",
        "_recent",
        "_recent_bytes",
        "_recent_bytes_max",
        "_writes",
        "applied_anchor",
        "marks",
        "slots",
        "state_anchor",
        "stored_term",
    )

    def __init__(
        self,
        reader: LogReader,
        *,
        link: Linker,
        recent_bytes_max: int,
        marks: Marks = NO_MARKS,
        stored_term: Term = GENESIS.term,
        state_anchor: Anchor | None = None,
    ) -> None:
        """Begin with what `reader` holds.

        stored_term: what the last entry counts as in a vote if its value is corrupt (F33) and
            `state_anchor` does not say what it was.
        state_anchor: the last entry that the state holds, as the state names it. It stands in for
            a corrupt value: it proves what peers send, also where nothing follows.
        """
        last = reader.last_index()
        anchor = self._anchor = reader.anchor()
        assert reader.first_index() == anchor.at + 1, (reader.first_index(), anchor)
        assert last >= anchor.at, (last, anchor)
        self.slots = Slots()
        self.state_anchor = self.applied_anchor = state_anchor
        self._reader: LogReader = SlotReader(reader, self.slots)
        self._link = link
        self.stored_term = stored_term
        self.marks = marks
        self._recent_bytes_max = recent_bytes_max
        self._applied = anchor.at
        self._changes: list[Index] = []  # entries that change the membership, unapplied
        self._recent: list[Entry] = []
        self._recent_bytes = 0
        self._base = Index(last + 1)  # index of recent[0]
        self._durable = last
        self._handed = last  # the last entry handed out for writing
        self._writes: deque[list[int]] = deque()  # [ticket, last index it vouches for]
        end = anchor
        if last > anchor.at:
            try:
                entry = self._reader.entries(last, last, 0)[0]
                end = Anchor(entry.id, entry.link, entry.ts_us)
            except SlotCorruptError:
                # F33: in a vote it is present. Nothing is appended behind it before it is mended.
                end = Anchor(EntryId(stored_term, last), b"", anchor.ts_us)
                if state_anchor is not None and state_anchor.at == last:
                    end = state_anchor
        self._last_id, self._last_link, self._last_ts_us = end
        self._before = (self._last_id, self._last_link)  # the entry at base - 1

    # What is there.

    @property
    def first(self) -> Index:
        """The smallest index that can be read."""
        return Index(self._anchor.at + 1)

    @property
    def anchor(self) -> Anchor:
        """The entry before the first one: what is known of all that is compacted (T30)."""
        return self._anchor

    @property
    def last(self) -> Index:
        """The largest index, durable or not."""
        return self._last_id.index

    @property
    def last_id(self) -> EntryId:
        """Term and index of the last entry; what elections compare (T23)."""
        return self._last_id

    @property
    def last_ts_us(self) -> int:
        """Log time of the last entry, microseconds; the next one is stamped later (I11)."""
        return self._last_ts_us

    @property
    def durable(self) -> Index:
        """The largest index known to be on disk."""
        return self._durable

    @property
    def held(self) -> Index:
        """The largest index up to which everything is on disk and intact: what may be acked."""
        if self.slots.is_whole:
            return self._durable
        return min(self._durable, self.slots.sound_until(self.first))

    @property
    def has_unwritten(self) -> bool:
        """Whether entries wait to be handed out for writing."""
        return self._handed < self._last_id.index or self.slots.has_unwritten

    def term(self, index: Index) -> Term | None:
        """Return the term at index; None if there is no such entry (T24)."""
        if index >= self._base:
            offset = index - self._base
            return self._recent[offset].term if offset < len(self._recent) else None
        before = self._before[0]
        if index == before.index and self.slots.is_whole:
            return before.term
        if index <= self._anchor.at:
            # T24: what is compacted has no term here, not even 0, and so matches nothing.
            return self._anchor.id.term if index == self._anchor.at else None
        return self._reader.term(index)

    def link(self, index: Index) -> bytes | None:
        """Return the link at index; None if there is no such entry."""
        if index >= self._base:
            offset = index - self._base
            return self._recent[offset].link if offset < len(self._recent) else None
        before, link = self._before
        if index == before.index and self.slots.is_whole:
            return link
        if index <= self._anchor.at:
            return self._anchor.link if index == self._anchor.at else None
        return self._reader.link(index)

    def matches(self, prev: EntryId) -> bool:
        """Return whether the log holds this very entry. 5.3."""
        return self.term(prev.index) == prev.term

    def is_sure(self, index: Index, commit: Index) -> bool:
        """Return whether what stands at `index` and all before it are of one history.

        A corrupt slot that is not known to be committed may part two: the one before it, when it
        was corrupt too, took the entry of a later leader, and what follows is older (`merge`).
        """
        return not any(commit < slot <= index for slot in self.slots.corrupt)

    def has(self, anchor: Anchor) -> bool | None:
        """Return whether the log holds the entry that `anchor` names; None: nothing here can tell.

        A corrupt slot is judged by its successor. Where there is none, nothing behind the slot can
        be lost with it, so it counts as not here (F33). Nor is an entry here whose term is newer
        than that of the last one, for terms never fall.
        """
        try:
            return self.matches(anchor.id)
        except SlotCorruptError:
            after = Index(anchor.at + 1)
        if anchor.id.term > self._last_id.term:
            return False
        if after > self.last:
            return False
        try:
            (successor,) = self.entries(after, after, 0)
        except SlotCorruptError:
            return None
        return self.link_after(anchor.link, successor) == successor.link

    def check_link(self, anchor: Anchor) -> None:
        """Assert that the entry here is the one that `anchor` names: one id, one link (R4)."""
        try:
            own_link = self.link(anchor.at)
        except SlotCorruptError:
            return  # its successor has shown it
        assert own_link == anchor.link, (anchor, own_link)

    def find_by_term(self, index: Index, term: Term) -> EntryId:
        """Return the last entry at or before `index` whose term is at most `term` (F16).

        Terms never fall along a log, so a binary search finds it. Where it lies below the anchor,
        that is all there is to say: the anchor is returned.
        """
        low, high = self._anchor.at, min(index, self.last)
        while low < high:
            middle = Index((low + high + 1) // 2)
            if self._known_term(middle) <= term:
                low = middle
            else:
                high = Index(middle - 1)
        return EntryId(self._known_term(low), low)

    def find_changes(self, applied: Index) -> None:
        """Look for changes of the membership above `applied`, once, at a start."""
        self._applied = applied
        first = Index(max(applied + 1, self.first))
        while first <= self.last:
            try:
                page = self.entries(first, self.last, _SCAN_BYTES)
            except SlotCorruptError as error:
                first = Index(error.index + 1)  # looked at when it is mended
                continue
            self._note_changes(page)
            first = Index(page[-1].index + 1)

    def has_change(self, last: Index) -> bool:
        """Return whether an unapplied entry at or before `last` changes the membership."""
        return bool(self._changes) and self._changes[0] <= last

    def entries(self, first: Index, last: Index, bytes_max: int) -> list[Entry]:
        """Return first .. last, cut to `bytes_max` of size but at least one entry (F15)."""
        assert self.first <= first <= last <= self.last, (first, last, self.last)
        found: list[Entry] = []
        if first < self._base:
            stop = min(last, Index(self._base - 1))
            found = self._reader.entries(first, stop, bytes_max)
            # T31: a hole in the log is never read as "nothing there".
            assert found, f"entry {first} is missing from the log"
            assert found[0].index == first, (found[0].index, first)
            if found[-1].index < stop:
                return found
            if stop == last:
                return found
            bytes_max -= sum(entry.size_bytes for entry in found)
        for entry in self._recent[max(0, first - self._base) : last - self._base + 1]:
            bytes_max -= entry.size_bytes
            if bytes_max < 0 and found:
                break
            found.append(entry)
        return found

    # How it changes.

    def propose(self, term: Term, kind: EntryKind, payload: bytes, ts_us: int) -> Entry:
        """Append a new entry of a leader, stamped later than its predecessor (I11)."""
        # R4: a link is made from what stands before it; who does not know that cannot lead (F33).
        assert self.is_end_known, self._last_id
        index = Index(self.last + 1)
        ts_us = max(self._last_ts_us + 1, ts_us)
        link = self._link(
            self._last_link,
            index=index,
            term=term,
            ts_us=ts_us,
            kind=kind,
            payload=payload,
        )
        entry = Entry(term, index, kind, ts_us, payload, link)
        self._append((entry,))
        return entry

    def merge(
        self, prev: EntryId, prev_link: bytes, entries: Sequence[Entry], commit: Index
    ) -> Index | None:
        """Make the log hold `entries` after `prev`, which it matches. 5.3.

        Deletes from the first conflict only, never everything after prev (T19). Returns the
        index from which the tail was replaced, or None. A corrupt slot that nothing proves may have
        held another entry than the leader's, so it counts as replaced.
        """
        own_link = self.link(prev.index)
        # R4: one (term, index), one link, one prefix.
        assert own_link == prev_link, (
            f"link at {prev}: own {own_link!r}, leader's {prev_link!r}"
        )
        self._check_links(prev, prev_link, entries)
        last = self.last
        replaced_from: Index | None = None
        behind: EntryId | None = None
        for offset, entry in enumerate(entries):
            if entry.index > last:
                self._append(entries[offset:])
                return replaced_from
            if entry.index in self.slots:
                held = self._held(entry.index)
                # T20: what is applied never conflicts; the state names it where the slot does not.
                assert held is None or (entry.id, entry.link) == (held.id, held.link), (
                    f"{entry.id} for what the state holds as {held}"
                )
                if entry.index > commit and (
                    behind is None or behind.index <= entry.index
                ):
                    behind = self._next_id(entry.index)
                if not self._may_be_mended(entry, commit, behind):
                    self._truncate(entry.index)
                    self._append(entries[offset:])
                    return replaced_from or entry.index
                if entry.index > commit and not self.is_proven(entry):
                    replaced_from = replaced_from or entry.index
                self.mend(entry)
                continue
            if self.term(entry.index) != entry.term:
                # T20: what is committed never conflicts.
                assert entry.index > commit, (entry.id, self.term(entry.index), commit)
                self._truncate(entry.index)
                self._append(entries[offset:])
                return replaced_from or entry.index
            own_link = self.link(entry.index)
            assert own_link == entry.link, (  # R4
                f"link at {entry.id}: own {own_link!r}, leader's {entry.link!r}"
            )
        if entries:
            self.marks.covers("log.repeated")
        return replaced_from

    def hand_out(self, ticket: Ticket) -> tuple[Entry, ...]:
        """Return what is to be written under `ticket`; it is in flight from now on."""
        if self._handed == self._last_id.index:
            return ()
        entries = tuple(self._recent[self._handed + 1 - self._base :])
        self._handed = self._last_id.index
        self._writes.append([ticket, self._handed])
        return entries

    def persisted(self, ticket: Ticket) -> None:
        """Count as durable what was written under `ticket` and all before it (T9, T10)."""
        self.slots.persisted(ticket)
        writes = self._writes
        while writes and writes[0][0] <= ticket:
            _, last = writes.popleft()
            self._durable = max(self._durable, Index(last))
        assert self._durable <= self._handed <= self.last, (self._durable, self._handed)
        if self._recent_bytes > self._recent_bytes_max:
            self._forget_oldest()

    def forget(self, index: Index) -> None:
        """Drop from memory what is applied up to `index` and durable."""
        self._applied = max(self._applied, index)
        while self._changes and self._changes[0] <= index:
            self._changes.pop(0)
        count = min(index, self._durable) + 1 - self._base
        if count > 0:
            self._drop(count)

    def compacted(self, first: Index) -> None:
        """Note that the stable log now starts at `first`."""
        anchor = self._reader.anchor()
        assert anchor.at + 1 == first >= self.first, (anchor, first, self.first)
        assert anchor.at < self._base, (anchor, self._base)
        self._anchor = anchor
        self.slots.compacted(first)
        # Its own slot may have been corrupt, and so unknown until now (F33).
        if anchor.at == self._last_id.index:
            self._last_id, self._last_link, self._last_ts_us = anchor
        if anchor.at == self._before[0].index:
            self._before = (anchor.id, anchor.link)

    def restore(self, anchor: Anchor) -> None:
        """Start anew behind `anchor`, with nothing of what was there (T61).

        The state up to the anchor is durable already, so it counts as such; the log says so with
        the next Ready, which everything that is sent waits for.
        """
        assert not self.has(anchor), anchor  # T60: such a log keeps what it has
        self._anchor = anchor
        self.slots.compacted(Index(self.last + 1))
        self._changes.clear()
        self._recent.clear()
        self._recent_bytes = 0
        self._base = Index(anchor.at + 1)
        self._before = (anchor.id, anchor.link)
        self._last_id, self._last_link, self._last_ts_us = anchor
        self._durable = self._handed = anchor.at
        self._writes.clear()  # T10: late completions vouch for nothing that is left

    # Corrupt slots.

    def slot_corrupt(self, index: Index) -> bool:
        """Note that the stored value at `index` fails its check; return whether that is news.

        An entry that is still in memory takes its own place at once.
        """
        if not self.first <= index <= self._durable or not self.slots.note(index):
            return False
        if index >= self._base:
            self.marks.covers("slot.mended_from_memory")
            self.slots.mend(self._recent[index - self._base])
        return True

    def mend(self, entry: Entry) -> None:
        """Put `entry`, which is proven, in the place of a corrupt one. It is written soon."""
        self.marks.covers("slot.mended")
        self.slots.mend(entry)
        if entry.kind is EntryKind.MEMBERSHIP and entry.index > self._applied:
            self._changes = sorted({*self._changes, entry.index})
        if entry.index == self._last_id.index:
            self._last_id = entry.id
            self._last_link = entry.link
            self._last_ts_us = entry.ts_us
        if entry.index == self._before[0].index:
            self._before = (entry.id, entry.link)

    def is_proven(self, entry: Entry) -> bool:
        """Return whether the intact successor of this slot carries the link of `entry` (F34).

        Or the state does: it holds what this very entry did. The last entry may be remembered: it
        was read, or written, since the start.
        """
        held = self._held(entry.index)
        if held is not None:
            return entry.id == held.id and entry.link == held.link
        after = Index(entry.index + 1)
        if after > self.last:
            return entry.link == self._last_link
        if after in self.slots:
            return False
        try:
            (successor,) = self.entries(after, after, 0)
        except SlotCorruptError:
            return False  # noted by now. A merge goes on: it has changed slots already
        return self.link_after(entry.link, successor) == successor.link

    @property
    def is_end_known(self) -> bool:
        """Whether it is known what the last entry is, though its slot may be corrupt by now."""
        return bool(self._last_link)

    def joins(self, entry: Entry) -> bool:
        """Return whether `entry` links to what stands before it, as far as that is known.

        Its successor may stand for another history than its predecessor: one that was corrupt, and
        that nothing proved, took the entry of a later leader (`merge`).
        """
        try:
            before = self.link(Index(entry.index - 1))
        except SlotCorruptError:
            return True
        return before is None or self.link_after(before, entry) == entry.link

    def is_in_state(self, index: Index) -> bool:
        """Return whether the state names the entry at `index`, as its slot may not any more."""
        return self._held(index) is not None

    def _held(self, index: Index) -> Anchor | None:
        """Return what is known of the entry at `index` because it is the last in the state."""
        for anchor in (self.applied_anchor, self.state_anchor):
            if anchor is not None and anchor.at == index:
                return anchor
        return None

    def link_after(self, previous: bytes, entry: Entry) -> bytes:
        """Return the link that `entry` must carry behind `previous`."""
        return self._link(
            previous,
            index=entry.index,
            term=entry.term,
            ts_us=entry.ts_us,
            kind=entry.kind,
            payload=entry.payload,
        )

    def _may_be_mended(
        self, entry: Entry, commit: Index, behind: EntryId | None
    ) -> bool:
        """Return whether the leader's entry takes a corrupt slot, and what is behind it stays.

        behind: of an entry above commit, what the log goes on with (`_next_id`).
        Behind a committed entry nothing conflicts. Above commit another one stood here if a
        successor does not link to the leader's entry (F33), or if the log goes on in an older term,
        for terms never fall: a tail of that term must not be what this node votes by (5.4.1). Nor
        was an entry of a later term than the stored one on disk (T4).
        """
        if behind is not None and entry.term > min(self.stored_term, behind.term):
            return False
        after = Index(entry.index + 1)
        if after > self.last or self.is_proven(entry) or after in self.slots:
            return True
        if entry.index > commit:
            return False
        self.slots.note(after)  # a record of another history: it is the wrong one
        return True

    def _next_id(self, index: Index) -> EntryId:
        """Return the first entry behind `index` that can be read, or the last one.

        A run of corrupt slots may be long: who asks for all of them asks once.
        """
        for after in map(Index, range(index + 1, self.last)):
            if after in self.slots:
                continue
            try:
                return EntryId(self._known_term(after), after)
            except SlotCorruptError:
                continue
        return self._last_id

    # Helpers.

    def _append(self, entries: Sequence[Entry]) -> None:
        assert entries[0].index == self.last + 1, (entries[0].id, self._last_id)
        assert entries[0].term >= self._last_id.term, (entries[0].id, self._last_id)
        self._recent.extend(entries)
        self._note_changes(entries)
        self._recent_bytes += sum([entry.size_bytes for entry in entries])
        last = entries[-1]
        self._last_id = last.id
        self._last_link = last.link
        self._last_ts_us = last.ts_us

    def _note_changes(self, entries: Sequence[Entry]) -> None:
        self._changes += [e.index for e in entries if e.kind is EntryKind.MEMBERSHIP]

    def _truncate(self, index: Index) -> None:
        """Remove everything at or after `index`; an append follows at once."""
        self._changes = [change for change in self._changes if change < index]
        before = Index(index - 1)
        term = self._known_term(before)
        link = self.link(before)
        assert link is not None, before
        self.marks.covers("log.truncated")
        self.slots.truncated(index)
        if index <= self._durable:
            self.marks.covers("log.truncated_durable")
        if index <= self._base:
            self._recent.clear()
            self._recent_bytes = 0
            self._base = index
            self._before = (EntryId(term, before), link)
        else:
            gone = self._recent[index - self._base :]
            del self._recent[index - self._base :]
            self._recent_bytes -= sum(entry.size_bytes for entry in gone)
        self._last_id = EntryId(term, before)
        self._last_link = link
        self._durable = min(self._durable, before)
        self._handed = min(self._handed, before)
        for write in self._writes:
            write[1] = min(write[1], before)  # T10

    def _check_links(
        self, prev: EntryId, prev_link: bytes, entries: Sequence[Entry]
    ) -> None:
        link, index, last_term, last_ts_us = prev_link, prev.index, prev.term, -1
        for entry in entries:
            index = Index(index + 1)
            assert entry.index == index, (entry.id, index)
            assert entry.term >= last_term, (entry.id, last_term)
            assert entry.ts_us > last_ts_us, (entry.id, last_ts_us)  # I11
            last_term, last_ts_us = entry.term, entry.ts_us
            link = self.link_after(link, entry)
            assert entry.link == link, (
                f"link at {entry.id}: carried {entry.link!r}, computed {link!r}"
            )

    def _drop(self, count: int) -> None:
        last = self._recent[count - 1]
        self._recent_bytes -= sum([e.size_bytes for e in self._recent[:count]])
        self._before = (last.id, last.link)
        del self._recent[:count]
        self._base = Index(self._base + count)

    def _forget_oldest(self) -> None:
        excess = self._recent_bytes - self._recent_bytes_max
        count = 0
        for entry in self._recent[: max(0, self._durable + 1 - self._base)]:
            if excess <= 0:
                break
            excess -= entry.size_bytes
            count += 1
        if count:
            self._drop(count)

    def _known_term(self, index: Index) -> Term:
        term = self.term(index)
        assert term is not None, f"entry {index} is missing from the log"  # T31
        return term
