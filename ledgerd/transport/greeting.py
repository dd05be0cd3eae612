"""The first frame in either direction: who speaks, of which cluster, and whether the proof agrees.

Both ends check the other's greeting before a single message counts (T69, T77, raft.md F25). The
certificate was checked by TLS; here it must also name the node that the greeting names.
"""

import os
from enum import Enum
from typing import Final

from ledgerd.errors import CallError, LedgerdError
from ledgerd.formats.versions import STATE_VERSION, STATE_VERSION_MIN
from ledgerd.raft.entries import NO_NODE, NodeId
from ledgerd.raft.facts import PeerGreeted
from ledgerd.raft.membership import NOBODY, UNKNOWN_STORE, Membership, Standing
from ledgerd.raft.protocol import PROTOCOL_MAX, PROTOCOL_MIN
from ledgerd.security.identity import Identity, require_node
from ledgerd.transport.options import STORE_ID_BYTES, TransportOptions
from ledgerd.transport.v1 import peer_pb2 as pb

_INCARNATION_BYTES: Final = 8


class Refusal(Enum):
    """Why a stream between nodes was refused; the value is the label of the counter."""

    NO_GREETING = "peer_no_greeting"
    FOREIGN_CLUSTER = "peer_foreign_cluster"
    NOT_A_MEMBER = "peer_not_a_member"
    REMOVED = "peer_removed"
    WRONG_NODE = "peer_wrong_node"
    CERTIFICATE = "peer_certificate"
    PROTOCOL = "peer_protocol"
    STORE_CHANGED = "peer_store_changed"
    STORE_ROLLED_BACK = "peer_store_rolled_back"
    BY_PEER = "peer_refused_us"  # the other end refused this node


