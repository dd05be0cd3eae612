"""Answers that wait until every voter holds their entry durably: the write concern ALL_VOTERS.

The entry is committed and applied by then, so what waits here has taken effect; only the promise
about the number of copies is open. Whoever gives up waiting is told exactly that.
"""

from collections.abc import Iterator

from ledgerd.raft.entries import Index
from ledgerd.replica.inputs import Waiter
from ledgerd.replica.outbox import Answered


class HeldAnswers:
    """Answers of applied entries, oldest first. Owned by the replica of a leader.

    Bounded by the calls that wait: who gives up is taken out by `abandon`.
    """

    __slots__ = ("_answers", "_gone")

    def __init__(self) -> None:
        self._answers: dict[Waiter, Answered] = {}
        self._gone: set[Waiter] = set()  # gave up before their entry was applied

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, answer: Answered) -> None:
        """Keep an answer back, unless nobody waits for it any more."""
        assert answer.waiter not in self._answers, answer.waiter
        if answer.waiter in self._gone:
            self._gone.discard(answer.waiter)
        else:
            self._answers[answer.waiter] = answer

    def release(self, reached: Index) -> list[Answered]:
        """Forget and return the answers of entries that every voter holds."""
        free = [each for each in self._answers.values() if each.index <= reached]
        for answer in free:
            del self._answers[answer.waiter]
        return free

    def abandon(self, waiter: Waiter) -> None:
        """Forget an answer that nobody waits for any more, now or when it comes."""
        if self._answers.pop(waiter, None) is None:
            self._gone.add(waiter)

    def drain(self) -> Iterator[Answered]:
        """Forget and yield all of them: this node does not lead any more."""
        answers, self._answers = self._answers, {}
        self._gone.clear()
        yield from answers.values()
