"""The nouns of consensus: terms, indexes, entries, hard state, roles. Paper, Figure 2."""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, NamedTuple, NewType

Term = NewType("Term", int)
Index = NewType("Index", int)
NodeId = NewType("NodeId", int)

NO_NODE: Final = NodeId(0)  # "nobody": no vote, no leader. Real ids start at 1.
NO_INDEX: Final = Index(0)  # before the first entry. Real indexes start at 1.
LINK_BYTES: Final = 32
GENESIS_LINK: Final = bytes(LINK_BYTES)  # the link before index 1


class EntryId(NamedTuple):
    """Where an entry stands. Compares by term, then index: the order of 5.4.1 (T23)."""

    term: Term
    index: Index  # type: ignore[assignment]  # the paper's word wins over tuple.index()


GENESIS: Final = EntryId(Term(0), Index(0))


class Anchor(NamedTuple):
    """An entry by what must be known of it when it is gone: the one before a log's first.

    ts_us: its log time; later entries are stamped above it (I11).
    """

    id: EntryId
    link: bytes
    ts_us: int

    @property
    def at(self) -> Index:
        """Its index; the log begins one above it."""
        return self.id.index


GENESIS_ANCHOR: Final = Anchor(GENESIS, GENESIS_LINK, 0)
ENTRY_KIND_MAX: Final = 255  # a kind is one byte in log/


class EntryKind(IntEnum):
    """What a payload is. Durable: values are never reused.

    A value 1 .. 255 that this release does not know is a kind of a newer one: it makes a member of
    its own, `UNKNOWN_n`, so that its entry is kept and replicated like any other. Whoever applies
    stops at it and never skips it (F26).
    """

    NOOP = 1  # empty; every new leader appends one (T34)
    PAYOUTS = 2  # a columnar batch of Submit commands, formats/batches
    COMMANDS = 3  # a list of the rarer commands, formats/commands
    MEMBERSHIP = 4  # a change of the configuration
    VERSION = 5  # puts a state version in force, formats/versions

    @classmethod
    def _missing_(cls, value: object) -> "EntryKind | None":
        if not isinstance(value, int) or not 1 <= value <= ENTRY_KIND_MAX:
            return None
        unknown = int.__new__(cls, value)
        unknown._name_, unknown._value_ = f"UNKNOWN_{value}", value
        return cls._value2member_map_.setdefault(value, unknown)  # type: ignore[return-value] # Enum's own map of values


@dataclass(frozen=True, slots=True)
class Entry:
    """One log entry. The core never looks into `payload`; it carries it.

    ts_us: log time, microseconds; strictly rises with the index (I11).
    link: SHA-256 chain over all entries up to this one; made and checked by the injected
        `Linker`.
    """

    term: Term
    index: Index
    kind: EntryKind
    ts_us: int
    payload: bytes
    link: bytes

    @property
    def id(self) -> EntryId:
        """Term and index, comparable."""
        return EntryId(self.term, self.index)

    @property
    def size_bytes(self) -> int:
        """What the entry counts against windows and quotas: payload plus a fixed overhead."""
        return len(self.payload) + ENTRY_OVERHEAD_BYTES


ENTRY_OVERHEAD_BYTES: Final = 96


@dataclass(frozen=True, slots=True)
class HardState:
    """What must be durable before anything that rests on it leaves (T1). Raft paper, Figure 2.

    commit may be stored lazily (T11): it is a hint that never exceeds what is durable in
    the log.
    """

    term: Term
    vote: NodeId
    commit: Index


class Role(Enum):
    """The role of a node in its term."""

    # That of Enum is Python, and this is asked with every message.
    __hash__ = object.__hash__

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre_candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"
