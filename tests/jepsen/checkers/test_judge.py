"""Every checker passes a right history and fails each that is wrong in one place."""

from dataclasses import replace

import pytest

from jepsen.checkers.verdict import Result, Verdict, headline, merge
from jepsen.history import OK
from jepsen.self_test import (
    WRONGS,
    Wrong,
    judge_events,
    problems_of,
    right_history,
)


def test_the_right_history_is_valid() -> None:
    """Nothing is found where nothing is wrong."""
    results = judge_events(right_history())

    found = [finding for result in results for finding in result.findings]
    assert found == []
    assert merge(results) is Verdict.VALID


@pytest.mark.parametrize("wrong", WRONGS, ids=lambda wrong: wrong.name)
def test_one_wrong_place_is_found(wrong: Wrong) -> None:
    """A checker must be seen to fail."""
    assert list(problems_of(wrong)) == []


def test_a_status_without_a_digest_is_compared_with_none() -> None:
    """A busy node that could not read its state says so, and is no other state at index 0."""
    events = right_history()
    said = next(event for event in events if event.f == "status")
    unread = {**said.v, "index": 0, "digest": "", "final": False}
    read = {**unread, "digest": "0" * 64}
    for value in (unread, read):
        events.append(replace(said, i=len(events), v=value))

    digests = next(r for r in judge_events(events) if r.checker == "digests")

    assert digests.verdict is Verdict.VALID
    assert digests.numbers["unread"] == 1


def test_an_empty_history_is_unknown() -> None:
    """A run that did nothing proves nothing, in the eyes of most checkers."""
    results = {result.checker: result.verdict for result in judge_events([])}

    assert merge(judge_events([])) is Verdict.UNKNOWN
    assert results["assumptions"] is Verdict.UNKNOWN
    assert results["exactly_once"] is Verdict.UNKNOWN


@pytest.mark.parametrize("length", range(10, 60, 7))
def test_a_history_cut_short_is_never_valid(length: int) -> None:
    """Whatever the harness died of, half a history must not pass."""
    assert merge(judge_events(right_history()[:length])) is not Verdict.VALID


def test_a_checker_that_fails_is_unknown_with_its_traceback() -> None:
    """A defect of a checker is no verdict about the product."""
    events = right_history()
    broken = next(e.i for e in events if e.f == "accounts" and e.type == OK)
    events[broken].v["rows"] = [{"id": "acct_1"}]  # type: ignore[index]  # a dict here

    results = {result.checker: result for result in judge_events(events)}

    assert results["bank"].verdict is Verdict.UNKNOWN
    assert "Traceback" in results["bank"].findings[0].sentence


def test_the_headline_names_the_strongest_finding() -> None:
    """The first line of a report is what a human reads first."""
    good, doubtful, bad = Result("logs"), Result("digests"), Result("bank")
    doubtful.unknown("no final status")
    bad.invalid("total 990 != 1000", 4711)

    assert headline([good]) == "VALID"
    assert headline([good, doubtful]) == "UNKNOWN digests: no final status"
    assert headline([good, doubtful, bad]) == (
        "INVALID bank: total 990 != 1000 - report.txt#i4711"
    )
