"""What `ledgerd` tells gRPC about its threads, before gRPC is imported."""

import os
import subprocess
import sys

import pytest

from ledgerd.transport.polling import (
    OWN_THREAD,
    STRATEGY,
    VARIABLE,
    read_in_own_thread,
)

# Of a process that has begun to use gRPC, which reads its variables then.
USES_GRPC = """
import sys
from ledgerd.transport.polling import read_in_own_thread
assert "grpc" not in sys.modules
read_in_own_thread()
import grpc
grpc.insecure_channel("127.0.0.1:1").close()
"""


# What `ledgerd` has set by the time that it prints its help, and whether gRPC came before.
OF_THE_COMMAND = """
import os, sys
from ledgerd.__main__ import main
from ledgerd.transport import polling
done = polling.read_in_own_thread
def noted():
    print("too late" if "grpc" in sys.modules else "in time")
    done()
polling.read_in_own_thread = noted
sys.argv = ["ledgerd", "--help"]
try:
    main()
finally:
    print(os.environ.get(polling.VARIABLE))
"""


def test_the_variable_is_set_where_nobody_has_set_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An operator who has put something else there has his reasons."""
    monkeypatch.setenv(VARIABLE, "theirs")  # so that it is taken back in any case
    read_in_own_thread()
    assert os.environ[VARIABLE] == "theirs"

    monkeypatch.delenv(VARIABLE)
    monkeypatch.delenv(STRATEGY, raising=False)
    read_in_own_thread()
    assert os.environ[VARIABLE] == OWN_THREAD


def test_who_has_chosen_how_grpc_polls_keeps_its_event_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With `poll` and without it no channel of asyncio is connected: `ledgerd dev` saw nobody."""
    monkeypatch.setenv(VARIABLE, "theirs")  # so that it is taken back in any case
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv(STRATEGY, "poll")
    read_in_own_thread()

    assert VARIABLE not in os.environ


def test_the_command_sets_it_before_grpc_is_imported() -> None:
    ours = {VARIABLE, STRATEGY}
    others = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [sys.executable, "-c", OF_THE_COMMAND],
        env=others,
        capture_output=True,
        text=True,
        check=True,
    )

    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("in time", OWN_THREAD)


def test_grpc_knows_what_it_is_told() -> None:
    """A release that has other names would say so here, and on each node's standard error."""
    done = subprocess.run(
        [sys.executable, "-c", USES_GRPC],
        env={VARIABLE: OWN_THREAD},
        capture_output=True,
        text=True,
        check=True,
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
