"""The simulated rail's messages and what they mean here."""

from collections.abc import Iterable
from typing import Final

from ledgerd.rails.rail import Advice, Evidence, EvidenceKind, Instruction
from ledgerd.rails.v1 import simulated_pb2 as pb

_KINDS: Final = {
    EvidenceKind.TAKEN: pb.Advice.TAKEN,
    EvidenceKind.REJECTED: pb.Advice.REJECTED,
    EvidenceKind.SETTLED: pb.Advice.SETTLED,
    EvidenceKind.RETURNED: pb.Advice.RETURNED,
}
_KIND_OF: Final = {value: kind for kind, value in _KINDS.items()}


def payment(instruction: Instruction) -> pb.Payment:
    """Return the message that sends an instruction."""
    return pb.Payment(**instruction._asdict())


def instruction_of(message: pb.Payment) -> Instruction:
    """Return what a message sends."""
    return Instruction(
        message.rail_key,
        message.amount_minor,
        message.currency,
        message.account_number,
        message.reference,
        message.fencing_token,
    )


def advice(evidence: Evidence, number: int = 0) -> pb.Advice:
    """Return the message of evidence other than a refusal, which has no message."""
    return pb.Advice(
        number=number,
        kind=_KINDS[evidence.kind],
        rail_key=evidence.rail_key,
        reference=evidence.reference,
        amount_minor=evidence.amount_minor,
        code=evidence.code,
        closing=evidence.is_closing,
        value_day=evidence.value_day,
    )


def evidence_of(message: pb.Advice) -> Evidence:
    """Return what an advice says. Raises ValueError for a kind that is none."""
    kind = _KIND_OF.get(message.kind)
    if kind is None:
        raise ValueError(f"expected a kind of advice, found {message.kind}")
    return Evidence(
        kind,
        message.rail_key,
        message.reference,
        message.amount_minor,
        message.code,
        message.closing,
        message.value_day,
    )


def send_reply(told: Evidence) -> pb.SendReply:
    """Return the answer to a send."""
    if told.kind is EvidenceKind.REFUSED:
        return pb.SendReply(
            refused=pb.Refusal(reference=told.reference, code=told.code)
        )
    return pb.SendReply(taken=advice(told))


def told_of(reply: pb.SendReply, rail_key: str) -> Evidence:
    """Return what the answer to a send says. Raises ValueError for an empty one."""
    match reply.WhichOneof("answer"):
        case "taken":
            return evidence_of(reply.taken)
        case "refused":
            refused = reply.refused
            return Evidence(
                EvidenceKind.REFUSED, rail_key, refused.reference, code=refused.code
            )
        case _:
            raise ValueError("expected taken or refused in the answer, found neither")


def advices_reply(advices: Iterable[Advice]) -> pb.AdvicesReply:
    """Return the answer that tells advices."""
    return pb.AdvicesReply(
        advices=[advice(told.evidence, told.number) for told in advices]
    )
