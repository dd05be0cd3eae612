"""A whole cluster in one process: the production code over a simulated clock, network and disk."""
