"""What a traced node writes is judged by the offline checker, and costs no other node anything."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from jepsen.checkers.protocol.check import check_files
from jepsen.checkers.protocol.events import read
from jepsen.checkers.verdict import Verdict
from ledgerd import daemon
from ledgerd.errors import ConfigError
from ledgerd.node.raft_trace import RaftTrace, TracedCore
from ledgerd.raft.entries import NodeId
from ledgerd.simulation import assembly
from tests.simulation.mutations.hunt import PLANTS, run
from tests.simulation.mutations.plant import planted

STORE = bytes(16)


class SimulatedCore(TracedCore, assembly._Core):
    """A traced core that the simulator can lie to about its digest."""


QUIET = PLANTS["M11"]  # members come and go, leaders hand over; its setup is clean


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Yield what the code under test logs."""
    with capture_logs() as lines:
        yield lines


def trace(path: Path, boot: int = 1) -> RaftTrace:
    """Return a trace of node 1."""
    return RaftTrace(path, node_id=NodeId(1), boot=boot, store_uuid=STORE)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the folder to which the nodes of every simulation write, a file a node."""
    boots: dict[int, int] = {}
    opened = contextlib.ExitStack()

    def make(node_id: NodeId, **parts: Any) -> TracedCore:
        core = SimulatedCore(node_id, **parts)
        boots[node_id] = boots.get(node_id, 0) + 1
        path = tmp_path / f"n{node_id}.ndjson"
        of_node = opened.enter_context(
            RaftTrace(path, node_id=node_id, boot=boots[node_id], store_uuid=STORE)
        )
        of_node.begin(core, parts["log"])
        return core

    monkeypatch.setattr(assembly, "_Core", make)
    with opened:
        yield tmp_path


@pytest.mark.parametrize("seed", [1, 4])
def test_the_events_of_traced_nodes_are_valid(files: Path, seed: int) -> None:
    """Crashes, elections, transfers, changes of members: nothing is reported that is right."""
    run(QUIET, seed)
    result = check_files(sorted(files.iterdir()))

    assert result.verdict is Verdict.VALID, result.findings
    numbers = result.numbers
    assert int(numbers["commit"]) > 50
    assert int(numbers["become-leader"]) > 1


def test_a_planted_bug_is_seen_in_the_events_of_its_nodes(files: Path) -> None:
    """An ack that leaves before the write is found without the simulator's own watch."""
    with planted(PLANTS["M1"]):
        run(PLANTS["M1"], 1)
    result = check_files(sorted(files.iterdir()))

    assert result.verdict is Verdict.INVALID
    assert result.findings[0].sentence.startswith("R9"), result.findings


def test_a_line_that_a_killed_process_left_half_is_dropped(tmp_path: Path) -> None:
    """The next life of the node goes on behind the last whole line."""
    path = tmp_path / "n1.ndjson"
    with trace(path) as first:
        first.write("fence")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"seq": 2, "ti')
    with trace(path, boot=2) as second:
        second.write("stop")

    assert [event.name for event in read(path)] == ["fence", "stop"]


def test_a_file_that_cannot_be_written_any_more_is_given_up(
    tmp_path: Path, logged: list[Any]
) -> None:
    """The node goes on, and says once that its events end."""
    path = tmp_path / "n1.ndjson"
    path.symlink_to("/dev/full")
    with trace(path) as full:
        full.write("fence")
        full.write("fence")

    (found,) = [line for line in logged if line["event"] == "raft_trace_ended"]
    assert "No space left" in found["why"]


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    """Said before the node serves anything."""

    class Store:
        class identity:
            node_id, store_uuid = NodeId(1), STORE

    missing = tmp_path / "gone" / "n1.ndjson"

    with pytest.raises(ConfigError, match="expected a file that can be written"):
        daemon._open_trace(missing, Store, 1)  # type: ignore[arg-type]
