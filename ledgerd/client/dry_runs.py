"""Calls that are judged and not made: what the log would answer, from a node that only reads.

A client that was made for dry runs sends each changing call to `Ledger.Validate` instead, and
submits to `Payouts.Validate`. A call that neither judges is refused here; nothing of such a client
ever reaches the log.
"""

from typing import Final

from google.protobuf.message import Message

from ledgerd.api.v1 import accounts_pb2, common_pb2, payouts_pb2
from ledgerd.errors import NotLogged, Reason

# The field of `ValidateCallRequest.call`, and the reply of the call itself.
_JUDGED: Final[dict[type[Message], tuple[str, type[Message]]]] = {
    accounts_pb2.OpenAccountRequest: ("open_account", accounts_pb2.OpenAccountReply),
    accounts_pb2.CloseAccountRequest: ("close_account", accounts_pb2.CloseAccountReply),
    accounts_pb2.FreezeRequest: ("freeze", accounts_pb2.FreezeReply),
    accounts_pb2.UnfreezeRequest: ("unfreeze", accounts_pb2.UnfreezeReply),
    accounts_pb2.FundRequest: ("fund", accounts_pb2.FundReply),
    accounts_pb2.FundReverseRequest: ("fund_reverse", accounts_pb2.FundReverseReply),
    accounts_pb2.TransferRequest: ("transfer", accounts_pb2.TransferReply),
    accounts_pb2.CreateHoldRequest: ("create_hold", accounts_pb2.CreateHoldReply),
    accounts_pb2.CaptureHoldRequest: ("capture_hold", accounts_pb2.CaptureHoldReply),
    accounts_pb2.ReleaseHoldRequest: ("release_hold", accounts_pb2.ReleaseHoldReply),
    accounts_pb2.PostEntryRequest: ("post_entry", accounts_pb2.PostEntryReply),
    accounts_pb2.AdjustRequest: ("adjust", accounts_pb2.AdjustReply),
    accounts_pb2.ApproveVoucherRequest: (
        "approve_voucher",
        accounts_pb2.ApproveVoucherReply,
    ),
    accounts_pb2.RejectVoucherRequest: (
        "reject_voucher",
        accounts_pb2.RejectVoucherReply,
    ),
    payouts_pb2.CancelPayoutRequest: ("cancel", payouts_pb2.CancelPayoutReply),
    payouts_pb2.ApprovePayoutRequest: ("approve", payouts_pb2.PayoutChangeReply),
    payouts_pb2.RejectPayoutRequest: ("reject", payouts_pb2.PayoutChangeReply),
    payouts_pb2.ReroutePayoutRequest: ("reroute", payouts_pb2.PayoutChangeReply),
    payouts_pb2.RequestRecallRequest: ("request_recall", payouts_pb2.PayoutChangeReply),
    payouts_pb2.TellEvidenceRequest: ("tell_evidence", payouts_pb2.PayoutChangeReply),
}


def judged(request: Message) -> accounts_pb2.ValidateCallRequest:
    """Return the question what `request` would be answered. Raises NotLogged for other calls."""
    if type(request) not in _JUDGED:
        raise NotLogged(
            Reason.MALFORMED,
            "expected a call about an account or a payout, found "
            f"{type(request).__name__}: this client makes dry runs only",
        )
    field, _ = _JUDGED[type(request)]
    asked = accounts_pb2.ValidateCallRequest()
    getattr(asked, field).CopyFrom(request)
    return asked


def as_answer(request: Message, verdict: accounts_pb2.ValidateCallReply) -> Message:
    """Return the answer that `request` would get; at index 0, for nothing was written."""
    _, reply = _JUDGED[type(request)]
    concern = getattr(request, "concern", common_pb2.QUORUM)
    fields = {"header": _header(verdict, concern), "result": verdict.result}
    if "state" in reply.DESCRIPTOR.fields_by_name:
        return reply(**fields, state=verdict.state)
    return reply(**fields)


def as_batch_answer(
    request: payouts_pb2.SubmitBatchRequest, verdict: payouts_pb2.ValidateReply
) -> payouts_pb2.SubmitBatchReply:
    """Return the answer that a batch would get; at index 0, as `as_answer`."""
    assert len(verdict.verdicts) == len(request.orders), len(verdict.verdicts)
    return payouts_pb2.SubmitBatchReply(
        header=_header(verdict, request.concern),
        results=[each.result for each in verdict.verdicts],
    )


def _header(
    verdict: accounts_pb2.ValidateCallReply | payouts_pb2.ValidateReply,
    concern: common_pb2.WriteConcern,
) -> common_pb2.MutationHeader:
    return common_pb2.MutationHeader(
        accepted_at_us=verdict.judged_at_us,
        node_id=verdict.header.node_id,
        state_version=verdict.header.state_version,
        concern=concern,
    )
