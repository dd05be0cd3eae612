"""The service `Admin`: operating the cluster."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import grpc

from ledgerd import __version__
from ledgerd.api import calls, codec, fees, rail_names, rails, risk, settings
from ledgerd.api.deciding import Deciding
from ledgerd.api.granted import Granted
from ledgerd.api.handle import NodeHandle
from ledgerd.api.options import ApiOptions
from ledgerd.api.v1 import admin_pb2 as pb
from ledgerd.api.v1 import admin_pb2_grpc, rails_pb2, risk_pb2, settings_pb2
from ledgerd.api.v1.common_pb2 import ReadConcern, ReadHeader
from ledgerd.errors import CallError
from ledgerd.ledger.policy import Policy
from ledgerd.raft.entries import NodeId, Role
from ledgerd.storage.reader import StateReader

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]

_ROLES: Final = {
    Role.FOLLOWER: pb.FOLLOWER,
    Role.PRE_CANDIDATE: pb.PRE_CANDIDATE,
    Role.CANDIDATE: pb.CANDIDATE,
    Role.LEADER: pb.LEADER,
}
_VISIBLE_S_MAX: Final = 0.5  # for a status


class _Visible(NamedTuple):
    """What readers see: one consistent moment."""

    applied: int
    digest: bytes
    log_time_us: int


class AdminService(Deciding, admin_pb2_grpc.AdminServicer):
    """Answers the calls of `Admin`."""

    def __init__(
        self,
        options: ApiOptions,
        node: NodeHandle,
        *,
        connected: Callable[[], Mapping[NodeId, bool]],
        calls_in_flight: Callable[[], int],
        granted: Granted,
    ) -> None:
        super().__init__(options, node)
        self._granted = granted
        self._connected = connected
        self._calls_in_flight = calls_in_flight

    async def Status(  # noqa: D102 - the proto says what it does
        self, request: pb.StatusRequest, context: Context
    ) -> pb.StatusReply:
        visible = await self._visible(calls.current().deadline)
        status = self._node.status()
        core = status.core
        return pb.StatusReply(
            cluster_id=self._options.cluster_id,
            node_id=self._options.node_id,
            version=__version__,
            role=_ROLES[core.role],
            term=core.term,
            leader_id=core.leader,
            leader_address=status.leader_address,
            first_index=core.first,
            last_index=core.last,
            durable_index=core.durable,
            commit_index=core.commit,
            applied_index=core.applied,
            visible_index=visible.applied,
            digest=visible.digest.hex(),
            log_time_us=visible.log_time_us,
            ready=status.is_ready,
            not_ready_reason=status.not_ready_reason,
            voters=core.membership.voters,
            peers=self._peers(),
            uptime_us=status.uptime_us,
            calls_in_flight=self._calls_in_flight(),
            inbox_length=status.inbox.commands + status.inbox.reads,
            state_version=self._node.state_version,
            leader_changes=status.leader_changes,
        )

    async def SetFees(  # noqa: D102
        self, request: pb.SetFeesRequest, context: Context
    ) -> pb.SetFeesReply:
        command = fees.set_fees(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return pb.SetFeesReply(header=header, result=result)

    async def GetFees(  # noqa: D102
        self, request: pb.GetFeesRequest, context: Context
    ) -> pb.GetFeesReply:
        call = calls.current()
        at_least, max_age_s = codec.read_wish(request.concern)
        read_at, reply = await self._node.read(
            lambda reader: fees.fees_reply(
                reader.fee_schedules(), reader.catalogue(), reader.log_time_us()
            ),
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=call.deadline,
        )
        call.read_at(read_at)
        reply.header.CopyFrom(
            self._replies.read(read_at, state_version=self._node.state_version)
        )
        return reply

    async def SetCatalogue(  # noqa: D102
        self, request: rails_pb2.SetCatalogueRequest, context: Context
    ) -> rails_pb2.SetCatalogueReply:
        command = rails.set_catalogue(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        await rail_names.known().look(header.index)
        return rails_pb2.SetCatalogueReply(header=header, result=result)

    async def AmendCalendar(  # noqa: D102
        self, request: rails_pb2.AmendCalendarRequest, context: Context
    ) -> rails_pb2.AmendCalendarReply:
        command = rails.amend_calendar(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return rails_pb2.AmendCalendarReply(header=header, result=result)

    async def SuspendRail(  # noqa: D102
        self, request: rails_pb2.SuspendRailRequest, context: Context
    ) -> rails_pb2.SuspendRailReply:
        command = rails.suspend_rail(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return rails_pb2.SuspendRailReply(header=header, result=result)

    async def GetCatalogue(  # noqa: D102
        self, request: rails_pb2.GetCatalogueRequest, context: Context
    ) -> rails_pb2.GetCatalogueReply:
        call = calls.current()
        at_least, max_age_s = codec.read_wish(request.concern)
        read_at, catalogue = await self._node.read(
            lambda reader: reader.catalogue(),
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=call.deadline,
        )
        reply = rails.catalogue_reply(catalogue)
        reply.header.CopyFrom(
            self._replies.read(read_at, state_version=self._node.state_version)
        )
        return reply

    async def SetLimits(  # noqa: D102
        self, request: risk_pb2.SetLimitsRequest, context: Context
    ) -> risk_pb2.SetLimitsReply:
        command = risk.set_limits(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return risk_pb2.SetLimitsReply(header=header, result=result)

    async def SetRules(  # noqa: D102
        self, request: risk_pb2.SetRulesRequest, context: Context
    ) -> risk_pb2.SetRulesReply:
        command = risk.set_rules(request, principal=calls.current().principal)
        header, result = await self._decide(command, request.concern)
        return risk_pb2.SetRulesReply(header=header, result=result)

    async def GetLimits(  # noqa: D102
        self, request: risk_pb2.GetLimitsRequest, context: Context
    ) -> risk_pb2.GetLimitsReply:
        header, policy = await self._policy(request.concern)
        reply = risk.limits_reply(policy)
        reply.header.CopyFrom(header)
        return reply

    async def GetRules(  # noqa: D102
        self, request: risk_pb2.GetRulesRequest, context: Context
    ) -> risk_pb2.GetRulesReply:
        header, policy = await self._policy(request.concern)
        reply = risk.rules_reply(policy)
        reply.header.CopyFrom(header)
        return reply

    async def SetRoles(  # noqa: D102
        self, request: settings_pb2.SetRolesRequest, context: Context
    ) -> settings_pb2.SetRolesReply:
        caller = calls.current().identity
        assert caller is not None, "a call is answered after it was admitted"
        command = settings.set_roles(
            request,
            principal=caller.name,
            is_certified_admin=caller.is_certified_admin,
        )
        header, result = await self._decide(command, request.concern)
        await self._granted.look(header.index)
        return settings_pb2.SetRolesReply(header=header, result=result)

    async def GetRoles(  # noqa: D102
        self, request: settings_pb2.GetRolesRequest, context: Context
    ) -> settings_pb2.GetRolesReply:
        header, policy = await self._policy(request.concern)
        reply = settings.roles_reply(policy)
        reply.header.CopyFrom(header)
        return reply

    async def SetCurrencies(  # noqa: D102
        self, request: settings_pb2.SetCurrenciesRequest, context: Context
    ) -> settings_pb2.SetCurrenciesReply:
        principal = calls.current().principal
        command = settings.set_currencies(request, principal=principal)
        header, result = await self._decide(command, request.concern)
        return settings_pb2.SetCurrenciesReply(header=header, result=result)

    async def GetCurrencies(  # noqa: D102
        self, request: settings_pb2.GetCurrenciesRequest, context: Context
    ) -> settings_pb2.GetCurrenciesReply:
        header, policy = await self._policy(request.concern)
        reply = settings.currencies_reply(policy, header.log_time_us)
        reply.header.CopyFrom(header)
        return reply

    async def _policy(self, concern: ReadConcern) -> tuple[ReadHeader, Policy]:
        """Return all versions of these settings, as of a read."""
        at_least, max_age_s = codec.read_wish(concern)
        read_at, policy = await self._node.read(
            lambda reader: reader.policy(),
            at_least=at_least,
            max_age_s=max_age_s,
            deadline=calls.current().deadline,
        )
        header = self._replies.read(read_at, state_version=self._node.state_version)
        return header, policy

    async def _visible(self, deadline: float) -> _Visible:
        """Return what readers see now, without a quorum; zeros if it cannot be read soon.

        While the disk hangs no read begins (F9), and this answer is asked for then above all.
        """

        def query(reader: StateReader) -> _Visible:
            return _Visible(reader.applied(), reader.digest(), reader.log_time_us())

        now = asyncio.get_running_loop().time()
        soon = now + min((deadline - now) / 2, _VISIBLE_S_MAX)
        try:
            _, visible = await self._node.read(query, at_least=0, deadline=soon)
        except CallError:
            # A node that stops still says what it knows of consensus.
            return _Visible(0, b"", 0)
        return visible

    def _peers(self) -> list[pb.PeerStatus]:
        progress = {peer.node_id: peer for peer in self._node.status().core.peers}
        connected = self._connected()
        peers: list[pb.PeerStatus] = []
        membership = self._node.status().core.membership
        addresses = {n.node_id: n.peer_address for n in membership.nodes}
        addresses |= {NodeId(n): at for n, at in self._options.peers.items()}
        peers_known = {*membership.members, *connected}
        if membership.index == 0:
            peers_known |= {NodeId(number) for number in self._options.peers}
        for node_id in sorted(peers_known - {NodeId(self._options.node_id)}):
            peer = pb.PeerStatus(
                node_id=node_id,
                address=addresses.get(node_id, ""),
                connected=connected.get(node_id, False),
            )
            seen = progress.get(node_id)
            if seen is not None:
                peer.progress = seen.mode.value
                peer.match_index, peer.next_index = seen.match, seen.next
            peers.append(peer)
        return peers
