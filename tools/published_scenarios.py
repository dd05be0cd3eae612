"""Replays published interaction scenarios of etcd-io/raft on our core, and compares what they mean.

    python -m tools.published_scenarios FOLDER          a folder of testdata, which is not ours

Files of that form are scripts of `ledgerd.simulation.script` with another vocabulary and other
output. Compared is what any correct core must share: roles and terms (`raft-state`), logs
(`raft-log`), term, vote and commit where everything has come to rest, which entries a node applied
and in which order, memberships, refusals, match and state of peers, and which classes of messages
a node sends at all. Not compared: log text, how many messages carry it, their order between peers,
and next and window while something is under way.

Played otherwise, to the same end:
- Nobody forwards a proposal (F19); it is made at the leader that its node knows.
- A new leader changes no membership before its own first entry is applied (T50): that comes first.
- A refused change leaves no entry here; there an empty one stands in its place, so one is proposed.
- A request for votes leaves after the write of the candidate's own vote (T81), so with threads of
  its own that write is finished at once, as in `async_storage_writes_append_aba_race`.

Known differences:
- `forget_leader_read_only_lease_based` is skipped: there are no lease reads (F12).
- `confchange_disable_validation` is skipped: there is no such switch.
- Where a removed leader steps down it hands over first (F6), so a new term follows at once.
- A leader that steps down takes back what it has not sent yet (T40), such as heartbeats.

Exit code: 0 all alike, 1 something differs, 2 a file cannot be played.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ledgerd.raft.describe import describe_role
from ledgerd.raft.entries import Entry, EntryKind, NodeId
from ledgerd.raft.membership import Membership
from ledgerd.raft.messages import Message
from ledgerd.simulation.script.interpreter import Interpreter
from ledgerd.simulation.script.machine import Machine
from ledgerd.simulation.script.text import Block, ScriptError, parse, read
from ledgerd.simulation.script.world import World

SKIPPED: Final = {
    "forget_leader_read_only_lease_based": "there are no lease reads (F12)",
    "confchange_disable_validation": "there is no such switch",
}
# Differences that are ours, by scenario: reported, and no failure.
_HANDS_OVER: Final = "a removed leader hands over before it leaves (F6)"
KNOWN: Final = {
    "checkquorum": "heartbeats not sent before a leader stepped down are taken back (T40)",
    "confchange_v1_remove_leader_stepdown": _HANDS_OVER,
    "confchange_v2_replace_leader_stepdown": _HANDS_OVER,
}
# Their class of a message -> ours. Others have no counterpart of their own, or are only answers.
CLASSES: Final = {
    "MsgPreVote": "PreVote",
    "MsgVote": "RequestVote",
    "MsgVoteResp": "RequestVoteReply",
    "MsgApp": "AppendEntries",
    "MsgAppResp": "AppendAccepted",
    "MsgHeartbeat": "Heartbeat",
    "MsgSnap": "SnapshotOffer",
    "MsgTimeoutNow": "TimeoutNow",
}
_COMPARED: Final = ("MsgPreVote", "MsgVote", "MsgHeartbeat", "MsgSnap", "MsgTimeoutNow")
_STATES: Final = {
    "StateFollower": "follower",
    "StatePreCandidate": "pre_candidate",
    "StateCandidate": "candidate",
    "StateLeader": "leader",
}
_STATE: Final = re.compile(
    r"(\d+): (\w+) \((Voter|Non-Voter)\)(?: Term:(\d+) Lead:(\d+))?"
)
_ENTRY: Final = re.compile(r"(\d+)/(\d+) Entry(\w+)(?: (.*))?")
_HARD: Final = re.compile(r"HardState Term:(\d+)(?: Vote:(\d+))? Commit:(\d+)")
_SECTION: Final = re.compile(r"> (\d+) (\w+)")
_SENT: Final = re.compile(r"(\d+)->\d+ (Msg\w+)")
_PEER: Final = re.compile(r"(\d+): State(\w+) match=(\d+)")
_CONFIG: Final = re.compile(
    r"INFO (\d+) switched to configuration voters=\(([\d ]*)\)(?:&&\(([\d ]*)\))?"
    r"(?: learners=\(([\d ]*)\))?(?: learners_next=\(([\d ]*)\))?( autoleave)?"
)


class Recorder(World):
    """A world that remembers which node sent messages of which class."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: set[tuple[int, str]] = set()

    def send(self, message: Message) -> None:
        """Put it under way and remember its class."""
        self.sent.add((message.sender, type(message).__name__))
        super().send(message)


