"""Commit-position replay: every answer and every read against the model, in log order.

1. Positions are unique and stand in log order: terms and log time never fall.
2. The ops that were answered, and those of unknown fate whose position is known from a
   retry or a read, are replayed in the model; every field of every answer is compared,
   refusal codes included.
3. What nodes did by themselves stands in the feed: the model is told of it where it stands, and
   every event must be what the model expects, balances included.
4. Real time: what began after something else had ended stands after it in the log, and
   reads see all that was answered before they began and never go back.

It trusts the positions that servers report; the other checkers do not.
Source of the rules: the client contract in the docs, and the ledger's promises.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from jepsen import wire
from jepsen.checkers.feed import FeedEvent, differences_from, whole_feed
from jepsen.checkers.verdict import Result
from jepsen.commands import Cancel, Command, CreateHold, Recall, Submit, key_of
from jepsen.history import (
    FAIL,
    INVOKE,
    OK,
    RIG,
    Event,
    Fields,
    History,
    Op,
    flag,
    rows,
    text,
)
from jepsen.lifecycle import FACTS
from jepsen.model import Account, Answer, Key, Model, Payout
from jepsen.wire import PayoutSeen, RefusedSeen, Told

FINDINGS_MAX = 20
ALL_ORDINALS = 1 << 16  # above every ordinal of an entry


@dataclass(slots=True)
class Step:
    """One command of the log: what stands there, and what was said about it.

    told, i: the answer and its line, None where no client got one.
    refusal: the code that a later answer or read reported for it; "" for accepted.
    bodies: several were sent under the id, and it is one of these, `command` as long as nobody
        said otherwise; empty: it is known.
    """

    command: Command
    told: Told | None
    i: int | None
    refusal: str | None = None
    bodies: list[Command] = field(default_factory=list)

    def learn(self, command: Command, *, is_same: bool) -> None:
        """Note that what stands here is this command, or that it is another one."""
        if not self.bodies:
            return
        others = [body for body in self.bodies if body != command]
        if is_same:
            self.command, self.bodies = command, []
        elif others:
            self.command, self.bodies = others[0], others


def check_positions(history: History) -> Result:
    """Judge the whole history against the model, by position."""
    return _Replay(history).run()


class _Replay:
    def __init__(self, history: History) -> None:
        self.history = history
        self.result = Result("positions")
        self.steps: dict[Key, Step] = {}
        self.bodies: dict[str, list[Command]] = {}
        self.ts_by_index: dict[int, int] = {}
        self.term_by_index: dict[int, int] = {}
        self.spoken: set[str] = set()  # keys whose fate is known
        self.model = Model()
        self.answers: dict[Key, Answer] = {}
        self.feed: dict[Key, list[FeedEvent]] | None = None
        self.facts = 0  # of the feed, that no client asked for
        self.is_whole = True  # everything that took place is known

    def run(self) -> Result:
        self._collect_direct()
        self._collect_indirect()
        self._collect_feed()
        self._check_log_order()
        self._check_real_time()
        self._count_unresolved()
        if self.is_whole:
            self._replay()
        self.result.numbers["commands"] = len(self.steps)
        self.result.numbers["facts"] = self.facts
        return self.result

    def _invalid(self, sentence: str, i: int | None = None) -> None:
        if len(self.result.findings) < FINDINGS_MAX:
            self.result.invalid(sentence, i)

    def _mismatch(self, sentence: str, i: int | None = None) -> None:
        """Note that the model says otherwise: a violation, if the model knows all."""
        if len(self.result.findings) < FINDINGS_MAX:
            if self.result.numbers.get("unresolved"):
                self.result.unknown(sentence, i)
            else:
                self.result.invalid(sentence, i)

    # What stands where.

    def _collect_direct(self) -> None:
        """Place every command that a client got an answer for."""
        for op in self.history.client_ops(*wire.MUTATIONS):
            commands = wire.commands_of(op.f, op.invoke.v)
            for command in commands:
                known = self.bodies.setdefault(key_of(command), [])
                if command not in known:
                    known.append(command)
            if op.type != OK or op.end is None:
                continue
            told = wire.answers_of(op.f, op.answer)
            if len(told) != len(commands):
                self._invalid(
                    f"{len(commands)} commands got {len(told)} answers", op.end.i
                )
                continue
            self._check_batch(op.end, told)
            for command, each in zip(commands, told, strict=True):
                self._place(command, each, op.end)

    def _check_batch(self, end: Event, told: list[Told]) -> None:
        """A batch is one entry, in order, without a gap."""
        first = told[0].pos
        for offset, each in enumerate(told):
            if each.pos.key != (first.index, first.ordinal + offset):
                self._invalid(
                    f"row {offset} of a batch at {first} stands at {each.pos}", end.i
                )
                return

    def _place(self, command: Command, told: Told, end: Event) -> None:
        key = told.pos.key
        before = self.steps.get(key)
        if before is not None:
            self._invalid(
                f"position {told.pos} was given to {key_of(before.command)} and to"
                f" {key_of(command)}",
                end.i,
            )
            return
        self.spoken.add(key_of(command))
        self.steps[key] = Step(command, told, end.i)
        self._note_entry(told.pos.index, told.pos.term, told.ts, end.i)

    def _note_entry(self, index: int, term: int | None, ts: int, i: int) -> None:
        """An entry has one time and one term, whoever tells of it."""
        if self.ts_by_index.setdefault(index, ts) != ts:
            self._invalid(
                f"index {index} has the times {self.ts_by_index[index]} and {ts}", i
            )
        if term is not None and self.term_by_index.setdefault(index, term) != term:
            self._invalid(
                f"index {index} has the terms {self.term_by_index[index]} and {term}",
                i,
            )

    def _collect_indirect(self) -> None:
        """Place the commands whose own answer was lost, from retries and reads."""
        for op in self.history.client_ops():
            if op.type != OK or op.end is None:
                continue
            if op.f in wire.MUTATIONS:
                commands = wire.commands_of(op.f, op.invoke.v)
                told = wire.answers_of(op.f, op.answer)
                for command, each in zip(commands, told, strict=False):
                    self._place_original(command, each, op.end)
            elif op.f == wire.GET:
                self._place_read(op.answer, op.end)
            elif op.f == wire.LIST:
                for row in rows(op.answer, "rows"):
                    self._place_seen(PayoutSeen(row), op.end)

    def _place_original(self, command: Command, told: Told, end: Event) -> None:
        if told.original is None:
            return
        assert told.original_ts is not None
        self._note_entry(told.original[0], None, told.original_ts, end.i)
        refusal = (told.refusal or "") if told.outcome == "REFUSED" else ""
        is_same = told.outcome == "REPLAYED" or told.same_request
        body = command if is_same else None
        self._place_lost(told.original, key_of(command), body, refusal, end.i)
        step = self.steps.get(told.original)
        if step is not None and not is_same:
            step.learn(command, is_same=False)

    def _place_read(self, v: Fields, end: Event) -> None:
        if "refusal" in v:
            seen = RefusedSeen(v)
            self._note_entry(seen.at[0], None, seen.ts, end.i)
            self._place_lost(seen.at, seen.payout, None, seen.refusal, end.i)
        elif flag(v, "found"):
            self._place_seen(PayoutSeen(v), end)
        else:
            # Read after the barrier: what is absent now never happened.
            if flag(v, "final"):
                self.spoken.add(text(v, "id"))

    def _place_seen(self, seen: PayoutSeen, end: Event) -> None:
        self._note_entry(seen.at[0], None, seen.ts, end.i)
        if seen.body not in self.bodies.get(seen.body.payout, []):
            self._invalid(
                f"{seen.body.payout} at {seen.at} has a body that no client sent", end.i
            )
            return
        self._place_lost(seen.at, seen.body.payout, seen.body, "", end.i)

    def _place_lost(
        self, at: Key, id_: str, command: Command | None, refusal: str, i: int
    ) -> None:
        """Put a command nobody was answered for where others say it stands."""
        before = self.steps.get(at)
        if before is not None:
            if key_of(before.command) != id_:
                self._invalid(
                    f"position {at} holds {key_of(before.command)}, but {id_} is"
                    " reported there",
                    i,
                )
            elif command is not None:
                before.learn(command, is_same=True)
            return
        candidates = [command] if command is not None else self.bodies.get(id_, [])
        if not candidates:
            self._invalid(f"{id_} stands at {at}, but no client asked for it", i)
            return
        several = list(candidates) if len(candidates) > 1 else []
        if several:
            # Which of several bodies came first only matters if one is told later.
            self.result.numbers["bodies guessed"] = (
                int(self.result.numbers.get("bodies guessed", 0)) + 1
            )
        self.spoken.add(id_)
        self.steps[at] = Step(candidates[0], None, i, refusal, several)

    def _collect_feed(self) -> None:
        """Place what the feed tells, by position."""
        told = whole_feed(self.history)
        if told is None:
            if any(True for _ in self.history.of(RIG, "rail")):
                self.is_whole = False
                self.result.unknown(
                    "no watcher came to its end, so what the nodes did is not known"
                )
            return
        self.feed = {}
        for event in told:
            self.feed.setdefault(event.at, []).append(event)
            self._note_entry(event.at[0], None, event.ts_us, event.i)

    # Order.

    def _check_log_order(self) -> None:
        """Log time strictly rises with the index; terms never fall."""
        before: tuple[int, int] | None = None
        for index in sorted(self.ts_by_index):
            ts = self.ts_by_index[index]
            if before is not None and ts <= before[1]:
                self._invalid(
                    f"log time falls from {before[1]} at index {before[0]} to {ts} at"
                    f" index {index}"
                )
            before = (index, ts)
        highest = 0
        for index in sorted(self.term_by_index):
            term = self.term_by_index[index]
            if term < highest:
                self._invalid(f"term falls to {term} at index {index}")
            highest = max(highest, term)

    def _check_real_time(self) -> None:
        """What began after another ended stands after it; reads never go back."""
        first_at: dict[str, Key] = {}
        for at in sorted(self.steps):
            first_at.setdefault(key_of(self.steps[at].command), at)
        op_by_invoke = {op.invoke.i: op for op in self.history.ops}
        op_by_end = {op.end.i: op for op in self.history.ops if op.end is not None}
        floors: dict[int, tuple[Key, int]] = {}
        asked: set[str] = set()
        written: Key = (0, -1)  # highest position of a mutation that has ended
        read = 0  # highest index that a read has shown
        for event in self.history.events:
            if event.type == INVOKE and event.i in op_by_invoke:
                floors[event.i] = (written, read)
                if event.f in wire.MUTATIONS:
                    for command in wire.commands_of(event.f, event.v):
                        id_ = key_of(command)
                        stands_at = first_at.get(id_)
                        if id_ not in asked and stands_at is not None:
                            self._check_after(stands_at, written, read, event.i)
                        asked.add(id_)
                continue
            op = op_by_end.get(event.i)
            if op is None or event.type != OK:
                continue
            floor, read_floor = floors[op.invoke.i]
            if op.f in wire.MUTATIONS:
                for told in wire.answers_of(op.f, event.v):
                    self._check_after(told.pos.key, floor, read_floor, event.i)
                    written = max(written, told.pos.key)
            elif op.f in wire.READS and event.applied_index is not None:
                if not flag(op.invoke.v, "stale"):
                    self._check_read(event, floor, read_floor)
                    read = max(read, event.applied_index)
            elif op.f == wire.GET and not flag(event.v, "found"):
                id_ = text(event.v, "id")
                stands_at = first_at.get(id_)
                if stands_at is not None and stands_at <= floor:
                    self._invalid(
                        f"{id_} was not found, though index {floor[0]} had been"
                        f" answered before the read began and it stands at"
                        f" {stands_at}",
                        event.i,
                    )

    def _check_after(self, at: Key, written: Key, read: int, i: int) -> None:
        if at <= written:
            self._invalid(
                f"stands at {at}, but {written} had been answered before it began", i
            )
        elif at <= (read, ALL_ORDINALS):
            self._invalid(
                f"stands at {at}, but index {read} had been read before it began", i
            )

    def _check_read(self, event: Event, written: Key, read: int) -> None:
        assert event.applied_index is not None
        read_index = event.read_index or 0
        if read_index > event.applied_index:
            self._invalid(
                f"was read at {event.applied_index}, before its read point"
                f" {read_index}",
                event.i,
            )
        if read_index < written[0]:
            self._invalid(
                f"stale read: index {written[0]} had been answered before it began,"
                f" its read point is {read_index}",
                event.i,
            )
        if event.applied_index < read:
            self._invalid(
                f"reads go back from index {read} to {event.applied_index}", event.i
            )

    # Replay.

    def _reads(self) -> Iterator[tuple[int, Op]]:
        for op in self.history.client_ops(*wire.READS):
            if op.type == OK and op.end is not None:
                applied = op.end.applied_index
                if applied is not None:
                    yield applied, op

    def _replay(self) -> None:
        reads = sorted(self._reads(), key=lambda pair: (pair[0], pair[1].invoke.i))
        order = sorted(self.steps.keys() | (self.feed or {}).keys())
        done = 0
        for applied, op in reads:
            while done < len(order) and order[done][0] <= applied:
                self._replay_at(order[done])
                done += 1
            assert op.end is not None
            for sentence in _differences(self.model, op):
                self._mismatch(f"{op.f} at index {applied}: {sentence}", op.end.i)
        for at in order[done:]:
            self._replay_at(at)
        self.result.numbers["reads"] = len(reads)

    def _replay_at(self, at: Key) -> None:
        """Let the model do what stands at a position, and compare what the feed tells of it."""
        told = None if self.feed is None else self.feed.get(at, [])
        if at in self.steps:
            self._replay_step(at)
            if told is not None:
                self._compare_told(at, told)
            return
        for event in told or ():
            if event.kind not in FACTS:
                self._mismatch(
                    f"the feed tells {event.kind} of {event.subject} at {at}, and nobody"
                    " asked for it",
                    event.i,
                )
                continue
            why_not = self.model.happened(at, event.fact)
            if why_not is not None:
                self._mismatch(
                    f"{event.kind} of {event.subject} at {at}: {why_not}", event.i
                )
                continue
            self.facts += 1
            self._compare_told(at, [event])

    def _compare_told(self, at: Key, told: list[FeedEvent]) -> None:
        for sentence in differences_from(self.model, told):
            self._mismatch(f"at {at} {sentence}", told[0].i if told else None)

    def _replay_step(self, at: Key) -> None:
        step = self.steps[at]
        ts_us = self.ts_by_index.get(at[0], 0)
        command = step.command
        if step.refusal:
            # The body is any of those sent under the id that is refused this way.
            for candidate in step.bodies:
                if self.model.refusal_of(candidate, ts_us) == step.refusal:
                    command = candidate
                    break
        answer = self.model.apply(at, command, ts_us)
        self.answers[at] = answer
        if step.told is not None:
            self._compare(at, step.command, answer, step.told, step.i)
            return
        expected = answer.refusal or ""
        if answer.original is not None:
            self._mismatch(
                f"{key_of(command)} took effect at {at} and before at"
                f" {answer.original}",
                step.i,
            )
        elif expected != step.refusal:
            self._mismatch(
                f"{key_of(command)} at {at} is reported as"
                f" {step.refusal or 'accepted'}, the model says"
                f" {expected or 'accepted'}",
                step.i,
            )

    def _compare(
        self, at: Key, command: Command, expected: Answer, told: Told, i: int | None
    ) -> None:
        """Compare every field of an answer that the model can know."""
        pairs: list[tuple[str, object, object]] = [
            ("outcome", expected.outcome, told.outcome),
            ("refusal", expected.refusal, told.refusal),
            ("original position", expected.original, told.original),
            ("id_spent", expected.spent, told.spent),
        ]
        if expected.original is not None:
            pairs.append(("same_request", expected.same_request, told.same_request))
            known = self.ts_by_index.get(expected.original[0])
            if known is not None:
                pairs.append(("original time", known, told.original_ts))
        if expected.outcome in ("CREATED", "REPLAYED"):
            if told.state is not None:
                pairs.append(("state", expected.state, told.state))
            if told.fee_minor is not None:
                pairs.append(("fee", expected.fee_minor, told.fee_minor))
        if isinstance(command, Cancel | Recall) and expected.outcome == "REFUSED":
            pairs.append(("state", expected.state, told.state or ""))
        if isinstance(command, Submit | CreateHold) and expected.outcome == "CONFLICT":
            pairs.append(("differing fields", expected.differing, told.differing))
        for name, wanted, found in pairs:
            if wanted != found:
                self._mismatch(
                    f"{key_of(command)} at {at}: {name} is {found!r}, the model says"
                    f" {wanted!r}",
                    i,
                )
                return

    def _count_unresolved(self) -> None:
        """Ops that may or may not have happened make the replay incomplete."""
        unresolved: dict[str, int] = {}
        for op in self.history.client_ops(*wire.MUTATIONS):
            if op.type in (OK, FAIL):
                continue
            for command in wire.commands_of(op.f, op.invoke.v):
                if key_of(command) not in self.spoken:
                    unresolved.setdefault(key_of(command), op.invoke.i)
        self.result.numbers["unresolved"] = len(unresolved)
        if unresolved:
            id_, i = next(iter(unresolved.items()))
            self.result.unknown(
                f"the fate of {len(unresolved)} ids is not known, {id_} among them", i
            )


def _differences(model: Model, op: Op) -> Iterator[str]:
    """Yield what a read shows other than the model does."""
    v = op.answer
    if op.f == wire.GET:
        yield from _get_differences(model, v)
    elif op.f == wire.LIST:
        for row in rows(v, "rows"):
            yield from _payout_differences(model, PayoutSeen(row))
    elif op.f == wire.BALANCE:
        yield from _account_differences(model, v)
    elif op.f == wire.ACCOUNTS:
        shown = {row.get("id") for row in rows(v, "rows")}
        for missing in sorted(set(model.accounts) - shown):
            yield f"account {missing} is missing"
        for row in rows(v, "rows"):
            yield from _account_differences(model, row)
    elif op.f == wire.TRIAL:
        yield from _trial_differences(model, v)


def _get_differences(model: Model, v: Fields) -> Iterator[str]:
    id_ = str(v.get("id"))
    if "refusal" in v:
        seen = RefusedSeen(v)
        first = model.firsts.get(id_)
        found = None if first is None else (first.at, first.refusal)
        if found != (seen.at, seen.refusal):
            yield f"{id_} is shown as refused {seen.refusal} at {seen.at}, not {found}"
    elif flag(v, "found"):
        yield from _payout_differences(model, PayoutSeen(v))
    elif id_ in model.firsts:
        yield f"{id_} is not found, but stands at {model.firsts[id_].at}"


def _payout_differences(model: Model, seen: PayoutSeen) -> Iterator[str]:
    payout: Payout | None = model.payouts.get(seen.body.payout)
    if payout is None:
        yield f"{seen.body.payout} is shown, the model has none"
        return
    for name, wanted, found in (
        ("position", payout.at, seen.at),
        ("body", payout.body, seen.body),
        ("state", payout.state, seen.state),
        ("fee", payout.fee_minor, seen.fee_minor),
        ("returned", payout.returned, seen.more["returned"]),
        ("reversed", 0, seen.more["reversed"]),
        ("absorbed", payout.absorbed, seen.more["absorbed"]),
        ("refunded fee", payout.refunded, seen.more["refunded"]),
        ("open exceptions", payout.exceptions, seen.more["exceptions"]),
        ("recall", int(payout.is_recalled), seen.more["recalled"]),
    ):
        if wanted != found:
            yield (
                f"{name} of {seen.body.payout} is {found!r}, the model says {wanted!r}"
            )


def _account_differences(model: Model, v: Fields) -> Iterator[str]:
    id_ = str(v.get("id"))
    account: Account | None = model.accounts.get(id_)
    if account is None:
        yield f"unexpected account {id_}"
        return
    for name, wanted in (
        ("available", account.available),
        ("reserved", account.reserved),
        ("held", account.held),
        ("blocked", 0),
        ("receivable", 0),
    ):
        found = v.get(name)
        if found != wanted:
            yield (
                f"{name} of {id_} is {found}, the model says {wanted}"
                f"{_explain(model, id_, wanted, found)}"
            )


def _explain(model: Model, account: str, wanted: int, found: object) -> str:
    """Name a payout of the account whose amount is the whole difference, if one is."""
    if not isinstance(found, int):
        return ""
    gap = abs(wanted - found)
    for payout in model.payouts.values():
        if payout.body.account == account and payout.body.minor == gap:
            return (
                f": consistent with {payout.body.payout} ({gap}) applied once too often"
                " or once too few"
            )
    return ""


def _trial_differences(model: Model, v: Fields) -> Iterator[str]:
    wanted = model.trial_balance()
    shown: set[tuple[bool, str]] = set()
    for book in rows(v, "books"):
        book_key = (flag(book, "livemode"), str(book.get("currency")))
        shown.add(book_key)
        lines = {
            str(line.get("name")): (line.get("debit"), line.get("credit"))
            for line in rows(book, "lines")
            if (line.get("debit"), line.get("credit")) != (0, 0)
        }
        expected = wanted.get(book_key, {})
        if lines != expected:
            yield f"book {book_key} is {lines}, the model says {expected}"
    for missing in sorted(key for key, lines in wanted.items() if lines):
        if missing not in shown:
            yield f"book {missing} is missing"
