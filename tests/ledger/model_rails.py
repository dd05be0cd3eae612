"""The rail catalogue in the second ledger: bounds of amounts, recalls, and what is suspended.

A record is kept as it was set; which one is in force is looked for anew at each question.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledgerd.ledger.catalogue_commands import SetCatalogue, SuspendRail
from ledgerd.ledger.commands import RequestRecall
from ledgerd.ledger.rails import RailRecord
from ledgerd.timetable.rail_file import seed
from tests.ledger.model import RAILS
from tests.ledger.model_payouts import DISPATCHING, GENEROUS, SENT, SETTLED
from tests.ledger.model_risk import RiskModel

FOR_EVER = 60_000  # days
# As the ledger knows them without a record, and without a wish for destinations.
PLAIN = {
    rail.number: replace(
        rail,
        countries=(),
        destination_kinds=(),
        account_number_bytes_max=0,
        windows=(),
        calendar="",
        zone="",
        recall_days=FOR_EVER,
        burns_refused_keys=False,
        absorbs=rail.number == GENEROUS,
    )
    for rail in seed()
    if rail.number in RAILS
}


class RailModel(RiskModel):
    """The second ledger with a catalogue."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[int, list[RailRecord]] = {}
        self.suspended: set[int] = set()
        self.handlers |= {SetCatalogue: self._set, SuspendRail: self._suspend}

    def _set(self, c: SetCatalogue) -> str:
        for one in c.rails:
            from_us = max(one.effective_from_us, self.now_us)
            kept = replace(one, effective_from_us=from_us)
            self.records.setdefault(one.number, []).append(kept)
        return "CREATED"

    def _suspend(self, c: SuspendRail) -> str:
        if c.rail not in PLAIN:
            return "RAIL_NOT_FOUND"
        if c.is_suspended:
            self.suspended.add(c.rail)
        else:
            self.suspended.discard(c.rail)
        return "CREATED"

    def record(self, rail: int) -> RailRecord | None:
        """What is in force: of those whose time has come the latest, of equals the last."""
        found = None
        for one in self.records.get(rail, []):
            has_come = one.effective_from_us <= self.now_us
            if has_come and (
                found is None or one.effective_from_us >= found.effective_from_us
            ):
                found = one
        return found

    def unfit(self, rail: int, amount: int) -> str:
        record = self.record(rail)
        if record is None:
            return ""
        if amount < record.amount_minor_min:
            return "RAIL_AMOUNT_MIN"
        return "RAIL_AMOUNT_MAX" if amount > record.amount_minor_max else ""

    def is_suspended(self, rail: int) -> bool:
        return rail in self.suspended

    def _recall(self, c: RequestRecall) -> str:
        p = self.payouts.get(c.payout_id)
        record = None if p is None else self.record(p["rail"])
        if p is None or record is None:
            return super()._recall(c)
        if p["state"] not in (DISPATCHING, SENT, SETTLED):
            return "WRONG_STATE"
        if not record.recall_days:
            return "RECALL_UNSUPPORTED"
        p["recall"] = True
        return "CREATED"


class RailRules:
    """Commands about rails for both ledgers."""

    books: Any
    fresh: Callable[[], bytes]
    do: Callable[..., None]

    @rule(
        rail=st.sampled_from([1, 2, 2, 12, 12, 7]),
        least=st.sampled_from([1, 1, 30, 100]),
        most=st.sampled_from([100, 300, 2**62]),
        recall_days=st.sampled_from([0, FOR_EVER]),
        later_us=st.sampled_from([0, 0, 1_000, 5_000, 10**12]),
    )
    def set_rail(
        self, rail: int, least: int, most: int, recall_days: int, later_us: int
    ) -> None:
        record = replace(
            PLAIN[rail],
            amount_minor_min=least,
            amount_minor_max=most,
            recall_days=recall_days,
            effective_from_us=self.books.ts_us + later_us if later_us else 0,
        )
        self.do(SetCatalogue(self.fresh(), (record,), "p"))

    @rule()
    def free_the_rails(self) -> None:
        """Or little else would be seen."""
        records = (
            replace(rail, amount_minor_min=1, amount_minor_max=2**63 - 1)
            for rail in PLAIN.values()
        )
        self.do(
            SetCatalogue(self.fresh(), tuple(records), "p"),
            *(SuspendRail(self.fresh(), rail, False, "", "p") for rail in PLAIN),
        )

    @rule(rail=st.sampled_from([1, 2, 12, 99]), is_suspended=st.booleans())
    def suspend(self, rail: int, is_suspended: bool) -> None:
        self.do(SuspendRail(self.fresh(), rail, is_suspended, "why", "p"))
