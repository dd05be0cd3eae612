"""The blocking face: every call of the async one, from any thread."""

import asyncio
import contextlib
import inspect
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ledgerd.api.v1 import events_pb2
from ledgerd.client import AsyncClient, Client, ConfigError, Outcome, iban
from ledgerd.client.dispatch_calls import DispatchCalls
from ledgerd.errors import CallError, NotLogged, Reason
from tests.client.fake_cluster import FakeCluster, keep_silent
from tests.waiting import PATIENCE_S, until

PAYEE = iban("DE89370400440532013000", "Payee")
ACCOUNT = "acct_" + "0" * 26
PUBLIC = sorted(
    name
    for part in AsyncClient.__mro__
    # A worker for a rail waits for many things at once: it has an event loop.
    if part not in (object, DispatchCalls)
    for name in vars(part)
    if not name.startswith("_") and name != "from_profile"
)


@pytest.mark.parametrize("name", PUBLIC)
def test_both_faces_have_the_same_calls(name: str) -> None:
    """Names, arguments and defaults do not drift apart."""
    blocking, awaited = getattr(Client, name), getattr(AsyncClient, name)
    if isinstance(awaited, property):
        assert isinstance(blocking, property)
    else:
        mine, theirs = inspect.signature(blocking), inspect.signature(awaited)
        assert mine.parameters == theirs.parameters
        if name not in ("watch", "export_log"):  # iterators of each face's own kind
            assert mine == theirs


def test_threads_share_batches(cluster: FakeCluster) -> None:
    """Submits of many threads travel together, without their doing."""
    with Client(cluster.profile()) as client, ThreadPoolExecutor(16) as threads:
        submits = [
            threads.submit(
                client.submit,
                account=ACCOUNT,
                amount=1,
                currency="EUR",
                rail="eu_sct",
                destination=PAYEE,
            )
            for _ in range(200)
        ]
        outcomes = {submit.result().outcome for submit in submits}

    assert outcomes == {Outcome.CREATED}
    assert sum(cluster.batches) == 200
    assert len(cluster.batches) < 200


def test_clients_share_one_thread_that_ends_with_them(cluster: FakeCluster) -> None:
    """Any number of clients costs one thread, and the last one takes it along."""
    first, second = Client(cluster.profile()), Client(cluster.profile())
    assert _client_threads() == 1
    first.close()
    second.status()
    second.close()

    assert _client_threads() == 0


@pytest.mark.parametrize("is_closed", [True, False])
def test_the_last_client_leaves_no_task_behind(
    cluster: FakeCluster, is_closed: bool
) -> None:
    """A stream that was given up has ended before the loop has, with and without `close`."""
    cluster.events.append(events_pb2.Event(seq=1))
    left = []
    for _ in range(5):
        with Client(cluster.profile()) as client:
            watch = client.watch(1)
            assert next(watch).seq == 1
            if is_closed:
                watch.close()
        left += asyncio.all_tasks(client._loop)

    assert left == []


def test_interrupt_cancels_the_call(cluster: FakeCluster) -> None:
    """Ctrl-C in a blocking call comes through, and the client works afterwards."""
    for node in cluster.nodes.values():
        node.before.append(keep_silent)
    interrupts = threading.Timer(
        0.2, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]
    )
    with Client(cluster.profile()) as client:
        interrupts.start()
        with pytest.raises(KeyboardInterrupt):
            client.get("payout_x", deadline=20)
        interrupts.join()

        assert client.statuses().keys() == {1, 2, 3}


def test_client_that_cannot_open_leaves_nothing(cluster: FakeCluster) -> None:
    """A mistake in the profile is raised at once, and no thread stays behind."""
    with pytest.raises(ConfigError):
        Client(cluster.profile(), node_id=9)

    assert _client_threads() == 0


def test_close_ends_calls_of_other_threads_that_find_no_node(
    cluster: FakeCluster,
) -> None:
    """They would wait for a loop that has ended, for ever, whatever their deadline."""
    for node in cluster.nodes.values():
        node.stop()
    client = Client(cluster.profile())
    calls: list[Callable[[], object]] = [
        lambda: client.submit(
            account=ACCOUNT,
            amount=1,
            currency="EUR",
            rail="eu_sct",
            destination=PAYEE,
            deadline=600,
        ),
        lambda: client.open_account(currency="EUR", livemode=True, deadline=600),
        lambda: client.get("payout_x", deadline=600),
        lambda: client.find_leader(deadline=600),
        lambda: next(client.watch(1, deadline=600)),
    ]
    ends = [_in_thread(call) for call in calls]
    until("the calls are under way", lambda: _task_count(client) >= len(calls))

    client.close()

    for end in ends:
        error = end.get(timeout=PATIENCE_S)
        assert isinstance(error, NotLogged), error
        assert error.reason is Reason.STOPPING


