"""How a payout file is to be read; all of it is optional."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from ledgerd.client.files.rails import SEED, FileRail
from ledgerd.client.files.source import FILE_BYTES_MAX

ENTRIES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller says about a file beside its path."""

    name: str = "file"  # in findings
    rail: str | None = None  # replaces what the file and the currency say
    # Those of the cluster, `rails.of_catalogue`; without them those that ledgerd brings.
    rails: Mapping[str, FileRail] = field(default_factory=lambda: SEED)
    account_id: str | None = None  # CSV: what an account column must say
    batch_date: date | None = None  # CSV without ids: their time bits
    file_bytes_max: int = FILE_BYTES_MAX  # unpacked
    entries_max: int = ENTRIES_MAX
