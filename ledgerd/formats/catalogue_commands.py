"""The commands of the catalogue as messages: records travel in their canonical bytes."""

from typing import TypeAlias, assert_never

from ledgerd.formats.rail_records import (
    decode_calendar,
    decode_rail,
    encode_calendar,
    encode_rail,
)
from ledgerd.formats.v1 import commands_pb2 as pb
from ledgerd.ledger.catalogue_commands import (
    AmendCalendar,
    CatalogueCommand,
    SetCatalogue,
    SuspendRail,
)

Message: TypeAlias = pb.SetCatalogue | pb.AmendCalendar | pb.SuspendRail


def to_message(command: CatalogueCommand) -> pb.Command:
    """Return the message of one command."""
    match command:
        case SetCatalogue():
            return pb.Command(
                set_catalogue=pb.SetCatalogue(
                    request_id=command.request_id,
                    rails=map(encode_rail, command.rails),
                    principal=command.principal,
                )
            )
        case AmendCalendar():
            return pb.Command(
                amend_calendar=pb.AmendCalendar(
                    request_id=command.request_id,
                    calendar=encode_calendar(command.calendar),
                    principal=command.principal,
                )
            )
        case SuspendRail():
            return pb.Command(
                suspend_rail=pb.SuspendRail(
                    request_id=command.request_id,
                    rail=command.rail,
                    is_suspended=command.is_suspended,
                    reason=command.reason,
                    principal=command.principal,
                )
            )
        case _:
            assert_never(command)


def from_message(message: Message) -> CatalogueCommand:
    """Return the command of a message. Raises ValueError for records that cannot be read."""
    match message:
        case pb.SetCatalogue():
            return SetCatalogue(
                message.request_id,
                tuple(map(decode_rail, message.rails)),
                message.principal,
            )
        case pb.AmendCalendar():
            return AmendCalendar(
                message.request_id,
                decode_calendar(message.calendar),
                message.principal,
            )
        case pb.SuspendRail():
            return SuspendRail(
                message.request_id,
                message.rail,
                message.is_suspended,
                message.reason,
                message.principal,
            )
        case _:
            assert_never(message)
