"""Which of several bodies stands where, when the answer of the first call was lost."""

import pytest

from jepsen.checkers.positions import check_positions
from jepsen.checkers.verdict import Result
from jepsen.history import FAIL, INFO, INVOKE, History
from jepsen.sample import A1, Sample, Value, seen, submit, told

P1 = "payout_1"
OPENING: Value = {
    "id": A1,
    "currency": "USD",
    "livemode": False,
    "owner": "",
    "min": 0,
}
FUNDING: Value = {
    "id": "req_fund",
    "account": A1,
    "minor": 1000,
    "currency": "USD",
    "bank": "b",
    "ref": A1,
}
REFUSED: Value = {
    "outcome": "REFUSED",
    "refusal": "ACCOUNT_NOT_FOUND",
    "spent": True,
    "state": "",
    "fee": 0,
}


def judged(sample: Sample) -> Result:
    return check_positions(History(sample.events))


def again(body: Value, index: int, *, same: bool) -> tuple[Value, Value]:
    """Return a call, and the answer that what stands at index 2 had been refused."""
    more: Value = {**REFUSED, "orig": [2, 0, 2000], "same": same}
    return body, told((1, index, 0), **more)


def test_a_retry_says_which_body_was_refused_first() -> None:
    """The first call was never logged; the second one's own first attempt is at index 2."""
    s = Sample()
    s.add(1, INVOKE, "submit", submit(P1, 688))
    s.add(1, FAIL, "submit", {"error": "NO_LEADER"})
    call, answer = again(submit(P1, 689), 3, same=True)
    s.op(2, "submit", call, answer, pos=(1, 3, 0))

    result = judged(s)

    assert result.findings == []
    assert "bodies guessed" not in result.numbers


@pytest.mark.parametrize("is_read_first", [False, True])
def test_a_retry_may_say_which_body_it_was_not(is_read_first: bool) -> None:
    """Two were sent and never answered; a third call says that it is another one than its own."""
    s = Sample()
    for process, minor in ((1, 687), (2, 688), (3, 689)):
        s.add(process, INVOKE, "submit", submit(P1, minor))
        s.add(process, INFO, "submit", {"error": "DEADLINE"})
    seen: Value = {"id": P1, "refusal": "ACCOUNT_NOT_FOUND", "at": [2, 0], "ts": 2000}
    if is_read_first:
        s.op(4, "get", {"id": P1}, seen, at=2)
    for index, (minor, same) in enumerate(((687, False), (688, True)), start=3):
        call, answer = again(submit(P1, minor), index, same=same)
        s.op(5, "submit", call, answer, pos=(1, index, 0))

    assert judged(s).findings == []


def test_a_retry_that_calls_another_body_the_same_is_found() -> None:
    s = Sample()
    for index, minor in ((3, 688), (4, 689)):
        call, answer = again(submit(P1, minor), index, same=True)
        s.op(index, "submit", call, answer, pos=(1, index, 0))

    assert (
        "same_request is True, the model says False" in judged(s).findings[0].sentence
    )


def test_a_read_says_which_of_the_bodies_it_is() -> None:
    """A conflict told before only that it is another one than its own."""
    s = Sample()
    s.told(0, "open_account", OPENING, (1, 1, 0))
    s.told(0, "fund", FUNDING, (1, 2, 0))
    for process, minor in ((1, 1), (2, 2), (3, 3)):
        s.add(process, INVOKE, "submit", submit(P1, minor))
        s.add(process, INFO, "submit", {"error": "DEADLINE"})
    conflict: Value = {
        "outcome": "CONFLICT",
        "orig": [3, 0, 3000],
        "same": False,
        "differ": ["amount.units"],
    }
    s.told(4, "submit", submit(P1, 3), (1, 4, 0), **conflict)
    s.op(5, "get", {"id": P1}, {"found": True, **seen(submit(P1, 2), 3)}, at=4)

    assert judged(s).findings == []
