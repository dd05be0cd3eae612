"""The simulated rail of a local cluster: a process beside the nodes, with a journal of its own.

D/rail/calls.ndjson   what it took; output.log, process.json beside it
D/pki/rail-sandbox.*  its certificate and key
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ledgerd.cli.processes import (
    OwnProcess,
    remember,
    remembered,
    started_ticks,
    undisturbed,
)
from ledgerd.errors import ConfigError
from ledgerd.rails.sandbox import NAME
from ledgerd.security import pki

_POLL_S: Final = 0.02
READY_S_MAX: Final = 20.0
STOP_S_MAX: Final = 5.0


class DevRail:
    """One simulated rail in the folder of a local cluster."""

    def __init__(
        self, directory: Path, address: str, *, options: Sequence[str] = ()
    ) -> None:
        """Touch nothing yet. options: further arguments of `ledgerd rail`."""
        self.address = address
        self._pki = directory / "pki"
        self._home = directory / "rail"
        self._options = options
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def journal_path(self) -> Path:
        """Where the calls are kept that it took."""
        return self._home / "calls.ndjson"

    def prepare(self) -> None:
        """Its folder and certificate exist."""
        self._home.mkdir(parents=True, exist_ok=True)
        if not (self._pki / f"rail-{NAME}.pem").exists():
            pki.issue_rail(self._pki, NAME)

    def start(self) -> None:
        """The rail runs and listens. One that runs already goes on.

        Errors: ConfigError with its last words when it does not come up.
        """
        if self.running() is not None:
            return
        log = self._home / "output.log"
        with undisturbed(), log.open("wb") as output:
            self._child = child = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ledgerd", "rail"),
                    *("--listen", self.address),
                    *("--journal", str(self.journal_path)),
                    *("--ca", str(self._pki / "ca.pem")),
                    *("--certificate", str(self._pki / f"rail-{NAME}.pem")),
                    *("--key", str(self._pki / f"rail-{NAME}.key")),
                    *self._options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                # Ctrl-C of the terminal is for us; we stop the rail.
                start_new_session=True,
            )
            remember(self._home / "process.json", child.pid)
        until = time.monotonic() + READY_S_MAX
        while "simulated rail on port" not in log.read_text(errors="replace"):
            if child.poll() is not None or time.monotonic() > until:
                words = log.read_text(errors="replace").strip().splitlines()[-3:]
                raise ConfigError(
                    f"expected the simulated rail to listen on {self.address}, found: "
                    f"{' / '.join(words) or 'no word'}"
                )
            time.sleep(_POLL_S)

    def running(self) -> OwnProcess | None:
        """Return its process, None if it does not run."""
        child = self._child
        if child is not None:
            if child.poll() is None:
                return OwnProcess(child.pid, started_ticks(child.pid) or 0)
            self._child = None  # and it is no zombie any more
            return None
        return remembered(self._home / "process.json", self.journal_path)

    def stop(self) -> None:
        """The rail has ended; one that will not is killed."""
        self._end(signal.SIGCONT, signal.SIGTERM)

    def kill(self) -> None:
        """The rail has ended by SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, *signals: signal.Signals) -> None:
        process = self.running()
        if process is None:
            return
        until = time.monotonic() + STOP_S_MAX
        with contextlib.suppress(ProcessLookupError):  # it ends by itself
            for number in signals:
                os.kill(process.pid, number)
            while self.running() is not None:
                if time.monotonic() > until:
                    os.kill(process.pid, signal.SIGKILL)
                time.sleep(_POLL_S)
