"""The service `Feed`: every change of the ledger, in order, to whoever watches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import lru_cache
from typing import Any, Final, cast

import grpc

from ledgerd.api import calls, codec, ids, replies, shapes
from ledgerd.api.handle import NodeHandle
from ledgerd.api.options import ApiOptions
from ledgerd.api.replies import Replies
from ledgerd.api.v1 import common_pb2, events_pb2_grpc
from ledgerd.api.v1 import events_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from ledgerd.ledger.events import Event, EventKind
from ledgerd.ledger.money import CURRENCIES
from ledgerd.node.feed import Keep, not_kept
from ledgerd.storage.event_pages import EventRange
from ledgerd.storage.reader import StateReader

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]

# A watcher that has not taken what it was given when the node stops, seconds.
_STOP_GRACE_S: Final = 0.5


class FeedService(events_pb2_grpc.FeedServicer):
    """Answers the calls of `Feed`."""

    def __init__(self, options: ApiOptions, node: NodeHandle) -> None:
        self._options = options
        self._node = node
        self._replies = Replies(node_id=options.node_id)
        self._watches: set[asyncio.Task[Any]] = set()  # Any: grpc's own tasks

    def begin_stop(self) -> None:
        """Let every watch end: those that wait at once, those that are slow soon after."""
        loop = asyncio.get_running_loop()
        for watch in self._watches:
            loop.call_later(_STOP_GRACE_S, watch.cancel)

    async def Watch(  # noqa: D102 - the proto says what it does
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[pb.WatchReply]:
        call = calls.current()
        from_seq, keep = self._start(request), _filter(request.filter)
        task = asyncio.current_task()
        assert task is not None, "a call is answered in a task"
        self._watches.add(task)
        try:
            async with aclosing(self._node.watch(from_seq, keep)) as watch:
                async for told in watch:
                    call.read_at(told.at)
                    call.rows += len(told.events)
                    yield pb.WatchReply(
                        events=[event(each) for each in told.events],
                        scanned_seq=told.scanned_seq,
                        applied_index=told.at.applied_index,
                        log_time_us=told.at.log_time_us,
                    )
        finally:
            self._watches.discard(task)

    async def GetEvent(  # noqa: D102
        self, request: pb.GetEventRequest, context: Context
    ) -> pb.GetEventReply:
        call = calls.current()
        seq = _seq("seq", request.seq)
        at_least, max_age_s = codec.read_wish(request.concern)

        def query(reader: StateReader) -> tuple[Event | None, EventRange]:
            return reader.event(seq), reader.events_kept()

        at, (found, kept) = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        if found is None:
            raise not_kept(seq, kept.oldest, kept.newest)
        return pb.GetEventReply(
            header=self._replies.read(at, state_version=self._node.state_version),
            event=event(found),
        )

    def _start(self, request: pb.WatchRequest) -> int | None:
        """Return the first event wanted; None for from now on. Raises NotLogged."""
        if request.cluster_id not in ("", self._options.cluster_id):
            raise NotLogged(
                Reason.WRONG_CLUSTER,
                f"cluster_id: expected {self._options.cluster_id}, found "
                f"{shapes.quoted(request.cluster_id)}: numbers of another cluster's events mean "
                "nothing here",
                {"field": "cluster_id", "expected": self._options.cluster_id},
            )
        match request.WhichOneof("start"):
            case "from_seq":
                return _seq("from_seq", request.from_seq)
            case "from_now" if request.from_now:
                return None
            case _:
                raise shapes.Malformed(
                    "start", "from_seq, 1 or more, or from_now", "neither"
                ).error()


def event(found: Event) -> pb.Event:
    """Return an event as the wire has it."""
    index, ordinal, n = found.position
    made = pb.Event(
        seq=found.seq,
        kind=cast(pb.Event.Kind, int(found.kind)),  # the numbers are the ledger's
        index=index,
        ordinal=ordinal,
        n=n,
        at_us=found.ts_us,
        subject=subject(found),
        state_before=replies.state(found.state_before),
        state_after=replies.state(found.state_after),
        fee_units=found.fee_minor,
        accounts=[
            pb.AccountAfter(
                account_id=_account(after.account_id),
                balances=replies.balances(after.balances),
            )
            for after in found.accounts
        ],
    )
    if found.amount_minor:
        currency = CURRENCIES[found.currency]
        made.amount.CopyFrom(
            common_pb2.Money(
                units=found.amount_minor,
                currency=currency.code,
                exponent=currency.exponent,
            )
        )
    return made


@lru_cache(maxsize=4096)
def _account(account_id: bytes) -> str:
    """Return the text of an account's id; few accounts have most of the events."""
    return ids.encode(ids.ACCOUNT, account_id)


# What the subject is, if it is neither a payout nor a request; see `Event.subject`.
_SUBJECTS: Final = {
    EventKind.ACCOUNT_OPENED: ids.ACCOUNT,
    EventKind.ACCOUNT_CLOSED: ids.ACCOUNT,
    EventKind.ACCOUNT_FROZEN: ids.ACCOUNT,
    EventKind.ACCOUNT_UNFROZEN: ids.ACCOUNT,
    EventKind.HOLD_CREATED: ids.HOLD,
    EventKind.HOLD_CAPTURED: ids.HOLD,
    EventKind.HOLD_RELEASED: ids.HOLD,
    EventKind.HOLD_EXPIRED: ids.HOLD,
}


def subject(found: Event) -> str:
    """Return the id of what an event is about, with its prefix."""
    prefix = _SUBJECTS.get(found.kind, ids.REQUEST)
    if found.state_after:  # only payouts have states
        prefix = ids.PAYOUT
    return ids.encode(prefix, found.subject)


def _seq(field: str, seq: int) -> int:
    """Return the number of an event. Raises NotLogged: 0 is none, and stands for nothing."""
    if seq < 1:
        raise shapes.Malformed(
            field, "1 or more; 1 is the first event", str(seq)
        ).error()
    return seq


def _filter(asked: pb.EventFilter) -> Keep | None:
    """Return what an event must fulfil to be told; None if every one is. Raises NotLogged."""
    tests: list[Keep] = []
    if asked.account_id:
        account_id = codec.object_id("filter.account_id", ids.ACCOUNT, asked.account_id)
        tests.append(
            lambda found: (
                found.subject == account_id
                or any(after.account_id == account_id for after in found.accounts)
            )
        )
    if asked.payout_id:
        payout_id = codec.object_id("filter.payout_id", ids.PAYOUT, asked.payout_id)
        tests.append(lambda found: found.subject == payout_id)
    if asked.kinds:
        kinds = frozenset(int(kind) for kind in asked.kinds)
        known = frozenset(pb.Event.Kind.values()) - {0}
        if not kinds <= known:
            raise shapes.Malformed(
                "filter.kinds", "known kinds of events", str(sorted(kinds - known))
            ).error()
        tests.append(lambda found: int(found.kind) in kinds)
    if asked.currency:
        try:
            currency, _ = shapes.currency("filter.currency", asked.currency)
        except shapes.Malformed as bad:
            raise bad.error() from None
        tests.append(lambda found: found.currency == currency)
    if not tests:
        return None
    return lambda found: all(test(found) for test in tests)
