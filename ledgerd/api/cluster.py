"""The service `Cluster`: who takes part, and who leads."""

from collections.abc import Iterable
from typing import Any, Final

import grpc

from ledgerd.api import calls
from ledgerd.api.handle import NodeHandle
from ledgerd.api.overview import overview
from ledgerd.api.v1 import cluster_pb2 as pb
from ledgerd.api.v1 import cluster_pb2_grpc
from ledgerd.errors import NotLogged, Reason
from ledgerd.node.courier import message_of
from ledgerd.raft.entries import NO_NODE, NodeId, Role
from ledgerd.raft.membership import Membership, NodeKind, NodeRecord
from ledgerd.raft.messages import Checkpoint
from ledgerd.raft.requests import (
    AddNode,
    RemoveNode,
    ReplaceNode,
    Request,
    UpdateNode,
)
from ledgerd.raft.status import PeerStatus, Status
from ledgerd.security.tls import split_address

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]

_ANSWER_S: Final = 0.25  # before its deadline a call says that the copy is under way
_TEXT_CHARACTERS_MAX: Final = 255  # of an address or a region
_SILENT_TICKS: Final = 100  # far more than a busy machine makes of its own


class ClusterService(cluster_pb2_grpc.ClusterServicer):
    """Answers the calls of `Cluster`."""

    def __init__(self, node: NodeHandle) -> None:
        self._node = node

    async def Members(  # noqa: D102 - the proto says what it does
        self, request: pb.MembersRequest, context: Context
    ) -> pb.MembersReply:
        core = self._node.status().core
        if request.from_leader and core.role is not Role.LEADER:
            facts = {}
            if core.leader:
                address = self._node.api_address(core.leader)
                facts = {"leader": str(core.leader), "leader_address": address}
            raise NotLogged(Reason.NOT_LEADER, message_of(Reason.NOT_LEADER), facts)
        return _members(core)

    async def Snapshot(  # noqa: D102
        self, request: pb.SnapshotRequest, context: Context
    ) -> pb.SnapshotReply:
        core = self._node.status().core
        reply = pb.SnapshotReply(
            node_id=self._node.node_id,
            log_first_index=core.first,
            log_last_index=core.last,
        )
        if request.make:
            deadline = calls.current().deadline - _ANSWER_S
            reply.under_way = not await self._node.make_snapshot(deadline)
        newest = self._node.newest_snapshot()
        if newest is not None:
            reply.newest.CopyFrom(
                pb.SnapshotCopy(
                    index=newest.index,
                    term=newest.id.term,
                    ts_us=newest.anchor.ts_us,
                    digest=newest.digest.hex(),
                    size_bytes=newest.size_bytes,
                    sha256=newest.sha256.hex(),
                    membership_index=newest.membership.index,
                )
            )
        return reply

    async def Digest(  # noqa: D102
        self, request: pb.DigestRequest, context: Context
    ) -> pb.DigestReply:
        status = self._node.status()
        core = status.core
        reply = pb.DigestReply(
            node_id=self._node.node_id,
            kept=[_digest_at(checkpoint) for checkpoint in core.checkpoints],
            diverged_index=core.diverged_at or 0,
            fenced=status.not_ready_reason if status.is_fenced else "",
            corrupt_log_values=len(core.corrupt),
        )
        if core.digest is not None:
            reply.now.CopyFrom(_digest_at(core.digest))
        return reply

    async def AddNode(  # noqa: D102
        self, request: pb.AddNodeRequest, context: Context
    ) -> pb.MembershipReply:
        adding = _adding(request)
        return await self._change(
            adding,
            request.expected_index,
            request.node_id,
            f"{_new(request.node_id)} cannot be added",
        )

    async def RemoveNode(  # noqa: D102
        self, request: pb.RemoveNodeRequest, context: Context
    ) -> pb.MembershipReply:
        removing = RemoveNode(NodeId(request.node_id))
        return await self._change(
            removing,
            request.expected_index,
            request.node_id,
            f"node {request.node_id} cannot be removed",
        )

    async def ReplaceNode(  # noqa: D102
        self, request: pb.ReplaceNodeRequest, context: Context
    ) -> pb.MembershipReply:
        new = request.new_node
        replacing = ReplaceNode(NodeId(request.old_node_id), _adding(new))
        return await self._change(
            replacing,
            new.expected_index,
            new.node_id,
            f"{_new(new.node_id)} cannot take the place of node {request.old_node_id}",
        )

    async def UpdateNode(  # noqa: D102
        self, request: pb.UpdateNodeRequest, context: Context
    ) -> pb.MembershipReply:
        _check_texts(request)
        for field in ("peer_address", "api_address"):
            if request.HasField(field):
                _check_address(request, field)
        given = {
            field: getattr(request, field) if request.HasField(field) else None
            for field in ("peer_address", "api_address", "priority", "region")
        }
        update = UpdateNode(NodeId(request.node_id), **given)
        return await self._change(
            update,
            request.expected_index,
            request.node_id,
            f"what is known of node {request.node_id} cannot be changed",
        )

    async def _change(
        self, request: Request, expected_index: int, node_id: int, refused: str
    ) -> pb.MembershipReply:
        """Have the members changed. Raises NotLogged; a refusal begins with `refused`."""
        call = calls.current()
        core = self._node.status().core
        try:
            if core.role is Role.LEADER:  # the others may not know the newest addresses
                _check_addresses_are_free(core.membership, request)
            decided = await self._node.change_members(
                request, expected_index or None, call.deadline
            )
        except NotLogged as error:
            if error.reason is not Reason.CHANGE_REFUSED:
                raise
            found = _standing(core.membership)
            why = f"{refused}: {error.message}; {found}"
            raise NotLogged(error.reason, why, error.metadata) from error
        call.decided(decided)
        core = self._node.status().core
        added = node_id or max(core.membership.learners, default=0)
        return pb.MembershipReply(
            term=decided.term,
            index=decided.index,
            members=_members(core),
            node_id=added,
        )

    async def Status(  # noqa: D102
        self, request: pb.ClusterStatusRequest, context: Context
    ) -> pb.ClusterStatusReply:
        core = self._node.status().core
        if request.from_leader and core.role is not Role.LEADER:
            reason = Reason.NO_LEADER if core.leader == NO_NODE else Reason.NOT_LEADER
            facts = {"leader": str(core.leader)} if core.leader != NO_NODE else {}
            raise NotLogged(reason, "expected the leader, found another node", facts)
        return overview(
            core,
            cluster_id=self._node.cluster_id,
            state_version=self._node.state_version,
            addresses={
                member: self._node.api_address(member)
                for member in core.membership.members
            },
        )

    async def Transfer(  # noqa: D102
        self, request: pb.TransferLeadershipRequest, context: Context
    ) -> pb.TransferLeadershipReply:
        core = self._node.status().core
        leader, term, before = core.leader, core.term, request.from_node_id
        is_done = (
            core.role is Role.LEADER
            and request.from_node_id not in (0, leader)
            and request.to_node_id in (0, leader)
        )
        if not is_done:  # else this is what a repeated request led to
            if core.role is Role.LEADER:
                _check_target(core, NodeId(request.to_node_id))
            deadline = calls.current().deadline
            ended = await self._node.transfer(request.to_node_id, deadline)
            leader, term, before = ended.leader, ended.term, core.node_id
        return pb.TransferLeadershipReply(
            leader_id=leader,
            leader_address=self._node.api_address(leader),
            term=term,
            from_node_id=before,
        )