class Scenario:
    """One published file while it plays here."""

    def __init__(self, path: Path) -> None:
        self.script = read(path)
        self.world = Recorder()
        self.compared = 0
        self.differences: list[str] = []
        self._interpreter = Interpreter(self.script.path)
        self._interpreter.play.world = self.world
        self._sent: set[tuple[int, str]] = set()
        self._applied: dict[NodeId, list[tuple[int, int]]] = defaultdict(list)

    def play(self) -> None:
        """Play all blocks and compare each. Raises ScriptError."""
        for block in (single for b in self.script.blocks for single in _split(b)):
            block_here = self._ours(block)
            if block.name == "propose-conf-change":
                self._finish_first_entry(block_here)
            said = self._interpreter.run(block_here)
            if block.name == "propose-conf-change" and _is_refused(block):
                leader = self._machine(block.words[0])
                leader.core.propose(EntryKind.NOOP, b"", 0)
            if block.name in ("process-ready", "stabilize"):
                self._finish_votes()
            self._compare(block, said)
        last = self.script.blocks[-1]
        for node_id, expected in self._applied.items():
            found = [
                tuple(applied.id) for applied in self.world.machines[node_id].history
            ]
            self._equal(
                last,
                f"applied at {node_id}",
                expected,
                [e for e in expected if e in found],
            )
        missing = {
            (n, c) for n, c in self._sent if (n, CLASSES[c]) not in self.world.sent
        }
        self._equal(last, "classes of messages never sent", [], sorted(missing))

    def _finish_first_entry(self, block: Block) -> None:
        """Let a leader on its own apply what it appended when it was elected (T50)."""
        leader = self._machine(block.words[0])
        if len(leader.core.status().membership.members) == 1:
            while leader.process_ready() is not None:
                pass

    def _finish_votes(self) -> None:
        """Finish writes that hold back a request for votes (T81)."""
        for machine in self.world.machines.values():
            while any(
                type(message).__name__ == "RequestVote"
                for job in machine.jobs
                for message in job.send_after
            ):
                machine.write_next()

    def _ours(self, block: Block) -> Block:
        """Return the same command in our words."""
        options = {k: v for k, v in block.options.items() if k != "log-level"}
        words = block.words
        if "type" in options:
            options["type"] = tuple(CLASSES.get(v, v) for v in options["type"])
        if (
            "drop" in options
        ):  # what is on its way to a node not there yet is lost anyway
            there = {str(node_id) for node_id in self.world.ids}
            options["drop"] = tuple(v for v in options["drop"] if v in there)
        if block.name == "compact":  # theirs names the last entry that goes
            words = (words[0], str(int(words[1]) + 1))
        elif block.name.startswith("propose") and not _is_refused(block):
            leader = self._machine(words[0]).core.status().leader
            words = (str(leader or words[0]), *words[1:])
        return replace(block, words=words, options=options)

    # What is compared.

    def _compare(self, block: Block, said: Sequence[str]) -> None:
        expected = block.expected or ()
        match block.name:
            case "raft-state":
                for found in filter(None, map(_STATE.fullmatch, expected)):
                    self._role(block, found)
            case "raft-log":
                node = self._machine(block.words[0])
                entries = [e for e in map(_ENTRY.fullmatch, expected) if e]
                theirs = [(int(e[1]), int(e[2]), *_content(e)) for e in entries]
                self._equal(block, "log", theirs, list(map(_entry, node.disk.log)))
            case "status":
                self._peers(block, self._machine(block.words[0]), expected)
            case "propose" | "propose-conf-change":
                refused = any(line.startswith("refused") for line in said)
                self._equal(block, "refused", _is_refused(block), refused)
            case _:
                self._steps(block, expected)

    def _machine(self, word: str) -> Machine:
        return self.world.machines[NodeId(int(word))]

    def _role(self, block: Block, found: re.Match[str]) -> None:
        status = self._machine(found[1]).core.status()
        role, part = describe_role(status).split()[1:3]
        self._equal(block, "role", _STATES[found[2]], role)
        self._equal(block, "is a voter", found[3] == "Voter", part == "voter")
        if found[4] is not None:
            theirs = (int(found[4]), int(found[5]))
            self._equal(block, "term and leader", theirs, (status.term, status.leader))

    def _peers(self, block: Block, node: Machine, expected: Sequence[str]) -> None:
        ours_ = {p.node_id: (p.mode.value, p.match) for p in node.core.status().peers}
        for found in filter(None, map(_PEER.match, expected)):
            if NodeId(int(found[1])) != node.id:
                theirs = (found[2].lower(), int(found[3]))
                self._equal(
                    block, f"peer {found[1]}", theirs, ours_.get(NodeId(int(found[1])))
                )

    def _steps(self, block: Block, expected: Sequence[str]) -> None:
        hard: dict[NodeId, tuple[int, int, int]] = {}
        configurations: dict[NodeId, Membership] = {}
        for node_id, line, is_applied in _lines(block, expected):
            if sent := _SENT.match(line):
                if sent[2] in _COMPARED:
                    self._sent.add((int(sent[1]), sent[2]))
            elif found := _HARD.match(line):
                hard[node_id] = (int(found[1]), int(found[2] or 0), int(found[3]))
            elif found := _CONFIG.match(line):
                configurations[NodeId(int(found[1]))] = _membership(found)
            elif is_applied and (found := _ENTRY.match(line)):
                self._applied[node_id].append((int(found[1]), int(found[2])))
        is_at_rest = (
            block.name == "stabilize" and not block.words and not self.world.in_flight
        )
        for node_id, theirs in hard.items() if is_at_rest else ():
            state = self.world.machines[node_id].core.status()
            self._equal(
                block,
                f"hard state of {node_id}",
                theirs,
                (state.term, state.vote, state.commit),
            )
        for node_id, membership in configurations.items():
            found_ = self.world.machines[node_id].core.status().membership
            self._equal(block, f"membership at {node_id}", membership, _plain(found_))

    def _equal(self, block: Block, what: str, theirs: object, ours_: object) -> None:
        self.compared += 1
        if theirs != ours_:
            place = f"{self.script.path}:{block.line}: {block.name}"
            self.differences.append(
                f"{place}: {what}: published {theirs}, here {ours_}"
            )


