"""The simulated rail: a bank that pays nobody, with an outcome for each magic account number.

It keeps what it was sent, so that a second send of a rail key finds the first one, and counts how
often money left: the count is what tests of exactly one execution look at. Time is an argument;
what it did is a function of the calls and their times, so it is rebuilt by playing them again.

| account number | outcome |
|---|---|
| any other | taken, then settled |
| 000000002 | taken, then rejected with R03 |
| 000000003 | settled, then returned with R01 |
| 000000004 | taken and settled, but the call is never answered |
| 000000005 | taken, and said so twice under two references, then settled |
| 000000006 | settled, then returned late with R01 |
| 000000007 | settled, then returned short: 10 minor units are kept on the way |
| 000000008 | "not accepted", and then taken and settled all the same |
| 000000009 | not accepted when it is sent first, taken and settled when sent again |
| 000000010 | the first send is lost without an answer, the next one taken and settled |
"""

import heapq
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from typing import Final, NamedTuple

from ledgerd.rails.rail import Advice, Evidence, EvidenceKind, Instruction

_DAY_S: Final = 86_400
KEPT_MINOR: Final = 10  # of a short return
ADVICES_MAX: Final = 1_000  # of one answer


class Magic(Enum):
    """The account numbers that choose an outcome."""

    SETTLE = "000000001"
    REJECT = "000000002"
    RETURN = "000000003"
    TIMEOUT_SENT = "000000004"
    TWO_ACKS = "000000005"
    LATE_RETURN = "000000006"
    SHORT_RETURN = "000000007"
    ACK_AFTER_REFUSAL = "000000008"
    REFUSE_ONCE = "000000009"
    TIMEOUT_LOST = "000000010"


_BY_NUMBER: Final = {magic.value: magic for magic in Magic}


class Pace(NamedTuple):
    """How long things take, seconds. guarantee_s: after it an unknown key stays unknown."""

    settle_s: float = 0.1
    return_s: float = 0.1
    late_s: float = 0.6
    guarantee_s: float = 0.5


class Sent(NamedTuple):
    """One call of `send` or `ask`, as it is played again. amount_minor 0: a question."""

    instruction: Instruction
    at_s: float


class FencedError(Exception):
    """A newer claim was seen for the rail key; whoever sends has lost his."""


class Count(NamedTuple):
    """How often a rail key was sent, and how often its money left."""

    rail_key: str
    sends: int
    executions: int


class _Payment:
    """What the bank knows of one rail key."""

    def __init__(self) -> None:
        self.sends = 0
        self.executions = 0
        self.token = 0
        self.is_known = False
        self.told: list[Evidence] = []


