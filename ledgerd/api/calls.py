"""One call while it is answered: who made it, until when it may take, and what became of it."""

import asyncio
import time
from contextvars import ContextVar
from typing import Final

from ledgerd.api.access import short_name
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.node.courier import Decided
from ledgerd.node.reads import ReadAt
from ledgerd.observability import logs
from ledgerd.observability.metrics import Metrics
from ledgerd.security.identity import Identity

OK: Final = "OK"
REFUSED: Final = "REFUSED"
_NAMES: Final = {
    **{int(outcome): outcome.name for outcome in Outcome},
    **{int(refusal): refusal.name for refusal in Refusal},
}
_CREATED: Final = int(Outcome.CREATED)
_REFUSALS_FROM: Final = min(int(refusal) for refusal in Refusal)
log = logs.get(__name__)


class Call:
    """One call, or one batch of a stream; `begin` and `end` stand once each around it.

    deadline: loop time, seconds, by which the node must have answered.
    is_stream: it is a whole stream; how long it stands open is nobody's waiting time.
    """

    __slots__ = (
        "_answered_at",
        "_began_at",
        "_metrics",
        "deadline",
        "first_ordinal",
        "identity",
        "index",
        "is_quiet",
        "is_stream",
        "method",
        "outcomes",
        "peer",
        "rows",
        "term",
    )

    def __init__(
        self,
        method: str,
        *,
        metrics: Metrics,
        identity: Identity | None,
        deadline: float,
        peer: str,
        is_quiet: bool = False,
        is_stream: bool = False,
    ) -> None:
        self._began_at = time.monotonic()
        self._answered_at: float | None = None
        self._metrics = metrics
        self.method = method
        self.identity = identity
        self.deadline = deadline
        self.peer = peer
        self.is_quiet = is_quiet
        self.is_stream = is_stream
        self.rows = 0 if is_stream else 1
        self.outcomes: dict[str, int] | None = None
        self.term: int | None = None
        self.index: int | None = None
        self.first_ordinal: int | None = None

    @property
    def principal(self) -> str:
        """Who submits, for the record."""
        assert self.identity is not None, "a call is answered after it was admitted"
        return self.identity.name

    def again(self, deadline_s: float) -> "Call":
        """Return the call of one batch of a stream: the same caller, a deadline of its own."""
        deadline = min(self.deadline, asyncio.get_running_loop().time() + deadline_s)
        return Call(
            self.method,
            metrics=self._metrics,
            identity=self.identity,
            deadline=deadline,
            peer=self.peer,
        )

    def decided(self, decided: Decided) -> None:
        """Take note of what the log answered, for metrics and the line."""
        self.term, self.index = decided.term, decided.index
        self.first_ordinal, self.rows = decided.first, decided.count
        codes = decided.outcomes.codes[decided.first : decided.first + decided.count]
        created = codes.count(_CREATED)
        counts = {_NAMES[_CREATED]: created} if created else {}
        if created != len(codes):
            for code in sorted(set(codes)):
                if code != _CREATED:
                    counts[_NAMES[code]] = codes.count(code)
                    self._count(code, counts[_NAMES[code]])
        self.outcomes = counts
        if created:
            self._metrics.outcomes.labels(_NAMES[_CREATED]).inc(created)

    def read_at(self, at: ReadAt) -> None:
        """Take note of the index a read was answered from."""
        self.index = at.applied_index

    def answered(self) -> None:
        """Take note that the answer is made, where `ended` waits until it has left."""
        self._answered_at = time.monotonic()

    def ended(
        self, status: str, *, reason: str | None = None, request_id: str | None = None
    ) -> None:
        """Count the call and write its one line."""
        duration_s = (self._answered_at or time.monotonic()) - self._began_at
        call = short_name(self.method)
        metrics = self._metrics
        metrics.requests.labels(call, status).inc()
        if not self.is_stream:
            metrics.request_seconds.labels(call).observe(duration_s)
        if reason is not None:
            metrics.calls_refused.labels(reason=reason).inc()
        if self.is_quiet and status == OK:
            return
        logs.request_line(
            log,
            call=call,
            caller="unknown" if self.identity is None else self.identity.name,
            status=status,
            duration_s=duration_s,
            rows=self.rows,
            reason=reason,
            outcomes=self.outcomes,
            term=self.term,
            index=self.index,
            first_ordinal=self.first_ordinal,
            peer=self.peer,
            request_id=request_id,
        )

    def _count(self, code: int, count: int) -> None:
        if code >= _REFUSALS_FROM:
            self._metrics.refusals.labels(_NAMES[code]).inc(count)
            self._metrics.outcomes.labels(REFUSED).inc(count)
        else:
            self._metrics.outcomes.labels(_NAMES[code]).inc(count)


_CURRENT: Final[ContextVar[Call]] = ContextVar("call")


def current() -> Call:
    """Return the call that is being answered by this task."""
    return _CURRENT.get()


def begin(call: Call) -> None:
    """Make `call` the current one of this task."""
    _CURRENT.set(call)
