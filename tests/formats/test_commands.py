import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.formats import commands
from ledgerd.formats.v1 import commands_pb2
from ledgerd.ledger.commands import (
    Adjust,
    ApproveVoucher,
    Cancel,
    CaptureHold,
    CloseAccount,
    CreateHold,
    EntryLeg,
    FeeRule,
    Freeze,
    Fund,
    FundReverse,
    OpenAccount,
    PostEntry,
    RejectVoucher,
    ReleaseHold,
    SetFees,
    Tick,
    Transfer,
    Unfreeze,
)
from tests.formats import golden
from tests.ledger.making import (
    adjust,
    approve_voucher,
    cancel,
    capture_hold,
    close_account,
    create_hold,
    freeze,
    fund,
    fund_reverse,
    open_account,
    post_entry,
    reject_voucher,
    release_hold,
    set_fees,
    transfer,
    unfreeze,
)

i64 = st.integers(-(2**63), 2**63 - 1)
u32 = st.integers(0, 2**32 - 1)
ids = st.binary(max_size=20)
texts = st.text(max_size=20)
legs = st.lists(st.builds(EntryLeg, u32, ids, st.booleans(), i64), max_size=5).map(
    tuple
)
any_command = st.one_of(
    st.builds(CloseAccount, ids, ids, texts, texts),
    st.builds(Freeze, ids, ids, texts, texts),
    st.builds(Unfreeze, ids, ids, texts, texts),
    st.builds(FundReverse, ids, texts, texts, i64, u32, texts, texts),
    st.builds(CreateHold, ids, ids, i64, u32, i64, texts, texts),
    st.builds(CaptureHold, ids, ids, ids, i64, u32, texts, texts),
    st.builds(ReleaseHold, ids, ids, texts, texts),
    st.builds(PostEntry, ids, st.booleans(), u32, legs, texts, texts),
    st.builds(
        Adjust,
        ids,
        st.booleans(),
        u32,
        legs,
        texts,
        st.tuples(st.integers(0, 2**64 - 1), u32, u32),
        texts,
    ),
    st.builds(ApproveVoucher, ids, ids, texts),
    st.builds(RejectVoucher, ids, ids, texts, texts),
    st.builds(OpenAccount, ids, u32, st.booleans(), texts, i64, texts),
    st.builds(Fund, ids, ids, i64, u32, texts, texts, texts),
    st.builds(Transfer, ids, ids, ids, i64, u32, texts, texts),
    st.builds(Cancel, ids, ids, texts, texts),
    st.builds(
        SetFees,
        ids,
        st.lists(st.builds(FeeRule, u32, u32, i64, u32, i64, i64), max_size=5).map(
            tuple
        ),
        texts,
        texts,
    ),
    st.just(Tick()),
)
NEWER = {"tick": Tick()}
EXAMPLES = {
    "open_account": open_account(),
    "fund": fund(2),
    "transfer": transfer(3, reference="rent"),
    "cancel": cancel(4),
    "set_fees": set_fees(5),
}
ACCOUNT_EXAMPLES = {
    "close_account": close_account(6),
    "freeze": freeze(7),
    "unfreeze": unfreeze(8),
    "fund_reverse": fund_reverse(9),
    "create_hold": create_hold(10),
    "capture_hold": capture_hold(11),
    "release_hold": release_hold(12),
    "post_entry": post_entry(13),
    "adjust": adjust(14),
    "approve_voucher": approve_voucher(15),
    "reject_voucher": reject_voucher(16),
}


@given(st.lists(any_command, min_size=1, max_size=10))
def test_what_is_encoded_comes_back(some):
    """Decoding gives the commands, and their sizes add up."""
    payload = commands.encode(some)

    assert commands.decode(payload) == tuple(some)
    assert commands.decode(memoryview(payload)) == tuple(some)
    assert len(payload) == 5 + sum(map(commands.size_bytes, some))


def test_golden_bytes_of_state_version_3():
    """The commands that version 3 brought; each keeps its bytes for ever."""
    found = {name: commands.encode([command]) for name, command in NEWER.items()}

    golden.check("commands_v1_state_3", found)
    assert {name: commands.decode(raw) for name, raw in found.items()} == {
        name: (command,) for name, command in NEWER.items()
    }


def test_golden_bytes():
    """Every command's layout is durable, and what was written is read for ever."""
    golden.check(
        "commands_v1",
        {kind: commands.encode([command]) for kind, command in EXAMPLES.items()},
    )
    for kind, payload in golden.read("commands_v1").items():
        assert commands.decode(payload) == (EXAMPLES[kind],)


def test_golden_bytes_of_accounts():
    """Those of accounts, holds and vouchers, from state version 3."""
    golden.check(
        "account_commands_v1",
        {
            kind: commands.encode([command])
            for kind, command in ACCOUNT_EXAMPLES.items()
        },
    )
    for kind, payload in golden.read("account_commands_v1").items():
        assert commands.decode(payload) == (ACCOUNT_EXAMPLES[kind],)


