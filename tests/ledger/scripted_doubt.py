"""A scripted log of payouts in doubt and of what people find out, and its digest.

python -m tests.ledger.scripted_doubt
"""

from itertools import count

from ledgerd.ledger.commands import (
    DispatchBegin,
    DispatchClaim,
    Finding,
    RailReject,
    RaiseAttention,
    Settle,
    TellEvidence,
    Tick,
)
from ledgerd.ledger.rail_keys import rail_key
from tests.ledger.making import SWIFT, submit, uid
from tests.ledger.scripted import Entry, digest_of, script

LEASE_US = 10**6


def doubt() -> list[Entry]:
    """What follows the script under version 3: each finding, refused and taken, early and late."""
    numbers = count(5_000)

    def id_() -> bytes:
        return uid(next(numbers))

    def told(number: int, finding: int, by: str = "boss", **said: object) -> Entry:
        fields = {"value_date": 0, "code": "", "note": "portal", **said}
        reference = f"case-{number}-{finding}"
        return [
            TellEvidence(
                id_(),
                uid(4_000 + number),
                finding,
                SWIFT,
                reference,
                **fields,  # type: ignore[arg-type]  # fields by name
                principal=by,
            )
        ]

    every = range(6)
    entries: list[Entry] = [[submit(4_000 + n, amount_minor=700 + n) for n in every]]
    entries.append(
        [DispatchBegin(id_(), uid(4_000 + n), 1, LEASE_US, "w1") for n in every]
    )
    entries.append(told(0, Finding.NOT_FOUND))  # a worker holds it
    entries.append(
        [
            *(RaiseAttention(id_(), uid(4_000 + n), 1, "why", "w1") for n in range(5)),
            RaiseAttention(id_(), uid(4_000), 1, "again", "w1"),
            RaiseAttention(id_(), uid(4_005), 1, "not its worker", "w2"),
            DispatchClaim(id_(), uid(4_000), 2, LEASE_US, "w1"),  # the lease runs on
        ]
    )
    entries.append(told(1, Finding.SETTLED, by="svc"))  # who submitted it
    entries += [
        told(0, Finding.TAKEN),
        told(1, Finding.SETTLED, value_date=20261120),
        told(2, Finding.REJECTED, code="AC04"),
        told(3, Finding.REFUSED),
        told(4, Finding.NOT_FOUND),
    ]
    keys = [rail_key(uid(4_000 + n), rail=SWIFT, dispatch_no=0, salt=0) for n in every]
    entries += [
        # What the worker hears afterwards: the same, and what contradicts it.
        [Settle(id_(), SWIFT, keys[1], f"case-1-{Finding.SETTLED}", 0, 0, "w1")],
        [RailReject(id_(), SWIFT, keys[0], "late", "R03", "w1")],
        told(2, Finding.SETTLED),
        told(4, Finding.SETTLED),
        [DispatchBegin(id_(), uid(4_003), 2, LEASE_US, "w2"), Tick()],
        [RaiseAttention(id_(), uid(4_003), 2, "", "w2")],
        told(3, Finding.SETTLED),
    ]
    return entries


def digest() -> str:
    """Apply the script of the first release and what follows it, under version 3."""
    return digest_of([*script(), *doubt()], state_version=3, step_us=1)


if __name__ == "__main__":
    print(digest())
