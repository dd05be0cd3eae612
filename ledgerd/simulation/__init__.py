"""A whole cluster in one process: the production code over a simulated clock, network and disk.

`script`: scenarios of the core alone, as text files that a person writes and a test replays.
"""
