"""How a run ends: the kinds of failure, their exit codes, and the violation that carries one."""

from enum import Enum


class Kind(Enum):
    """What went wrong; the value is the exit code of `ledgerd simulate` (faults.md 5.7)."""

    GOOD = 0
    CRASH = 127  # an exception or a failed assertion of the product
    LIVENESS = 128
    CORRECTNESS = 129
    USAGE = 254
    SIMULATOR = 255  # the simulator itself failed


class Violation(Exception):  # the finding that a run is for
    """An invariant is broken. invariant: its id, as `R7`."""

    def __init__(
        self, invariant: str, text: str, kind: Kind = Kind.CORRECTNESS
    ) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant
        self.kind = kind


def require(holds: bool, invariant: str, *what: object) -> None:
    """Raise a Violation of `invariant` unless it holds.

    what: joined by spaces only if it does not hold, so a value is given as it is: most checks are
    made after every step, and its text would be made each time.
    """
    if not holds:
        raise Violation(invariant, " ".join(map(str, what)))
