"""A scripted log of payouts in doubt: a worker gives them back, a person finds out.

Entries are a second apart, and a lease ends between two of them.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from ledgerd.ledger.commands import (
    Command,
    DispatchBegin,
    DispatchClaim,
    Finding,
    RaiseAttention,
    Settle,
    Submit,
    TellEvidence,
    Tick,
)
from ledgerd.ledger.rail_keys import rail_key
from tests.ledger.making import SWIFT, cancel, fund, open_account, submit, uid

Work: TypeAlias = Sequence[Command] | Sequence[Submit]
LEASE_US: Final = 2_500_000
COUNT: Final = 7  # payouts: one for each finding, and two more


def _begin(number: int) -> DispatchBegin:
    return DispatchBegin(uid(100 + number), uid(number), 1, LEASE_US, "w1")


def _give_back(
    number: int, payout: int, attempt: int = 1, worker: str = "w1"
) -> RaiseAttention:
    return RaiseAttention(uid(number), uid(payout), attempt, "no answer", worker)


def _tell(number: int, payout: int, finding: int, **changes: object) -> TellEvidence:
    fields: dict[str, object] = {
        "request_id": uid(number),
        "payout_id": uid(payout),
        "finding": finding,
        "rail": SWIFT,
        "reference": f"case-{number}",
        "value_date": 20_251_014 if finding == Finding.SETTLED else 0,
        "code": "AC04" if finding == Finding.REJECTED else "",
        "note": "portal, 21 Nov",
        "principal": "boss",
    }
    return TellEvidence(**(fields | changes))  # type: ignore[arg-type]  # fields by name


def doubt() -> list[Work]:
    """Return the entries."""
    payouts = range(1, COUNT + 1)
    key = rail_key(uid(7), rail=SWIFT, dispatch_no=0, salt=0)
    return [
        [open_account(), fund(50)],
        [submit(number) for number in payouts],
        [_begin(number) for number in payouts],
        [
            *(_give_back(200 + number, number) for number in payouts),
            _give_back(210, 1),
            _give_back(211, 2, worker="w2"),
            _give_back(201, 1),
            _give_back(201, 2),
            _give_back(212, 99),
        ],
        [DispatchClaim(uid(220), uid(6), 2, LEASE_US, "w2")],
        [Tick()],
        [Tick(), DispatchClaim(uid(221), uid(6), 2, LEASE_US, "w2")],
        [_give_back(222, 6), _give_back(223, 6, 2, "w2")],
        [
            *(_tell(300 + finding, finding, finding) for finding in Finding),
            _tell(310, 6, 9),
            _tell(311, 6, Finding.SETTLED, rail=SWIFT + 1),
            _tell(312, 6, Finding.SETTLED, expected_version=99),
            _tell(313, 99, Finding.SETTLED),
            _tell(301, 1, Finding.TAKEN),
            _tell(301, 1, Finding.SETTLED),
        ],
        [
            Settle(uid(320), SWIFT, key, "late", 20_251_014, 0, "w1"),
            _tell(321, 7, Finding.NOT_FOUND),
            _tell(322, 1, Finding.SETTLED),
            _tell(323, 4, Finding.SETTLED),
        ],
        [cancel(330, payout_id=uid(5)), cancel(331, payout_id=uid(6))],
        [submit(400), submit(5)],
    ]
