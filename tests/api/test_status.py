"""Errors on the wire."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from ledgerd.api import status
from ledgerd.errors import CallError, Kind, NotLogged, Outcome, Reason, outcome_of

FACTS = {"cluster_id": "one", "node_id": "3"}


def test_every_kind_has_a_status_of_its_own() -> None:
    """Ten kinds, ten statuses, and none that gRPC itself would make of success."""
    statuses = {status.status_of(kind) for kind in Kind}

    assert len(statuses) == len(Kind)
    assert grpc.StatusCode.OK not in statuses
    assert grpc.StatusCode.UNKNOWN not in statuses


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_every_reason_carries_its_outcome(reason: Reason) -> None:
    """The details say reason, domain and outcome, and that the same id is safe to retry."""
    error = CallError(reason, "text", {"leader": "2"})
    code, message, trailing = status.ended(error, FACTS)
    ((key, raw),) = trailing
    wire = status_pb2.Status.FromString(raw)
    info = error_details_pb2.ErrorInfo()
    assert wire.details[0].Unpack(info)

    assert key == "grpc-status-details-bin"
    assert code.value[0] == wire.code
    assert "text" == message == wire.message
    assert (reason.value, "ledgerd") == (info.reason, info.domain)
    assert {
        **FACTS,
        "leader": "2",
        "outcome": outcome_of(reason).value,
        "retry_same_id": "safe",
    } == dict(info.metadata)


def test_only_what_may_be_in_the_log_is_unknown() -> None:
    """A list of its own: the outcomes that a caller must not take for a failure."""
    unknown = {
        reason.name for reason in Reason if outcome_of(reason) is Outcome.UNKNOWN
    }

    assert {
        "LEADERSHIP_LOST",
        "DEADLINE_AFTER_PROPOSAL",
        "NOT_ON_ALL_VOTERS",
        "STOPPED_AFTER_PROPOSAL",
        "DISK_STALLED",
        "INTERNAL",
    } == unknown


def test_a_malformed_field_is_a_bad_request_too() -> None:
    """Standard tools find the field where the standard has it."""
    error = NotLogged(Reason.MALFORMED, "a.b: expected x, found y", {"field": "a.b"})
    wire = status_pb2.Status.FromString(status.ended(error, FACTS)[2][0][1])
    bad = error_details_pb2.BadRequest()
    assert wire.details[1].Unpack(bad)

    (violation,) = bad.field_violations
    assert (
        violation.field,
        violation.description,
    ) == ("a.b", "a.b: expected x, found y")


def test_waiting_helps_where_something_is_exhausted() -> None:
    """Overload comes with a time to wait; other errors do not."""
    full = status.ended(NotLogged(Reason.OVERLOADED, "full"), FACTS)
    wire = status_pb2.Status.FromString(full[2][0][1])
    retry = error_details_pb2.RetryInfo()

    assert wire.details[1].Unpack(retry)
    assert 0 < retry.retry_delay.nanos < 1_000_000_000


def test_a_long_message_fits_a_header() -> None:
    """Texts are cut, so that the error itself does not fail."""
    ended = status.ended(NotLogged(Reason.MALFORMED, "x" * 100_000), FACTS)

    assert len(ended.details) == 1_000