def _split(block: Block) -> Iterator[Block]:
    """Yield the commands of a block: several may stand above one expectation."""
    if block.name == "propose-conf-change" or not block.input:
        yield block
        return
    yield replace(block, input=(), expected=None)
    more = parse("\n\n".join(block.input), "").blocks
    for command in more:
        is_last = command is more[-1]
        expected = block.expected if is_last else None
        yield replace(command, line=block.line, expected=expected)


def _lines(block: Block, expected: Sequence[str]) -> Iterator[tuple[NodeId, str, bool]]:
    """Yield each line with the node it is of, and whether it is an entry that is applied."""
    first = block.words[0] if block.words else "0"
    node_id = NodeId(int(first)) if first.isdecimal() else NodeId(0)
    part = ""
    for line in expected:
        if section := _SECTION.match(line):
            node_id, part = NodeId(int(section[1])), ""
        elif line.rstrip().endswith(":") and "->" not in line:
            part = line.strip()
        yield node_id, line.strip(), part == "CommittedEntries:"


def _is_refused(block: Block) -> bool:
    words = ("dropped", "ignoring")
    return any(word in line for line in block.expected or () for word in words)


def _content(entry: re.Match[str]) -> tuple[bool, str]:
    is_membership = entry[3].startswith("ConfChange")
    return is_membership, "" if is_membership else json.loads(entry[4] or '""')


def _entry(entry: Entry) -> tuple[int, int, bool, str]:
    is_membership = entry.kind is EntryKind.MEMBERSHIP
    text = "" if is_membership else entry.payload.decode()
    return entry.term, entry.index, is_membership, text


def _ids(text: str | None) -> tuple[NodeId, ...]:
    return tuple(sorted(NodeId(int(word)) for word in (text or "").split()))


def _membership(found: re.Match[str]) -> Membership:
    return Membership(
        _ids(found[2]),
        _ids(found[3]),
        _ids(found[4]),
        _ids(found[5]),
        found[6] is not None,
    )


def _plain(membership: Membership) -> Membership:
    """Return the membership without what the published form does not show."""
    return Membership(
        membership.voters,
        membership.outgoing,
        membership.learners,
        membership.learners_next,
        membership.auto_leave,
    )


def main(arguments: Sequence[str]) -> int:
    """Replay every file of the folder; say what differs."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tools.published_scenarios FOLDER\n")
        return 2
    paths = sorted(Path(arguments[0]).glob("*.txt"))
    if not paths:
        sys.stderr.write(
            f"error: {arguments[0]}: expected scenarios, *.txt, found none\n"
        )
        return 2
    code = 0
    for path in paths:
        if path.stem in SKIPPED:
            print(f"{path.stem}: skipped: {SKIPPED[path.stem]}")
            continue
        scenario = Scenario(path)
        try:
            scenario.play()
        except ScriptError as error:
            print(f"{path.stem}: cannot be played: {error}")
            code = 2
            continue
        print(*scenario.differences, sep="\n", end="\n" if scenario.differences else "")
        told = f"{scenario.compared} compared, {len(scenario.differences)} differ"
        known = f"; known: {KNOWN[path.stem]}" if path.stem in KNOWN else ""
        print(f"{path.stem}: {told}{known}")
        code = max(code, 1 if scenario.differences and not known else 0)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
