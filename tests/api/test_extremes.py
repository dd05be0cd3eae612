"""Reads of the feed and of the past with the largest, smallest and emptiest of everything."""

import asyncio
import random
from collections.abc import Callable

import grpc
from google.protobuf.message import Message

from ledgerd.api.v1 import accounts_pb2, common_pb2, events_pb2, payouts_pb2
from tests.api.world import Refusal, Stub, World

SEED = 20_261_121
ROUNDS = 300
NUMBERS = (0, 1, 2, 3, 5, 1_000, 1_001, 2**31 - 1, 2**32, 2**63 - 1, 2**64 - 1)
SIGNED = tuple(number for number in NUMBERS if number < 2**63)
TIMES = (*SIGNED, *(-number for number in SIGNED), -(2**63), 1_790_000_003_000_000)
TEXTS = ("", "x", "USD", "sandbox", "\0", "é", "0" * 32, "acct_" + "0" * 26, "a" * 600)


def requests(dice: random.Random, account: str) -> list[Message]:
    """Return one request of each call, its fields chosen at random."""

    def text() -> str:
        return dice.choice((*TEXTS, account))

    def as_of() -> common_pb2.AsOf:
        return dice.choice(
            (
                common_pb2.AsOf(index=dice.choice(NUMBERS)),
                common_pb2.AsOf(time_us=dice.choice(TIMES)),
                common_pb2.AsOf(),
            )
        )

    ends: dict[str, int] = {}
    for end in ("from", "to"):
        match dice.randrange(3):
            case 0:
                ends[f"{end}_index"] = dice.choice(NUMBERS)
            case 1:
                ends[f"{end}_us"] = dice.choice(TIMES)
    return [
        accounts_pb2.GetBalanceRequest(account_id=account, as_of=as_of()),
        accounts_pb2.TrialBalanceRequest(as_of=as_of()),
        accounts_pb2.StatementRequest(
            account_id=dice.choice((account, text())),
            page_size=dice.choice((0, 1, 2, 1_000, 2**32 - 1)),
            cursor=dice.choice(("", "", text())),
            **ends,
        ),
        events_pb2.GetEventRequest(seq=dice.choice(NUMBERS)),
        events_pb2.WatchRequest(
            from_seq=dice.choice(NUMBERS),
            filter=events_pb2.EventFilter(
                account_id=dice.choice(("", text())),
                payout_id=dice.choice(("", text())),
                kinds=dice.choice(([], [1], [0], [2**31 - 1])),
                currency=dice.choice(("", text())),
            ),
        ),
        payouts_pb2.ListPayoutsRequest(
            account_id=dice.choice(("", account)),
            created_from_us=dice.choice(TIMES),
            created_to_us=dice.choice(TIMES),
            destination_fingerprint=dice.choice(("", text())),
            metadata_key=dice.choice(("", "a", text())),
            metadata_value=dice.choice((None, "1", text())),
        ),
    ]


async def answered(stub: Stub, request: Message) -> str:
    """Make the call of a request; return OK or the reason of its refusal."""
    calls: dict[type[Message], Callable[..., object]] = {
        accounts_pb2.GetBalanceRequest: stub.ledger.GetBalance,
        accounts_pb2.TrialBalanceRequest: stub.reports.TrialBalance,
        accounts_pb2.StatementRequest: stub.reports.Statement,
        events_pb2.GetEventRequest: stub.feed.GetEvent,
        payouts_pb2.ListPayoutsRequest: stub.payouts.List,
    }
    try:
        if isinstance(request, events_pb2.WatchRequest):
            watch = stub.feed.Watch(request)
            assert await watch.read() is not grpc.aio.EOF
            watch.cancel()
        else:
            await calls[type(request)](request, timeout=10)  # type: ignore[misc] # a call of any message type
    except grpc.aio.AioRpcError as error:
        return Refusal(error).reason or str(error)
    return "OK"


def test_every_request_is_answered_or_refused_with_its_reason(world: World) -> None:
    """No number overflows a key, and nothing that can be asked ends in an internal error."""

    async def run() -> None:
        async with world.running(metadata_filters=frozenset({"a"})):
            stub = world.stub("submitter", "auditor")
            account = await world.account(stub, units=1_000)
            for _ in range(2):
                order = payouts_pb2.SubmitRequest(order=world.order(account))
                await stub.payouts.Submit(order)
            dice = random.Random(SEED)
            seen: dict[str, set[str]] = {}
            for _ in range(ROUNDS):
                for request in requests(dice, account):
                    reason = await answered(stub, request)
                    seen.setdefault(type(request).__name__, set()).add(reason)
                    assert reason in {
                        *("OK", "MALFORMED", "NOT_FOUND", "CURSOR_INVALID"),
                        *("INDEX_NOT_KEPT", "EVENT_NOT_KEPT"),
                    }, f"{request} -> {reason}, seed {SEED}"

            assert world.stops == []
            assert all("OK" in reasons for reasons in seen.values()), seen
            assert all(len(reasons) > 1 for reasons in seen.values()), seen

    asyncio.run(run())
