"""Prints what is generated from the options.

python -m ledgerd.config example      prints configs/ledgerd.toml
python -m ledgerd.config describe     prints docs/reference/config.md
"""

import sys
from collections.abc import Sequence

from ledgerd.config.pages import describe, example


def _main(arguments: Sequence[str]) -> None:
    pages = {"example": example, "describe": describe}
    if len(arguments) != 1 or arguments[0] not in pages:
        raise SystemExit(f"expected one of {', '.join(pages)}")
    sys.stdout.write(pages[arguments[0]]())


if __name__ == "__main__":
    _main(sys.argv[1:])
