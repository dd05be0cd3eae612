"""What the simulated network does to messages."""

from ledgerd.raft.entries import NodeId, Term
from ledgerd.raft.messages import Message, TermOver
from ledgerd.simulation.clock import MS, SECOND, Agenda
from ledgerd.simulation.network import Network
from ledgerd.simulation.swarm import Wire

STILL = Wire(
    delay_ns=5 * MS, jitter_ns=0, loss=0.0, replay=0.0, replay_ns=SECOND, reorder=0.0
)


class World:
    """A network between nodes 1 and 2, and what came of each message."""

    def __init__(self, wire: Wire = STILL) -> None:
        self.agenda = Agenda()
        self.arrived: list[tuple[int, Message]] = []
        self.dropped: list[str] = []
        self.died_ns = 1 << 60
        self.network = Network(
            self.agenda,
            wire,
            7,
            deliver=lambda m: self.arrived.append((self.agenda.now_ns, m)),
            drop=lambda _, why: self.dropped.append(why),
            has_left=lambda _, __, leaves_ns: leaves_ns <= self.died_ns,
        )

    def send(self, term: int = 1, leaves_ns: int = 0) -> None:
        message = TermOver(NodeId(1), NodeId(2), Term(term))
        self.network.send(message, leaves_ns=leaves_ns, incarnation=1)

    def run(self, until_ns: int = 100 * SECOND) -> list[int]:
        while self.agenda.step(until_ns):
            pass
        return [message.term for _, message in self.arrived]


def test_a_message_takes_the_delay_of_its_link() -> None:
    world = World()
    world.send(leaves_ns=2 * MS)
    world.run()

    assert world.arrived[0][0] == 7 * MS


def test_order_holds_on_a_link_without_reordering() -> None:
    world = World(Wire(MS, 50 * MS, 0.0, 0.0, 0, 0.0))
    for term in range(1, 50):
        world.send(term, leaves_ns=term)

    assert world.run() == list(range(1, 50))


def test_messages_overtake_each_other_where_they_may() -> None:
    world = World(Wire(MS, 50 * MS, 0.0, 0.0, 0, 0.9))
    for term in range(1, 50):
        world.send(term, leaves_ns=term)

    terms = world.run()

    assert sorted(terms) == list(range(1, 50))
    assert terms != sorted(terms)


def test_a_share_is_lost_and_a_share_comes_again() -> None:
    world = World(Wire(MS, 0, 0.3, 0.3, SECOND, 0.0))
    for term in range(1, 201):
        world.send(term)

    terms = world.run()

    assert 30 < len(world.dropped) < 90
    assert len(terms) > len(set(terms))


def test_a_cut_link_loses_what_is_sent_and_what_is_on_its_way() -> None:
    world = World()
    world.send(1)
    world.network.cut([(1, 2)])
    world.send(2)
    world.run(until_ns=SECOND)
    world.network.mend()
    world.send(3, leaves_ns=SECOND)

    assert world.run() == [3]
    assert world.dropped == ["cut", "cut"]


def test_a_clogged_link_holds_messages_until_it_is_free() -> None:
    world = World()
    world.send(1)
    world.network.clog(1, 2, SECOND)
    world.run()

    assert world.arrived[0][0] == SECOND


def test_a_broken_connection_loses_what_is_on_its_way_and_works_again() -> None:
    world = World()
    world.send(1)
    world.network.break_connection(2, 1)
    world.send(2)

    assert world.run() == [2]
    assert world.dropped == ["broken"]


def test_what_leaves_after_its_sender_died_never_left() -> None:
    world = World()
    world.died_ns = MS
    world.send(1, leaves_ns=MS)
    world.send(2, leaves_ns=2 * MS)

    assert world.run() == [1]
