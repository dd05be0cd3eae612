"""The port of a rail: what the dispatcher asks of it, and what it may answer.

A rail knows a payment by its rail key, which is fixed before the first byte leaves. Whatever
happens to a payment becomes evidence, and evidence goes into the log like any command.
A call that ends without an answer leaves open what the rail did: `NoAnswerError`. Nobody turns
that into a yes or a no (ledger.md 3.6).
"""

from enum import Enum
from typing import NamedTuple, Protocol


class EvidenceKind(Enum):
    """What a rail can say about a payment; each is a command of the Dispatch service."""

    TAKEN = "taken"  # RailAck
    REFUSED = "refused"  # RailNotAccepted: it was certainly not taken
    REJECTED = "rejected"  # RailReject: taken, then certainly not executed
    SETTLED = "settled"  # Settle
    RETURNED = "returned"  # Return


class Evidence(NamedTuple):
    """One thing that a rail said about one payment.

    reference: the rail's own, at most 64 bytes; with kind and rail it names this evidence for ever.
    amount_minor: what came back, minor units; only RETURNED. code: the rail's reason.
    is_closing: the rail will send no more back. value_day: days since 1970-01-01, SETTLED.
    """

    kind: EvidenceKind
    rail_key: str
    reference: str
    amount_minor: int = 0
    code: str = ""
    is_closing: bool = False
    value_day: int = 0


class Instruction(NamedTuple):
    """One payment, as it is sent; the same for every attempt with the same rail key.

    fencing_token: log index of the claim under which it is sent; a rail that understands it
    refuses one lower than it has seen. account_number: of the payee.
    """

    rail_key: str
    amount_minor: int
    currency: str
    account_number: str
    reference: str
    fencing_token: int


class Known(NamedTuple):
    """What a rail answered to a question about a rail key.

    evidence: in order, empty if it does not know the key. guarantee_us: how long after a send
    "not known" becomes "never will be", microseconds; 0 where the rail promises nothing.
    executes_twice: the rail says that it does not recognise a key, whatever the catalogue says.
    """

    evidence: tuple[Evidence, ...]
    guarantee_us: int
    executes_twice: bool = False


class Advice(NamedTuple):
    """Evidence that the rail told by itself. number: from 1, rising, without gap."""

    number: int
    evidence: Evidence


class NoAnswerError(Exception):
    """A call ended without an answer: the rail may or may not have done what was asked."""


class Rail(Protocol):
    """One external rail. Calls raise NoAnswerError, and nothing else, when the rail is silent."""

    async def send(self, instruction: Instruction, timeout_s: float) -> Evidence:
        """Return TAKEN or REFUSED. NoAnswerError: it may have been taken."""
        ...

    async def ask(self, rail_key: str, fencing_token: int, timeout_s: float) -> Known:
        """Return what the rail knows of a rail key.

        A rail that understands the token refuses sends with a lower one from now on.
        """
        ...

    async def advices(self, after: int, wait_s: float) -> tuple[Advice, ...]:
        """Return the advices behind number `after`, waiting for one; empty when none came."""
        ...
