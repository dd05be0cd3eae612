import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from ledgerd.api.v1 import payouts_pb2
from ledgerd.client.files import PayoutFile, ReadOptions
from ledgerd.client.files.submission import Status, Submission
from ledgerd.client.results import Outcome, SubmitResult
from ledgerd.errors import CallError, NotLogged, OutcomeUnknown, Reason
from tests.client.files.documents import changed, joined, nacha, opened

ACCOUNT = "acct_01kr41xpb0fx08ddrk0r57dd23"
LOST = OutcomeUnknown(Reason.LEADERSHIP_LOST, "the leader was lost")
BUSY = NotLogged(Reason.OVERLOADED, "too many commands wait")
FORBIDDEN = NotLogged(Reason.ROLE_MISSING, "the role submitter is missing")


class Ledger:
    """A ledger that decides as the contract says, and fails calls as a test asks it to.

    faults: (answered, error) by number of the call, from 0: whether the batch was logged before
    the error was raised.
    """

    def __init__(self, faults: dict[int, tuple[bool, CallError]] | None = None) -> None:
        self.faults = faults or {}
        self.orders: dict[str, tuple[int, payouts_pb2.PayoutOrder]] = {}
        self.calls = 0
        self.index = 0
        self.refuses: set[int] = set()  # amounts
        self.gate: asyncio.Event | None = None
        self.batches: list[list[bool]] = []  # whether each order is linked

    async def submit_batch(
        self,
        orders: Sequence[payouts_pb2.PayoutOrder],
        *,
        deadline: float | None = None,
    ) -> Sequence[SubmitResult]:
        """Decide a batch, or fail."""
        assert deadline is not None
        assert deadline > 0
        call = self.calls
        self.calls += 1
        self.batches.append([order.is_linked for order in orders])
        is_logged, error = self.faults.get(call, (True, None))
        self.index += 1
        results = [self._decide(order) for order in orders] if is_logged else []
        if self.gate is not None:
            await self.gate.wait()
        if error is not None:
            raise error
        return results

    def _decide(self, order: payouts_pb2.PayoutOrder) -> SubmitResult:
        if order.amount.units in self.refuses:
            return self._result(order, Outcome.REFUSED, refusal="INSUFFICIENT_FUNDS")
        if order.payout_id not in self.orders:
            self.orders[order.payout_id] = (self.index, order)
            return self._result(order, Outcome.CREATED)
        index, first = self.orders[order.payout_id]
        if first == order:
            return self._result(order, Outcome.REPLAYED, original_index=index)
        return self._result(order, Outcome.CONFLICT, differs=("amount.units",))

    def _result(
        self,
        order: payouts_pb2.PayoutOrder,
        outcome: Outcome,
        *,
        refusal: str | None = None,
        original_index: int = 0,
        differs: tuple[str, ...] = (),
    ) -> SubmitResult:
        return SubmitResult(
            payout_id=order.payout_id,
            outcome=outcome,
            refusal=refusal,
            state="",
            fee_minor=0,
            term=1,
            index=self.index,
            ordinal=0,
            accepted_at_us=1,
            node_id=1,
            replayed=original_index > 0,
            original_index=original_index,
            original_ordinal=0,
            original_at_us=1,
            id_spent=refusal is not None,
            same_request=True,
            differing_fields=differs,
        )


def run(
    ledger: Ledger, file: PayoutFile, *, timeout_s: float = 5.0, in_flight: int = 1
) -> Submission:
    submission = Submission(file, account_id=ACCOUNT, rail="sandbox")
    asyncio.run(
        submission.run(
            ledger, timeout_s=timeout_s, batch_entries=10, in_flight=in_flight
        )
    )
    return submission


def test_twice(tmp_path: Path) -> None:
    """The first run creates every payout, the second replays every one."""
    file = opened(tmp_path, joined(nacha(35)))
    ledger = Ledger()
    first, second = run(ledger, file), run(ledger, file, in_flight=3)

    assert first.statuses == [Status.CREATED] * 35
    assert second.statuses == [Status.REPLAYED] * 35
    assert second.indexes == first.indexes
    assert first.totals(Status.CREATED) == file.totals
    assert {order.rail for _, order in ledger.orders.values()} == {"sandbox"}


def test_edited(tmp_path: Path) -> None:
    """A file edited under the same identity is in conflict where it was edited."""
    lines = nacha(3)
    ledger = Ledger()
    run(ledger, opened(tmp_path, joined(lines)))
    edited = changed(lines, 3, 30, "0000000999")
    total = f"{321 + 899:012}"
    edited = changed(changed(edited, 6, 33, total), 7, 44, total)
    again = run(ledger, opened(tmp_path, joined(edited)))

    assert again.statuses == [Status.CONFLICT, Status.REPLAYED, Status.REPLAYED]
    assert again.codes == ["amount.units", "", ""]


