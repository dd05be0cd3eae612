"""The whole life of a payout: quoted, then settled, returned, rejected; as events and a statement.

Needs a cluster with its simulated rail, as `ledgerd dev` starts one, and its profile:
`export LEDGERCTL_CONFIG=run/mine/client.toml`. The payee's account number chooses what the rail
does (docs/rails.md). `make demo` ends with it.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ledgerd.api.v1 import events_pb2, payouts_pb2
from ledgerd.client import Client, us_account

ENDS = {"000000001": "SETTLED", "000000003": "RETURNED", "000000002": "FAILED"}
PATIENCE_S = 30.0


def live(client: Client, profile: Path) -> bool:
    """Show three lives, a statement and a receipt; return whether all is as it must be."""
    account = client.open_account(currency="USD", livemode=False, owner_ref="life")
    client.fund(account, 100_00, "USD", bank="main", external_ref=f"life {account}")
    first_seq = client.last_event_seq() + 1
    paid = {number: submit(client, account, number) for number in ENDS}
    ended = wait(client, paid)
    for number, payout_id in paid.items():
        path = " → ".join(states(client, payout_id, first_seq))
        print(f"{payout_id} to {number}: {path}")
    print(run("account", "statement", account, profile=profile), end="")
    is_sound = is_verified(profile, paid["000000001"])
    print(f"the receipt of the first payout is {'sound' if is_sound else 'NOT sound'}")
    return is_sound and ended == ENDS


def submit(client: Client, account: str, number: str) -> str:
    """Ask what a payout over the sandbox costs, and submit it at that; return its id."""
    payee = us_account("021000021", number, "Ada Lovelace")
    quote = client.quote(
        account=account,
        amount=25_00,
        currency="USD",
        rail="sandbox",
        destination=payee,
    )
    submitted = client.submit(
        account=account,
        amount=25_00,
        currency="USD",
        rail="sandbox",
        destination=payee,
        reference="invoice 17",
        fee_expected=quote.route.fee_units,
        quoted_at_us=quote.quoted_at_us,
    )
    print(f"{submitted.payout_id} quoted at a fee of {quote.route.fee_units} cents")
    return submitted.payout_id


def wait(client: Client, paid: dict[str, str]) -> dict[str, str]:
    """Return the states of the payouts by account number, once they are as the rail makes them."""
    until = time.monotonic() + PATIENCE_S
    while True:
        found = {
            number: payouts_pb2.PayoutState.Name(client.get(payout_id).payout.state)
            for number, payout_id in paid.items()
        }
        if found == ENDS or time.monotonic() > until:
            return found
        time.sleep(0.05)  # the simulated rail takes tenths of a second


def states(client: Client, payout_id: str, first_seq: int) -> list[str]:
    """Return what happened to a payout, in order, from the feed."""
    last_seq = client.last_event_seq()
    with client.watch(first_seq, payout=payout_id, until_seq=last_seq) as watch:
        return [
            events_pb2.Event.Kind.Name(event.kind).removeprefix("PAYOUT_").lower()
            for event in watch
        ]


def is_verified(profile: Path, payout_id: str) -> bool:
    """Fetch a receipt, and check it with nothing but the file and the CA's certificate."""
    with tempfile.TemporaryDirectory() as folder:
        receipt = Path(folder) / "receipt.json"
        run("audit", "receipt", payout_id, "--save", str(receipt), profile=profile)
        ca = profile.parent / "pki" / "ca.pem"
        try:
            print(run("audit", "verify", str(receipt), "--ca", str(ca)), end="")
        except subprocess.CalledProcessError as error:
            print(error.stderr, end="")
            return False
    return True


def run(*arguments: str, profile: Path | None = None) -> str:
    """Return what `ledgerctl` prints; raises CalledProcessError when it fails."""
    config = [] if profile is None else ["--config", str(profile)]
    command = [str(Path(sys.executable).with_name("ledgerctl")), *config, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    profile = Path(os.environ["LEDGERCTL_CONFIG"])
    with Client.from_profile(profile) as client:
        sys.exit(0 if live(client, profile) else 1)
