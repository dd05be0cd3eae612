"""Money: a deterministic state machine over a log of commands. Pure, and the whole truth.

`apply` is the one entrance: what a committed entry does, given the state before it. Read
it first, then `decide`, which is what the ledger means, command by command.

    money       currencies, exponents, bounds of sums
    accounts    ledger accounts, the five balances of a customer's, their bounds
    journal     balanced entries; events: the facts of the feed
    payouts     a payout and the table of its lifecycle
    catalogue   rails and fee schedules
    commands    what can be asked; batch: many submits as columns; details: their free part
    outcomes    what is answered: codes, refusals in order of precedence
    identity    ids: first time, replayed, conflict, refused and spent, too old
    view        what apply may read and what it leaves behind
    working_set state under the commands of one entry; decide: one command at a time
    submits     the batch path, equal to `decide` and ten times as fast
    invariants  what must hold of the books, over any set of rows
"""
