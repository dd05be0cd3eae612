"""Plays a script: each command in turn on one world, which is checked after each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from ledgerd.simulation.script import (
    breaking,
    building,
    changing,
    driving,
    handling,
    showing,
)
from ledgerd.simulation.script.args import Args
from ledgerd.simulation.script.play import Lines, Play
from ledgerd.simulation.script.text import Block, Script, ScriptError

Command: TypeAlias = Callable[[Play, Args], Lines]

COMMANDS: Final[Mapping[str, Command]] = {
    "add-nodes": building.add_nodes,
    "rules": building.rules,
    "log-level": building.log_level,
    "campaign": driving.campaign,
    "tick-heartbeat": driving.tick_heartbeat,
    "tick-election": driving.tick_election,
    "tick": driving.tick,
    "pause": driving.pause,
    "set-randomized-election-timeout": driving.set_randomized_election_timeout,
    "propose": driving.propose,
    "read": driving.read,
    "forget-leader": driving.forget_leader,
    "report-unreachable": driving.report_unreachable,
    "peer-lost": driving.peer_lost,
    "fitness": driving.fitness,
    "capacity": driving.capacity,
    "greet": driving.greet,
    "transfer-leadership": driving.transfer_leadership,
    "propose-conf-change": changing.propose_conf_change,
    "request": changing.request,
    "process-ready": handling.process_ready,
    "process-append-thread": handling.process_append_thread,
    "process-apply-thread": handling.process_apply_thread,
    "deliver-msgs": handling.deliver_msgs,
    "compact": handling.compact,
    "send-snapshot": handling.send_snapshot,
    "report-snapshot": handling.report_snapshot,
    "stabilize": handling.stabilize,
    "raft-state": showing.raft_state,
    "raft-log": showing.raft_log,
    "status": showing.status,
    "state-machine": showing.state_machine,
    "crash": breaking.crash,
    "restart": breaking.restart,
    "wipe": breaking.wipe,
    "corrupt": breaking.corrupt,
    "diverge": breaking.diverge,
    "duplicate": breaking.duplicate,
    "cut": breaking.cut,
    "heal": breaking.heal,
}


class Interpreter:
    """One play. path: names the script in errors."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.play = Play()

    def run(self, block: Block) -> Lines:
        """Return what a command prints, `ok` if it has nothing to say. Raises ScriptError.

        A broken invariant is a ScriptError, too: no script may lead to one.
        """
        command = COMMANDS.get(block.name)
        if command is None:
            raise ScriptError(
                self.path, block.line, f"there is no command {block.name!r}"
            )
        args = Args(self.path, block, self.play.world.machines.keys())
        try:
            lines = command(self.play, args)
            args.done()
            self.play.world.check()
        except AssertionError as error:
            raise args.fault(f"an invariant is broken: {error}") from error
        if self.play.is_silent:
            return ["ok"]
        return lines or ["ok"]


def play(script: Script) -> Sequence[Lines]:
    """Return what each block of a script prints. Raises ScriptError."""
    interpreter = Interpreter(script.path)
    return [interpreter.run(block) for block in script.blocks]
