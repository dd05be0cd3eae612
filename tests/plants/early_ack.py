"""A leader acknowledges what it has itself and replicates in the background.

The quorum is not asked, and entries travel with the next answered heartbeat.
"""

from collections.abc import Callable

from ledgerd.raft.entries import Index
from ledgerd.raft.replication import Leadership


def _count_only_me(
    original: Callable[[Leadership], Index],
) -> Callable[[Leadership], Index]:
    del original

    def quorum_match(self: Leadership) -> Index:
        return self._own_match

    return quorum_match


def _send_later(original: Callable[..., None]) -> Callable[..., None]:
    del original

    def flush(self: Leadership, *args: object, **kwargs: object) -> None:
        """Leave it to the next heartbeat that is answered."""

    return flush


BUGS = {
    "ledgerd.raft.replication:Leadership.quorum_match": _count_only_me,
    "ledgerd.raft.replication:Leadership.flush": _send_later,
}
