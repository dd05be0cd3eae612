"""One call of the product's client, and what the history keeps of its end.

The client contract: an answer from the log is `ok` with a position, whatever it says; an
error that certainly left no effect is `fail`; every other error is `info`. A read that
ends in an error is `fail`, for reads change nothing; that an id is unknown is an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from jepsen import wire
from jepsen.commands import (
    Cancel,
    CaptureHold,
    Command,
    CreateHold,
    Fund,
    OpenAccount,
    Recall,
    ReleaseHold,
    SetFees,
    Submit,
    Transfer,
)
from jepsen.history import FAIL, INFO, OK, Fields, Json, Position
from jepsen.wire import name_of
from ledgerd.api.v1 import accounts_pb2, admin_pb2, payouts_pb2
from ledgerd.api.v1.common_pb2 import ReadHeader, RefusalCode
from ledgerd.client import (
    AsyncClient,
    CallError,
    CommandResult,
    NotLogged,
    SubmitResult,
    payout_order,
    us_account,
)

ROUTING_NUMBER = "021000021"
PAGE_ROWS = 1_000
FEE_MINOR_MAX = 1_000_000  # more than any fee of a run


@dataclass(frozen=True, slots=True)
class Batch:
    """Submits that travel in one call and stand in one entry."""

    submits: tuple[Submit, ...]


@dataclass(frozen=True, slots=True)
class Get:
    """Read one payout id. `is_final`: after the barrier, so absence is definite."""

    payout: str
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """Read one account."""

    account: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """Read all accounts, in one page: at one index."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Read the trial balance."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """Read one page of all payouts."""

    cursor: str = ""
    is_final: bool = False


Mutation: TypeAlias = Command | Batch
Read: TypeAlias = Get | Balance | Accounts | Trial | ListPage
Call: TypeAlias = Mutation | Read


@dataclass(frozen=True, slots=True)
class End:
    """How a call ended; the parts of the history line. `cursor` of a list goes on."""

    type: str
    v: Fields
    pos: Position | None = None
    server: str | None = None
    attempts: int | None = None
    read_index: int | None = None
    applied_index: int | None = None
    leader: int | None = None
    cursor: str = field(default="", compare=False)


def invocation(call: Call) -> tuple[str, dict[str, Json]]:
    """Return function and value of the invocation of a call."""
    match call:
        case Batch():
            orders: list[Json] = [wire.command_to_fields(each) for each in call.submits]
            return wire.SUBMIT_BATCH, {"orders": orders}
        case Get():
            return wire.GET, {"id": call.payout, "final": call.is_final}
        case Balance():
            return wire.BALANCE, {"id": call.account}
        case Accounts():
            return wire.ACCOUNTS, {}
        case Trial():
            return wire.TRIAL, {}
        case ListPage():
            return wire.LIST, {"final": call.is_final, "first": not call.cursor}
        case _:
            return wire.function_of(call), wire.command_to_fields(call)


async def perform(client: AsyncClient, call: Call, deadline_s: float) -> End:
    """Make the call and return how it ended. Cancellation passes through."""
    is_read = isinstance(call, Get | Balance | Accounts | Trial | ListPage)
    try:
        if isinstance(call, Get | Balance | Accounts | Trial | ListPage):
            return await _read(client, call, deadline_s)
        return await _mutate(client, call, deadline_s)
    except CallError as error:
        return _error_end(call, error, is_read=is_read)


def _error_end(call: Call, error: CallError, *, is_read: bool) -> End:
    reason = error.reason.value
    leader = error.metadata.get("leader", "")
    attempts = error.metadata.get("attempts", "")
    if isinstance(call, Get) and reason == "NOT_FOUND":
        return End(OK, {"id": call.payout, "found": False, "final": call.is_final})
    return End(
        FAIL if is_read or isinstance(error, NotLogged) else INFO,
        {"error": reason, "message": error.message[:200]},
        attempts=int(attempts) if attempts.isdigit() else None,
        leader=int(leader) if leader.isdigit() and leader != "0" else None,
    )


