"""Apply: what one committed entry does to the ledger. Pure; raises nothing for any input."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledgerd.ledger.batch import PayoutColumns
from ledgerd.ledger.commands import Command
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.ledger.view import LedgerView, Writes


@dataclass(frozen=True, slots=True)
class Applied:
    """What an entry did: an answer for each row, and the rows it leaves in the tables."""

    outcomes: Outcomes
    writes: Writes


def apply(
    view: LedgerView, *, index: int, ts_us: int, work: PayoutColumns | Sequence[Command]
) -> Applied:
    """Decide each row of the entry at `index` in order."""
    raise NotImplementedError
