"""Whole replicas over stores in memory, with a network that tests deliver by hand."""

import hashlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from ledgerd.formats import versions
from ledgerd.formats.entries import link
from ledgerd.formats.memberships import encode_change, membership_in
from ledgerd.formats.records import TableRows
from ledgerd.formats.versions import STATE_VERSION, STATE_VERSION_FIRST
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Fund, OpenAccount
from ledgerd.ledger.money import currency_number
from ledgerd.ledger.view import LedgerView
from ledgerd.raft.core import RaftCore
from ledgerd.raft.entries import (
    GENESIS_ANCHOR,
    Anchor,
    Entry,
    HardState,
    Index,
    NodeId,
    Role,
)
from ledgerd.raft.membership import NOBODY, Membership
from ledgerd.raft.messages import EarlyMessage, LateMessage, Message, SnapshotOffer
from ledgerd.raft.options import Options
from ledgerd.raft.ready import Ready
from ledgerd.raft.snapshots import Snapshot
from ledgerd.replica.compaction import LogBounds
from ledgerd.replica.inputs import (
    CommandProposed,
    Input,
    PayoutsProposed,
    Received,
    SnapshotFetched,
    SnapshotMade,
    Ticked,
    Waiter,
)
from ledgerd.replica.outbox import Outbox
from ledgerd.replica.ports import Receipt
from ledgerd.replica.replica import Replica
from ledgerd.replica.tree import NO_TREE, Edge
from tests.fakes import MemoryView
from tests.storage.memory import MemoryDisk, MemoryLogStore

USD = currency_number("USD")
START_US = 1_790_000_000_000_000
ACCOUNT = bytes.fromhex("0199a0000000700080000000000000a1")


class MemoryState:
    """`replica.ports.StateStore` over a `MemoryView`."""

    def __init__(
        self, events: list[str], state_version: int = STATE_VERSION_FIRST
    ) -> None:
        self.ledger = MemoryView()
        self._events = events
        self._applied = Index(0)
        self._durable = Index(0)
        self._digest = bytes(32)
        self._membership = NOBODY
        self._tree = NO_TREE
        self._state_version = state_version
        self.digests: dict[int, bytes] = {}
        self.incoming: dict[bytes, MemoryState] = {}

    def view(self) -> LedgerView:
        return self.ledger

    def write(
        self, entry: Entry, rows: Sequence[TableRows], digest: bytes, tree: Edge
    ) -> None:
        assert entry.index == self._applied + 1, (entry.index, self._applied)
        self.ledger.write(rows)
        self._membership = membership_in(rows) or self._membership
        self._tree = tree
        self._applied = entry.index
        self._state_version = versions.after(entry, self._state_version)
        self._digest = self.digests[entry.index] = digest
        self._events.append(f"apply {entry.index}")

    def commit(self) -> Index:
        return self._applied

    def applied(self) -> Index:
        return self._applied

    def digest(self) -> bytes:
        return self._digest

    def membership(self) -> Membership:
        return self._membership

    def tree(self) -> Edge:
        return self._tree

    def state_version(self) -> int:
        return self._state_version

    def durable(self) -> Index:
        return self._durable

    def sync(self) -> Index:
        self._events.append(f"sync {self._applied}")
        self._durable = self._applied
        return self._durable

    def copy(self) -> "MemoryState":
        """Return the state as it is now, as a copy on another node would have it."""
        return deepcopy(self)

    def install(self, snapshot: Snapshot) -> None:
        found = self.incoming[snapshot.sha256]
        events = self._events
        events.append(f"install {snapshot.index}")
        self.__dict__ |= deepcopy(found).__dict__ | {
            "_events": events,
            "incoming": {},
            "_durable": snapshot.index,
        }


