"""The commands that set roles and currencies as messages: they travel in their canonical bytes."""

from typing import TypeAlias, assert_never

from ledgerd.formats.setting_records import (
    decode_currencies,
    decode_roles,
    encode_currencies,
    encode_roles,
)
from ledgerd.formats.v1 import commands_pb2 as pb
from ledgerd.ledger.currencies import CurrencySet
from ledgerd.ledger.roles import RoleSet
from ledgerd.ledger.setting_commands import SetCurrencies, SetRoles, SettingCommand

Message: TypeAlias = pb.SetRoles | pb.SetCurrencies
_NO_VERSION = 0  # the log gives it


def to_message(command: SettingCommand) -> pb.Command:
    """Return the message of one command. Raises ValueError where something does not fit."""
    origin = (_NO_VERSION, command.effective_from_us, command.source, command.as_of)
    match command:
        case SetRoles():
            return pb.Command(
                set_roles=pb.SetRoles(
                    request_id=command.request_id,
                    roles=encode_roles(RoleSet(*origin, command.grants)),
                    principal=command.principal,
                    is_certified_admin=command.is_certified_admin,
                    expected_version=command.expected_version,
                )
            )
        case SetCurrencies():
            return pb.Command(
                set_currencies=pb.SetCurrencies(
                    request_id=command.request_id,
                    currencies=encode_currencies(CurrencySet(*origin, command.retired)),
                    principal=command.principal,
                    expected_version=command.expected_version,
                )
            )
        case _:
            assert_never(command)


def from_message(message: Message) -> SettingCommand:
    """Return the command of a message. Raises ValueError for bytes that cannot be read."""
    expected_version = (
        message.expected_version if message.HasField("expected_version") else None
    )
    match message:
        case pb.SetRoles():
            roles = decode_roles(message.roles)
            return SetRoles(
                message.request_id,
                roles.effective_from_us,
                roles.source,
                roles.as_of,
                roles.grants,
                message.principal,
                message.is_certified_admin,
                expected_version,
            )
        case pb.SetCurrencies():
            currencies = decode_currencies(message.currencies)
            return SetCurrencies(
                message.request_id,
                currencies.effective_from_us,
                currencies.source,
                currencies.as_of,
                currencies.retired,
                message.principal,
                expected_version,
            )
        case _:
            assert_never(message)
