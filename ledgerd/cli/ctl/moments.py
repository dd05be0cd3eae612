"""Numbers of the log and moments on the command line: an index, or a time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click

# More than the calls can carry is no number of anything; 0 stands before everything.
NUMBER_MAX: Final = 2**63 - 1
INDEX: Final = click.IntRange(1, NUMBER_MAX)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """Exactly one of both is set. time_us: log time, microseconds since 1970-01-01 UTC."""

    index: int | None = None
    time_us: int | None = None


NOW: Final = Moment()  # or the beginning, or the end: where none was named


class MomentType(click.ParamType[Moment]):
    """17, 2026-11-21, 2026-11-21T09:30 or 2026-11-21T09:30:00.25+01:00; without a zone, UTC."""

    name = "moment"

    # Any: click's own signature.
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Moment:
        """Return the moment that a text stands for."""
        if isinstance(value, Moment):
            return value
        text = str(value)
        if text.isascii() and text.isdecimal():
            if len(text) > len(str(NUMBER_MAX)) or int(text) > NUMBER_MAX:
                self.fail(
                    f"expected a log index of at most {NUMBER_MAX}, found {text}",
                    param,
                    ctx,
                )
            return Moment(index=int(text))
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"expected a log index, or a date or time as in 2026-11-21T09:30, found {text}",
                param,
                ctx,
            )
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        since = time - _EPOCH
        whole_s = since.days * 86_400 + since.seconds
        return Moment(time_us=whole_s * 1_000_000 + since.microseconds)


MOMENT: Final = MomentType()
