"""The commands of `ledgerctl`, one file for each noun."""