class MemorySnapshots:
    """`replica.ports.SnapshotStore`: what it begins is ended by the test.

    made: copies by checksum; several machines share it as the network that they fetch through.
    """

    def __init__(
        self, state: MemoryState, made: dict[bytes, tuple[Snapshot, MemoryState]]
    ) -> None:
        self._state = state
        self._made = made
        self._newest: Snapshot | None = None
        self.anchor: Callable[[], Anchor] = lambda: GENESIS_ANCHOR
        self.building: MemoryState | None = None
        self.fetching: SnapshotOffer | None = None
        self.begun: list[str] = []

    def newest(self) -> Snapshot | None:
        return self._newest

    def make(self, doublings: int) -> Index:
        assert self.building is None, "T63: one at a time"
        self.begun.append(f"make x{1 << doublings}" if doublings else "make")
        self.building = self._state.copy()
        self._at = self.anchor()
        return self._state.applied()

    def finish_making(self) -> SnapshotMade:
        assert self.building is not None
        state, self.building = self.building, None
        sha256 = hashlib.sha256(repr((self._at, id(self))).encode()).digest()
        snapshot = Snapshot(self._at, state.membership(), state.digest(), 1, sha256)
        self._made[sha256] = (snapshot, state)
        self._newest = snapshot
        return SnapshotMade(snapshot)

    def fail_making(self) -> SnapshotMade:
        self.building = None
        return SnapshotMade(None, "told to fail")

    def fetch(self, offer: SnapshotOffer) -> None:
        self.begun.append(f"fetch {offer.snapshot.index}")
        self.fetching = offer

    def stop_fetching(self) -> None:
        self.begun.append("stop")
        self.fetching = None

    def finish_fetching(self, *, is_refused: bool = False) -> SnapshotFetched:
        assert self.fetching is not None
        sha256 = self.fetching.snapshot.sha256
        self.fetching = None
        if is_refused:
            return SnapshotFetched(sha256, None)
        snapshot, state = self._made[sha256]
        self._state.incoming[sha256] = state
        return SnapshotFetched(sha256, snapshot)


@dataclass
class Post:
    """`replica.ports.Mail` that keeps what was sent, and notes when.

    promised: late messages, each with what the disk held when it left.
    """

    events: list[str]
    disk: MemoryDisk
    sent: list[Message] = field(default_factory=list)
    promised: list[tuple[Message, HardState | None, int]] = field(default_factory=list)

    def early(self, messages: Sequence[EarlyMessage]) -> None:
        self.events += [f"early {type(message).__name__}" for message in messages]
        self.sent += messages

    def after(self, messages: Sequence[LateMessage], receipt: Receipt) -> None:
        assert isinstance(receipt, Receipt)
        self.events += [f"after {type(message).__name__}" for message in messages]
        last = max(self.disk.entries, default=0)
        self.promised += [(message, self.disk.twins[0], last) for message in messages]
        self.sent += messages


class NotingLog(MemoryLogStore):
    """A log store in memory that notes when it persists entries or a vote."""

    def __init__(self, disk: MemoryDisk, events: list[str]) -> None:
        super().__init__(disk)
        self.noted = events

    def persist(self, ready: Ready) -> Receipt:
        receipt = super().persist(ready)
        if ready.must_sync:
            self.noted.append("persist")
        return receipt


class Machine:
    """One replica, its stores, and what it sent."""

    def __init__(
        self,
        node_id: int,
        voters: Sequence[int],
        options: Options,
        founding: Membership | None = None,
        *,
        bounds: LogBounds | None = None,
        made: dict[bytes, tuple[Snapshot, MemoryState]] | None = None,
    ) -> None:
        founding = founding or Membership(tuple(NodeId(voter) for voter in voters))
        self.node_id = NodeId(node_id)
        self.events: list[str] = []
        self.disk = MemoryDisk()
        # A log is cut only where every member understands that.
        in_force = STATE_VERSION_FIRST if bounds is None else STATE_VERSION
        self.state = MemoryState(self.events, in_force)
        self.post = Post(self.events, self.disk)
        log = NotingLog(self.disk, self.events)
        core = RaftCore(
            self.node_id,
            options=options,
            membership=founding,
            hard_state=log.hard_state(),
            log=log,
            applied=Index(0),
            jitter=lambda n: node_id % n,
            link=link,
            encode_change=encode_change,
        )
        self.snapshots = MemorySnapshots(self.state, {} if made is None else made)
        self.snapshots.anchor = lambda: self._anchor_at(self.state.applied())
        self.log = log
        self.replica = Replica(
            core=core,
            log=log,
            state=self.state,
            mail=self.post,
            snapshots=self.snapshots,
            bounds=bounds,
        )
        self.outboxes: list[Outbox] = []

    def _anchor_at(self, index: Index) -> Anchor:
        if index == self.log.anchor().at:
            return self.log.anchor()
        entry = self.log.entries(index, index, 0)[0]
        return Anchor(entry.id, entry.link, entry.ts_us)

    @property
    def role(self) -> Role:
        return self.replica.core.status().role

    def turn(self, *inputs: Input, now_us: int = START_US) -> Outbox:
        outbox = self.replica.turn(inputs, lambda: now_us)
        self.replica.settle()
        self.outboxes.append(outbox)
        return outbox