def test_close_ends_a_watch_that_had_begun(cluster: FakeCluster) -> None:
    """It has no deadline any more, and would look for a node for ever."""
    cluster.events.append(events_pb2.Event(seq=1))
    client = Client(cluster.profile())
    watch = client.watch(1)
    assert next(watch).seq == 1
    end = _in_thread(lambda: next(watch))
    until("the watch waits", lambda: _task_count(client) > 0)

    client.close()

    error = end.get(timeout=PATIENCE_S)
    assert isinstance(error, NotLogged), error
    assert error.reason is Reason.STOPPING
    watch.close()


def test_close_in_the_very_moment_of_a_call(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call gets the loop before it is stopped, or finds the client closed."""
    client = Client(cluster.profile())
    put_on_loop = asyncio.run_coroutine_threadsafe
    closing = threading.Thread(target=client.close)

    # Any: what a coroutine yields and is sent is the event loop's affair.
    def late(call: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Any:
        if threading.current_thread() is not closing:
            monkeypatch.undo()
            closing.start()
            closing.join(0.2)  # it would be over by then, if it did not wait
        return put_on_loop(call, loop)

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", late)
    with contextlib.suppress(CallError):  # or it is answered
        client.status()
    closing.join()


def test_a_child_that_was_forked_with_a_client_open_is_told_so() -> None:
    """The loop's thread is not in the child: whoever waited for it would do so for ever."""
    script = """
import os, signal, sys
from ledgerd.client import Client, Endpoint, NotLogged, Profile

profile = Profile(cluster_id="c", endpoints=(Endpoint(1, "127.0.0.1:1"),))
with Client(profile) as client:
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
        sys.exit()
    signal.alarm(20)  # one that waits for ever is not left behind
    for call in (client.status, lambda: Client(profile)):
        try:
            call()
        except NotLogged as error:
            assert "forked" in str(error), error
        else:
            sys.exit(1)
"""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], check=True, timeout=PATIENCE_S
    )


def test_a_child_that_was_forked_when_all_were_closed_opens_its_own(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    """A program may ask something before it starts its workers."""
    profile = tmp_path / "client.toml"
    profile.write_text(cluster.profile().to_toml())
    script = """
import os, sys
from ledgerd.client import Client

with Client.from_profile(sys.argv[1]) as client:
    client.status()
if child := os.fork():
    assert os.waitpid(child, 0)[1] == 0
    sys.exit()
with Client.from_profile(sys.argv[1]) as client:
    client.status()
"""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, profile],
        check=True,
        timeout=PATIENCE_S,
    )


def test_a_signal_handler_that_closes_in_the_very_moment_of_a_call(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call finds no loop any more, and says so as any call of a closed client does."""
    client = Client(cluster.profile())
    put_on_loop = asyncio.run_coroutine_threadsafe

    # Any: what a coroutine yields and is sent is the event loop's affair.
    def interrupted(
        call: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop
    ) -> Any:
        monkeypatch.undo()
        client.close()
        return put_on_loop(call, loop)

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", interrupted)
    with pytest.raises(NotLogged) as caught:
        client.status()
    assert caught.value.reason is Reason.STOPPING


def _in_thread(call: Callable[[], object]) -> "queue.Queue[object]":
    """Call it in a thread that nobody waits for; return where its error is put."""
    end: queue.Queue[object] = queue.Queue()

    def run() -> None:
        try:
            end.put(call())
        except Exception as error:
            end.put(error)

    threading.Thread(target=run, daemon=True).start()
    return end


def _task_count(client: Client) -> int:
    async def count() -> int:
        return len(asyncio.all_tasks()) - 1

    return asyncio.run_coroutine_threadsafe(count(), client._loop).result()


def _client_threads() -> int:
    return sum(thread.name == "ledgerd-client" for thread in threading.enumerate())
