"""Moments of the past: which index a caller means, and whether the answer can still change."""

from dataclasses import dataclass

from ledgerd.api.v1 import common_pb2
from ledgerd.errors import NotLogged, Reason
from ledgerd.ledger.accounts import Account
from ledgerd.raft.entries import Index
from ledgerd.storage.reader import StateReader


@dataclass(frozen=True, slots=True)
class AsOf:
    """After every entry up to `index`. is_final: no later entry can belong to it."""

    index: Index
    is_final: bool


def moment(reader: StateReader, asked: common_pb2.AsOf) -> AsOf:
    """Return the moment asked for, now if none is. Raises NotLogged with INDEX_NOT_KEPT."""
    match asked.WhichOneof("at"):
        case "index":
            return at_index(reader, asked.index)
        case "time_us":
            return at_time(reader, asked.time_us)
        case _:
            return AsOf(reader.applied(), is_final=True)


def at_index(reader: StateReader, index: int) -> AsOf:
    """Return the moment after `index`, 0 for before everything. Raises NotLogged."""
    newest = reader.applied()
    if index > newest:
        raise NotLogged(
            Reason.INDEX_NOT_KEPT,
            f"expected an index up to {newest}, which is as far as the log has come, found "
            f"{index}",
            {"field": "index", "index_newest": str(newest)},
        )
    return AsOf(Index(index), is_final=True)


def at_time(reader: StateReader, time_us: int) -> AsOf:
    """Return the moment after all that was recorded up to a log time, microseconds.

    Log time rises with every entry, so what comes later than the last one cannot belong to it.
    """
    return AsOf(reader.index_at(time_us), is_final=time_us <= reader.log_time_us())


def account(reader: StateReader, account_id: bytes, text: str) -> Account:
    """Return an account. Raises NotLogged with NOT_FOUND, which names it as `text`."""
    found = reader.account(account_id)
    if found is None:
        at = reader.applied()
        raise NotLogged(
            Reason.NOT_FOUND,
            f"expected an account that was opened, found none with the id {text} at index {at}",
            {"applied_index": str(at)},
        )
    return found


def check_open(found: Account, as_of: AsOf) -> None:
    """Return if there was such an account then. Raises NotLogged with NOT_FOUND."""
    if found.opened_index > as_of.index:
        raise NotLogged(
            Reason.NOT_FOUND,
            f"expected an account that was open at index {as_of.index}, found one that was opened "
            f"at index {found.opened_index}",
            {"opened_index": str(found.opened_index)},
        )
