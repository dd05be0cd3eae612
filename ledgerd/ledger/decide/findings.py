"""What a person found out about a payout at its rail, taken like what the rail's worker tells. 3.6.

It becomes evidence of the rail the payout went by, under the payout's rail key, and meets the same
matrix: what contradicts the books opens an exception and moves no money.
"""

from typing import Final

from ledgerd.ledger.commands import (
    Evidence,
    Finding,
    RailAck,
    RailNotAccepted,
    RailReject,
    Settle,
    TellEvidence,
)
from ledgerd.ledger.decide.common import INVALID, Decision, Moment, is_short
from ledgerd.ledger.decide.evidence import evidence
from ledgerd.ledger.decide.life import Life, find
from ledgerd.ledger.outcomes import Refusal
from ledgerd.ledger.payouts import PayoutState
from ledgerd.ledger.working_set import WorkingSet
from ledgerd.limits import (
    EXTERNAL_REF_BYTES_MAX,
    ID_BYTES,
    RAIL_CODE_BYTES_MAX,
    REFERENCE_BYTES_MAX,
)

_FINDINGS: Final = frozenset(Finding)
_DATE_MAX: Final = 99_991_231
# The money did not leave: then nobody may be about to send it.
_NOT_SENT: Final = frozenset({Finding.REJECTED, Finding.REFUSED, Finding.NOT_FOUND})


def tell(state: WorkingSet, moment: Moment, command: TellEvidence) -> Decision:
    """Decide one TellEvidence, by the rules of the evidence that it stands for.

    That the rail has not paid is refused as LEASE_HELD while a worker holds the payout: it may be
    sending at this moment. Not by who submitted it.
    """
    if not _is_well_formed(command):
        return INVALID
    life = find(state, moment, command.payout_id)
    if life is None:
        return Decision(Refusal.PAYOUT_NOT_FOUND)
    if state.rail(command.rail, moment.ts_us) is None:
        return life.refused(Refusal.RAIL_NOT_FOUND)
    if life.has_moved_on(command.expected_version):
        return life.refused(Refusal.VERSION_MISMATCH)
    if not life.status.rail_key:  # it never left, so no rail can have it
        return life.refused(Refusal.WRONG_STATE)
    if command.finding in _NOT_SENT and _is_held(life, moment):
        return life.refused(Refusal.LEASE_HELD)
    if command.principal == life.head.principal:
        return life.refused(Refusal.SAME_PERSON)
    return evidence(state, moment, _as_evidence(command, life.status.rail_key))


def _is_held(life: Life, moment: Moment) -> bool:
    """Return whether a worker may send it now."""
    status = life.status
    is_leased = bool(status.worker) and moment.ts_us < status.lease_until_us
    return life.state is PayoutState.DISPATCHING and is_leased


def _as_evidence(command: TellEvidence, rail_key: str) -> Evidence:
    head = (command.request_id, command.rail, rail_key, command.reference)
    by = command.principal
    match command.finding:
        case Finding.TAKEN:
            return RailAck(*head, by)
        case Finding.SETTLED:
            return Settle(*head, command.value_date, 0, by)
        case Finding.REJECTED:
            return RailReject(*head, command.code, by)
        case Finding.REFUSED | Finding.NOT_FOUND:
            return RailNotAccepted(*head, command.finding == Finding.REFUSED, by)
        case _:
            raise AssertionError(command)


def _is_well_formed(command: TellEvidence) -> bool:
    is_dated = command.value_date == 0 or (
        command.finding == Finding.SETTLED and 0 < command.value_date <= _DATE_MAX
    )
    is_coded = not command.code or (
        command.finding == Finding.REJECTED
        and is_short(command.code, RAIL_CODE_BYTES_MAX)
    )
    return (
        len(command.payout_id) == ID_BYTES
        and command.finding in _FINDINGS
        and bool(command.reference)
        and is_short(command.reference, EXTERNAL_REF_BYTES_MAX)
        and bool(command.note)
        and is_short(command.note, REFERENCE_BYTES_MAX)
        and is_dated
        and is_coded
    )
