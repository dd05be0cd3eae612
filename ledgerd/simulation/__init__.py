"""A whole cluster in one process: the production code over a simulated clock, network and disk.

Start with `cluster.Simulation.run`. One seed gives one run, bit for bit: every draw comes from a
generator named for its concern (`dice`), nothing reads a clock, and time moves from event to event
(`clock`). `swarm` draws what a seed is made of, `faults` what goes wrong in it; `check_consensus`,
`check_ledger` and `check_answers` look after every step; `runner` tells the verdict (faults.md 5).

`script`: scenarios of the core alone, as text files that a person writes and a test replays.
"""
