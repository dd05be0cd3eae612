"""The commands that set limits and rules as messages: they travel in their canonical bytes."""

from typing import TypeAlias, assert_never

from ledgerd.formats.risk_records import (
    decode_limits,
    decode_rules,
    encode_limits,
    encode_rules,
)
from ledgerd.formats.v1 import commands_pb2 as pb
from ledgerd.ledger.risk import LimitSet, RuleSet
from ledgerd.ledger.risk_commands import RiskCommand, SetLimits, SetRules

Message: TypeAlias = pb.SetLimits | pb.SetRules
_NO_VERSION = 0  # the log gives it


def to_message(command: RiskCommand) -> pb.Command:
    """Return the message of one command. Raises ValueError where something does not fit."""
    origin = (_NO_VERSION, command.effective_from_us, command.source, command.as_of)
    match command:
        case SetLimits():
            return pb.Command(
                set_limits=pb.SetLimits(
                    request_id=command.request_id,
                    limits=encode_limits(LimitSet(*origin, command.limits)),
                    principal=command.principal,
                )
            )
        case SetRules():
            return pb.Command(
                set_rules=pb.SetRules(
                    request_id=command.request_id,
                    rules=encode_rules(RuleSet(*origin, command.rules)),
                    principal=command.principal,
                )
            )
        case _:
            assert_never(command)


def from_message(message: Message) -> RiskCommand:
    """Return the command of a message. Raises ValueError for bytes that cannot be read."""
    match message:
        case pb.SetLimits():
            limits = decode_limits(message.limits)
            return SetLimits(
                message.request_id,
                limits.effective_from_us,
                limits.source,
                limits.as_of,
                limits.limits,
                message.principal,
            )
        case pb.SetRules():
            rules = decode_rules(message.rules)
            return SetRules(
                message.request_id,
                rules.effective_from_us,
                rules.source,
                rules.as_of,
                rules.rules,
                message.principal,
            )
        case _:
            assert_never(message)
