"""Apply: what one committed entry does to the ledger. Pure; raises nothing for any input.

Two entries have work: a batch of submits in columns, and a list of the rarer commands.
The first takes the batch path (`submits`) where no limit and no rule speaks of it, the second
the readable one (`decide`), which also defines what the first must do. A command that cannot be
accepted is refused with a code; nothing in a committed entry can stop the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledgerd.ledger.batch import PayoutColumns
from ledgerd.ledger.commands import Command, Submit
from ledgerd.ledger.decide.one import apply_readable
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.ledger.submits import apply_submits
from ledgerd.ledger.view import LedgerView, Writes


@dataclass(slots=True)
class Applied:
    """What an entry did: an answer for each row, and the rows it leaves in the tables."""

    outcomes: Outcomes
    writes: Writes


def apply(
    view: LedgerView,
    *,
    index: int,
    ts_us: int,
    state_version: int,
    work: PayoutColumns | Sequence[Command | Submit],
) -> Applied:
    """Decide each row of the entry at `index` in order, as of log time `ts_us`.

    view: the state after the entry before this one; accounts it hands out are changed.
    state_version: in force before the entry; behaviour that changed asks it.
    Errors: none for any decoded entry; a row of the view that cannot be read raises.
    """
    if (
        isinstance(work, PayoutColumns)
        and work.releases_us is None
        and not view.policy().concerns(ts_us, set(work.currencies))
    ):
        outcomes, writes = apply_submits(
            view,
            index=index,
            ts_us=ts_us,
            state_version=state_version,
            batch=work,
        )
    else:
        commands = work.commands() if isinstance(work, PayoutColumns) else work
        outcomes, writes = apply_readable(
            view,
            index=index,
            ts_us=ts_us,
            state_version=state_version,
            commands=commands,
        )
    assert len(outcomes) == len(work), (len(outcomes), len(work))
    return Applied(outcomes, writes)