async def _mutate(client: AsyncClient, call: Mutation, deadline_s: float) -> End:
    match call:
        case Batch():
            results = await client.submit_batch(
                [_order(each) for each in call.submits], deadline=deadline_s
            )
            told: list[Json] = [_told(each) for each in results]
            first = results[0]
            return End(
                OK,
                {"results": told},
                pos=Position(first.term, first.index, first.ordinal),
                server=name_of(first.node_id),
            )
        case Submit():
            return _answered(
                await client.submit_order(_order(call), deadline=deadline_s)
            )
        case OpenAccount():
            return _answered(
                await client.open_account_result(
                    currency=call.currency,
                    livemode=call.livemode,
                    owner_ref=call.owner_ref,
                    min_balance=call.min_balance,
                    account_id=call.account,
                    deadline=deadline_s,
                )
            )
        case Fund():
            return _answered(
                await client.fund(
                    call.account,
                    call.minor,
                    call.currency,
                    bank=call.bank,
                    external_ref=call.external_ref,
                    request_id=call.request,
                    deadline=deadline_s,
                )
            )
        case Transfer():
            return _answered(
                await client.transfer(
                    call.source,
                    call.target,
                    call.minor,
                    call.currency,
                    reference=call.reference,
                    request_id=call.request,
                    deadline=deadline_s,
                )
            )
        case SetFees():
            rule = admin_pb2.FeeRule(
                rail=call.rail,
                currency=call.currency,
                fixed_units=call.fixed_minor,
                bps=call.bps,
                max_units=FEE_MINOR_MAX,
            )
            return _answered(
                await client.set_fees(
                    [rule],
                    source="drawn",
                    request_id=call.request,
                    deadline=deadline_s,
                )
            )
        case Cancel() | Recall():
            stop = client.cancel
            if isinstance(call, Recall):
                stop = client.request_recall
            return _answered(
                await stop(
                    call.payout,
                    reason=call.reason,
                    request_id=call.request,
                    deadline=deadline_s,
                )
            )
        case CreateHold() | CaptureHold() | ReleaseHold():
            return _answered(await _hold(client, call, deadline_s))
        case _:
            assert_never(call)


async def _hold(
    client: AsyncClient,
    call: CreateHold | CaptureHold | ReleaseHold,
    deadline_s: float,
) -> CommandResult:
    match call:
        case CreateHold():
            return await client.create_hold(
                call.account,
                call.minor,
                call.currency,
                ttl=call.ttl_us / 1_000_000,
                reference=call.reference,
                hold_id=call.hold,
                deadline=deadline_s,
            )
        case CaptureHold():
            return await client.capture_hold(
                call.hold,
                call.target,
                call.minor,
                call.currency,
                reference=call.reference,
                request_id=call.request,
                deadline=deadline_s,
            )
        case ReleaseHold():
            return await client.release_hold(
                call.hold,
                reason=call.reason,
                request_id=call.request,
                deadline=deadline_s,
            )
        case _:
            assert_never(call)


def _order(submit: Submit) -> payouts_pb2.PayoutOrder:
    order = payout_order(
        account=submit.account,
        amount=submit.minor,
        currency=submit.currency,
        rail=submit.rail,
        destination=us_account(ROUTING_NUMBER, submit.destination, "Payee"),
        reference=submit.reference,
        payout_id=submit.payout,
    )
    order.release_at_us = submit.release_at_us
    return order


def _answered(result: SubmitResult | CommandResult) -> End:
    return End(
        OK,
        _told(result),
        pos=Position(result.term, result.index, result.ordinal),
        server=name_of(result.node_id),
    )


