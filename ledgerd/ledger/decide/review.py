"""Whether a payout waits for a second person before it may go (ledger.md 7.3).

The one place that a review rule answers to: apply asks it at the submit and again at the release.
"""

from ledgerd.ledger.commands import Submit
from ledgerd.ledger.decide.common import Moment
from ledgerd.ledger.decide.risk import rule_checks
from ledgerd.ledger.payouts import PayoutHead
from ledgerd.ledger.risk import Action
from ledgerd.ledger.working_set import WorkingSet


def needs_review(
    state: WorkingSet, moment: Moment, payout: PayoutHead | Submit
) -> bool:
    """Return whether a rule in force asks for a review of the payout.

    A rule that refuses asks for one too: what was accepted before it, and is released now, is for
    a person to decide.
    """
    return any(
        check.action is not Action.ALLOW for check in rule_checks(state, moment, payout)
    )
