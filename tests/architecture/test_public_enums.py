"""What the ledger says about itself can be said on the wire."""

from ledgerd.api.v1 import events_pb2
from ledgerd.ledger.events import EventKind

HINT = (
    "add the kind to Event.Kind in proto/ledgerd/api/v1/events.proto, and to _SUBJECTS in "
    "ledgerd/api/events.py if its subject is neither a payout nor a request; then make proto "
    "docs, and the lines to tests/api/golden/descriptors.txt"
)


def test_kinds_of_events_are_those_of_the_ledger() -> None:
    """Each kind has the same name and number on the wire and in the ledger."""
    public = dict(events_pb2.Event.Kind.items())
    assert public.pop("KIND_UNSPECIFIED") == 0

    assert public == {kind.name: int(kind) for kind in EventKind}, HINT
