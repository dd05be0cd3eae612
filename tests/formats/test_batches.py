from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.formats import batches
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Submit
from ledgerd.limits import BATCH_COMMANDS_MAX
from tests.formats import golden
from tests.ledger.making import ALICE, BOB, EUR, MAX, PACKED, SWIFT, USD, submit, uid

rows = st.builds(
    Submit,
    payout_id=st.binary(min_size=16, max_size=16),
    account_id=st.integers(0, 9).map(uid),
    amount_minor=st.integers(-(2**63), MAX),
    currency=st.integers(0, 65_535),
    rail=st.integers(0, 65_535),
    principal=st.text(max_size=30),
    details=st.binary(max_size=50),
    release_at_us=st.sampled_from((0, 0, 0, 5, -1, MAX)),
)


def batch_of(*commands: Submit) -> PayoutBatch:
    batch = PayoutBatch()
    for command in commands:
        batch.add(**dict(zip(Submit.__slots__, astuple(command), strict=True)))
    return batch


EXAMPLE = (
    submit(1),
    submit(2, account_id=BOB, amount_minor=MAX, principal="ops", details=b""),
    submit(3, account_id=ALICE, currency=EUR, rail=1),
)


def test_golden_bytes_of_a_batch_with_a_time_of_release():
    """Only a batch that has one is laid out so; every other one keeps its bytes."""
    payload = batches.encode(batch_of(submit(1), submit(2, release_at_us=2**60)))

    golden.check("batch_v2", {"batch": payload})
    assert payload[0] == 2
    assert [row.release_at_us for row in batches.decode(payload).commands()] == [
        0,
        2**60,
    ]


@given(st.lists(rows, min_size=1, max_size=40))
def test_what_is_encoded_comes_back(commands):
    """Decoding gives the rows in order, and the estimate of the size is an upper bound."""
    batch = batch_of(*commands)

    payload = batches.encode(batch)

    assert list(batches.decode(payload).commands()) == commands
    assert list(batches.decode(memoryview(payload)).commands()) == commands
    assert len(payload) <= batches.size_bytes(batch)


@given(st.lists(rows, min_size=1, max_size=10), st.lists(rows, min_size=1, max_size=10))
def test_size_of_a_merged_batch_is_bounded_by_its_parts(some, others):
    """A replica that adds up the bounds of what waits never makes an entry too large."""
    one, other = batch_of(*some), batch_of(*others)
    bound = batches.size_bytes(one) + batches.size_bytes(other)

    one.extend(other)

    assert len(batches.encode(one)) <= batches.size_bytes(one) <= bound


def test_golden_bytes():
    """The layout of version 1 is durable: other bytes would be another format."""
    payload = batches.encode(batch_of(*EXAMPLE))

    golden.check("batch_v1", {"three rows": payload})
    assert tuple(batches.decode(golden.read("batch_v1")["three rows"]).commands()) == (
        EXAMPLE
    )


def test_golden_details():
    """The packed details are durable too: they stand in every batch and every payout."""
    golden.check("details_v1", {"a payout": PACKED})


def test_truncation_is_corruption_at_every_byte():
    """No prefix of a batch is a batch, and nothing may follow it."""
    payload = batches.encode(batch_of(*EXAMPLE))

    for size in range(len(payload)):
        with pytest.raises(CorruptionError, match="cannot be read"):
            batches.decode(payload[:size])
    with pytest.raises(CorruptionError, match="expected"):
        batches.decode(payload + b"\0")


@pytest.mark.parametrize(
    ("at", "byte", "flaw"),
    [
        (0, 0, "version"),
        (1, 1, "flags"),
        (2, 0, "rows"),
        (8, 1, "settings"),
        (16, 0xFF, "ascending"),
    ],
)
def test_a_flaw_is_named(at, byte, flaw):
    """What was expected and what was found."""
    payload = bytearray(batches.encode(batch_of(*EXAMPLE)))
    payload[at] = byte

    with pytest.raises(CorruptionError, match=flaw):
        batches.decode(bytes(payload))


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 255))
def test_no_bytes_raise_anything_else(raw, at, byte):
    """Damage is an error of ours or rows; never another exception."""
    damaged = bytearray(batches.encode(batch_of(*EXAMPLE)))
    damaged[at % len(damaged)] = byte
    for payload in (raw, bytes(damaged)):
        try:
            batches.decode(payload)
        except (CorruptionError, NotUnderstood):
            continue


def test_a_batch_of_a_newer_release_is_not_called_damage():
    """Its first byte says so, and the node stops applying instead of ending. F26."""
    payload = bytearray(batches.encode(batch_of(*EXAMPLE)))
    payload[0] = 3

    with pytest.raises(NotUnderstood, match="version 3"):
        batches.decode(bytes(payload))


def test_a_full_batch_fits():
    """8,192 rows with as many accounts and principals come back."""
    commands = [
        submit(number, account_id=uid(number), principal=f"p{number}")
        for number in range(BATCH_COMMANDS_MAX)
    ]

    columns = batches.decode(batches.encode(batch_of(*commands)))

    assert list(columns.commands()) == commands
    assert len(columns.accounts) == len(columns.principals) == BATCH_COMMANDS_MAX


def test_one_batch_has_one_encoding():
    """Accounts and principals are sorted: no order of a dict or a set reaches the log."""
    forward = batches.decode(batches.encode(batch_of(*EXAMPLE)))

    assert forward.accounts == sorted({ALICE, BOB})
    assert forward.principals == ["ops", "svc"]
    assert (forward.currencies[0], forward.rails[0]) == (USD, SWIFT)
