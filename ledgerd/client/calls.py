"""One call from the caller's side: one deadline, any number of attempts, one honest end.

Every attempt carries the same ids, so trying again is always safe. What must never be
blurred is what a failed attempt proves (faults.md 4.2):

- no connection, so nothing was sent: no effect;
- a status with our ErrorInfo and NOT_LOGGED: no effect, now or later;
- our ErrorInfo with UNKNOWN, or any status that the gRPC library made: it may be
  committed later, and one such attempt makes the whole call unknown until an answer
  comes.

What a node says of one batch of a `lane` has the same facts as an ErrorInfo.

Which node is asked next is `leader`'s business.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar, cast

import grpc
from google.protobuf.message import Message
from grpc import aio

from ledgerd.api.v1 import payouts_pb2
from ledgerd.client import dry_runs
from ledgerd.client.details import details_of
from ledgerd.client.lane import BatchRefused
from ledgerd.client.leader import Node, Nodes, Route
from ledgerd.errors import CallError, NotLogged, Outcome, OutcomeUnknown, Reason
from ledgerd.limits import REQUEST_BYTES_MAX

_Request = TypeVar("_Request", bound=Message)
_Reply = TypeVar("_Reply")
_Asked = TypeVar("_Asked", contravariant=True)
_Answered = TypeVar("_Answered", covariant=True)

# Trying again cannot help: the request, the certificate or the profile has to change.
_FINAL: Final = frozenset(
    {
        Reason.MALFORMED,
        Reason.TOO_LARGE,
        Reason.CURSOR_INVALID,
        Reason.UNAUTHENTICATED,
        Reason.CERTIFICATE_EXPIRED,
        Reason.TLS_VERSION,
        Reason.ROLE_MISSING,
        Reason.WRONG_CLUSTER,
        Reason.NOT_FOUND,
        Reason.INDEX_NOT_KEPT,
        Reason.EVENT_NOT_KEPT,
        Reason.LOG_CUT,
        Reason.NO_TRANSFER_TARGET,
        Reason.MEMBERSHIP_MOVED,
        Reason.CHANGE_REFUSED,
        Reason.STATE_VERSION,
        Reason.WINDOW_UNKNOWN,
    }
)
# Cured by a renewed certificate, if there is one on disk by now.
_OF_THE_CERTIFICATE: Final = frozenset(
    {Reason.CERTIFICATE_EXPIRED, Reason.UNAUTHENTICATED, Reason.ROLE_MISSING}
)
# The node leads and is full: it is asked again, after a pause.
_BUSY: Final = frozenset({Reason.OVERLOADED, Reason.UNCOMMITTED_QUOTA, Reason.NO_SPACE})

# Made by the gRPC library when a connection or a node fails; anything else it makes
# (UNIMPLEMENTED, for example) will not change by itself.
_PASSING: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE.name,
        grpc.StatusCode.DEADLINE_EXCEEDED.name,
        grpc.StatusCode.CANCELLED.name,
        grpc.StatusCode.UNKNOWN.name,
        grpc.StatusCode.INTERNAL.name,
        grpc.StatusCode.RESOURCE_EXHAUSTED.name,
    }
)
_DEFECTS_MAX: Final = 3  # answers INTERNAL before a call is given up
# Each keeps all callers waiting for an election base; a node that cannot take over, cannot.
_HANDOVERS_MAX: Final = 10
_ATTEMPT_S_MIN: Final = 0.05
_PAUSE_S_MIN: Final = 0.02
_PAUSE_S_MAX: Final = 0.15
_PAUSES_TO_DIAGNOSIS: Final = 3  # then it is no passing failure


@dataclass(slots=True)
class Progress:
    """What is known of one call while it is under way; `run` keeps it up to date."""

    attempts: int = 0
    in_flight: bool = False
    was_unknown: bool = False  # an attempt ended without saying what became of it
    committed: OutcomeUnknown | None = None  # it is, though not on all voters
    last: str = "no node was asked"  # how the last attempt ended, for people

    @property
    def may_be_logged(self) -> bool:
        """Whether anything sent so far may be committed now or later."""
        return self.in_flight or self.was_unknown


class Method(Protocol[_Asked, _Answered]):
    """One attempt: a call of the gRPC library, or what looks like one."""

    def __call__(self, request: _Asked, /, *, timeout: float) -> Awaitable[_Answered]:
        """Return the answer. Raises AioRpcError or BatchRefused."""
        ...


class Calls:
    """Runs calls on the nodes until there is an answer or the deadline has passed."""

    def __init__(
        self, nodes: Nodes, *, retry: bool = True, dry_run: bool = False
    ) -> None:
        """With `retry` off, a call is one attempt, and its end is the attempt's end.

        With `dry_run` no call changes anything: what it would be answered is asked instead.
        """
        self._nodes = nodes
        self._retry = retry
        self._is_dry = dry_run
        self._is_closed = False

    def close(self) -> None:
        """Calls that are cut off from now on end as stopped, not as cancelled."""
        self._is_closed = True

    async def mutate(
        self,
        method: Callable[[Node], Method[_Request, _Reply]],
        request: _Request,
        *,
        deadline: float,
        progress: Progress | None = None,
        extra_patience_s: float = 0.0,
    ) -> _Reply:
        """Return the log's answer.

        Args:
            method: The call to make, of a node.
            request: With an idempotency key in it; sent again as it is.
            deadline: Of all attempts together, in seconds of the loop's clock.
            progress: Written as the call goes on, for whoever may give up earlier.
            extra_patience_s: Added to the time an attempt may take; for large requests.

        Errors: NotLogged, when it certainly had no effect and will not have any;
        OutcomeUnknown, when it may have or may still.
        """
        _refuse_too_large(request)
        if self._is_dry:
            # The reply type of `method`: the stubs do not say which belongs to a request.
            return cast("_Reply", await self._judged(request, deadline))
        run = _Run(self._nodes, progress or Progress(), deadline)
        try:
            return await self._attempts(
                run,
                method=method,
                request=request,
                extra_patience_s=extra_patience_s,
            )
        except CallError as error:
            if (committed := run.progress.committed) is not None:
                raise run.noted(committed) from error
            if run.progress.was_unknown and not isinstance(error, OutcomeUnknown):
                raise run.unknown(error) from error
            raise run.noted(error) from error.__cause__

    async def read(
        self,
        method: Callable[[Node], Method[_Request, _Reply]],
        request: _Request,
        *,
        deadline: float,
    ) -> _Reply:
        """Return the answer of any node that can give one.

        Errors: NotLogged, whatever the reason: a read changes nothing.
        """
        _refuse_too_large(request)
        run = _Run(self._nodes, Progress(), deadline, is_read=True)
        try:
            return await self._attempts(
                run, method=method, request=request, extra_patience_s=0.0
            )
        except CallError as error:
            plain = NotLogged(error.reason, error.message, error.metadata)
            raise run.noted(plain) from error

    async def _judged(self, request: Message, deadline: float) -> Message:
        """Return what `request` would be answered; nothing is written. Raises NotLogged."""
        if isinstance(request, payouts_pb2.SubmitBatchRequest):
            orders = payouts_pb2.ValidateRequest(orders=request.orders)
            verdicts = await self.read(
                lambda node: node.payouts.Validate, orders, deadline=deadline
            )
            return dry_runs.as_batch_answer(request, verdicts)
        verdict = await self.read(
            lambda node: node.ledger.Validate,
            dry_runs.judged(request),
            deadline=deadline,
        )
        return dry_runs.as_answer(request, verdict)

    async def ask(
        self,
        node: Node,
        method: Method[_Request, _Reply],
        request: _Request,
        *,
        deadline: float,
    ) -> _Reply:
        """Return the answer of one node to a read, tried once.

        Errors: NotLogged, also when the node cannot be reached, or the client is closed meanwhile.
        """
        loop = asyncio.get_running_loop()
        if not await node.is_connected(deadline):
            if self._is_closed:
                raise closed()
            node.diagnose()
            why = f"{where(node)}: no connection"
            raise NotLogged(Reason.DEADLINE_BEFORE_PROPOSAL, why)
        try:
            return await method(request, timeout=max(deadline - loop.time(), 0.001))
        except aio.AioRpcError as caught:
            error = explain(caught, node)
            raise NotLogged(error.reason, error.message, error.metadata) from caught
        except asyncio.CancelledError:
            if self._is_cut_off():
                raise closed() from None
            raise

    async def _attempts(
        self,
        run: "_Run",
        *,
        method: Callable[[Node], Method[_Request, _Reply]],
        request: _Request,
        extra_patience_s: float,
    ) -> _Reply:
        """Try until there is an answer; raise what the last attempt proved."""
        while True:
            node = await run.next_node()
            began = run.now()
            whole = not self._retry
            patience_s = node.patience_s + extra_patience_s
            allowed_s = run.left_s() if whole else min(patience_s, run.left_s())
            run.progress.attempts += 1
            run.progress.in_flight = True
            try:
                reply = await method(node)(request, timeout=max(allowed_s, 0.001))
            except (aio.AioRpcError, BatchRefused) as caught:
                error = explain(caught, node)
            except asyncio.CancelledError:
                run.progress.was_unknown = True
                if self._is_cut_off():
                    raise OutcomeUnknown(
                        Reason.STOPPED_AFTER_PROPOSAL,
                        "the client was closed before the answer came; "
                        "retry with the same id",
                    ) from None
                raise
            else:
                node.answered_after(run.now() - began)
                if not run.is_read:
                    self._nodes.leads(node)
                return reply
            finally:
                run.progress.in_flight = False
            run.failed(node, error, was_whole=allowed_s >= patience_s)
            if not self._retry or not run.may_continue(error):
                raise error
            await run.follow(node, error)

    def _is_cut_off(self) -> bool:
        """Return whether it was `close` that ended the call, and not its caller."""
        return self._is_closed and not is_given_up()


class _Run:
    """One call under way: its clock, its route and what the attempts have shown."""

    def __init__(
        self,
        nodes: Nodes,
        progress: Progress,
        deadline: float,
        *,
        is_read: bool = False,
    ) -> None:
        self.is_read = is_read
        self.progress = progress
        self._nodes = nodes
        self._route = Route(nodes)
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._deadline = deadline
        self._hint: int | None = None
        self._pause_s = _PAUSE_S_MIN
        self._defects = 0
        self._handovers = 0
        self._pauses = 0
        self._unreachable: set[Node] = set()

    def now(self) -> float:
        return self._loop.time()

    def left_s(self) -> float:
        return self._deadline - self._loop.time()

    async def next_node(self) -> Node:
        """Return a connected node. Raises the end of the call at the deadline, or at `close`."""
        while self.left_s() > self._needed_s():
            if self._nodes.is_closed:
                raise self._stopped()
            node = self._route.next(self._hint)
            self._hint = None
            if node is None:
                await self._pause()
            elif await node.is_connected(self._deadline):
                return node
            else:
                self._nodes.leads_not(node)
                self._unreachable.add(node)
                self._note(node, f"{where(node)}: no connection")
        raise self._late()

    def _needed_s(self) -> float:
        """Return how much time there must be for another attempt to be worth it.

        One that the deadline cuts off would turn "certainly not logged" into "unknown".
        """
        is_certain = self.progress.attempts and not self.progress.was_unknown
        return _ATTEMPT_S_MIN if is_certain and not self.is_read else 0.0

    def failed(self, node: Node, error: CallError, *, was_whole: bool) -> None:
        """Take in what an attempt has shown."""
        progress = self.progress
        self._note(node, error.message)
        progress.was_unknown |= isinstance(error, OutcomeUnknown)
        if error.metadata.get("status") == grpc.StatusCode.UNAVAILABLE.name:
            self._unreachable.add(node)
        elif error.reason is not Reason.DEADLINE_AFTER_PROPOSAL:
            node.answered()
        elif was_whole:
            node.kept_silent()
        if error.reason is Reason.NOT_ON_ALL_VOTERS:
            assert isinstance(error, OutcomeUnknown), error
            progress.committed = error
        elif error.reason not in _BUSY and error.reason not in _FINAL:
            self._nodes.leads_not(node)
        if error.reason is Reason.INTERNAL:
            self._defects += 1

    def _note(self, node: Node, end: str) -> None:
        """Keep how an attempt ended, with what is known of the node's trouble."""
        self.progress.last = f"{end}: {node.trouble}" if node.trouble else end

    def may_continue(self, error: CallError) -> bool:
        """Return whether another attempt could end better."""
        if error.metadata.get("made_by") == "grpc":
            return error.metadata["status"] in _PASSING
        if error.reason in _OF_THE_CERTIFICATE:
            return self._nodes.reconnect()  # with renewed files, if there are any
        if error.reason is Reason.TRANSFER_GIVEN_UP:
            self._handovers += 1
            return self._handovers < _HANDOVERS_MAX
        return error.reason not in _FINAL and self._defects < _DEFECTS_MAX

    async def follow(self, node: Node, error: CallError) -> None:
        """Set out for the node that the answer points to."""
        if error.reason in _BUSY:
            self._hint = node.node_id
            self._route.restart()
            await self._pause()
            return
        leader = error.metadata.get("leader", "")
        if error.reason is Reason.NOT_ON_ALL_VOTERS and not leader:
            self._hint = node.node_id  # it leads, and waits on
            self._route.restart()
            await self._pause()
            return
        self._hint = int(leader) if leader.isdecimal() else None
        if self._hint is not None:
            self._nodes.learn(self._hint, error.metadata.get("leader_address", ""))

    async def _pause(self) -> None:
        """Wait a little longer than the last time, and never in step with others."""
        self._nodes.reconnect()
        self._pauses += 1
        if self._pauses == _PAUSES_TO_DIAGNOSIS:
            for node in self._unreachable:
                node.diagnose()
        pause_s = self._pause_s * random.uniform(0.5, 1.0)  # noqa: S311  # no secret
        self._pause_s = min(self._pause_s * 1.5, _PAUSE_S_MAX)
        await asyncio.sleep(max(min(pause_s, self.left_s()), 0))

    def _late(self) -> CallError:
        """Return the end of a call whose time ran out."""
        waited_s = self.now() - self._began
        how = (
            f"within {waited_s:.2f} s and {self.progress.attempts} attempts; "
            f"the last one: {self.progress.last}"
        )
        if self.is_read:
            return NotLogged(Reason.READ_NOT_CONFIRMED, f"no answer {how}")
        if self.progress.was_unknown:
            return OutcomeUnknown(
                Reason.DEADLINE_AFTER_PROPOSAL,
                f"no answer from the log {how}. It may be committed; "
                "retry with the same id",
            )
        return NotLogged(Reason.DEADLINE_BEFORE_PROPOSAL, f"not logged {how}")

    def _stopped(self) -> CallError:
        """Return the end of a call that looked for a node when the client was closed."""
        if self.progress.was_unknown:
            return OutcomeUnknown(
                Reason.STOPPED_AFTER_PROPOSAL,
                "the client was closed before the answer came; retry with the same id",
            )
        return NotLogged(Reason.STOPPING, "the client was closed before it was sent")

    def unknown(self, error: CallError) -> OutcomeUnknown:
        """Return the end of a call with an unknown attempt before its last one."""
        return self.noted(
            OutcomeUnknown(
                Reason.DEADLINE_AFTER_PROPOSAL,
                f"an earlier attempt may be committed; retry with the same id. "
                f"The last one: {error.message}",
                {**error.metadata, "last_reason": error.reason.value},
            )
        )

    def noted(self, error: "_Error") -> "_Error":
        """Add the number of attempts to an error."""
        error.metadata["attempts"] = str(self.progress.attempts)
        return error


