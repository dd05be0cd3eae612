"""How a payout file is to be read; all of it is optional."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from ledgerd.client.files.rails import SEED, FileRail
from ledgerd.client.files.source import FILE_BYTES_MAX

ENTRIES_MAX = 1_000_000
# Local times are read as UTC, and some senders date a file to the day it is for: a long weekend.
AHEAD_DAYS_MAX: Final = 7
_DAY_MS: Final = 86_400_000


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
    now_ms: int | None = None  # Unix time; None: of this machine's clock

    def ahead(self, created_ms: int) -> str | None:
        """Return what is expected of a time that ids derive from, if it is too far ahead.

        Ids sort by it: those of the year 9999 would stand behind all others for ever.
        """
        now_ms = self.now_ms if self.now_ms is not None else time.time_ns() // 1_000_000
        if created_ms <= now_ms + AHEAD_DAYS_MAX * _DAY_MS:
            return None
        today = time.strftime("%Y-%m-%d", time.gmtime(now_ms // 1_000))
        return f"at most {AHEAD_DAYS_MAX} days after today, {today} by this machine's clock"