def _check_target(core: Status, to: NodeId) -> None:
    """Return unless `to` is no voter, or nothing is heard of it for a while. Raises NotLogged.

    A transfer to it would keep all callers waiting for an election base, each time it is asked
    for, and end in nothing.
    """
    silent = [p.node_id for p in core.peers if p.silent_ticks >= _SILENT_TICKS]
    voters = core.membership.all_voters
    is_strange = to not in (NO_NODE, *voters)
    if not is_strange and to not in silent:
        return
    flaw = "is no voter" if is_strange else "is silent"
    heard = [n for n in core.membership.voters if n not in (core.node_id, *silent)]
    raise NotLogged(
        Reason.NO_TRANSFER_TARGET,
        f"expected another voter that is heard, found node {to}, which {flaw}; of the others "
        f"these are heard: {_numbers(heard)}",
        {"leader": str(core.node_id)},
    )


def _check_addresses_are_free(membership: Membership, request: Request) -> None:
    """Return if no other member has an address that `request` gives. Raises NotLogged.

    A node that takes the place of another one may have its addresses.
    """
    old = NO_NODE
    if isinstance(request, ReplaceNode):
        old, request = request.old, request.new
    if isinstance(request, RemoveNode):
        return
    for field in ("peer_address", "api_address"):
        given = getattr(request, field)
        for record in membership.nodes:
            if record.node_id in (request.node_id, old) or not given:
                continue
            if getattr(record, field) == given:
                raise NotLogged(
                    Reason.CHANGE_REFUSED,
                    f"{field}: expected one of its own, found {given}, which is that of node "
                    f"{record.node_id}: remove or replace that one, or say where it is now "
                    f"(ledgerctl cluster update {record.node_id})",
                )


