"""Reads NACHA credit files: PPD and CCD batches of credits to checking and savings accounts.

A file is records of 94 characters in blocks of ten: a header (1), batches of a header (5), entries
(6) with at most one addenda (7) each and a control (8), a control (9), and records of nines that
fill the last block. Controls repeat counts, sums and a hash of what they close; all are compared,
as are check digits, batch numbers, trace numbers and addenda numbers.

Entries that are not credits are refused with their line: ledgerd pays out, it does not collect, and
a batch half obeyed is worse than none. Prenotifications (codes 23 and 33, amount zero) move no
money; they are counted in the controls and left out of the payouts, and the notes say so.

Source: the layouts of the Nacha Operating Rules, appendix "ACH file exchange specifications".
"""

import codecs
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client.files import checks, identity, rails
from ledgerd.client.files.findings import Findings, shown
from ledgerd.client.files.options import ReadOptions
from ledgerd.client.files.orders import FileOrder, Kind, PayoutFile, Target
from ledgerd.client.files.source import UTF16_MARKS, Source

_RECORD_CHARACTERS: Final = 94
_RECORDS_A_BLOCK: Final = 10
_FILLER: Final = "9" * _RECORD_CHARACTERS
_HASH_MODULUS: Final = 10**10
_CLASSES: Final = frozenset({"PPD", "CCD"})
_CREDITS: Final = {"22": "checking", "32": "savings"}
_PRENOTES: Final = frozenset({"23", "33"})
_SERVICE_CLASSES: Final = {"200": "mixed", "220": "credits", "225": "debits"}
_BLANK: Final = " "
_IDS_DERIVE: Final = "the payout ids derive from it, and sort by it"
_CURRENCY: Final = "USD"

_OTHER_CODES: Final = {
    "21": "a return of a credit",
    "31": "a return of a credit",
    "26": "a return of a debit",
    "36": "a return of a debit",
    "24": "a credit of zero with remittance data",
    "34": "a credit of zero with remittance data",
    "27": "a debit",
    "37": "a debit",
    "28": "a prenotification of a debit",
    "38": "a prenotification of a debit",
    "42": "a credit to a general ledger account",
    "47": "a debit of a general ledger account",
    "52": "a credit to a loan account",
    "55": "a reversal of a loan credit",
}


def read(source: Source, findings: Findings, options: ReadOptions) -> PayoutFile | None:
    """Return the payouts of the file, or None when there are findings.

    Errors: `Stop` when nothing more can be read; OSError.
    """
    reader = _Reader(findings, options)
    for number, record in enumerate(_records(source, findings), start=1):
        reader.take(number, record)
    return reader.finish()


def _records(source: Source, findings: Findings) -> Iterator[str]:
    """Yield the records of the file: its lines, or pieces of 94 where it has no line ends.

    A record of another length is a finding and comes padded, so that the rest can be judged.
    """
    number = 0
    for line in source.lines():
        raw = _without_mark(line, findings) if number == 0 else line
        pieces: tuple[bytes, ...] = (raw,)
        if number == 0 and len(raw) > _RECORD_CHARACTERS:
            count = len(raw) // _RECORD_CHARACTERS
            if count * _RECORD_CHARACTERS == len(raw):
                starts = range(0, len(raw), _RECORD_CHARACTERS)
                pieces = tuple(raw[at : at + _RECORD_CHARACTERS] for at in starts)
        for piece in pieces:
            number += 1
            yield _record(piece, number, findings)


def _without_mark(raw: bytes, findings: Findings) -> bytes:
    """Return the first line without a byte order mark, which is a finding: it moves the columns.

    Errors: `Stop` if the mark is that of UTF-16, of which no record can be judged.
    """
    what = {
        "expected": "101 in the first columns: NACHA is ASCII, and columns count",
        "hint": "save the file as ASCII, or as UTF-8 without a byte order mark",
    }
    if raw.startswith(UTF16_MARKS):
        raise findings.stop(1, "column 1", found="a byte order mark of UTF-16", **what)
    if raw.startswith(codecs.BOM_UTF8):
        findings.add(1, "column 1", found="a byte order mark of UTF-8", **what)
    return raw.removeprefix(codecs.BOM_UTF8)


