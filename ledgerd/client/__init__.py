"""The public Python library: submit payouts, read the books, never pay anybody twice.

    with Client.from_profile("client.toml") as client:
        result = client.submit(account=..., amount=25_00, currency="USD", ...)

`Client` blocks, `AsyncClient` is awaited; both find the leader, follow it, retry with the
same id within the caller's deadline, and turn concurrent single submits into batches.
A decision of the ledger, also a refusal, is a value. Two errors end a call without one:
`NotLogged` (it certainly had no effect) and `OutcomeUnknown` (retry with the same id).

Nothing of the server is imported here.
"""
