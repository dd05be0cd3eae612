"""What is wrong with a payout file: each finding with its place, and the refusal of the whole file.

A finding says where (line, and field or XPath), what was expected, what was found and what to do.
A file with one finding is refused whole; up to `FINDINGS_KEPT` are kept, all are counted.
"""

from typing import Final, NamedTuple

from ledgerd.errors import LedgerdError

FINDINGS_KEPT: Final = 20
_FOUND_CHARACTERS_MAX: Final = 80
_LAST_LINE: Final = 1 << 62  # what concerns the whole file comes at the end


class Finding(NamedTuple):
    """One thing that is wrong, and where."""

    line: int  # first is 1; 0 where a file has no such place
    where: str  # field or XPath; empty for the line as a whole
    expected: str
    found: str
    hint: str

    def text(self) -> str:
        """Return the finding as one line for people."""
        place = f"line {self.line}" if self.line else "the whole file"
        if self.where:
            place = f"{place}, {self.where}"
        told = f"{place}: expected {self.expected}, found {self.found}"
        return f"{told}; {self.hint}" if self.hint else told


class FileRefused(LedgerdError):
    """A payout file is refused whole; nothing of it was submitted.

    `findings` are the first ones in file order, `count` is how many there are.
    """

    def __init__(self, name: str, findings: tuple[Finding, ...], count: int) -> None:
        assert 0 < len(findings) <= count, (len(findings), count)
        self.name = name
        self.findings = findings
        self.count = count
        lines = [finding.text() for finding in findings]
        if count > len(findings):
            lines.append(f"and {count - len(findings)} more")
        noun = "finding" if count == 1 else "findings"
        super().__init__("\n".join([f"{name} is refused: {count} {noun}", *lines]))


class Stop(Exception):
    """The reader cannot go on after the finding it just added: a jump, not an error."""


class Findings:
    """Collects what is wrong with one file, in file order."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept: list[Finding] = []
        self.count = 0

    def add(
        self, line: int, where: str, *, expected: str, found: str, hint: str = ""
    ) -> None:
        """Keep the finding, or only count it when enough are kept."""
        self.count += 1
        if len(self._kept) < FINDINGS_KEPT:
            self._kept.append(Finding(line, where, expected, found, hint))

    def stop(
        self, line: int, where: str, *, expected: str, found: str, hint: str = ""
    ) -> Stop:
        """Keep the finding and return what the reader raises, as nothing more can be read.

        It is kept also when enough are: it says why the others may not be all.
        """
        del self._kept[FINDINGS_KEPT - 1 :]
        self.add(line, where, expected=expected, found=found, hint=hint)
        return Stop()

    def refusal(self) -> FileRefused:
        """Return the error that refuses the file, by line; there must be a finding."""
        by_line = sorted(self._kept, key=lambda finding: finding.line or _LAST_LINE)
        return FileRefused(self._name, tuple(by_line), self.count)


def shown(value: str | bytes) -> str:
    """Return what was found as safe, short text: quoted, escaped, at most 80 characters."""
    if isinstance(value, bytes):
        value = value[: _FOUND_CHARACTERS_MAX + 1].decode("ascii", "backslashreplace")
    if not value:
        return "nothing"
    if len(value) > _FOUND_CHARACTERS_MAX:
        value = value[:_FOUND_CHARACTERS_MAX] + "..."
    escaped = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in value
    )
    return f'"{escaped}"'
