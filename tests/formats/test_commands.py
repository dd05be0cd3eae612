from dataclasses import fields, replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.formats import commands
from ledgerd.formats.v1 import commands_pb2
from ledgerd.ledger.catalogue_commands import (
    AmendCalendar,
    SetCatalogue,
    SuspendRail,
)
from ledgerd.ledger.commands import (
    Adjust,
    Approve,
    ApproveVoucher,
    Cancel,
    CaptureHold,
    CloseAccount,
    CreateHold,
    DispatchBegin,
    DispatchClaim,
    EntryLeg,
    FeeRule,
    Freeze,
    Fund,
    FundReverse,
    OpenAccount,
    PayoutCommand,
    PostEntry,
    RailAck,
    RailNotAccepted,
    RailReject,
    RaiseAttention,
    Redate,
    Reject,
    RejectVoucher,
    ReleaseHold,
    RequestRecall,
    Reroute,
    ResolveException,
    Return,
    ReversalComplete,
    SetFees,
    Settle,
    TellEvidence,
    Tick,
    Transfer,
    Unfreeze,
)
from tests.formats import golden
from tests.formats.test_rail_records import CALENDAR
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
    uid,
    unfreeze,
)
from tests.ledger.test_rails import RAIL

i64 = st.integers(-(2**63), 2**63 - 1)
u32 = st.integers(0, 2**32 - 1)
ids = st.binary(max_size=20)
texts = st.text(max_size=20)
KEY = "ABCDEFGHIJKLMNO"
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
    st.builds(OpenAccount, ids, u32, st.booleans(), texts, i64, texts, texts),
    st.builds(Fund, ids, ids, i64, u32, texts, texts, texts),
    st.builds(Transfer, ids, ids, ids, i64, u32, texts, texts),
    st.builds(Cancel, ids, ids, texts, texts),
    st.builds(
        SetFees,
        ids,
        st.lists(
            st.builds(FeeRule, u32, u32, i64, u32, i64, i64, texts, u32), max_size=5
        ).map(tuple),
        texts,
        texts,
        i64,
        texts,
        i64,
    ),
    st.just(Tick()),
)
DOUBT_EXAMPLES = {
    "raise_attention": RaiseAttention(uid(1), uid(2), 2, "unsure", "worker"),
    "tell_evidence": TellEvidence(
        uid(1), uid(2), 3, 7, "case-1", 20261121, "R03", "portal", "boss", 4
    ),
}
PAYOUT_EXAMPLES = {
    "approve": Approve(uid(1), uid(2), "boss"),
    "reject": Reject(uid(1), uid(2), "no", "boss"),
    "reroute": Reroute(uid(1), uid(2), 7, "ops", "boss"),
    "redate": Redate(uid(1), uid(2), 2**62, 20261121, 3, "ops"),
    "dispatch_begin": DispatchBegin(uid(1), uid(2), 1, 30_000_000, "worker"),
    "dispatch_claim": DispatchClaim(uid(1), uid(2), 2, 30_000_000, "worker"),
    "request_recall": RequestRecall(uid(1), uid(2), "fraud", "ops"),
    "resolve_exception": ResolveException(uid(1), 2**40, 65_535, 3, "why", "boss"),
    "rail_ack": RailAck(uid(1), 7, KEY, "ref", "worker"),
    "rail_not_accepted": RailNotAccepted(uid(1), 7, KEY, "ref", True, "worker"),
    "rail_reject": RailReject(uid(1), 7, KEY, "ref", "R03", "worker"),
    "settle": Settle(uid(1), 7, KEY, "ref", 20261121, 5, "worker"),
    "return": Return(uid(1), 7, KEY, "ref", 500, "R01", True, "worker"),
    "reversal_complete": ReversalComplete(uid(1), 7, KEY, "ref", 500, "worker"),
    "cancel_approved": Cancel(uid(1), uid(2), "late", "ops", "boss"),
}
NEWER = {"tick": Tick()}
CATALOGUE_EXAMPLES = {
    "set_catalogue": SetCatalogue(uid(1), (RAIL,), "root"),
    "amend_calendar": AmendCalendar(uid(1), CALENDAR, "root"),
    "suspend_rail": SuspendRail(uid(1), 2, True, "the bank asked for it", "root"),
}
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