class GreetingRefused(LedgerdError):
    """The other end is not who it must be. Nothing it sends is looked at."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class Greetings:
    """Makes this node's greeting and judges those of others. Remembers the store of each peer.

    A peer that comes back with another store under its old id has lost what it had promised, so it
    may neither vote nor acknowledge (F25). The membership in force says which store each node has;
    what it does not say yet is remembered as long as the process lasts, and that of a founder for
    good (`storage.met`).
    """

    def __init__(
        self, options: TransportOptions, membership: Membership = NOBODY
    ) -> None:
        self._options = options
        self._membership = membership
        self._addresses: dict[NodeId, str] = {}
        self._incarnation = os.urandom(_INCARNATION_BYTES)
        self._stores: dict[NodeId, bytes] = {}
        self._boots: dict[NodeId, tuple[bytes, int, bytes]] = {}  # store, boot, start

    def follow(self, membership: Membership) -> None:
        """Judge by this membership from now on."""
        self._membership = membership

    def address_of(self, node_id: NodeId) -> str:
        """Return where a node that greeted says that it is dialled; empty if it did not say."""
        return self._addresses.get(node_id, "")

    def hello(self, to: NodeId, *, clock_us: int) -> bytes:
        """Return this node's greeting to `to`, as a frame."""
        options = self._options
        hello = pb.Hello(
            cluster_id=options.cluster_id,
            node_id=options.node_id,
            to_node_id=to,
            protocol_min=PROTOCOL_MIN,
            protocol_max=PROTOCOL_MAX,
            incarnation=self._incarnation,
            store_id=options.store_id,
            state_version_min=STATE_VERSION_MIN,
            state_version_max=STATE_VERSION,
            peer_address=options.peer_address,
            boot=options.boot,
        )
        return pb.Frame(clock_us=clock_us, hello=hello).SerializeToString()

    def check(
        self, frame: pb.Frame, *, expected: NodeId | None, identity: Identity | None
    ) -> PeerGreeted:
        """Return who greeted and what it understands, if that node may speak to this one.

        expected: the node that was dialled; None on the side that was called.
        identity: of the caller's certificate; None on the dialling side, where TLS has compared
            the name in the certificate, and without TLS.
        Errors: GreetingRefused, saying what was expected and what was found.
        """
        if frame.WhichOneof("kind") != "hello":
            found = frame.WhichOneof("kind") or "an empty frame"
            raise GreetingRefused(
                Refusal.NO_GREETING, f"expected a greeting first, found {found}"
            )
        hello = frame.hello
        self._check_names(hello, expected)
        sender = NodeId(hello.node_id)
        if identity is not None:
            _check_certificate(identity, sender)
        if hello.protocol_min > PROTOCOL_MAX or hello.protocol_max < PROTOCOL_MIN:
            raise GreetingRefused(
                Refusal.PROTOCOL,
                f"node {sender} speaks protocol versions {hello.protocol_min} .. "
                f"{hello.protocol_max}, this node {PROTOCOL_MIN} .. {PROTOCOL_MAX}: "
                "upgrade one release at a time",
            )
        self._check_store(sender, hello.store_id)
        self._check_boot(sender, hello)
        self._addresses[sender] = hello.peer_address
        return PeerGreeted(
            sender,
            protocol=min(hello.protocol_max, PROTOCOL_MAX),
            # A release from before these fields leaves both at 0.
            state_version_min=hello.state_version_min or 1,
            state_version_max=hello.state_version_max or 1,
            store_uuid=hello.store_id,
        )

    def _check_names(self, hello: pb.Hello, expected: NodeId | None) -> None:
        options = self._options
        if hello.cluster_id != options.cluster_id:
            raise GreetingRefused(
                Refusal.FOREIGN_CLUSTER,
                f"expected cluster {options.cluster_id}, found cluster {hello.cluster_id[:64]}",
            )
        if expected is not None and hello.node_id != expected:
            raise GreetingRefused(
                Refusal.WRONG_NODE,
                f"expected node {expected} where it was dialled, found node {hello.node_id}: "
                "compare the peer addresses of the members in the configuration",
            )
        if hello.node_id in (NO_NODE, options.node_id):
            raise GreetingRefused(
                Refusal.NOT_A_MEMBER,
                f"expected another node than {options.node_id}, found node {hello.node_id}",
            )
        if hello.to_node_id != options.node_id:
            raise GreetingRefused(
                Refusal.WRONG_NODE,
                f"node {hello.node_id} expected node {hello.to_node_id} here, but this is "
                f"node {options.node_id}: compare the peer addresses of the members in the "
                "configuration",
            )

    def _check_store(self, sender: NodeId, store_id: bytes) -> None:
        if len(store_id) != STORE_ID_BYTES:
            raise GreetingRefused(
                Refusal.NO_GREETING,
                f"expected a store id of {STORE_ID_BYTES} bytes from node {sender}, "
                f"found {len(store_id)}",
            )
        standing = self._membership.standing(sender, store_id)
        if standing is Standing.REMOVED:
            raise GreetingRefused(
                Refusal.REMOVED,
                f"node {sender} was removed from the cluster, and its number is never used "
                "again: stop it; a new node joins under a new number (ledgerctl cluster add)",
            )
        if standing is Standing.UNKNOWN:
            return  # it has promised nothing yet, so nothing of it is remembered
        record = self._membership.record(sender)
        recorded = record.store_uuid if record is not None else UNKNOWN_STORE
        if standing is Standing.OTHER_STORE:
            known = recorded  # what is refused is not remembered: the right store may come back
        else:
            known = self._stores.setdefault(sender, store_id)
        if known != store_id:
            raise GreetingRefused(
                Refusal.STORE_CHANGED,
                f"node {sender} had store {known.hex()} and now has {store_id.hex()}: an "
                "emptied or exchanged data directory under an old number may not vote; bring "
                "back the old directory, or let a node with a new number take the place of "
                f"this one: ledgerctl cluster replace {sender}",
            )

    def _check_boot(self, sender: NodeId, hello: pb.Hello) -> None:
        """Refuse a store that was started more often before than it knows of (F35, T13)."""
        if not hello.boot or sender not in self._stores:
            return
        store, boot, incarnation = self._boots.get(
            sender, (hello.store_id, 0, hello.incarnation)
        )
        is_older = hello.boot < boot or (
            hello.boot == boot and hello.incarnation != incarnation
        )
        if store == hello.store_id and is_older:
            raise GreetingRefused(
                Refusal.STORE_ROLLED_BACK,
                f"node {sender} was started {boot} times before and now says {hello.boot}: an "
                "older copy of its data directory was put back, and what it promised since is "
                "lost; let a node with a new number take its place: "
                f"ledgerctl cluster replace {sender}",
            )
        self._boots[sender] = (hello.store_id, hello.boot, hello.incarnation)


def _check_certificate(identity: Identity, sender: NodeId) -> None:
    try:
        require_node(identity, node_id=sender)
    except CallError as error:
        raise GreetingRefused(Refusal.CERTIFICATE, error.message) from error
