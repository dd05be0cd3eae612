"""Keys for tree heads: what is issued is accepted, and nothing else is."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledgerd.errors import ConfigError
from ledgerd.security import pki
from ledgerd.security.identity import certified
from ledgerd.security.signing import Signer, SignerFiles
from ledgerd.security.tlsfiles import read_certificate


def load(
    files: SignerFiles, folder: Path, *, cluster_id: str = "blue", node_id: int = 1
) -> Signer:
    return Signer.load(files, folder / "ca.pem", cluster_id=cluster_id, node_id=node_id)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pki.create_ca(tmp_path, "blue")
    return tmp_path


def test_what_is_signed_is_verified_by_the_certificate(folder: Path) -> None:
    """Ed25519; the certificate comes from the CA that goes with it."""
    signer = load(pki.issue_signer(folder, 1), folder)
    holder = x509.load_der_x509_certificate(signer.certificate)
    key = holder.public_key()

    assert isinstance(key, Ed25519PublicKey)
    key.verify(signer.sign(b"message"), b"message")
    holder.verify_directly_issued_by(x509.load_der_x509_certificate(signer.ca))


def test_the_key_admits_to_no_connection(folder: Path) -> None:
    """It signs documents: it is no node's and no client's name, and no TLS usage."""
    certificate = read_certificate(pki.issue_signer(folder, 1).certificate)
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)

    assert [usage.dotted_string for usage in usages.value] == ["1.3.6.1.5.5.7.3.36"]
    with pytest.raises(ValueError, match="expected node, client or role"):
        certified(certificate)


def test_files_that_do_not_belong_together_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    """Another node, another cluster, another CA, another key, another kind of key, no file."""
    files = pki.issue_signer(folder, 1)
    second = pki.issue_signer(folder, 2)
    node = pki.issue_node(folder, 1)
    stranger = tmp_path / "green"
    pki.create_ca(stranger, "blue")

    for bad, where, facts, told in (
        (files, folder, {"node_id": 2}, "signer/2"),
        (files, folder, {"cluster_id": "red"}, "ledgerd://red/"),
        (files, stranger, {}, "issued by a CA in"),
        (SignerFiles(files.certificate, second.key), folder, {}, "found another key"),
        (SignerFiles(files.certificate, node.key), folder, {}, "an Ed25519 key"),
        (SignerFiles(files.certificate, node.certificate), folder, {}, "private key"),
        (SignerFiles(node.certificate, files.key), folder, {}, "pki issue signer"),
        (SignerFiles(files.certificate, folder / "no"), folder, {}, "no"),
    ):
        with pytest.raises(ConfigError, match=told):
            load(bad, where, **facts)
