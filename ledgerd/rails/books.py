"""The port of the books: what the dispatcher needs of the node that leads.

Every call that changes something is a log entry; what it returns is committed. None or False mean
that it was refused or that nobody knows: the dispatcher looks again and goes by what it finds.
"""

from typing import NamedTuple, Protocol

from ledgerd.ledger.accounts import Position
from ledgerd.rails.rail import Evidence


class Work(NamedTuple):
    """A payout that waits to be sent, or may have been sent and has no answer.

    is_ready: READY; else DISPATCHING. attempt: how often it was claimed so far.
    rail_key, worker, lease_until_us: of the last claim; lease in log time. amount_minor: in minor
    units of `currency`, three letters. account_number, reference: for the rail.
    """

    payout_id: bytes
    amount_minor: int
    currency: str
    account_number: str
    reference: str
    is_ready: bool
    attempt: int
    rail_key: str
    worker: str
    lease_until_us: int


class WorkPage(NamedTuple):
    """Payouts that may be taken, oldest first.

    next_after: what to pass as `after` for those behind them; None at the end.
    """

    payouts: tuple[Work, ...]
    next_after: Position | None


class Claim(NamedTuple):
    """A committed claim. fencing_token: its log index. ts_us: its log time.

    lease_until_us: log time until which nobody else may claim the payout.
    """

    rail_key: str
    attempt: int
    fencing_token: int
    ts_us: int
    lease_until_us: int


class Books(Protocol):
    """The ledger as the worker of one rail sees it."""

    @property
    def worker(self) -> str:
        """The name under which this node claims."""
        ...

    def term(self) -> int | None:
        """Return the term in which this node leads, None while it does not."""
        ...

    def now_us(self) -> int:
        """Return about what log time is; used to save refusals, never to decide."""
        ...

    async def work(self, rail: int, limit: int, after: Position | None) -> WorkPage:
        """Return payouts of the rail that are READY or DISPATCHING, from behind a position on."""
        ...

    async def begin(self, work: Work, lease_us: int) -> Claim | None:
        """Make a READY payout DISPATCHING, claimed by this worker."""
        ...

    async def claim(self, work: Work, lease_us: int) -> Claim | None:
        """Take over a DISPATCHING payout whose lease is over, or renew the own one."""
        ...

    async def raise_attention(self, payout_id: bytes, attempt: int, why: str) -> bool:
        """Give the claim of this attempt back: a person decides; return whether that is so now."""
        ...

    async def record(self, rail: int, evidence: Evidence) -> bool:
        """Put what the rail said into the log; return whether it is there now."""
        ...
