"""The public Python library: submit payouts, read the books, never pay anybody twice.

    with Client.from_profile("client.toml") as client:
        result = client.submit(account=..., amount=25_00, currency="USD", ...)

`Client` blocks, `AsyncClient` is awaited; both find the leader, follow it, retry with
the same id within the caller's deadline, and turn concurrent single submits into
batches. A decision of the ledger, also a refusal, is a value. Two errors end a call
without one: `NotLogged` (it certainly had no effect) and `OutcomeUnknown` (retry with
the same id).

Nothing of the server is imported here.
"""

from ledgerd.client.aio import AsyncClient
from ledgerd.client.concerns import WriteConcern
from ledgerd.client.ids import (
    new_account_id,
    new_hold_id,
    new_payout_id,
    new_request_id,
)
from ledgerd.client.orders import (
    bic_account,
    chain,
    iban,
    payout_order,
    uk_account,
    us_account,
)
from ledgerd.client.profile import Endpoint, Profile
from ledgerd.client.results import (
    CommandResult,
    Outcome,
    Refused,
    SubmitResult,
    describe,
)
from ledgerd.client.sync import BlockingWatch, Client
from ledgerd.client.watch import Watch
from ledgerd.errors import CallError, ConfigError, NotLogged, OutcomeUnknown

__all__ = [
    "AsyncClient",
    "BlockingWatch",
    "CallError",
    "Client",
    "CommandResult",
    "ConfigError",
    "Endpoint",
    "NotLogged",
    "Outcome",
    "OutcomeUnknown",
    "Profile",
    "Refused",
    "SubmitResult",
    "Watch",
    "WriteConcern",
    "bic_account",
    "chain",
    "describe",
    "iban",
    "new_account_id",
    "new_hold_id",
    "new_payout_id",
    "new_request_id",
    "payout_order",
    "uk_account",
    "us_account",
]
