"""The two queues of outgoing messages. The class of a message picks its queue, nothing else.

That makes "persist, then promise" structural: whatever rests on durable state (T1, T3, T81) is a
`LateMessage` and can only reach `Ready.send_after`.
"""

from ledgerd.raft.entries import Index, NodeId
from ledgerd.raft.messages import (
    AppendAccepted,
    AppendEntries,
    EarlyMessage,
    Heartbeat,
    HeartbeatReply,
    LateMessage,
    Message,
    ReadIndexReply,
    ReadIndexRequest,
    RepairReply,
    RepairRequest,
    SnapshotOffer,
    TimeoutNow,
)


class Outgoing:
    """Messages since the last Ready, in the order they were sent."""

    __slots__ = ("_node_id", "early", "late")

    def __init__(self, node_id: NodeId) -> None:
        self._node_id = node_id
        self.early: list[EarlyMessage] = []
        self.late: list[LateMessage] = []

    def send(self, message: Message) -> None:
        """Queue the message where its class belongs."""
        assert message.sender == self._node_id != message.to, message
        if isinstance(
            message,
            (
                AppendEntries,
                Heartbeat,
                HeartbeatReply,
                ReadIndexRequest,
                ReadIndexReply,
                SnapshotOffer,
                RepairRequest,
                RepairReply,
                TimeoutNow,
            ),
        ):
            self.early.append(message)
        else:
            self.late.append(message)

    def withdraw_acks(self, first: Index) -> None:
        """Drop what acks an entry from `first` on: it was replaced, perhaps never written (R9)."""
        self.late = [
            message
            for message in self.late
            if not (isinstance(message, AppendAccepted) and message.match >= first)
        ]

    def take_early(self) -> tuple[EarlyMessage, ...]:
        """Hand over the early queue."""
        taken = tuple(self.early)
        self.early.clear()
        return taken

    def take_late(self) -> tuple[LateMessage, ...]:
        """Hand over the late queue."""
        taken = tuple(self.late)
        self.late.clear()
        return taken
