"""Protocol events told in short: three nodes elect, write, commit, read and change members."""

import json
from typing import Any

from jepsen.checkers.protocol.events import Event, parse

THREE = {"voters": [1, 2, 3], "outgoing": []}


class Story:
    """Writes the events of a cluster, one line each. Nothing is checked here."""

    def __init__(
        self, nodes: int = 3, *, membership: dict[str, Any] | None = None
    ) -> None:
        self.lines: list[dict[str, Any]] = []
        self.terms: dict[int, int] = {}
        self.membership = membership or {
            "voters": list(range(1, nodes + 1)),
            "outgoing": [],
        }
        for node in range(1, nodes + 1):
            self.start(node)

    def add(self, name: str, node: int, **fields: Any) -> "Story":
        seq = len(self.lines) + 1
        line = {"seq": seq, "tick": seq * 10, "node": node, "incarnation": 1}
        self.lines.append(line | {"event": name} | fields)
        return self

    def start(
        self,
        node: int,
        *entries: list[object],
        term: int = 0,
        vote: int = 0,
        **fields: Any,
    ) -> "Story":
        return self.add(
            "start",
            node,
            term=term,
            vote=vote,
            entries=list(entries),
            membership=self.membership,
            store=fields.pop("store", f"store{node}"),
            **fields,
        )

    def persist(
        self, node: int, *entries: list[object], hard: tuple[int, int] | None = None
    ) -> "Story":
        fields: dict[str, Any] = {"entries": list(entries)}
        if hard is not None:
            fields |= {"hard_term": hard[0], "hard_vote": hard[1]}
            self.terms[node] = hard[0]
        return self.add("persist", node, **fields)

    def send(self, node: int, message: str) -> "Story":
        return self.add("send", node, message=message, id=f"m{len(self.lines)}")

    def elect(self, leader: int, term: int, *voters: int) -> "Story":
        """Let a node win a term with the votes of these nodes and its own."""
        self.persist(leader, hard=(term, leader))
        for voter in voters:
            self.send(leader, f"{leader}->{voter} RequestVote term={term} last=0/0")
            self.persist(voter, hard=(term, leader))
            self.send(voter, f"{voter}->{leader} RequestVoteReply term={term} granted")
        return self.add("become-leader", leader, term=term, role="leader")

    def store(self, entry: list[object], leader: int, *followers: int) -> "Story":
        """Let the leader and followers write an entry; the followers ack it."""
        term, index, _ = entry
        self.persist(leader, entry)
        for node in followers:
            is_new = self.terms.get(node, 0) < int(str(term))
            self.persist(node, entry, hard=(int(str(term)), 0) if is_new else None)
            self.send(
                node,
                f"{node}->{leader} AppendAccepted term={term} match={index} stream=1.1",
            )
        return self

    def commit(self, node: int, entry: list[object], **fields: Any) -> "Story":
        return self.add("commit", node, id=entry, commit=entry[1], **fields)

    def apply(self, node: int, entry: list[object]) -> "Story":
        return self.add(
            "apply", node, id=entry, applied=entry[1], digest=f"d{entry[1]}"
        )

    def text(self) -> list[str]:
        return [json.dumps(line) + "\n" for line in self.lines]

    def events(self, source: str = "all") -> list[Event]:
        return list(parse(self.text(), source))


A = [1, 1, "a"]
B = [1, 2, "b"]
C = [2, 3, "c"]


def usual() -> Story:
    """Two terms, three entries, reads, a transfer, a snapshot, a change of members."""
    story = Story()
    story.elect(1, 1, 2)
    story.store(A, 1, 2, 3).commit(1, A, term=1, role="leader").apply(1, A)
    story.add("read-register", 1, ticket=1)
    story.add("propose", 1, index=2)
    story.store(B, 1, 2, 3).commit(1, B, term=1, role="leader")
    story.apply(1, B).add("read-confirm", 1, ticket=1, index=2)
    story.commit(2, B, term=1, role="follower").apply(2, B)
    story.add("transfer", 1, to=2)
    story.elect(2, 2, 3)
    story.add("become-follower", 1, term=2, role="follower")
    story.store(C, 2, 3).commit(2, C, term=2, role="leader").apply(2, C)
    story.add("change-propose", 2, index=4)
    story.add("snapshot-make", 2, id=C, digest="d3", membership=story.membership)
    story.add("compact", 2, first=3)
    joint = {"voters": [1, 2, 4], "outgoing": [1, 2, 3]}
    story.add("change-apply", 2, index=4, membership=joint)
    story.add(
        "change-apply", 2, index=5, membership={"voters": [1, 2, 4], "outgoing": []}
    )
    return story
