"""The service `Dispatch`: workers take payouts to a rail, and bring back what it tells."""

import asyncio
import time
from typing import Any, Final, TypeAlias

import grpc

from ledgerd.api import calls, codec, ids, lifecycle_codec, replies, shapes
from ledgerd.api.deciding import Deciding
from ledgerd.api.v1 import common_pb2, dispatch_pb2_grpc
from ledgerd.api.v1 import dispatch_pb2 as pb
from ledgerd.errors import CallError, NotLogged
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.ledger.commands import (
    DispatchBegin,
    DispatchClaim,
    Evidence,
    RaiseAttention,
)
from ledgerd.ledger.outcomes import Outcome
from ledgerd.ledger.payouts import PayoutFlag, PayoutState, PayoutStatus, rail_now
from ledgerd.node.courier import Decided
from ledgerd.node.windows import Dispatchable, dispatchable
from ledgerd.replica.inputs import WriteConcern
from ledgerd.storage.reader import PayoutFound, StateReader

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]

# Named here because the class below has a method of that name.
_Told: TypeAlias = Evidence | RaiseAttention
_CLAIMS_DEFAULT: Final = 100
_CLAIMS_MAX: Final = 1_000


class DispatchService(Deciding, dispatch_pb2_grpc.DispatchServicer):
    """Answers the calls of `Dispatch`."""

    async def ClaimDispatch(  # noqa: D102 - the proto says what it does
        self, request: pb.ClaimDispatchRequest, context: Context
    ) -> pb.ClaimDispatchReply:
        call = calls.current()
        request_id = codec.object_id("request_id", ids.REQUEST, request.request_id)
        lease_us = lifecycle_codec.lease_us(request.lease_ms)
        rails, count = _wanted(request)
        payouts = [
            codec.object_id(f"payout_ids[{n}]", ids.PAYOUT, text)
            for n, text in enumerate(request.payout_ids)
        ]

        def query(reader: StateReader) -> tuple[list[PayoutFound], Windows]:
            windows = Windows(reader.catalogue(), reader.log_time_us())
            if payouts:
                named = reader.payouts_of(payouts)
                return list(filter(windows.may_go, named)), windows
            found = reader.takeable(
                rails,
                count,
                keep=lambda payout: (
                    (request.with_attention or not _is_given_back(payout))
                    and windows.may_go(payout)
                ),
            )
            return found, windows

        at, (found, windows) = await self._node.read(
            query, at_least=None, deadline=call.deadline
        )
        if not found and windows.error is not None:
            raise windows.error
        before = {payout.head.payout_id: payout for payout in found}
        commands = [
            _claim(payout, request_id, lease_us, call.principal, windows)
            for payout in found
        ]
        answers = await asyncio.gather(
            *(self._claimed(command, call.deadline) for command in commands)
        )
        decided = [answer for answer in answers if isinstance(answer, Decided)]
        errors = [answer for answer in answers if isinstance(answer, CallError)]
        if errors and not decided:
            raise errors[0]
        for answer in decided:
            call.decided(answer)
        # By position, for processes of one worker may share an entry: each of them is told that
        # the worker holds the payout, and one of them may send it.
        taken = {
            command.payout_id: (answer.index, answer.first)
            for command, answer in zip(commands, answers, strict=True)
            if isinstance(answer, Decided)
            and answer.outcomes.codes[answer.first] == Outcome.CREATED
        }
        if taken:
            at, found = await self._node.read(
                lambda reader: reader.payouts_of(sorted(taken)),
                at_least=max(index for index, _ in taken.values()),
                deadline=call.deadline,
            )
        call.read_at(at)
        reply = pb.ClaimDispatchReply(
            header=self._replies.read(at, state_version=self._node.state_version)
        )
        for payout in found:
            payout_id = payout.head.payout_id
            status = payout.status
            if status is not None and status.last_entry[:2] == taken.get(payout_id):
                claim = _claim_message(payout, status)
                was = before[payout_id].state
                claim.ask_first = was is PayoutState.DISPATCHING
                claim.value_date = windows.value_date(payout)
                reply.claims.append(claim)
        call.rows = len(reply.claims)
        return reply

    async def RenewClaim(  # noqa: D102
        self, request: pb.RenewClaimRequest, context: Context
    ) -> pb.RenewClaimReply:
        call = calls.current()
        command = lifecycle_codec.renew_claim(request, principal=call.principal)
        header, result = await self._decide(command, common_pb2.QUORUM)
        reply = pb.RenewClaimReply(header=header, result=result)
        if result.outcome in (
            common_pb2.OUTCOME_CREATED,
            common_pb2.OUTCOME_REPLAYED,
        ):
            _, found = await self._node.read(
                lambda reader: reader.payouts_of([command.payout_id]),
                at_least=header.index,
                deadline=call.deadline,
            )
            # Of a repeated call: unless another process of this worker has claimed it since.
            at = result.original_index or header.index
            for payout in found:
                status = payout.status
                if status is not None and status.claim_index == at:
                    reply.claim.CopyFrom(_claim_message(payout, status))
        return reply

    async def RaiseAttention(  # noqa: D102
        self, request: pb.RaiseAttentionRequest, context: Context
    ) -> pb.EvidenceReply:
        principal = calls.current().principal
        return await self._told(
            lifecycle_codec.raise_attention(request, principal=principal)
        )

    async def RailAck(  # noqa: D102
        self, request: pb.RailAckRequest, context: Context
    ) -> pb.EvidenceReply:
        return await self._told(
            lifecycle_codec.rail_ack(request, principal=calls.current().principal)
        )

    async def RailNotAccepted(  # noqa: D102
        self, request: pb.RailNotAcceptedRequest, context: Context
    ) -> pb.EvidenceReply:
        principal = calls.current().principal
        return await self._told(
            lifecycle_codec.rail_not_accepted(request, principal=principal)
        )

    async def RailReject(  # noqa: D102
        self, request: pb.RailRejectRequest, context: Context
    ) -> pb.EvidenceReply:
        return await self._told(
            lifecycle_codec.rail_reject(request, principal=calls.current().principal)
        )

    async def Settle(  # noqa: D102
        self, request: pb.SettleRequest, context: Context
    ) -> pb.EvidenceReply:
        return await self._told(
            lifecycle_codec.settle(request, principal=calls.current().principal)
        )

    async def Return(  # noqa: D102
        self, request: pb.ReturnRequest, context: Context
    ) -> pb.EvidenceReply:
        return await self._told(
            lifecycle_codec.money_return(request, principal=calls.current().principal)
        )

    async def ReversalComplete(  # noqa: D102
        self, request: pb.ReversalCompleteRequest, context: Context
    ) -> pb.EvidenceReply:
        principal = calls.current().principal
        return await self._told(
            lifecycle_codec.reversal_complete(request, principal=principal)
        )

    async def _told(self, command: _Told) -> pb.EvidenceReply:
        header, result, state = await self._decide_payout(command, common_pb2.QUORUM)
        return pb.EvidenceReply(header=header, result=result, state=state)

    async def _claimed(
        self, command: DispatchBegin | DispatchClaim, deadline: float
    ) -> Decided | CallError:
        """Return the answer to one of many commands, or why there is none."""
        try:
            return await self._node.propose_command(
                command, deadline, WriteConcern.QUORUM
            )
        except CallError as error:
            return error


