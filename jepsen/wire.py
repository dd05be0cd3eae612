"""How commands and answers stand in the values of the history, in one place.

The workloads write these forms, the checkers read them. Nothing here knows the daemon.
"""

from typing import assert_never

from jepsen.history import (
    Fields,
    HistoryError,
    Json,
    Position,
    flag,
    maybe_text,
    number,
    numbers,
    position,
    rows,
    text,
    texts,
)
from jepsen.model import Cancel, Command, Fund, OpenAccount, Submit, Transfer

OPEN = "open_account"
FUND = "fund"
TRANSFER = "transfer"
SUBMIT = "submit"
SUBMIT_BATCH = "submit_batch"
CANCEL = "cancel"
MUTATIONS = (OPEN, FUND, TRANSFER, SUBMIT, SUBMIT_BATCH, CANCEL)

GET = "get"
BALANCE = "balance"
ACCOUNTS = "accounts"
TRIAL = "trial_balance"
LIST = "list"
READS = (GET, BALANCE, ACCOUNTS, TRIAL, LIST)


def name_of(node_id: int) -> str:
    """Return the name of a node in histories and folders."""
    return f"n{node_id}"


def function_of(command: Command) -> str:
    """Return the name of the call that carries a command alone."""
    match command:
        case OpenAccount():
            return OPEN
        case Fund():
            return FUND
        case Transfer():
            return TRANSFER
        case Submit():
            return SUBMIT
        case Cancel():
            return CANCEL
        case _:
            assert_never(command)


def command_to_fields(command: Command) -> dict[str, Json]:
    """Return the value of the invocation of a command."""
    match command:
        case OpenAccount():
            return {
                "id": command.account,
                "currency": command.currency,
                "livemode": command.livemode,
                "owner": command.owner_ref,
                "min": command.min_balance,
            }
        case Fund():
            return {
                "id": command.request,
                "account": command.account,
                "minor": command.minor,
                "currency": command.currency,
                "bank": command.bank,
                "ref": command.external_ref,
            }
        case Transfer():
            return {
                "id": command.request,
                "from": command.source,
                "to": command.target,
                "minor": command.minor,
                "currency": command.currency,
                "ref": command.reference,
            }
        case Submit():
            return {
                "id": command.payout,
                "account": command.account,
                "minor": command.minor,
                "currency": command.currency,
                "rail": command.rail,
                "dest": command.destination,
                "ref": command.reference,
            }
        case Cancel():
            return {
                "id": command.request,
                "payout": command.payout,
                "reason": command.reason,
            }
        case _:
            assert_never(command)


def commands_of(f: str, v: Fields) -> list[Command]:
    """Return the commands of an invocation, in order: one, or those of a batch."""
    if f == SUBMIT_BATCH:
        return [_submit(order) for order in rows(v, "orders")]
    if f == SUBMIT:
        return [_submit(v)]
    if f == OPEN:
        return [
            OpenAccount(
                account=text(v, "id"),
                currency=text(v, "currency"),
                livemode=flag(v, "livemode"),
                owner_ref=text(v, "owner"),
                min_balance=number(v, "min"),
            )
        ]
    if f == FUND:
        return [
            Fund(
                request=text(v, "id"),
                account=text(v, "account"),
                minor=number(v, "minor"),
                currency=text(v, "currency"),
                bank=text(v, "bank"),
                external_ref=text(v, "ref"),
            )
        ]
    if f == TRANSFER:
        return [
            Transfer(
                request=text(v, "id"),
                source=text(v, "from"),
                target=text(v, "to"),
                minor=number(v, "minor"),
                currency=text(v, "currency"),
                reference=text(v, "ref"),
            )
        ]
    if f == CANCEL:
        return [
            Cancel(
                request=text(v, "id"),
                payout=text(v, "payout"),
                reason=text(v, "reason"),
            )
        ]
    raise HistoryError(f"expected one of {MUTATIONS}, found {f!r}")


def _submit(v: Fields) -> Submit:
    return Submit(
        payout=text(v, "id"),
        account=text(v, "account"),
        minor=number(v, "minor"),
        currency=text(v, "currency"),
        rail=text(v, "rail"),
        destination=text(v, "dest"),
        reference=text(v, "ref"),
    )


def answers_of(f: str, v: Fields) -> list["Told"]:
    """Return what was said about each command of an op that ended ok, in order."""
    if f == SUBMIT_BATCH:
        return [Told(result) for result in rows(v, "results")]
    return [Told(v)]


class Told:
    """What the log said about one command, read from its value.

    pos: where this call stood. original: where the first call under the key stood.
    """

    __slots__ = (
        "differing",
        "fee_minor",
        "original",
        "original_ts",
        "outcome",
        "pos",
        "refusal",
        "same_request",
        "spent",
        "state",
        "ts",
    )

    def __init__(self, v: Fields) -> None:
        self.pos: Position = position(v.get("pos"))
        self.ts: int = number(v, "ts")
        self.outcome: str = text(v, "outcome")
        self.refusal: str | None = maybe_text(v, "refusal")
        self.state: str | None = maybe_text(v, "state")
        self.fee_minor: int | None = number(v, "fee") if "fee" in v else None
        self.spent: bool = flag(v, "spent")
        self.same_request: bool = flag(v, "same")
        self.differing: tuple[str, ...] = texts(v, "differ")
        original = numbers(v, "orig")
        if original and len(original) != 3:
            raise HistoryError(f"expected [index, ordinal, ts], found {original!r}")
        self.original: tuple[int, int] | None = (
            (original[0], original[1]) if original else None
        )
        self.original_ts: int | None = original[2] if original else None


class PayoutSeen:
    """A payout as a read showed it."""

    __slots__ = ("at", "body", "fee_minor", "state", "ts")

    def __init__(self, v: Fields) -> None:
        self.body: Submit = _submit(v)
        self.state: str = text(v, "state")
        self.fee_minor: int = number(v, "fee")
        at = numbers(v, "at")
        if len(at) != 2:
            raise HistoryError(f"expected [index, ordinal], found {at!r}")
        self.at: tuple[int, int] = (at[0], at[1])
        self.ts: int = number(v, "ts")


class RefusedSeen:
    """A spent id as a read showed it."""

    __slots__ = ("at", "payout", "refusal", "ts")

    def __init__(self, v: Fields) -> None:
        self.payout: str = text(v, "id")
        self.refusal: str = text(v, "refusal")
        at = numbers(v, "at")
        if len(at) != 2:
            raise HistoryError(f"expected [index, ordinal], found {at!r}")
        self.at: tuple[int, int] = (at[0], at[1])
        self.ts: int = number(v, "ts")
