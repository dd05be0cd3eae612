"""Calls of `AsyncClient` for workers that carry payouts to a rail: the service `Dispatch`.

Ids, deadlines and results are as in `AsyncClient`. A worker that was not answered may call again:
a claim with the same request id is the same claim, and evidence is used once however often it is
told.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, TypeVar

from ledgerd.api.v1 import dispatch_pb2 as pb
from ledgerd.client.calls import Method
from ledgerd.client.ids import new_request_id
from ledgerd.client.leader import Node
from ledgerd.client.part import Part

Evidence: TypeAlias = (
    pb.RailAckRequest
    | pb.RailNotAcceptedRequest
    | pb.RailRejectRequest
    | pb.SettleRequest
    | pb.ReturnRequest
    | pb.ReversalCompleteRequest
)
_Evidence = TypeVar("_Evidence", bound=Evidence)
_MS: Final = 1_000


class DispatchCalls(Part):
    """The part of `AsyncClient` for workers. Role: dispatcher."""

    async def claim_dispatch(
        self,
        rails: Sequence[str] = (),
        *,
        max_payouts: int = 100,
        lease: float = 30.0,
        with_attention: bool = False,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> pb.ClaimDispatchReply:
        """Take payouts that are ready, or whose worker is silent; they are DISPATCHING now.

        rails: names; none: all. lease: seconds of log time, in which nobody else takes them.
        with_attention: also those that a worker gave back with `raise_attention`.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        request = pb.ClaimDispatchRequest(
            request_id=request_id or new_request_id(),
            rails=rails,
            max_payouts=max_payouts,
            lease_ms=int(lease * _MS),
            with_attention=with_attention,
        )
        return await calls.mutate(
            lambda node: node.dispatch.ClaimDispatch, request, deadline=until
        )

    async def raise_attention(
        self,
        payout_id: str,
        attempt: int,
        *,
        reason: str = "",
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> pb.EvidenceReply:
        """Give the claim of this attempt back: it may have been sent, and a person decides.

        For a worker whose rail can neither say whether it has the payment nor recognise it.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        request = pb.RaiseAttentionRequest(
            request_id=request_id or new_request_id(),
            payout_id=payout_id,
            attempt=attempt,
            reason=reason,
        )
        return await calls.mutate(
            lambda node: node.dispatch.RaiseAttention, request, deadline=until
        )

    async def tell(
        self, evidence: Evidence, *, deadline: float | None = None
    ) -> pb.EvidenceReply:
        """Put what the rail told into the log; its request id is filled in if it is empty."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        evidence.request_id = evidence.request_id or new_request_id()
        return await calls.mutate(
            lambda node: _method(node, evidence), evidence, deadline=until
        )


def _method(node: Node, evidence: _Evidence) -> Method[_Evidence, pb.EvidenceReply]:
    dispatch = node.dispatch
    methods = {
        pb.RailAckRequest: dispatch.RailAck,
        pb.RailNotAcceptedRequest: dispatch.RailNotAccepted,
        pb.RailRejectRequest: dispatch.RailReject,
        pb.SettleRequest: dispatch.Settle,
        pb.ReturnRequest: dispatch.Return,
        pb.ReversalCompleteRequest: dispatch.ReversalComplete,
    }
    # The table pairs each message with the call that takes it, which its type cannot say.
    return methods[type(evidence)]  # type: ignore[return-value]