def _wanted(request: pb.ClaimDispatchRequest) -> tuple[tuple[int, ...], int]:
    """Return numbers of rails, () for all, and how many payouts. Raises NotLogged."""
    try:
        rails = tuple(
            shapes.rail(f"rails[{n}]", name) for n, name in enumerate(request.rails)
        )
        count = max(request.max_payouts, len(request.payout_ids))
        if count > _CLAIMS_MAX:
            raise shapes.Malformed("max_payouts", f"0 .. {_CLAIMS_MAX}", str(count))
    except shapes.Malformed as bad:
        raise bad.error() from None
    return rails, request.max_payouts or _CLAIMS_DEFAULT


class Windows:
    """What the rails of some payouts take now, from one look at the catalogue."""

    def __init__(self, catalogue: Catalogue, log_time_us: int) -> None:
        self.error: NotLogged | None = None
        self._catalogue = catalogue
        self._now_us = max(time.time_ns() // 1_000, log_time_us)
        self._found: dict[int, Dispatchable | None] = {}  # by rail

    def may_go(self, payout: PayoutFound) -> bool:
        """Return whether a payout may be claimed; one in doubt always, for the rail is asked."""
        if payout.state is PayoutState.DISPATCHING:
            return True
        try:
            window = self.of(payout)
        except NotLogged as error:
            self.error = error
            return False
        return window is None or window.is_open

    def of(self, payout: PayoutFound) -> Dispatchable | None:
        """Return what holds of a dispatch now; None without a record. Raises NotLogged."""
        rail = rail_now(payout.head, payout.status)
        if rail not in self._found:
            self._found[rail] = dispatchable(self._catalogue, rail, self._now_us)
        return self._found[rail]

    def value_date(self, payout: PayoutFound) -> int:
        """Return the day on which the rail books it, yyyymmdd; 0 where nobody knows."""
        try:
            window = self.of(payout)
        except NotLogged:
            return 0
        return 0 if window is None else window.value_date


def _is_given_back(payout: PayoutFound) -> bool:
    """Return whether its worker could learn nothing more of it."""
    return payout.status is not None and payout.status.has(PayoutFlag.IN_DOUBT)


def _claim(
    found: PayoutFound,
    request_id: bytes,
    lease_us: int,
    worker: str,
    windows: Windows,
) -> DispatchBegin | DispatchClaim:
    payout_id = found.head.payout_id
    attempt = 1 if found.status is None else found.status.attempt + 1
    part = lifecycle_codec.part_id(request_id, payout_id)
    if found.state is PayoutState.DISPATCHING:
        return DispatchClaim(part, payout_id, attempt, lease_us, worker)
    window = windows.of(found)
    if window is None:
        return DispatchBegin(part, payout_id, attempt, lease_us, worker)
    return DispatchBegin(
        part,
        payout_id,
        attempt,
        lease_us,
        worker,
        window.rail_version,
        window.calendar_version,
        window.closes_us,
    )


def _claim_message(found: PayoutFound, status: PayoutStatus) -> pb.Claim:
    return pb.Claim(
        payout=replies.payout(found),
        rail_key=status.rail_key,
        fencing_token=status.claim_index,
        attempt=status.attempt,
        claimed_at_us=status.ts_us,
        lease_until_us=status.lease_until_us,
    )