def _record(raw: bytes, number: int, findings: Findings) -> str:
    if len(raw) != _RECORD_CHARACTERS:
        findings.add(
            number,
            "record",
            expected=f"{_RECORD_CHARACTERS} characters",
            found=str(len(raw)),
            hint="the file may be cut off, or blanks at line ends were stripped",
        )
        raw = raw[:_RECORD_CHARACTERS].ljust(_RECORD_CHARACTERS)
    if not raw.isascii() or not (text := raw.decode()).isprintable():
        bad = next(at for at, byte in enumerate(raw) if not 32 <= byte < 127)
        findings.add(
            number,
            f"column {bad + 1}",
            expected="printable ASCII",
            found=shown(raw[bad : bad + 1]),
        )
        text = "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in raw)
    return text


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


class _Sums:
    """What a control record repeats: entries and addenda, hash, debits and credits in cents."""

    __slots__ = ("count", "credit", "debit", "hash")

    def __init__(self) -> None:
        self.count = 0
        self.hash = 0
        self.debit = 0
        self.credit = 0

    def add(self, other: "_Sums") -> None:
        self.count += other.count
        self.hash += other.hash
        self.debit += other.debit
        self.credit += other.credit


class _Batch:
    """The batch that is open, from its header."""

    __slots__ = (
        "addenda_due",
        "base",
        "company",
        "company_id",
        "description",
        "effective",
        "is_entry_judged",
        "is_judged",
        "line",
        "number",
        "odfi",
        "sec",
        "service",
        "sums",
        "trace",
    )

    def __init__(self, line: int, record: str) -> None:
        self.line = line
        self.service = record[1:4]
        self.company = record[4:20].strip()
        self.company_id = record[40:50]
        self.sec = record[50:53]
        self.description = record[53:63].strip()
        self.effective = record[69:75].strip()
        self.odfi = record[79:87]
        self.number = record[87:94]
        # Entries of other classes have other layouts: their fields are not judged.
        self.is_judged = self.sec in _CLASSES
        self.is_entry_judged = False
        self.sums = _Sums()
        self.trace = ""
        self.addenda_due = False
        self.base: tuple[tuple[str, str], ...] = ()


