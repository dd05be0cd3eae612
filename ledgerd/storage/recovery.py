"""Start-up: does state/ belong to log/, and what is left to replay.

`LmdbLogStore` has by then verified log/ itself. Here the two are compared (F32): state/ is the fold
of a prefix of log/, or something was lost.
"""

from typing import Final, NamedTuple

from ledgerd.errors import CorruptionError, SlotCorruptError
from ledgerd.formats.entries import link
from ledgerd.raft.entries import Anchor, Index
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.state_store import LmdbStateStore

_ADVICE: Final = "bring the node back under a new id: ledgerctl cluster replace"


class Recovery(NamedTuple):
    """Where a node starts: applied + 1 .. commit is replayed before anything else.

    commit: the stored hint; more may be committed than it says, never less (T11). It may be below
        `applied`, for it is stored lazily.
    last: the last entry in log/.
    lacks_state: state/ ends before log/ begins, so it is that of a peer that the node needs; it
        counts as applied up to the beginning of log/, and nothing is applied until then (F37).
    state_anchor: what state/ says that the entry at `applied` was; None where it lacks it. The core
        needs it if that slot is corrupt (F33).
    """

    applied: Index
    commit: Index
    last: Index
    lacks_state: bool = False
    state_anchor: Anchor | None = None

    @property
    def replay_count(self) -> int:
        """How many entries are certain to be replayed."""
        return max(0, self.commit - self.applied)


def recover(
    log: LmdbLogStore, state: LmdbStateStore, *, has_peers: bool = False
) -> Recovery:
    """Return where the node starts.

    has_peers: a state/ that ends before log/ begins can be fetched from one.
    Errors: CorruptionError when state/ is ahead of log/ (lost), is the fold of another log, or ends
    before log/ begins on a node without peers.
    """
    applied = state.position()
    last = log.last_index()
    if applied.index > last:
        raise CorruptionError(
            f"lost: state/ has applied index {applied.index}, but log/ ends at {last}; {_ADVICE}"
        )
    first = log.first_index()
    if applied.index < first - 1 and has_peers:
        commit = log.hard_state().commit
        return Recovery(Index(first - 1), commit, last, lacks_state=True)
    if applied.index < first - 1:
        raise CorruptionError(
            f"state/ has applied index {applied.index}, but log/ starts at {first}: what lies "
            f"between is lost; {_ADVICE}"
        )
    try:
        held = (log.term(applied.index), log.link(applied.index))
    except SlotCorruptError:
        # What stood there is known from state/, and the entry behind it must agree (F34).
        _check_successor(log, applied.anchor)
        return Recovery(
            applied=applied.index,
            commit=log.hard_state().commit,
            last=last,
            state_anchor=applied.anchor,
        )
    if held != (applied.term, applied.link):
        term, held_link = held
        raise CorruptionError(
            f"state/ does not belong to log/: at index {applied.index} state/ has applied term "
            f"{applied.term} link {applied.link.hex()}, log/ holds term {term} "
            f"link {'none' if held_link is None else held_link.hex()}; {_ADVICE}"
        )
    return Recovery(
        applied=applied.index,
        commit=log.hard_state().commit,
        last=last,
        state_anchor=applied.anchor,
    )


def _check_successor(log: LmdbLogStore, anchor: Anchor) -> None:
    """Return if the entry behind `anchor` links to it, or cannot be read, or is not there.

    Errors: CorruptionError.
    """
    after = Index(anchor.at + 1)
    if after > log.last_index():
        return
    try:
        (successor,) = log.entries(after, after, 0)
    except SlotCorruptError:
        return
    expected = link(
        anchor.link,
        index=successor.index,
        term=successor.term,
        ts_us=successor.ts_us,
        kind=successor.kind,
        payload=successor.payload,
    )
    if successor.link != expected:
        raise CorruptionError(
            f"state/ does not belong to log/: behind index {anchor.at} with link "
            f"{anchor.link.hex()} log/ holds an entry of link {successor.link.hex()}, expected "
            f"{expected.hex()}; {_ADVICE}"
        )
