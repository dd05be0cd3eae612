"""Requests of `api.v1` -> columns and commands. What is malformed stops here, unlogged.

A batch becomes columns in one pass; there is no object a payout. Principals come from the
certificate, never from the request.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ledgerd.api import ids, shapes
from ledgerd.api.shapes import Malformed
from ledgerd.api.v1 import accounts_pb2, common_pb2, payouts_pb2
from ledgerd.errors import NotLogged, Reason
from ledgerd.formats import batches
from ledgerd.formats.batches import Details, pack_details
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.catalogue import SANDBOX
from ledgerd.ledger.commands import (
    PLAIN,
    THIS_WINDOW,
    Fund,
    OpenAccount,
    Transfer,
)
from ledgerd.ledger.details import bytes_max as details_bytes_max
from ledgerd.limits import (
    BATCH_COMMANDS_MAX,
    ENTRY_BYTES_MAX,
    EXTERNAL_REF_BYTES_MAX,
    OWNER_REF_BYTES_MAX,
    PAGE_ROWS_MAX,
    REFERENCE_BYTES_MAX,
    STALE_AGE_MS_MAX,
)
from ledgerd.replica.inputs import WriteConcern

PAGE_ROWS_DEFAULT: Final = 100
_TIMINGS: Final = frozenset(payouts_pb2.Timing.values())
LOOP_PAGE_ROWS: Final = 512  # rows the loop works on before it looks at anything else


def single(
    order: payouts_pb2.PayoutOrder,
    *,
    principal: str,
    state_version: int = STATE_VERSION,
) -> PayoutBatch:
    """Return a batch of the one order of a unary call. Raises NotLogged.

    state_version: in force; what it does not take is not proposed.
    """
    bytes_max = details_bytes_max(state_version)
    return _batch((order,), principal, bytes_max, path=lambda _: "order.")


async def batch(
    orders: Sequence[payouts_pb2.PayoutOrder],
    *,
    principal: str,
    state_version: int = STATE_VERSION,
) -> PayoutBatch:
    """Return the columns of 1 .. 8,192 orders, in order; as `single`. Raises NotLogged.

    One malformed row refuses the whole call, so that nothing of it is logged. The loop is let go
    after every page, so that a large batch delays no tick and no peer's message (T71).
    """
    if not 1 <= len(orders) <= BATCH_COMMANDS_MAX:
        raise Malformed(
            "orders", f"1 .. {BATCH_COMMANDS_MAX} orders", str(len(orders))
        ).error()
    bytes_max = details_bytes_max(state_version)
    made = _batch(orders[:LOOP_PAGE_ROWS], principal, bytes_max, path=_path_from(0))
    for start in range(LOOP_PAGE_ROWS, len(orders), LOOP_PAGE_ROWS):
        await asyncio.sleep(0)
        page = orders[start : start + LOOP_PAGE_ROWS]
        made.extend(_batch(page, principal, bytes_max, path=_path_from(start)))
    _check_size(made)
    return made


def open_account(
    request: accounts_pb2.OpenAccountRequest, *, principal: str
) -> OpenAccount:
    """Return the command. Raises NotLogged."""
    try:
        return OpenAccount(
            account_id=shapes.id_bytes("account_id", ids.ACCOUNT, request.account_id),
            currency=shapes.currency("currency", request.currency)[0],
            livemode=request.livemode,
            owner_ref=shapes.plain(
                "owner_ref", request.owner_ref, bytes_max=OWNER_REF_BYTES_MAX
            ),
            min_balance_minor=request.min_balance_units,
            principal=principal,
            account_class=shapes.account_class("account_class", request.account_class),
        )
    except Malformed as bad:
        raise bad.error() from None


def fund(request: accounts_pb2.FundRequest, *, principal: str) -> Fund:
    """Return the command. Raises NotLogged."""
    try:
        units, currency = shapes.amount(
            "amount", request.amount, has_amount=request.HasField("amount")
        )
        return Fund(
            request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            account_id=shapes.id_bytes("account_id", ids.ACCOUNT, request.account_id),
            amount_minor=units,
            currency=currency,
            bank=shapes.bank("bank", request.bank),
            external_ref=shapes.plain(
                "external_ref",
                request.external_ref,
                bytes_min=1,
                bytes_max=EXTERNAL_REF_BYTES_MAX,
            ),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def transfer(request: accounts_pb2.TransferRequest, *, principal: str) -> Transfer:
    """Return the command. Raises NotLogged."""
    try:
        units, currency = shapes.amount(
            "amount", request.amount, has_amount=request.HasField("amount")
        )
        from_id = shapes.id_bytes(
            "from_account_id", ids.ACCOUNT, request.from_account_id
        )
        to_id = shapes.id_bytes("to_account_id", ids.ACCOUNT, request.to_account_id)
        if from_id == to_id:
            raise Malformed(
                "to_account_id", "another account than from_account_id", "the same"
            )
        return Transfer(
            request_id=shapes.id_bytes("request_id", ids.REQUEST, request.request_id),
            from_account_id=from_id,
            to_account_id=to_id,
            amount_minor=units,
            currency=currency,
            reference=shapes.plain(
                "reference", request.reference, bytes_max=REFERENCE_BYTES_MAX
            ),
            principal=principal,
        )
    except Malformed as bad:
        raise bad.error() from None


def object_id(field: str, prefix: str, text: str) -> bytes:
    """Return the 16 bytes of an id that a read names. Raises NotLogged."""
    try:
        return shapes.id_bytes(field, prefix, text)
    except Malformed as bad:
        raise bad.error() from None


def page_rows(page_size: int) -> int:
    """Return how many rows a page may have; 0 asks for the default. Raises NotLogged."""
    if page_size > PAGE_ROWS_MAX:
        raise Malformed("page_size", f"0 .. {PAGE_ROWS_MAX}", str(page_size)).error()
    return page_size or PAGE_ROWS_DEFAULT


class ReadWish(NamedTuple):
    """How fresh a read must be; linearizable if neither is set, and never both.

    at_least: the index that its state must have reached. max_age_s: how old it may be.
    """

    at_least: int | None = None
    max_age_s: float | None = None


def read_wish(concern: common_pb2.ReadConcern) -> ReadWish:
    """Return how fresh a read must be. Raises NotLogged."""
    match concern.WhichOneof("kind"):
        case "at_least_index":
            return ReadWish(at_least=concern.at_least_index)
        case "stale":
            age_ms = concern.stale.max_age_ms
            if not 1 <= age_ms <= STALE_AGE_MS_MAX:
                expected = f"1 .. {STALE_AGE_MS_MAX}"
                field = "concern.stale.max_age_ms"
                raise Malformed(field, expected, str(age_ms)).error()
            return ReadWish(max_age_s=age_ms / 1_000)
        case _:
            return ReadWish()


_WRITE_CONCERNS: Final = {
    common_pb2.WRITE_CONCERN_UNSPECIFIED: WriteConcern.QUORUM,
    common_pb2.QUORUM: WriteConcern.QUORUM,
    common_pb2.ALL_VOTERS: WriteConcern.ALL_VOTERS,
}


def write_concern(concern: common_pb2.WriteConcern) -> WriteConcern:
    """Return how many copies a write must have when it is answered. Raises NotLogged.

    One that this release does not know is refused: it may ask for more than we could promise.
    """
    found = _WRITE_CONCERNS.get(concern)
    if found is None:
        expected = "QUORUM or ALL_VOTERS"
        raise Malformed("concern", expected, str(int(concern))).error()
    return found


def _batch(
    orders: Sequence[payouts_pb2.PayoutOrder],
    principal: str,
    details_max: int,
    *,
    path: Callable[[int], str],
) -> PayoutBatch:
    """Return the columns. Names are looked up once: this loop is the edge's hot path."""
    made = PayoutBatch()
    add_id, add_account = made.ids.append, made.account_ids.append
    add_amount, add_currency = made.amounts_minor.append, made.currencies.append
    add_rail, add_details = made.rails.append, made.details.append
    add_release = made.releases_us.append
    id_bytes, amount, rail_number = shapes.id_bytes, shapes.amount, shapes.rail
    destination, plain, metadata = shapes.destination, shapes.plain, shapes.metadata
    accounts: dict[str, bytes] = {}  # few accounts pay for many rows
    has_terms = False
    row = 0
    try:
        for row, order in enumerate(orders):  # noqa: B007 - the row is named on failure
            add_id(id_bytes("payout_id", ids.PAYOUT, order.payout_id))
            account_text = order.account_id
            account = accounts.get(account_text)
            if account is None:
                account = id_bytes("account_id", ids.ACCOUNT, account_text)
                accounts[account_text] = account
            add_account(account)
            units, currency = amount(
                "amount", order.amount, has_amount=order.HasField("amount")
            )
            add_amount(units)
            add_currency(currency)
            rail = rail_number("rail", order.rail)
            add_rail(rail)
            where = destination(
                "destination", order.destination, is_sandbox=rail == SANDBOX
            )
            reference = plain(
                "reference", order.reference, bytes_max=REFERENCE_BYTES_MAX
            )
            pairs = order.metadata
            noted = metadata("metadata", pairs) if pairs else ()
            packed = pack_details(Details(*where, reference, noted))
            if len(packed) > details_max:
                raise Malformed(
                    "metadata",
                    f"at most {details_max} bytes together with destination and "
                    "reference",
                    str(len(packed)),
                )
            add_details(packed)
            add_release(order.release_at_us)
            if (
                order.is_linked
                or order.timing
                or order.quoted_at_us
                or order.HasField("fee_expected_units")
            ):
                has_terms = True
    except Malformed as bad:
        raise bad.error(path(row)) from None
    made.principals = [principal] * len(made.ids)
    _check_releases(made, path)
    if has_terms:  # most batches have none
        _link(made, orders)
        _add_quotes(made, orders, path)
        _add_timings(made, orders, path)
    return made


