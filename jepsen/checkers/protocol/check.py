"""Judge protocol events: any number of files, one pass, all rules."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from jepsen.checkers.protocol.events import Event, FormError, merge, read
from jepsen.checkers.protocol.images import Images
from jepsen.checkers.protocol.rules import RULES
from jepsen.checkers.verdict import Result

FINDINGS_MAX = 20


def check_protocol(files: Sequence[Iterable[Event]]) -> Result:
    """Return what the events of these files break; `unknown` where nothing could be judged.

    One file is taken as the true order of all its events. With more than one, rules that need a
    common order are not judged, and the numbers of the result name them.
    """
    result = Result("protocol")
    images = Images()

    def report(rule: str, event: Event, sentence: str) -> None:
        if len(result.findings) < FINDINGS_MAX:
            result.invalid(f"{rule}: {sentence} ({event.where}, tick {event.tick})")

    judged = [rule for rule in RULES if len(files) == 1 or not rule.needs_order]
    rules = [rule(images, report) for rule in judged]
    counts = dict.fromkeys(("events", "commit", "become-leader"), 0)
    try:
        for event in merge(files):
            for rule in rules:
                rule.see(event)
            images.see(event)
            counts["events"] += 1
            if event.name in counts:
                counts[event.name] += 1
    except FormError as error:
        result.unknown(str(error))
    result.numbers.update(counts)
    skipped = [rule.id for rule in RULES if rule not in judged]
    if skipped:
        result.numbers["not judged"] = ", ".join(skipped)
    if not counts["commit"] and not result.findings:
        result.unknown("nothing was committed, so nothing was put to the test")
    return result


def check_files(paths: Sequence[Path]) -> Result:
    """Return the judgement of these files."""
    return check_protocol([read(path) for path in paths])
