"""A Raft-replicated payout ledger. Re-exports nothing: a client loads no server."""

__version__ = "0.3.0"
