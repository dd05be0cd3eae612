"""The counts of what waits for a person: whole ones only, over as many pages as it takes."""

import asyncio
import math

import pytest

from ledgerd.errors import NotLogged, Reason
from ledgerd.formats.records import Table
from ledgerd.node.attention import AttentionCount
from ledgerd.observability.metrics import Metrics
from ledgerd.storage.attention_pages import AttentionPage, AttentionPoint
from tests.rails.virtual import run

MIDDLE = AttentionPoint(Table.TIMER, b"k")
FIRST = AttentionPage(2, [(5, 0), (5, 1)], MIDDLE)
SECOND = AttentionPage(0, [(5, 1), (7, 0)], None)


class Pages:
    """Two pages, or none while the node does not serve."""

    def __init__(self) -> None:
        self.is_away = False
        self.passes = 0

    async def read(self, after: AttentionPoint | None) -> AttentionPage:
        if self.is_away:
            raise NotLogged(Reason.NO_LEADER, "nobody leads")
        if after is None:
            return FIRST
        assert after == MIDDLE
        self.passes += 1
        return SECOND


def shown(metrics: Metrics) -> tuple[float | None, float | None]:
    get = metrics.registry.get_sample_value
    return get("ledgerd_open_exceptions"), get("ledgerd_attention_payouts")


def test_a_payout_on_two_pages_counts_once() -> None:
    """It moved between the tables, or has two exceptions."""
    metrics = Metrics()

    run(AttentionCount(Pages().read, metrics).count())

    assert shown(metrics) == (2, 3)


def test_before_the_first_count_nobody_knows() -> None:
    """NaN, which is no zero."""
    metrics = Metrics()
    AttentionCount(Pages().read, metrics)

    opened, payouts = shown(metrics)
    assert opened is not None
    assert payouts is not None
    assert math.isnan(opened)
    assert math.isnan(payouts)


def test_a_count_that_is_cut_off_changes_nothing_and_is_made_again() -> None:
    """A page of one pass and half of another would be no count."""

    async def body() -> None:
        metrics, pages = Metrics(), Pages()
        counting = AttentionCount(pages.read, metrics)
        await counting.count()
        pages.is_away = True
        with pytest.raises(NotLogged):
            await counting.count()
        assert shown(metrics) == (2, 3)
        task = asyncio.create_task(counting.run())
        await asyncio.sleep(60.0)
        assert not task.done()
        pages.is_away = False
        await asyncio.sleep(60.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert 5 <= pages.passes <= 15

    run(body())
