"""The configuration of one node: a TOML file, checked whole, as frozen option objects.

Every option is declared once, as a field with its default, unit, range and meaning; the
example in `configs/ledgerd.toml` and the page `docs/reference/config.md` are made from the
same fields (`example`, `describe`). Unknown names are refused, not skipped: a misspelt
option that silently keeps its default is a fault that waits. Relative paths are relative to
the folder of the file.

    python -m ledgerd.config example      prints configs/ledgerd.toml
    python -m ledgerd.config describe     prints docs/reference/config.md
"""

import dataclasses
import difflib
import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TypeVar, get_args, get_type_hints

from ledgerd import files, limits
from ledgerd.errors import ConfigError, not_utf8
from ledgerd.security.identity import NODE_ID_MAX, check_cluster_id
from ledgerd.security.signing import Signer, SignerFiles
from ledgerd.security.tls import Security, check_files, decide, split_address
from ledgerd.security.tlsfiles import TlsFiles

_OPTION: Final = "option"
_EXAMPLE_COLUMNS: Final = 88
_EXAMPLE_HINT: Final = "configs/ledgerd.toml is an example"
_MIB: Final = 1024 * 1024
_GIB: Final = 1024 * _MIB


class _Option(NamedTuple):
    """What is known of one option besides its name, type and default.

    first, last: the range of a number, inclusive. choices: of a text.
    shown: the value in the example, where there is no default.
    is_reloaded: read again at SIGHUP, and in force from then on.
    """

    text: str
    unit: str = ""
    first: int | None = None
    last: int | None = None
    choices: tuple[str, ...] = ()
    shown: object = None
    default_text: str = ""
    is_reloaded: bool = False


def _about(
    text: str,
    unit: str = "",
    first: int | None = None,
    last: int | None = None,
    *,
    choices: tuple[str, ...] = (),
    shown: object = None,
    default_text: str = "",
    is_reloaded: bool = False,
) -> dict[str, _Option]:
    """Return the metadata of a dataclass field that is an option."""
    if is_reloaded:
        text += " Read again at SIGHUP."
    option = _Option(text, unit, first, last, choices, shown, default_text, is_reloaded)
    return {_OPTION: option}


@dataclass(frozen=True, slots=True)
class NodeSection:
    """Which node of the cluster this is, and where it keeps its data."""

    id: int = field(
        metadata=_about(
            "Number of this node in the cluster; never changes and is never given to another.",
            first=1,
            last=NODE_ID_MAX,
            shown=1,
        )
    )
    data_dir: Path = field(
        metadata=_about(
            "Folder of the log and the state; made if missing, locked while in use.",
            shown="data/node-1",
        )
    )


