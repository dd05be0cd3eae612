"""docs/reference/lifecycle.md: the states of payouts, drawn from the table that apply asks."""

from collections.abc import Iterator
from typing import Final

from ledgerd.ledger.payouts import (
    EDGES,
    INITIAL_STATES,
    MATRIX,
    OPEN_STATES,
    PayoutState,
    Trigger,
)

_HEAD: Final = """\
# The lifecycle of a payout

What each command does to a payout in each of its ten states.
"""
_STATES: Final = {
    PayoutState.SCHEDULED: "It waits for its time of release. Amount and fee are reserved.",
    PayoutState.IN_REVIEW: "It waits for a second person. Amount and fee are reserved.",
    PayoutState.READY: "A worker may take it. Amount and fee are reserved.",
    PayoutState.DISPATCHING: (
        "A worker has it; whether the rail has it is not known. The amount is in transit, the "
        "fee reserved."
    ),
    PayoutState.SENT: "The rail has taken it. The amount is in transit, the fee reserved.",
    PayoutState.SETTLED: (
        "The rail has paid. Parts that came back are `returned`, `reversed`, `absorbed`. "
        "Final once log time passes `final_at`."
    ),
    PayoutState.CANCELLED: "It was called off before it was dispatched; nothing was charged.",
    PayoutState.FAILED: "It was rejected, by a person or by the rail; nothing was charged.",
    PayoutState.RETURNED: "The customer has the whole amount back, the last of it by a return.",
    PayoutState.REVERSED: "The customer has the whole amount back, the last of it by a reversal.",
}
_LEGEND: Final = """\
`Y`: legal. `ev`: an event and a mark, nothing else. `same`: the same evidence, or the same fact
again; accepted, and nothing changes. `alert`: evidence that contradicts what is known opens an
exception and moves no money. `o`: the payout never had a rail key, so the evidence cannot name it;
it is refused as `RAIL_KEY_UNKNOWN`, and an exception without a payout keeps it. A dagger: if it was
dispatched before, an alert, or `same` where the cell says so. `x`: refused as `WRONG_STATE`.

Evidence under an earlier rail key is an alert in every state. A second settlement with another
reference of the rail is an alert too: it may be a second execution. A return that comes before the
settlement settles the payout first; the settlement may then follow once.
"""


def lifecycle_page() -> str:
    """Return docs/reference/lifecycle.md."""
    return "\n".join((_HEAD, *_states(), *_diagram(), *_matrix())) + "\n"


def _states() -> Iterator[str]:
    yield "## States\n"
    yield "| state | number | open | what it means |"
    yield "|---|---|---|---|"
    for state in PayoutState:
        is_open = "yes" if state in OPEN_STATES else ""
        yield f"| {state.name} | {int(state)} | {is_open} | {_STATES[state]} |"
    yield ""


def _diagram() -> Iterator[str]:
    yield "## Changes of state\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state in sorted(INITIAL_STATES):
        yield f"    [*] --> {state.name}: Submit"
    for (before, to), triggers in EDGES.items():
        names = ", ".join(_name(trigger) for trigger in triggers)
        yield f"    {before.name} --> {to.name}: {names}"
    yield "```\n"


def _matrix() -> Iterator[str]:
    yield "## What each command meets\n"
    yield "| command | " + " | ".join(state.name for state in PayoutState) + " |"
    yield "|---" * (1 + len(PayoutState)) + "|"
    for trigger in dict.fromkeys(trigger for _, trigger in MATRIX):
        cells = [MATRIX[state, trigger].text for state in PayoutState]
        yield f"| {_name(trigger)} | " + " | ".join(cells) + " |"
    yield ""
    yield _LEGEND.rstrip()


def _name(trigger: Trigger) -> str:
    return "".join(part.capitalize() for part in trigger.name.split("_"))
