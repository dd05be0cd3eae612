"""One line a second while a run is going: outcomes, pace, leader, faults."""

from collections import Counter, deque

from jepsen.history import INFO, INVOKE, NEMESIS, OK, Event
from jepsen.wire import MUTATIONS

WINDOW_NS = 5_000_000_000


class StatusLine:
    """Listens to the history and can be asked for its line at any time."""

    def __init__(self) -> None:
        self._begin: int | None = None
        self._counts: Counter[str] = Counter()
        self._invoked: dict[int, int] = {}  # process, nanoseconds
        self._took: deque[tuple[int, int]] = deque()  # end, duration; nanoseconds
        self._faults: dict[str, str] = {}
        self.leader = ""

    def note(self, event: Event) -> None:
        """Take one event of the history."""
        if self._begin is None:
            self._begin = event.t
        if event.p == NEMESIS:
            name, _, what = event.f.rpartition(".")
            if what == "start":
                hit = ",".join(f"{key}={value}" for key, value in event.v.items())
                self._faults[name] = hit
            elif what == "stop":
                self._faults.pop(name, None)
        if not isinstance(event.p, int):
            return
        if event.type == INVOKE:
            self._invoked[event.p] = event.t
            return
        self._counts[event.type] += 1
        begin = self._invoked.pop(event.p, event.t)
        if event.type == OK and event.f in MUTATIONS:
            self._took.append((event.t, event.t - begin))

    def line(self, now_ns: int) -> str:
        """Return the line."""
        while self._took and self._took[0][0] < now_ns - WINDOW_NS:
            self._took.popleft()
        took = sorted(duration for _, duration in self._took)
        p99_ms = took[len(took) * 99 // 100] // 1_000_000 if took else 0
        begin = now_ns if self._begin is None else self._begin
        seconds = (now_ns - begin) / 1e9
        window_s = max(min(seconds, WINDOW_NS / 1e9), 1.0)
        faults = " ".join(f"{name}({hit})" for name, hit in self._faults.items())
        return (
            f"t={seconds:.0f}s ok {self._counts[OK]} info {self._counts[INFO]}"
            f" fail {self._counts['fail']} | {len(took) / window_s:.0f}/s"
            f" p99 {p99_ms}ms | leader {self.leader or '-'} | {faults or 'quiet'}"
        )
