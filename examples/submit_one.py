"""One payout, from an account with money to the answer of the log.

Needs a cluster: `ledgerd dev --nodes 3 --dir run/mine --detach`, and its profile:
`export LEDGERCTL_CONFIG=run/mine/client.toml`.
"""

import os

from ledgerd.client import Client, us_account

with Client.from_profile(os.environ["LEDGERCTL_CONFIG"]) as client:
    account = client.open_account(currency="USD", livemode=True, owner_ref="acme")
    client.fund(account, 100_00, "USD", bank="main", external_ref=f"wire {account}")
    payout = client.submit(
        account=account,
        amount=25_00,  # minor units: 25 dollars
        currency="USD",
        rail="us_ach",
        destination=us_account("021000021", "123456789", "Ada Lovelace"),
        reference="invoice 17",
    )
    print(payout.payout_id, payout.outcome, payout.state, f"index {payout.index}")
