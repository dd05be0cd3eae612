"""What a payout would meet now: dry runs over the visible state, quotes and routes.

Reads: nothing of it reaches the log. They judge as of the log time of the state that they see, or
the time of this node's clock where that is ahead: an idle log has no entries that would tell it.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from ledgerd.api import codec, ids, replies, shapes
from ledgerd.api.shapes import Malformed
from ledgerd.api.v1 import common_pb2
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.commands import Submit
from ledgerd.ledger.decide.common import Moment
from ledgerd.ledger.decide.dry_run import Check, DryRun, dry_runs
from ledgerd.ledger.money import BALANCE_MINOR_MAX, BALANCE_MINOR_MIN
from ledgerd.ledger.outcomes import Outcome, Outcomes
from ledgerd.ledger.payouts import PayoutState
from ledgerd.node.windows import has_windows, with_windows
from ledgerd.storage.reader import StateReader
from ledgerd.timetable.days import date_of
from ledgerd.timetable.windows import Slot, slot

_ID_TAIL_BYTES: Final = 10


class Judged(NamedTuple):
    """Dry runs of orders, one behind the other, as of one log time."""

    ts_us: int
    runs: list[DryRun]


def judged(
    reader: StateReader, batch: PayoutBatch, *, state_version: int, now_us: int
) -> Judged:
    """Return what the rows of a batch would be answered as one entry. Raises NotLogged."""
    ts_us = max(reader.log_time_us() + 1, now_us)
    if has_windows(batch):
        batch = with_windows(batch, reader.catalogue(), ts_us)
    first = Moment((reader.applied() + 1, 0), ts_us, state_version)
    return Judged(ts_us, dry_runs(reader.ledger(), first, tuple(batch.commands())))


def verdicts(found: Judged) -> Iterator[pb.Verdict]:
    """Yield the answers as messages."""
    outcomes = Outcomes()
    for row, run in enumerate(found.runs):
        outcomes.codes.append(run.decision.code)
        if run.decision.retry is not None:
            outcomes.retries = {**outcomes.retries, row: run.decision.retry}
    for row, run in enumerate(found.runs):
        result = pb.SubmitResult(
            state=replies.state(run.decision.state), fee_units=run.decision.fee_minor
        )
        replies.fill_result(result.result, outcomes, row)
        yield pb.Verdict(result=result, checks=map(_check, run.checks))


def clock_us() -> int:
    """Return the time of this node's clock, microseconds."""
    return time.time_ns() // 1_000


def asked(
    request: pb.QuoteRequest | pb.QuoteRoutesRequest,
    *,
    rail: str,
    principal: str,
    state_version: int,
) -> Submit:
    """Return the submit that a quote is asked for, under an id of nobody. Raises NotLogged."""
    try:
        number = shapes.rail("rail", rail)
    except Malformed as bad:
        raise bad.error() from None
    order = pb.PayoutOrder(
        payout_id=ids.encode(ids.PAYOUT, _fresh_id()),
        account_id=request.account_id,
        rail=rail,
    )
    if request.HasField("amount"):
        order.amount.CopyFrom(request.amount)
    if request.HasField("destination"):
        order.destination.CopyFrom(request.destination)
    else:
        order.rail = "sandbox"  # which alone takes an order without a destination
    batch = codec.single(order, principal=principal, state_version=state_version)
    (command,) = batch.commands()
    return replace(command, rail=number)


class Routes(NamedTuple):
    """What one payout would meet by each rail, as of one log time."""

    ts_us: int
    valid_until_us: int
    routes: list[pb.Route]


def routes(
    reader: StateReader,
    command: Submit,
    *,
    is_every_rail: bool,
    needed_by_us: int,
    state_version: int,
    now_us: int,
) -> Routes:
    """Return the route of a payout by its rail, or those by every rail there is."""
    view = reader.ledger()
    ts_us = max(reader.log_time_us() + 1, now_us)
    catalogue = view.catalogue()
    numbers = sorted(catalogue.names().values()) if is_every_rail else [command.rail]
    found: list[pb.Route] = []
    valid_until_us = ts_us
    for number in numbers:
        moment = Moment((reader.applied() + 1, 0), ts_us, state_version)
        (run,) = dry_runs(view, moment, [replace(command, rail=number)])
        valid_until_us = run.valid_until_us
        found.append(_route(catalogue, number, run, (ts_us, needed_by_us)))
    return Routes(ts_us, valid_until_us, found)


def _route(
    catalogue: Catalogue, number: int, run: DryRun, times: tuple[int, int]
) -> pb.Route:
    ts_us, needed_by_us = times
    names = {n: name for name, n in catalogue.names().items()}
    rail = catalogue.known(number, ts_us)
    code = run.decision.code
    route = pb.Route(
        rail=names.get(number, f"rail-{number}"),  # an older state may not have it
        review=run.decision.state == PayoutState.IN_REVIEW,
        fee_units=run.fee_minor,
        suspended=rail is not None and rail.is_suspended,
        amount_units_min=1 if rail is None else rail.amount_minor_min,
        amount_units_max=BALANCE_MINOR_MAX if rail is None else rail.amount_minor_max,
        checks=map(_check, run.checks),
    )
    if code != Outcome.CREATED:
        route.refusal = replies.refusal(code)
    found = _slot(catalogue, number, ts_us)
    if isinstance(found, str):
        route.times_unknown = found
        return route
    day = date_of(found.value_day)
    if found.obeyed is not None:
        route.opens_at_us, route.cut_off_us = found.opens_us, found.closes_us
        route.cut_off_of = found.obeyed.name.lower()
    route.value_date = day.year * 10_000 + day.month * 100 + day.day
    route.arrives_at_us = found.arrives_us
    route.in_time = not needed_by_us or found.arrives_us <= needed_by_us
    return route


def _slot(catalogue: Catalogue, number: int, ts_us: int) -> Slot | str:
    """Return the window that a payment of `ts_us` goes with, or why nobody knows it."""
    record = catalogue.rail(number, ts_us)
    if record is None:
        return "the catalogue has no record of the rail in force: ledgerctl rail set"
    calendar = None
    if not record.is_always_open:
        calendar = catalogue.calendar(record.calendar, ts_us)
        if calendar is None:
            return (
                f"calendar {record.calendar} is not in force: ledgerctl calendar amend"
            )
    try:
        return slot(record, calendar, ts_us)
    except ValueError as error:  # the calendar ends too early, or the zone is unknown
        return str(error)


def _check(check: Check) -> pb.Check:
    return pb.Check(
        name=check.name,
        refusal=common_pb2.REFUSAL_CODE_UNSPECIFIED
        if check.refusal is None
        else replies.refusal(check.refusal),
        review=check.is_review,
        value=_shown(check.value),
        bound=_shown(check.bound),
    )


def _shown(value: int) -> int:
    """Return the number as the message can hold it: sums and differences may pass 64 bits."""
    return max(BALANCE_MINOR_MIN, min(value, BALANCE_MINOR_MAX))


def _fresh_id() -> bytes:
    """Return a UUIDv7 that nobody has."""
    tail = bytearray(os.urandom(_ID_TAIL_BYTES))
    tail[0], tail[2] = 0x70 | tail[0] & 0x0F, 0x80 | tail[2] & 0x3F
    return (time.time_ns() // 1_000_000).to_bytes(6, "big") + bytes(tail)
