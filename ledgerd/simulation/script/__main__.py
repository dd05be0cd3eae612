"""`python -m ledgerd.simulation.script FILE...`: check script files, or rewrite them."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ledgerd.simulation.script.runner import check, is_updating
from ledgerd.simulation.script.text import ScriptError


def main(names: Sequence[str]) -> int:
    """Check each file; with UPDATE=1 in the environment write what it prints.

    Returns 0 if all did as expected, 1 if one did not, 2 if one cannot be played.
    """
    if not __debug__:
        sys.stderr.write("error: scripts are checked by assertions; run without -O\n")
        return 2
    update = is_updating()
    code = 0
    if not names:
        sys.stderr.write("usage: python -m ledgerd.simulation.script FILE...\n")
        return 2
    for name in names:
        try:
            differences = check(Path(name), update=update)
        except (ScriptError, OSError) as error:
            sys.stderr.write(f"error: {error}\n")
            code = 2
            continue
        for line in differences:
            sys.stdout.write(f"{line}\n")
        if differences:
            code = max(code, 1)
        else:
            sys.stdout.write(f"{name}: {'written' if update else 'as expected'}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
