"""Counts TLS handshakes that failed below gRPC's API, and says why they did.

A caller without a certificate of ours never becomes a call: gRPC's core ends the
handshake, and the one trace of it is a line on file descriptor 2. gRPC has no callback
for it. `NativeStderr` puts a pipe in the place of descriptor 2, turns those lines into
`HandshakeFailure`s and passes every other line on to the real stderr, unchanged.

Python's own `sys.stderr`, and with it fail-stop and faulthandler, goes on writing to
the real stderr directly, so that no last word of ours waits in a pipe. The last words
of native code (an `abort` in C) may be lost: that is the price. The failed handshake
may be one of a caller or of a server we called: gRPC does not say. Source:
docs/decisions/0003-refused-handshakes.md.
"""

import faulthandler
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

LINE_BYTES_MAX: Final = 64 * 1024  # a longer line is passed on in pieces
REASONS: Final = (
    "untrusted",
    "expired",
    "no_certificate",
    "tls_version",
    "not_tls",
    "other",
)
_STDERR: Final = 2
_END_S: Final = 1.0  # seconds to wait for what is still in the pipe
_LINE: Final = re.compile(r"ssl_transport_security\S*\] (?P<rest>Handshake failed.*)")
_CODE: Final = re.compile(
    r"error:[0-9a-f]+:[^:]*:(?:OPENSSL_internal)?:(?P<code>[A-Z0-9_]+)"
    r"(?:: (?P<text>.*))?"
)
# BoringSSL's codes, as seen with grpcio 1.85. What is not here is counted as "other".
_REASON_OF_CODE: Final = {
    "BAD_SIGNATURE": "untrusted",
    "CERTIFICATE_VERIFY_FAILED": "untrusted",
    "TLSV1_ALERT_UNKNOWN_CA": "untrusted",
    "TLSV1_ALERT_DECRYPT_ERROR": "untrusted",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "expired",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no_certificate",
    "TLSV1_ALERT_CERTIFICATE_REQUIRED": "no_certificate",
    "NO_SHARED_CIPHER": "tls_version",
    "UNSUPPORTED_PROTOCOL": "tls_version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "tls_version",
    "HTTP_REQUEST": "not_tls",
    "HTTPS_PROXY_REQUEST": "not_tls",
    "WRONG_VERSION_NUMBER": "not_tls",
    "INVALID_OUTER_RECORD_TYPE": "not_tls",
}
_EXPIRED_TEXTS: Final = ("certificate has expired", "certificate is not yet valid")


class HandshakeFailure(NamedTuple):
    """A handshake that ended without a connection. reason: one of `REASONS`."""

    reason: str
    detail: str


def parse(line: str) -> HandshakeFailure | None:
    """Return the failure that a line of gRPC's core reports; None for other lines."""
    match = _LINE.search(line)
    if match is None:
        return None
    found = _CODE.search(match["rest"])
    if found is None:
        return HandshakeFailure("other", match["rest"].strip())
    code, text = found["code"], (found["text"] or "").strip()
    if code == "CERTIFICATE_VERIFY_FAILED":
        is_expired = text in _EXPIRED_TEXTS
        return HandshakeFailure("expired" if is_expired else "untrusted", text or code)
    detail = code.lower().replace("_", " ")
    return HandshakeFailure(_REASON_OF_CODE.get(code, "other"), detail)


class NativeStderr:
    """The pipe in the place of descriptor 2. One a process; the daemon installs it.

    on_failure is called in the pipe's own thread, once for each failed handshake.
    """

    def __init__(self, on_failure: Callable[[HandshakeFailure], None]) -> None:
        self._on_failure = on_failure
        self._real: int | None = None
        self._thread: threading.Thread | None = None

    def install(self) -> None:
        """Read descriptor 2 from now on. Call it before the first gRPC server starts."""
        assert self._real is None, "installed already"
        sys.stderr.flush()
        self._real = os.dup(_STDERR)
        python_stderr = os.fdopen(
            os.dup(_STDERR),
            "w",
            encoding="utf-8",
            errors="backslashreplace",
            buffering=1,  # a line
        )
        receiving, sending = os.pipe()
        os.dup2(sending, _STDERR)
        os.close(sending)
        sys.stderr = python_stderr
        if faulthandler.is_enabled():
            faulthandler.enable(python_stderr)  # a crash must not speak into the pipe
        self._thread = threading.Thread(
            target=self._read, args=(receiving, self._real), name="stderr", daemon=True
        )
        self._thread.start()

    def uninstall(self) -> None:
        """Give descriptor 2 back, once all that was written to it is passed on."""
        assert self._real is not None, "not installed"
        assert self._thread is not None
        os.dup2(self._real, _STDERR)  # closes our sending end of the pipe
        self._thread.join(_END_S)
        if not self._thread.is_alive():  # a child that inherited descriptor 2 lives on
            os.close(self._real)
        self._real = self._thread = None

    def _read(self, receiving: int, real: int) -> None:
        rest = b""
        try:
            while chunk := os.read(receiving, LINE_BYTES_MAX):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._take(line + b"\n", real)
                if len(rest) > LINE_BYTES_MAX:
                    self._take(rest, real)
                    rest = b""
            if rest:
                self._take(rest, real)
        finally:
            # If this thread dies, writers must not fill a pipe that nobody reads.
            os.dup2(real, _STDERR)
            os.close(receiving)

    def _take(self, line: bytes, real: int) -> None:
        failure = parse(line.decode("utf-8", "replace"))
        if failure is None:
            _write_all(real, line)
        else:
            self._on_failure(failure)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
