"""The public API of one node: one gRPC server with its services, health, reflection and gate."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ledgerd.api.accounts import LedgerService
from ledgerd.api.admin import AdminService
from ledgerd.api.audit import AuditService
from ledgerd.api.cluster import ClusterService
from ledgerd.api.dispatch import DispatchService
from ledgerd.api.events import FeedService
from ledgerd.api.granted import Granted
from ledgerd.api.handle import NodeHandle
from ledgerd.api.health import HealthService
from ledgerd.api.interceptors import Gate
from ledgerd.api.options import ApiOptions
from ledgerd.api.payouts import PayoutsService
from ledgerd.api.rail_names import RailNames
from ledgerd.api.reports import ReportsService
from ledgerd.api.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    cluster_pb2,
    cluster_pb2_grpc,
    dispatch_pb2,
    dispatch_pb2_grpc,
    events_pb2,
    events_pb2_grpc,
    payouts_pb2,
    payouts_pb2_grpc,
)
from ledgerd.observability.metrics import Metrics
from ledgerd.raft.entries import NodeId
from ledgerd.security.signing import Signer
from ledgerd.security.tls import SERVER_OPTIONS, ServerTls
from ledgerd.transport.options import FailStop

# gRPC refuses what is larger without our facts, so it gets room for us to refuse first.
_SLACK_BYTES: Final = 4 * 1024 * 1024

SERVICES: Final = tuple(
    service.full_name
    for file in (
        payouts_pb2.DESCRIPTOR,
        accounts_pb2.DESCRIPTOR,
        events_pb2.DESCRIPTOR,
        admin_pb2.DESCRIPTOR,
        cluster_pb2.DESCRIPTOR,
        audit_pb2.DESCRIPTOR,
        dispatch_pb2.DESCRIPTOR,
        health_pb2.DESCRIPTOR,
    )
    for service in file.services_by_name.values()
)


class ApiServer:
    """Serves the public API. Belongs to the loop."""

    def __init__(
        self,
        options: ApiOptions,
        *,
        node: NodeHandle,
        server_tls: ServerTls,
        metrics: Metrics,
        connected: Callable[[], Mapping[NodeId, bool]],
        fail_stop: FailStop,
        signer: Signer | None = None,
    ) -> None:
        self._options = options
        self._server_tls = server_tls
        self._rail_names = RailNames(node)
        self._granted = Granted(node)
        self._looking: list[asyncio.Task[None]] = []
        self._gate = Gate(
            options,
            metrics=metrics,
            fail_stop=fail_stop,
            rail_names_known=self._rail_names,
            granted=self._granted,
        )
        metrics.calls_in_flight.set_function(lambda: self.calls_in_flight)
        self._payouts = PayoutsService(options, node)
        self._ledger = LedgerService(options, node)
        self._reports = ReportsService(options, node)
        self._feed = FeedService(options, node)
        self._admin = AdminService(
            options,
            node,
            connected=connected,
            calls_in_flight=lambda: self.calls_in_flight,
            granted=self._granted,
        )
        self._cluster = ClusterService(node)
        self._audit = AuditService(options, node, signer)
        self._dispatch = DispatchService(options, node)
        self._health = HealthService(frozenset(SERVICES), node.is_ready)
        self._server: grpc.aio.Server | None = None
        self.port = 0

    @property
    def calls_in_flight(self) -> int:
        """Calls that are not answered yet."""
        return self._gate.calls_in_flight

    async def start(self) -> None:
        """Listen. Raises ConfigError when the port is in use."""
        assert self._server is None, "started twice"
        message_bytes_max = self._options.request_bytes_max + _SLACK_BYTES
        server = grpc.aio.server(
            interceptors=(self._gate,),
            options=(
                *SERVER_OPTIONS,
                ("grpc.max_receive_message_length", message_bytes_max),
                ("grpc.max_send_message_length", -1),  # pages are bounded in rows
                ("grpc.max_metadata_size", 32 * 1024),
                # Connections whose other end vanished are forgotten; idle ones may stay.
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ),
        )
        payouts_pb2_grpc.add_PayoutsServicer_to_server(self._payouts, server)
        accounts_pb2_grpc.add_LedgerServicer_to_server(self._ledger, server)
        accounts_pb2_grpc.add_ReportsServicer_to_server(self._reports, server)
        events_pb2_grpc.add_FeedServicer_to_server(self._feed, server)
        admin_pb2_grpc.add_AdminServicer_to_server(self._admin, server)
        cluster_pb2_grpc.add_ClusterServicer_to_server(self._cluster, server)
        audit_pb2_grpc.add_AuditServicer_to_server(self._audit, server)
        dispatch_pb2_grpc.add_DispatchServicer_to_server(self._dispatch, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection(
            (*SERVICES, reflection.SERVICE_NAME), server
        )
        self.port = self._server_tls.add_port(server, self._options.listen)
        self._server = server
        self._looking = [
            asyncio.create_task(looking.run())
            for looking in (self._rail_names, self._granted)
        ]
        await server.start()

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls at once and end those under way within `grace_s` seconds.

        The listener stays up while calls end, so that new ones are refused with our facts and their
        callers go elsewhere at once. Open streams end as soon as what was read of them is answered.
        """
        for looking in self._looking:
            looking.cancel()
        self._health.begin_stop()
        self._gate.begin_stop()
        self._payouts.begin_stop()
        self._feed.begin_stop()
        if self._server is not None:
            began_at = time.monotonic()
            await self._gate.idle(grace_s)
            await self._server.stop(max(0.0, grace_s - (time.monotonic() - began_at)))