def test_golden_bytes_of_commands_about_payouts_in_doubt():
    """Of payouts that may have been sent, which a person decides about."""
    found = {
        name: commands.encode([command]) for name, command in DOUBT_EXAMPLES.items()
    }

    golden.check("commands_v1_doubt", found)
    assert {name: commands.decode(raw) for name, raw in found.items()} == {
        name: (command,) for name, command in DOUBT_EXAMPLES.items()
    }


def test_golden_bytes_of_payout_commands():
    """The calls about payouts that state version 3 brought."""
    found = {
        name: commands.encode([command]) for name, command in PAYOUT_EXAMPLES.items()
    }

    golden.check("commands_v1_payouts", found)
    assert {name: commands.decode(raw) for name, raw in found.items()} == {
        name: (command,) for name, command in PAYOUT_EXAMPLES.items()
    }
    examples = [*PAYOUT_EXAMPLES.values(), *DOUBT_EXAMPLES.values()]
    assert {type(command) for command in examples} == {
        *get_args(PayoutCommand),
        Cancel,
    }


def test_golden_bytes_of_the_catalogue():
    """Those of rails and calendars, from state version 3."""
    found = {
        name: commands.encode([command]) for name, command in CATALOGUE_EXAMPLES.items()
    }

    golden.check("catalogue_commands_v1", found)
    assert {name: commands.decode(raw) for name, raw in found.items()} == {
        name: (command,) for name, command in CATALOGUE_EXAMPLES.items()
    }


def test_a_record_of_a_rail_that_cannot_be_read_is_corruption():
    raw = commands.encode([CATALOGUE_EXAMPLES["set_catalogue"]])

    with pytest.raises(CorruptionError, match="cannot be read"):
        commands.decode(raw.replace(b"us_ach", b"us_\xff\xffh"))


