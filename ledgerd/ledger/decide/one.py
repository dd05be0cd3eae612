"""The readable definition of the ledger: one command at a time, one function per kind.

`apply_one` is what the ledger means. The batch path of `submits` is an optimisation of it
and must leave the same rows and the same answers; a property test compares them. Each
function asks its questions in the order of the refusal codes and answers the first that
fails; nothing is written before the last question.
"""

from array import array
from collections.abc import Iterable

from ledgerd.ledger.commands import (
    Command,
    CreateHold,
    OpenAccount,
    Submit,
    Tick,
)
from ledgerd.ledger.decide import chains
from ledgerd.ledger.decide.accounts import open_account
from ledgerd.ledger.decide.common import Decision, Moment
from ledgerd.ledger.decide.holds import create_hold
from ledgerd.ledger.decide.keyed import keyed
from ledgerd.ledger.decide.submit import names_stale_settings, submit
from ledgerd.ledger.decide.tick import tick
from ledgerd.ledger.outcomes import Outcome, Outcomes, Retry
from ledgerd.ledger.view import LedgerView, Writes
from ledgerd.ledger.working_set import WorkingSet


def apply_readable(
    view: LedgerView,
    *,
    index: int,
    ts_us: int,
    state_version: int,
    commands: Iterable[Command | Submit],
) -> tuple[Outcomes, Writes]:
    """Decide the commands of one entry in order; return the answers and the rows."""
    working_set = WorkingSet(view)
    outcomes = Outcomes()
    commands = tuple(commands)
    if any(
        isinstance(command, Submit)
        and names_stale_settings(working_set, ts_us, command)
        for command in commands
    ):
        return _all_stale(len(commands)), working_set.writes()
    retries: dict[int, Retry] = {}
    decisions: list[Decision] = []
    for run in chains.runs(commands):
        first = len(decisions)
        moments = [
            Moment((index, first + n), ts_us, state_version) for n in range(len(run))
        ]
        if chains.is_chain(run):
            decisions += chains.decide(working_set, moments, run)
        else:
            decisions.append(apply_one(working_set, moments[0], run[0]))
    for ordinal, decision in enumerate(decisions):
        outcomes.codes.append(decision.code)
        outcomes.fees_minor.append(decision.fee_minor)
        outcomes.states.append(decision.state)
        if decision.retry is not None:
            retries[ordinal] = decision.retry
    outcomes.retries = retries
    return outcomes, working_set.writes()


def _all_stale(count: int) -> Outcomes:
    """Return the answers of an entry that does nothing: its rows were worked out together."""
    return Outcomes(
        bytearray([Outcome.STALE_SETTINGS] * count),
        array("q", bytes(8 * count)),
        bytearray(count),
    )


def apply_one(state: WorkingSet, moment: Moment, command: Command | Submit) -> Decision:
    """Decide one command and write what it does. Raises nothing for any input."""
    match command:
        case Submit():
            return submit(state, moment, command)
        case OpenAccount():
            return open_account(state, moment, command)
        case CreateHold():
            return create_hold(state, moment, command)
        case Tick():
            return tick(state, moment)
        case _:
            return keyed(state, moment, command)
