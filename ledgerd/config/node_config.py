"""The checked configuration of one node: how it is loaded, and what differs between two."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ledgerd.config.reader import EXAMPLE_HINT, Reader, parse
from ledgerd.config.relations import broken_relations
from ledgerd.config.sections import (
    SECTIONS,
    ClusterSection,
    LimitsSection,
    ListenSection,
    LogSection,
    NodeSection,
    RaftSection,
    RailsSection,
    Sections,
    SecuritySection,
    StorageSection,
    options_of,
)
from ledgerd.errors import ConfigError
from ledgerd.security.signing import Signer, SignerFiles
from ledgerd.security.tls import Security, check_files, decide
from ledgerd.security.tlsfiles import TlsFiles


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


def load(path: Path, *, insecure: bool = False) -> NodeConfig:
    """Return the checked configuration in the file at `path`.

    Args:
        insecure: True is the command line's `--insecure`: as security.insecure.

    Raises ConfigError that names every option at fault, what was expected and found: the
    file, its options and their relations, then the certificate files.
    """
    tables = parse(path)
    reader = Reader(path.parent)
    sections = reader.sections(tables)
    if not reader.problems:
        reader.problems.extend(broken_relations(sections))
    if not tables:
        reader.problems.append(f"the file has no options at all; {EXAMPLE_HINT}")
    if reader.problems:
        raise ConfigError(f"{path}: " + "; ".join(reader.problems))
    return _finish(path, sections, insecure=insecure)


def _finish(path: Path, sections: Sections, *, insecure: bool) -> NodeConfig:
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
    for name, section in SECTIONS.items():
        old, new = getattr(before, name), getattr(after, name)
        for declared in options_of(section):
            if getattr(old, declared.name) != getattr(new, declared.name):
                is_reloaded = declared.option.is_reloaded
                (reloaded if is_reloaded else restart).append(declared.path)
    return Changes(tuple(sorted(reloaded)), tuple(sorted(restart)))