def _link(made: PayoutBatch, orders: Sequence[payouts_pb2.PayoutOrder]) -> None:
    """Put into the terms which rows have the next one in their chain."""
    for row, order in enumerate(orders):
        if order.is_linked:
            terms = made.terms.get(row, PLAIN)
            made.terms[row] = terms._replace(is_linked=True)


def _add_timings(
    made: PayoutBatch,
    orders: Sequence[payouts_pb2.PayoutOrder],
    path: Callable[[int], str],
) -> None:
    """Put what must go with the window open now into the terms. Raises NotLogged."""
    for row, order in enumerate(orders):
        timing = order.timing
        if timing not in _TIMINGS:
            bad = Malformed("timing", "NEXT_WINDOW or THIS_WINDOW_ONLY", str(timing))
            raise bad.error(path(row))
        if timing != payouts_pb2.THIS_WINDOW_ONLY:
            continue
        if made.releases_us[row]:
            bad = Malformed(
                "timing", "NEXT_WINDOW with a release_at_us", "THIS_WINDOW_ONLY"
            )
            raise bad.error(path(row))
        made.terms[row] = made.terms.get(row, PLAIN)._replace(window=THIS_WINDOW)


def _add_quotes(
    made: PayoutBatch,
    orders: Sequence[payouts_pb2.PayoutOrder],
    path: Callable[[int], str],
) -> None:
    """Put the fees that orders expect into the terms. Raises NotLogged."""
    for row, order in enumerate(orders):
        has_fee = order.HasField("fee_expected_units")
        if not (has_fee or order.quoted_at_us):
            continue
        for name, value in (
            ("fee_expected_units", order.fee_expected_units),
            ("quoted_at_us", order.quoted_at_us),
        ):
            if value < 0:
                raise Malformed(name, "0 or more", str(value)).error(path(row))
        made.terms[row] = made.terms.get(row, PLAIN)._replace(
            fee_expected_minor=order.fee_expected_units if has_fee else None,
            quoted_at_us=order.quoted_at_us,
        )


def _check_releases(made: PayoutBatch, path: Callable[[int], str]) -> None:
    """Return if no time of release is before 1970. Raises NotLogged."""
    releases_us = made.releases_us
    if releases_us and min(releases_us) < 0:
        row = next(n for n, us in enumerate(releases_us) if us < 0)
        bad = Malformed(
            "release_at_us", "0 or more microseconds", str(releases_us[row])
        )
        raise bad.error(path(row))


def _path_from(start: int) -> Callable[[int], str]:
    return lambda row: f"orders[{start + row}]."


def _check_size(made: PayoutBatch) -> None:
    size = batches.size_bytes(made)
    if size > ENTRY_BYTES_MAX:
        raise NotLogged(
            Reason.TOO_LARGE,
            f"expected a batch of at most {ENTRY_BYTES_MAX} bytes, found {size}: "
            "split it into smaller ones",
            {"expected": str(ENTRY_BYTES_MAX), "found": str(size)},
        )
