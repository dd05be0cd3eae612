"""A real API server over a real state store, without consensus, and clients with certificates."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import grpc
from google.rpc import error_details_pb2, status_pb2

from ledgerd.api import ids
from ledgerd.api.options import ApiOptions
from ledgerd.api.server import ApiServer
from ledgerd.api.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    admin_pb2_grpc,
    audit_pb2_grpc,
    cluster_pb2_grpc,
    common_pb2,
    dispatch_pb2_grpc,
    events_pb2_grpc,
    payouts_pb2,
    payouts_pb2_grpc,
)
from ledgerd.formats import batches, commands
from ledgerd.formats.entries import decode, encode, link
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import Command
from ledgerd.ledger.events import Event
from ledgerd.node.courier import Decided
from ledgerd.node.feed import Feed, Told
from ledgerd.node.handle import NodeStatus
from ledgerd.node.inbox import InboxDepth
from ledgerd.node.reads import ReadAt
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import (
    GENESIS_LINK,
    Anchor,
    Entry,
    EntryId,
    EntryKind,
    Index,
    NodeId,
    Role,
    Term,
)
from ledgerd.raft.membership import Membership
from ledgerd.raft.requests import Request
from ledgerd.raft.snapshots import Snapshot
from ledgerd.raft.status import Status
from ledgerd.replica.fold import fold
from ledgerd.replica.inputs import Waiter, WriteConcern
from ledgerd.replica.outbox import HandedOver
from ledgerd.security import identity as roles
from ledgerd.security import pki
from ledgerd.security.signing import Signer, SignerFiles
from ledgerd.security.tls import ServerTls
from ledgerd.security.tlsfiles import TlsFiles
from ledgerd.storage import anchor as anchors
from ledgerd.storage import keys
from ledgerd.storage.environment import Environment, StorageOptions, open_directory
from ledgerd.storage.reader import StateReader, read
from ledgerd.storage.state_store import LmdbStateStore

T = TypeVar("T")
SNAPSHOT = Snapshot(
    Anchor(EntryId(Term(2), Index(17)), bytes(32), 1_790_000_000_000_000),
    Membership((NodeId(1),)),
    bytes([1]) * 32,
    1_000,
    bytes([2]) * 32,
)
CLUSTER = "test-cluster"
START_US = 1_790_000_000_000_000
MAP_BYTES = 64 * 1024 * 1024


class DirectNode:
    """A node whose log is the order of the calls: every proposal is decided at once.

    `fault`, when set, is raised by the next proposal. `hold`, when set, delays decisions until it
    is set, in the order of the calls. `together`, when set, is how many commands wait for each
    other and share an entry, as those do that reach a leader within one of its turns.
    """

    def __init__(self, folder: Path) -> None:
        self._environment: Environment = open_directory(
            folder,
            cluster_id=CLUSTER,
            node_id=NodeId(1),
            options=StorageOptions(
                log_map_bytes=MAP_BYTES, state_map_bytes=MAP_BYTES, free_bytes_min=1
            ),
        )
        self._state = LmdbStateStore(self._environment)
        self.index = 0
        self.fault: BaseException | None = None
        self.read_fault: BaseException | None = None
        self.hold: asyncio.Event | None = None
        self.together = 0
        self._waiting: list[tuple[Command, asyncio.Future[Decided]]] = []
        self.ready = True
        self.proposals = 0
        self.deadlines: list[float] = []
        self.changes: list[tuple[Request, int | None]] = []
        self.told: NodeStatus | None = None
        self.transfers: list[int] = []
        self.snapshot: Snapshot | None = None
        self.copies_slowly = False
        self.concerns: list[WriteConcern] = []
        self._moved = asyncio.Condition()
        self.slots: list[int] = []  # reported as corrupt
        self._link = GENESIS_LINK
        self.feed = Feed(self)

    node_id = 1
    cluster_id = CLUSTER
    state_version = 1

    def close(self) -> None:
        """Close the store."""
        self._state.close()
        self._environment.close()

    async def propose_payouts(
        self,
        batch: PayoutBatch,
        deadline: float,
        concern: WriteConcern = WriteConcern.QUORUM,
    ) -> Decided:
        """Decide a batch."""
        self.concerns.append(concern)
        kind, payload = EntryKind.COMMANDS, commands.encode(tuple(batch.commands()))
        if not batch.terms:
            kind, payload = EntryKind.PAYOUTS, batches.encode(batch)
        return await self._decide(kind, payload, len(batch), deadline)

    async def propose_command(
        self,
        command: Command,
        deadline: float,
        concern: WriteConcern = WriteConcern.QUORUM,
    ) -> Decided:
        """Decide a command."""
        self.concerns.append(concern)
        if self.together:
            return await self._decide_together(command, deadline)
        payload = commands.encode([command])
        return await self._decide(EntryKind.COMMANDS, payload, 1, deadline)

    async def _decide_together(self, command: Command, deadline: float) -> Decided:
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append((command, mine))
        if len(self._waiting) == self.together:
            shared, self._waiting = self._waiting, []
            payload = commands.encode([one for one, _ in shared])
            kind, count = EntryKind.COMMANDS, len(shared)
            decided = await self._decide(kind, payload, count, deadline)
            for row, (_, other) in enumerate(shared):
                other.set_result(replace(decided, first=row, count=1))
        return await mine

    async def change_members(
        self, request: Request, expected_index: int | None, deadline: float
    ) -> Decided:
        """Take note of what was asked for, and decide nothing."""
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.changes.append((request, expected_index))
        return await self._decide(EntryKind.NOOP, b"", 0, deadline)

    async def make_snapshot(self, deadline: float) -> bool:
        """Make one at once, unless the test lets it take long."""
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.snapshot = SNAPSHOT
        return not self.copies_slowly

    def newest_snapshot(self) -> Snapshot | None:
        """Return the one that was made."""
        return self.snapshot

    async def transfer(self, to: int, deadline: float) -> HandedOver:
        """Hand over to whom the test names, in the next term."""
        self.deadlines.append(deadline)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.transfers.append(to)
        return HandedOver(Waiter(1), NodeId(to), Term(4))

    def api_address(self, node_id: int) -> str:
        """Return an address with the node's number."""
        return f"127.0.0.1:700{node_id}"

    async def read(
        self,
        query: Callable[[StateReader], T],
        *,
        at_least: int | None,
        max_age_s: float | None = None,
        deadline: float,
    ) -> tuple[ReadAt, T]:
        """Read what is visible."""
        self.deadlines.append(deadline)
        if self.read_fault is not None:
            raise self.read_fault

        def work(reader: StateReader) -> tuple[ReadAt, T]:
            index = reader.applied() if at_least is None else at_least
            age_ms = 0 if max_age_s is None else int(max_age_s * 1_000)
            at = ReadAt(index, reader.applied(), reader.log_time_us(), age_ms)
            return at, query(reader)

        return read(self._environment, work)

    async def proposed(self, count: int) -> None:
        """Return once `count` proposals were made."""
        async with asyncio.timeout(10), self._moved:
            await self._moved.wait_for(lambda: self.proposals >= count)

    async def visible_after(self, index: int) -> None:
        """Return once more was decided."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.index > index)

    def state_age_s(self) -> float | None:
        """Say that the state is new."""
        return 0.0

    def watch(
        self, from_seq: int | None, keep: Callable[[Event], bool] | None = None
    ) -> AsyncGenerator[Told]:
        """Watch what is decided."""
        return self.feed.watch(from_seq, keep)

    def status(self) -> NodeStatus:
        """Say that this node leads alone, or what a test put in the place of that."""
        if self.told is not None:
            return self.told
        at = Index(self.index)
        core = Status(
            node_id=NodeId(1),
            role=Role.LEADER,
            term=Term(3),
            vote=NodeId(1),
            leader=NodeId(1),
            commit=at,
            durable=at,
            applied=at,
            first=Index(1),
            last=at,
            membership=Membership((NodeId(1),)),
            peers=(),
        )
        return NodeStatus(
            core=core,
            visible=at,
            leader_address="127.0.0.1:7001",
            is_ready=self.ready,
            not_ready_reason="" if self.ready else "told so",
            uptime_us=5,
            calls_in_flight=0,
            reads_waiting=0,
            inbox=InboxDepth(1, 2, 3, 4),
            leader_changes=1,
        )

    def is_ready(self) -> bool:
        """Say what the test wants."""
        return self.ready

    def report_slot(self, index: int) -> None:
        """Take note of it."""
        self.slots.append(index)

    def cut(self, first: int) -> None:
        """Forget the entries of the log below `first`, as compaction does."""
        log, tables = self._environment.log, self._environment.log_tables
        with log.begin(write=True) as transaction:
            table = tables[keys.ENTRIES]
            before = decode(
                transaction.get(keys.index_key(Index(first - 1)), db=table),
                Index(first - 1),
            ).entry
            assert before is not None, first
            for index in range(1, first):
                transaction.delete(keys.index_key(Index(index)), db=table)
            anchor = anchors.pack(Anchor(before.id, before.link, before.ts_us))
            transaction.put(keys.ANCHOR, anchor, db=tables[keys.META])

    def rot(self, index: int) -> None:
        """Flip a bit of the log value at `index`."""
        key = keys.index_key(Index(index))
        table = self._environment.log_tables[keys.ENTRIES]
        with self._environment.log.begin(write=True) as transaction:
            value = bytearray(transaction.get(key, db=table))
            value[-1] ^= 1
            transaction.put(key, bytes(value), db=table)

    def _append(self, kind: EntryKind, payload: bytes) -> Entry:
        """Return the next entry, which is in the log of the directory now."""
        term, index = Term(3), Index(self.index)
        ts_us = START_US + self.index * 1_000_000
        self._link = link(
            self._link, index=index, term=term, ts_us=ts_us, kind=kind, payload=payload
        )
        entry = Entry(term, index, kind, ts_us, payload, self._link)
        table = self._environment.log_tables[keys.ENTRIES]
        with self._environment.log.begin(write=True) as transaction:
            transaction.put(keys.index_key(index), encode(entry), db=table)
        return entry

    async def _decide(
        self, kind: EntryKind, payload: bytes, count: int, deadline: float
    ) -> Decided:
        self.deadlines.append(deadline)
        self.proposals += 1
        async with self._moved:
            self._moved.notify_all()
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.index += 1
        entry = self._append(kind, payload)
        folded = fold(
            self._state.view,
            entry,
            self._state.digest(),
            state_version=STATE_VERSION,
            tree=self._state.tree(),
        )
        self._state.write(entry, folded.rows, folded.digest, folded.tree)
        self._state.commit()
        async with self._moved:
            self._moved.notify_all()
        if self.hold is not None:
            await self.hold.wait()
        return Decided(
            term=entry.term,
            index=entry.index,
            ts_us=entry.ts_us,
            outcomes=folded.applied.outcomes,
            first=0,
            count=count,
        )


@dataclass
class Certificates:
    """The CA of a cluster and the clients it knows."""

    folder: Path
    cluster_id: str = CLUSTER
    clients: dict[str, TlsFiles] = field(default_factory=dict)
    nodes: dict[int, TlsFiles] = field(default_factory=dict)
    signers: dict[int, SignerFiles] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pki.create_ca(self.folder, self.cluster_id)

    def node(self, node_id: int) -> TlsFiles:
        """Return a node's files."""
        if node_id not in self.nodes:
            self.nodes[node_id] = pki.issue_node(self.folder, node_id)
        return self.nodes[node_id]

    def signer(self, node_id: int) -> Signer:
        """Return what signs a node's tree heads."""
        if node_id not in self.signers:
            self.signers[node_id] = pki.issue_signer(self.folder, node_id)
        files, ca = self.signers[node_id], self.folder / "ca.pem"
        return Signer.load(files, ca, cluster_id=self.cluster_id, node_id=node_id)

    def client(self, *names: str) -> TlsFiles:
        """Return the files of a client with these roles, none for no name."""
        key = "-".join(sorted(names)) or "nobody"
        if key not in self.clients:
            granted = {roles.Role(name) for name in names}
            self.clients[key] = pki.issue_client(self.folder, key, granted)
        return self.clients[key]


