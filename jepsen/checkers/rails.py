"""What the rail did against what the books say: each payout is paid once, or not at all (I10).

Uses the rail's own counts and the payouts that a node lists at the end, and no position. Every
payout comes to a final state, the one that its number stands for; what is FAILED or CANCELLED
was never executed, what is paid was executed once.
"""

from collections import Counter
from collections.abc import Mapping

from jepsen.checkers.lists import final_lists
from jepsen.checkers.verdict import Result
from jepsen.history import RIG, Event, History, number, rows, text
from jepsen.lifecycle import CANCELLED, FINAL, PAID, RETURNED, SETTLED, final_states
from jepsen.wire import PayoutSeen

FINDINGS_MAX = 20
TRIED = (SETTLED, RETURNED, CANCELLED, "FAILED")  # each must have been somebody's end


def check_rails(history: History) -> Result:
    """Judge a run with a rail; without its counts, or without payments, it is unknown."""
    result = Result("rails")
    told = list(history.of(RIG, "rail_counts"))
    lists = final_lists(history)
    if not told or not lists:
        result.unknown(
            "nobody knows at the end what the rail did, or what the books say"
        )
        return result
    payouts = {seen.body.payout: seen for seen in next(iter(lists.values()))}
    executions = _executions(told[-1], payouts, result)
    for id_, seen in sorted(payouts.items()):
        for sentence in _wrong(seen, executions):
            result.invalid(f"{id_} {sentence}", told[-1].i)
    states = Counter(seen.state for seen in payouts.values())
    for state in TRIED:
        if not states[state]:
            result.unknown(f"no payout ended {state}")
    for state, count in sorted(states.items()):
        result.numbers[state.lower()] = count
    result.numbers["executions"] = sum(executions.values())
    del result.findings[FINDINGS_MAX:]
    return result


def _executions(
    told: Event, payouts: Mapping[str, PayoutSeen], result: Result
) -> dict[str, int]:
    """Return how often each rail key was executed, after a look at the keys themselves."""
    owners: dict[str, str] = {}
    for id_, seen in payouts.items():
        if seen.rail_key and owners.setdefault(seen.rail_key, id_) != id_:
            other = owners[seen.rail_key]
            result.invalid(f"{id_} and {other} have one rail key, {seen.rail_key}")
    executions: dict[str, int] = {}
    sends = 0
    for row in rows(told.v, "rows"):
        key = text(row, "key")
        executions[key] = number(row, "executions")
        sends += number(row, "sends")
        if executions[key] > 1:
            who = owners.get(key, "nobody's payout")
            result.invalid(f"{who} was executed {executions[key]} times", told.i)
        if key not in owners:
            result.invalid(f"the rail was sent {key}, which no payout has", told.i)
    result.numbers["sends"] = sends
    return executions


def _wrong(seen: PayoutSeen, executions: Mapping[str, int]) -> list[str]:
    """Return what is wrong with the end of a payout."""
    state, executed = seen.state, executions.get(seen.rail_key, 0)
    if state not in FINAL:
        return [f"is {state} at the end"]
    if state in PAID and not executed:
        return [f"is {state}, and the rail never executed it"]
    if state not in PAID and executed:
        return [f"is {state}, and the rail holds it executed"]
    expected = final_states(seen.body.destination)
    if state != CANCELLED and state not in expected:
        return [f"is {state}, its number stands for {', '.join(expected)}"]
    return []