@pytest.mark.parametrize(
    ("is_logged", "error"), [(True, LOST), (False, LOST), (False, BUSY)]
)
def test_again_until_answered(
    tmp_path: Path, is_logged: bool, error: CallError
) -> None:
    """A batch without an answer goes out again with the same ids, and pays once."""
    ledger = Ledger({1: (is_logged, error)})
    submission = run(ledger, opened(tmp_path, joined(nacha(35))))
    expected = Status.REPLAYED if is_logged else Status.CREATED

    assert ledger.calls == 5
    assert len(ledger.orders) == 35
    assert submission.statuses[10:20] == [expected] * 10
    assert submission.open_entries == 0


def test_time_is_over(tmp_path: Path) -> None:
    """When the time is over, what was sent is unknown, the rest is not sent."""
    ledger = Ledger(dict.fromkeys(range(1, 100), (True, LOST)))
    submission = run(ledger, opened(tmp_path, joined(nacha(35))), timeout_s=0.3)

    assert submission.statuses[:10] == [Status.CREATED] * 10
    assert submission.statuses[10:20] == [Status.UNKNOWN] * 10
    assert submission.statuses[20:] == [Status.NOT_SENT] * 15
    assert submission.error is LOST


def test_unknown_stays_unknown(tmp_path: Path) -> None:
    """A batch once unknown is not made sure by a later attempt that was turned away."""
    faults: dict[int, tuple[bool, CallError]] = {0: (True, LOST)}
    faults |= dict.fromkeys(range(1, 100), (False, BUSY))
    submission = run(Ledger(faults), opened(tmp_path, joined(nacha(5))), timeout_s=0.5)

    assert submission.statuses == [Status.UNKNOWN] * 5


def test_stops_at_once(tmp_path: Path) -> None:
    """An error that the next attempt would meet too ends the run, with nothing unknown."""
    ledger = Ledger({0: (False, FORBIDDEN)})
    submission = run(ledger, opened(tmp_path, joined(nacha(35))))

    assert ledger.calls == 1
    assert submission.statuses == [Status.NOT_SENT] * 35
    assert submission.error is FORBIDDEN


def test_interrupted(tmp_path: Path) -> None:
    """After an interruption the columns are right, and running again finishes the file."""
    file = opened(tmp_path, joined(nacha(35)))
    ledger = Ledger()
    submission = Submission(file, account_id=ACCOUNT, rail="sandbox")

    async def interrupted() -> None:
        def progress(answered: int) -> None:
            if answered == 10:
                ledger.gate = asyncio.Event()
                running.cancel()

        running = asyncio.ensure_future(
            submission.run(
                ledger, timeout_s=5, batch_entries=10, in_flight=1, progress=progress
            )
        )
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(interrupted())

    assert submission.count(Status.CREATED) == 10
    assert submission.answered == 10
    assert submission.open_entries == 25

    ledger.gate = None
    again = run(ledger, file)
    assert again.count(Status.REPLAYED) == 35 - again.count(Status.CREATED)
    assert len(ledger.orders) == 35


def test_refused(tmp_path: Path) -> None:
    """A refusal is an answer, with its code."""
    ledger = Ledger()
    ledger.refuses = {107}
    submission = run(ledger, opened(tmp_path, joined(nacha(3))))

    assert submission.statuses == [Status.CREATED, Status.REFUSED, Status.CREATED]
    assert submission.codes == ["", "INSUFFICIENT_FUNDS", ""]


def test_large_details(tmp_path: Path) -> None:
    """Batches are bounded in bytes too, since an entry of the log is."""
    names = "id,amount_minor,currency,destination.kind,destination.bank_code,"
    names += "destination.account_number,destination.name"
    keys = ",".join(f"metadata.k{number:02}" for number in range(50))
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    rows = [
        f"payout_01kr41xpb0fx08ddrk0r57d{first}{second}3,1,USD,us_account,021000021,1,N,"
        + ",".join(["v" * 300] * 50)
        for first in alphabet
        for second in alphabet[:16]
    ]
    file = opened(tmp_path, "\n".join([f"{names},{keys}", *rows, ""]))
    ledger = Ledger()
    submission = Submission(file, account_id=ACCOUNT, rail=None)
    asyncio.run(submission.run(ledger, timeout_s=5, batch_entries=1_000))

    assert ledger.calls == 2
    assert submission.count(Status.CREATED) == 512


def test_a_chain_is_never_split(tmp_path: Path) -> None:
    """Batches of ten orders: a chain goes whole into the next one, and may be larger."""
    names = ["", *["a"] * 6, *["b"] * 6, *[""] * 7, *["c"] * 12, ""]
    header = "amount_minor,currency,destination.kind,destination.bank_code,"
    header += "destination.account_number,destination.name,chain\n"
    row = "1250,USD,us_account,021000021,4412345678,Jordan Lee"
    content = header + "".join(f"{row},{name}\n" for name in names)
    options = ReadOptions(batch_date=date(2026, 5, 8))
    ledger = Ledger()

    run(ledger, opened(tmp_path, content, options=options))

    assert [len(batch) for batch in ledger.batches] == [7, 10, 3, 12, 1]
    assert not any(batch[-1] for batch in ledger.batches)
