"""Benchmarks: ledgerd beside its rivals, on one machine, in one run. See README.md."""
