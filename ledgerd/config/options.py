"""What is known of one option of the configuration besides its name, type and default."""

import re
from typing import Final, NamedTuple

OPTION: Final = "option"
MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB


class Option(NamedTuple):
    """What is known of one option besides its name, type and default.

    first, last: the range of a number, inclusive. choices: of a text.
    shown: the value in the example, where there is no default.
    is_reloaded: read again at SIGHUP, and in force from then on.
    """

    text: str
    unit: str = ""
    first: int | None = None
    last: int | None = None
    choices: tuple[str, ...] = ()
    shown: object = None
    default_text: str = ""
    is_reloaded: bool = False


def about(
    text: str,
    unit: str = "",
    first: int | None = None,
    last: int | None = None,
    *,
    choices: tuple[str, ...] = (),
    shown: object = None,
    default_text: str = "",
    is_reloaded: bool = False,
) -> dict[str, Option]:
    """Return the metadata of a dataclass field that is an option."""
    if is_reloaded:
        text += " Read again at SIGHUP."
    option = Option(text, unit, first, last, choices, shown, default_text, is_reloaded)
    return {OPTION: option}


def gist(option: Option) -> str:
    """Return what an option is, in a few words that fit into a sentence."""
    words = re.split("[.;]", option.text, maxsplit=1)[0]
    return words[0].lower() + words[1:]


def allowed(option: Option) -> str:
    """Return which values an option may have, as a sentence says it; nothing if any."""
    if option.choices:
        return "one of " + ", ".join(option.choices)
    if option.first is not None:
        return f"{option.first} .. {option.last}"
    return ""
