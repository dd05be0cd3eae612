"""The sections of the configuration. Every option is declared here, once.

A field is an option, with its default, unit, range and meaning; the file is read by these fields,
and the example and the reference page are made from them.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, get_type_hints

from ledgerd import limits
from ledgerd.config.options import GIB, MIB, OPTION, Option, about
from ledgerd.security.identity import NODE_ID_MAX


@dataclass(frozen=True, slots=True)
class NodeSection:
    """Which node of the cluster this is, and where it keeps its data."""

    id: int = field(
        metadata=about(
            "Number of this node in the cluster; never changes and is never given to another.",
            first=1,
            last=NODE_ID_MAX,
            shown=1,
        )
    )
    data_dir: Path = field(
        metadata=about(
            "Folder of the log and the state; made if missing, locked while in use.",
            shown="data/node-1",
        )
    )


@dataclass(frozen=True, slots=True)
class Member:
    """One node of the cluster, as the others reach it."""

    id: int = field(
        metadata=about("Number of the node.", first=1, last=NODE_ID_MAX, shown=1)
    )
    peer_address: str = field(
        metadata=about(
            "Where the other nodes reach it, host:port.", shown="127.0.0.1:7201"
        )
    )
    api_address: str = field(
        metadata=about(
            "Where clients reach it, host:port; told to those who ask for the leader.",
            shown="127.0.0.1:7101",
        )
    )
    priority: int = field(
        default=0,
        metadata=about(
            "Among equally fit nodes the one of larger priority leads, 10 s after it has caught "
            "up. Of founding members; later `ledgerctl cluster update` changes it.",
            first=-1_000,
            last=1_000,
        ),
    )


@dataclass(frozen=True, slots=True)
class ClusterSection:
    """The cluster this node belongs to. Equal on all its nodes."""

    id: str = field(
        metadata=about(
            "Name of the cluster; stands in every certificate and data directory.",
            shown="example",
        )
    )
    members: tuple[Member, ...] = field(
        metadata=about(
            "All nodes of the cluster, this one included; one table each. "
            "They found it; of a node that joins: itself and nodes that it may ask. "
            "Once the members are recorded in the log, only addresses are read from here."
        )
    )
    join: bool = field(
        default=False,
        metadata=about(
            "With an empty data directory, wait to be added to a cluster that exists, "
            "instead of founding one with the members below."
        ),
    )

    def member(self, node_id: int) -> Member:
        """Return the member with this id, which must exist."""
        return next(member for member in self.members if member.id == node_id)


@dataclass(frozen=True, slots=True)
class ListenSection:
    """Where this node listens, host:port. Port 0 of api and metrics is any free port."""

    api: str = field(
        default="",
        metadata=about(
            "For clients: gRPC with TLS.", default_text="the api_address of this node"
        ),
    )
    peer: str = field(
        default="",
        metadata=about(
            "For the other nodes: gRPC with TLS.",
            default_text="the peer_address of this node",
        ),
    )
    metrics: str = field(
        default="127.0.0.1:9464",
        metadata=about(
            'For Prometheus: HTTP on loopback, elsewhere with the TLS files; "" for none.'
        ),
    )


@dataclass(frozen=True, slots=True)
class SecuritySection:
    """Certificates. Read again when the files change, without a restart."""

    insecure: bool = field(
        default=False,
        metadata=about("No TLS at all; loopback addresses only, for development."),
    )
    ca: Path | None = field(
        default=None,
        metadata=about("CA certificates that are trusted, PEM.", shown="tls/ca.pem"),
    )
    certificate: Path | None = field(
        default=None,
        metadata=about("Certificate of this node, PEM.", shown="tls/node-1.pem"),
    )
    key: Path | None = field(
        default=None,
        metadata=about("Private key of that certificate, PEM.", shown="tls/node-1.key"),
    )
    head_certificate: Path | None = field(
        default=None,
        metadata=about(
            "Certificate of the key with which this node signs tree heads, PEM; read at start.",
            shown="tls/signer-1.pem",
        ),
    )
    head_key: Path | None = field(
        default=None,
        metadata=about(
            "That key, Ed25519, PEM; without it tree heads are not signed.",
            shown="tls/signer-1.key",
        ),
    )


@dataclass(frozen=True, slots=True)
class RaftSection:
    """Consensus. The defaults suit a LAN; equal on all nodes."""

    tick_ms: int = field(
        default=10,
        metadata=about("Length of a tick, the unit of the next two.", "ms", 1, 10_000),
    )
    heartbeat_ticks: int = field(
        default=3,
        metadata=about("How often a leader that is idle is heard.", "ticks", 2, 1_000),
    )
    election_base_ticks: int = field(
        default=15,
        metadata=about(
            "How long a leader may be silent: elections begin after one to two of these.",
            "ticks",
            10,
            100_000,
        ),
    )
    append_bytes_max: int = field(
        default=MIB,
        metadata=about(
            "Entries of one message to a peer, except one larger entry alone.",
            "bytes",
            1,
            limits.ENTRY_BYTES_MAX,
        ),
    )
    window_messages: int = field(
        default=16,
        metadata=about(
            "Messages on the way to a peer without an answer.", "", 1, 4_096
        ),
    )
    window_bytes: int = field(
        default=8 * MIB,
        metadata=about(
            "Bytes on the way to a peer without an answer.", "bytes", 1, GIB
        ),
    )
    uncommitted_bytes_max: int = field(
        default=64 * MIB,
        metadata=about(
            "Entries the leader holds before they are committed; more is refused.",
            "bytes",
            limits.ENTRY_BYTES_MAX,
            16 * GIB,
        ),
    )
    held_back_bytes_max: int = field(
        default=64 * 1024,
        metadata=about(
            "New entries that wait, for 30 ms at most or one longer tick, on their way to nodes "
            "that a commit does without; with 0 every node gets each entry at once.",
            "bytes",
            0,
            GIB,
        ),
    )


@dataclass(frozen=True, slots=True)
class StorageSection:
    """The data directory. Map sizes reserve addresses, not disk."""

    log_map_bytes: int = field(
        default=64 * GIB,
        metadata=about("Largest size of the log.", "bytes", 64 * MIB, 16_384 * GIB),
    )
    state_map_bytes: int = field(
        default=64 * GIB,
        metadata=about("Largest size of the state.", "bytes", 64 * MIB, 16_384 * GIB),
    )
    free_bytes_min: int = field(
        default=512 * MIB,
        metadata=about(
            "Disk space kept free: a node does not start with less, and counts as full.",
            "bytes",
            0,
            16_384 * GIB,
        ),
    )
    log_keep_entries: int = field(
        default=10_000,
        metadata=about(
            "Entries that are kept in the log, if they are not more bytes than may be.",
            "",
            1,
            1_000_000_000,
            is_reloaded=True,
        ),
    )
    log_keep_bytes: int = field(
        default=64 * MIB,
        metadata=about(
            "Size of the log that is kept, if it is not more entries than may be.",
            "bytes",
            4_096,
            16_384 * GIB,
            is_reloaded=True,
        ),
    )
    log_cap_bytes: int = field(
        default=4 * GIB,
        metadata=about(
            "Size up to which the log keeps what a node that answers still lacks.",
            "bytes",
            4_096,
            16_384 * GIB,
            is_reloaded=True,
        ),
    )
    snapshot_rate_bytes: int = field(
        default=10 * MIB,
        metadata=about(
            "Pace at which a copy of the state is made, and at which copies are sent. "
            "Per second.",
            "bytes",
            4_096,
            16 * GIB,
        ),
    )
    snapshot_chunk_bytes: int = field(
        default=MIB,
        metadata=about(
            "Piece in which a copy of the state is sent.", "bytes", 4_096, 2 * MIB
        ),
    )
    scrub_bytes_per_s: int = field(
        default=8 * MIB,
        metadata=about(
            "How fast the background reading of log and state looks for rot.",
            "bytes/s",
            65_536,
            16 * GIB,
        ),
    )
    scrub_rest_ms: int = field(
        default=60_000,
        metadata=about(
            "How long it rests after everything was read.", "ms", 10, 86_400_000
        ),
    )


@dataclass(frozen=True, slots=True)
class LimitsSection:
    """How much may wait. What is more is refused at once, never queued."""

    inbox_commands_max: int = field(
        default=limits.INBOX_COMMANDS_MAX,
        metadata=about(
            "Commands that wait for a log entry.",
            "",
            limits.BATCH_COMMANDS_MAX,
            16 * limits.INBOX_COMMANDS_MAX,
        ),
    )
    inbox_bytes_max: int = field(
        default=limits.INBOX_BYTES_MAX,
        metadata=about(
            "Bytes that wait for a log entry.",
            "bytes",
            limits.ENTRY_BYTES_MAX,
            16 * limits.INBOX_BYTES_MAX,
        ),
    )
    request_bytes_max: int = field(
        default=limits.REQUEST_BYTES_MAX,
        metadata=about(
            "One message of a client.", "bytes", 64 * 1024, limits.REQUEST_BYTES_MAX
        ),
    )
    call_deadline_ms_default: int = field(
        default=10_000,
        metadata=about("Time of a call that sets no deadline.", "ms", 1, 3_600_000),
    )
    call_deadline_ms_max: int = field(
        default=60_000,
        metadata=about(
            "Longest time of a call, whatever it asks for.", "ms", 1, 3_600_000
        ),
    )
    reads_waiting_max: int = field(
        default=limits.READS_WAITING_MAX,
        metadata=about(
            "Reads that wait for the state.", "", 1, 16 * limits.READS_WAITING_MAX
        ),
    )
    metadata_filters: str = field(
        default="",
        metadata=about(
            "Keys of metadata that lists of payouts may be filtered by, separated by commas. "
            "A list reads what it filters, so name only what callers need."
        ),
    )


@dataclass(frozen=True, slots=True)
class LogSection:
    """Log lines on standard output. They hold no account data."""

    level: str = field(
        default="info",
        metadata=about(
            "Lowest level that is written.",
            choices=("debug", "info", "warning", "error"),
        ),
    )
    format: str = field(
        default="auto",
        metadata=about(
            "JSON, or lines for people; auto is console on a terminal.",
            choices=("auto", "json", "console"),
        ),
    )


@dataclass(frozen=True, slots=True)
class RailsSection:
    """The rails that this node sends payouts by while it leads. Equal on all nodes."""

    sandbox: str = field(
        default="",
        metadata=about(
            "Where a simulated rail listens, host:port; it takes the payouts of the rail "
            "sandbox. Empty: nothing does, or a worker over the Dispatch service.",
            default_text="none",
        ),
    )
    lease_ms: int = field(
        default=10_000,
        metadata=about(
            "How long a claimed payout is this node's; after a leader was lost, another one asks "
            "the rail for it that much later.",
            "ms",
            500,
            3_600_000,
        ),
    )
    send_ms: int = field(
        default=3_000,
        metadata=about(
            "A send that has no answer by then has none; the rail is asked.",
            "ms",
            50,
            600_000,
        ),
    )


SECTIONS: Final[Mapping[str, type]] = {
    "node": NodeSection,
    "cluster": ClusterSection,
    "listen": ListenSection,
    "security": SecuritySection,
    "raft": RaftSection,
    "storage": StorageSection,
    "limits": LimitsSection,
    "log": LogSection,
    "rails": RailsSection,
}
MEMBERS: Final = "cluster.members"


class Declared(NamedTuple):
    """One option of a section: its name, dotted path, type, default and what it means."""

    name: str
    path: str
    kind: object
    default: object
    option: Option


def options_of(section: type) -> Iterator[Declared]:
    """Yield the options of a section, in the order of their declaration."""
    names = {kind: name for name, kind in SECTIONS.items()}
    kinds = get_type_hints(section)
    for item in dataclasses.fields(section):
        option = item.metadata[OPTION]
        path = f"{names.get(section, MEMBERS)}.{item.name}"
        yield Declared(item.name, path, kinds[item.name], item.default, option)


class Sections(NamedTuple):
    """The sections as read, before their relations are known to hold."""

    node: NodeSection
    cluster: ClusterSection
    listen: ListenSection
    security: SecuritySection
    raft: RaftSection
    storage: StorageSection
    limits: LimitsSection
    log: LogSection
    rails: RailsSection
