"""Work about the lifecycle of payouts, holds and the status of accounts (faults.md 5.4).

Its dice are its own, so that a run without such work is what it always was; so are those for
payouts in doubt, which came later. Much of it names
payouts in the wrong state, or evidence under keys that nobody has: the ledger must keep its books
whatever it is told.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ledgerd.ledger.catalogue import SANDBOX
from ledgerd.ledger.commands import (
    Approve,
    Asked,
    Cancel,
    CaptureHold,
    CreateHold,
    DispatchBegin,
    DispatchClaim,
    Evidence,
    Finding,
    Freeze,
    RailAck,
    RailNotAccepted,
    RailReject,
    RaiseAttention,
    Redate,
    Reject,
    ReleaseHold,
    RequestRecall,
    Reroute,
    ResolveException,
    Return,
    ReversalComplete,
    Settle,
    Submit,
    TellEvidence,
    Unfreeze,
)
from ledgerd.ledger.exceptions import Resolution
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.rail_keys import rail_key
from ledgerd.simulation.dice import chance, dice

USD: Final = currency_number("USD")
_DATE: Final = 20_261_121
_MS: Final = 1_000  # microseconds
_SECOND: Final = 1_000_000


class LifecycleAuthor:
    """Makes up commands about payouts that the client has submitted, and about its accounts."""

    def __init__(self, seed: int, client: int, new_id: Callable[[int], bytes]) -> None:
        """new_id: makes a UUIDv7 of a time, milliseconds."""
        self._dice = dice(seed, "lifecycle", client)
        self._doubts = dice(seed, "doubt", client)
        self._client = client
        self._new_id = new_id
        self._told = 0
        self._found = 0
        self._holds: list[bytes] = []
        self._begun: list[bytes] = []

    @property
    def dice(self) -> random.Random:
        """Decides how much of this work there is."""
        return self._dice

    def scheduled(self, rows: Sequence[Submit], now_us: int) -> tuple[Submit, ...]:
        """Return the rows, to be let go a little later; some at a time that has passed."""
        later_us = self._dice.choice((-_SECOND, 50 * _MS, _SECOND, 5 * _SECOND))
        return tuple(replace(row, release_at_us=now_us + later_us) for row in rows)

    def next(
        self, now_us: int, payouts: Sequence[bytes], accounts: Sequence[bytes]
    ) -> Asked:
        """Return a command; it may well be refused."""
        request_id = self._new_id(now_us // 1000)
        asked = self._ordinary(request_id, now_us, payouts, accounts)
        if self._begun and chance(self._doubts, 0.08):
            return self._in_doubt(request_id, self._doubts.choice(self._begun[-8:]))
        return asked

    def _ordinary(
        self,
        request_id: bytes,
        now_us: int,
        payouts: Sequence[bytes],
        accounts: Sequence[bytes],
    ) -> Asked:
        generator = self._dice
        account_id = generator.choice(accounts)
        if not payouts or chance(generator, 0.15):
            return self._of_account(request_id, account_id, accounts)
        # Few payouts, so that commands about one of them meet.
        payout_id = generator.choice(payouts[-12:])
        if chance(generator, 0.6 if self._begun else 0.1):
            # Mostly of those that a worker has asked for, now and then of any.
            named = self._begun[-8:] if chance(generator, 0.9) else ()
            told = generator.choice(named or (payout_id,))
            return self._told_by_rail(request_id, told)
        lease_us = generator.choice((100 * _MS, 2 * _SECOND))
        attempt = generator.choice((1, 1, 1, 1, 2))
        match generator.randrange(12):
            case 0 | 1 | 2 | 3 | 4:
                self._begun.append(payout_id)
                return DispatchBegin(request_id, payout_id, attempt, lease_us, "")
            case 5:
                return DispatchClaim(request_id, payout_id, attempt + 1, lease_us, "")
            case 6:
                return Reroute(request_id, payout_id, SANDBOX, "", "boss")
            case 7:
                return Cancel(request_id, payout_id, "late", "", "boss")
            case 8:
                return RequestRecall(request_id, payout_id, "fraud", "")
            case 9:
                release_at_us = now_us + _SECOND
                version = generator.randrange(1, 4)
                return Redate(request_id, payout_id, release_at_us, _DATE, version, "")
            case 10:
                if chance(generator, 0.5):
                    return Approve(request_id, payout_id, "")
                return Reject(request_id, payout_id, "no", "")
            case _:
                index = generator.randrange(1, 400)
                way = generator.choice(list(Resolution))
                return ResolveException(request_id, index, 0, way, "seen", "")

    def _in_doubt(self, request_id: bytes, payout_id: bytes) -> Asked:
        """Return that its worker gave up, or what a person has found out about it."""
        generator = self._doubts
        if chance(generator, 0.4):
            attempt = generator.choice((1, 1, 2))
            return RaiseAttention(request_id, payout_id, attempt, "silent", "")
        self._found += 1
        finding = generator.choice(list(Finding))
        return TellEvidence(
            request_id,
            payout_id,
            finding,
            SANDBOX,
            f"case {self._client}-{self._found}",
            _DATE if finding is Finding.SETTLED else 0,
            "R03" if finding is Finding.REJECTED else "",
            "seen",
            "boss",
        )

    def _told_by_rail(self, request_id: bytes, payout_id: bytes) -> Evidence:
        generator = self._dice
        self._told += 1
        reference = f"{self._client}-{self._told}"
        if chance(generator, 0.1):
            reference = "one for all"  # used once (I9)
        key = rail_key(payout_id, rail=SANDBOX, dispatch_no=0, salt=0)
        head = (request_id, SANDBOX, key, reference)
        amount_minor = generator.choice((1, 100, 2_500))
        match generator.randrange(8):
            case 0:
                return RailAck(*head, "")
            case 1:
                return RailNotAccepted(*head, chance(generator, 0.5), "")
            case 2:
                return RailReject(*head, "R03", "")
            case 3 | 4:
                return Settle(*head, _DATE, generator.choice((0, 3)), "")
            case 5 | 6:
                is_closing = chance(generator, 0.2)
                return Return(*head, amount_minor, "R01", is_closing, "")
            case _:
                return ReversalComplete(*head, amount_minor, "")

    def _of_account(
        self, request_id: bytes, account_id: bytes, accounts: Sequence[bytes]
    ) -> Asked:
        generator = self._dice
        match generator.randrange(8):
            case 0:
                return Freeze(request_id, account_id, "odd", "")
            case 1 | 2:
                return Unfreeze(request_id, account_id, "", "")
            case 3 | 4 | 5:
                ttl_us = generator.choice((100 * _MS, 5 * _SECOND))
                self._holds.append(request_id)
                return CreateHold(request_id, account_id, 500, USD, ttl_us, "", "")
            case _:
                if not self._holds:
                    return Unfreeze(request_id, account_id, "", "")
                hold_id = generator.choice(self._holds)
                if chance(generator, 0.5):
                    return ReleaseHold(request_id, hold_id, "", "")
                other = generator.choice(accounts)
                return CaptureHold(request_id, hold_id, other, 200, USD, "", "")
