"""New ids are UUIDv7, ascend, and do not meet those of other processes."""

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledgerd.api import ids
from ledgerd.client import new_account_id, new_payout_id, new_request_id


def test_ids_are_uuid_version_7_of_now() -> None:
    """Version, variant and time are those of RFC 9562."""
    before_ms = time.time_ns() // 1_000_000
    value = uuid.UUID(bytes=ids.decode(ids.PAYOUT, new_payout_id()))

    assert value.version == 7
    assert value.variant == uuid.RFC_4122
    assert before_ms <= value.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_prefix_says_what_it_is() -> None:
    """Each kind of id has its own prefix."""
    assert new_payout_id().startswith("payout_")
    assert new_account_id().startswith("acct_")
    assert new_request_id().startswith("req_")


def test_ids_ascend_as_text() -> None:
    """Ids made one after the other sort in that order."""
    made = [new_payout_id() for _ in range(20_000)]

    assert made == sorted(set(made))


def test_threads_never_make_the_same_id() -> None:
    """Threads share one source."""
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: new_payout_id(), range(10_000)))

    assert len(set(made)) == len(made)


def test_clock_that_goes_back_does_not_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids still ascend while the clock stands in the past."""
    first = new_payout_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)

    assert new_payout_id() > first


def test_child_process_starts_anew() -> None:
    """After a fork, parent and child do not count on from the same number."""
    new_payout_id()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, new_payout_id().encode())
        os._exit(0)
    own = new_payout_id()
    os.waitpid(child, 0)
    theirs = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)

    assert theirs.startswith("payout_")
    assert theirs != own
