"""Scripts that nobody wrote: random commands on one world, under its watch, until it comes to rest.

A failure prints the script that led to it, which is a trace to be: shorten it, and keep it under
tests/raft/traces. `python -m tests.simulation.random_scripts FIRST STOP` plays many seeds.
"""

import random
import sys
from collections.abc import Callable
from typing import Final

from ledgerd.raft.entries import NodeId, Role
from ledgerd.simulation.script.interpreter import Interpreter
from ledgerd.simulation.script.machine import Machine
from ledgerd.simulation.script.text import ScriptError, parse

STEPS: Final = 150
REST_ROUNDS_MAX: Final = 120


class RandomScript:
    """One random play. Raises AssertionError, with the script, if something must not be.

    with_changes: the membership changes. with_rot: one node's log values rot; it is one of three or
    more, so that nothing is lost for good.
    """

    def __init__(self, seed: int, *, with_changes: bool, with_rot: bool) -> None:
        self.seed = seed
        self.lines: list[str] = []
        self._random = random.Random(seed)
        self._interpreter = Interpreter("random")
        self._world = self._interpreter.play.world
        self._proposals = 0
        self._victim = NodeId(1) if with_rot else None
        self._deeds: list[tuple[int, Callable[[], None]]] = [
            (14, self._propose),
            (12, lambda: self.do(f"tick {self._any()} {self._one_of(1, 2, 3)}")),
            (12, lambda: self.do(f"process-ready {self._up()}")),
            (12, lambda: self.do(f"deliver-msgs {self._some()}")),
            (4, lambda: self.do(f"deliver-msgs drop=({self._some(',')})")),
            (6, lambda: self.do(f"process-append-thread {self._up()}")),
            (4, lambda: self.do(f"process-apply-thread {self._up()}")),
            (8, lambda: self.do(f"stabilize {self._some()}")),
            (2, lambda: self.do("stabilize")),
            (2, lambda: self.do(f"campaign {self._any()}")),
            (3, lambda: self.do(f"crash {self._any()} lose={self._lost()}")),
            (4, self._restart),
            (2, self._cut),
            (2, lambda: self.do("heal")),
            (3, self._compact),
            (1, lambda: self.do(f"send-snapshot {self._leader()} {self._any()}")),
            (1, lambda: self.do(f"report-unreachable {self._any()} {self._any()}")),
            (
                1,
                lambda: self.do(
                    f"transfer-leadership from={self._leader()} to={self._any()}"
                ),
            ),
            (1, lambda: self.do(f"forget-leader {self._any()}")),
            (1, lambda: self.do(f"read {self._any()}")),
            (1, lambda: self.do(f"duplicate {self._some()}")),
            (1, lambda: self.do(f"pause {self._any()} {self._one_of(1, 3, 5)}")),
            (1, lambda: self.do(f"peer-lost {self._any()} {self._any()}")),
            (2 if with_changes else 0, self._change),
            (1 if with_rot else 0, self._rot),
        ]

    def play(self) -> None:
        """Play to the end: whatever happened, one leader leads and all are alike."""
        self._begin()
        weights = [weight for weight, _ in self._deeds]
        for _ in range(STEPS):
            [(_, deed)] = self._random.choices(self._deeds, weights)
            deed()
        self.do("heal")
        for node_id in self._world.ids:
            self.do(f"restart {node_id}")
        for _ in range(REST_ROUNDS_MAX):
            self.do("stabilize")
            if self._is_at_rest():
                return
            for node_id in self._world.ids:
                # Timers of a script are not drawn: unlike ticks keep votes from splitting for ever.
                if self._random.random() < 0.8:
                    self.do(f"tick {node_id} 1")
        raise AssertionError(self._told("it does not come to rest"))

    def do(self, line: str) -> None:
        """Run a command; what cannot be done now is left out."""
        try:
            self._interpreter.run(parse(line, "random").blocks[0])
        except ScriptError as error:
            if "an invariant is broken" in str(error):
                raise AssertionError(self._told(f"{line}\n{error}")) from error
        else:
            self.lines.append(line)

    def _told(self, what: str) -> str:
        script = "\n\n".join(self.lines)
        return f"seed {self.seed}: {what}\nthe script:\n{script}"

    def _begin(self) -> None:
        count = self._random.choice([3, 3, 4, 5] if self._victim else [2, 3, 3, 4, 5])
        options = [
            option
            for chance, option in (
                (0.5, "async-storage-writes=true"),
                (0.4, f"inflight={self._one_of(1, 2, 3)}"),
                (0.4, f"max-append-size={self._one_of(1, 200)}"),
                (0.3, "max-committed-size-per-ready=150"),
            )
            if self._random.random() < chance
        ]
        if self._random.random() < 0.6:
            self.do("rules strict")
        voters = ",".join(map(str, range(1, count + 1)))
        self.do(f"add-nodes {count} voters=({voters}) index=5 {' '.join(options)}")

    # Whom and what.

    def _one_of(self, *numbers: int) -> int:
        return self._random.choice(numbers)

    def _any(self) -> NodeId:
        return self._random.choice(self._world.ids)

    def _some(self, between: str = " ") -> str:
        ids = self._world.ids
        chosen = sorted(self._random.sample(ids, self._random.randint(1, len(ids))))
        return between.join(map(str, chosen))

    def _up(self) -> NodeId:
        up = [n for n, m in self._world.machines.items() if m.is_up]
        return self._random.choice(up or self._world.ids)

    def _leader(self) -> NodeId:
        leaders = [machine.id for machine in self._leaders()]
        return self._random.choice(leaders or self._world.ids)

    def _leaders(self) -> list[Machine]:
        machines = self._world.machines.values()
        return [m for m in machines if m.is_up and m.core.status().role is Role.LEADER]

    def _lost(self) -> str:
        return self._random.choice(["unsynced", "nothing"])

    # Deeds of several words.

    def _propose(self) -> None:
        self._proposals += 1
        self.do(f"propose {self._leader()} p{self._proposals}")

    def _restart(self) -> None:
        down = [n for n, m in self._world.machines.items() if not m.is_up]
        if down:
            self.do(f"restart {self._random.choice(down)}")

    def _cut(self) -> None:
        ids = self._world.ids
        one = self._random.sample(ids, self._random.randint(1, len(ids)))
        other = [n for n in ids if n not in one]
        if other:
            way = self._random.choice(["true", "false"])
            groups = [",".join(map(str, group)) for group in (one, other)]
            self.do(f"cut ({groups[0]}) ({groups[1]}) oneway={way}")

    def _compact(self) -> None:
        machine = self._world.machines[self._any()]
        low, high = machine.disk.first_index() + 1, machine.state.id.index + 1
        if low <= high:
            self.do(f"compact {machine.id} {self._random.randint(low, high)}")

    def _change(self) -> None:
        if self._random.random() < 0.3 and len(self._world.ids) < 7:
            self.do("add-nodes 1")
        if self._random.random() < 0.3:
            self.do(f"propose-conf-change {self._leader()}")
            return
        way = self._random.choice(["auto", "explicit", "implicit"])
        ops = [
            f"{self._random.choice('vvlr')}{self._any()}"
            for _ in range(self._random.randint(1, 2))
        ]
        self.do(
            f"propose-conf-change {self._leader()} transition={way}\n  {' '.join(ops)}"
        )

    def _rot(self) -> None:
        assert self._victim is not None
        disk = self._world.machines[self._victim].disk
        if disk.log:
            index = self._random.randint(disk.first_index(), disk.last_index())
            self.do(f"corrupt {self._victim} {index}")

    # The end.

    def _is_at_rest(self) -> bool:
        """Whether somebody leads, and every member holds and has applied what the leader has."""
        leaders = self._leaders()
        if not leaders:
            return False
        status = max(leaders, key=lambda m: m.core.status().term).core.status()
        membership = status.membership
        if status.commit != status.last or membership.auto_leave:
            return False
        members = [self._world.machines[n] for n in membership.members]
        return all(m.core.status().applied == status.applied for m in members)


def play(seed: int) -> None:
    """Play one seed; what it is about depends on the seed."""
    about = seed % 3
    RandomScript(seed, with_changes=about == 1, with_rot=about == 2).play()


if __name__ == "__main__":
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        play(number)
        print(f"seed {number} is good", end="\r", flush=True)
    print()
