"""The mutation gate: known bugs, planted one at a time, and the search that must find each.

Start with `hunt.py`; `python -m tests.simulation.mutations` runs them all (`make sim-mutants`).
"""
