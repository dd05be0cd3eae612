"""Makes and reads the certificates of a cluster: its CA, its nodes, its clients.

One CA a cluster; its key is needed to issue and never by a running node. Keys are ECDSA
on P-256: small, fast to verify, and what keeps TLS 1.2 out (see `ciphers`). A private
key is written with mode 0600 from its first byte, and no file is ever overwritten.

    DIR/ca.pem  DIR/ca.key                the CA; keep ca.key off the nodes
    DIR/node-1.pem  DIR/node-1.key        a node
    DIR/signer-1.pem  DIR/signer-1.key    a node's key for tree heads, Ed25519
    DIR/client-NAME.pem  ...key           a client
"""

import ipaddress
import os
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ledgerd.errors import ConfigError
from ledgerd.files import CONFIG_BYTES_MAX, read_regular
from ledgerd.security.identity import (
    SCHEME,
    Certified,
    Role,
    certified,
    check_client_name,
    check_cluster_id,
    check_node_id,
    check_principal,
    client_uri,
    node_dns,
    node_uri,
    rail_dns,
    role_uri,
)
from ledgerd.security.signing import (
    DOCUMENT_SIGNING,
    SignerFiles,
    signer_of,
    signer_uri,
)
from ledgerd.security.tlsfiles import TlsFiles, read_certificate