def _told(result: SubmitResult | CommandResult) -> dict[str, Json]:
    """Return the value of an answer; see `wire.Told`."""
    v: dict[str, Json] = {
        "pos": [result.term, result.index, result.ordinal],
        "ts": result.accepted_at_us,
        "outcome": result.outcome.value,
    }
    if result.refusal is not None:
        v["refusal"] = result.refusal
    if isinstance(result, SubmitResult):
        v["state"] = result.state
        v["fee"] = result.fee_minor
    elif result.payout_state:
        v["state"] = result.payout_state
    if result.id_spent:
        v["spent"] = True
    if result.replayed or result.original_index:
        v["orig"] = [
            result.original_index,
            result.original_ordinal,
            result.original_at_us,
        ]
        v["same"] = result.same_request
    if result.differing_fields:
        v["differ"] = list(result.differing_fields)
    return v


async def _read(client: AsyncClient, call: Read, deadline_s: float) -> End:
    match call:
        case Get():
            got = await client.get(call.payout, deadline=deadline_s)
            if got.HasField("refused"):
                return _seen(got.header, _refused_fields(got.refused))
            return _seen(got.header, _payout_fields(got.payout) | {"found": True})
        case Balance():
            account = await client.account(call.account, deadline=deadline_s)
            return _seen(account.header, _account_fields(account.account))
        case Accounts():
            page = await client.accounts(page_size=PAGE_ROWS, deadline=deadline_s)
            found: list[Json] = [_account_fields(each) for each in page.accounts]
            return _seen(page.header, {"rows": found, "more": bool(page.next_cursor)})
        case Trial():
            trial = await client.trial_balance(deadline=deadline_s)
            books: list[Json] = [_book_fields(each) for each in trial.books]
            return _seen(trial.header, {"books": books})
        case ListPage():
            listed = await client.list(
                page_size=PAGE_ROWS, cursor=call.cursor, deadline=deadline_s
            )
            payouts: list[Json] = [_payout_fields(each) for each in listed.payouts]
            return _seen(
                listed.header,
                {"rows": payouts, "more": bool(listed.next_cursor)},
                cursor=listed.next_cursor,
            )
        case _:
            assert_never(call)


def _seen(header: ReadHeader, v: Mapping[str, Json], *, cursor: str = "") -> End:
    return End(
        OK,
        v,
        server=name_of(header.node_id),
        read_index=header.read_index,
        applied_index=header.applied_index,
        cursor=cursor,
    )


def _payout_fields(payout: payouts_pb2.Payout) -> dict[str, Json]:
    order = payout.order
    return {
        "id": order.payout_id,
        "account": order.account_id,
        "minor": order.amount.units,
        "currency": order.amount.currency,
        "rail": order.rail,
        "dest": order.destination.account_number,
        "ref": order.reference,
        "state": payouts_pb2.PayoutState.Name(payout.state),
        "fee": payout.fee_units,
        "release": order.release_at_us,
        "at": [payout.index, payout.ordinal],
        "ts": payout.created_at_us,
        "key": payout.rail_key,
        "returned": payout.returned_units,
        "reversed": payout.reversed_units,
        "absorbed": payout.absorbed_units,
        "refunded": payout.fee_refunded_units,
        "exceptions": payout.open_exceptions,
        "recalled": int(payout.recall_requested),
    }


def _refused_fields(refused: payouts_pb2.RefusedPayout) -> dict[str, Json]:
    return {
        "id": refused.payout_id,
        "refusal": RefusalCode.Name(refused.refusal),
        "at": [refused.index, refused.ordinal],
        "ts": refused.refused_at_us,
    }


def _account_fields(account: accounts_pb2.Account) -> dict[str, Json]:
    return {
        "id": account.account_id,
        "available": account.balances.available_units,
        "reserved": account.balances.reserved_units,
        "held": account.balances.held_units,
        "blocked": account.balances.blocked_units,
        "receivable": account.balances.receivable_units,
    }


def _book_fields(book: accounts_pb2.Book) -> dict[str, Json]:
    return {
        "livemode": book.livemode,
        "currency": book.currency,
        "lines": [
            {
                "name": line.ledger_account,
                "debit": int(line.debit_units),
                "credit": int(line.credit_units),
            }
            for line in book.lines
        ],
        "debit": int(book.debit_units),
        "credit": int(book.credit_units),
        "balanced": book.balanced,
    }
