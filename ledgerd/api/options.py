"""What the public API is told at start; made by the composition root out of the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledgerd.limits import REQUEST_BYTES_MAX

# The node answers this much before the caller's deadline, so that the answer, with what is known
# about the outcome, still arrives (T93).
_MARGIN_S_MAX: Final = 0.05
_MARGIN_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """The options of the API. Times in seconds.

    listen: host:port; port 0 takes any free one.
    peers: addresses of the other nodes by id, as Admin.Status shows them.
    is_plaintext: no TLS, so every caller is local and has every role; loopback only.
    request_bytes_max: a larger request is refused as TOO_LARGE.
    deadline_s_default: for calls that bring no deadline; deadline_s_max: the most a call may ask.
    calls_in_flight_max: a call or stream above it is refused at once as OVERLOADED.
    metadata_filters: keys of metadata that lists may be filtered by.
    stream_batches_max: batches of one SubmitStream in flight; then it is not read any further.
    """

    listen: str
    cluster_id: str
    node_id: int
    peers: Mapping[int, str]
    is_plaintext: bool = False
    request_bytes_max: int = REQUEST_BYTES_MAX
    deadline_s_default: float = 5.0
    deadline_s_max: float = 60.0
    calls_in_flight_max: int = 8192
    stream_batches_max: int = 16
    metadata_filters: frozenset[str] = frozenset()

    def wait_s(self, asked_s: float | None) -> float:
        """Return how long an answer may take, when the caller waits for `asked_s` seconds.

        asked_s: None if it did not say.
        """
        if asked_s is None:
            return self.deadline_s_default
        margin_s = min(_MARGIN_S_MAX, asked_s * _MARGIN_SHARE)
        return min(asked_s - margin_s, self.deadline_s_max)

    def __post_init__(self) -> None:
        """Assert the relations between the options."""
        assert 0 < self.deadline_s_default <= self.deadline_s_max, self
        assert 1 <= self.request_bytes_max <= REQUEST_BYTES_MAX, self
        assert self.calls_in_flight_max >= 1, self
        assert self.stream_batches_max >= 1, self
