"""Named moments of a turn, told to whoever wants to time them or to fail there (faults.md 5.5)."""

from typing import Protocol


class Hooks(Protocol):
    """Told when a turn reaches a named moment. Must not change what the turn decides."""

    def reach(self, moment: str) -> None:
        """The turn has reached `moment`: one of `MOMENTS`."""
        ...


MOMENTS = (
    "turn.begin",
    "turn.stepped",
    "turn.before_log_commit",
    "turn.after_log_commit",
    "turn.before_install",
    "turn.after_install",
    "turn.before_apply",
    "turn.applied",
    "turn.end",
    "turn.before_state_commit",
    "turn.after_state_commit",
)


class NoHooks:
    """Forgets every moment."""

    def reach(self, moment: str) -> None:
        """Do nothing."""
