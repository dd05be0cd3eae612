"""The calls of clients and operators: on their way to a node, waiting there, and answered."""

from collections.abc import Callable, Iterator, Mapping

from ledgerd.errors import CorruptionError, Reason
from ledgerd.raft.entries import NO_NODE, Index, NodeId
from ledgerd.raft.requests import Request
from ledgerd.replica.inputs import ChangeRequested, StateDamaged, Waiter
from ledgerd.replica.outbox import Outbox
from ledgerd.simulation.check_answers import AnswersWatch, Call
from ledgerd.simulation.check_ledger import account_seen
from ledgerd.simulation.client import Client
from ledgerd.simulation.clock import Agenda
from ledgerd.simulation.dice import chance, dice
from ledgerd.simulation.machine import Machine
from ledgerd.simulation.members import Operator
from ledgerd.simulation.network import Network
from ledgerd.simulation.workload import ReadAccount, Work, proposal, rows_of
from ledgerd.storage.tables import Tables


class Calls:
    """Carries work to nodes, and what they say of it back, and shows both to the checks."""

    def __init__(
        self,
        agenda: Agenda,
        network: Network,
        machines: Mapping[NodeId, Machine],
        answers: AnswersWatch,
        seed: int,
    ) -> None:
        self._agenda = agenda
        self._network = network
        self._machines = machines
        self._answers = answers
        self._dice = dice(seed, "client network")
        self._calls: dict[Waiter, tuple[Call, Client | Operator, Work]] = {}
        self._waiters = 0

    def waiter(self) -> Waiter:
        """Return a new name for one who waits."""
        self._waiters += 1
        return Waiter(self._waiters)

    @property
    def waiting(self) -> Iterator[Call]:
        """The calls that a node has taken and not ended."""
        return (call for call, _, _ in self._calls.values())

    # On the way there.

    def send(self, client: Client, node_id: NodeId, work: Work) -> Call:
        """Send a client's work to a node."""
        waiter = self.waiter()
        call = Call(waiter, f"c{client.number}.{waiter}", rows_of(work))
        if not call.rows:
            self._answers.begin_read(call)
        if not chance(self._dice, self._network.wire.loss):
            arrives_ns = self._agenda.now_ns + self._flight_ns()
            self._agenda.at(arrives_ns, self._arrive, node_id, call, client, work)
        return call

    def _arrive(self, node_id: NodeId, call: Call, client: Client, work: Work) -> None:
        machine = self._machines[node_id]
        if self._agenda.now_ns < machine.deaf_until_ns:
            return
        if not machine.is_up:
            self._agenda.at(
                self._agenda.now_ns + self._flight_ns(), client.refused, call, NO_NODE
            )
            return
        self._calls[call.waiter] = (call, client, work)
        call.taken_by = (node_id, machine.incarnation)
        if isinstance(work, ReadAccount):
            machine.read(call.waiter)
            return
        refusal = machine.propose(proposal(work, call.waiter, call.tag))
        if refusal is not None:
            del self._calls[call.waiter]
            self._answers.refused(call)
            self._reply(machine, client.refused, call, refusal.leader)

    def ask(
        self,
        operator: Operator,
        machine: Machine,
        request: Request,
        expected: Index | None,
    ) -> Call:
        """Send an operator's request for other members to a node."""
        waiter = self.waiter()
        call = Call(waiter, f"operator.{waiter}", 0)
        self._calls[waiter] = (call, operator, ReadAccount(b""))
        call.taken_by = (machine.node_id, machine.incarnation)
        machine.take(ChangeRequested(waiter, request, expected))
        return call

    # On the way back.

    def turned(self, machine: Machine, outbox: Outbox) -> None:
        """Send the answers of a turn."""
        for answer in outbox.answers:
            call, client, _ = self._calls.pop(answer.waiter)
            if isinstance(client, Operator):
                continue
            self._answers.answered(call, answer)
            self._reply(machine, client.answered, call, machine.node_id)
        for refusal in outbox.not_proposed:
            call, client, _ = self._calls.pop(refusal.waiter)
            self._answers.refused(call)
            is_final = refusal.reason is Reason.STATE_VERSION
            hear = client.refused
            if is_final and isinstance(client, Client):
                hear = client.declined
            self._reply(machine, hear, call, refusal.leader)
        for unknown in outbox.unknown:
            call, client, _ = self._calls.pop(unknown.waiter)
            self._answers.unknown(call)
            self._reply(machine, client.unknown, call)

    def settled(self, machine: Machine, visible: Index) -> None:
        """Answer the reads that what is visible now answers."""
        waiters = machine.readable()
        if not waiters:
            return
        environment = machine.disk.environment
        with environment.state.begin() as transaction:
            tables = Tables(environment, transaction)
            shown = tables.applied().index
            assert shown >= visible, (shown, visible)
            for waiter in waiters:
                call, client, work = self._calls.pop(waiter)
                assert isinstance(work, ReadAccount), work
                try:
                    account = tables.account(work.account_id)
                except CorruptionError as error:
                    machine.take(StateDamaged(str(error)))
                    self._reply(machine, client.refused, call, NO_NODE)
                    continue
                found = account_seen(account) if account is not None else None
                self._answers.read(call, work.account_id, shown, found)
                self._reply(machine, client.answered, call, machine.node_id)

    def _reply(
        self, machine: Machine, hear: Callable[..., None], *args: object
    ) -> None:
        """Let the client hear of it, if the node lives when the answer leaves."""
        if chance(self._dice, self._network.wire.loss):
            return
        leaves_ns = max(machine.own_ns, self._agenda.now_ns)
        self._agenda.at(
            leaves_ns + self._flight_ns(),
            self._hear,
            machine,
            machine.incarnation,
            leaves_ns,
            hear,
            args,
        )

    def _hear(
        self,
        machine: Machine,
        incarnation: int,
        leaves_ns: int,
        hear: Callable[..., None],
        args: tuple[object, ...],
    ) -> None:
        if machine.has_left(incarnation, leaves_ns):
            hear(*args)

    def _flight_ns(self) -> int:
        wire = self._network.wire
        jitter_ns = int(self._dice.expovariate(1.0) * wire.jitter_ns)
        return wire.delay_ns + jitter_ns
