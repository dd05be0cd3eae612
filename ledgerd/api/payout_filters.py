"""What a list of payouts is asked for: the filters of one request, as one test of a payout."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from ledgerd.api import codec, ids, shapes
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.formats.batches import unpack_details
from ledgerd.ledger.details import destination_fingerprint
from ledgerd.ledger.payouts import rail_now
from ledgerd.limits import METADATA_KEY_BYTES_MAX, METADATA_VALUE_BYTES_MAX
from ledgerd.storage.reader import SCAN_ROWS_MAX, PayoutFound

Keep = Callable[[PayoutFound], bool]

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{32}")
_SCAN_DETAILS_MAX: Final = SCAN_ROWS_MAX // 4  # details are opened: more work a row


class Asked(NamedTuple):
    """keep: None if every payout is wanted. scan_max: rows that a page may look at."""

    keep: Keep | None
    scan_max: int


def read(request: pb.ListPayoutsRequest, metadata_filters: frozenset[str]) -> Asked:
    """Return what a payout must fulfil to be listed. Raises NotLogged, by field.

    metadata_filters: the keys of metadata that may be asked for.
    """
    try:
        tests = [*_of_heads(request), *_of_details(request, metadata_filters)]
    except shapes.Malformed as bad:
        raise bad.error() from None
    opens_details = bool(request.metadata_key)
    scan_max = _SCAN_DETAILS_MAX if opens_details else SCAN_ROWS_MAX
    if not tests:
        return Asked(None, scan_max)
    return Asked(lambda found: all(test(found) for test in tests), scan_max)


def identity(request: pb.ListPayoutsRequest) -> bytes:
    """Return what identifies the filters of a list, the same for every page of it."""
    value = request.metadata_value if request.HasField("metadata_value") else None
    attention = (request.attention,) if request.HasField("attention") else ()
    return repr(
        (
            request.account_id,
            int(request.state),
            request.rail,
            request.currency,
            request.created_from_us,
            request.created_to_us,
            request.destination_fingerprint,
            request.metadata_key,
            value,
            *attention,  # a cursor from before there was this filter stays good
        )
    ).encode()


def _of_heads(request: pb.ListPayoutsRequest) -> list[Keep]:
    """Return the tests that look at fields of fixed width, the cheap ones."""
    tests: list[Keep] = []
    if request.account_id:
        account_id = codec.object_id("account_id", ids.ACCOUNT, request.account_id)
        tests.append(lambda found: found.head.account_id == account_id)
    if request.state:
        if request.state not in pb.PayoutState.values():
            raise shapes.Malformed("state", "a known state", str(request.state))
        state = int(request.state)
        tests.append(lambda found: found.state == state)
    if request.rail:
        rail = shapes.rail("rail", request.rail)
        tests.append(lambda found: rail_now(found.head, found.status) == rail)
    if request.currency:
        currency, _ = shapes.currency("currency", request.currency)
        tests.append(lambda found: found.head.currency == currency)
    if request.created_from_us:
        from_us = request.created_from_us
        tests.append(lambda found: found.head.ts_us >= from_us)
    if request.created_to_us:
        to_us = request.created_to_us
        tests.append(lambda found: found.head.ts_us < to_us)
    if request.HasField("attention"):
        wanted = request.attention
        tests.append(lambda found: needs_attention(found) == wanted)
    return tests


def needs_attention(found: PayoutFound) -> bool:
    """Return whether a person has to do something about it."""
    return found.status is not None and found.status.needs_attention


def _of_details(
    request: pb.ListPayoutsRequest, metadata_filters: frozenset[str]
) -> list[Keep]:
    """Return the tests that look into what the client noted; they come last."""
    tests: list[Keep] = []
    if request.destination_fingerprint:
        text = request.destination_fingerprint
        if _FINGERPRINT.fullmatch(text) is None:
            raise shapes.Malformed(
                "destination_fingerprint",
                "32 hexadecimal digits, as payouts show it",
                shapes.quoted(text),
            )
        wanted = bytes.fromhex(text)
        tests.append(
            lambda found: destination_fingerprint(found.head.details) == wanted
        )
    key = request.metadata_key
    value = request.metadata_value if request.HasField("metadata_value") else None
    if key:
        if key not in metadata_filters:
            allowed = ", ".join(sorted(metadata_filters)) or "none"
            raise shapes.Malformed(
                "metadata_key",
                f"a key that limits.metadata_filters of this node names ({allowed})",
                shapes.quoted(key),
            )
        shapes.plain("metadata_key", key, bytes_max=METADATA_KEY_BYTES_MAX)
        if value is not None:
            shapes.plain("metadata_value", value, bytes_max=METADATA_VALUE_BYTES_MAX)
        tests.append(_noted(key, value))
    elif value is not None:
        raise shapes.Malformed("metadata_key", "a key with its value", "nothing")
    return tests


def _noted(key: str, value: str | None) -> Keep:
    """Return the test that the metadata of a payout has a key, with a value if one is given."""
    raw_key = key.encode()
    raw_value = b"" if value is None else value.encode()

    def has(found: PayoutFound) -> bool:
        packed = found.head.details
        if raw_key not in packed or raw_value not in packed:
            return False
        noted = dict(unpack_details(packed).metadata)
        return key in noted if value is None else noted.get(key) == value

    return has
