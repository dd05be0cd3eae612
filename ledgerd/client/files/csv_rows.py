"""Reads payouts from CSV: a header line with the names of the columns, then a payout a line.

    column                        needed  what it holds
    id                            no      payout_... made by the sender
    account                       no      acct_...; if filled, the account that pays
    amount_minor                  yes     integer minor units, 1 .. 2**63 - 1
    currency                      yes     ISO 4217, three capitals
    exponent                      no      decimals of the currency, compared
    rail                          no      name of a rail, or auto (also where empty)
    destination.kind              yes     iban, us_account, uk_account or bic_account
    destination.account_number    yes     IBAN, or the bank's own form
    destination.bank_code         no      BIC, routing number or sort code; needed but for IBANs
    destination.name              yes     the payee
    destination.country           no      ISO 3166; taken from IBAN, BIC or kind where empty
    destination.account_type      no      checking (where empty, for us_account), savings, ...
    reference                     no      text for the payee, at most 140 bytes
    release_at                    no      time before which it is not sent, with its zone:
                                          2026-12-01T09:00:00+01:00 or ...Z
    chain                         no      names a chain: its rows stand together, and are paid
                                          together or not at all
    metadata.<key>                no      kept with the payout

Blanks around a name or a value mean nothing, in the header as in the rows, nor do they before an
opening quote; behind a closing one they are refused.
UTF-8, comma, quotes doubled inside quotes (RFC 4180), one line a payout. There is no column for a
decimal amount: what 1,234 means is not for a reader to guess.

Ids: the `id` column, or, where that is missing, the batch date given by the caller with the SHA-256
of the whole file and the number of the row. So an edited file without ids is another file, whose
rows are all new: files that may be edited need the column. The last line needs its line end, since
nothing else tells a whole reference from one that was cut off.
"""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import Final

from ledgerd.api import ids
from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client.files import checks, identity, rails
from ledgerd.client.files.currencies import EXPONENTS
from ledgerd.client.files.findings import Findings, Stop, shown
from ledgerd.client.files.options import ReadOptions
from ledgerd.client.files.orders import AUTO, FileOrder, Kind, PayoutFile, Target
from ledgerd.client.files.source import Source, utf8
from ledgerd.limits import (
    AMOUNT_MINOR_MAX,
    METADATA_KEY_BYTES_MAX,
    METADATA_KEYS_MAX,
)

