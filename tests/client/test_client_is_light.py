"""Whoever imports the client gets no server. architecture.md 2 (a)."""

import subprocess
import sys

PROGRAM = """
import sys
import ledgerd.client
heavy = ("lmdb", "uvloop", "structlog", "prometheus_client", "click", "rich")
floors = ("raft", "ledger", "formats", "replica", "storage", "transport", "node",
          "observability", "config", "daemon", "cli")
found = [name for name in heavy if name in sys.modules]
found += [f for f in floors if any(
    name == f"ledgerd.{f}" or name.startswith(f"ledgerd.{f}.") for name in sys.modules)]
print(" ".join(found))
"""


def test_client_loads_no_server() -> None:
    """A fresh interpreter with the client has no storage, consensus or ledger in it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []
