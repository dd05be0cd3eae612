"""A cluster that is scripted: the real wire, dictionaries for a ledger.

Each node behaves as its test says: it leads, follows, refuses, keeps silent, or does what
the log does and then loses the answer. Ledger rules are only those that a client can see.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NoReturn, Self

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_status import rpc_status

from ledgerd.api.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    cluster_pb2,
    cluster_pb2_grpc,
    common_pb2,
    events_pb2,
    events_pb2_grpc,
    payouts_pb2,
    payouts_pb2_grpc,
    rails_pb2,
    risk_pb2,
    settings_pb2,
)
from ledgerd.client import Endpoint, Profile
from ledgerd.errors import Kind, Reason, kind_of, outcome_of

CLUSTER_ID = "fake"
_CODES = {
    Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.OUT_OF_RANGE: grpc.StatusCode.OUT_OF_RANGE,
    Kind.EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Kind.DEADLINE: grpc.StatusCode.DEADLINE_EXCEEDED,
    Kind.INTERNAL: grpc.StatusCode.INTERNAL,
}

Step = Callable[["FakeNode", grpc.ServicerContext], None]


def refuse(reason: Reason, **metadata: str) -> Step:
    """Return a step that ends a call with our ErrorInfo."""

    def step(node: "FakeNode", context: grpc.ServicerContext) -> NoReturn:
        abort(context, reason, f"{reason.value} by script", metadata)

    return step


def fail_like_grpc(code: grpc.StatusCode) -> Step:
    """Return a step that ends a call as the gRPC library does: without our ErrorInfo."""

    def step(node: "FakeNode", context: grpc.ServicerContext) -> NoReturn:
        context.abort(code, "made by the library")

    return step


def keep_silent(node: "FakeNode", context: grpc.ServicerContext) -> None:
    """Accept the call and never answer, until the caller gives up or the test ends."""
    gone = threading.Event()
    if context.add_callback(gone.set):
        node.silenced.append(gone)
        gone.wait()
    context.abort(grpc.StatusCode.CANCELLED, "nobody waits")


def abort(
    context: grpc.ServicerContext,
    reason: Reason,
    message: str,
    metadata: Mapping[str, str],
) -> NoReturn:
    detail = AnyMessage()
    detail.Pack(
        ErrorInfo(
            reason=reason.value,
            domain="ledgerd",
            metadata={"outcome": outcome_of(reason).value, **metadata},
        )
    )
    code = _CODES[kind_of(reason)]
    context.abort_with_status(
        rpc_status.to_status(
            Status(code=code.value[0], message=message, details=[detail])
        )
    )


class FakeNode:
    """One node: its scripted steps first, then what its place in the cluster says."""

    def __init__(self, cluster: "FakeCluster", node_id: int) -> None:
        self.cluster = cluster
        self.node_id = node_id
        self.at_stream: Step | None = None  # before anything of a stream is read
        self.before: deque[Step] = deque()  # instead of deciding, one a call
        self.after: deque[Step] = deque()  # after deciding, instead of answering
        self.calls: Counter[str] = Counter()
        self.lacks: set[str] = set()  # calls that came with a later release
        self.silenced: list[threading.Event] = []
        self.watch_replies_max: int | None = None  # then the stream breaks
        self.port = 0
        self._server: grpc.Server | None = None
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        server = grpc.server(
            ThreadPoolExecutor(16),
            options=[("grpc.so_reuseport", 0)],
        )
        payouts_pb2_grpc.add_PayoutsServicer_to_server(FakePayouts(self), server)
        accounts_pb2_grpc.add_LedgerServicer_to_server(FakeLedger(self), server)
        accounts_pb2_grpc.add_ReportsServicer_to_server(FakeReports(self), server)
        events_pb2_grpc.add_FeedServicer_to_server(FakeFeed(self), server)
        admin_pb2_grpc.add_AdminServicer_to_server(FakeAdmin(self), server)
        cluster_pb2_grpc.add_ClusterServicer_to_server(FakeClusterCalls(self), server)
        audit_pb2_grpc.add_AuditServicer_to_server(FakeAudit(self), server)
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        server.start()
        self._server = server

    def stop(self) -> None:
        """Cut every connection, as a killed process does."""
        for gone in self.silenced:
            gone.set()
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    def enter(self, name: str, context: grpc.ServicerContext) -> None:
        """Count the call and do what the script says."""
        self.calls[name] += 1
        if name in self.lacks:
            fail_like_grpc(grpc.StatusCode.UNIMPLEMENTED)(self, context)
        if self.before:
            self.before.popleft()(self, context)

    def enter_write(self, name: str, context: grpc.ServicerContext) -> None:
        """Like `enter`; then refuse unless this node leads."""
        self.enter(name, context)
        leader_id, _ = self.believes()
        if leader_id == self.node_id:
            return
        if leader_id is None:
            abort(context, Reason.NO_LEADER, "no leader is known", {})
        hint = self.cluster.hint_id or leader_id
        address = self.cluster.nodes[hint].address
        abort(
            context,
            Reason.NOT_LEADER,
            f"node {hint} leads",
            {"leader": str(hint), "leader_address": address},
        )

    def believes(self) -> tuple[int | None, int]:
        """Return who leads, and the term, as this node knows it."""
        cluster = self.cluster
        return cluster.cut_off.get(self.node_id, (cluster.leader_id, cluster.term))

    def leave(self, context: grpc.ServicerContext) -> None:
        if self.after:
            self.after.popleft()(self, context)


class FakeCluster:
    """Nodes that share one dictionary; `leader_id` says who decides."""

    def __init__(self, count: int = 3) -> None:
        self.lock = threading.Lock()
        self.leader_id: int | None = 1
        self.term = 1
        self.cut_off: dict[
            int, tuple[int | None, int]
        ] = {}  # the leader and term known
        self.copies: list[int] = []
        self.members = cluster_pb2.MembersReply(
            membership_index=5,
            leader_id=1,
            next_node_id=count + 1,
            members=[
                cluster_pb2.Member(node_id=n, role=cluster_pb2.VOTER)
                for n in range(1, count + 1)
            ],
        )
        self.learners: dict[int, deque[cluster_pb2.Member]] = {}
        self.judged: dict[str, int] = {}  # rows of dry pages, by their first id
        self.free_bytes: dict[int, int] = {}  # by node, as the leader knows it
        self.hint_id: int | None = None  # whom followers name, if not the leader
        self.index = 0
        self.orders: dict[str, tuple[bytes, int, int]] = {}  # id -> order, position
        self.batches: list[int] = []  # rows of every decided batch
        self.poison: set[str] = set()  # ids that make a batch malformed
        self.poor: set[str] = set()  # accounts without funds
        self.spent: set[str] = set()  # ids that were refused for that
        self.available_units = 2**53 + 1  # of every account
        self.owner_ref = ""  # of every account
        self.knows_concerns = True  # or of release 0.1.0
        self.newcomers: list[int] = []  # members that no profile names
        self.not_ready: dict[int, str] = {}  # why, by node
        self.digests: dict[int, str] = {}  # of nodes that differ
        self.fees: Sequence[admin_pb2.FeeRule] = ()  # as they were set last
        self.fees_request = admin_pb2.SetFeesRequest()
        self.routes: list[payouts_pb2.Route] = []  # that a quote finds
        self.quotes: list[
            payouts_pb2.QuoteRequest | payouts_pb2.QuoteRoutesRequest
        ] = []
        self.rails: list[rails_pb2.Rail] = []  # versions in the catalogue
        self.limits: list[risk_pb2.LimitSet] = []  # by version
        self.rules: list[risk_pb2.RuleSet] = []
        self.roles: list[settings_pb2.RoleSet] = []
        self.currencies: list[settings_pb2.CurrencySet] = []
        self.expected_versions: list[int | None] = []  # of SetRoles
        self.events: list[events_pb2.Event] = []
        self.asked: list[Message] = []  # of the calls that note it
        self.nodes = {
            node_id: FakeNode(self, node_id) for node_id in range(1, count + 1)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in self.nodes.values():
            node.stop()

    def profile(self, deadline_ms: int = 5_000) -> Profile:
        return Profile(
            CLUSTER_ID,
            tuple(Endpoint(n.node_id, n.address) for n in self.nodes.values()),
            deadline_ms=deadline_ms,
        )

    def calls(self, name: str) -> Sequence[int]:
        """Return how often each node was called."""
        return [node.calls[name] for node in self.nodes.values()]

    def header(self, node: FakeNode) -> common_pb2.MutationHeader:
        return common_pb2.MutationHeader(
            term=1,
            index=self.index,
            accepted_at_us=self.index * 1_000,
            node_id=node.node_id,
        )

    def decide(
        self, node: FakeNode, orders: Sequence[payouts_pb2.PayoutOrder]
    ) -> payouts_pb2.SubmitBatchReply:
        with self.lock:
            self.index += 1
            self.batches.append(len(orders))
            return payouts_pb2.SubmitBatchReply(
                header=self.header(node),
                results=[self._one(at, order) for at, order in enumerate(orders)],
            )

    def _one(
        self, ordinal: int, order: payouts_pb2.PayoutOrder
    ) -> payouts_pb2.SubmitResult:
        result = common_pb2.CommandResult(ordinal=ordinal)
        if not self.answer_again(result, order):
            if order.account_id in self.poor:
                self.spent.add(order.payout_id)
                _refuse_for_funds(result)
                return payouts_pb2.SubmitResult(result=result)
            said = order.SerializeToString(deterministic=True)
            result.outcome = common_pb2.OUTCOME_CREATED
            self.orders[order.payout_id] = said, self.index, ordinal
        return payouts_pb2.SubmitResult(result=result, state=payouts_pb2.READY)

    def answer_again(
        self, result: common_pb2.CommandResult, order: payouts_pb2.PayoutOrder
    ) -> bool:
        """Fill in the answer to an id that was used before; return whether it was."""
        if order.payout_id in self.spent:
            _refuse_for_funds(result)
            result.replayed = True
            return True
        if (first := self.orders.get(order.payout_id)) is None:
            return False
        said = order.SerializeToString(deterministic=True)
        was, result.original_index, result.original_ordinal = first
        result.replayed = True
        result.same_request = was == said
        result.outcome = (
            common_pb2.OUTCOME_REPLAYED if was == said else common_pb2.OUTCOME_CONFLICT
        )
        if was != said:
            result.differing_fields.append("amount.units")
        return True


def _refuse_for_funds(result: common_pb2.CommandResult) -> None:
    result.outcome = common_pb2.OUTCOME_REFUSED
    result.refusal = common_pb2.INSUFFICIENT_FUNDS
    result.id_spent = True


class _BatchRefused(Exception):
    def __init__(self, error: payouts_pb2.StreamError) -> None:
        self.error = error


class _BatchContext:
    """The context of one batch: that of its stream, but for what ends the batch alone."""

    def __init__(self, stream: grpc.ServicerContext) -> None:
        self._stream = stream
        self.abort = stream.abort
        self.add_callback = stream.add_callback

    def abort_with_status(self, status: grpc.Status) -> NoReturn:
        info = ErrorInfo()
        details = dict(status.trailing_metadata)["grpc-status-details-bin"]
        Status.FromString(details).details[0].Unpack(info)
        metadata = dict(info.metadata)
        raise _BatchRefused(
            payouts_pb2.StreamError(
                reason=info.reason,
                message=status.details,
                outcome=metadata["outcome"],
                metadata=metadata,
            )
        )


class FakePayouts(payouts_pb2_grpc.PayoutsServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def SubmitBatch(
        self, request: payouts_pb2.SubmitBatchRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.SubmitBatchReply:
        self.node.enter_write("SubmitBatch", context)
        poison = self.node.cluster.poison
        bad = [at for at, o in enumerate(request.orders) if o.payout_id in poison]
        if bad or not request.orders:
            abort(context, Reason.MALFORMED, f"orders[{bad}]: malformed", {})
        reply = self.node.cluster.decide(self.node, request.orders)
        if self.node.cluster.knows_concerns:
            reply.header.concern = request.concern or common_pb2.QUORUM
        self.node.leave(context)
        return reply

    def SubmitStream(
        self,
        request_iterator: Iterator[payouts_pb2.SubmitBatchRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[payouts_pb2.SubmitStreamReply]:
        """Answer one batch after the other, each as the script would a call.

        What the script ends as our own becomes the end of one batch, anything else the
        end of the stream.
        """
        self.node.calls["SubmitStream"] += 1
        if self.node.at_stream is not None:
            self.node.at_stream(self.node, context)
        for request in request_iterator:
            reply = payouts_pb2.SubmitStreamReply(sequence=request.sequence)
            try:
                batch = _BatchContext(context)
                reply.accepted.CopyFrom(self.SubmitBatch(request, batch))
            except _BatchRefused as refused:
                reply.error.CopyFrom(refused.error)
            yield reply

    def Quote(
        self, request: payouts_pb2.QuoteRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.QuoteReply:
        self.node.enter("Quote", context)
        self.node.cluster.quotes.append(request)
        return payouts_pb2.QuoteReply(
            header=common_pb2.ReadHeader(applied_index=self.node.cluster.index),
            quoted_at_us=1_000_000,
            valid_until_us=901_000_000,
            route=self.node.cluster.routes[0],
        )

    def QuoteRoutes(
        self, request: payouts_pb2.QuoteRoutesRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.QuoteRoutesReply:
        self.node.enter("QuoteRoutes", context)
        self.node.cluster.quotes.append(request)
        return payouts_pb2.QuoteRoutesReply(
            header=common_pb2.ReadHeader(applied_index=self.node.cluster.index),
            quoted_at_us=1_000_000,
            valid_until_us=901_000_000,
            routes=self.node.cluster.routes,
        )

    def Validate(
        self, request: payouts_pb2.ValidateRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.ValidateReply:
        """Refuse every new amount above 1,000,000 for funds."""
        self.node.enter("Validate", context)
        self.node.cluster.judged[request.orders[0].payout_id] = len(request.orders)
        verdicts = []
        for order in request.orders:
            verdict = payouts_pb2.Verdict()
            result = verdict.result.result
            if not self.node.cluster.answer_again(result, order):
                result.outcome = common_pb2.OUTCOME_CREATED
                if order.amount.units > 1_000_000:
                    _refuse_for_funds(result)
            verdicts.append(verdict)
        return payouts_pb2.ValidateReply(
            header=common_pb2.ReadHeader(applied_index=self.node.cluster.index),
            judged_at_us=1_000_000,
            verdicts=verdicts,
        )

    def Get(
        self, request: payouts_pb2.GetPayoutRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.GetPayoutReply:
        self.node.enter("Get", context)
        if (found := self.node.cluster.orders.get(request.payout_id)) is None:
            abort(context, Reason.NOT_FOUND, "no such payout", {})
        said, index, ordinal = found
        order = payouts_pb2.PayoutOrder.FromString(said)
        return payouts_pb2.GetPayoutReply(
            header=common_pb2.ReadHeader(applied_index=self.node.cluster.index),
            payout=payouts_pb2.Payout(
                order=order,
                state=payouts_pb2.READY,
                index=index,
                ordinal=ordinal,
                rail=order.rail,
                release_at_us=order.release_at_us,
            ),
        )

    def Cancel(
        self, request: payouts_pb2.CancelPayoutRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.CancelPayoutReply:
        self.node.enter_write("Cancel", context)
        cluster = self.node.cluster
        known = request.payout_id in cluster.orders
        return payouts_pb2.CancelPayoutReply(
            header=cluster.header(self.node),
            result=common_pb2.CommandResult(
                outcome=common_pb2.OUTCOME_CREATED
                if known
                else common_pb2.OUTCOME_REFUSED,
                refusal=None if known else common_pb2.PAYOUT_NOT_FOUND,
            ),
            state=payouts_pb2.CANCELLED if known else None,
        )

    def List(
        self, request: payouts_pb2.ListPayoutsRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.ListPayoutsReply:
        self.node.enter("List", context)
        self.node.cluster.asked.append(request)
        return payouts_pb2.ListPayoutsReply(payouts=[IN_DOUBT])

    def Approve(
        self, request: payouts_pb2.ApprovePayoutRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.PayoutChangeReply:
        return self._changed("Approve", request, context)

    def Reject(
        self, request: payouts_pb2.RejectPayoutRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.PayoutChangeReply:
        return self._changed("Reject", request, context)

    def Reroute(
        self, request: payouts_pb2.ReroutePayoutRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.PayoutChangeReply:
        return self._changed("Reroute", request, context)

    def RequestRecall(
        self, request: payouts_pb2.RequestRecallRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.PayoutChangeReply:
        return self._changed("RequestRecall", request, context)

    def TellEvidence(
        self, request: payouts_pb2.TellEvidenceRequest, context: grpc.ServicerContext
    ) -> payouts_pb2.PayoutChangeReply:
        return self._changed("TellEvidence", request, context)

    def _changed(
        self, name: str, request: object, context: grpc.ServicerContext
    ) -> payouts_pb2.PayoutChangeReply:
        self.node.enter_write(name, context)
        self.node.cluster.asked.append(request)
        return payouts_pb2.PayoutChangeReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
            state=payouts_pb2.READY,
        )


IN_DOUBT = payouts_pb2.Payout(
    order=payouts_pb2.PayoutOrder(payout_id="payout_x", rail="swift"),
    state=payouts_pb2.DISPATCHING,
    rail_key="A" * 15,
    attention=True,
)
EXCEPTION = audit_pb2.PayoutException(
    index=7,
    ordinal=1,
    cause=audit_pb2.PayoutException.SECOND_SETTLEMENT,
    payout_id="payout_x",
    told="Settle",
    rail="swift",
    rail_key="A" * 15,
    reference="ref-9",
    proposed=audit_pb2.ADJUST,
    proposed_by="ann",
)


class FakeAudit(audit_pb2_grpc.AuditServicer):
    """Shows one exception, and accepts whatever is to become of it."""

    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def ListExceptions(
        self, request: audit_pb2.ListExceptionsRequest, context: grpc.ServicerContext
    ) -> audit_pb2.ListExceptionsReply:
        self.node.enter("ListExceptions", context)
        self.node.cluster.asked.append(request)
        return audit_pb2.ListExceptionsReply(exceptions=[EXCEPTION], has_more=True)

    def ResolveException(
        self, request: audit_pb2.ResolveExceptionRequest, context: grpc.ServicerContext
    ) -> audit_pb2.ResolveExceptionReply:
        self.node.enter_write("ResolveException", context)
        self.node.cluster.asked.append(request)
        return audit_pb2.ResolveExceptionReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
            state=payouts_pb2.SETTLED,
        )


class FakeFeed(events_pb2_grpc.FeedServicer):
    """Tells the events two at a time, then keeps silent."""

    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def Watch(
        self, request: events_pb2.WatchRequest, context: grpc.ServicerContext
    ) -> Iterator[events_pb2.WatchReply]:
        node, events = self.node, self.node.cluster.events
        node.enter("Watch", context)
        behind = request.from_seq - 1 if request.from_seq else len(events)
        yield events_pb2.WatchReply(scanned_seq=behind)
        replies = 1
        while page := events[behind : behind + 2]:
            if replies == node.watch_replies_max:
                context.abort(grpc.StatusCode.UNAVAILABLE, "cut off")
            behind += len(page)
            wanted = request.filter.account_id
            yield events_pb2.WatchReply(
                events=[
                    event
                    for event in page
                    if wanted in ("", *(after.account_id for after in event.accounts))
                ],
                scanned_seq=behind,
            )
            replies += 1
        keep_silent(node, context)

    def GetEvent(
        self, request: events_pb2.GetEventRequest, context: grpc.ServicerContext
    ) -> events_pb2.GetEventReply:
        self.node.enter("GetEvent", context)
        events = self.node.cluster.events
        if not 1 <= request.seq <= len(events):
            abort(context, Reason.EVENT_NOT_KEPT, f"no event {request.seq}", {})
        return events_pb2.GetEventReply(event=events[request.seq - 1])


class FakeAccountCalls(accounts_pb2_grpc.LedgerServicer):
    """Accepts everything, keeps what it was asked, and shows one hold and one voucher."""

    node: "FakeNode"

    def CloseAccount(
        self, request: accounts_pb2.CloseAccountRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.CloseAccountReply:
        self.node.enter_write("CloseAccount", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.CloseAccountReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def Freeze(
        self, request: accounts_pb2.FreezeRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.FreezeReply:
        self.node.enter_write("Freeze", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.FreezeReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def Unfreeze(
        self, request: accounts_pb2.UnfreezeRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.UnfreezeReply:
        self.node.enter_write("Unfreeze", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.UnfreezeReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def FundReverse(
        self, request: accounts_pb2.FundReverseRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.FundReverseReply:
        self.node.enter_write("FundReverse", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.FundReverseReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def CreateHold(
        self, request: accounts_pb2.CreateHoldRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.CreateHoldReply:
        self.node.enter_write("CreateHold", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.CreateHoldReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def CaptureHold(
        self, request: accounts_pb2.CaptureHoldRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.CaptureHoldReply:
        self.node.enter_write("CaptureHold", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.CaptureHoldReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def ReleaseHold(
        self, request: accounts_pb2.ReleaseHoldRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ReleaseHoldReply:
        self.node.enter_write("ReleaseHold", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.ReleaseHoldReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def PostEntry(
        self, request: accounts_pb2.PostEntryRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.PostEntryReply:
        self.node.enter_write("PostEntry", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.PostEntryReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def Adjust(
        self, request: accounts_pb2.AdjustRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.AdjustReply:
        self.node.enter_write("Adjust", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.AdjustReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def ApproveVoucher(
        self, request: accounts_pb2.ApproveVoucherRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ApproveVoucherReply:
        self.node.enter_write("ApproveVoucher", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.ApproveVoucherReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def RejectVoucher(
        self, request: accounts_pb2.RejectVoucherRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.RejectVoucherReply:
        self.node.enter_write("RejectVoucher", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.RejectVoucherReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def GetHold(
        self, request: accounts_pb2.GetHoldRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.GetHoldReply:
        self.node.enter("GetHold", context)
        return accounts_pb2.GetHoldReply(hold=HOLD)

    def ListHolds(
        self, request: accounts_pb2.ListHoldsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListHoldsReply:
        self.node.enter("ListHolds", context)
        self.node.cluster.asked.append(request)
        more = "" if request.cursor else "more"
        return accounts_pb2.ListHoldsReply(holds=[HOLD], next_cursor=more)

    def GetVoucher(
        self, request: accounts_pb2.GetVoucherRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.GetVoucherReply:
        self.node.enter("GetVoucher", context)
        return accounts_pb2.GetVoucherReply(voucher=VOUCHER)

    def ListVouchers(
        self, request: accounts_pb2.ListVouchersRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListVouchersReply:
        self.node.enter("ListVouchers", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.ListVouchersReply(vouchers=[VOUCHER])


HOLD = accounts_pb2.Hold(
    hold_id="hold_x",
    account_id="acct_x",
    amount=common_pb2.Money(units=2**53 + 1, currency="USD", exponent=2),
    expires_at_us=1_790_000_000_000_000,
    reference="[/bold] booking",
    state=accounts_pb2.Hold.CAPTURED,
    captured_units=150,
    captured_to="acct_y",
    index=7,
)
VOUCHER = accounts_pb2.Voucher(
    voucher_id="req_x",
    currency="USD",
    exponent=2,
    legs=[
        accounts_pb2.EntryLeg(
            kind=accounts_pb2.EntryLeg.AVAILABLE,
            account_id="acct_x",
            side=accounts_pb2.EntryLeg.DEBIT,
            units=70,
        ),
        accounts_pb2.EntryLeg(
            kind=accounts_pb2.EntryLeg.RETURNS,
            side=accounts_pb2.EntryLeg.CREDIT,
            units=70,
        ),
    ],
    reason="misread",
    linked=accounts_pb2.EntryPosition(index=5, ordinal=1, n=2),
    state=accounts_pb2.Voucher.OPEN,
    created_by="anna",
    updated_by="anna",
)


class FakeLedger(FakeAccountCalls):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def OpenAccount(
        self, request: accounts_pb2.OpenAccountRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.OpenAccountReply:
        self.node.enter_write("OpenAccount", context)
        refused = request.currency == "XXX"
        return accounts_pb2.OpenAccountReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(
                outcome=common_pb2.OUTCOME_REFUSED
                if refused
                else common_pb2.OUTCOME_CREATED,
                refusal=common_pb2.CURRENCY_RETIRED if refused else None,
            ),
        )

    def Fund(
        self, request: accounts_pb2.FundRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.FundReply:
        self.node.enter_write("Fund", context)
        self.node.leave(context)
        return accounts_pb2.FundReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def GetBalance(
        self, request: accounts_pb2.GetBalanceRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.GetBalanceReply:
        self.node.enter("GetBalance", context)
        self.node.cluster.asked.append(request)
        return accounts_pb2.GetBalanceReply(
            account_id=request.account_id,
            currency="USD",
            exponent=2,
            balances=accounts_pb2.Balances(available_units=1_234_500),
            as_of_index=17,
            sequence=3,
            final=request.as_of.WhichOneof("at") != "time_us",
        )

    def GetAccount(
        self, request: accounts_pb2.GetAccountRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.GetAccountReply:
        self.node.enter("GetAccount", context)
        return accounts_pb2.GetAccountReply(
            account=accounts_pb2.Account(
                account_id=request.account_id,
                currency="USD",
                exponent=2,
                livemode=True,
                owner_ref=self.node.cluster.owner_ref,
                status=accounts_pb2.OPEN,
                balances=accounts_pb2.Balances(
                    available_units=self.node.cluster.available_units
                ),
            )
        )


class FakeReports(accounts_pb2_grpc.ReportsServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def Statement(
        self, request: accounts_pb2.StatementRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.StatementReply:
        """Return three fundings of 1.00, two on the first page."""
        self.node.enter("Statement", context)
        self.node.cluster.asked.append(request)
        first = int(request.cursor or 1)
        numbers = [n for n in (1, 2, 3) if first <= n < first + 2]
        return accounts_pb2.StatementReply(
            account_id=request.account_id,
            currency="USD",
            exponent=2,
            from_index=1,
            to_index=12,
            opening=accounts_pb2.StatementBalance(),
            closing=accounts_pb2.StatementBalance(
                sequence=3, balances=accounts_pb2.Balances(available_units=300)
            ),
            lines=[
                accounts_pb2.StatementLine(
                    sequence=n,
                    index=n + 8,
                    at_us=n * 1_000_000,
                    reason="fund",
                    subject="req_" + "0" * 26,
                    change=accounts_pb2.Balances(available_units=100),
                    after=accounts_pb2.Balances(available_units=100 * n),
                )
                for n in numbers
            ],
            next_cursor="3" if first == 1 else "",
            final=request.WhichOneof("to") != "to_us",
        )

    def TrialBalance(
        self, request: accounts_pb2.TrialBalanceRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.TrialBalanceReply:
        self.node.enter("TrialBalance", context)
        return accounts_pb2.TrialBalanceReply(
            books=[
                accounts_pb2.Book(
                    livemode=True,
                    currency="USD",
                    exponent=2,
                    debit_units="1000000",
                    credit_units="1000000",
                    balanced=True,
                    lines=[
                        accounts_pb2.TrialBalanceLine(
                            ledger_account="bank/main/cash",
                            debit_units="1000000",
                            credit_units="0",
                            accounts=1,
                        )
                    ],
                )
            ]
        )


class FakeAdmin(admin_pb2_grpc.AdminServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def Status(
        self, request: admin_pb2.StatusRequest, context: grpc.ServicerContext
    ) -> admin_pb2.StatusReply:
        self.node.enter("Status", context)
        cluster = self.node.cluster
        leader_id, term = self.node.believes()
        leads = leader_id == self.node.node_id
        return admin_pb2.StatusReply(
            cluster_id=CLUSTER_ID,
            node_id=self.node.node_id,
            role=admin_pb2.LEADER if leads else admin_pb2.FOLLOWER,
            leader_id=leader_id or 0,
            term=term,
            commit_index=cluster.index,
            applied_index=cluster.index,
            visible_index=cluster.index,
            digest=cluster.digests.get(self.node.node_id, "ab" * 32),
            ready=self.node.node_id not in cluster.not_ready,
            not_ready_reason=cluster.not_ready.get(self.node.node_id, ""),
            version="0.3.0",
            state_version=2,
        )

    def GetCatalogue(
        self, request: rails_pb2.GetCatalogueRequest, context: grpc.ServicerContext
    ) -> rails_pb2.GetCatalogueReply:
        self.node.enter("GetCatalogue", context)
        return rails_pb2.GetCatalogueReply(
            header=common_pb2.ReadHeader(applied_index=self.node.cluster.index),
            rails=self.node.cluster.rails,
        )

    def GetFees(
        self, request: admin_pb2.GetFeesRequest, context: grpc.ServicerContext
    ) -> admin_pb2.GetFeesReply:
        self.node.enter("GetFees", context)
        asked = self.node.cluster.fees_request
        return admin_pb2.GetFeesReply(
            header=common_pb2.ReadHeader(applied_index=self.node.cluster.index),
            schedules=[
                admin_pb2.FeeSchedule(
                    version=1,
                    effective_from_us=asked.effective_from_us or 1,
                    source=asked.source,
                    as_of=asked.as_of,
                    quote_valid_s=asked.quote_valid_s or 900,
                    rules=asked.rules,
                ),
                admin_pb2.FeeSchedule(version=2, effective_from_us=2**60),
            ],
            version_in_force=1,
        )

    def SetFees(
        self, request: admin_pb2.SetFeesRequest, context: grpc.ServicerContext
    ) -> admin_pb2.SetFeesReply:
        self.node.enter_write("SetFees", context)
        self.node.cluster.fees = request.rules
        self.node.cluster.fees_request = request
        return admin_pb2.SetFeesReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def SetLimits(
        self, request: risk_pb2.SetLimitsRequest, context: grpc.ServicerContext
    ) -> risk_pb2.SetLimitsReply:
        self.node.enter_write("SetLimits", context)
        kept = self.node.cluster.limits
        kept.append(
            risk_pb2.LimitSet(
                version=len(kept) + 1,
                effective_from_us=request.effective_from_us,
                source=request.source,
                as_of=request.as_of,
                limits=request.limits,
            )
        )
        return risk_pb2.SetLimitsReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def GetLimits(
        self, request: risk_pb2.GetLimitsRequest, context: grpc.ServicerContext
    ) -> risk_pb2.GetLimitsReply:
        self.node.enter_write("GetLimits", context)
        return risk_pb2.GetLimitsReply(versions=self.node.cluster.limits)

    def SetRules(
        self, request: risk_pb2.SetRulesRequest, context: grpc.ServicerContext
    ) -> risk_pb2.SetRulesReply:
        self.node.enter_write("SetRules", context)
        kept = self.node.cluster.rules
        kept.append(
            risk_pb2.RuleSet(
                version=len(kept) + 1,
                effective_from_us=request.effective_from_us,
                source=request.source,
                as_of=request.as_of,
                rules=request.rules,
            )
        )
        return risk_pb2.SetRulesReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def GetRules(
        self, request: risk_pb2.GetRulesRequest, context: grpc.ServicerContext
    ) -> risk_pb2.GetRulesReply:
        self.node.enter_write("GetRules", context)
        return risk_pb2.GetRulesReply(versions=self.node.cluster.rules)

    def SetRoles(
        self, request: settings_pb2.SetRolesRequest, context: grpc.ServicerContext
    ) -> settings_pb2.SetRolesReply:
        self.node.enter_write("SetRoles", context)
        kept = self.node.cluster.roles
        self.node.cluster.expected_versions.append(
            request.expected_version if request.HasField("expected_version") else None
        )
        kept.append(
            settings_pb2.RoleSet(
                version=len(kept) + 1,
                effective_from_us=request.effective_from_us,
                source=request.source,
                as_of=request.as_of,
                grants=request.grants,
            )
        )
        return settings_pb2.SetRolesReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def GetRoles(
        self, request: settings_pb2.GetRolesRequest, context: grpc.ServicerContext
    ) -> settings_pb2.GetRolesReply:
        self.node.enter_write("GetRoles", context)
        return settings_pb2.GetRolesReply(versions=self.node.cluster.roles)

    def SetCurrencies(
        self, request: settings_pb2.SetCurrenciesRequest, context: grpc.ServicerContext
    ) -> settings_pb2.SetCurrenciesReply:
        self.node.enter_write("SetCurrencies", context)
        kept = self.node.cluster.currencies
        kept.append(
            settings_pb2.CurrencySet(
                version=len(kept) + 1,
                effective_from_us=request.effective_from_us,
                source=request.source,
                as_of=request.as_of,
                retired=request.retired,
            )
        )
        return settings_pb2.SetCurrenciesReply(
            header=self.node.cluster.header(self.node),
            result=common_pb2.CommandResult(outcome=common_pb2.OUTCOME_CREATED),
        )

    def GetCurrencies(
        self, request: settings_pb2.GetCurrenciesRequest, context: grpc.ServicerContext
    ) -> settings_pb2.GetCurrenciesReply:
        self.node.enter_write("GetCurrencies", context)
        return settings_pb2.GetCurrenciesReply(
            versions=self.node.cluster.currencies,
            currencies=[
                settings_pb2.Currency(code="BGN", exponent=2, is_retired=True),
                settings_pb2.Currency(code="USD", exponent=2),
            ],
        )


class FakeClusterCalls(cluster_pb2_grpc.ClusterServicer):
    def __init__(self, node: FakeNode) -> None:
        self.node = node

    def Status(
        self,
        request: cluster_pb2.ClusterStatusRequest,
        context: grpc.ServicerContext,
    ) -> cluster_pb2.ClusterStatusReply:
        self.node.enter_write("ClusterStatus", context)
        cluster = self.node.cluster
        reply = cluster_pb2.ClusterStatusReply(
            cluster_id=CLUSTER_ID,
            node_id=self.node.node_id,
            leader_id=cluster.leader_id or 0,
            term=1,
            commit_index=cluster.index,
            last_index=cluster.index,
            state_version=2,
        )
        for node_id in [*cluster.nodes, *cluster.newcomers]:
            node = reply.nodes.add(node_id=node_id, voter=True)
            node.as_heard.heard = True
            node.as_heard.lag_entries = 7 if node_id != cluster.leader_id else 0
            if node_id in cluster.free_bytes:
                node.as_heard.free_bytes = cluster.free_bytes[node_id]
        return reply

    def Transfer(
        self,
        request: cluster_pb2.TransferLeadershipRequest,
        context: grpc.ServicerContext,
    ) -> cluster_pb2.TransferLeadershipReply:
        self.node.enter_write("TransferLeadership", context)
        cluster = self.node.cluster
        before = request.from_node_id
        leader_id = cluster.leader_id
        if request.to_node_id not in (0, leader_id) or before in (0, leader_id):
            before = cluster.leader_id or 0
            to = request.to_node_id or self.node.node_id % len(cluster.nodes) + 1
            cluster.leader_id = to
        self.node.leave(context)
        return cluster_pb2.TransferLeadershipReply(
            leader_id=cluster.leader_id or 0, term=2, from_node_id=before
        )

    def Digest(
        self, request: cluster_pb2.DigestRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.DigestReply:
        self.node.enter("Digest", context)
        here = self.node.node_id
        at = [
            cluster_pb2.DigestAt(index=index, digest=f"{index:064x}")
            for index in (1_024, 2_048, 2_048 + here)
        ]
        return cluster_pb2.DigestReply(node_id=here, kept=at[:2], now=at[2])

    def Snapshot(
        self, request: cluster_pb2.SnapshotRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.SnapshotReply:
        self.node.enter("Snapshot", context)
        reply = cluster_pb2.SnapshotReply(
            node_id=self.node.node_id, log_first_index=5, log_last_index=90
        )
        copies = self.node.cluster.copies
        reply.under_way = request.make and not copies
        if request.make and not copies:
            copies.append(80)  # there by the time that somebody asks again
        elif copies:
            reply.newest.CopyFrom(
                cluster_pb2.SnapshotCopy(
                    index=copies[-1], term=2, digest="ab" * 32, size_bytes=5_000_000
                )
            )
        return reply

    def Members(
        self, request: cluster_pb2.MembersRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.MembersReply:
        self.node.enter_write("Members", context)
        members = self.node.cluster.members
        # A learner comes a step further each time that somebody looks.
        for member in members.members:
            script = self.node.cluster.learners.get(member.node_id)
            if script:
                member.CopyFrom(script.popleft())
        return members

    def AddNode(
        self, request: cluster_pb2.AddNodeRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.MembershipReply:
        self.node.enter_write("AddNode", context)
        return self._changed(request.node_id, request.expected_index, context)

    def ReplaceNode(
        self, request: cluster_pb2.ReplaceNodeRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.MembershipReply:
        self.node.enter_write("ReplaceNode", context)
        new = request.new_node
        return self._changed(new.node_id, new.expected_index, context)

    def UpdateNode(
        self, request: cluster_pb2.UpdateNodeRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.MembershipReply:
        self.node.enter_write("UpdateNode", context)
        for member in self.node.cluster.members.members:
            if member.node_id == request.node_id:
                member.priority = request.priority
        return self._changed(0, request.expected_index, context)

    def RemoveNode(
        self, request: cluster_pb2.RemoveNodeRequest, context: grpc.ServicerContext
    ) -> cluster_pb2.MembershipReply:
        self.node.enter_write("RemoveNode", context)
        members = self.node.cluster.members.members
        gone = [m for m in members if m.node_id == request.node_id]
        for member in gone:
            members.remove(member)
        return self._changed(0, request.expected_index, context)

    def _changed(
        self, added: int, expected_index: int, context: grpc.ServicerContext
    ) -> cluster_pb2.MembershipReply:
        members = self.node.cluster.members
        if expected_index != members.membership_index:
            abort(context, Reason.MEMBERSHIP_MOVED, "the membership changed", {})
        members.membership_index += 1
        if added:
            member = members.members.add(node_id=added, role=cluster_pb2.LEARNER)
            member.catching_up = True
        return cluster_pb2.MembershipReply(
            index=members.membership_index, members=members, node_id=added
        )