@dataclass(frozen=True, slots=True)
class Member:
    """One node of the cluster, as the others reach it."""

    id: int = field(
        metadata=_about("Number of the node.", first=1, last=NODE_ID_MAX, shown=1)
    )
    peer_address: str = field(
        metadata=_about(
            "Where the other nodes reach it, host:port.", shown="127.0.0.1:7201"
        )
    )
    api_address: str = field(
        metadata=_about(
            "Where clients reach it, host:port; told to those who ask for the leader.",
            shown="127.0.0.1:7101",
        )
    )
    priority: int = field(
        default=0,
        metadata=_about(
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
        metadata=_about(
            "Name of the cluster; stands in every certificate and data directory.",
            shown="example",
        )
    )
    members: tuple[Member, ...] = field(
        metadata=_about(
            "All nodes of the cluster, this one included; one table each. "
            "They found it; of a node that joins: itself and nodes that it may ask. "
            "Once the members are recorded in the log, only addresses are read from here."
        )
    )
    join: bool = field(
        default=False,
        metadata=_about(
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
        metadata=_about(
            "For clients: gRPC with TLS.", default_text="the api_address of this node"
        ),
    )
    peer: str = field(
        default="",
        metadata=_about(
            "For the other nodes: gRPC with TLS.",
            default_text="the peer_address of this node",
        ),
    )
    metrics: str = field(
        default="127.0.0.1:9464",
        metadata=_about(
            'For Prometheus: HTTP on loopback, elsewhere with the TLS files; "" for none.'
        ),
    )


@dataclass(frozen=True, slots=True)
class SecuritySection:
    """Certificates. Read again when the files change, without a restart."""

    insecure: bool = field(
        default=False,
        metadata=_about("No TLS at all; loopback addresses only, for development."),
    )
    ca: Path | None = field(
        default=None,
        metadata=_about("CA certificates that are trusted, PEM.", shown="tls/ca.pem"),
    )
    certificate: Path | None = field(
        default=None,
        metadata=_about("Certificate of this node, PEM.", shown="tls/node-1.pem"),
    )
    key: Path | None = field(
        default=None,
        metadata=_about(
            "Private key of that certificate, PEM.", shown="tls/node-1.key"
        ),
    )
    head_certificate: Path | None = field(
        default=None,
        metadata=_about(
            "Certificate of the key with which this node signs tree heads, PEM; read at start.",
            shown="tls/signer-1.pem",
        ),
    )
    head_key: Path | None = field(
        default=None,
        metadata=_about(
            "That key, Ed25519, PEM; without it tree heads are not signed.",
            shown="tls/signer-1.key",
        ),
    )


@dataclass(frozen=True, slots=True)
class RaftSection:
    """Consensus. The defaults suit a LAN; equal on all nodes."""

    tick_ms: int = field(
        default=10,
        metadata=_about("Length of a tick, the unit of the next two.", "ms", 1, 10_000),
    )
    heartbeat_ticks: int = field(
        default=3,
        metadata=_about("How often a leader that is idle is heard.", "ticks", 2, 1_000),
    )
    election_base_ticks: int = field(
        default=15,
        metadata=_about(
            "How long a leader may be silent: elections begin after one to two of these.",
            "ticks",
            10,
            100_000,
        ),
    )
    append_bytes_max: int = field(
        default=_MIB,
        metadata=_about(
            "Entries of one message to a peer, except one larger entry alone.",
            "bytes",
            1,
            limits.ENTRY_BYTES_MAX,
        ),
    )
    window_messages: int = field(
        default=16,
        metadata=_about(
            "Messages on the way to a peer without an answer.", "", 1, 4_096
        ),
    )
    window_bytes: int = field(
        default=8 * _MIB,
        metadata=_about(
            "Bytes on the way to a peer without an answer.", "bytes", 1, _GIB
        ),
    )
    uncommitted_bytes_max: int = field(
        default=64 * _MIB,
        metadata=_about(
            "Entries the leader holds before they are committed; more is refused.",
            "bytes",
            limits.ENTRY_BYTES_MAX,
            16 * _GIB,
        ),
    )
    held_back_bytes_max: int = field(
        default=64 * 1024,
        metadata=_about(
            "New entries that wait, for 30 ms at most or one longer tick, on their way to nodes "
            "that a commit does without; with 0 every node gets each entry at once.",
            "bytes",
            0,
            _GIB,
        ),
    )


@dataclass(frozen=True, slots=True)
class StorageSection:
    """The data directory. Map sizes reserve addresses, not disk."""

    log_map_bytes: int = field(
        default=64 * _GIB,
        metadata=_about("Largest size of the log.", "bytes", 64 * _MIB, 16_384 * _GIB),
    )
    state_map_bytes: int = field(
        default=64 * _GIB,
        metadata=_about(
            "Largest size of the state.", "bytes", 64 * _MIB, 16_384 * _GIB
        ),
    )
    free_bytes_min: int = field(
        default=512 * _MIB,
        metadata=_about(
            "Disk space kept free: a node does not start with less, and counts as full.",
            "bytes",
            0,
            16_384 * _GIB,
        ),
    )
    log_keep_entries: int = field(
        default=10_000,
        metadata=_about(
            "Entries that are kept in the log, if they are not more bytes than may be.",
            "",
            1,
            1_000_000_000,
            is_reloaded=True,
        ),
    )
    log_keep_bytes: int = field(
        default=64 * _MIB,
        metadata=_about(
            "Size of the log that is kept, if it is not more entries than may be.",
            "bytes",
            4_096,
            16_384 * _GIB,
            is_reloaded=True,
        ),
    )
    log_cap_bytes: int = field(
        default=4 * _GIB,
        metadata=_about(
            "Size up to which the log keeps what a node that answers still lacks.",
            "bytes",
            4_096,
            16_384 * _GIB,
            is_reloaded=True,
        ),
    )
    snapshot_rate_bytes: int = field(
        default=10 * _MIB,
        metadata=_about(
            "Pace at which a copy of the state is made, and at which copies are sent. "
            "Per second.",
            "bytes",
            4_096,
            16 * _GIB,
        ),
    )
    snapshot_chunk_bytes: int = field(
        default=_MIB,
        metadata=_about(
            "Piece in which a copy of the state is sent.", "bytes", 4_096, 2 * _MIB
        ),
    )
    scrub_bytes_per_s: int = field(
        default=8 * _MIB,
        metadata=_about(
            "How fast the background reading of log and state looks for rot.",
            "bytes/s",
            65_536,
            16 * _GIB,
        ),
    )
    scrub_rest_ms: int = field(
        default=60_000,
        metadata=_about(
            "How long it rests after everything was read.", "ms", 10, 86_400_000
        ),
    )


@dataclass(frozen=True, slots=True)
class LimitsSection:
    """How much may wait. What is more is refused at once, never queued."""

    inbox_commands_max: int = field(
        default=limits.INBOX_COMMANDS_MAX,
        metadata=_about(
            "Commands that wait for a log entry.",
            "",
            limits.BATCH_COMMANDS_MAX,
            16 * limits.INBOX_COMMANDS_MAX,
        ),
    )
    inbox_bytes_max: int = field(
        default=limits.INBOX_BYTES_MAX,
        metadata=_about(
            "Bytes that wait for a log entry.",
            "bytes",
            limits.ENTRY_BYTES_MAX,
            16 * limits.INBOX_BYTES_MAX,
        ),
    )
    request_bytes_max: int = field(
        default=limits.REQUEST_BYTES_MAX,
        metadata=_about(
            "One message of a client.", "bytes", 64 * 1024, limits.REQUEST_BYTES_MAX
        ),
    )
    call_deadline_ms_default: int = field(
        default=10_000,
        metadata=_about("Time of a call that sets no deadline.", "ms", 1, 3_600_000),
    )
    call_deadline_ms_max: int = field(
        default=60_000,
        metadata=_about(
            "Longest time of a call, whatever it asks for.", "ms", 1, 3_600_000
        ),
    )
    reads_waiting_max: int = field(
        default=limits.READS_WAITING_MAX,
        metadata=_about(
            "Reads that wait for the state.", "", 1, 16 * limits.READS_WAITING_MAX
        ),
    )
    metadata_filters: str = field(
        default="",
        metadata=_about(
            "Keys of metadata that lists of payouts may be filtered by, separated by commas. "
            "A list reads what it filters, so name only what callers need."
        ),
    )


@dataclass(frozen=True, slots=True)
class LogSection:
    """Log lines on standard output. They hold no account data."""

    level: str = field(
        default="info",
        metadata=_about(
            "Lowest level that is written.",
            choices=("debug", "info", "warning", "error"),
        ),
    )
    format: str = field(
        default="auto",
        metadata=_about(
            "JSON, or lines for people; auto is console on a terminal.",
            choices=("auto", "json", "console"),
        ),
    )


@dataclass(frozen=True, slots=True)
class RailsSection:
    """The rails that this node sends payouts by while it leads. Equal on all nodes."""

    sandbox: str = field(
        default="",
        metadata=_about(
            "Where a simulated rail listens, host:port; it takes the payouts of the rail "
            "sandbox. Empty: nothing does, or a worker over the Dispatch service.",
            default_text="none",
        ),
    )
    lease_ms: int = field(
        default=10_000,
        metadata=_about(
            "How long a claimed payout is this node's; after a leader was lost, another one asks "
            "the rail for it that much later.",
            "ms",
            500,
            3_600_000,
        ),
    )
    send_ms: int = field(
        default=3_000,
        metadata=_about(
            "A send that has no answer by then has none; the rail is asked.",
            "ms",
            50,
            600_000,
        ),
    )


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """A checked configuration.

    path: the file. tls: what the listeners use. signer: signs tree heads; None if nothing does.
    """

    path: Path
    node: NodeSection
    cluster: ClusterSection
    listen: ListenSection
    security: SecuritySection
    raft: RaftSection
    storage: StorageSection
    limits: LimitsSection
    log: LogSection
    rails: RailsSection
    tls: Security
    signer: Signer | None = field(compare=False)  # equal files load as other objects


_SECTIONS: Final[Mapping[str, type]] = {
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
_MEMBERS: Final = "cluster.members"
# Nobody finds the others but under the port that stands in a file.
_ANY_PORT: Final = frozenset({"listen.api", "listen.metrics"})


def load(path: Path, *, insecure: bool = False) -> NodeConfig:
    """Return the checked configuration in the file at `path`.

    Args:
        insecure: True is the command line's `--insecure`: as security.insecure.

    Raises ConfigError that names every option at fault, what was expected and found: the
    file, its options and their relations, then the certificate files.
    """
    tables = _parse(path)
    reader = _Reader(path.parent)
    sections = reader.sections(tables)
    if not reader.problems:
        reader.problems.extend(_broken_relations(sections))
    if not tables:
        reader.problems.append(f"the file has no options at all; {_EXAMPLE_HINT}")
    if reader.problems:
        raise ConfigError(f"{path}: " + "; ".join(reader.problems))
    return _finish(path, sections, insecure=insecure)


class Changes(NamedTuple):
    """Paths of the options whose values differ, sorted.

    reloaded: read again at SIGHUP. restart: in force from the next start on.
    """

    reloaded: tuple[str, ...]
    restart: tuple[str, ...]


def changes(before: NodeConfig, after: NodeConfig) -> Changes:
    """Return what differs between two configurations of one node."""
    reloaded: list[str] = []
    restart: list[str] = []
    for name, section in _SECTIONS.items():
        old, new = getattr(before, name), getattr(after, name)
        for declared in _declared(section):
            if getattr(old, declared.name) != getattr(new, declared.name):
                is_reloaded = declared.option.is_reloaded
                (reloaded if is_reloaded else restart).append(declared.path)
    return Changes(tuple(sorted(reloaded)), tuple(sorted(restart)))


def example() -> str:
    """Return a file with every option, its default, unit and meaning, that loads."""
    lines = [
        "# Every option of a ledgerd node. What is commented out shows its default.",
        "# Relative paths are relative to the folder of this file.",
    ]
    for name, section in _SECTIONS.items():
        lines += ["", f"# {_summary(section)}", f"[{name}]"]
        for option in _declared(section):
            if option.path != _MEMBERS:
                lines += _example_option(option)
        if name == "cluster":
            lines += _example_members()
    return "\n".join(lines) + "\n"


def describe() -> str:
    """Return the reference page of all options, in Markdown."""
    lines = [
        "# Options of a node",
        "",
        "Generated by `python -m ledgerd.config describe`; a test compares.",
        "A node is started with `ledgerd run --config FILE`; "
        "`configs/ledgerd.toml` is an example with every option.",
        "Unknown options are refused. "
        "Relative paths are relative to the folder of the file.",
    ]
    for name, section in {**_SECTIONS, f"[{_MEMBERS}]": Member}.items():
        lines += [
            "",
            f"## [{name}]",
            "",
            _summary(section),
            "",
            "| option | type | default | unit | allowed | meaning |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(option) for option in _declared(section)]
    lines += ["", "## Relations", ""]
    lines += [f"- {text}" for text in _RELATIONS]
    return "\n".join(lines) + "\n"


_RELATIONS: Final = (
    "`raft.election_base_ticks` is at least 5 times `raft.heartbeat_ticks`.",
    "`raft.window_bytes` is at least `raft.append_bytes_max`.",
    "`limits.call_deadline_ms_default` is at most `limits.call_deadline_ms_max`.",
    "`limits.inbox_bytes_max` is at least `limits.request_bytes_max`.",
    "`node.id` is one of `cluster.members`; their ids and addresses differ.",
    "`listen.api`, `listen.peer` and `listen.metrics` differ.",
    "`rails.lease_ms` is at least twice `rails.send_ms`.",
    "`security.insecure` permits loopback addresses only, else `security.ca`, "
    "`security.certificate` and `security.key` are all set.",
)


class _Declared(NamedTuple):
    """One option of a section: its name, dotted path, type, default and what it means."""

    name: str
    path: str
    kind: object
    default: object
    option: _Option


class _Sections(NamedTuple):
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


_Section = TypeVar("_Section")


class _Reader:
    """Reads tables into sections and collects what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.problems: list[str] = []

    def sections(self, tables: Mapping[str, object]) -> _Sections:
        """Return all sections; those at fault hold placeholders, see `problems`."""
        self._refuse_unknown(tables, _SECTIONS, "")
        return _Sections(
            **{
                name: self._section(section, tables.get(name, {}), name)
                for name, section in _SECTIONS.items()
            }
        )

    def _section(self, section: type[_Section], table: object, where: str) -> _Section:
        if not isinstance(table, dict):
            self.problems.append(f"{where}: expected a table, found {_found(table)}")
            table = {}
        declared = list(_declared(section))
        self._refuse_unknown(table, [option.name for option in declared], where)
        values = {
            option.name: self._value(option, table, f"{where}.{option.name}")
            for option in declared
        }
        return section(**values)

    def _value(self, option: _Declared, table: dict[str, object], where: str) -> object:
        if option.name not in table:
            if option.default is MISSING:
                self.problems.append(f"{where}: missing ({_gist(option.option)})")
            return option.default
        found = table[option.name]
        if option.path == _MEMBERS:
            return self._members(found, where)
        try:
            return _checked(option, found, self._folder)
        except ValueError as error:
            self.problems.append(f"{where}: {error}")
            return option.default

    def _members(self, found: object, where: str) -> tuple[Member, ...]:
        if not isinstance(found, list) or not found:
            self.problems.append(
                f"{where}: expected one [[{where}]] or more, found {_found(found)}"
            )
            return ()
        return tuple(
            self._section(Member, table, f"{where}[{number}]")
            for number, table in enumerate(found, start=1)
        )

    def _refuse_unknown(
        self,
        table: Mapping[str, object],
        known: Sequence[str] | Mapping[str, type],
        where: str,
    ) -> None:
        prefix = f"{where}." if where else ""
        for name in table:
            if name in known:
                continue
            nearest = _nearest(name, where, list(known))
            self.problems.append(
                f"{prefix}{name}: unknown; the nearest valid option is {nearest}"
            )


def _finish(path: Path, sections: _Sections, *, insecure: bool) -> NodeConfig:
    """Return the configuration with its listeners decided. Raises ConfigError."""
    member = sections.cluster.member(sections.node.id)
    listen = dataclasses.replace(
        sections.listen,
        api=sections.listen.api or member.api_address,
        peer=sections.listen.peer or member.peer_address,
    )
    security = dataclasses.replace(
        sections.security, insecure=sections.security.insecure or insecure
    )
    try:
        tls = decide(
            insecure=security.insecure,
            files=_files(security),
            addresses=[a for a in (listen.api, listen.peer, listen.metrics) if a],
        )
        if isinstance(tls, TlsFiles):
            check_files(tls, cluster_id=sections.cluster.id, node_id=sections.node.id)
        signer = _signer(sections.cluster.id, sections.node.id, security)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return NodeConfig(
        path=path,
        tls=tls,
        signer=signer,
        **{**sections._asdict(), "listen": listen, "security": security},
    )


def _signer(cluster_id: str, node_id: int, security: SecuritySection) -> Signer | None:
    """Return what signs tree heads. Raises ConfigError."""
    certificate, key = security.head_certificate, security.head_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError(
            "security: expected head_certificate and head_key together, found one of them"
        )
    if security.ca is None:
        raise ConfigError(
            "security.head_key: expected security.ca, which issued its certificate, found none"
        )
    files = SignerFiles(certificate, key)
    return Signer.load(files, security.ca, cluster_id=cluster_id, node_id=node_id)


def _files(security: SecuritySection) -> TlsFiles | None:
    paths = {
        "ca": security.ca,
        "certificate": security.certificate,
        "key": security.key,
    }
    missing = [name for name, path in paths.items() if path is None]
    if len(missing) == len(paths) or security.insecure:
        return None
    if security.ca is None or security.certificate is None or security.key is None:
        raise ConfigError(
            "security: expected ca, certificate and key together, found no "
            + " and no ".join(missing)
        )
    return TlsFiles(security.ca, security.certificate, security.key)


def _broken_relations(sections: _Sections) -> Iterator[str]:
    raft, bounds = sections.raft, sections.limits
    if raft.election_base_ticks < 5 * raft.heartbeat_ticks:
        yield (
            "raft.election_base_ticks: expected at least 5 times raft.heartbeat_ticks, "
            f"{5 * raft.heartbeat_ticks}, found {raft.election_base_ticks}"
        )
    if raft.window_bytes < raft.append_bytes_max:
        yield (
            "raft.window_bytes: expected at least raft.append_bytes_max, "
            f"{raft.append_bytes_max}, found {raft.window_bytes}"
        )
    if bounds.call_deadline_ms_default > bounds.call_deadline_ms_max:
        yield (
            "limits.call_deadline_ms_default: expected at most "
            f"limits.call_deadline_ms_max, {bounds.call_deadline_ms_max}, found "
            f"{bounds.call_deadline_ms_default}"
        )
    if bounds.inbox_bytes_max < bounds.request_bytes_max:
        yield (
            "limits.inbox_bytes_max: expected at least limits.request_bytes_max, "
            f"{bounds.request_bytes_max}, found {bounds.inbox_bytes_max}"
        )
    storage = sections.storage
    if storage.log_cap_bytes < storage.log_keep_bytes:
        yield (
            "storage.log_cap_bytes: expected at least storage.log_keep_bytes, "
            f"{storage.log_keep_bytes}, found {storage.log_cap_bytes}"
        )
    rails = sections.rails
    if rails.lease_ms < 2 * rails.send_ms:
        yield (
            f"rails.lease_ms: expected at least twice rails.send_ms, {2 * rails.send_ms}, found "
            f"{rails.lease_ms}"
        )
    if rails.sandbox:
        yield from _broken_addresses({"rails.sandbox": rails.sandbox})
    yield from _broken_names(sections)


def _broken_names(sections: _Sections) -> Iterator[str]:
    try:
        check_cluster_id(sections.cluster.id)
    except ValueError as error:
        yield f"cluster.id: {error}"
    members = sections.cluster.members
    ids = [member.id for member in members]
    if len(set(ids)) != len(ids):
        yield f"cluster.members: expected different ids, found {ids}"
    if sections.node.id not in ids:
        yield f"node.id: expected one of cluster.members, {ids}, found {sections.node.id}"
    addresses = {
        **{
            f"{_MEMBERS}[{n}].peer_address": m.peer_address
            for n, m in enumerate(members, 1)
        },
        **{
            f"{_MEMBERS}[{n}].api_address": m.api_address
            for n, m in enumerate(members, 1)
        },
    }
    yield from _broken_addresses(addresses)
    listen = sections.listen
    listening = {
        "listen.api": listen.api,
        "listen.peer": listen.peer,
        "listen.metrics": listen.metrics,
    }
    yield from _broken_addresses(
        {name: text for name, text in listening.items() if text}
    )


def _broken_addresses(addresses: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with addresses that must differ, port 0 excepted."""
    seen: dict[str, str] = {}
    for name, address in addresses.items():
        try:
            port_min = 0 if name in _ANY_PORT else 1
            _, port = split_address(address, port_min=port_min)
        except ValueError as error:
            yield f"{name}: {error}"
            continue
        if port and address in seen:
            yield f"{name}: expected another address than {seen[address]}, found {address}"
        seen.setdefault(address, name)


def _parse(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(files.read_text(path, files.CONFIG_BYTES_MAX))
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a readable configuration, found: {error.strerror}; "
            f"{_EXAMPLE_HINT}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected TOML in UTF-8, {not_utf8(error)}"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8, found: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: expected TOML, found it nested too deep") from error


def _checked(option: _Declared, found: object, folder: Path) -> object:
    """Return the value of an option. Raises ValueError that says expected and found."""
    if option.kind is bool:
        if isinstance(found, bool):
            return found
        raise ValueError(f"expected true or false, found {_found(found)}")
    if option.kind is int:
        return _checked_number(option.option, found)
    if not isinstance(found, str):
        raise ValueError(f"expected a text, found {_found(found)}")
    if option.kind is str:
        return _checked_text(option.option, found)
    if not found or "\0" in found:
        raise ValueError(f"expected a path, found {json.dumps(found)}")
    return folder / found


def _checked_number(option: _Option, found: object) -> int:
    expected = f"expected {_allowed(option)}" + (
        f" {option.unit}" if option.unit else ""
    )
    if not isinstance(found, int) or isinstance(found, bool):
        raise ValueError(f"{expected}, found {_found(found)}")
    assert option.first is not None, option
    assert option.last is not None, option
    if not option.first <= found <= option.last:
        raise ValueError(f"{expected}, found {found}")
    return found


def _checked_text(option: _Option, found: str) -> str:
    if option.choices and found not in option.choices:
        raise ValueError(f"expected {_allowed(option)}, found {found!r}")
    return found


def _nearest(name: str, where: str, known: list[str]) -> str:
    """Return the valid option that was probably meant, in its own section if it can be."""
    prefix = f"{where}." if where else ""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return prefix + close[0]
    everywhere = {
        option.name: option.path
        for kind in _SECTIONS.values()
        for option in _declared(kind)
    }
    elsewhere = difflib.get_close_matches(name, everywhere, n=1)
    if elsewhere:
        return everywhere[elsewhere[0]]
    anything = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return prefix + anything[0]


def _declared(section: type) -> Iterator[_Declared]:
    """Yield the options of a section, in the order of their declaration."""
    names = {kind: name for name, kind in _SECTIONS.items()}
    kinds = get_type_hints(section)
    for item in dataclasses.fields(section):
        option = item.metadata[_OPTION]
        path = f"{names.get(section, _MEMBERS)}.{item.name}"
        yield _Declared(item.name, path, kinds[item.name], item.default, option)


def _gist(option: _Option) -> str:
    """Return what an option is, in a few words that fit into a sentence."""
    words = re.split("[.;]", option.text, maxsplit=1)[0]
    return words[0].lower() + words[1:]


def _allowed(option: _Option) -> str:
    if option.choices:
        return "one of " + ", ".join(option.choices)
    if option.first is not None:
        return f"{option.first} .. {option.last}"
    return ""


def _found(value: object) -> str:
    return (
        f"{type(value).__name__} {value!r}"
        if not isinstance(value, dict)
        else "a table"
    )


def _example_option(option: _Declared) -> list[str]:
    known = option.option
    notes = [known.text]
    if known.unit:
        notes.append(f"Unit: {known.unit}.")
    if _allowed(known):
        notes.append(f"Allowed: {_allowed(known)}.")
    notes.append(f"Default: {_default_text(option)}.")
    has_default = option.default not in (MISSING, None)
    value = option.default if known.shown is None else known.shown
    comment = "# " if has_default else ""
    return ["", *_comment(" ".join(notes)), f"{comment}{option.name} = {_toml(value)}"]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, _EXAMPLE_COLUMNS, initial_indent="# ", subsequent_indent="# "
    )


def _example_members() -> list[str]:
    lines: list[str] = []
    for number in (1, 2, 3):
        lines += ["", "[[cluster.members]]"]
        for option in _declared(Member):
            if number == 1:
                lines += _comment(option.option.text)
            if option.default is MISSING:
                value = _toml(_example_member(option, number))
                lines.append(f"{option.name} = {value}")
            elif number == 1:
                lines.append(f"# {option.name} = {_toml(option.default)}")
    return lines


def _example_member(option: _Declared, number: int) -> object:
    if option.name == "id":
        return number
    return f"{str(option.option.shown)[:-1]}{number}"


def _row(option: _Declared) -> str:
    known = option.option
    columns = [
        f"`{option.name}`",
        _kind_text(option.kind),
        _default_text(option),
        known.unit,
        _allowed(known),
        known.text,
    ]
    return "| " + " | ".join(columns) + " |"


def _default_text(option: _Declared) -> str:
    if option.option.default_text:
        return option.option.default_text
    if option.default is MISSING:
        return "none, required"
    if option.default is None:
        return "none"
    return _toml(option.default)


def _kind_text(kind: object) -> str:
    texts = {int: "number", bool: "true or false", str: "text", Path: "path"}
    for known, text in texts.items():
        if kind is known or known in get_args(kind):
            return text
    return "tables"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f'"{value}"'


def _summary(section: type) -> str:
    return (section.__doc__ or "").splitlines()[0]


def _main(arguments: Sequence[str]) -> None:
    pages = {"example": example, "describe": describe}
    if len(arguments) != 1 or arguments[0] not in pages:
        raise SystemExit(f"expected one of {', '.join(pages)}")
    sys.stdout.write(pages[arguments[0]]())


if __name__ == "__main__":
    _main(sys.argv[1:])