def _standing(membership: Membership) -> str:
    """Return who takes part, for whoever asked for a change that cannot be."""
    said = f"voters: {_numbers(membership.voters)}"
    if membership.learners:
        said += f"; learners: {_numbers(membership.learners)}"
    return f"{said}; the next node gets number {membership.node_id_last + 1}"


def _numbers(node_ids: Iterable[NodeId]) -> str:
    return ", ".join(map(str, node_ids)) or "none"


def _new(node_id: int) -> str:
    return f"node {node_id}" if node_id else "a new node"


def _adding(request: pb.AddNodeRequest) -> AddNode:
    """Return what is asked for. Raises NotLogged with MALFORMED."""
    _check_texts(request)
    for field in ("peer_address", "api_address"):
        _check_address(request, field)
    return AddNode(
        NodeId(request.node_id),
        peer_address=request.peer_address,
        api_address=request.api_address,
        kind=NodeKind.STANDBY if request.standby else NodeKind.FULL,
        priority=request.priority,
        region=request.region,
    )


def _check_texts(request: pb.AddNodeRequest | pb.UpdateNodeRequest) -> None:
    for field in ("peer_address", "api_address", "region"):
        if len(getattr(request, field)) > _TEXT_CHARACTERS_MAX:
            raise _malformed(field, f"at most {_TEXT_CHARACTERS_MAX} characters")


def _check_address(
    request: pb.AddNodeRequest | pb.UpdateNodeRequest, field: str
) -> None:
    given = getattr(request, field)
    try:
        split_address(given, port_min=1)
    except ValueError as error:
        raise _malformed(field, f"host:port ({error})") from error


def _malformed(field: str, expected: str) -> NotLogged:
    facts = {"field": field, "expected": expected}
    return NotLogged(Reason.MALFORMED, f"{field}: expected {expected}", facts)


def _members(core: Status) -> pb.MembersReply:
    membership = core.membership
    peers = {peer.node_id: peer for peer in core.peers}
    return pb.MembersReply(
        membership_index=membership.index,
        joint=membership.is_joint,
        members=[
            _member(membership, node_id, core, peers.get(node_id))
            for node_id in membership.members
        ],
        leader_id=core.leader,
        commit_index=core.commit,
        next_node_id=membership.node_id_last + 1,
    )


def _member(
    membership: Membership, node_id: NodeId, core: Status, peer: PeerStatus | None
) -> pb.Member:
    record = membership.record(node_id) or NodeRecord(node_id)
    plan = membership.plan(node_id)
    member = pb.Member(
        node_id=node_id,
        role=_role(membership, node_id),
        peer_address=record.peer_address,
        api_address=record.api_address,
        store_uuid=record.store_uuid.hex(),
        standby=record.kind is NodeKind.STANDBY,
        priority=record.priority,
        region=record.region,
        state_version_min=record.version_min,
        state_version_max=record.version_max,
        catching_up=plan is not None,
        replaces=plan.replaces if plan is not None else 0,
    )
    if core.role is Role.LEADER:
        member.progress.CopyFrom(_progress(core, peer))
    return member


def _role(membership: Membership, node_id: NodeId) -> pb.MemberRole:
    if node_id in membership.voters:
        return pb.VOTER
    return pb.OUTGOING if node_id in membership.outgoing else pb.LEARNER


def _progress(core: Status, peer: PeerStatus | None) -> pb.MemberProgress:
    """Return what the leader knows of a member, itself included."""
    if peer is None:
        return pb.MemberProgress(match_index=core.durable, heard=True, mode="leader")
    return pb.MemberProgress(
        match_index=peer.match,
        lag_entries=max(0, core.last - peer.match),
        heard=peer.is_heard,
        mode=peer.mode.value,
        catch_up_round=peer.catch_up_round,
    )


def _digest_at(checkpoint: Checkpoint) -> pb.DigestAt:
    return pb.DigestAt(index=checkpoint.index, digest=checkpoint.digest.hex())
