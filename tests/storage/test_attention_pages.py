"""What needs attention is found wherever it stands, page by page."""

from pathlib import Path

import pytest

from ledgerd.formats.versions import STATE_VERSION
from ledgerd.ledger.accounts import Position
from ledgerd.ledger.commands import (
    DispatchBegin,
    DispatchClaim,
    RailAck,
    RailReject,
    RaiseAttention,
    Settle,
    Tick,
)
from ledgerd.storage.attention_pages import AttentionPoint
from ledgerd.storage.reader import PayoutFound, read
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.world import (
    FEES,
    FUND_RICH,
    OPEN_RICH,
    US_ACH,
    History,
    apply_to,
    open_node,
    payouts,
    uuid7,
)

SHORT_US, LONG_US = 1, 60_000_000
COUNT = 12  # payouts, in one entry: 0 .. 3 are in doubt, 4 and 5 have exceptions


@pytest.mark.parametrize("scan_max", [1, 3, 1_000])
def test_every_payout_is_found_once_its_tables_are_read(
    tmp_path: Path, scan_max: int
) -> None:
    """A running lease, a lapsed one, a doubt that is over, and exceptions, one without a payout."""
    history = History()
    numbers = iter(range(50_000, 60_000))
    with open_node(tmp_path / "node") as environment:
        store = LmdbStateStore(environment)

        def apply(entry: object) -> None:
            apply_to(store, [entry])  # type: ignore[list-item]  # an entry of the history
            store.commit()

        def key(number: int) -> str:
            found = read(environment, lambda reader: reader.payout(uuid7(number)))
            assert isinstance(found, PayoutFound)
            assert found.status is not None
            return found.status.rail_key

        def fact(number: int) -> tuple[bytes, int, str, str]:
            request = next(numbers)
            return uuid7(request), US_ACH, key(number), f"ref-{request}"

        apply(history.version(STATE_VERSION))
        apply(history.commands(OPEN_RICH, FUND_RICH, FEES))
        made = payouts(100, COUNT)
        apply(history.payouts(made))
        leases = [LONG_US, SHORT_US, LONG_US, SHORT_US] + [LONG_US] * 2
        apply(
            history.commands(
                *(
                    DispatchBegin(uuid7(next(numbers)), uuid7(100 + n), 1, lease, "w")
                    for n, lease in enumerate(leases)
                )
            )
        )
        apply(
            history.commands(
                *(
                    RaiseAttention(uuid7(next(numbers)), uuid7(100 + n), 1, "", "w")
                    for n in range(4)
                )
            )
        )
        apply(history.commands(Tick()))
        # The doubt about the third one is over; the fourth one is asked about again.
        claim = DispatchClaim(uuid7(next(numbers)), uuid7(103), 2, LONG_US, "w2")
        apply(history.commands(RailAck(*fact(102), "w"), claim))
        apply(history.commands(*(Settle(*fact(n), 0, 0, "w") for n in (104, 105))))
        wrong = [RailReject(*fact(n), "R03", "w") for n in (104, 104, 105)]
        orphan = Settle(uuid7(next(numbers)), US_ACH, "2" * 15, "none", 0, 0, "w")
        apply(history.commands(*wrong, orphan))

        opened, found, pages = 0, set[Position](), 0
        after: AttentionPoint | None = None
        while after is not None or not pages:
            page = read(
                environment,
                lambda reader, at=after: reader.attention_page(
                    after=at, scan_max=scan_max
                ),
            )
            opened += page.open_exceptions
            found.update(page.payouts)
            after = page.next_after
            pages += 1
        index = read(environment, lambda reader: reader.payout(uuid7(100)))
        assert isinstance(index, PayoutFound)

    at = index.head.position[0]
    assert opened == 4
    assert found == {(at, n) for n in (0, 1, 3, 4, 5)}
    assert (pages == 1) == (scan_max == 1_000)
