"""Micro benchmarks: one part of the path of a payout at a time, in one process."""
