"""What to do when nobody knows whether a payout was accepted: ask again, with its id.

Needs a cluster and its profile, as `submit_one.py` does.
"""

import os

from ledgerd.client import (
    Client,
    NotLogged,
    OutcomeUnknown,
    SubmitResult,
    new_payout_id,
    us_account,
)


def pay(client: Client, account: str, payout_id: str, deadline: float) -> SubmitResult:
    """Submit the same payout under the same id, however often it is called."""
    return client.submit(
        account=account,
        amount=25_00,
        currency="USD",
        rail="us_ach",
        destination=us_account("021000021", "123456789", "Ada Lovelace"),
        payout_id=payout_id,
        deadline=deadline,
    )


def main() -> None:
    """Pay with hardly any patience, then make sure."""
    with Client.from_profile(os.environ["LEDGERCTL_CONFIG"]) as client:
        account = client.open_account(currency="USD", livemode=True)
        client.fund(account, 100_00, "USD", bank="main", external_ref=account[-26:])

        payout_id = new_payout_id()  # keep it before the first attempt, with the order
        try:
            print("first:", pay(client, account, payout_id, deadline=0.001).outcome)
        except OutcomeUnknown as error:
            print("first: it may be committed, or not:", error.reason.value)
        except NotLogged as error:
            print("first: certainly not logged:", error.reason.value)

        # The answer is CREATED if the first attempt was lost, else REPLAYED: paid once.
        print("again:", pay(client, account, payout_id, deadline=5.0).outcome)
        money = client.balance(account).balances
        print(f"reserved {money.reserved_units} cents")


if __name__ == "__main__":
    main()
