"""The protobuf messages of the calls about payouts that state version 3 brought.

Each message has the fields of its command under their names, which `commands` encodes in turn.
"""

from dataclasses import fields
from typing import Final

from ledgerd.formats.v1 import commands_pb2 as pb
from ledgerd.ledger.commands import (
    Approve,
    DispatchBegin,
    DispatchClaim,
    PayoutCommand,
    RailAck,
    RailNotAccepted,
    RailReject,
    RaiseAttention,
    Redate,
    Reject,
    RequestRecall,
    Reroute,
    ResolveException,
    Return,
    ReversalComplete,
    Settle,
    TellEvidence,
)

# By the name of the kind in the message.
COMMANDS: Final[dict[str, type[PayoutCommand]]] = {
    "approve": Approve,
    "reject": Reject,
    "reroute": Reroute,
    "redate": Redate,
    "dispatch_begin": DispatchBegin,
    "dispatch_claim": DispatchClaim,
    "request_recall": RequestRecall,
    "resolve_exception": ResolveException,
    "rail_ack": RailAck,
    "rail_not_accepted": RailNotAccepted,
    "rail_reject": RailReject,
    "settle": Settle,
    "money_return": Return,
    "reversal_complete": ReversalComplete,
    "raise_attention": RaiseAttention,
    "tell_evidence": TellEvidence,
}
_KINDS: Final[dict[type[PayoutCommand], str]] = {
    command: kind for kind, command in COMMANDS.items()
}


def to_message(command: PayoutCommand) -> pb.Command:
    """Return the message of one of these commands."""
    kind = _KINDS[type(command)]
    message = pb.Command()
    part = getattr(message, kind)
    part.SetInParent()  # a command whose fields are all empty is there too
    for field in fields(command):
        setattr(part, field.name, getattr(command, field.name))
    return message


def from_message(message: pb.Command, kind: str) -> PayoutCommand:
    """Return the command of a message that is one of these."""
    part = getattr(message, kind)
    command = COMMANDS[kind]
    return command(*(getattr(part, field.name) for field in fields(command)))