class SimulatedBank:
    """The bank. Times never go back: an earlier one counts as the latest seen."""

    def __init__(
        self,
        *,
        deduplicates: bool = True,
        pace: Pace | None = None,
        history: Iterable[Sent] = (),
    ) -> None:
        """Play `history` again.

        deduplicates: False for a bank that executes each send that it takes.
        """
        self.deduplicates = deduplicates
        self.pace = pace or Pace()
        self._payments: dict[str, _Payment] = {}
        self._coming: list[tuple[float, int, Evidence]] = []
        self._advices: list[Advice] = []
        self._planned = 0
        self._refusals = 0
        self._now_s = 0.0
        for sent in history:
            if sent.instruction.amount_minor:
                with suppress(FencedError):  # it did nothing then, and does nothing now
                    self.send(sent.instruction, sent.at_s)
            else:
                self.fence(
                    sent.instruction.rail_key,
                    sent.instruction.fencing_token,
                    sent.at_s,
                )

    def send(self, instruction: Instruction, at_s: float) -> Evidence | None:
        """Take a payment or refuse it; return what the caller is told, None for nothing.

        Raises FencedError for a token lower than one seen for the rail key: nothing is done, and
        nothing is said about the payment.
        """
        self.advance(at_s)
        payment = self._payments.setdefault(instruction.rail_key, _Payment())
        if instruction.fencing_token < payment.token:
            raise FencedError(
                f"expected a fencing token of {payment.token} or more for "
                f"{instruction.rail_key}, found {instruction.fencing_token}"
            )
        payment.token = instruction.fencing_token
        payment.sends += 1
        magic = _BY_NUMBER.get(instruction.account_number, Magic.SETTLE)
        if payment.sends == 1:
            if magic is Magic.TIMEOUT_LOST:
                return None
            if magic is Magic.REFUSE_ONCE:
                return self._refusal(instruction, "closed")
            if magic is Magic.ACK_AFTER_REFUSAL:
                self._execute(payment, instruction, magic)
                return self._refusal(instruction, "busy")
        if payment.is_known and self.deduplicates:
            return _taken(instruction, 1)
        self._execute(payment, instruction, magic)
        return None if magic is Magic.TIMEOUT_SENT else _taken(instruction, 1)

    def fence(self, rail_key: str, token: int, at_s: float) -> None:
        """Refuse sends of the key with a lower token from now on."""
        self.advance(at_s)
        payment = self._payments.setdefault(rail_key, _Payment())
        payment.token = max(payment.token, token)

    def ask(self, rail_key: str, at_s: float) -> tuple[Evidence, ...]:
        """Return all that has happened to a rail key, empty if it is not known."""
        self.advance(at_s)
        payment = self._payments.get(rail_key)
        return () if payment is None else tuple(payment.told)

    def advices(self, after: int, at_s: float) -> tuple[Advice, ...]:
        """Return what was told since number `after`, at most a thousand."""
        self.advance(at_s)
        return tuple(self._advices[after : after + ADVICES_MAX])

    def counts(self) -> tuple[Count, ...]:
        """Return the counts of every rail key that was sent, sorted."""
        return tuple(
            Count(rail_key, payment.sends, payment.executions)
            for rail_key, payment in sorted(self._payments.items())
            if payment.sends
        )

    def advance(self, at_s: float) -> None:
        """Let happen what is due."""
        self._now_s = max(self._now_s, at_s)
        while self._coming and self._coming[0][0] <= self._now_s:
            _, _, evidence = heapq.heappop(self._coming)
            self._payments[evidence.rail_key].told.append(evidence)
            self._advices.append(Advice(len(self._advices) + 1, evidence))

    def _execute(
        self, payment: _Payment, instruction: Instruction, magic: Magic
    ) -> None:
        """Money leaves, unless it will be rejected; plan what will be told of it."""
        payment.executions += magic is not Magic.REJECT
        payment.is_known = True
        payment.told.append(_taken(instruction, 1))
        pace = self.pace
        if magic is Magic.TWO_ACKS:
            self._plan(0, _taken(instruction, 2))
        if magic is Magic.ACK_AFTER_REFUSAL:
            payment.told.clear()
            self._plan(pace.settle_s, _taken(instruction, 1))
        if magic is Magic.REJECT:
            self._plan(
                pace.settle_s, _told(instruction, EvidenceKind.REJECTED, code="R03")
            )
            return
        settled = _told(
            instruction,
            EvidenceKind.SETTLED,
            value_day=int(self._now_s + pace.settle_s) // _DAY_S,
        )
        self._plan(2 * pace.settle_s, settled)
        kept_minor = (
            min(KEPT_MINOR, instruction.amount_minor - 1)
            if magic is Magic.SHORT_RETURN
            else 0
        )
        if magic in (Magic.RETURN, Magic.LATE_RETURN, Magic.SHORT_RETURN):
            wait_s = pace.late_s if magic is Magic.LATE_RETURN else pace.return_s
            returned = _told(
                instruction,
                EvidenceKind.RETURNED,
                amount_minor=instruction.amount_minor - kept_minor,
                code="R01",
                is_closing=True,
            )
            self._plan(2 * pace.settle_s + wait_s, returned)

    def _plan(self, after_s: float, evidence: Evidence) -> None:
        self._planned += 1
        heapq.heappush(self._coming, (self._now_s + after_s, self._planned, evidence))

    def _refusal(self, instruction: Instruction, code: str) -> Evidence:
        self._refusals += 1
        reference = f"{instruction.rail_key}-refused-{self._refusals}"
        told = _told(instruction, EvidenceKind.REFUSED, code=code)
        return told._replace(reference=reference)


def _taken(instruction: Instruction, number: int) -> Evidence:
    reference = f"{instruction.rail_key}-taken-{number}"
    return Evidence(EvidenceKind.TAKEN, instruction.rail_key, reference)


def _told(
    instruction: Instruction,
    kind: EvidenceKind,
    *,
    amount_minor: int = 0,
    code: str = "",
    is_closing: bool = False,
    value_day: int = 0,
) -> Evidence:
    reference = f"{instruction.rail_key}-{kind.value}"
    return Evidence(
        kind,
        instruction.rail_key,
        reference,
        amount_minor,
        code,
        is_closing,
        value_day,
    )