def test_truncation_is_corruption_at_every_byte():
    """No prefix of a list is a list, and nothing may follow it."""
    payload = commands.encode([*EXAMPLES.values(), *ACCOUNT_EXAMPLES.values()])

    for size in range(len(payload)):
        with pytest.raises(CorruptionError, match="cannot be read"):
            commands.decode(payload[:size])
    with pytest.raises(CorruptionError, match="expected"):
        commands.decode(payload + b"\0")


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(raw):
    """Damage is an error of ours or commands; never another exception."""
    for payload in (raw, b"\1\1\0\0\0" + len(raw).to_bytes(4, "little") + raw):
        try:
            commands.decode(payload)
        except (CorruptionError, NotUnderstood):
            continue


def test_an_unknown_kind_is_not_skipped():
    """A command of a later release stops this one: skipping it would fork the state."""
    later = bytes((0x82, 0x7D, 0))  # an empty message in field 2,000
    payload = b"\1\1\0\0\0" + len(later).to_bytes(4, "little") + later

    with pytest.raises(NotUnderstood, match="unknown"):
        commands.decode(payload)
    with pytest.raises(NotUnderstood, match="version 2"):
        commands.decode(b"\2" + payload[1:])


def test_field_numbers_stand():
    """Nothing is renumbered, retyped or reused: the log keeps what was written."""
    file = commands_pb2.DESCRIPTOR

    assert {
        message.name: [(field.number, field.name) for field in message.fields]
        for message in file.message_types_by_name.values()
    } == {
        "Command": [
            (1, "open_account"),
            (2, "fund"),
            (3, "transfer"),
            (4, "cancel"),
            (5, "set_fees"),
            (32, "close_account"),
            (33, "freeze"),
            (34, "unfreeze"),
            (35, "fund_reverse"),
            (36, "create_hold"),
            (37, "capture_hold"),
            (38, "release_hold"),
            (39, "post_entry"),
            (40, "adjust"),
            (41, "approve_voucher"),
            (42, "reject_voucher"),
            (6, "tick"),
        ],
        "CloseAccount": _numbered("request_id", "account_id", "reason", "principal"),
        "Freeze": _numbered("request_id", "account_id", "reason", "principal"),
        "Unfreeze": _numbered("request_id", "account_id", "reason", "principal"),
        "FundReverse": _numbered(
            "request_id",
            "bank",
            "external_ref",
            "amount_minor",
            "currency",
            "reason",
            "principal",
        ),
        "CreateHold": _numbered(
            "hold_id",
            "account_id",
            "amount_minor",
            "currency",
            "ttl_us",
            "reference",
            "principal",
        ),
        "CaptureHold": _numbered(
            "request_id",
            "hold_id",
            "to_account_id",
            "amount_minor",
            "currency",
            "reference",
            "principal",
        ),
        "ReleaseHold": _numbered("request_id", "hold_id", "reason", "principal"),
        "EntryLeg": _numbered("kind", "subject", "is_debit", "amount_minor"),
        "EntryPosition": _numbered("index", "ordinal", "n"),
        "PostEntry": _numbered(
            "request_id", "livemode", "currency", "legs", "reason", "principal"
        ),
        "Adjust": _numbered(
            "request_id",
            "livemode",
            "currency",
            "legs",
            "reason",
            "linked",
            "principal",
        ),
        "ApproveVoucher": _numbered("request_id", "voucher_id", "principal"),
        "RejectVoucher": _numbered("request_id", "voucher_id", "reason", "principal"),
        "OpenAccount": [
            (1, "account_id"),
            (2, "currency"),
            (3, "livemode"),
            (4, "owner_ref"),
            (5, "min_balance_minor"),
            (6, "principal"),
        ],
        "Fund": [
            (1, "request_id"),
            (2, "account_id"),
            (3, "amount_minor"),
            (4, "currency"),
            (5, "bank"),
            (6, "external_ref"),
            (7, "principal"),
        ],
        "Transfer": [
            (1, "request_id"),
            (2, "from_account_id"),
            (3, "to_account_id"),
            (4, "amount_minor"),
            (5, "currency"),
            (6, "reference"),
            (7, "principal"),
        ],
        "Cancel": [
            (1, "request_id"),
            (2, "payout_id"),
            (3, "reason"),
            (4, "principal"),
        ],
        "FeeRule": [
            (1, "rail"),
            (2, "currency"),
            (3, "fixed_minor"),
            (4, "bps"),
            (5, "min_minor"),
            (6, "max_minor"),
        ],
        "Tick": [],
        "SetFees": [(1, "request_id"), (2, "rules"), (3, "source"), (4, "principal")],
    }


def _numbered(*names):
    """Fields numbered from 1, in this order."""
    return list(enumerate(names, start=1))
