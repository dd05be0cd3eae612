"""What becomes of payouts, holds, vouchers and accounts, by the events alone (I9).

A second opinion: its table is written apart from the ledger's, and it sees what callers see. Every
event of a thing must follow from the one before it; what has ended has no more.
"""

from typing import Final

from ledgerd.ledger.events import Event, EventKind
from ledgerd.ledger.payouts import PayoutState
from ledgerd.simulation.verdict import require

# A payout's states in short, in the order of their numbers; "-" is none yet.
_LETTERS: Final = "-PVRDNSCFTB"
_NAMES: Final = (
    *("", "SCHEDULED", "IN_REVIEW", "READY", "DISPATCHING", "SENT"),
    *("SETTLED", "CANCELLED", "FAILED", "RETURNED", "REVERSED"),
)
assert [state.name for state in PayoutState] == list(_NAMES[1:])

# Before and after of each change that may be told.
_PAYOUT: Final[dict[EventKind, str]] = {
    EventKind.PAYOUT_CREATED: "-P -V -R",
    EventKind.PAYOUT_RELEASED: "PV PR",
    EventKind.PAYOUT_APPROVED: "VR",
    EventKind.PAYOUT_REJECTED: "VF",
    EventKind.PAYOUT_REROUTED: "PP VV RR",
    EventKind.PAYOUT_REDATED: "PP",
    EventKind.PAYOUT_CANCELLED: "PC VC RC",
    EventKind.DISPATCH_BEGUN: "RD",
    EventKind.DISPATCH_CLAIMED: "DD",
    EventKind.LEASE_LAPSED: "DD",
    EventKind.ATTENTION_RAISED: "DD",
    EventKind.PAYOUT_SENT: "DN",
    EventKind.PAYOUT_NOT_ACCEPTED: "DR",
    EventKind.PAYOUT_FAILED: "DF NF",
    EventKind.PAYOUT_SETTLED: "DS NS SS TT BB",
    EventKind.RECALL_REQUESTED: "DD NN SS",
    EventKind.PAYOUT_RETURNED: "SS ST",
    EventKind.PAYOUT_REVERSED: "SS SB",
    EventKind.EXCEPTION_OPENED: "PP VV RR DD NN SS CC FF TT BB",
}
# Things that are made once and end once, and how.
_MADE: Final = {
    EventKind.HOLD_CREATED: "hold",
    EventKind.VOUCHER_MADE: "voucher",
    EventKind.ACCOUNT_OPENED: "account",
}
_ENDS: Final = {
    EventKind.HOLD_CAPTURED: "hold",
    EventKind.HOLD_RELEASED: "hold",
    EventKind.HOLD_EXPIRED: "hold",
    EventKind.VOUCHER_POSTED: "voucher",
    EventKind.VOUCHER_REJECTED: "voucher",
    EventKind.ACCOUNT_CLOSED: "account",
}


class EventsWatch:
    """Everything that was told so far. `told` raises Violation on a breach."""

    def __init__(self) -> None:
        self._payouts: dict[bytes, int] = {}
        self._open: dict[bytes, str] = {}
        self._ended: set[bytes] = set()

    def told(self, event: Event) -> None:
        """The next event of the feed."""
        kind = event.kind
        if kind in _PAYOUT and event.state_after:
            self._of_payout(event)
        elif kind in _MADE:
            is_new = event.subject not in self._open and (
                event.subject not in self._ended
            )
            require(is_new, "I9", f"{_MADE[kind]} is made again by {event}")
            self._open[event.subject] = _MADE[kind]
        elif kind in _ENDS:
            found = self._open.pop(event.subject, "nothing that is open")
            require(found == _ENDS[kind], "I9", f"{found} is ended by {event}")
            self._ended.add(event.subject)

    def _of_payout(self, event: Event) -> None:
        before = self._payouts.get(event.subject, 0)
        require(
            event.state_before == before,
            "I9",
            f"it was {_NAMES[before] or 'nowhere'} before {event}",
        )
        change = _LETTERS[before] + _LETTERS[event.state_after]
        require(
            change in _PAYOUT[event.kind].split(),
            "I9",
            f"{_NAMES[before] or 'nowhere'} cannot become {_NAMES[event.state_after]} "
            f"by {event}",
        )
        self._payouts[event.subject] = event.state_after
