"""How commands and answers stand in the values of the history, in one place.

The workloads write these forms, the checkers read them. Nothing here knows the daemon.
"""

from collections.abc import Callable, Mapping
from typing import Final, assert_never

from jepsen.commands import (
    Cancel,
    CaptureHold,
    Command,
    CreateHold,
    Fund,
    OpenAccount,
    Recall,
    ReleaseHold,
    SetFees,
    Submit,
    Transfer,
)
from jepsen.history import (
    Fields,
    HistoryError,
    Json,
    Position,
    flag,
    maybe_number,
    maybe_text,
    number,
    numbers,
    position,
    rows,
    text,
    texts,
)

OPEN = "open_account"
FUND = "fund"
TRANSFER = "transfer"
SUBMIT = "submit"
SUBMIT_BATCH = "submit_batch"
CANCEL = "cancel"
RECALL = "recall"
FEES = "set_fees"
HOLD = "create_hold"
CAPTURE = "capture_hold"
RELEASE = "release_hold"
MUTATIONS = (
    *(OPEN, FUND, TRANSFER, SUBMIT, SUBMIT_BATCH, CANCEL, RECALL),
    *(FEES, HOLD, CAPTURE, RELEASE),
)

GET = "get"
BALANCE = "balance"
ACCOUNTS = "accounts"
TRIAL = "trial_balance"
LIST = "list"
READS = (GET, BALANCE, ACCOUNTS, TRIAL, LIST)

# Of a payout as reads show it: parts that came back, open exceptions, a recall that was
# asked for; absent in a history is 0.
MORE = ("returned", "reversed", "absorbed", "refunded", "exceptions", "recalled")


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
        case SetFees():
            return FEES
        case Cancel():
            return CANCEL
        case Recall():
            return RECALL
        case CreateHold():
            return HOLD
        case CaptureHold():
            return CAPTURE
        case ReleaseHold():
            return RELEASE
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
                "release": command.release_at_us,
            }
        case SetFees():
            return {
                "id": command.request,
                "rail": command.rail,
                "currency": command.currency,
                "fixed": command.fixed_minor,
                "bps": command.bps,
            }
        case Cancel() | Recall():
            return {
                "id": command.request,
                "payout": command.payout,
                "reason": command.reason,
            }
        case CreateHold():
            return {
                "id": command.hold,
                "account": command.account,
                "minor": command.minor,
                "currency": command.currency,
                "ttl": command.ttl_us,
                "ref": command.reference,
            }
        case CaptureHold():
            return {
                "id": command.request,
                "hold": command.hold,
                "to": command.target,
                "minor": command.minor,
                "currency": command.currency,
                "ref": command.reference,
            }
        case ReleaseHold():
            return {
                "id": command.request,
                "hold": command.hold,
                "reason": command.reason,
            }
        case _:
            assert_never(command)


def commands_of(f: str, v: Fields) -> list[Command]:
    """Return the commands of an invocation, in order: one, or those of a batch."""
    if f == SUBMIT_BATCH:
        return [_submit(order) for order in rows(v, "orders")]
    read = _READERS.get(f)
    if read is None:
        raise HistoryError(f"expected one of {MUTATIONS}, found {f!r}")
    return [read(v)]


def _submit(v: Fields) -> Submit:
    return Submit(
        payout=text(v, "id"),
        account=text(v, "account"),
        minor=number(v, "minor"),
        currency=text(v, "currency"),
        rail=text(v, "rail"),
        destination=text(v, "dest"),
        reference=text(v, "ref"),
        release_at_us=maybe_number(v, "release") or 0,
    )


def _open_account(v: Fields) -> OpenAccount:
    return OpenAccount(
        account=text(v, "id"),
        currency=text(v, "currency"),
        livemode=flag(v, "livemode"),
        owner_ref=text(v, "owner"),
        min_balance=number(v, "min"),
    )


def _fund(v: Fields) -> Fund:
    return Fund(
        request=text(v, "id"),
        account=text(v, "account"),
        minor=number(v, "minor"),
        currency=text(v, "currency"),
        bank=text(v, "bank"),
        external_ref=text(v, "ref"),
    )


def _transfer(v: Fields) -> Transfer:
    return Transfer(
        request=text(v, "id"),
        source=text(v, "from"),
        target=text(v, "to"),
        minor=number(v, "minor"),
        currency=text(v, "currency"),
        reference=text(v, "ref"),
    )


def _set_fees(v: Fields) -> SetFees:
    return SetFees(
        request=text(v, "id"),
        rail=text(v, "rail"),
        currency=text(v, "currency"),
        fixed_minor=number(v, "fixed"),
        bps=number(v, "bps"),
    )


def _cancel(v: Fields) -> Cancel:
    return Cancel(text(v, "id"), text(v, "payout"), text(v, "reason"))


def _recall(v: Fields) -> Recall:
    return Recall(text(v, "id"), text(v, "payout"), text(v, "reason"))


def _create_hold(v: Fields) -> CreateHold:
    return CreateHold(
        hold=text(v, "id"),
        account=text(v, "account"),
        minor=number(v, "minor"),
        currency=text(v, "currency"),
        ttl_us=number(v, "ttl"),
        reference=text(v, "ref"),
    )


def _capture_hold(v: Fields) -> CaptureHold:
    return CaptureHold(
        request=text(v, "id"),
        hold=text(v, "hold"),
        target=text(v, "to"),
        minor=number(v, "minor"),
        currency=text(v, "currency"),
        reference=text(v, "ref"),
    )


def _release_hold(v: Fields) -> ReleaseHold:
    return ReleaseHold(text(v, "id"), text(v, "hold"), text(v, "reason"))


_READERS: Final[Mapping[str, Callable[[Fields], Command]]] = {
    OPEN: _open_account,
    FUND: _fund,
    TRANSFER: _transfer,
    FEES: _set_fees,
    SUBMIT: _submit,
    CANCEL: _cancel,
    RECALL: _recall,
    HOLD: _create_hold,
    CAPTURE: _capture_hold,
    RELEASE: _release_hold,
}


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
    """A payout as a read showed it. more: what else it showed, by name; see `MORE`."""

    __slots__ = ("at", "body", "fee_minor", "more", "rail_key", "state", "ts")

    def __init__(self, v: Fields) -> None:
        self.body: Submit = _submit(v)
        self.state: str = text(v, "state")
        self.fee_minor: int = number(v, "fee")
        at = numbers(v, "at")
        if len(at) != 2:
            raise HistoryError(f"expected [index, ordinal], found {at!r}")
        self.at: tuple[int, int] = (at[0], at[1])
        self.ts: int = number(v, "ts")
        self.rail_key: str = maybe_text(v, "key") or ""
        self.more: dict[str, int] = {name: maybe_number(v, name) or 0 for name in MORE}


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
