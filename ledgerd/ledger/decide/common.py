"""What the functions of this package share: the answer, the moment, the usual questions."""

from typing import Final, NamedTuple, assert_never

from ledgerd.ledger.accounts import (
    Account,
    AccountKind,
    AccountStatus,
    EntryPosition,
    LedgerAccount,
    Position,
    Side,
)
from ledgerd.ledger.identity import IdRecord
from ledgerd.ledger.journal import Leg
from ledgerd.ledger.outcomes import Refusal, Retry
from ledgerd.limits import RAIL_NAME_BYTES_MAX

_BANK_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")

NO_PAYOUT: Final[Position] = (0, 0)


class Decision(NamedTuple):
    """The answer to one command; a row of `Outcomes`.

    payout_position: of the payout that a keyed call was about, kept for its retries.
    """

    code: int
    fee_minor: int = 0
    state: int = 0
    retry: Retry | None = None
    payout_position: Position = NO_PAYOUT


INVALID: Final = Decision(Refusal.INVALID_COMMAND)


class Moment(NamedTuple):
    """Where and when a command is decided, and by which rules.

    position: of the command. ts_us: log time of its entry, microseconds.
    state_version: in force before the entry; behaviour that changed asks it (5).
    """

    position: Position
    ts_us: int
    state_version: int

    @property
    def first(self) -> EntryPosition:
        """The position of the first journal entry, event or exception of the command."""
        return (*self.position, 0)


def again_refused(known: IdRecord, fingerprint: bytes) -> Decision:
    """Return the answer to a retry of a refused id: the same code, for ever."""
    return Decision(
        known.refusal,
        retry=Retry(
            known.index,
            known.ordinal,
            known.ts_us,
            state=0,
            fee_minor=0,
            same_request=fingerprint == known.fingerprint,
        ),
    )


def credit(account: Account, amount_minor: int) -> tuple[Leg, ...]:
    """Return the legs of incoming money: what is owed first, the rest to the customer.

    The rest is out of reach if the account is closed or frozen. No leg is zero. 2.3.
    """
    owed_minor = min(account.receivable_minor, amount_minor)
    rest = (
        AccountKind.AVAILABLE
        if account.status == AccountStatus.OPEN
        else AccountKind.BLOCKED
    )
    legs = (
        credit_leg(AccountKind.RECEIVABLE, account.account_id, owed_minor),
        credit_leg(rest, account.account_id, amount_minor - owed_minor),
    )
    return tuple(leg for leg in legs if leg.amount_minor)


def refuse_status(account: Account) -> Refusal | None:
    """Return why nothing new may be asked of the account; None if it is open."""
    match account.status:
        case AccountStatus.OPEN:
            return None
        case AccountStatus.CLOSED:
            return Refusal.ACCOUNT_CLOSED
        case AccountStatus.FROZEN:
            return Refusal.ACCOUNT_FROZEN
        case _:
            assert_never(account.status)


def debit_leg(kind: AccountKind, account_id: bytes, amount_minor: int) -> Leg:
    """Return a debit of one balance of a customer's account."""
    return Leg(LedgerAccount(kind, account_id), Side.DEBIT, amount_minor)


def credit_leg(kind: AccountKind, account_id: bytes, amount_minor: int) -> Leg:
    """Return a credit of one balance of a customer's account."""
    return Leg(LedgerAccount(kind, account_id), Side.CREDIT, amount_minor)


def is_short(text: str, bytes_max: int) -> bool:
    """Return whether the text fits `bytes_max` bytes of UTF-8."""
    return len(text.encode()) <= bytes_max


def is_bank(name: str) -> bool:
    """Return whether this can be the name of one of our banks."""
    return 1 <= len(name) <= RAIL_NAME_BYTES_MAX and _BANK_ALPHABET.issuperset(name)