@given(st.sampled_from(sorted(PAYOUT_EXAMPLES | DOUBT_EXAMPLES)), st.data())
def test_any_payout_command_comes_back(name, data):
    """Whatever its fields hold: what the edge has not checked is judged by apply."""
    example = (PAYOUT_EXAMPLES | DOUBT_EXAMPLES)[name]
    kinds = {
        bytes: ids,
        str: texts,
        bool: st.booleans(),
        int: st.integers(0, 2**32 - 1),
    }
    values = {
        field.name: data.draw(kinds[type(getattr(example, field.name))])
        for field in fields(example)
    }
    command = replace(example, **values)

    assert commands.decode(commands.encode([command])) == (command,)


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
            (7, "approve"),
            (8, "reject"),
            (9, "reroute"),
            (10, "redate"),
            (11, "dispatch_begin"),
            (12, "dispatch_claim"),
            (13, "request_recall"),
            (14, "resolve_exception"),
            (16, "rail_ack"),
            (17, "rail_not_accepted"),
            (18, "rail_reject"),
            (19, "settle"),
            (20, "money_return"),
            (21, "reversal_complete"),
            (22, "raise_attention"),
            (23, "tell_evidence"),
            (64, "set_catalogue"),
            (65, "amend_calendar"),
            (66, "suspend_rail"),
            (67, "submit"),
            (72, "set_limits"),
            (73, "set_rules"),
            (80, "set_roles"),
            (81, "set_currencies"),
        ],
        "SetLimits": _numbered("request_id", "limits", "principal"),
        "SetRules": _numbered("request_id", "rules", "principal"),
        "SetRoles": _numbered(
            "request_id",
            "roles",
            "principal",
            "is_certified_admin",
            "expected_version",
        ),
        "SetCurrencies": _numbered(
            "request_id", "currencies", "principal", "expected_version"
        ),
        "SetCatalogue": _numbered("request_id", "rails", "principal"),
        "AmendCalendar": _numbered("request_id", "calendar", "principal"),
        "SuspendRail": _numbered(
            "request_id", "rail", "is_suspended", "reason", "principal"
        ),
        "Approve": [
            *_numbered("request_id", "payout_id", "principal"),
            (14, "expected_version"),
        ],
        "Reject": [
            *_numbered("request_id", "payout_id", "reason", "principal"),
            (14, "expected_version"),
        ],
        "Reroute": [
            *_numbered("request_id", "payout_id", "rail", "principal", "approver"),
            (14, "expected_version"),
        ],
        "Redate": _numbered(
            "request_id",
            "payout_id",
            "release_at_us",
            "arrival_date",
            "calendar_version",
            "principal",
        ),
        "DispatchBegin": _numbered(
            "request_id",
            "payout_id",
            "attempt",
            "lease_us",
            "principal",
            "rail_version",
            "calendar_version",
            "window_closes_us",
        ),
        "DispatchClaim": _numbered(
            "request_id", "payout_id", "attempt", "lease_us", "principal"
        ),
        "RaiseAttention": _numbered(
            "request_id", "payout_id", "attempt", "reason", "principal"
        ),
        "TellEvidence": [
            *_numbered(
                "request_id",
                "payout_id",
                "finding",
                "rail",
                "reference",
                "value_date",
                "code",
                "note",
                "principal",
            ),
            (14, "expected_version"),
        ],
        "RequestRecall": [
            *_numbered("request_id", "payout_id", "reason", "principal"),
            (14, "expected_version"),
        ],
        "ResolveException": _numbered(
            "request_id", "index", "ordinal", "resolution", "reason", "principal"
        ),
        "RailAck": _numbered(
            "request_id", "rail", "rail_key", "reference", "principal"
        ),
        "RailNotAccepted": _numbered(
            "request_id",
            "rail",
            "rail_key",
            "reference",
            "is_refused",
            "principal",
            "claim_index",
        ),
        "RailReject": _numbered(
            "request_id", "rail", "rail_key", "reference", "code", "principal"
        ),
        "Settle": _numbered(
            "request_id",
            "rail",
            "rail_key",
            "reference",
            "value_date",
            "cost_minor",
            "principal",
        ),
        "Return": _numbered(
            "request_id",
            "rail",
            "rail_key",
            "reference",
            "amount_minor",
            "code",
            "is_closing",
            "principal",
        ),
        "ReversalComplete": _numbered(
            "request_id", "rail", "rail_key", "reference", "amount_minor", "principal"
        ),
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
        "Submit": [
            *_numbered(
                "payout_id",
                "account_id",
                "amount_minor",
                "currency",
                "rail",
                "principal",
                "details",
                "release_at_us",
                "terms",
            ),
            (10, "is_linked"),
        ],
        "SubmitTerms": [
            *_numbered("fee_expected_minor", "quoted_at_us"),
            (8, "window"),
        ],
        "WindowTerms": _numbered(
            "opens_us", "closes_us", "rail_version", "calendar_version"
        ),
        "OpenAccount": [
            (1, "account_id"),
            (2, "currency"),
            (3, "livemode"),
            (4, "owner_ref"),
            (5, "min_balance_minor"),
            (6, "principal"),
            (7, "account_class"),
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
            (5, "approver"),
            (14, "expected_version"),
        ],
        "FeeRule": [
            (1, "rail"),
            (2, "currency"),
            (3, "fixed_minor"),
            (4, "bps"),
            (5, "min_minor"),
            (6, "max_minor"),
            (7, "account_class"),
            (8, "refund"),
        ],
        "Tick": [],
        "SetFees": _numbered(
            "request_id",
            "rules",
            "source",
            "principal",
            "effective_from_us",
            "as_of",
            "quote_valid_us",
        ),
    }


def _numbered(*names):
    """Fields numbered from 1, in this order."""
    return list(enumerate(names, start=1))
