"""The call of `Ledger` that says what another call would be answered now.

A read: nothing of it reaches the log. It is judged by the ledger's own rules on the state that the
read sees, as of its log time, or of this node's clock where that is ahead.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import grpc

from ledgerd.api import access, account_codec, calls, codec, lifecycle_codec, replies
from ledgerd.api.calls import Call
from ledgerd.api.deciding import Deciding
from ledgerd.api.quotes import clock_us
from ledgerd.api.shapes import Malformed
from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.errors import NotLogged, Reason
from ledgerd.formats.versions import not_yet_understood
from ledgerd.ledger.commands import Command
from ledgerd.ledger.decide.common import Moment
from ledgerd.ledger.decide.dry_run import dry_call
from ledgerd.ledger.outcomes import Outcomes
from ledgerd.storage.reader import StateReader

# Any: grpc's context does not know its messages here, and a field of the oneof is any request.
Context = grpc.aio.ServicerContext[Any, Any]
Read = Callable[[Any, Call], Command]


class _Judged(NamedTuple):
    """The call whose role is needed, and how its request becomes the command."""

    method: str
    read: Read


def _of(method: str, read: Callable[..., Command]) -> _Judged:
    return _Judged(
        f"/ledgerd.api.v1.{method}",
        lambda request, call: read(request, principal=call.principal),
    )


def _stopping(method: str, read: Callable[..., Command]) -> _Judged:
    """Return the same for a call that may need an approver."""
    return _Judged(
        f"/ledgerd.api.v1.{method}",
        lambda request, call: read(
            request,
            principal=call.principal,
            approver=lifecycle_codec.approver(call.identity),
        ),
    )


# By the name of the field in `ValidateCallRequest.call`.
JUDGED: Final = {
    "open_account": _of("Ledger/OpenAccount", codec.open_account),
    "close_account": _of("Ledger/CloseAccount", account_codec.close_account),
    "freeze": _of("Ledger/Freeze", account_codec.freeze),
    "unfreeze": _of("Ledger/Unfreeze", account_codec.unfreeze),
    "fund": _of("Ledger/Fund", codec.fund),
    "fund_reverse": _of("Ledger/FundReverse", account_codec.fund_reverse),
    "transfer": _of("Ledger/Transfer", codec.transfer),
    "create_hold": _of("Ledger/CreateHold", account_codec.create_hold),
    "capture_hold": _of("Ledger/CaptureHold", account_codec.capture_hold),
    "release_hold": _of("Ledger/ReleaseHold", account_codec.release_hold),
    "post_entry": _of("Ledger/PostEntry", account_codec.post_entry),
    "adjust": _of("Ledger/Adjust", account_codec.adjust),
    "approve_voucher": _of("Ledger/ApproveVoucher", account_codec.approve_voucher),
    "reject_voucher": _of("Ledger/RejectVoucher", account_codec.reject_voucher),
    "cancel": _stopping("Payouts/Cancel", lifecycle_codec.cancel),
    "approve": _of("Payouts/Approve", lifecycle_codec.approve),
    "reject": _of("Payouts/Reject", lifecycle_codec.reject),
    "reroute": _stopping("Payouts/Reroute", lifecycle_codec.reroute),
    "request_recall": _of("Payouts/RequestRecall", lifecycle_codec.request_recall),
    "tell_evidence": _of("Payouts/TellEvidence", lifecycle_codec.tell_evidence),
}


class DryCalls(Deciding):
    """Answers the call that judges others."""

    async def Validate(  # noqa: D102 - the proto says what it does
        self, request: pb.ValidateCallRequest, context: Context
    ) -> pb.ValidateCallReply:
        call = calls.current()
        name = request.WhichOneof("call")
        if name is None:
            raise Malformed("call", "a call to judge", "none").error()
        judged = JUDGED[name]
        assert call.identity is not None, "a call is answered after it was admitted"
        access.check(call.identity, judged.method)
        command = judged.read(getattr(request, name), call)
        state_version = self._node.state_version
        if why := not_yet_understood(command, state_version):
            raise NotLogged(Reason.STATE_VERSION, why)
        at_least, max_age_s = codec.read_wish(request.concern)
        now_us = clock_us()

        def query(reader: StateReader) -> tuple[int, Outcomes]:
            ts_us = max(reader.log_time_us() + 1, now_us)
            moment = Moment((reader.applied() + 1, 0), ts_us, state_version)
            return ts_us, dry_call(reader.ledger(), moment, command)

        at, (ts_us, outcomes) = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        reply = pb.ValidateCallReply(
            header=self._replies.read(at, state_version=state_version),
            judged_at_us=ts_us,
            state=replies.state(outcomes.states[0]),
        )
        replies.fill_result(reply.result, outcomes, 0)
        return reply
