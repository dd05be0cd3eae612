"""Every metric of a node, declared once; docs/reference/metrics.md explains each.

Names are `ledgerd_<noun>_<unit>[_total]` in base units. No label grows with customers:
the widest are the calls of the api. A `Metrics` has its own registry, so that a test or
a process with several nodes has several.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
)

from ledgerd.observability.tallies import Spread, Spreads, Tallies, Tally

# From a write to a fast disk to a stall that ends leadership, in seconds.
SECONDS_BUCKETS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0,
)  # fmt: skip
COMMANDS_BUCKETS: Final = (
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192,
)  # fmt: skip
ROLES: Final = ("follower", "pre_candidate", "candidate", "leader")


class Declared(NamedTuple):
    """One metric as a scrape shows it; `kind` as Prometheus names it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


class Metrics:
    """The metrics of one node. None blocks on I/O.

    Gauges and counters of the library may be set from any thread. A `Tally` or a `Spread` has one
    thread that writes it: the replica thread or the loop.

    declared: every metric of ours.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self.declared: list[Declared] = []
        self._identity_metrics()
        self._consensus_metrics()
        self._latency_metrics()
        self._queue_metrics()
        self._pause_metrics()
        self._call_metrics()
        self._payout_metrics()
        self._safety_metrics()
        ProcessCollector(registry=self.registry)

    def set_info(self, *, version: str, cluster_id: str, node_id: int) -> None:
        """Name the node in every scrape."""
        self.info.labels(version, cluster_id, str(node_id)).set(1)

    def set_role(self, role: str) -> None:
        """Make `role`, one of ROLES, the node's only role."""
        assert role in ROLES, role
        for name in ROLES:
            self.role.labels(name).set(name == role)

    def _identity_metrics(self) -> None:
        self.info = self._gauge(
            "ledgerd_node_info",
            "Always 1; its labels name the node and its release.",
            ("version", "cluster_id", "node_id"),
        )
        self.ready = self._gauge("ledgerd_node_ready", "1 while the node serves calls.")
        self.role = self._gauge(
            "ledgerd_node_role", "1 for the role the node has now.", ("role",)
        )

    def _consensus_metrics(self) -> None:
        self.state_version = self._gauge(
            "ledgerd_state_version", "The replicated state version in force."
        )
        self.state_age_seconds = self._gauge(
            "ledgerd_state_age_seconds",
            "How old the visible state is at most; NaN while nobody knows.",
        )
        self.term = self._gauge("ledgerd_raft_term", "The current term.")
        self.leader_id = self._gauge(
            "ledgerd_raft_leader_id", "The known leader; 0 for none."
        )
        self.first_index = self._gauge(
            "ledgerd_log_first_index", "First index that is still in the log."
        )
        self.last_index = self._gauge(
            "ledgerd_log_last_index", "Index of the last entry in the log."
        )
        self.durable_index = self._gauge(
            "ledgerd_log_durable_index", "Index of the last entry on this node's disk."
        )
        self.commit_index = self._gauge(
            "ledgerd_log_commit_index", "Index up to which entries are committed."
        )
        self.applied_index = self._gauge(
            "ledgerd_log_applied_index", "Index up to which entries are applied."
        )
        self.corrupt_slots = self._gauge(
            "ledgerd_log_corrupt_slots",
            "Log values that fail their check and wait for a peer's; see disk trouble.",
        )
        self.state_fenced = self._gauge(
            "ledgerd_state_fenced",
            "1 while this node's state is damaged or not the majority's; it serves nothing.",
        )
        self.state_rebuilds = self._counter(
            "ledgerd_state_rebuilds_total",
            "How often a bad state was emptied and folded again from the log.",
        )
        self.scrub_passes = self._counter(
            "ledgerd_scrub_passes_total",
            "How often the background reading has read all of log and state.",
        )
        self.scrub_bytes = self._counter(
            "ledgerd_scrub_bytes_total", "Bytes that the background reading has read."
        )
        self.visible_index = self._gauge(
            "ledgerd_state_visible_index", "Index that reads see."
        )
        self.elections = self._counter(
            "ledgerd_raft_elections_total", "Elections this node began.", ("cause",)
        )
        self.step_downs = self._counter(
            "ledgerd_raft_step_downs_total",
            "Times this node gave up leading.",
            ("cause",),
        )
        self.leader_changes = self._counter(
            "ledgerd_raft_leader_changes_total", "Times another leader became known."
        )
        self.entries = self._tallies(
            "ledgerd_log_entries_total", "Entries applied.", ("kind",)
        )
        self.log_bytes = self._tally(
            "ledgerd_log_persisted_bytes_total", "Payload bytes written to the log."
        )

        self.free_bytes = self._gauge(
            "ledgerd_free_bytes",
            "Room left for the log and the state, less the reserve; commands need it.",
        )
        self.slow = self._gauge(
            "ledgerd_node_slow",
            "1 while this node should not lead: its log writes stalled, or its process did.",
        )

    def _latency_metrics(self) -> None:
        self.append_seconds = self._seconds(
            "ledgerd_append_seconds",
            "From proposing an entry to its copy on this disk.",
        )
        self.commit_seconds = self._seconds(
            "ledgerd_commit_seconds", "From proposing an entry to its commit."
        )
        self.apply_seconds = self._seconds(
            "ledgerd_apply_seconds", "Applying the committed entries of one turn."
        )
        self.fsync_seconds = self._seconds(
            "ledgerd_log_persist_seconds", "One synced write of the log."
        )
        self.settle_seconds = self._seconds(
            "ledgerd_state_settle_seconds", "One commit of the state."
        )
        self.turn_seconds = self._seconds(
            "ledgerd_turn_seconds", "One turn of the replica that wrote or applied."
        )
        self.entry_commands = self._spreads(
            "ledgerd_entry_commands",
            "Commands that share one log entry.",
            (),
            COMMANDS_BUCKETS,
        ).labels()

    def _queue_metrics(self) -> None:
        self.inbox_commands = self._gauge(
            "ledgerd_inbox_commands", "Commands that wait for the replica thread."
        )
        self.inbox_messages = self._gauge(
            "ledgerd_inbox_messages", "Peer messages that wait for the replica thread."
        )
        self.inbox_bytes = self._gauge(
            "ledgerd_inbox_bytes", "Bytes that wait for the replica thread."
        )
        self.reads_waiting = self._gauge(
            "ledgerd_reads_waiting", "Reads that wait for a read point or an index."
        )
        self.feed_watchers = self._gauge(
            "ledgerd_feed_watches_in_flight",
            "Callers that watch the events of this node.",
        )
        self.held_back_ratio = self._gauge(
            "ledgerd_held_back_ratio",
            "What calls take with entries held back from who is not needed, in that without.",
        )
        self.calls_in_flight = self._gauge(
            "ledgerd_calls_in_flight", "Calls that are not answered yet."
        )
        self.peer_connected = self._gauge(
            "ledgerd_peer_connected",
            "1 while the stream to the peer stands.",
            ("peer",),
        )
        self.peer_queue_messages = self._gauge(
            "ledgerd_peer_queue_messages", "Messages that wait for the peer.", ("peer",)
        )
        self.peer_queue_bytes = self._gauge(
            "ledgerd_peer_queue_bytes", "Bytes that wait for the peer.", ("peer",)
        )
        self.peer_messages_dropped = self._counter(
            "ledgerd_peer_messages_dropped_total",
            "Messages dropped because the peer's queue was full or its stream broke.",
            ("peer",),
        )
        self.peer_messages_withheld = self._counter(
            "ledgerd_peer_messages_withheld_total",
            "Messages not sent because the peer's release does not understand them.",
            ("peer",),
        )
        self.peer_sent_bytes = self._tallies(
            "ledgerd_peer_sent_bytes_total", "Bytes sent to the peer.", ("peer",)
        )
        self.peer_received_bytes = self._tallies(
            "ledgerd_peer_received_bytes_total",
            "Bytes received from the peer.",
            ("peer",),
        )
        self.snapshots = self._counter(
            "ledgerd_snapshots_total",
            "Copies of the state, by what became of them: made, failed, outrun by the log, "
            "fetched, refused, spoiled, installed.",
            ("event",),
        )
        self.snapshot_sent_bytes = self._counter(
            "ledgerd_snapshot_sent_bytes_total", "Bytes of snapshots sent to peers."
        )
        self.snapshot_received_bytes = self._counter(
            "ledgerd_snapshot_received_bytes_total",
            "Bytes of snapshots received from peers.",
        )

    def _pause_metrics(self) -> None:
        self.loop_lag_seconds = self._seconds(
            "ledgerd_loop_lag_seconds", "How much later than due the loop ran a timer."
        )
        self.gc_pause_seconds = self._seconds(
            "ledgerd_gc_pause_seconds", "One garbage collection."
        )
        self.missed_ticks = self._tally(
            "ledgerd_missed_ticks_total", "Ticks the process slept through."
        )

    def _call_metrics(self) -> None:
        self.requests = self._tallies(
            "ledgerd_requests_total", "Calls answered.", ("call", "status")
        )
        self.request_seconds = self._spreads(
            "ledgerd_request_seconds",
            "From receiving a call to its answer.",
            ("call",),
            SECONDS_BUCKETS,
        )
        self.calls_refused = self._counter(
            "ledgerd_calls_refused_total",
            "Calls that ended without an answer from the log.",
            ("reason",),
        )
        self.outcomes = self._tallies(
            "ledgerd_outcomes_total", "Commands the log answered.", ("outcome",)
        )
        self.refusals = self._tallies(
            "ledgerd_refusals_total", "Commands the ledger refused.", ("code",)
        )

    def _payout_metrics(self) -> None:
        self.open_exceptions = self._gauge(
            "ledgerd_open_exceptions",
            "Exceptions that two people have not settled yet.",
        )
        self.attention_payouts = self._gauge(
            "ledgerd_attention_payouts",
            "Payouts about which a person has to do something.",
        )
        self.dispatch_turns = self._counter(
            "ledgerd_dispatch_turns_total",
            "Turns of payouts at the rail that this node carried, by how they ended.",
            ("result",),
        )

    def _safety_metrics(self) -> None:
        self.tls_handshakes = self._counter(
            "ledgerd_tls_handshakes_total", "TLS handshakes callers began."
        )
        self.tls_refusals = self._counter(
            "ledgerd_tls_refusals_total",
            "Connections and calls refused for their certificate.",
            ("reason",),
        )
        self.tls_reloads = self._counter(
            "ledgerd_tls_reloads_total",
            "Changed certificate files that were read.",
            ("result",),
        )
        self.certificate_expiry_seconds = self._gauge(
            "ledgerd_tls_certificate_expiry_seconds",
            "When the node's certificate expires, Unix time.",
        )

    def _gauge(self, name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        self.declared.append(Declared(name, "gauge", tuple(labels), text))
        return Gauge(name, text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        self.declared.append(Declared(name, "counter", tuple(labels), text))
        return Counter(name, text, labels, registry=self.registry)

    def _tallies(self, name: str, text: str, labels: tuple[str, ...]) -> Tallies:
        self.declared.append(Declared(name, "counter", labels, text))
        return Tallies(name, text, labels, self.registry)

    def _tally(self, name: str, text: str) -> Tally:
        return self._tallies(name, text, ()).labels()

    def _spreads(
        self, name: str, text: str, labels: tuple[str, ...], bounds: tuple[float, ...]
    ) -> Spreads:
        self.declared.append(Declared(name, "histogram", labels, text))
        return Spreads(name, text, labels, bounds, self.registry)

    def _seconds(self, name: str, text: str) -> Spread:
        return self._spreads(name, text, (), SECONDS_BUCKETS).labels()
