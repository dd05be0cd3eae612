"""ledgerd: a Raft-replicated payout ledger. Re-exports nothing, so that a client loads no server."""

__version__ = "0.1.0"
