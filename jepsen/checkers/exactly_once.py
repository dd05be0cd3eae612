"""The set of payout ids: what was acknowledged is on every node exactly once.

Uses no position that a server reported, only the ids: every id that a client was told is
accepted stands once in the final list of every node, with the body that was sent; what
was certainly refused or never logged stands in none; nothing stands there that nobody
asked for. Ids of unknown fate may be absent or present, the same on all nodes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from jepsen import wire
from jepsen.checkers.lists import final_lists
from jepsen.checkers.verdict import Result
from jepsen.commands import Submit
from jepsen.history import FAIL, OK, History
from jepsen.wire import PayoutSeen

FINDINGS_MAX = 20


@dataclass(slots=True)
class Asked:
    """Everything clients did with one payout id."""

    bodies: list[Submit] = field(default_factory=list)
    accepted: Submit | None = None  # body that an answer said is the payout
    created: int = 0  # answers that said "first time"
    refused: bool = False
    maybe: bool = False  # an op that may or may not have happened
    i: int = 0


def check_exactly_once(history: History) -> Result:
    """Judge the final lists of all nodes against what clients were told."""
    result = Result("exactly_once")
    asked = _asked(history)
    lists = final_lists(history)
    wanted_nodes = _nodes(history)
    for node in wanted_nodes:
        if node not in lists:
            result.unknown(f"there is no final list of {node}")
    if not wanted_nodes:
        result.unknown("the history does not say which nodes there are")
    _check_answers(result, asked)
    for node in sorted(lists):
        _check_node(result, node, lists[node], asked)
    _check_agreement(result, lists)
    present = set[str]().union(
        *({seen.body.payout for seen in each} for each in lists.values())
    )
    acked = {id_ for id_, each in asked.items() if each.accepted is not None}
    result.numbers["attempted"] = len(asked)
    result.numbers["acknowledged"] = len(acked)
    result.numbers["present"] = len(present)
    result.numbers["recovered"] = len(present - acked)
    result.numbers["lost"] = len(acked - present) if lists else 0
    return result


def _asked(history: History) -> dict[str, Asked]:
    asked: dict[str, Asked] = {}
    for op in history.client_ops(wire.SUBMIT, wire.SUBMIT_BATCH):
        commands = wire.commands_of(op.f, op.invoke.v)
        answers = (
            wire.answers_of(op.f, op.answer)
            if op.type == OK
            else [None] * len(commands)
        )
        for command, told in zip(commands, answers, strict=False):
            assert isinstance(command, Submit)
            each = asked.setdefault(command.payout, Asked(i=op.invoke.i))
            each.bodies.append(command)
            if told is None:
                each.maybe |= op.type != FAIL
            elif told.outcome in ("CREATED", "REPLAYED"):
                each.accepted = command
                each.created += told.outcome == "CREATED"
            elif told.outcome == "REFUSED":
                each.refused |= told.spent
            else:
                each.maybe = True  # the first call stands, whichever it was
    return asked


def _nodes(history: History) -> list[str]:
    for event in history.of("rig", "cluster"):
        value = event.v.get("nodes")
        if isinstance(value, list | tuple):
            return [str(node) for node in value]
    return []


def _check_answers(result: Result, asked: Mapping[str, Asked]) -> None:
    for id_, each in asked.items():
        if each.created > 1:
            result.invalid(f"{id_} was created {each.created} times", each.i)
        if each.accepted is not None and each.refused:
            result.invalid(f"{id_} was accepted and refused", each.i)


def _check_node(
    result: Result, node: str, seen: list[PayoutSeen], asked: Mapping[str, Asked]
) -> None:
    counts = Counter(each.body.payout for each in seen)
    by_id = {each.body.payout: each for each in seen}
    for id_, count in counts.items():
        if count > 1:
            i = asked[id_].i if id_ in asked else None
            _note(result, f"{id_} stands {count} times on {node}", i)
    for id_, each in asked.items():
        there = by_id.get(id_)
        if there is None:
            if each.accepted is not None:
                _note(result, f"{id_} was acknowledged and is lost on {node}", each.i)
        elif each.accepted is not None and there.body != each.accepted:
            _note(
                result,
                f"{id_} on {node} is {there.body}, acknowledged was {each.accepted}",
                each.i,
            )
        elif each.accepted is None and each.refused:
            _note(result, f"{id_} was refused and stands on {node}", each.i)
        elif each.accepted is None and not each.maybe:
            _note(result, f"{id_} was never logged and stands on {node}", each.i)
        elif there.body not in each.bodies:
            _note(result, f"{id_} on {node} has a body that no client sent", each.i)
    for id_ in sorted(set(by_id) - set(asked)):
        _note(result, f"{id_} stands on {node} and nobody asked for it", None)


def _check_agreement(result: Result, lists: Mapping[str, list[PayoutSeen]]) -> None:
    forms = {
        node: sorted((each.body.payout, each.at, each.state) for each in seen)
        for node, seen in lists.items()
    }
    nodes = sorted(forms)
    for node in nodes[1:]:
        if forms[node] != forms[nodes[0]]:
            _note(result, f"the final lists of {nodes[0]} and {node} differ", None)


def _note(result: Result, sentence: str, i: int | None) -> None:
    if len(result.findings) < FINDINGS_MAX:
        result.invalid(sentence, i)
