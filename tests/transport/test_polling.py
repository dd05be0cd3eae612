"""What `ledgerd` tells gRPC about its threads, before gRPC is imported."""

import subprocess
import sys

import pytest

from ledgerd.transport.polling import OWN_THREAD, VARIABLE, read_in_own_thread

# Of a process that has begun to use gRPC, which reads its variables then.
USES_GRPC = """
import sys
from ledgerd.transport.polling import read_in_own_thread
assert "grpc" not in sys.modules
read_in_own_thread()
import grpc
grpc.insecure_channel("127.0.0.1:1").close()
"""


def test_the_variable_is_set_where_nobody_has_set_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    read_in_own_thread()
    with monkeypatch.context() as told:
        told.setenv(VARIABLE, "theirs")
        read_in_own_thread()
        import os

        assert os.environ[VARIABLE] == "theirs"


def test_grpc_knows_what_it_is_told() -> None:
    """A release that has other names would say so here, and on each node's standard error."""
    done = subprocess.run(
        [sys.executable, "-c", USES_GRPC], capture_output=True, text=True, check=True
    )

    assert done.stderr == ""


def test_grpc_says_so_where_it_does_not() -> None:
    """So that the test above can fail."""
    done = subprocess.run(
        [sys.executable, "-c", USES_GRPC],
        env={VARIABLE: OWN_THREAD.replace("engine", "motor")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "Unknown experiment: event_motor_client" in done.stderr
