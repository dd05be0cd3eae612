"""How busy the machine is with other work: a slow answer on a busy machine proves little.

Figures are clock ticks since the run began, of all cores together, from /proc.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_IDLE = (3, 4)  # idle and waiting for disks: fields of the line "cpu" after its name
_STEAL_END = 8  # what follows is counted within the others already


@dataclass(frozen=True, slots=True)
class Use:
    """Processor time so far: of the machine, of that used by anybody, of that by us."""

    total: int
    busy: int
    own: int


class Machine:
    """Samples the machine. Remembers what processes that are gone had used."""

    def __init__(self) -> None:
        self._used: dict[int, int] = {}

    def use(self, pids: Iterable[int]) -> Use:
        """Return the use so far; `pids` are ours now, with all their threads."""
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
        ticks = [int(field) for field in fields.split()[1 : 1 + _STEAL_END]]
        total = sum(ticks)
        for pid in pids:
            used = _process_ticks(pid)
            if used is not None:
                self._used[pid] = used
        idle = sum(ticks[place] for place in _IDLE)
        return Use(total, total - idle, sum(self._used.values()))


def _process_ticks(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])  # utime and stime
