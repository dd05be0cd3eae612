"""TLS 1.2 is kept out before gRPC is imported, or the process says that it cannot be."""

import os
import subprocess
import sys

from ledgerd.security.ciphers import SUITES, VARIABLE
from tests.security.conftest import ROOT


def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_variable_is_set_before_grpc_is_imported() -> None:
    """And what the operator had in it does not weaken it."""
    script = (
        "import os, sys; from ledgerd.security.ciphers import *; require_tls13();"
        f"assert 'grpc' not in sys.modules; print(os.environ['{VARIABLE}'])"
    )

    assert run(script).stdout.strip() == SUITES
    assert run(
        script, **{VARIABLE: "ECDHE-ECDSA-AES128-GCM-SHA256"}
    ).stdout.strip() == (SUITES)


def test_too_late_is_an_error() -> None:
    """The variable is read once: a process that imported it already must not serve."""
    script = "import grpc; from ledgerd.security.ciphers import *; require_tls13()"

    late = run(script)
    in_time = run(script, **{VARIABLE: SUITES})

    assert "expected to run before gRPC is imported" in late.stderr
    assert in_time.returncode == 0
