"""What gRPC's core says of failed handshakes becomes counted facts; the rest passes by."""

import subprocess
import sys

import pytest

from ledgerd.security.handshakes import REASONS, HandshakeFailure, parse
from tests.security.conftest import ROOT, LoneServer

PREFIX = (
    "I1120 12:23:29.264118    8270 ssl_transport_security.cc:2563] "
    "Handshake failed with error SSL_ERROR_SSL: "
)


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        (
            "error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: "
            "certificate has expired",
            "expired",
            "certificate has expired",
        ),
        (
            "error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: "
            "unable to get local issuer certificate",
            "untrusted",
            "unable to get local issuer certificate",
        ),
        (
            "error:1a000064:ECDSA routines:OPENSSL_internal:BAD_SIGNATURE: "
            "certificate signature failure",
            "untrusted",
            "bad signature",
        ),
        (
            "error:100000c0:SSL routines:OPENSSL_internal:"
            "PEER_DID_NOT_RETURN_A_CERTIFICATE: Invalid certificate verification context",
            "no_certificate",
            "peer did not return a certificate",
        ),
        (
            "error:100000b8:SSL routines:OPENSSL_internal:NO_SHARED_CIPHER: x",
            "tls_version",
            "no shared cipher",
        ),
        (
            "error:1000009c:SSL routines:OPENSSL_internal:HTTP_REQUEST: x",
            "not_tls",
            "http request",
        ),
        (
            "error:10000001:SSL routines:OPENSSL_internal:SOMETHING_NEW",
            "other",
            "something new",
        ),
    ],
)
def test_each_code_has_a_reason(text: str, reason: str, detail: str) -> None:
    """The label is one of a closed list; a code that is new is counted as other."""
    assert parse(PREFIX + text) == HandshakeFailure(reason, detail)
    assert reason in REASONS


def test_a_failure_without_a_code_is_counted_too() -> None:
    """A new wording of gRPC does not hide a failure."""
    line = "E1 1 ssl_transport_security.cc:1] Handshake failed with error NONE"

    assert parse(line) == HandshakeFailure("other", "Handshake failed with error NONE")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Traceback (most recent call last):",
        "I1120 12:23:29.264118 8270 chttp2_transport.cc:1] Handshake failed",
        "ssl_transport_security.cc:1] No match found for server name: x.",
    ],
)
def test_other_lines_are_none(line: str) -> None:
    """Only the one module of gRPC that makes handshakes is listened to."""
    assert parse(line) is None


SCRIPT = """
import os, sys
from ledgerd.security.handshakes import NativeStderr

failures = []
stderr = NativeStderr(failures.append)
stderr.install()
sys.stderr.write("python, direct\\n")
os.write(2, b"native, whole\\nnative, in ")
os.write(2, b"two\\nssl_transport_security.cc:1] Handshake failed: x\\nno newline")
os.write(2, b"." * 200_000)
stderr.uninstall()
os.write(2, b"\\nafterwards\\n")
print(len(failures))
"""


def test_what_is_no_failure_reaches_the_real_stderr_unchanged() -> None:
    """Whole lines, halves, a line without an end and one longer than the buffer."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "1\n"
    assert done.stderr == (
        "python, direct\nnative, whole\nnative, in two\nno newline"
        + "." * 200_000
        + "\nafterwards\n"
    )


def test_a_last_word_of_python_is_not_lost() -> None:
    """`sys.stderr` is not the pipe: what fail-stop says is out before `os._exit`."""
    script = SCRIPT.split("sys.stderr.write")[0] + (
        "sys.stderr.write('last words\\n'); sys.stderr.flush(); os._exit(74)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (74, "last words\n")


def test_a_server_says_nothing_of_handshakes_on_stderr(server: LoneServer) -> None:
    """Refusals are events and counters, not lines that a log collector cannot read."""
    assert server.stop() == "python speaks\n"
