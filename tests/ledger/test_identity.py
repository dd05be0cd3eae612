from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.ledger import identity
from ledgerd.ledger.identity import CallKind, RequestRecord
from ledgerd.limits import REQUEST_ID_RETENTION_US
from tests.ledger.making import cancel, fund, open_account, set_fees, transfer, uid


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (uid(1), True),
        (bytes(16), False),
        (bytes.fromhex("0192b0b0b0b04000800000000000000a"), False),  # version 4
        (bytes.fromhex("0192b0b0b0b07000c00000000000000a"), False),  # other variant
        (uid(1)[:15], False),
        (uid(1) + b"\0", False),
        (b"", False),
    ],
)
def test_only_uuid7_is_one(raw, expected):
    """Version 7, variant 10, 16 bytes."""
    assert identity.is_uuid7(raw) == expected


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**62))
def test_the_time_of_an_id_is_read_back(ms, ts_us):
    """Too old is exactly: made more than the retention before log time."""
    raw = uid(5, ms)

    assert identity.made_at_us(raw) == ms * 1000
    assert identity.is_too_old(raw, ts_us) == (
        ms * 1000 < ts_us - REQUEST_ID_RETENTION_US
    )


def test_other_bytes_are_never_too_old():
    """What carries no time is judged by its form alone."""
    assert not identity.is_too_old(bytes(16), 2**62)


@pytest.mark.parametrize(
    "command",
    [fund(), transfer(), cancel(), replace(set_fees(), effective_from_us=5)],
    ids=lambda c: type(c).__name__,
)
def test_each_field_has_a_name_and_a_fingerprint(command):
    """One fingerprint of 16 bytes for each public name, the principal not among them."""
    fields = identity.field_fingerprints(command)

    assert len(fields) == len(identity.FIELD_NAMES[identity.call_of(command)])
    assert {len(field) for field in fields} == {identity.FINGERPRINT_BYTES}


def test_fees_that_say_nothing_new_are_kept_as_state_version_1_keeps_them():
    """The rules and their source; what is not there differs from what another call says."""
    plain, dated = set_fees(), replace(set_fees(), effective_from_us=5)
    stored = RequestRecord(
        CallKind.SET_FEES, 1, 0, 0, 0, (0, 0), identity.field_fingerprints(plain)
    )

    assert len(stored.fields) == 2
    for command, differing in ((plain, ()), (dated, ("effective_from_us",))):
        fields = identity.field_fingerprints(command)
        assert identity.differing_fields(command, stored, fields) == differing


def test_an_account_is_keyed_by_its_own_id():
    """OpenAccount has no request id; asking for its call is a mistake in the code."""
    with pytest.raises(AssertionError, match="no request id"):
        identity.call_of(open_account())
    with pytest.raises(AssertionError, match="no request id"):
        identity.field_fingerprints(open_account())
