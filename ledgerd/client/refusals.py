"""What each refusal of the ledger means, and what who meets it does.

By the names of the codes, for people: the page of errors is made of it, and a refusal is told with
it. A code that is not here comes from a newer node.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Advice(NamedTuple):
    """What an error means, and what who meets it does."""

    meaning: str
    what_to_do: str


ADVICE: Final[Mapping[str, Advice]] = {
    "KEY_TOO_OLD": Advice(
        "A request id made more than 35 days before log time, which is not stored: it may have "
        "been used and forgotten.",
        "Find out by reading whether it was done; then use a new id.",
    ),
    "INVALID_COMMAND": Advice(
        "A command that the API would not have let through.", "Mend it; report it."
    ),
    "CHAIN_OPEN": Advice(
        "The batch ended before the chain of this order did: its last order links to a next one. "
        "Nothing of the chain was accepted, and the id is not spent.",
        "Let the last order of a chain not be linked, and submit the chain again.",
    ),
    "CHAIN_MEMBER_FAILED": Advice(
        "Another order of its chain could not be accepted and has its own code. The id is not "
        "spent.",
        "Mend the other order under a new id, and submit the chain again.",
    ),
    "ACCOUNT_NOT_FOUND": Advice("No account has this id.", "Open it, or mend the id."),
    "RAIL_KEY_UNKNOWN": Advice(
        "No payout ever had this rail key. An exception keeps what was told.",
        "Look the exception up; the rail executed what this cluster does not know.",
    ),
    "EXCEPTION_NOT_FOUND": Advice(
        "No command at this position opened an exception.", "Mend the position."
    ),
    "VERSION_MISMATCH": Advice(
        "The payout was changed, claimed or redated since it was read: it has another version "
        "than the call says, another attempt or a newer calendar. Or somebody has set a newer "
        "version of the setting.",
        "Read it again, and decide again.",
    ),
    "EXCEPTION_OPEN": Advice(
        "Evidence contradicts the state of the payout, and two people have to settle it.",
        "Resolve the exception.",
    ),
    "LEASE_HELD": Advice(
        "Another worker holds the payout, and its lease has not lapsed.",
        "Wait for the lease to lapse; then ask the rail before anything is sent.",
    ),
    "APPROVAL_MISSING": Advice(
        "The rail knew nothing of the payout when it was asked, so it may still execute it.",
        "Let somebody with the role approver call this.",
    ),
    "ADMIN_LOCKED_OUT": Advice(
        "Under the roles that are to be set, the one who sets them would not be an admin.",
        "Grant yourself the role too, or let an admin who stays one set them.",
    ),
    "RAIL_SUSPENDED": Advice(
        "Nothing is dispatched by this rail now.", "Wait, or reroute the payout."
    ),
    "RECALL_UNSUPPORTED": Advice(
        "The rail takes no recalls.", "Ask the payee for the money."
    ),
    "RECALL_WINDOW_CLOSED": Advice(
        "The rail takes no recall so long after the settlement.",
        "Ask the payee for the money.",
    ),
    "INSUFFICIENT_PREFUNDING": Advice(
        "The bank of the rail has too little cash beyond what is in transit.",
        "Fund the bank account of the rail; the payout stays ready.",
    ),
    "RETURN_EXCEEDS_PAYOUT": Advice(
        "More came back than was paid. An exception keeps what was told.",
        "Resolve the exception.",
    ),
    "PAYOUT_NOT_FOUND": Advice("No payout has this id.", "Mend the id."),
    "HOLD_NOT_FOUND": Advice("No hold has this id.", "Mend the id."),
    "RAIL_NOT_FOUND": Advice("The catalogue has no such rail.", "Mend the name."),
    "ENTRY_NOT_FOUND": Advice(
        "No funding has this bank and reference, no journal entry stands at the linked position, "
        "or no voucher has this id.",
        "Mend what the call refers to.",
    ),
    "LIVEMODE_MISMATCH": Advice(
        "A sandbox account with another rail than `sandbox`, or a live one with it; or money "
        "would move between both worlds.",
        "Use an account and a rail of one world.",
    ),
    "CURRENCY_MISMATCH": Advice(
        "The amount is not in the account's currency.", "Use the account's currency."
    ),
    "CURRENCY_RETIRED": Advice(
        "A retired currency takes no new work: no account, money, payout, transfer, hold or fee.",
        "Use its successor; `GetCurrencies` shows which are retired.",
    ),
    "ENTRY_UNBALANCED": Advice(
        "The legs' debits and credits differ.", "Make them equal; use a new id."
    ),
    "EXTERNAL_REF_USED": Advice(
        "This reference of this bank was booked before.",
        "Nothing, if it is the same money; else compare the references.",
    ),
    "WRONG_STATE": Advice(
        "The payout, hold or voucher is past the state in which this is possible.",
        "Read it.",
    ),
    "ACCOUNT_CLOSED": Advice(
        "The account is closed, for ever.", "Use another account."
    ),
    "ACCOUNT_FROZEN": Advice(
        "The account is frozen: it takes no new work.", "Ask who froze it."
    ),
    "ACCOUNT_NOT_EMPTY": Advice(
        "A balance of the account is not zero, or a payout or hold of it is open.",
        "Bring the balances to zero, then close it.",
    ),
    "HOLD_EXPIRED": Advice(
        "The hold's time was over at the log time of the call; its money goes back.",
        "Ask for a new hold.",
    ),
    "SAME_PERSON": Advice(
        "Whoever wrote it out cannot approve it.", "Let another person approve it."
    ),
    "RAIL_CURRENCY": Advice(
        "The rail does not carry this currency.", "Use another rail."
    ),
    "RAIL_DESTINATION": Advice(
        "The rail in force does not pay to this kind of destination, to its country, or to an "
        "account number of this length.",
        "Use another rail; `ledgerctl rail show NAME` tells what it takes.",
    ),
    "RAIL_AMOUNT_MIN": Advice(
        "The amount is less than the rail in force takes.", "Use another rail."
    ),
    "RAIL_AMOUNT_MAX": Advice(
        "The amount is more than the rail in force takes.",
        "Use another rail, or several payouts.",
    ),
    "CUTOFF_PASSED": Advice(
        "The payout must go with the window that is open now, and none is.",
        "Submit it under a new id, and let it wait for the next window.",
    ),
    "QUOTE_EXPIRED": Advice(
        "The quote that the submit names binds no longer.",
        "Ask for a new quote; submit under a new id.",
    ),
    "FEE_CHANGED": Advice(
        "The fee is another one than the submit expects.",
        "Ask for a new quote; submit under a new id.",
    ),
    "DESTINATION_BLOCKED": Advice(
        "The destination, or its bank, is on a block list.",
        "Pay to another destination, or ask who keeps the list.",
    ),
    "RULE_REFUSED": Advice(
        "A risk rule in force refuses the payout.",
        "`GetRules` lists the rules; a payout that no rule refuses needs a new id.",
    ),
    "LIMIT_PER_PAYOUT": Advice(
        "The amount is above what one payout may have, for the account or by the rail.",
        "Use smaller amounts or another rail, or have the limit raised.",
    ),
    "LIMIT_WINDOW_AMOUNT": Advice(
        "With this payout, more than the limit would go out within a window of time: from the "
        "account, to the destination, or in total. Open payouts count for as long as they are "
        "open.",
        "Wait until older payouts have left the window, or have the limit raised; a new id.",
    ),
    "LIMIT_WINDOW_COUNT": Advice(
        "With this payout, there would be more payouts than the limit within a window of time.",
        "As for `LIMIT_WINDOW_AMOUNT`.",
    ),
    "INSUFFICIENT_FUNDS": Advice(
        "Amount and fee would take the account below its minimum.",
        "Fund the account; submit under a new id.",
    ),
    "HOLD_EXCEEDED": Advice(
        "More would be captured than the hold holds.", "Capture at most its amount."
    ),
    "BOUND_EXCEEDED": Advice(
        "More would be reversed than was funded, or a balance that is never negative would be.",
        "Read what was booked, and use a smaller amount.",
    ),
    "OVERFLOW": Advice(
        "A balance would pass 2^63 - 1 minor units.",
        "Use smaller amounts or other accounts.",
    ),
}
