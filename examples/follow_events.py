"""Follow the ledger: each change once and in order, also after a restart of this program.

Needs a cluster and its profile, as `submit_one.py` does. What it makes of the events, here
the money that each account has left, it keeps together with where to go on; a program with
a database writes both in one transaction.
"""

import json
import os
from pathlib import Path

from ledgerd.client import Client


def follow(client: Client, kept: Path, until_seq: int) -> dict[str, int]:
    """Bring what is kept up to date and return it: minor units available by account."""
    known = json.loads(kept.read_text() if kept.exists() else "{}")
    available: dict[str, int] = known.get("available", {})
    with client.watch(known.get("next_seq", 1), until_seq=until_seq) as watch:
        for event in watch:
            for after in event.accounts:
                available[after.account_id] = after.balances.available_units
            told = {"next_seq": watch.next_seq, "available": available}
            kept.write_text(json.dumps(told))
    return available


def main() -> None:
    """Follow to the end, let something happen, and go on where it stopped."""
    kept = Path(os.environ.get("FOLLOWED", "followed.json"))
    with Client.from_profile(os.environ["LEDGERCTL_CONFIG"]) as client:
        account = client.open_account(currency="USD", livemode=True)
        follow(client, kept, client.last_event_seq())
        client.fund(account, 100_00, "USD", bank="main", external_ref=account[-26:])
        available = follow(client, kept, client.last_event_seq())
        print(f"{len(available)} accounts; {account} has {available[account]} cents")
        assert available[account] == client.balance(account).balances.available_units


if __name__ == "__main__":
    main()
