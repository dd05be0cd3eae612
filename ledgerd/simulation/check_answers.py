"""What callers are told, checked against the log: R12, R13, I16, and that each call ends once."""

from dataclasses import dataclass

from ledgerd.raft.entries import NO_INDEX, Index, NodeId
from ledgerd.replica.inputs import Waiter
from ledgerd.replica.outbox import Answered
from ledgerd.simulation.check_ledger import AccountSeen, LedgerWatch
from ledgerd.simulation.verdict import require


@dataclass(slots=True)
class Call:
    """One attempt of a client at one node.

    tag: names the attempt in the log. rows: how many it has; 0 for a read.
    floor: a read must show at least this index. end: how it ended, empty while it waits.
    taken_by: the node and the incarnation that took it in, once one has.
    """

    waiter: Waiter
    tag: str
    rows: int
    floor: Index = NO_INDEX
    end: str = ""
    taken_by: tuple[NodeId, int] | None = None


@dataclass(slots=True)
class Tally:
    """How many calls ended how."""

    answered: int = 0
    refused: int = 0
    unknown: int = 0
    reads: int = 0


class AnswersWatch:
    """All calls and their ends. Each call of a method raises Violation on a breach."""

    def __init__(self, ledger: LedgerWatch) -> None:
        self.tally = Tally()
        self.newest = Index(0)  # the newest state that any answer has shown
        self._ledger = ledger
        self._refused: set[str] = set()

    def begin_read(self, call: Call) -> None:
        """A read begins: it must show everything that was answered before now."""
        call.floor = self.newest

    def answered(self, call: Call, answer: Answered) -> None:
        """The log answered a call: its rows stand there, and the ledger agrees."""
        self._end(call, "answered")
        self.tally.answered += 1
        require(
            answer.index <= self._ledger.index,
            "R13",
            f"{call.tag} is answered at {answer.index}, which is not committed",
        )
        tags = self._ledger.tags[answer.index]
        last = answer.first + answer.count
        require(
            answer.count == call.rows
            and tags[answer.first : last] == (call.tag,) * call.rows,
            "R13",
            f"{call.tag} is answered with rows {answer.first}..{last} of {answer.index}",
        )
        expected = self._ledger.outcomes[answer.index]
        require(
            answer.outcomes == expected, "I12", f"outcomes at {answer.index} differ"
        )
        self.newest = max(self.newest, answer.index)

    def refused(self, call: Call) -> None:
        """A call was certainly not proposed: it must never be found in the log."""
        self._end(call, "refused")
        self.tally.refused += 1
        if call.rows:
            self._refused.add(call.tag)
            self._check_absent(call.tag)

    def unknown(self, call: Call) -> None:
        """Nobody knows a call's fate."""
        self._end(call, "unknown")
        self.tally.unknown += 1

    def read(
        self, call: Call, account_id: bytes, index: Index, found: AccountSeen | None
    ) -> None:
        """A read was answered with what the account was at `index`."""
        self._end(call, "read")
        self.tally.reads += 1
        require(
            index >= call.floor,
            "R12",
            f"read {call.tag} shows {index}, an answer before it showed {call.floor}",
        )
        expected = self._ledger.account_at(account_id, index)
        require(
            found == expected,
            "R12",
            f"read {call.tag} of {account_id.hex()} at {index} found {found}, was {expected}",
        )
        self.newest = max(self.newest, index)

    def committed(self, index: Index) -> None:
        """An entry was committed: no attempt in it was refused as not proposed."""
        for tag in self._ledger.tags[index]:
            self._check_absent(tag, index)

    def _check_absent(self, tag: str, index: int | None = None) -> None:
        if index is None:
            index = self._ledger.seen_tags.get(tag)
        is_refused = index is not None and tag in self._refused
        require(not is_refused, "R13", f"{tag} was refused, and stands at {index}")

    def _end(self, call: Call, how: str) -> None:
        require(not call.end, "R13", f"{call.tag} ends twice: {call.end}, {how}")
        call.end = how