class Stub:
    """All services of one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.payouts = payouts_pb2_grpc.PayoutsStub(channel)
        self.ledger = accounts_pb2_grpc.LedgerStub(channel)
        self.reports = accounts_pb2_grpc.ReportsStub(channel)
        self.feed = events_pb2_grpc.FeedStub(channel)
        self.admin = admin_pb2_grpc.AdminStub(channel)
        self.cluster = cluster_pb2_grpc.ClusterStub(channel)
        self.dispatch = dispatch_pb2_grpc.DispatchStub(channel)
        self.audit = audit_pb2_grpc.AuditStub(channel)


class World:
    """A running server, its node, and channels to it."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.folder = folder
        self.certificates = certificates
        self.metrics = Metrics()
        self.stops: list[BaseException] = []
        self.node = DirectNode(folder / "data")
        self.options = ApiOptions(
            listen="127.0.0.1:0",
            cluster_id=CLUSTER,
            node_id=1,
            peers={2: "127.0.0.1:8002"},
        )
        self.server: ApiServer
        self.signer: Signer | None = certificates.signer(1)
        self._numbers = itertools.count(1)
        self._channels: list[grpc.aio.Channel] = []

    @asynccontextmanager
    async def running(self, **changes: object) -> AsyncIterator["World"]:
        """Serve while the block runs."""
        # Any: `replace` types its changes by field.
        options = replace(self.options, **changes)  # type: ignore[arg-type]
        self.server = ApiServer(
            options,
            node=self.node,
            server_tls=ServerTls(self.certificates.node(1)),
            metrics=self.metrics,
            connected=lambda: {NodeId(2): True},
            fail_stop=self._stop,
            signer=self.signer,
        )
        await self.server.start()
        try:
            yield self
        finally:
            for channel in self._channels:
                await channel.close()
            await self.server.stop(0)
            self.node.close()

    def stub(self, *names: str, files: TlsFiles | None = None) -> Stub:
        """Return the services as a client with these roles, or these files, sees them.

        The channel is made without the checks of `ChannelTls`, as a stranger would.
        """
        shown = files or self.certificates.client(*names)
        credentials = grpc.ssl_channel_credentials(
            shown.ca.read_bytes(),
            shown.key.read_bytes(),
            shown.certificate.read_bytes(),
        )
        channel = grpc.aio.secure_channel(
            f"127.0.0.1:{self.server.port}",
            credentials,
            options=[
                ("grpc.ssl_target_name_override", roles.node_dns(CLUSTER, 1)),
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
            ],
        )
        self._channels.append(channel)
        return Stub(channel)

    def counted(self, name: str, **labels: str) -> float:
        """Return a metric, 0 if it never moved."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def new_id(self, prefix: str) -> str:
        """Return a new id; ids of one world rise."""
        return ids.encode(prefix, uuid7(next(self._numbers)))

    async def account(
        self,
        stub: Stub,
        *,
        units: int = 0,
        currency: str = "USD",
        livemode: bool = False,
    ) -> str:
        """Open an account and put money into it."""
        account_id = self.new_id(ids.ACCOUNT)
        await stub.ledger.OpenAccount(
            accounts_pb2.OpenAccountRequest(
                account_id=account_id, currency=currency, livemode=livemode
            )
        )
        if units:
            await stub.ledger.Fund(
                accounts_pb2.FundRequest(
                    request_id=self.new_id(ids.REQUEST),
                    account_id=account_id,
                    amount=common_pb2.Money(units=units, currency=currency),
                    bank="test_bank",
                    external_ref=self.new_id(ids.REQUEST),
                )
            )
        return account_id

    def order(self, account_id: str, **changes: object) -> payouts_pb2.PayoutOrder:
        """Return an order for the sandbox."""
        order = payouts_pb2.PayoutOrder(
            payout_id=self.new_id(ids.PAYOUT),
            account_id=account_id,
            amount=common_pb2.Money(units=250, currency="USD"),
            rail="sandbox",
            destination=us_account(),
            reference="Invoice 7",
            metadata={"b": "2", "a": "1"},
        )
        order.MergeFrom(payouts_pb2.PayoutOrder(**changes))
        return order

    def _stop(self, error: BaseException, *, where: str) -> None:
        self.stops.append(error)


def uuid7(number: int) -> bytes:
    """Return a UUIDv7 whose time and order are `number`."""
    raw = bytearray((START_US // 1000 + number).to_bytes(6, "big") + bytes(10))
    raw[6] = 0x70
    raw[8] = 0x80
    return bytes(raw)


def us_account(**changes: str) -> payouts_pb2.Destination:
    """Return a destination in the United States."""
    fields = {
        "country": "US",
        "bank_code": "021000021",
        "account_number": "12345678",
        "name": "Ada Lovelace",
        "account_type": "checking",
        **changes,
    }
    return payouts_pb2.Destination(kind=payouts_pb2.Destination.US_ACCOUNT, **fields)


class Refusal:
    """What a caller learns from a call that got no answer."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code = error.code()
        self.message = error.details() or ""
        self.reason = ""
        self.metadata: dict[str, str] = {}
        self.fields: list[str] = []
        self.retry_after_s = 0.0
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                self._read(status_pb2.Status.FromString(value))

    def _read(self, status: status_pb2.Status) -> None:
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            bad = error_details_pb2.BadRequest()
            retry = error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                assert info.domain == "ledgerd"
                self.reason = info.reason
                self.metadata = dict(info.metadata)
            elif detail.Unpack(bad):
                self.fields = [item.field for item in bad.field_violations]
            elif detail.Unpack(retry):
                self.retry_after_s = retry.retry_delay.nanos / 1e9


async def refusal_of(call: object) -> Refusal:
    """Return how a call was refused; fail if it was answered."""
    try:
        await call  # type: ignore[misc] # a call of any message type
    except grpc.aio.AioRpcError as error:
        return Refusal(error)
    raise AssertionError("expected a refusal, found an answer")


__all__ = [
    "CLUSTER",
    "START_US",
    "Certificates",
    "DirectNode",
    "Refusal",
    "Stub",
    "World",
    "refusal_of",
    "us_account",
    "uuid7",
]
