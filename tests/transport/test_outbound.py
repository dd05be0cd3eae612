"""The bounded queue to one peer, and the mail over the queues."""

import asyncio

from ledgerd.raft.entries import EntryKind, Index, NodeId, Term
from ledgerd.raft.messages import AppendEntries, Entry, EntryId, Heartbeat
from ledgerd.transport.outbound import PeerMail, PeerQueue

ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)


def beat(number: int, to: NodeId = TWO) -> Heartbeat:
    return Heartbeat(ONE, to, Term(1), Index(0), number)


def append(payload_bytes: int) -> AppendEntries:
    entry = Entry(
        Term(1), Index(1), EntryKind.PAYOUTS, 1, bytes(payload_bytes), bytes(32)
    )
    genesis = EntryId(Term(0), Index(0))
    return AppendEntries(
        ONE, TWO, Term(1), genesis, bytes(32), (entry,), Index(0), 1, 1
    )


class Drops:
    """Counts what a queue dropped."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, count: int) -> None:
        self.count += count


def queue_of(drops: Drops, messages_max: int = 4, bytes_max: int = 10_000) -> PeerQueue:
    queue = PeerQueue(on_dropped=drops, messages_max=messages_max, bytes_max=bytes_max)
    queue.open()
    return queue


def test_a_full_queue_drops_what_is_put() -> None:
    """At the bound in messages new ones are dropped and counted; the old ones stay."""
    drops = Drops()
    queue = queue_of(drops)
    taken = [queue.put(beat(number)) for number in range(6)]

    assert taken == [True] * 4 + [False] * 2
    assert drops.count == 2
    assert [item.read_position for item in queue.take(bytes_max=10**6)] == [0, 1, 2, 3]


def test_a_queue_is_bounded_in_bytes() -> None:
    """At the bound in bytes a large message is dropped while a small one still fits."""
    drops = Drops()
    queue = queue_of(drops)

    assert queue.put(append(9_000))
    assert not queue.put(append(9_000))
    assert queue.put(beat(1))
    assert drops.count == 1


def test_bytes_are_given_back_when_taken() -> None:
    """What is taken makes room, so the two counts never drift apart."""
    queue = queue_of(Drops())
    for _ in range(50):
        assert queue.put(append(8_000))
        queue.take(bytes_max=1)

    assert queue.size_bytes == 0
    assert len(queue) == 0


def test_take_gathers_up_to_a_size() -> None:
    """Messages that wait together are taken together; a large one alone."""
    queue = queue_of(Drops(), messages_max=10, bytes_max=10**6)
    for message in (beat(1), beat(2), append(5_000), beat(3)):
        queue.put(message)

    assert [len(queue.take(bytes_max=1_000)) for _ in range(3)] == [2, 1, 1]


def test_a_closed_queue_drops_and_forgets() -> None:
    """Without a stream nothing waits, so a new stream does not begin with old news."""
    drops = Drops()
    queue = queue_of(drops)
    queue.put(beat(1))
    queue.close()

    assert not queue.put(beat(2))
    assert drops.count == 2
    queue.open()
    assert queue.take(bytes_max=1_000) == []


def test_the_loop_is_woken_once_however_often_is_put() -> None:
    """Many calls before the loop runs cost one wake-up, and none is forgotten after it."""

    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        queues = {TWO: queue_of(Drops()), THREE: queue_of(Drops())}
        mail = PeerMail(queues)
        mail.attach(loop)
        wakes: list[int] = []
        queues[TWO].wake = lambda: wakes.append(len(queues[TWO]))  # type: ignore[method-assign]
        mail.early([beat(1), beat(1, THREE)])
        mail.early([beat(2)])
        await asyncio.sleep(0)
        mail.early([beat(3)])
        await asyncio.sleep(0)
        return wakes

    assert asyncio.run(run()) == [2, 3]


def test_mail_follows_who_comes_and_goes() -> None:
    """A node that was added or removed this moment has no queue: for consensus a lost message."""
    queue = queue_of(Drops())
    queue.open()
    mail = PeerMail({})
    mail.early([beat(1, THREE)])
    mail.open_to(THREE, queue)
    mail.early([beat(2, THREE)])
    mail.close_to(THREE)
    mail.early([beat(3, THREE)])

    assert len(queue) == 1


def test_mail_after_the_loop_ended_is_dropped() -> None:
    """A replica thread that outlives the loop for a moment meets no error."""
    loop = asyncio.new_event_loop()
    mail = PeerMail({TWO: queue_of(Drops())})
    mail.attach(loop)
    loop.close()

    mail.early([beat(1)])
    mail.early([beat(2)])
