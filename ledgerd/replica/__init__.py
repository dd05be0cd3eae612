"""Consensus and ledger as one deterministic machine. Start with `replica.Replica.turn`."""
