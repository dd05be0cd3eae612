"""The simulator must be seen to fail: planted bugs are found, and by the invariant they break."""

import pytest

from ledgerd.raft.log import RaftLog
from ledgerd.raft.messages import AppendAccepted, Message
from ledgerd.raft.outgoing import Outgoing
from ledgerd.raft.roles import Roles
from ledgerd.simulation.cluster import Simulation
from ledgerd.simulation.runner import Result, run_seed
from ledgerd.simulation.swarm import draw
from ledgerd.simulation.verdict import Kind

SEEDS = range(1, 400)
# Whole seeds are run; on a busy machine they take long, which says nothing about the code.
pytestmark = pytest.mark.timeout(900)


def first_failure(*faults: str, count: int = 60) -> Result:
    """Return the first seed that is not good, of those that inject these faults."""
    fitting = [
        seed
        for seed in SEEDS
        if set(faults) <= set((setup := draw(seed)).faults)
        and setup.nodes >= 3
        and setup.load.watchers
    ]
    for seed in fitting[:count]:
        result = run_seed(seed)
        if not result.is_good:
            return result
    pytest.fail(f"none of {fitting[:count]} finds it")


def test_an_acknowledgement_before_the_write_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """M1: what is acknowledged must be durable when it leaves (R9)."""
    send = Outgoing.send

    def send_early(self: Outgoing, message: Message) -> None:
        if isinstance(message, AppendAccepted):
            self.early.append(message)  # type: ignore[arg-type]  # that is the bug
        else:
            send(self, message)

    monkeypatch.setattr(Outgoing, "send", send_early)

    assert first_failure().invariant == "R9"


def test_a_node_that_forgets_its_waiters_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R18: with a quorum healed, a commit index that nobody moves is no progress."""
    monkeypatch.setattr(Roles, "advance_commit", lambda self, leadership: None)

    result = first_failure()

    assert (result.kind, result.invariant) == (Kind.LIVENESS, "R18")


def test_a_failed_assertion_names_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the product raises is a crash of the product, found at its innermost function."""

    def raises(self: RaftLog, ticket: int) -> None:
        raise AssertionError("planted")

    monkeypatch.setattr(RaftLog, "persisted", raises)

    result = run_seed(1)

    assert result.kind is Kind.CRASH
    assert "planted" in result.text


def test_an_error_of_the_simulator_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """255: the simulator never blames the product for its own mistakes."""

    def raises(self: Simulation) -> None:
        raise KeyError("planted")

    monkeypatch.setattr(Simulation, "_heal", raises)

    assert run_seed(1).kind is Kind.SIMULATOR
