"""The chain of the log and the tree over it, followed entry by entry with nothing but these.

Written apart from the code that makes links, leaves and nodes, as `proofs` is: an auditor need not
trust the server's arithmetic. Memory does not grow with the log: of the tree only its right edge is
kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Final

HASH_BYTES: Final = 32
_LINKED: Final = Struct(">QQqBI")
_LEAF: Final = Struct(">QqI32s32s")


class LogRefused(Exception):
    """The log that was shown proves nothing; the message says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """An entry of the log, and what its leaf says that it did.

    ts_us: log time, microseconds. link, result: 32 bytes. state_version and result are 0 for an
    entry from before the tree.
    """

    index: int
    term: int
    ts_us: int
    kind: int
    payload: bytes
    link: bytes
    state_version: int
    result: bytes


class LogCheck:
    """Follows the log from one entry on. Every entry taken stands on all that was taken before.

    next_index: of the entry that must come. link: of the last one.
    """

    def __init__(
        self,
        *,
        from_index: int,
        link: bytes,
        tree_first_index: int,
        tree_roots: Sequence[bytes],
    ) -> None:
        """Begin before `from_index`.

        link: of the entry before. tree_first_index: of the first leaf. tree_roots: of the complete
        subtrees of the leaves before `from_index`, from the largest on. Raises LogRefused where
        that cannot be.
        """
        before = max(0, from_index - tree_first_index)
        levels = [level for level in range(64) if before >> level & 1]
        if from_index < 1 or tree_first_index < 1 or before >= 1 << 63:
            raise LogRefused(
                f"expected indexes from 1 on, found {from_index} and a tree from "
                f"{tree_first_index} on"
            )
        if len(tree_roots) != len(levels):
            raise LogRefused(
                f"expected {len(levels)} roots for the {before} leaves before entry {from_index}, "
                f"found {len(tree_roots)}"
            )
        if any(len(value) != HASH_BYTES for value in (link, *tree_roots)):
            raise LogRefused(f"expected a link and roots of {HASH_BYTES} bytes")
        if from_index == 1 and any(link):
            raise LogRefused("expected no link before entry 1, found one")
        self.next_index = from_index
        self.link = link
        self._tree_first = tree_first_index
        self._edge = list(zip(reversed(levels), tree_roots, strict=True))
        self._last: LoggedEntry | None = None

    def take(self, entry: LoggedEntry) -> None:
        """Add the next entry. Raises LogRefused, and then nothing was added."""
        if entry.index != self.next_index:
            raise LogRefused(
                f"expected entry {self.next_index}, found entry {entry.index}"
            )
        self._check_order(entry)
        chain = sha256(self.link)
        chain.update(
            _LINKED.pack(
                entry.index, entry.term, entry.ts_us, entry.kind, len(entry.payload)
            )
        )
        chain.update(entry.payload)
        if chain.digest() != entry.link:
            raise LogRefused(
                f"entry {entry.index} does not follow from what stands before it: its link is "
                f"{entry.link.hex()}, expected {chain.hexdigest()}; it or what stands before it "
                "was changed"
            )
        if entry.index >= self._tree_first:
            self._grow(entry)
        elif entry.state_version or any(entry.result):
            raise LogRefused(
                f"entry {entry.index} is from before the tree, which begins with "
                f"{self._tree_first}, and still says what it did"
            )
        self.link = entry.link
        self.next_index += 1
        self._last = entry

    def root(self) -> bytes | None:
        """Return the root of the tree up to the last entry; None before the first leaf."""
        if not self._edge:
            return None
        root = self._edge[-1][1]
        for _, left in reversed(self._edge[:-1]):
            root = _parent(left, root)
        return root

    def _check_order(self, entry: LoggedEntry) -> None:
        last = self._last
        if last is None:
            return
        if entry.term < last.term:
            raise LogRefused(
                f"entry {entry.index}: expected a term of {last.term} or later, found {entry.term}"
            )
        if entry.ts_us <= last.ts_us:
            raise LogRefused(
                f"entry {entry.index}: expected a log time above {last.ts_us}, found {entry.ts_us}"
            )

    def _grow(self, entry: LoggedEntry) -> None:
        command = sha256(bytes((entry.kind,)))
        command.update(entry.payload)
        leaf = _LEAF.pack(
            entry.index,
            entry.ts_us,
            entry.state_version,
            command.digest(),
            entry.result,
        )
        level, node = 0, sha256(b"\x00" + leaf).digest()
        while self._edge and self._edge[-1][0] == level:
            _, left = self._edge.pop()
            level, node = level + 1, _parent(left, node)
        self._edge.append((level, node))


def _parent(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