class Machines:
    """A cluster in memory. Messages move only by `deliver`."""

    def __init__(
        self,
        count: int = 3,
        options: Options | None = None,
        bounds: LogBounds | None = None,
    ) -> None:
        voters = range(1, count + 1)
        made: dict[bytes, tuple[Snapshot, MemoryState]] = {}
        self.by_id = {
            node_id: Machine(
                node_id, voters, options or Options(), bounds=bounds, made=made
            )
            for node_id in voters
        }
        self.cut: set[int] = set()

    def __getitem__(self, node_id: int) -> Machine:
        return self.by_id[node_id]

    def elect(self, node_id: int) -> Machine:
        """Make a node campaign and win."""
        machine = self[node_id]
        machine.replica.core.campaign()
        machine.turn()
        self.deliver()
        assert machine.role is Role.LEADER, machine.role
        return machine

    def deliver(self, rounds: int = 50) -> None:
        """Deliver until nobody has anything to say; drop what crosses a cut."""
        turns_left = 5
        for _ in range(rounds):
            sent = [m for machine in self.by_id.values() for m in machine.post.sent]
            for machine in self.by_id.values():
                machine.post.sent.clear()
            if not sent:
                turns_left -= 1
                if not turns_left or not self._has_caught_up():
                    return
            for node_id, machine in self.by_id.items():
                mine = [
                    Received(message)
                    for message in sent
                    if message.to == node_id
                    and not {message.to, message.sender} & self.cut
                ]
                if mine:
                    machine.turn(*mine)
        raise AssertionError("the machines do not come to rest")

    def _has_caught_up(self) -> bool:
        """Take the turns that were asked for; return whether there were any."""
        waiting = [
            machine
            for machine in self.by_id.values()
            if machine.outboxes and machine.outboxes[-1].again
        ]
        for machine in waiting:
            machine.turn()
        return bool(waiting)

    @staticmethod
    def received(messages: Sequence[Message]) -> list[Received]:
        """Return the inputs of messages that a test delivers by hand."""
        return [Received(message) for message in messages]

    def tick(self, ticks: int = 1) -> None:
        """Let time pass everywhere, delivering after each tick."""
        for _ in range(ticks):
            for machine in self.by_id.values():
                machine.turn(Ticked(1, 0))
            self.deliver()


def uuid7(number: int) -> bytes:
    """Return a UUIDv7 of the start time with `number` in its random part."""
    milliseconds = START_US // 1000
    return (
        milliseconds.to_bytes(6, "big")
        + b"\x70\x00\x80\x00"
        + number.to_bytes(6, "big")
    )


def open_account(waiter: int = 900) -> CommandProposed:
    command = OpenAccount(ACCOUNT, USD, False, "owner", 0, "tests")
    return CommandProposed(Waiter(waiter), command)


def fund(amount_minor: int, waiter: int = 901) -> CommandProposed:
    command = Fund(uuid7(999), ACCOUNT, amount_minor, USD, "main", "ref-1", "tests")
    return CommandProposed(Waiter(waiter), command)


def payouts(waiter: int, *numbers: int, amount_minor: int = 100) -> PayoutsProposed:
    """Return a proposal of one payout for each number, on the rail sandbox."""
    batch = PayoutBatch()
    for number in numbers:
        batch.add(
            payout_id=uuid7(number),
            account_id=ACCOUNT,
            amount_minor=amount_minor,
            currency=USD,
            rail=1,
            principal="tests",
            details=b"",
        )
    return PayoutsProposed(Waiter(waiter), batch)
