"""What a checker says: a verdict, the findings behind it, and numbers worth reporting."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Verdict(IntEnum):
    """Verdicts in order of strength: the strongest of several is the verdict of all."""

    VALID = 0
    UNKNOWN = 1
    INVALID = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or that could not be known, in a sentence for a human.

    i: number of the history line it is about, where there is one.
    """

    verdict: Verdict
    sentence: str
    i: int | None = None


@dataclass(slots=True)
class Result:
    """The judgement of one checker. `findings` is in the order they were found."""

    checker: str
    findings: list[Finding] = field(default_factory=list)
    numbers: dict[str, int | float | str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The strongest verdict of the findings; VALID without any."""
        return max((each.verdict for each in self.findings), default=Verdict.VALID)

    def invalid(self, sentence: str, i: int | None = None) -> None:
        """Note a violation."""
        self.findings.append(Finding(Verdict.INVALID, sentence, i))

    def unknown(self, sentence: str, i: int | None = None) -> None:
        """Note that something could not be judged."""
        self.findings.append(Finding(Verdict.UNKNOWN, sentence, i))

    @property
    def first(self) -> Finding | None:
        """The first finding that has the verdict of the whole."""
        for finding in self.findings:
            if finding.verdict == self.verdict:
                return finding
        return None


def merge(results: Iterable[Result]) -> Verdict:
    """Return the verdict of all: invalid > unknown > valid; nothing judged is unknown."""
    verdicts = [result.verdict for result in results]
    return max(verdicts, default=Verdict.UNKNOWN)


def headline(
    results: Iterable[Result], skipped: Mapping[str, str] | None = None
) -> str:
    """Return the first line of a report: the verdict and the finding that made it."""
    listed = list(results)
    verdict = merge(listed)
    if verdict is Verdict.VALID:
        line = "VALID"
        if skipped:
            line += f", {len(skipped)} faults skipped: {', '.join(sorted(skipped))}"
        return line
    for result in listed:
        if result.verdict == verdict and result.first is not None:
            place = "" if result.first.i is None else f" - report.txt#i{result.first.i}"
            return f"{verdict.name} {result.checker}: {result.first.sentence}{place}"
    return f"{verdict.name}: nothing was judged"
