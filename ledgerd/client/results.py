"""What the log decided, as values: accepted, replayed, conflict and refused.

Made by the thousand, hence named tuples. An error, by contrast, means that there is no
answer from the log (`ledgerd.errors`).
"""

from enum import StrEnum
from typing import Final, NamedTuple

from ledgerd.api.v1 import common_pb2, payouts_pb2
from ledgerd.client.refusals import ADVICE
from ledgerd.errors import LedgerdError, OutcomeUnknown, Reason


class Outcome(StrEnum):
    """What the log decided about a command."""

    CREATED = "CREATED"  # first time, accepted
    REPLAYED = "REPLAYED"  # the same id and fields: the first answer again
    CONFLICT = "CONFLICT"  # the same id, other fields: the first call stands
    REFUSED = "REFUSED"  # refused by the state of the ledger; see `refusal`


class SubmitResult(NamedTuple):
    """The answer to one submitted payout."""

    payout_id: str
    outcome: Outcome
    refusal: str | None  # for example INSUFFICIENT_FUNDS
    state: str  # of the payout after the command, for a replay as it is now; "" if none
    fee_minor: int  # reserved beside the amount, minor units of the payout's currency
    term: int
    # Position in the log of this answer. It hides tuple.index, which nobody asks here.
    index: int  # type: ignore[assignment]  # see the line above
    ordinal: int
    accepted_at_us: int  # log time, microseconds since 1970-01-01 UTC
    node_id: int  # that answered
    replayed: bool  # the first answer stands at the original position
    original_index: int
    original_ordinal: int
    original_at_us: int
    id_spent: bool  # refused, and a new attempt needs a new id
    same_request: bool  # on a retry: all fields equal those of the first call
    differing_fields: tuple[str, ...]  # on CONFLICT: names, never values

    @property
    def accepted(self) -> bool:
        """Whether the payout exists as it was ordered."""
        return self.outcome in _ACCEPTED


class CommandResult(NamedTuple):
    """The answer to any other mutating call."""

    id: str  # the request id, or the account id for open_account
    outcome: Outcome
    refusal: str | None
    payout_state: str  # cancel only: state of the payout after the command; else ""
    term: int
    index: int  # type: ignore[assignment]  # hides tuple.index, as above
    ordinal: int
    accepted_at_us: int
    node_id: int
    replayed: bool
    original_index: int
    original_ordinal: int
    original_at_us: int
    id_spent: bool
    same_request: bool
    differing_fields: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether what was asked for is so."""
        return self.outcome in _ACCEPTED


class Refused(LedgerdError):
    """The ledger refused something whose id the caller wanted to use next."""

    def __init__(self, result: CommandResult) -> None:
        super().__init__(describe(result))
        self.result = result


def describe(result: SubmitResult | CommandResult) -> str:
    """Return one sentence for people: what was decided and what may be done next."""
    if result.outcome is Outcome.REFUSED:
        spent = "; the id is spent, use a new id" if result.id_spent else ""
        return f"refused: {result.refusal}{spent}{_advice(result.refusal)}"
    if result.outcome is Outcome.CONFLICT:
        fields = ", ".join(result.differing_fields)
        return f"conflict: the id was used before with other values of {fields}"
    return result.outcome.lower()


def _advice(refusal: str | None) -> str:
    """Return what a code means and what to do; nothing for a code of a newer node."""
    advice = ADVICE.get(refusal or "")
    if advice is None:
        return ""
    return f". {advice.meaning} {advice.what_to_do}".replace("`", "")


def submit_result(
    payout_id: str,
    header: common_pb2.MutationHeader,
    result: payouts_pb2.SubmitResult,
) -> SubmitResult:
    """Return the wire's answer to one payout as a value."""
    decided = result.result
    return SubmitResult(
        payout_id,
        outcome_name(decided.outcome),
        refusal_name(decided.refusal),
        state_name(result.state),
        result.fee_units,
        header.term,
        header.index,
        decided.ordinal,
        header.accepted_at_us,
        header.node_id,
        decided.replayed,
        decided.original_index,
        decided.original_ordinal,
        decided.original_at_us,
        decided.id_spent,
        decided.same_request,
        tuple(decided.differing_fields),
    )


def command_result(
    command_id: str,
    header: common_pb2.MutationHeader,
    decided: common_pb2.CommandResult,
    state: int = 0,
) -> CommandResult:
    """Return the wire's answer to one rare command as a value."""
    return CommandResult(
        command_id,
        outcome_name(decided.outcome),
        refusal_name(decided.refusal),
        state_name(state),
        header.term,
        header.index,
        decided.ordinal,
        header.accepted_at_us,
        header.node_id,
        decided.replayed,
        decided.original_index,
        decided.original_ordinal,
        decided.original_at_us,
        decided.id_spent,
        decided.same_request,
        tuple(decided.differing_fields),
    )


_ACCEPTED: Final = frozenset({Outcome.CREATED, Outcome.REPLAYED})
_OUTCOMES: Final[dict[int, Outcome]] = {
    common_pb2.OUTCOME_CREATED: Outcome.CREATED,
    common_pb2.OUTCOME_REPLAYED: Outcome.REPLAYED,
    common_pb2.OUTCOME_CONFLICT: Outcome.CONFLICT,
    common_pb2.OUTCOME_REFUSED: Outcome.REFUSED,
}
_REFUSALS: Final[dict[int, str]] = {
    number: name for name, number in common_pb2.RefusalCode.items() if number
}
_STATES: Final[dict[int, str]] = {
    number: name for name, number in payouts_pb2.PayoutState.items() if number
}


def outcome_name(number: int) -> Outcome:
    """Return the outcome of a wire number.

    Errors: OutcomeUnknown, when a newer node answered with one that is not known here.
    """
    outcome = _OUTCOMES.get(number)
    if outcome is None:
        raise OutcomeUnknown(
            Reason.INTERNAL,
            f"the node answered with outcome {number}, which this release does not "
            "know; upgrade the client and retry with the same id",
        )
    return outcome


def refusal_name(number: int) -> str | None:
    """Return the name of a refusal code; None for 0. The list is open: it may grow."""
    return None if number == 0 else _REFUSALS.get(number, f"REFUSAL_{number}")


def state_name(number: int) -> str:
    """Return the name of a payout state; "" for 0. The list is open: it may grow."""
    return "" if number == 0 else _STATES.get(number, f"STATE_{number}")
