"""The feed as one watcher received it whole, and how it differs from what the model expects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jepsen.history import WATCH, Fields, History, flag, number, numbers, rows, text
from jepsen.lifecycle import Fact
from jepsen.model import Key, Model


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event. at: position of its command. i: line of the history that has it."""

    at: Key
    kind: str
    subject: str
    before: str
    after: str
    minor: int
    ts_us: int
    accounts: Sequence[Fields]
    i: int

    @property
    def fact(self) -> Fact:
        """What it says, for the model."""
        return Fact(self.kind, self.subject, self.after, self.minor, self.ts_us)


def whole_feed(history: History) -> list[FeedEvent] | None:
    """Return all events in order, None if no watcher without a filter came to its end.

    Whether watchers were told right is judged elsewhere; here the first whole one is believed.
    """
    told: dict[str, list[FeedEvent]] = {}
    for line in history.of(WATCH, "events"):
        if text(line.v, "kind"):
            continue
        name = text(line.v, "watcher")
        received = told.setdefault(name, [])
        for row in rows(line.v, "rows"):
            if "ts" not in row:
                return None  # of a rig that did not keep what the model needs
            received.append(_event(row, line.i))
        if flag(line.v, "final"):
            return received
    return None


def _event(row: Fields, i: int) -> FeedEvent:
    at = numbers(row, "at")
    return FeedEvent(
        (at[0], at[1]),
        text(row, "kind"),
        text(row, "subject"),
        text(row, "before"),
        text(row, "after"),
        number(row, "minor"),
        number(row, "ts"),
        rows(row, "accounts"),
        i,
    )


def differences_from(model: Model, told: Sequence[FeedEvent]) -> Iterator[str]:
    """Yield what events say otherwise than the model, which has just done what they tell."""
    wanted = [(c.kind, c.subject, c.before, c.after) for c in model.changes]
    found = [(e.kind, e.subject, e.before, e.after) for e in told]
    if wanted != found:
        yield f"the feed tells {found}, the model says {wanted}"
        return
    for event in told:
        for after in event.accounts:
            account = model.accounts.get(text(after, "id"))
            if account is None:
                yield f"{event.kind} shows an unknown account {text(after, 'id')}"
                continue
            for name, minor in (
                ("available", account.available),
                ("reserved", account.reserved),
                ("held", account.held),
                ("blocked", 0),
                ("receivable", 0),
            ):
                if number(after, name) != minor:
                    yield (
                        f"{event.kind} of {event.subject} leaves {number(after, name)}"
                        f" {name} in {account.account}, the model says {minor}"
                    )