CA_DAYS: Final = 3_650
LEAF_DAYS: Final = 825
DAYS_MAX: Final = 36_500
BACKDATED: Final = timedelta(minutes=5)  # clocks of nodes differ by less
_DNS_NAME_MAX: Final = 253
_DNS_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DNS_NAME: Final = re.compile(rf"(?:\*\.)?{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_COMMON_NAME_LENGTH_MAX: Final = 64  # X.520, ub-common-name
Value = TypeVar("Value")
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class CaFiles:
    """Where a cluster's CA is kept."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says, for people. Times in UTC; sha256 in hexadecimal."""

    path: Path
    kind: str  # ca, node, client, signer, or other
    subject: str
    issuer: str
    serial: str
    cluster_id: str | None
    node_id: int | None
    principal: str | None
    roles: tuple[str, ...]
    hosts: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    sha256: str


def create_ca(folder: Path, cluster_id: str, *, days: int = CA_DAYS) -> CaFiles:
    """Make the CA of a new cluster in `folder`, which is made if it is missing.

    Raises ConfigError when there is a CA already, or the id cannot name a cluster.
    """
    _checked(check_cluster_id, cluster_id)
    files = CaFiles(folder / "ca.pem", folder / "ca.key")
    _refuse_existing(files.certificate, files.key)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"ledgerd {cluster_id} CA")]
    )
    builder = (
        _builder(name, name, key, _validity_days(days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(is_ca=True), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([_uri(f"{SCHEME}{cluster_id}")]),
            critical=False,
        )
    )
    _write_pair(files.certificate, files.key, builder.sign(key, hashes.SHA256()), key)
    return files


def issue_node(
    folder: Path,
    node_id: int,
    *,
    hosts: Sequence[str] = (),
    days: int = LEAF_DAYS,
    out: Path | None = None,
) -> TlsFiles:
    """Issue the certificate of one node by the CA in `folder`.

    Args:
        folder: Where ca.pem and ca.key are.
        hosts: Further host names or IP addresses under which the node may be verified,
            beside its cluster names, localhost and 127.0.0.1.
        days: How long it is valid.
        out: Where the files go, with a copy of ca.pem; `folder` when None.

    Raises ConfigError when a file is there already or the CA cannot be used.
    """
    _checked(check_node_id, node_id)
    ca = _Ca.load(folder)
    names: list[x509.GeneralName] = [
        _uri(node_uri(ca.cluster_id, node_id)),
        x509.DNSName(node_dns(ca.cluster_id, node_id)),
        x509.DNSName(node_dns(ca.cluster_id)),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    names += [name for name in map(_host, hosts) if name not in names]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return ca.issue(f"node-{node_id}", f"node-{node_id}", names, usages, days, out)


def issue_client(
    folder: Path,
    name: str,
    roles: Collection[Role],
    *,
    days: int = LEAF_DAYS,
    out: Path | None = None,
) -> TlsFiles:
    """Issue the certificate of a client with its roles by the CA in `folder`.

    Raises ConfigError when a file is there already, the CA cannot be used, or the name cannot be
    that of a client.
    """
    _checked(check_client_name, name)
    ca = _Ca.load(folder)
    names: list[x509.GeneralName] = [_uri(client_uri(ca.cluster_id, name))]
    names += [_uri(role_uri(ca.cluster_id, role)) for role in Role if role in roles]
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    return ca.issue(name, f"client-{name}", names, usages, days, out)


def issue_rail(folder: Path, name: str, *, days: int = LEAF_DAYS) -> TlsFiles:
    """Issue the certificate of a simulated rail by the CA in `folder`. It may call nobody.

    Raises ConfigError when a file is there already or the CA cannot be used.
    """
    _checked(check_principal, name)
    ca = _Ca.load(folder)
    names: list[x509.GeneralName] = [
        _uri(client_uri(ca.cluster_id, f"rail-{name}")),
        x509.DNSName(rail_dns(ca.cluster_id, name)),
    ]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH]
    return ca.issue(f"rail-{name}", f"rail-{name}", names, usages, days, None)


def issue_signer(
    folder: Path, node_id: int, *, days: int = LEAF_DAYS, out: Path | None = None
) -> SignerFiles:
    """Issue the key with which a node signs tree heads, by the CA in `folder`.

    Raises ConfigError when a file is there already or the CA cannot be used.
    """
    _checked(check_node_id, node_id)
    ca = _Ca.load(folder)
    stem = f"signer-{node_id}"
    files = ca.issue(
        stem,
        stem,
        [_uri(signer_uri(ca.cluster_id, node_id))],
        [DOCUMENT_SIGNING],
        days,
        out,
        key=ed25519.Ed25519PrivateKey.generate(),
    )
    return SignerFiles(files.certificate, files.key)


def describe(path: Path) -> CertificateFacts:
    """Return what the first certificate of a PEM file says.

    Raises ConfigError when the file holds none.
    """
    certificate = read_certificate(path)
    identity = None
    kind = "other"
    cluster_id: str | None = None
    node_id: int | None = None
    if _is_ca(certificate):
        kind, cluster_id = "ca", _ca_cluster_id(certificate)
    else:
        found = _certified_or_none(certificate)
        signer = signer_of(certificate)
        if found is not None:
            identity = found.identity
            cluster_id = identity.cluster_id
            kind = "client" if identity.node_id is None else "node"
        elif signer is not None:
            kind = "signer"
            cluster_id, node_id = signer
    return CertificateFacts(
        path=path,
        kind=kind,
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        cluster_id=cluster_id,
        node_id=identity.node_id if identity else node_id,
        principal=identity.principal if identity else None,
        roles=tuple(sorted(r.value for r in identity.roles)) if identity else (),
        hosts=_hosts(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
    )


@dataclass(frozen=True, slots=True)
class _Ca:
    """A CA that can issue: its certificate, key and cluster agree."""

    folder: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    cluster_id: str

    @classmethod
    def load(cls, folder: Path) -> "_Ca":
        certificate = read_certificate(folder / "ca.pem")
        cluster_id = _ca_cluster_id(certificate) if _is_ca(certificate) else None
        if cluster_id is None:
            raise ConfigError(
                f"{folder / 'ca.pem'}: expected the CA certificate of a cluster, found "
                "another; make one with `ledgerd pki init`"
            )
        key = _read_key(folder / "ca.key")
        if key.public_key() != certificate.public_key():
            raise ConfigError(
                f"{folder / 'ca.key'}: expected the key of ca.pem, found another key"
            )
        return cls(folder, certificate, key, cluster_id)

    def issue(
        self,
        common_name: str,
        stem: str,
        names: list[x509.GeneralName],
        usages: list[x509.ObjectIdentifier],
        days: int,
        out: Path | None,
        *,
        key: PrivateKey | None = None,
    ) -> TlsFiles:
        """Write the certificate and key of a new holder; return where they are.

        key: a new one for ECDSA if none is given.
        """
        target = self.folder if out is None else out
        certificate_path, key_path = target / f"{stem}.pem", target / f"{stem}.key"
        _refuse_existing(certificate_path, key_path)
        validity = _validity_days(days)
        latest = self.certificate.not_valid_after_utc - datetime.now(UTC)
        if latest <= timedelta(0):
            raise ConfigError(
                f"{self.folder / 'ca.pem'}: the CA has expired; make a new one"
            )
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(
                    NameOID.COMMON_NAME, common_name[:_COMMON_NAME_LENGTH_MAX]
                )
            ]
        )
        issuer = self.certificate.subject
        builder = (
            _builder(subject, issuer, key, min(validity, latest))
            .add_extension(
                x509.BasicConstraints(ca=False, path_length=None), critical=True
            )
            .add_extension(_key_usage(is_ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self.key.public_key()
                ),
                critical=False,
            )
        )
        signed = builder.sign(self.key, hashes.SHA256())
        ca_path = target / "ca.pem"
        if target != self.folder:
            self._copy_ca(ca_path)
        _write_pair(certificate_path, key_path, signed, key)
        return TlsFiles(ca_path, certificate_path, key_path)

    def _copy_ca(self, path: Path) -> None:
        pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        if not path.exists():
            _write(path, pem, mode=0o644)
        elif read_certificate(path) != self.certificate:
            raise ConfigError(
                f"{path}: expected the CA of cluster {self.cluster_id}, found another; "
                "choose another folder"
            )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    validity: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + validity)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    )


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _validity_days(days: int) -> timedelta:
    if 1 <= days <= DAYS_MAX:
        return timedelta(days=days)
    raise ConfigError(f"validity: expected 1 .. {DAYS_MAX} days, found {days}")


