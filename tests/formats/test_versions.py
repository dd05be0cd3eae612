"""Which state version understands what, and the entry that puts one in force."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.errors import CorruptionError, NotUnderstood
from ledgerd.formats import entries, versions
from ledgerd.formats.versions import STATE_VERSION, STATE_VERSION_FIRST
from ledgerd.ledger.commands import (
    Cancel,
    Command,
    Fund,
    OpenAccount,
    SetFees,
    Submit,
    Transfer,
)
from ledgerd.raft.entries import Entry, EntryKind, Index, Term
from ledgerd.transport.codec import decode, encode
from ledgerd.transport.v1 import peer_pb2 as pb
from tests.formats import golden
from tests.transport.test_outbound import append


def entry(kind: int, payload: bytes = b"") -> Entry:
    return Entry(Term(1), Index(1), EntryKind(kind), 1, payload, bytes(32))


@pytest.mark.parametrize(
    ("kind", "since"),
    [
        (EntryKind.NOOP, 1),
        (EntryKind.PAYOUTS, 1),
        (EntryKind.COMMANDS, 1),
        (EntryKind.MEMBERSHIP, 2),
        (EntryKind.VERSION, 1),
    ],
)
def test_each_kind_has_the_version_that_understands_it_first(kind, since):
    """These never change: older entries are in logs. F26."""
    assert not versions.is_understood(kind, since - 1)
    assert versions.is_understood(kind, since)
    assert versions.is_understood(kind)


def test_every_command_has_the_version_that_understands_it_first():
    """These never change: older entries are in logs. F26."""
    since = versions._COMMAND_SINCE

    assert since.keys() == {*get_args(Command), Submit}
    assert {command for command, version in since.items() if version == 1} == {
        OpenAccount,
        Fund,
        Transfer,
        Cancel,
        SetFees,
    }
    assert max(since.values()) <= STATE_VERSION


def test_the_newest_version_is_written_down():
    """A new version has its row in the table of the module."""
    assert STATE_VERSION == 3
    assert f"| {STATE_VERSION} |" in (versions.__doc__ or "")


def test_golden_bytes_of_a_version_entry():
    """The layout of an entry is kept for ever."""
    golden.check("versions_v1", {"version 2": versions.encode(2)})
    assert versions.decode(golden.read("versions_v1")["version 2"]) == 2


def test_the_version_in_force_never_falls():
    """Two leaders may propose one after the other; the lower one changes nothing. F26."""
    raised = entry(EntryKind.VERSION, versions.encode(3))

    assert versions.after(raised, 1) == 3
    assert versions.after(raised, 5) == 5
    assert versions.after(entry(EntryKind.NOOP), 2) == 2


@pytest.mark.parametrize(
    ("given_entry", "why"),
    [
        (entry(EntryKind.NOOP), ""),
        (entry(EntryKind.VERSION, versions.encode(STATE_VERSION)), ""),
        (
            entry(EntryKind.VERSION, versions.encode(STATE_VERSION + 1)),
            f"puts state version {STATE_VERSION + 1} in force",
        ),
        (entry(EntryKind.VERSION, b"\x02new"), "layout 2"),
        (entry(200), "its kind 200 is unknown"),
    ],
)
def test_what_this_release_cannot_apply_is_named(given_entry, why):
    """Kind, version and layout of a newer release are each told from damage. F26, T67."""
    found = versions.not_understood(given_entry)

    assert bool(why) == bool(found)
    assert why in found


@given(st.binary(max_size=12))
def test_no_bytes_raise_anything_else(raw):
    """Damage is an error of ours or a version above the first."""
    try:
        assert versions.decode(raw) > STATE_VERSION_FIRST
    except (CorruptionError, NotUnderstood):
        pass


def test_an_entry_of_an_unknown_kind_is_kept_whole():
    """It survives log/ and the way to a peer, for it counts as any other. F26."""
    newer = entry(77, b"what nobody here can read")

    stored = entries.decode(entries.encode(newer), Index(1))
    message = append(1)
    frame = encode(
        type(message)(
            message.sender,
            message.to,
            message.term,
            message.prev,
            message.prev_link,
            (newer,),
            message.commit,
            message.stream,
            message.sequence,
        ),
        clock_us=1,
    )
    arrived = decode(
        pb.Frame.FromString(frame.SerializeToString()),
        sender=message.sender,
        to=message.to,
    )

    assert stored.entry == newer
    assert arrived.entries == (newer,)
    assert newer.kind.name == "UNKNOWN_77"
    assert EntryKind(77) is newer.kind
    with pytest.raises(ValueError, match="256"):
        EntryKind(256)
