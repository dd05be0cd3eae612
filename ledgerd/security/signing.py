"""The key with which a node signs tree heads, and the certificate that says whose it is.

A node's TLS key is ECDSA and renewed often; heads are signed by an Ed25519 key of their own. Its
certificate is issued by the cluster's CA, names the node as

    ledgerd://<cluster_id>/signer/<node_id>

and may sign documents and nothing else: it is no name that a TLS connection admits.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ObjectIdentifier

from ledgerd.errors import ConfigError
from ledgerd.security.identity import SCHEME
from ledgerd.security.tlsfiles import is_issued_by, read_certificates, read_file

DOCUMENT_SIGNING: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336


@dataclass(frozen=True, slots=True)
class SignerFiles:
    """Where the certificate of a node's key for tree heads is, and the key."""

    certificate: Path
    key: Path


def signer_uri(cluster_id: str, node_id: int) -> str:
    """Return the name of a node's key for tree heads in its certificate."""
    return f"{SCHEME}{cluster_id}/signer/{node_id}"


def signer_of(certificate: x509.Certificate) -> tuple[str, int] | None:
    """Return cluster and node whose key for tree heads this is; None if it is another's."""
    for uri in _uris(certificate):
        cluster_id, found, number = uri.removeprefix(SCHEME).partition("/signer/")
        if uri.startswith(SCHEME) and found and number.isdecimal():
            return cluster_id, int(number)
    return None


class Signer:
    """Signs as one node.

    certificate, ca: what whoever verifies a signature needs, DER.
    """

    def __init__(self, key: Ed25519PrivateKey, certificate: bytes, ca: bytes) -> None:
        self._key = key
        self.certificate = certificate
        self.ca = ca

    @classmethod
    def load(
        cls, files: SignerFiles, ca: Path, *, cluster_id: str, node_id: int
    ) -> "Signer":
        """Return the signer of a node.

        ca: the file of CA certificates that the node trusts.
        Raises ConfigError when a file cannot be used, the key is not that of the certificate, it
        names another node, or none of the CAs issued it.
        """
        certificate = read_certificates(files.certificate)[0]
        expected = signer_uri(cluster_id, node_id)
        if (found := _uris(certificate)) != [expected]:
            raise ConfigError(
                f"{files.certificate}: expected the certificate of {expected}, found one of "
                f"{', '.join(found) or 'nobody'}; issue it with `ledgerd pki issue signer`"
            )
        for authority in read_certificates(ca):
            if is_issued_by(certificate, authority):
                break
        else:
            raise ConfigError(
                f"{files.certificate}: expected a certificate issued by a CA in {ca}, found one "
                f"issued by {certificate.issuer.rfc4514_string()}; issue it with that CA"
            )
        key = _read_key(files.key)
        if key.public_key() != certificate.public_key():
            raise ConfigError(
                f"{files.key}: expected the key of {files.certificate}, found another key"
            )
        der = serialization.Encoding.DER
        return cls(key, certificate.public_bytes(der), authority.public_bytes(der))

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`, 64 bytes."""
        return self._key.sign(message)


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(read_file(path), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{path}: expected a private key in PEM without a password, found none"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path}: expected an Ed25519 key, found another kind")
    return key
