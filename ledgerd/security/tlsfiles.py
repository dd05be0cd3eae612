"""The three files of one end of a TLS connection: read, checked, and read again.

Knows files and certificates, not connections. Files are replaced one after the other by
whoever renews them, so a moment at which certificate and key do not belong together is
normal: what was loaded last stays in force until the new files agree.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledgerd.errors import ConfigError
from ledgerd.files import CONFIG_BYTES_MAX, read_bytes, read_regular
from ledgerd.security.identity import Certified, Identity, certified


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the CA certificates one trusts, one's own certificate and its key are."""

    ca: Path
    certificate: Path
    key: Path


class TlsMaterial(NamedTuple):
    """The checked content of `TlsFiles`, in PEM, and what its certificate says."""

    ca: bytes
    certificate: bytes
    key: bytes
    holder: Certified


def read_certificate(path: Path) -> x509.Certificate:
    """Return the first certificate of a PEM file or of a pipe.

    Raises ConfigError when there is none.
    """
    return _certificates(path, _read(path, read_bytes))[0]


def read_certificates(path: Path) -> list[x509.Certificate]:
    """Return all certificates of a PEM file, at least one. Raises ConfigError."""
    return _certificates(path, read_file(path))


def load(files: TlsFiles, *, now_s: float) -> TlsMaterial:
    """Return the content of the three files, having checked that they belong together.

    Raises ConfigError when a file cannot be read, the key is not that of the
    certificate, no CA of the CA file issued the certificate, it is not valid at `now_s`
    (seconds of Unix time), it is not ECDSA, or it names nobody.
    """
    ca_pem = read_file(files.ca)
    certificate_pem = read_file(files.certificate)
    key_pem = read_file(files.key)
    authorities = _certificates(files.ca, ca_pem)
    certificate = _certificates(files.certificate, certificate_pem)[0]
    _check_key(files, certificate, key_pem)
    if not any(is_issued_by(certificate, authority) for authority in authorities):
        raise ConfigError(
            f"{files.certificate}: expected a certificate issued by the CA in "
            f"{files.ca} ({_subjects(authorities)}), found one issued by "
            f"{certificate.issuer.rfc4514_string()}; issue it with that CA"
        )
    try:
        holder = certified(certificate)
    except ValueError as error:
        raise ConfigError(f"{files.certificate}: {error}") from error
    if not holder.not_before_s <= now_s <= holder.not_after_s:
        raise ConfigError(
            f"{files.certificate}: expected a certificate valid now, found one valid "
            f"{certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ} .. "
            f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}, and it is "
            f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%dT%H:%M:%SZ}; issue a new one "
            "or set the clock"
        )
    return TlsMaterial(ca_pem, certificate_pem, key_pem, holder)


class WatchedFiles:
    """The files of one end, loaded, and loaded again when they changed on disk.

    Thread-safe. `on_reload` is called with the new material and `on_problem` with a
    text, once for each change, in the thread that asked; both must not block.
    """

    def __init__(
        self,
        files: TlsFiles,
        *,
        on_reload: Callable[[TlsMaterial], None] | None = None,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        """Load the files. Raises ConfigError as `load` does."""
        self._files = files
        self._on_reload = on_reload
        self._on_problem = on_problem
        self._lock = threading.Lock()
        self._stamps = _stamps(files)
        self._material = load(files, now_s=time.time())
        self._generation = 1

    def current(self) -> tuple[TlsMaterial, int]:
        """Return the material in force and its generation, which rises by each reload.

        Files that changed and cannot be used leave the material in force: a connection
        with the old certificate is better than none.
        """
        with self._lock:
            self._look()
            return self._material, self._generation

    def _look(self) -> None:
        stamps = _stamps(self._files)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            material = load(self._files, now_s=time.time())
            self._check_holder(material.holder.identity)
        except ConfigError as error:
            if self._on_problem is not None:
                self._on_problem(f"{error}; the files loaded before stay in force")
            return
        if material == self._material:
            return
        self._material = material
        self._generation += 1
        if self._on_reload is not None:
            self._on_reload(material)

    def _check_holder(self, found: Identity) -> None:
        """Return if the files are still of who they were made for. Raises ConfigError.

        A node is known to its peers by cluster and number; with files of another one it would be
        cut off until they are put right. Name and roles of a client may change.
        """
        held = self._material.holder.identity
        if (found.cluster_id, found.node_id) != (held.cluster_id, held.node_id):
            raise ConfigError(
                f"{self._files.certificate}: expected a certificate of {held.name} in cluster "
                f"{held.cluster_id}, found one of {found.name} in cluster {found.cluster_id}"
            )


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether `issuer` signed `certificate`; dates are not looked at."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def read_file(path: Path) -> bytes:
    """Return the content of a file that is read again. Raises ConfigError naming it."""
    return _read(path, read_regular)


def _read(path: Path, read: Callable[[Path, int], bytes]) -> bytes:
    try:
        return read(path, CONFIG_BYTES_MAX)
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a readable PEM file, found: {error.strerror}; "
            "make certificates with `ledgerd pki`"
        ) from error


def _certificates(path: Path, pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ConfigError(
            f"{path}: expected certificates in PEM, found none: {error}"
        ) from error


def _check_key(files: TlsFiles, certificate: x509.Certificate, key_pem: bytes) -> None:
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{files.key}: expected a private key in PEM without a password, found none"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(
            f"{files.key}: expected an ECDSA key, which keeps TLS 1.2 out, found "
            "another kind; make it with `ledgerd pki`"
        )
    if key.public_key() != certificate.public_key():
        raise ConfigError(
            f"{files.key}: expected the key of {files.certificate}, found another key"
        )


def _subjects(certificates: list[x509.Certificate]) -> str:
    return ", ".join(sorted({c.subject.rfc4514_string() for c in certificates}))


def _stamps(files: TlsFiles) -> tuple[tuple[int, ...] | None, ...]:
    """Return what tells two versions of the files apart; None for a missing one."""
    return tuple(map(_stamp, (files.ca, files.certificate, files.key)))


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None  # read_file says why, when it is loaded
    # The time of change, not that of the content: it moves with owner and mode, too, which is how
    # a file that this process may not read is put right.
    return status.st_ino, status.st_ctime_ns, status.st_size, status.st_mode
