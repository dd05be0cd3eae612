"""A settlement pays the amount and forgets the fee, which stays reserved."""

from collections.abc import Callable

from ledgerd.ledger.accounts import AccountKind
from ledgerd.ledger.decide.life import Life
from ledgerd.ledger.journal import Leg

SettleLegs = Callable[[Life, int], tuple[Leg, ...]]
FORGOTTEN = (AccountKind.RESERVED, AccountKind.PAYOUT_FEE)


def _without_fee(original: SettleLegs) -> SettleLegs:
    def settle_legs(life: Life, cost_minor: int) -> tuple[Leg, ...]:
        return tuple(
            leg
            for leg in original(life, cost_minor)
            if leg.account.kind not in FORGOTTEN
        )

    return settle_legs


BUGS = {"ledgerd.ledger.decide.evidence:settle_legs": _without_fee}
