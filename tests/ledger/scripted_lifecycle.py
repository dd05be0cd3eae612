"""A scripted log of the commands about payouts, and its digest. Run as a program by tests.

Those about payouts in doubt have a script of their own: a recorded log never changes.

python -m tests.ledger.scripted_lifecycle
"""

from itertools import count

from ledgerd.ledger.commands import (
    Approve,
    DispatchBegin,
    DispatchClaim,
    RailAck,
    RailNotAccepted,
    RailReject,
    Redate,
    Reject,
    RequestRecall,
    Reroute,
    ResolveException,
    Return,
    ReversalComplete,
    Settle,
    Tick,
)
from ledgerd.ledger.rail_keys import rail_key
from tests.ledger.making import SWIFT, cancel, submit, uid
from tests.ledger.scripted import Entry, digest_of, script

NOW_US = 1_760_000_000_000_000


def lifecycle() -> list[Entry]:
    """What follows the script under version 3: every command about payouts, twice over."""
    entries: list[Entry] = []
    payouts = [uid(2000 + n) for n in range(16)]
    entries.append(
        [
            submit(2000 + n, amount_minor=500 + n, release_at_us=1 if n == 9 else 0)
            for n in range(16)
        ]
    )
    entries.append(
        [
            submit(2100, release_at_us=NOW_US + 90),
            submit(2101, release_at_us=NOW_US + 5000),
        ]
    )
    numbers = count(3000)

    def id_() -> bytes:
        return uid(next(numbers))

    keys = [rail_key(payout, rail=SWIFT, dispatch_no=0, salt=0) for payout in payouts]
    for start in (0, 8):
        part, names = payouts[start : start + 8], keys[start : start + 8]
        entries += [
            [
                Reroute(id_(), part[7], 2, "svc"),
                cancel(next(numbers), payout_id=part[6]),
            ],
            [DispatchBegin(id_(), payout, 1, 50, "w1") for payout in part],
            [DispatchClaim(id_(), part[0], 2, 9, "w1"), Tick()],
            [RailAck(id_(), SWIFT, names[0], f"a{start}", "w1")],
            [RailNotAccepted(id_(), SWIFT, names[1], f"n{start}", start == 0, "w1")],
            [RailReject(id_(), SWIFT, names[2], f"r{start}", "R03", "w1")],
            [
                Settle(id_(), SWIFT, names[n], f"s{start}{n}", 20261121, n, "w1")
                for n in (0, 3)
            ],
            [Return(id_(), SWIFT, names[4], f"b{start}", 300, "R01", True, "w1")],
            [Settle(id_(), SWIFT, names[1], f"t{start}", 20261121, 0, "w1")],
            [RailAck(id_(), SWIFT, "2" * 15, f"o{start}", "w1")],
            [ReversalComplete(id_(), SWIFT, names[3], f"v{start}", 503 + start, "w1")],
            [RequestRecall(id_(), part[0], "fraud", "svc")],
            [
                Redate(
                    id_(), uid(2101), NOW_US + 6000 + start, 20261201, 1 + start, "svc"
                )
            ],
            [Approve(id_(), part[0], "boss"), Reject(id_(), part[0], "no", "boss")],
        ]
        at = len(script()) + len(entries) - 5
        for resolution in (1, 3):
            entries += [
                [ResolveException(id_(), at, 0, resolution, "why", "p1")],
                [ResolveException(id_(), at, 0, resolution, "why", "p2"), Tick()],
            ]
    return entries


def digest() -> str:
    """Apply the script of the first release and what follows it, under version 3."""
    return digest_of([*script(), *lifecycle()], state_version=3, step_us=1)


if __name__ == "__main__":
    print(digest())
