"""A thousand payouts in one log entry: accepted, refused, each with its own answer.

Needs a cluster and its profile, as `submit_one.py` does.
"""

import os
from collections import Counter

from ledgerd.client import Client, payout_order, us_account

PAYEE = us_account("021000021", "123456789", "Ada Lovelace")


def main() -> None:
    """Pay 1 cent, 2 cents ... 1,000 cents, with money for most of it."""
    with Client.from_profile(os.environ["LEDGERCTL_CONFIG"]) as client:
        account = client.open_account(currency="USD", livemode=True)
        client.fund(account, 4_000_00, "USD", bank="main", external_ref=account[-26:])

        orders = [
            payout_order(
                account=account,
                amount=cents,
                currency="USD",
                rail="us_ach",
                destination=PAYEE,
            )
            for cents in range(1, 1_001)
        ]
        results = client.submit_batch(orders)

        # A refusal is an answer, not an error: it has a code and a place in the log.
        for answer, count in Counter(r.refusal or r.outcome for r in results).items():
            print(f"{count:5,} {answer}")
        money = client.balance(account, at_least=results[0].index).balances
        print(f"reserved {money.reserved_units}, available {money.available_units}")


if __name__ == "__main__":
    main()
