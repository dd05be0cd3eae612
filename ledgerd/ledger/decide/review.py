"""Whether a payout waits for a second person before it may go (ledger.md 7.3).

The one place that a review rule answers to: apply asks it at the submit and again at the release.
"""

from ledgerd.ledger.commands import Submit
from ledgerd.ledger.payouts import PayoutHead
from ledgerd.ledger.working_set import WorkingSet


def needs_review(state: WorkingSet, payout: PayoutHead | Submit) -> bool:
    """Return whether a rule in force asks for a review of the payout."""
    del state, payout  # no rule exists yet
    return False