def _uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass  # not an address, so it must be a name
    if len(text) > _DNS_NAME_MAX or not _DNS_NAME.fullmatch(text):
        raise ConfigError(f"host: expected a DNS name or an IP address, found {text!r}")
    return x509.DNSName(text)


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    names = _alternative_names(certificate)
    if names is None:
        return ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *map(str, addresses))


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def _ca_cluster_id(certificate: x509.Certificate) -> str | None:
    names = _alternative_names(certificate)
    if names is None:
        return None
    for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
        if uri.startswith(SCHEME):
            return uri.removeprefix(SCHEME)
    return None


def _certified_or_none(certificate: x509.Certificate) -> Certified | None:
    try:
        return certified(certificate)
    except ValueError:
        return None  # a certificate of somebody else may be looked at too


def _alternative_names(
    certificate: x509.Certificate,
) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return None


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        pem = read_regular(path, CONFIG_BYTES_MAX)
        key = serialization.load_pem_private_key(pem, password=None)
    except (OSError, ValueError, TypeError) as error:
        found = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"{path}: expected the private key of the CA, found: {found}"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{path}: expected an ECDSA key, found another kind")
    return key


def _refuse_existing(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise ConfigError(
                f"{path} exists already and is not overwritten; move it away or choose "
                "another folder"
            )


def _write_pair(
    certificate_path: Path,
    key_path: Path,
    certificate: x509.Certificate,
    key: PrivateKey,
) -> None:
    """Write a key and its certificate, the key first: a certificate never lacks one."""
    _write(
        key_path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        mode=0o600,
    )
    _write(
        certificate_path,
        certificate.public_bytes(serialization.Encoding.PEM),
        mode=0o644,
    )


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Make `path` hold `content` whole or not at all, and never in place of another."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)  # unlike rename, fails when path exists
        finally:
            temporary.unlink()
    except FileExistsError as error:
        raise ConfigError(f"{path} exists already and is not overwritten") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def _checked(rule: Callable[[Value], Value], value: Value) -> Value:
    try:
        return rule(value)
    except ValueError as error:
        raise ConfigError(str(error)) from error
