"""How a payout file is to be read; all of it is optional."""

from dataclasses import dataclass
from datetime import date

from ledgerd.client.files.source import FILE_BYTES_MAX

ENTRIES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller says about a file beside its path."""

    name: str = "file"  # in findings
    rail: str | None = None  # replaces what the file and the currency say
    account_id: str | None = None  # CSV: what an account column must say
    batch_date: date | None = None  # CSV without ids: their time bits
    file_bytes_max: int = FILE_BYTES_MAX  # unpacked
    entries_max: int = ENTRIES_MAX
