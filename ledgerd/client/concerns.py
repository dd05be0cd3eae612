"""What a caller may ask of one call: how many copies of a write, how fresh a read."""

from enum import Enum
from typing import Final

from ledgerd.api.v1.common_pb2 import (
    ALL_VOTERS,
    QUORUM,
    AsOf,
    MutationHeader,
    ReadConcern,
    Stale,
)
from ledgerd.api.v1.common_pb2 import WriteConcern as WireConcern
from ledgerd.errors import OutcomeUnknown, Reason
from ledgerd.limits import STALE_AGE_MS_MAX


class WriteConcern(Enum):
    """How many copies a write has when it is answered; each durable, on another disk."""

    QUORUM = "quorum"  # a majority of the voters: it is never lost
    ALL_VOTERS = "all_voters"  # every voter; else OutcomeUnknown, NOT_ON_ALL_VOTERS


_WIRE: Final = {
    WriteConcern.QUORUM: QUORUM,
    WriteConcern.ALL_VOTERS: ALL_VOTERS,
}


def write_concern(concern: WriteConcern) -> WireConcern:
    """Return the wire's form."""
    return _WIRE[concern]


def check_kept(header: MutationHeader, concern: WriteConcern) -> None:
    """Return if the answer keeps what was asked for. Raises OutcomeUnknown.

    A node of a release that knows QUORUM only answers as soon as that holds.
    """
    if concern is WriteConcern.ALL_VOTERS and header.concern != ALL_VOTERS:
        raise OutcomeUnknown(
            Reason.NOT_ON_ALL_VOTERS,
            f"committed at index {header.index}, but node {header.node_id} is of a release "
            "that cannot say whether every voter holds it; upgrade it, or ask for QUORUM",
            {"committed_index": str(header.index)},
        )


def read_concern(at_least: int | None, max_age: float | None) -> ReadConcern | None:
    """Return the wish for an index or an age; None asks for a linearizable read.

    Args:
        at_least: The index that the state must have reached, on whatever node.
        max_age: Seconds that the state may be old, 0.001 .. 86,400.

    Errors: ValueError, when both are given, or an age that is out of bounds.
    """
    if max_age is None:
        return None if at_least is None else ReadConcern(at_least_index=at_least)
    if at_least is not None:
        raise ValueError("expected at_least or max_age, found both")
    seconds_max = STALE_AGE_MS_MAX / 1_000
    if not 0.001 <= max_age <= seconds_max:
        raise ValueError(f"expected 0.001 .. {seconds_max:g} seconds, found {max_age}")
    return ReadConcern(stale=Stale(max_age_ms=int(max_age * 1_000)))


def as_of(at_index: int | None, at_us: int | None) -> AsOf | None:
    """Return a moment of the past, None for now. Raises ValueError when both are given.

    Args:
        at_index: After every entry of the log up to this one.
        at_us: After every entry up to this log time, microseconds.
    """
    one_of(at_index, at_us)
    if at_us is not None:
        return AsOf(time_us=at_us)
    return None if at_index is None else AsOf(index=at_index)


def one_of(index: int | None, time_us: int | None) -> None:
    """Return if at most one of both is given. Raises ValueError."""
    if index is not None and time_us is not None:
        raise ValueError("expected an index or a time, found both")
