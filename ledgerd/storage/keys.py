"""Names of the tables, and the layout of their keys.

Every key is fixed-width and big-endian, so that the order of bytes is the order of numbers: log
index first, ordinal next. Tables that start with a position are therefore only ever appended to.

    log/    entries        index u64                            -> formats/entries
            hard_state_a   "hard_state"                         -> `hard_state`, twice (F31)
            hard_state_b   "hard_state"
            meta           "identity", "founders", "anchor",    -> `identity`, `founders`, `anchor`,
                           "boots", "met"                       `boots`, `met`
                           "refounded"                          -> `identity`, of before (F38)
    state/  meta           "identity", "applied"                -> `identity`, `applied`
            all others     as formats/records lays them out
"""

from struct import Struct
from typing import Final

from ledgerd.formats.records import Table
from ledgerd.raft.entries import Index

META: Final = "meta"
ENTRIES: Final = "entries"
HARD_STATE_TWINS: Final = ("hard_state_a", "hard_state_b")
LOG_TABLES: Final = (ENTRIES, *HARD_STATE_TWINS, META)

IDENTITY: Final = b"identity"
HARD_STATE: Final = b"hard_state"
APPLIED: Final = b"applied"
FOUNDERS: Final = b"founders"
BOOTS: Final = b"boots"
MET: Final = b"met"
ANCHOR: Final = b"anchor"
REFOUNDED: Final = b"refounded"

# In the order of formats/records. `meta` is shared: what apply writes there starts with "ledger/".
STATE_TABLES: Final = tuple(table.value for table in Table)
assert META in STATE_TABLES

_INDEX: Final = Struct(">Q")


def index_key(index: Index) -> bytes:
    """Return the key of an entry."""
    return _INDEX.pack(index)


def index_of(key: bytes | memoryview) -> Index:
    """Return the index a key of `entries` stands for."""
    (index,) = _INDEX.unpack(key)
    return Index(index)