class _Reader:
    """Takes the records one after the other; holds what the next one is compared with."""

    def __init__(self, findings: Findings, options: ReadOptions) -> None:
        self._findings = findings
        self._options = options
        self._rail = options.rail or rails.US_ACH
        self._records = 0
        self._fillers = 0
        self._batch: _Batch | None = None
        self._batches = 0
        self._batch_number = 0
        self._sums = _Sums()
        self._has_control = False
        self._blocks: tuple[int, str] | None = None  # line and text of the block count
        self._created_ms = 0
        self._origin = b""
        self._stamp = b""
        self._modifier = b""
        self._identity = ""
        self._orders: list[FileOrder] = []
        self._prenotes: list[int] = []
        self._reference: str | None = None

    # The records -------------------------------------------------------------------------

    def take(self, line: int, record: str) -> None:
        """Judge one record and keep what it says."""
        self._records = line
        kind = record[0]
        if line == 1:
            self._file_header(record)
        elif self._has_control:
            self._filler(line, record)
        elif kind == "6":
            self._entry(line, record)
        elif kind == "7":
            self._addenda(line, record)
        elif kind == "5":
            self._batch_header(line, record)
        elif kind == "8":
            self._batch_control(line, record)
        elif kind == "9":
            self._file_control(line, record)
        else:
            self._add(
                line,
                "record type",
                "5, 6, 7, 8 or 9",
                shown(kind),
            )

    def finish(self) -> PayoutFile | None:
        """Return the file if it is whole and right, else None; then there are findings."""
        if self._records == 0:
            self._add(0, "", "a NACHA file", "an empty file")
        elif not self._has_control:
            self._add(
                self._records,
                "",
                "a file control record (9) at the end",
                "the end of the file",
                "the file is cut off",
            )
        else:
            self._check_blocks()
        if self._findings.count == 0 and not self._orders:
            self._add(self._records, "", "credits to pay", "none")
        expected = rails.unsuitable(
            self._options.rails, self._rail, _CURRENCY, Destination.US_ACCOUNT
        )
        if expected is not None:
            self._add(0, "rail", expected, f"{_CURRENCY} to US_ACCOUNT")
        if self._findings.count:
            return None
        return PayoutFile(
            name=self._options.name,
            kind=Kind.NACHA,
            form="NACHA",
            identity=self._identity,
            orders=tuple(self._orders),
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        if not self._prenotes:
            return ()
        lines = ", ".join(map(str, self._prenotes[:5]))
        more = ", ..." if len(self._prenotes) > 5 else ""
        return (
            f"{len(self._prenotes)} prenotifications (codes 23, 33) carry no money and are "
            f"left out: lines {lines}{more}",
        )

    def _file_header(self, record: str) -> None:
        expected = {
            "record type and priority code": (record[0:3], "101"),
            "record size": (record[34:37], "094"),
            "blocking factor": (record[37:39], "10"),
            "format code": (record[39:40], "1"),
        }
        for field, (found, value) in expected.items():
            if found != value:
                self._add(1, field, value, shown(found))
        self._expect(
            1,
            "immediate destination",
            checks.routing_expected(record[3:13].strip()),
            record[3:13],
        )
        origin = record[13:23]
        if not origin.strip():
            self._add(1, "immediate origin", "a number of the sender", "nothing")
        modifier = record[33]
        if not (modifier.isdigit() or "A" <= modifier <= "Z"):
            self._add(1, "file id modifier", "A-Z or 0-9", shown(modifier))
        self._created_ms = self._created(record[23:29], record[29:33])
        self._origin = origin.encode()
        self._stamp = record[23:33].encode()
        self._modifier = modifier.encode()
        self._identity = (
            f"created 20{record[23:25]}-{record[25:27]}-{record[27:29]} "
            f"{record[29:33].strip()} by {origin.strip()}, modifier {modifier}"
        )

    def _created(self, day: str, time: str) -> int:
        """Return the creation time as milliseconds of UTC; 0 with a finding if it is none."""
        clock = time if time.strip() else "0000"  # the time is optional
        try:
            if not _is_digits(day + clock):
                raise ValueError
            moment = datetime.strptime("20" + day + clock, "%Y%m%d%H%M").replace(
                tzinfo=UTC
            )
        except ValueError:
            self._add(
                1,
                "file creation date and time",
                "YYMMDD and HHMM (or blanks)",
                shown(day + time),
                _IDS_DERIVE,
            )
            return 0
        created_ms = int(moment.timestamp()) * 1000
        if (expected := self._options.ahead(created_ms)) is not None:
            self._add(
                1,
                "file creation date and time",
                expected,
                shown(day + time),
                _IDS_DERIVE,
            )
        return created_ms

    def _batch_header(self, line: int, record: str) -> None:
        self._close_if_open(line)
        batch = self._batch = _Batch(line, record)
        self._batches += 1
        if not batch.is_judged:
            self._add(
                line,
                "standard entry class",
                "PPD or CCD",
                shown(batch.sec),
                "other classes are not paid from files",
            )
        if batch.service == "225":
            self._add(
                line,
                "service class",
                "220 (credits)",
                "225 (debits)",
                "ledgerd pays out and does not collect",
            )
        elif batch.service not in _SERVICE_CLASSES:
            self._add(line, "service class", "220 or 200", shown(batch.service))
        if not batch.company_id.strip():
            self._add(line, "company identification", "a number", "nothing")
        if record[78] != "1":
            self._add(
                line,
                "originator status code",
                "1",
                shown(record[78]),
            )
        if not _is_digits(batch.odfi):
            self._add(line, "originating bank", "8 digits", shown(batch.odfi))
        if batch.is_judged and batch.effective and not _is_day(batch.effective):
            self._add(line, "effective entry date", "YYMMDD", shown(batch.effective))
        self._batch_order(batch)
        facts = [("nacha.company", batch.company), ("nacha.effective", batch.effective)]
        batch.base = tuple((key, value) for key, value in facts if value)

    def _batch_order(self, batch: _Batch) -> None:
        if not _is_digits(batch.number):
            self._add(batch.line, "batch number", "7 digits", shown(batch.number))
            return
        number = int(batch.number)
        if number <= self._batch_number:
            self._add(
                batch.line,
                "batch number",
                f"more than {self._batch_number}, the one before",
                str(number),
                "batch numbers rise; the payout ids derive from them",
            )
        self._batch_number = number

    def _entry(self, line: int, record: str) -> None:
        """Judge an entry and keep its payout. The one path that runs a hundred thousand times."""
        batch = self._batch
        if batch is None:
            self._add(line, "record type", "a batch header (5) first", '"6"')
            return
        if batch.addenda_due:
            self._missing_addenda(line)
        sums = batch.sums
        sums.count += 1
        code = record[1:3]
        routing = record[3:12]
        amount_text = record[29:39]
        if not _is_digits(routing[:8]):
            self._add(line, "receiving bank", "8 digits", shown(routing[:8]))
        else:
            sums.hash += int(routing[:8])
        amount = int(amount_text) if _is_digits(amount_text) else -1
        if amount < 0:
            self._add(line, "amount", "10 digits, in cents", shown(amount_text))
        elif code[1] in "1234":
            sums.credit += amount
        else:
            sums.debit += amount
        if not batch.is_judged:
            return
        batch.is_entry_judged = code in _CREDITS or code in _PRENOTES
        batch.addenda_due = batch.is_entry_judged and record[78] == "1"
        trace = record[79:94]
        before = self._findings.count
        kind = _CREDITS.get(code)
        if kind is None:
            self._other_code(line, code, amount)
        if (expected := checks.routing_expected(routing)) is not None:
            self._add(line, "receiving bank", expected, shown(routing))
        if record[78] not in "01":
            self._add(line, "addenda indicator", "0 or 1", shown(record[78]))
        self._check_trace(line, batch, trace)
        batch.trace = trace
        account = record[12:29].strip()
        if (expected := checks.account_expected(account)) is not None:
            self._add(line, "account number", expected, shown(account))
        name = record[54:76].strip()
        if not name:
            self._add(line, "individual name", "the name of the payee", "nothing")
        if kind is None:
            return
        if amount == 0:
            self._add(line, "amount", "at least 1 cent", "0")
        if self._findings.count == before:
            if len(self._orders) >= self._options.entries_max:
                raise self._findings.stop(
                    line,
                    "",
                    expected=f"at most {self._options.entries_max} entries",
                    found="more",
                    hint="split the file",
                )
            individual = record[39:54].strip()
            facts = (*batch.base, ("nacha.trace", trace))
            self._orders.append(
                FileOrder(
                    identity.payout_id(
                        self._created_ms,
                        self._stamp,
                        self._origin,
                        self._modifier,
                        batch.number.encode(),
                        trace.encode(),
                    ),
                    amount,
                    _CURRENCY,
                    self._rail,
                    Target(Destination.US_ACCOUNT, "US", routing, account, name, kind),
                    batch.description,
                    (*facts, ("nacha.individual", individual)) if individual else facts,
                    line,
                    "",
                )
            )

    def _other_code(self, line: int, code: str, amount: int) -> None:
        if code in _PRENOTES:
            self._prenotes.append(line)
            if amount > 0:
                self._add(line, "amount", "0 in a prenotification", str(amount))
            return
        is_return = code in {"21", "31", "26", "36"}
        self._add(
            line,
            "transaction code",
            "a credit: 22 (checking) or 32 (savings)",
            f"{code} ({_OTHER_CODES.get(code, 'no credit')})",
            "returns are evidence about payouts, not payouts"
            if is_return
            else "ledgerd pays out and does not collect",
        )

    def _check_trace(self, line: int, batch: _Batch, trace: str) -> None:
        if not _is_digits(trace):
            self._add(line, "trace number", "15 digits", shown(trace))
        elif trace[:8] != batch.odfi:
            self._add(
                line, "trace number", f"{batch.odfi} in front, as in the batch", trace
            )
        elif trace <= batch.trace:
            self._add(
                line,
                "trace number",
                f"more than {batch.trace}, the one before",
                trace,
                "trace numbers rise in a batch; the payout ids derive from them",
            )

    def _addenda(self, line: int, record: str) -> None:
        batch = self._batch
        if batch is None:
            self._add(line, "record type", "a batch header (5) first", '"7"')
            return
        batch.sums.count += 1
        if not (batch.is_judged and batch.is_entry_judged):
            return
        if not batch.addenda_due:
            self._add(
                line,
                "record type",
                "no addenda: the entry announces none or had its one",
                '"7"',
            )
            return
        batch.addenda_due = False
        if record[1:3] != "05":
            self._add(line, "addenda type", "05", shown(record[1:3]))
        if record[83:87] != "0001":
            self._add(line, "addenda sequence", "0001", shown(record[83:87]))
        if record[87:94] != batch.trace[8:]:
            self._add(line, "entry sequence", batch.trace[8:], shown(record[87:94]))
        text = record[3:83].strip()
        order = self._orders[-1] if self._orders else None
        if text and order is not None and order.line == line - 1:
            self._orders[-1] = order._replace(reference=text)

    def _missing_addenda(self, line: int) -> None:
        batch = self._batch
        assert batch is not None
        batch.addenda_due = False
        self._add(
            line,
            "record type",
            "an addenda (7), which the entry before announces",
            "none",
        )

    def _batch_control(self, line: int, record: str) -> None:
        batch = self._batch
        if batch is None:
            self._add(line, "record type", "a batch header (5) first", '"8"')
            return
        if batch.addenda_due:
            self._missing_addenda(line)
        same = (
            ("service class", record[1:4], batch.service),
            ("company identification", record[44:54].strip(), batch.company_id.strip()),
            ("originating bank", record[79:87], batch.odfi),
            ("batch number", record[87:94], batch.number),
        )
        for field, found, value in same:
            if found != value:
                place = f"{value} as in the batch header at line {batch.line}"
                self._add(line, field, place, shown(found))
        sums = batch.sums
        self._control(line, "entry and addenda count", record[4:10], sums.count)
        self._control(line, "entry hash", record[10:20], sums.hash % _HASH_MODULUS)
        self._control(line, "total debits", record[20:32], sums.debit)
        self._control(line, "total credits", record[32:44], sums.credit)
        if sums.count == 0:
            self._add(line, "entry and addenda count", "at least one entry", "none")
        self._sums.add(sums)
        self._batch = None

    def _file_control(self, line: int, record: str) -> None:
        self._close_if_open(line)
        if record == _FILLER:
            self._add(
                line,
                "record type",
                "the file control record before the filler",
                "a record of nines",
            )
            return
        sums = self._sums
        self._has_control = True
        self._blocks = (line, record[7:13])
        self._control(line, "batch count", record[1:7], self._batches)
        self._control(line, "entry and addenda count", record[13:21], sums.count)
        self._control(line, "entry hash", record[21:31], sums.hash % _HASH_MODULUS)
        self._control(line, "total debits", record[31:43], sums.debit)
        self._control(line, "total credits", record[43:55], sums.credit)

    def _filler(self, line: int, record: str) -> None:
        if record != _FILLER:
            self._add(
                line,
                "",
                "only records of nines after the file control",
                shown(record.rstrip()),
                "one file, one control: split files that were joined",
            )

    def _check_blocks(self) -> None:
        assert self._blocks is not None
        line, text = self._blocks
        blocks, over = divmod(self._records, _RECORDS_A_BLOCK)
        if over:
            self._add(
                self._records,
                "",
                f"records in blocks of {_RECORDS_A_BLOCK}, filled with nines",
                f"{self._records} records",
                "the file may be cut off",
            )
        else:
            self._control(line, "block count", text, blocks)

    # Helpers -----------------------------------------------------------------------------

    def _close_if_open(self, line: int) -> None:
        if self._batch is not None:
            self._add(
                line,
                "record type",
                f"a batch control (8) for the batch of line {self._batch.line}",
                "the next part",
                "the file may be cut off",
            )
            self._sums.add(self._batch.sums)
            self._batch = None

    def _control(self, line: int, field: str, text: str, counted: int) -> None:
        if not _is_digits(text):
            self._add(line, field, f"{len(text)} digits", shown(text))
        elif int(text) != counted:
            self._add(
                line,
                field,
                f"{counted}, counted from the records",
                str(int(text)),
                "the file was changed or cut after it was made",
            )

    def _expect(self, line: int, field: str, expected: str | None, found: str) -> None:
        if expected is not None:
            self._add(line, field, expected, shown(found.strip()))

    def _add(
        self, line: int, field: str, expected: str, found: str, hint: str = ""
    ) -> None:
        self._findings.add(line, field, expected=expected, found=found, hint=hint)


def _is_day(text: str) -> bool:
    """Return whether it is YYMMDD; a digit less would still be read as a day, another one."""
    try:
        datetime.strptime("20" + text, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return len(text) == len("YYMMDD") and _is_digits(text)
