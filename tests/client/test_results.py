"""Answers are values that say what was decided, in words people can act on."""

import pytest

from ledgerd.api.v1 import common_pb2, payouts_pb2
from ledgerd.client import Outcome, OutcomeUnknown, describe
from ledgerd.client.results import command_result, submit_result

HEADER = common_pb2.MutationHeader(term=2, index=7, accepted_at_us=9, node_id=3)


def test_refused_payout_says_its_id_is_spent() -> None:
    """The sentence says what to do next: use a new id."""
    result = submit_result(
        "payout_x",
        HEADER,
        payouts_pb2.SubmitResult(
            result=common_pb2.CommandResult(
                outcome=common_pb2.OUTCOME_REFUSED,
                refusal=common_pb2.INSUFFICIENT_FUNDS,
                id_spent=True,
            )
        ),
    )

    assert not result.accepted
    assert describe(result) == (
        "refused: INSUFFICIENT_FUNDS; the id is spent, use a new id. Amount and fee would take "
        "the account below its minimum. Fund the account; submit under a new id."
    )


def test_conflict_names_the_fields() -> None:
    """A conflict names what differs, never the values."""
    result = command_result(
        "req_x",
        HEADER,
        common_pb2.CommandResult(
            outcome=common_pb2.OUTCOME_CONFLICT,
            differing_fields=["amount.units", "rail"],
        ),
    )

    assert result.outcome is Outcome.CONFLICT
    assert "amount.units, rail" in describe(result)


def test_newer_refusal_is_shown_by_number() -> None:
    """The list of refusals is open: an unknown one is still a refusal."""
    result = command_result(
        "req_x",
        HEADER,
        common_pb2.CommandResult(outcome=common_pb2.OUTCOME_REFUSED, refusal=9_999),
    )

    assert result.refusal == "REFUSAL_9999"


def test_newer_outcome_is_unknown() -> None:
    """What cannot be understood is not taken for anything."""
    with pytest.raises(OutcomeUnknown, match="upgrade the client"):
        command_result("req_x", HEADER, common_pb2.CommandResult(outcome=77))


def test_a_code_of_a_newer_node_is_told_as_it_is() -> None:
    """Nobody here knows what it means."""
    decided = common_pb2.CommandResult(
        outcome=common_pb2.OUTCOME_REFUSED, id_spent=True
    )
    result = submit_result("p", HEADER, payouts_pb2.SubmitResult(result=decided))

    text = describe(result._replace(refusal="NEWER"))

    assert text == "refused: NEWER; the id is spent, use a new id"