_Error = TypeVar("_Error", bound=CallError)


def _refuse_too_large(request: Message) -> None:
    """Return if gRPC will send the request. Raises NotLogged.

    What it refuses by itself looks like a failure on the way, of unknown outcome.
    """
    if (found := request.ByteSize()) > REQUEST_BYTES_MAX:
        raise NotLogged(
            Reason.TOO_LARGE,
            f"expected a request of at most {REQUEST_BYTES_MAX} bytes, found {found}",
            {"expected": str(REQUEST_BYTES_MAX), "found": str(found)},
        )


def is_final(error: CallError) -> bool:
    """Return whether no node would answer otherwise, as long as nothing is changed by hand."""
    return error.reason in _FINAL and error.metadata.get("made_by") != "grpc"


def closed() -> NotLogged:
    """Return the end of what is asked of a closed client, or was cut off without effect."""
    return NotLogged(Reason.STOPPING, "the client is closed")


def is_given_up() -> bool:
    """Return whether the task that runs now was cancelled, by its caller that is."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def where(node: Node) -> str:
    """Return which node is meant, for people."""
    return f"node {node.node_id} at {node.address}"


def explain(error: aio.AioRpcError | BatchRefused, node: Node) -> CallError:
    """Return what a failed attempt proves: NotLogged or OutcomeUnknown, with its reason.

    Errors that the gRPC library made say nothing about the log; their metadata has
    `made_by` = `grpc` and the status.
    """
    at = where(node)
    if isinstance(error, BatchRefused):
        said = error.error
        facts = {**said.metadata, "outcome": said.outcome}
        return _told(said.reason, f"{at}: {said.message}", facts)
    details = error.details() or error.code().name
    info, fields = details_of(error)
    if info is None:
        reason = (
            Reason.DEADLINE_AFTER_PROPOSAL
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            else Reason.STOPPED_AFTER_PROPOSAL
        )
        return OutcomeUnknown(
            reason,
            f"{at}: {error.code().name}: {details}",
            {"made_by": "grpc", "status": error.code().name},
        )
    message = f"{at}: {details}"
    missing = [text for text in fields if text not in details]
    if len(missing) == 1 and missing[0].endswith(f": {details}"):
        message = f"{at}: {missing[0]}"  # the same words, with the field they are about
    elif missing:
        message = f"{message} ({'; '.join(missing)})"
    return _told(info.reason, message, info.metadata)


def _told(named: str, message: str, facts: Mapping[str, str]) -> CallError:
    """Return what a node said, with the reason it named."""
    metadata = dict(facts)
    try:
        reason = Reason(named)
    except ValueError:  # a newer node; what it says about the log is still understood
        reason = Reason.INTERNAL
        metadata["reason"] = named
    if metadata.get("outcome") == Outcome.NOT_LOGGED.value:
        return NotLogged(reason, message, metadata)
    return OutcomeUnknown(reason, message, metadata)
