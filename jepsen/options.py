"""What a run was asked to be; saved beside its history as `test.json`."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OPS_A_SECOND_MAX = 2_000
CLIENTS_MAX = 64
NODES_MAX = 7
SECONDS_MAX = 3_600


@dataclass(frozen=True, slots=True)
class RunOptions:
    """One run.

    nemesis: names of the faults, each of which must happen. target: of kill and pause.
    time_limit_s: of the loaded part; rounds that did not fit make the run unknown.
    rate: ops a second of all clients together. deadline_ms: of one op.
    recovery_ms: from a heal to the next acknowledgement, at most.
    plant: a bug planted in the nodes, to see the checkers find it.
    trace_raft: the nodes write protocol events, which are judged too.
    """

    workload: str = "payouts"
    nemesis: tuple[str, ...] = ("kill",)
    target: str = "leader"
    nodes: int = 3
    rounds: int = 5
    time_limit_s: int = 60
    rate: int = 150
    concurrency: int = 16
    seed: int = 0
    deadline_ms: int = 2_000
    recovery_ms: int = 5_000
    plant: str | None = None
    trace_raft: bool = False

    @property
    def name(self) -> str:
        """The folder of the store that the run belongs to."""
        parts = [self.workload, *self.nemesis]
        if set(self.nemesis) & {"kill", "pause"}:
            parts.append(self.target)
        if self.plant is not None:
            parts.append(self.plant)
        return "-".join(parts)

    def to_json(self, **more: str) -> str:
        """Return the options and further facts, for `test.json`."""
        return json.dumps(dataclasses.asdict(self) | more, indent=2) + "\n"

    def command(self) -> str:
        """Return the command that repeats the run's schedule."""
        parts = [
            "python -m jepsen run",
            f"--workload {self.workload}",
            f"--nemesis {','.join(self.nemesis)}",
            f"--target {self.target}",
            f"--nodes {self.nodes}",
            f"--rounds {self.rounds}",
            f"--time-limit {self.time_limit_s}",
            f"--rate {self.rate}",
            f"--concurrency {self.concurrency}",
            f"--seed {self.seed}",
        ]
        if self.plant is not None:
            parts.append(f"--plant {self.plant}")
        if self.trace_raft:
            parts.append("--trace-raft")
        return " ".join(parts)


def read_options(path: Path) -> RunOptions:
    """Return the options saved in a `test.json`."""
    fields: Mapping[str, object] = json.loads(path.read_text(encoding="utf-8"))
    known = {each.name for each in dataclasses.fields(RunOptions)}
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in fields.items()
        if name in known
    }
    # The file is our own; a wrong type in it is caught by whoever uses the value.
    return dataclasses.replace(RunOptions(), **values)  # type: ignore[arg-type]
