"""Faults against real ledgerd processes, and the judgement whether it held.

`python -m jepsen run` starts installed daemons on 127.0.0.1, loads them, breaks them on a
seeded schedule, heals them, and judges the history with checkers that share nothing with
the daemon. The package knows the product only by its client library, its public messages
and its command line.
"""
