"""Bugs of replica and ledger: answers, identity of payouts, determinism, money."""

import time
from typing import Any, Final

from ledgerd.errors import Reason
from ledgerd.replica.outbox import NotProposed, Outbox
from ledgerd.replica.proposals import Share
from tests.simulation.mutations.plant import Engine, Function, Plant


def _report_failure(tell: Function) -> Function:
    """Answer "certainly not proposed" where nobody knows."""
    del tell

    def failed(self: Any, share: Share, outbox: Outbox) -> None:
        outbox.not_proposed.append(
            NotProposed(share.waiter, Reason.NOT_LEADER, self._leader)
        )

    return failed


def _forget_who_waits(lose_from: Function) -> Function:
    """Leave those whose entry is superseded without any end (T65)."""

    def forget(self: Any, index: Any) -> list[Share]:
        lose_from(self, index)
        return []

    return forget


def _miss_repeats(has: Function) -> Function:
    del has

    def never(self: Any, row: int) -> bool:
        return False

    return never


def _read_the_clock(apply: Function) -> Function:
    """Decide as of this machine's time, not the entry's."""

    def now(view: Any, *, ts_us: int, **given: Any) -> Any:
        return apply(view, ts_us=time.monotonic_ns(), **given)

    return now


def _order_by_a_set(apply: Function) -> Function:
    """Take commands in the order of a set of their bytes, which no two processes share."""

    def shuffled(view: Any, *, commands: Any, **given: Any) -> Any:
        texts = {repr(command): command for command in commands}
        in_set = [texts[text] for text in set(texts)]
        if len(in_set) != len(commands):
            in_set = list(commands)
        return apply(view, commands=in_set, **given)

    return shuffled


def _stamp_with_the_leaders_clock(propose: Function) -> Function:
    """Stamp an entry with the clock alone, earlier than its predecessor or not (I11)."""

    def stamped(self: Any, term: Any, kind: Any, payload: Any, ts_us: int) -> Any:
        self._last_ts_us = ts_us - 1
        return propose(self, term, kind, payload, ts_us)

    return stamped


def _forget_the_row(accepted: Function) -> Function:
    del accepted

    def forget(self: Any, row: int, fee_minor: int) -> None:
        """Do not remember the row for its doubles."""

    return forget


def _see_no_difference(differing: Function) -> Function:
    """Take every retry for the same request, whatever its body says now."""
    del differing

    def nothing(head: Any, command: Any) -> tuple[()]:
        return ()

    return nothing


def _let_everybody_overdraw(lane: Function) -> Function:
    def bottomless(*args: Any, **kwargs: Any) -> Any:
        return lane(*args, **kwargs)._replace(floor_minor=-(10**15))

    return bottomless


PLANTS: Final = (
    Plant(
        "M20",
        "calls whose fate is unknown are answered as failed",
        {"ledgerd.replica.replica:Replica._tell_unknown": _report_failure},
    ),
    Plant(
        "T65",
        "calls whose entry is superseded never end",
        {"ledgerd.replica.proposals:Waiters.lose_from": _forget_who_waits},
    ),
    Plant(
        "X9",
        "a repeated payout id inside one batch is not noticed",
        {"ledgerd.ledger.submits:_IdsMet.accepted": _forget_the_row},
    ),
    Plant(
        "C4",
        "a repeated payout id is not noticed at all",
        {"ledgerd.ledger.submits:_IdsMet.has": _miss_repeats},
    ),
    Plant(
        "C4b",
        "a used id with another body is answered as a replay",
        {"ledgerd.ledger.decide.submit:differing_submit_fields": _see_no_difference},
    ),
    Plant(
        "I3",
        "an account is overdrawn",
        {"ledgerd.ledger.submits:_lane": _let_everybody_overdraw},
    ),
    Plant(
        "X18",
        "apply reads the clock",
        {"ledgerd.replica.fold:apply": _read_the_clock},
    ),
    Plant(
        "M23",
        "apply walks a set",
        {"ledgerd.ledger.apply:apply_readable": _order_by_a_set},
        engine=Engine.TWICE,
    ),
    Plant(
        "I11",
        "an entry is stamped by the clock alone",
        {"ledgerd.raft.log:RaftLog.propose": _stamp_with_the_leaders_clock},
    ),
)