_NEEDED: Final = (
    "amount_minor",
    "currency",
    "destination.kind",
    "destination.account_number",
    "destination.name",
)
COLUMNS: Final = (
    "id",
    "account",
    *_NEEDED,
    "exponent",
    "rail",
    "destination.bank_code",
    "destination.country",
    "destination.account_type",
    "reference",
    "release_at",
    "chain",
)
CHAIN_ROWS_MAX: Final = 100  # so that every chain fits a batch, whatever its metadata
_METADATA: Final = "metadata."
_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_KINDS: Final = {
    "iban": Destination.IBAN,
    "us_account": Destination.US_ACCOUNT,
    "uk_account": Destination.UK_ACCOUNT,
    "bic_account": Destination.BIC_ACCOUNT,
}
_COUNTRIES: Final = {Destination.US_ACCOUNT: "US", Destination.UK_ACCOUNT: "GB"}
_INTEGER: Final = re.compile(r"[0-9]{1,19}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read(source: Source, findings: Findings, options: ReadOptions) -> PayoutFile | None:
    """Return the payouts of the file, or None when there are findings.

    Errors: `Stop` when nothing more can be read; OSError.
    """
    lines = _Lines(source, findings)
    # Without it a quote after a blank is text, and would reach the payee's name.
    rows = csv.reader(lines, strict=True, skipinitialspace=True)
    try:
        header = next(rows, None)
        if header is None:
            raise findings.stop(
                0, "", expected="a header line with column names", found="an empty file"
            )
        reader = _Reader(_columns(header, findings), findings, options)
        for row in rows:
            reader.take(lines.number, row)
    except csv.Error as error:
        raise findings.stop(
            lines.number, "", expected="CSV of RFC 4180", found=str(error)
        ) from error
    if not source.ended:
        findings.add(
            lines.number,
            "",
            expected="a line end after the last row",
            found="none",
            hint="the file may be cut off; if it is whole, end the last line",
        )
    return reader.finish(source)


class _Lines:
    """Feeds the CSV reader one line at a time and knows the number of the last one."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self._lines = source.lines()
        self._findings = findings
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        text = utf8(line, self.number, self._findings)
        if self.number == 1:
            text = text.removeprefix("\ufeff")
            self._expect_commas(text)
        if text.count('"') % 2:
            # A quoted field would go on in the next line, and swallow payouts up to the next quote.
            raise self._findings.stop(
                self.number,
                "",
                expected="every quote closed on its line",
                found="an open quote",
                hint="a payout is one line",
            )
        return text

    def _expect_commas(self, header: str) -> None:
        """Return if the names of columns stand between commas. Errors: `Stop`."""
        mark = delimiter(header)
        if mark is None or mark == ",":
            return
        raise self._findings.stop(
            1,
            "header",
            expected="columns with commas between them",
            found=_DELIMITERS[mark],
            hint="save the file with commas, in Excel as CSV of a language that uses them",
        )


def delimiter(header: str) -> str | None:
    """Return what stands between names of columns in a line; None if it has none of them."""
    counts = {
        mark: sum(_is_known(name.strip(' "')) for name in header.split(mark))
        for mark in _DELIMITERS
    }
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] else None


def _columns(header: list[str], findings: Findings) -> dict[str, int]:
    """Return column name -> place. Errors: `Stop` if the header is not usable."""
    places: dict[str, int] = {}
    before = findings.count
    for place, written in enumerate(header):
        name = written.strip(" ")  # as in a cell
        if name in places:
            findings.add(1, shown(name), expected="each column once", found="it again")
        elif not _is_known(name):
            near = _nearest(name)
            hint = (
                f"the nearest is {near}; own facts go into metadata.<key>"
                if near
                else f"known are {', '.join(COLUMNS)} and metadata.<key>"
            )
            findings.add(
                1, "header", expected="a known column", found=shown(name), hint=hint
            )
        places[name] = place
    for name in _NEEDED:
        if name not in places:
            findings.add(1, "header", expected=f"the column {name}", found="none")
    if sum(name.startswith(_METADATA) for name in places) > METADATA_KEYS_MAX:
        findings.add(
            1,
            "header",
            expected=f"at most {METADATA_KEYS_MAX} metadata columns",
            found="more",
        )
    if findings.count != before:
        raise Stop
    return places


def _nearest(name: str) -> str | None:
    """Return the column that a name was meant to be: one that has it as a part, or looks alike."""
    parts = [column for column in COLUMNS if name and name in column]
    close = get_close_matches(name, COLUMNS, n=1, cutoff=0.5)
    return next(iter(parts + close), None)


def _is_known(name: str) -> bool:
    if not name.startswith(_METADATA):
        return name in COLUMNS
    key = name.removeprefix(_METADATA)
    return (
        1 <= len(key.encode()) <= METADATA_KEY_BYTES_MAX
        and key.isprintable()
        and checks.normal(key) == key
    )


class _Reader:
    """Judges the rows; their ids come at the end, when the digest of the file is known."""

    def __init__(
        self, places: dict[str, int], findings: Findings, options: ReadOptions
    ) -> None:
        self._places = places
        self._findings = findings
        self._options = options
        self._metadata = [
            (name.removeprefix(_METADATA), name, place)
            for name, place in sorted(places.items())
            if name.startswith(_METADATA)
        ]
        self._row: list[str] = []
        self._line = 0
        self._orders: list[FileOrder] = []
        self._rows: list[int] = []  # number of the row of each order
        self._count = 0
        self._lines_of_ids: dict[bytes, int] = {}
        self._chain = ""  # of the row before; empty: of none
        self._chain_rows = 0
        self._chains: dict[str, int] = {}  # name -> line of its first row

    def take(self, line: int, row: list[str]) -> None:
        """Judge one row and keep its payout."""
        if not row:
            self._findings.add(line, "", expected="a row", found="an empty line")
            return
        self._count += 1
        self._line = line
        if len(row) != len(self._places):
            self._findings.add(
                line,
                "",
                expected=f"{len(self._places)} fields, as in the header",
                found=str(len(row)),
            )
            return
        if self._count > self._options.entries_max:
            raise self._findings.stop(
                line,
                "",
                expected=f"at most {self._options.entries_max} rows",
                found="more",
                hint="split the file",
            )
        self._row = row
        before = self._findings.count
        payout_id = self._id()
        self._judge_account()
        currency = self._currency()
        amount = self._amount()
        target = self._target()
        reference = self._judged("reference", checks.reference_expected)
        release_at_us = self._release_at_us()
        is_in_chain = self._continues_chain()
        metadata = tuple(self._judged_metadata())
        if self._findings.count != before or target is None:
            return
        rail = self._rail(currency, target)
        if rail is None:
            return
        if is_in_chain and self._orders:
            self._orders[-1] = self._orders[-1]._replace(is_linked=True)
        self._rows.append(self._count)
        self._orders.append(
            FileOrder(
                payout_id,
                amount,
                currency,
                rail,
                target,
                reference,
                metadata,
                line,
                "",
                release_at_us=release_at_us,
            )
        )

    def finish(self, source: Source) -> PayoutFile | None:
        """Return the file with its ids filled in, else None; then there are findings."""
        if self._findings.count == 0 and not self._orders:
            self._findings.add(1, "", expected="rows to pay", found="none")
        if self._findings.count:
            return None
        digest = source.digest
        notes: tuple[str, ...] = ()
        day = self._options.batch_date
        if "id" in self._places:
            identity_text = "the id column"
        else:
            assert day is not None  # else every row has a finding
            identity_text = f"batch date {day}, SHA-256 {digest.hex()}, row number"
            created_ms = _midnight_ms(day)
            self._orders = [
                order._replace(
                    payout_id=identity.payout_id(
                        created_ms, b"csv", digest, str(row).encode()
                    )
                )
                for order, row in zip(self._orders, self._rows, strict=True)
            ]
            notes = (
                "ids derive from the whole file: after any edit its rows are new payouts",
            )
        return PayoutFile(
            name=self._options.name,
            kind=Kind.CSV,
            form="CSV",
            identity=identity_text,
            orders=tuple(self._orders),
            notes=notes,
        )

    def _text(self, column: str) -> str:
        place = self._places.get(column)
        return "" if place is None else self._row[place].strip(" ")

    def _id(self) -> bytes:
        """Return the id of the row; empty where it derives from the file."""
        if "id" not in self._places:
            if self._options.batch_date is None:
                raise self._findings.stop(
                    1,
                    "header",
                    expected="the column id, or --batch-date",
                    found="neither",
                    hint="without one of them a second run could not know the first",
                )
            self._expect_usual(self._options.batch_date)
            return b""
        text = self._text("id")
        try:
            value = ids.decode(ids.PAYOUT, text)
        except ValueError as error:
            self._bad(
                "id", str(error).partition(", found")[0].removeprefix("expected ")
            )
            return b""
        first = self._lines_of_ids.setdefault(value, self._line)
        if first != self._line:
            self._bad("id", f"an id of its own, not that of line {first}")
        return value

    def _expect_usual(self, day: date) -> None:
        """Return if the ids of rows can derive from the batch date. Errors: `Stop`."""
        created_ms = _midnight_ms(day)
        expected = self._options.ahead(created_ms)
        if created_ms < 0:
            expected = "a day from 1970 on"
        if expected is not None:
            raise self._findings.stop(
                0,
                "batch date",
                expected=expected,
                found=str(day),
                hint="the payout ids derive from it, and sort by it",
            )

    def _release_at_us(self) -> int:
        """Return microseconds since 1970; 0 for an empty column, and after a finding."""
        text = self._text("release_at")
        if not text:
            return 0
        try:
            time = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
        except ValueError:  # there is no such day or hour
            time = None
        if time is None or time <= _EPOCH:
            self._bad(
                "release_at",
                "a time after 1970 with its zone, as in 2026-12-01T09:00:00+01:00",
                "what an hour without a zone means is not for a reader to guess",
            )
            return 0
        return (time - _EPOCH) // timedelta(microseconds=1)

    def _continues_chain(self) -> bool:
        """Return whether the row is of the same chain as the one before; judge its name."""
        before, self._chain = self._chain, self._text("chain")
        if not self._chain:
            return False
        if self._chain == before:
            self._chain_rows += 1
            if self._chain_rows == CHAIN_ROWS_MAX + 1:
                self._bad("chain", f"at most {CHAIN_ROWS_MAX} rows in a chain")
            return True
        first = self._chains.setdefault(self._chain, self._line)
        if first != self._line:
            self._bad("chain", f"a name of its own: one of line {first} has ended")
        self._chain_rows = 1
        return False

    def _judge_account(self) -> None:
        text = self._text("account")
        expected = self._options.account_id
        if not text:
            return
        if expected is not None and text != expected:
            self._bad(
                "account", f"{expected}, the account that was asked for, or nothing"
            )
            return
        try:
            ids.decode(ids.ACCOUNT, text)
        except ValueError as error:
            self._bad(
                "account", str(error).partition(", found")[0].removeprefix("expected ")
            )

    def _currency(self) -> str:
        text = self._text("currency")
        if text not in EXPONENTS:
            self._bad("currency", "a currency of ISO 4217 with minor units")
        elif (stated := self._text("exponent")) and stated != str(EXPONENTS[text]):
            self._bad("exponent", f"{EXPONENTS[text]}, the decimals of {text}")
        return text

    def _amount(self) -> int:
        text = self._text("amount_minor")
        units = int(text) if _INTEGER.fullmatch(text) else 0
        if not 1 <= units <= AMOUNT_MINOR_MAX:
            self._bad(
                "amount_minor",
                f"a whole number of minor units, 1 .. {AMOUNT_MINOR_MAX}",
                "12.50 dollars are 1250" if "." in text or "," in text else "",
            )
        return units

    def _target(self) -> Target | None:
        """Return where the money goes, or None after a finding."""
        text = self._text("destination.kind")
        kind = _KINDS.get(text.lower())
        if kind is None:
            close = get_close_matches(text.lower(), _KINDS, n=1)
            hint = f"the nearest is {close[0]}" if close else ""
            self._bad("destination.kind", f"one of {', '.join(_KINDS)}", hint)
            return None
        name = self._judged("destination.name", checks.name_expected)
        account_check, bank_check = _shapes(kind)
        account = self._judged("destination.account_number", account_check)
        bank = self._text("destination.bank_code")
        if bank or kind != Destination.IBAN:
            self._judged("destination.bank_code", bank_check)
        country = self._country(kind, account=account, bank=bank)
        account_type = self._text("destination.account_type")
        if kind == Destination.US_ACCOUNT:
            account_type = account_type or "checking"
        if (expected := checks.account_type_expected(account_type)) is not None:
            self._bad("destination.account_type", expected)
        return Target(kind, country, bank, account, name, account_type)

    def _country(self, kind: Destination.Kind, *, account: str, bank: str) -> str:
        """Return the country that the account itself names; a stated one must agree."""
        stated = self._text("destination.country")
        own = _COUNTRIES.get(kind) or (
            account[:2] if kind == Destination.IBAN else bank[4:6]
        )
        if stated and stated != own:
            self._bad(
                "destination.country", f"{own}, the country of the account, or nothing"
            )
        return own

    def _judged_metadata(self) -> Iterator[tuple[str, str]]:
        for key, column, _ in self._metadata:
            text = self._judged(column, checks.metadata_value_expected)
            if text:
                yield key, text

    def _rail(self, currency: str, target: Target) -> str | None:
        """Return the rail, or None after a finding."""
        stated = self._text("rail")
        if stated in ("", AUTO):
            stated = rails.choose(currency, target, service="", instrument="")
        elif stated not in self._options.rails:
            known = self._options.rails
            close = get_close_matches(stated, known, n=1)
            hint = f"the nearest is {close[0]}" if close else ""
            self._bad("rail", f"{AUTO} or one of {', '.join(known)}", hint)
            return None
        rail = self._options.rail or stated
        expected = rails.unsuitable(self._options.rails, rail, currency, target.kind)
        if expected is None:
            return rail
        kind = Destination.Kind.Name(target.kind).lower()
        self._findings.add(
            self._line, "rail", expected=expected, found=f"{currency} to {kind}"
        )
        return None

    def _judged(self, column: str, expected_of: Callable[[str], str | None]) -> str:
        """Return the text of a column in NFC, after a finding if it is not right."""
        text = checks.normal(self._text(column))
        if (expected := expected_of(text)) is not None:
            self._bad(column, expected)
        return text

    def _bad(self, column: str, expected: str, hint: str = "") -> None:
        self._findings.add(
            self._line,
            column,
            expected=expected,
            found=shown(self._text(column)),
            hint=hint,
        )


def _shapes(kind: Destination.Kind) -> tuple[checks.Check, checks.Check]:
    """Return the checks of account number and bank code."""
    match kind:
        case Destination.IBAN:
            return checks.iban_expected, checks.bic_expected
        case Destination.US_ACCOUNT:
            return checks.account_expected, checks.routing_expected
        case Destination.UK_ACCOUNT:
            return checks.uk_account_expected, checks.sort_code_expected
    return checks.account_expected, checks.bic_expected


def _midnight_ms(day: date) -> int:
    """Return the start of a day of UTC in milliseconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
