"""Chains: linked submits of one entry, which are accepted or refused as a whole. 9.2.

A member links to the next command; the last member does not. Of a chain that fails, the culprit
gets its own code and its id alone is spent; the others are told CHAIN_MEMBER_FAILED and may be
tried again. Rows 1 and 2 of 9.4 come first for every member: a member that was accepted before is
REPLAYED whatever becomes of the others, and an id that was refused before fails the chain before
any member is decided. So a chain that is sent again is answered in the same way for ever, for
its culprit's id is spent. A chain that the entry does not close fails with CHAIN_OPEN at its end,
before any rule is asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeGuard

from ledgerd.ledger.commands import Command, Submit
from ledgerd.ledger.decide.common import Decision, Moment
from ledgerd.ledger.decide.submit import known_or_malformed, spend, submit
from ledgerd.ledger.outcomes import Outcome, Refusal, is_spent
from ledgerd.ledger.rollback import Rollback
from ledgerd.ledger.working_set import WorkingSet

_ACCEPTED: Final = frozenset({Outcome.CREATED, Outcome.REPLAYED})
_MEMBER_FAILED: Final = Decision(Refusal.CHAIN_MEMBER_FAILED)


def runs(commands: Iterable[Command | Submit]) -> Iterator[list[Command | Submit]]:
    """Yield the commands of an entry in order: each alone, members of a chain together."""
    run: list[Command | Submit] = []
    for command in commands:
        if run and not isinstance(command, Submit):  # only submits are linked
            yield run
            run = []
        run.append(command)
        if not _is_linked(command):
            yield run
            run = []
    if run:
        yield run


def is_chain(run: list[Command | Submit]) -> TypeGuard[list[Submit]]:
    """Return whether what `runs` yielded is a chain, be it one that is not closed."""
    return _is_linked(run[0])


def decide(
    state: WorkingSet, moments: Sequence[Moment], members: Sequence[Submit]
) -> list[Decision]:
    """Decide the members of one chain: all are accepted, or nothing but an id changes."""
    known = [
        known_or_malformed(state, moment, member)
        for moment, member in zip(moments, members, strict=True)
    ]
    is_open = members[-1].terms.is_linked
    if is_open or any(
        answer is not None and answer.code not in _ACCEPTED for answer in known
    ):
        failed = [answer or _MEMBER_FAILED for answer in known]
        if is_open and known[-1] is None:
            failed[-1] = Decision(Refusal.CHAIN_OPEN)
        return failed

    rollback = Rollback(state)
    decisions: list[Decision] = []
    for moment, member in zip(moments, members, strict=True):
        decision = submit(state, moment, member)
        if decision.code not in _ACCEPTED:
            rollback.undo()
            return _failed(state, moments, members, len(decisions), decision)
        decisions.append(decision)
    rollback.keep()
    return decisions


def _failed(
    state: WorkingSet,
    moments: Sequence[Moment],
    members: Sequence[Submit],
    culprit: int,
    decision: Decision,
) -> list[Decision]:
    """Return the answers of a chain after its rollback; only the culprit's id is spent."""
    if decision.retry is None and is_spent(decision.code):
        decision = spend(state, moments[culprit], members[culprit], decision.code)
    return [
        decision
        if n == culprit
        else known_or_malformed(state, moments[n], member) or _MEMBER_FAILED
        for n, member in enumerate(members)
    ]


def _is_linked(command: Command | Submit) -> bool:
    return isinstance(command, Submit) and command.terms.is_linked
