"""Small files that people name: their content, bounded, whatever the path leads to.

Without a bound a device such as /dev/zero fills the memory of the process. The errors are the
system's, so that each caller says what it expected; their `strerror` is for people.
"""

import errno
import stat
from pathlib import Path
from typing import Final

CONFIG_BYTES_MAX: Final = (
    1024 * 1024
)  # a configuration, a profile, certificates or a key
SETTING_BYTES_MAX: Final = 16 * 1024 * 1024  # a version of a setting; lists may be long
PROOF_BYTES_MAX: Final = 64 * 1024 * 1024  # a receipt shows all payouts of a log entry


def read_bytes(path: Path, bytes_max: int) -> bytes:
    """Return the content of a file or a pipe. Raises OSError, also if it is more than that."""
    with path.open("rb") as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise OSError(errno.EFBIG, f"more than {bytes_max} bytes", str(path))
    return content


def read_text(path: Path, bytes_max: int) -> str:
    """Return a text in UTF-8 with lines that end with LF; a byte order mark is harmless.

    Raises OSError, UnicodeDecodeError.
    """
    text = read_bytes(path, bytes_max).decode("utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_regular(path: Path, bytes_max: int) -> bytes:
    """Return the content of what is read again and again, and so must be a file. Raises OSError.

    A pipe has nothing the second time, and who opens one may wait for ever.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a directory says so itself
        raise OSError(errno.EINVAL, "a pipe or a device, which is no file", str(path))
    return read_bytes(path, bytes_max)
