"""The command lines: `ledgerd` for nodes, `ledgerctl` for people and scripts."""
