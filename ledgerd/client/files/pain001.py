"""Reads ISO 20022 customer credit transfer initiations, pain.001.001.03 and pain.001.001.09.

The parser is the standard library's expat, fed in pieces, and it never leaves the file: a document
type declaration is refused where it begins, so there are no entities to expand and nothing to
fetch. Depth, sizes of tags and texts, and the number of transactions are bounded.

Nothing here validates against a schema. What decides about money is judged field by field, an
element misspelt in those parts is refused, and the counts and sums that the file states of itself
are compared with what was read. Places are XPaths with the numbers of the payment information and
the transaction.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import Final
from xml.parsers import expat

from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client.files import amounts, checks, identity, rails
from ledgerd.client.files import pain001_tree as form
from ledgerd.client.files.currencies import EXPONENTS
from ledgerd.client.files.findings import Findings, Stop, shown
from ledgerd.client.files.options import ReadOptions
from ledgerd.client.files.orders import FileOrder, Kind, PayoutFile, Target
from ledgerd.client.files.source import Source

DEPTH_MAX: Final = 32  # the deepest pain.001 has 14
TAG_BYTES_MAX: Final = 256 * 1024  # one tag or other piece of markup
TEXT_CHARACTERS_MAX: Final = 2_000  # one field; the longest of the standard has 500
_ID_CHARACTERS_MAX: Final = 35
# What expat knows by itself; another encoding it learns byte by byte.
_ENCODINGS: Final = frozenset({"UTF-8", "UTF-16", "US-ASCII", "ISO-8859-1"})
_BYTES: Final = bytes(range(256))
_METHODS: Final = frozenset({"TRF", "TRA"})
_ACCOUNT_TYPES: Final = {"CACC": "checking", "SVGS": "savings"}
_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_EXECUTION_DATE: Final = "ReqdExctnDt/Dt", "ReqdExctnDt/DtTm", "ReqdExctnDt"
_COUNT: Final = re.compile(r"[0-9]{1,15}")
_IDS_DERIVE: Final = "the payout ids derive from it, and sort by it"
_ROOT: Final = f"/{form.ROOT}"
_MESSAGE: Final = f"{_ROOT}/{form.MESSAGE}"
_HEADER: Final = f"{_MESSAGE}/{form.HEADER}"
_PAYMENT: Final = f"{_MESSAGE}/{form.PAYMENT}"
_TRANSACTION: Final = f"{_PAYMENT}/{form.TRANSACTION}"


def read(source: Source, findings: Findings, options: ReadOptions) -> PayoutFile | None:
    """Return the payouts of the file, or None when there are findings.

    Errors: `Stop` when nothing more can be read; OSError.
    """
    reader = _Reader(findings, options)
    _Parser(reader, findings).run(source.chunks())
    return reader.finish()


class _Part:
    """Fields of the header, of one payment information or of one transaction."""

    __slots__ = ("fields", "line", "lines", "path")

    def __init__(self, path: str, line: int) -> None:
        self.path = path  # with numbers
        self.line = line
        self.fields: dict[str, str] = {}
        self.lines: dict[str, int] = {}

    def get(self, key: str) -> str:
        """Return the text of a field, empty if it is not there."""
        return self.fields.get(key, "")

    def first(self, *keys: str) -> tuple[str, str]:
        """Return key and text of the first field that is there; else the first key and ""."""
        for key in keys:
            if key in self.fields:
                return key, self.fields[key]
        return keys[0], ""

    def line_of(self, key: str) -> int:
        """Return the line of a field, or that of the part where the field is missing."""
        return self.lines.get(key, self.line)


class _Parser:
    """Walks the document along the tree and hands over parts, fields and their lines."""

    def __init__(self, reader: "_Reader", findings: Findings) -> None:
        self._reader = reader
        self._findings = findings
        self._tree = form.tree()
        self._stack: list[form.Node] = []
        self._passed_over = 0  # depth inside an element that is not read
        self._names: dict[str, str] = {}
        self._namespace = ""
        self._text: list[str] | None = None
        self._text_length = 0
        self._text_line = 0
        self._currency: str | None = None
        parser = self._parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity

    def run(self, chunks: Iterator[bytes]) -> None:
        """Parse the whole document. Errors: `Stop`, after a finding."""
        fed_bytes = 0
        try:
            for chunk in chunks:
                self._parser.Parse(chunk, False)
                fed_bytes += len(chunk)
                # What expat holds back is markup without an end yet; each further piece makes it
                # look at all of that again.
                if fed_bytes - self._parser.CurrentByteIndex > TAG_BYTES_MAX:
                    raise self._findings.stop(
                        self._parser.CurrentLineNumber,
                        self._here(),
                        expected=f"tags of at most {TAG_BYTES_MAX} bytes",
                        found="a longer one",
                    )
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise self._malformed(error) from error

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        """Refuse an encoding that the parser would not know what to do with."""
        if encoding is None or encoding.upper() in _ENCODINGS:
            return
        try:
            is_known = len(_BYTES.decode(encoding, "replace")) == len(_BYTES)
        except (LookupError, ValueError):
            is_known = False
        if not is_known:
            raise self._findings.stop(
                self._parser.CurrentLineNumber,
                "encoding",
                expected="UTF-8, UTF-16 or an encoding of one byte a character",
                found=shown(encoding),
                hint="save the file as UTF-8",
            )

    def _malformed(self, error: expat.ExpatError) -> Stop:
        reason = expat.ErrorString(error.code) or "an unknown error"
        ends = {"no element found", "unclosed token", "partial character"}
        cut = reason in ends or reason.startswith("unclosed")
        return self._findings.stop(
            error.lineno,
            self._here(),
            expected="well-formed XML",
            found=f"{reason} at column {error.offset + 1}",
            hint="the file is cut off" if cut else "",
        )

    def _here(self) -> str:
        path = self._stack[-1].path if self._stack else ""
        return self._reader.numbered(path) if path else ""

    def _doctype(self, *_: object) -> None:
        raise self._forbidden("a DOCTYPE")

    def _entity(self, *_: object) -> None:
        raise self._forbidden("an ENTITY")

    def _forbidden(self, found: str) -> Stop:
        return self._findings.stop(
            self._parser.CurrentLineNumber,
            "",
            expected="XML without a document type: payment files have none",
            found=found,
            hint="nothing was expanded or fetched",
        )

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        if self._passed_over:
            self._deeper()
            return
        name = self._names.get(full) or self._local(full)
        if not self._stack:
            self._push(self._tree, attributes)
            return
        parent = self._stack[-1]
        node = parent.children.get(name)
        if node is not None:
            self._push(node, attributes)
            return
        if parent.is_strict:
            self._unknown(parent, name)
        elif len(self._stack) > DEPTH_MAX:
            raise self._too_deep()
        self._passed_over = 1

    def _deeper(self) -> None:
        self._passed_over += 1
        if self._passed_over + len(self._stack) > DEPTH_MAX:
            raise self._too_deep()

    def _too_deep(self) -> Stop:
        return self._findings.stop(
            self._parser.CurrentLineNumber,
            self._here(),
            expected=f"elements nested at most {DEPTH_MAX} deep",
            found="deeper ones",
        )

    def _push(self, node: form.Node, attributes: dict[str, str]) -> None:
        self._stack.append(node)
        line = self._parser.CurrentLineNumber
        if node.is_leaf:
            self._text = []
            self._text_length = 0
            self._text_line = line
            self._currency = attributes.get("Ccy")
        else:
            self._text = None
            self._reader.opened(node.path, line)

    def _local(self, full: str) -> str:
        """Return the name without its namespace, which must be that of the document."""
        namespace, _, name = full.rpartition(" ")
        line = self._parser.CurrentLineNumber
        if not self._stack:
            self._root(namespace, name, line)
            self._namespace = namespace
        elif namespace != self._namespace:
            # A name no tree has, so that it is refused or passed over like any unknown element.
            return f"{{{namespace}}}{name}"
        self._names[full] = name
        return name

    def _root(self, namespace: str, name: str, line: int) -> None:
        version = form.VERSIONS.get(namespace)
        known = ", ".join(form.VERSIONS.values())
        if version is None:
            found = namespace.rpartition(":")[2] if namespace else "no namespace"
            raise self._findings.stop(
                line,
                f"/{name}"[:80],
                expected=f"one of {known}",
                found=shown(found) if namespace else found,
                hint="other message versions are not read",
            )
        if name != form.ROOT:
            raise self._findings.stop(
                line, "", expected=f"the root element {form.ROOT}", found=shown(name)
            )
        self._reader.version = version

    def _unknown(self, parent: form.Node, name: str) -> None:
        close = get_close_matches(name, parent.children, n=1)
        self._findings.add(
            self._parser.CurrentLineNumber,
            self._reader.numbered(parent.path),
            expected="an element of the message",
            found=shown(name),
            hint=f"the nearest is {close[0]}" if close else "",
        )

    def _characters(self, text: str) -> None:
        if self._text is None or self._passed_over:
            return
        self._text_length += len(text)
        if self._text_length > TEXT_CHARACTERS_MAX:
            raise self._findings.stop(
                self._text_line,
                self._here(),
                expected=f"at most {TEXT_CHARACTERS_MAX} characters",
                found="more",
            )
        self._text.append(text)

    def _end(self, _: str) -> None:
        if self._passed_over:
            self._passed_over -= 1
            return
        node = self._stack.pop()
        if node.is_leaf:
            if self._text is not None:
                text = "".join(self._text).strip(" \t\r\n")
                self._reader.field(node, text, self._text_line, self._currency)
                self._text = None
        else:
            self._reader.closed(node.path)


class _Reader:
    """Judges the parts in the order they come; holds counts and sums to compare."""

    def __init__(self, findings: Findings, options: ReadOptions) -> None:
        self._findings = findings
        self._options = options
        self.version = ""
        self._header: _Part | None = None
        self._payment: _Part | None = None
        self._transaction: _Part | None = None
        self._part: _Part | None = None  # the innermost open one
        self._payments = 0
        self._in_payment = 0  # transactions
        self._count = 0
        self._sum = 0  # units of 10**-17, over all currencies
        self._payment_sum = 0
        self._is_sum_known = True
        self._is_payment_sum_known = True
        self._created_ms = 0
        self._party = b""
        self._seen: dict[tuple[str, str], int] = {}
        self._orders: list[FileOrder] = []
        self._notes: dict[str, int] = {}

    # What the parser says ----------------------------------------------------------------

    def numbered(self, path: str) -> str:
        """Return the path with the numbers of the open payment information and transaction."""
        if not path.startswith(_PAYMENT):
            return path
        rest = path[len(_PAYMENT) :]
        place = f"{_PAYMENT}[{self._payments}]"
        inner = f"/{form.TRANSACTION}"
        if rest.startswith(inner):
            return f"{place}{inner}[{self._in_payment}]{rest[len(inner) :]}"
        return place + rest

    def opened(self, path: str, line: int) -> None:
        """Take note of an element that is not a field."""
        if path == _TRANSACTION:
            if self._count >= self._options.entries_max:
                raise self._findings.stop(
                    line,
                    self.numbered(_PAYMENT),
                    expected=f"at most {self._options.entries_max} transactions",
                    found="more",
                    hint="split the file",
                )
            self._count += 1
            self._in_payment += 1
            self._transaction = self._part = _Part(self.numbered(path), line)
        elif path == _PAYMENT:
            if self._header is None:
                raise self._findings.stop(
                    line, path, expected="GrpHdr before it", found="none"
                )
            self._payments += 1
            self._in_payment = 0
            self._payment_sum = 0
            self._is_payment_sum_known = True
            self._payment = self._part = _Part(self.numbered(path), line)
        elif path == _HEADER:
            if self._header is not None:
                self._add(line, path, expected="one group header", found="another")
            self._header = self._part = _Part(path, line)
        elif self._transaction is not None:
            self._take_note(path, line)

    def _take_note(self, path: str, line: int) -> None:
        name = path.removeprefix(_TRANSACTION + "/")
        if name in form.NOT_CARRIED:
            note = f"{name} is not carried into the payout"
            self._notes[note] = self._notes.get(note, 0) + 1
        elif name == "ChqInstr":
            self._add(
                line,
                self.numbered(path),
                expected="a transfer to an account",
                found="an instruction for a cheque",
            )

    def field(
        self, node: form.Node, text: str, line: int, currency: str | None
    ) -> None:
        """Keep the text of a field."""
        part = self._part
        assert part is not None, node.path
        key = node.key
        if part is self._payment and self._in_payment:
            self._add(
                line,
                self.numbered(node.path),
                expected="this before the transactions",
                found="it after them",
            )
        if key in part.fields:
            if node.may_repeat:
                part.fields[key] = f"{part.fields[key]} {text}".strip()
                return
            self._add(
                line, self.numbered(node.path), expected="it once", found="it again"
            )
        part.fields[key] = text
        part.lines[key] = line
        if currency is not None:
            part.fields[key + "/@Ccy"] = currency
            part.lines[key + "/@Ccy"] = line

    def closed(self, path: str) -> None:
        """Judge a part that is complete."""
        if path == _TRANSACTION:
            assert self._transaction is not None
            assert self._payment is not None
            self._judge_transaction(self._transaction, self._payment)
            self._transaction = None
            self._part = self._payment
        elif path == _PAYMENT:
            assert self._payment is not None
            self._judge_payment(self._payment)
            self._payment = self._part = None
        elif path == _HEADER:
            assert self._header is not None
            self._judge_header(self._header)
            self._part = None

    def finish(self) -> PayoutFile | None:
        """Return the file if it is right, else None; then there are findings."""
        header = self._header
        if header is None:
            self._add(0, _HEADER, expected="a group header", found="none")
        else:
            self._compare_count(header, self._count)
            if self._is_sum_known:
                self._compare_sum(header, self._sum)
        if self._findings.count == 0 and not self._orders:
            self._add(0, _MESSAGE, expected="transactions to pay", found="none")
        if self._findings.count or header is None:
            return None
        return PayoutFile(
            name=self._options.name,
            kind=Kind.PAIN001,
            form=self.version,
            identity=f"MsgId {header.get('MsgId')} created {header.get('CreDtTm')}",
            orders=tuple(self._orders),
            notes=tuple(f"{text} ({n} x)" for text, n in self._notes.items()),
        )

    # Judgement ---------------------------------------------------------------------------

    def _judge_header(self, part: _Part) -> None:
        self._judge_id(part, "MsgId")
        self._created_ms = self._created(part)
        if not _COUNT.fullmatch(part.get("NbOfTxs")):
            self._bad(part, "NbOfTxs", "the number of transactions")
        parties = [
            f"{key}={text}"
            for key, text in sorted(part.fields.items())
            if key.startswith("InitgPty/")
        ]
        self._party = "\n".join(parties).encode()

    def _created(self, part: _Part) -> int:
        """Return CreDtTm as milliseconds of UTC; read as UTC if it names no zone."""
        text = part.get("CreDtTm")
        try:
            if _DATE_TIME.fullmatch(text) is None:
                raise ValueError
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is not None:
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            since = moment - datetime(1970, 1, 1, tzinfo=UTC)
            if since.days >= 0:
                created_ms = since // timedelta(milliseconds=1)
                if (expected := self._options.ahead(created_ms)) is not None:
                    self._bad(part, "CreDtTm", expected, hint=_IDS_DERIVE)
                return created_ms
        self._bad(
            part,
            "CreDtTm",
            "a date and time from 1970 on, such as 2026-05-08T15:05:00Z",
            hint=_IDS_DERIVE,
        )
        return 0

    def _judge_payment(self, part: _Part) -> None:
        if not self._in_payment:
            self._add(
                part.line, part.path, expected="at least one CdtTrfTxInf", found="none"
            )
            self._judge_payment_head(part)
        if "NbOfTxs" in part.fields:
            self._compare_count(part, self._in_payment)
        if self._is_payment_sum_known:
            self._compare_sum(part, self._payment_sum)

    def _judge_payment_head(self, part: _Part) -> None:
        """Judge what a payment information says before its transactions."""
        self._judge_id(part, "PmtInfId")
        if part.get("PmtMtd") not in _METHODS:
            hint = "cheques are not paid" if part.get("PmtMtd") == "CHK" else ""
            self._bad(part, "PmtMtd", "TRF (credit transfer)", hint=hint)
        key, day = part.first(*_EXECUTION_DATE)
        if day and not _is_day(day):
            self._bad(part, key, "a day, such as 2026-05-08, with or without a time")

    def _judge_transaction(self, part: _Part, payment: _Part) -> None:
        if self._in_payment == 1:
            self._judge_payment_head(payment)
        before = self._findings.count
        self._judge_id(part, "PmtId/EndToEndId")
        amount = self._amount(part)
        currency = part.get("Amt/InstdAmt/@Ccy")
        target = self._target(part, currency)
        reference = self._reference(part)
        metadata = self._metadata(part, payment)
        if self._findings.count != before or target is None:
            return
        rail = self._rail(part, payment, currency, target)
        if rail is None:
            return
        ids = payment.get("PmtInfId"), part.get("PmtId/EndToEndId")
        position = self._seen.get(ids, 0)
        self._seen[ids] = position + 1
        header = self._header
        payout_id = identity.payout_id(
            self._created_ms,
            self._party,
            header.get("MsgId").encode() if header is not None else b"",
            ids[0].encode(),
            ids[1].encode(),
            str(position).encode(),
        )
        self._orders.append(
            FileOrder(
                payout_id,
                amount,
                currency,
                rail,
                target,
                reference,
                metadata,
                part.line,
                part.path,
            )
        )

    def _judge_id(self, part: _Part, key: str) -> None:
        text = part.get(key)
        if not 1 <= len(text) <= _ID_CHARACTERS_MAX or not text.isprintable():
            self._bad(
                part,
                key,
                f"1 to {_ID_CHARACTERS_MAX} characters",
                hint="the payout ids derive from it",
            )

    def _amount(self, part: _Part) -> int:
        """Return minor units and add them to the sums; 0 with a finding if there are none."""
        key = "Amt/InstdAmt"
        currency = part.get(f"{key}/@Ccy")
        if "Amt/EqvtAmt/Amt" in part.fields:
            self._bad(
                part,
                "Amt/EqvtAmt/Amt",
                "Amt/InstdAmt",
                hint="payouts in another currency than the account's are not made",
            )
        elif key not in part.fields:
            self._bad(part, key, "an amount")
        elif currency not in EXPONENTS:
            self._bad(part, f"{key}/@Ccy", "a currency of ISO 4217 with minor units")
        else:
            try:
                units = amounts.minor_units(part.get(key), currency)
            except amounts.AmountError as error:
                self._bad(part, key, error.expected, hint=error.hint)
            else:
                value = amounts.scaled(units, currency)
                self._sum += value
                self._payment_sum += value
                return units
        self._is_sum_known = self._is_payment_sum_known = False
        return 0

    def _target(self, part: _Part, currency: str) -> Target | None:
        """Return where the money goes, or None after a finding."""
        self._check(part, "Cdtr/Nm", checks.name_expected)
        name = checks.normal(part.get("Cdtr/Nm"))
        bic_key, bic = part.first("CdtrAgt/FinInstnId/BICFI", "CdtrAgt/FinInstnId/BIC")
        if bic:
            self._check(part, bic_key, checks.bic_expected)
        code = part.get("CdtrAcct/Tp/Cd")
        kind = _ACCOUNT_TYPES.get(code, code.lower())
        if checks.account_type_expected(kind) is not None:
            self._bad(part, "CdtrAcct/Tp/Cd", "a code of letters, such as CACC or SVGS")
        iban = part.get("CdtrAcct/Id/IBAN")
        if iban:
            if not self._check(part, "CdtrAcct/Id/IBAN", checks.iban_expected):
                return None
            return Target(Destination.IBAN, iban[:2], bic, iban, name, kind)
        key = "CdtrAcct/Id/Othr/Id"
        number = part.get(key)
        if not number:
            self._bad(part, "CdtrAcct/Id", "an IBAN or another account number")
            return None
        member_key = "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"
        member = part.get(member_key)
        system = part.get("CdtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd")
        if system == "USABA" and currency == "USD":
            right = self._check(part, member_key, checks.routing_expected)
            right &= self._check(part, key, checks.account_expected)
            us = Target(Destination.US_ACCOUNT, "US", member, number, name, kind)
            return us if right else None
        if system == "GBDSC" and currency == "GBP":
            right = self._check(part, member_key, checks.sort_code_expected)
            right &= self._check(part, key, checks.uk_account_expected)
            uk = Target(Destination.UK_ACCOUNT, "GB", member, number, name, kind)
            return uk if right else None
        if bic:
            if not self._check(part, key, checks.account_expected):
                return None
            return Target(Destination.BIC_ACCOUNT, bic[4:6], bic, number, name, kind)
        self._bad(
            part,
            "CdtrAgt/FinInstnId",
            "a BIC, or for USD a USABA and for GBP a GBDSC member number",
            found=shown(f"{system} {member}".strip()),
            hint="the account number alone does not name a bank",
        )
        return None

    def _reference(self, part: _Part) -> str:
        key, text = part.first("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref")
        text = checks.normal(text)
        if (expected := checks.reference_expected(text)) is not None:
            self._bad(
                part, key, expected, hint="a payout carries one text to the payee"
            )
        return text

    def _metadata(self, part: _Part, payment: _Part) -> tuple[tuple[str, str], ...]:
        header = self._header
        assert header is not None
        _, day = payment.first(*_EXECUTION_DATE)
        if day[:10] > header.get("CreDtTm")[:10]:
            note = "the requested execution date is kept and not waited for"
            self._notes[note] = self._notes.get(note, 0) + 1
        _, purpose = part.first("Purp/Cd", "Purp/Prtry")
        category = self._typed(part, payment, "CtgyPurp")
        values = {
            "pain001.category_purpose": category,
            "pain001.end_to_end_id": part.get("PmtId/EndToEndId"),
            "pain001.execution_date": day,
            "pain001.instruction_id": part.get("PmtId/InstrId"),
            "pain001.message_id": header.get("MsgId"),
            "pain001.payment_id": payment.get("PmtInfId"),
            "pain001.purpose": purpose,
            "pain001.uetr": part.get("PmtId/UETR"),
        }
        kept = []
        for key, value in values.items():
            if not value:
                continue
            if (expected := checks.metadata_value_expected(value)) is not None:
                self._add(
                    part.line,
                    part.path,
                    expected=f"{expected} in {key}",
                    found="others",
                )
            kept.append((key, checks.normal(value)))
        return tuple(kept)

    def _typed(self, part: _Part, payment: _Part, name: str) -> str:
        """Return a code of the payment type, of the transaction before that of its payment."""
        keys = f"PmtTpInf/{name}/Cd", f"PmtTpInf/{name}/Prtry"
        return part.first(*keys)[1] or payment.first(*keys)[1]

    def _rail(
        self, part: _Part, payment: _Part, currency: str, target: Target
    ) -> str | None:
        """Return the rail, or None after a finding."""
        rail = self._options.rail or rails.choose(
            currency,
            target,
            service=self._typed(part, payment, "SvcLvl").partition(" ")[0],
            instrument=self._typed(part, payment, "LclInstrm"),
        )
        expected = rails.unsuitable(self._options.rails, rail, currency, target.kind)
        if expected is None:
            return rail
        kind = Destination.Kind.Name(target.kind)
        self._add(
            part.line, part.path, expected=expected, found=f"{currency} to {kind}"
        )
        return None

    def _compare_count(self, part: _Part, counted: int) -> None:
        text = part.get("NbOfTxs")
        if _COUNT.fullmatch(text) and int(text) != counted:
            self._bad(
                part,
                "NbOfTxs",
                f"{counted}, counted from the transactions",
                hint="the file was changed or cut after it was made",
            )

    def _compare_sum(self, part: _Part, counted: int) -> None:
        if "CtrlSum" not in part.fields:
            return
        try:
            is_equal = amounts.scaled_sum(part.get("CtrlSum")) == counted
        except amounts.AmountError as error:
            self._bad(part, "CtrlSum", error.expected, hint=error.hint)
            return
        if not is_equal:
            self._bad(
                part,
                "CtrlSum",
                f"{amounts.scaled_text(counted)}, added from the amounts",
                hint="the file was changed or cut after it was made",
            )

    # Findings ----------------------------------------------------------------------------

    def _check(self, part: _Part, key: str, expected_of: checks.Check) -> bool:
        expected = expected_of(part.get(key))
        if expected is None:
            return True
        self._bad(part, key, expected)
        return False

    def _bad(
        self,
        part: _Part,
        key: str,
        expected: str,
        *,
        found: str | None = None,
        hint: str = "",
    ) -> None:
        told = shown(part.get(key)) if found is None else found
        place = f"{part.path}/{key}"
        self._add(part.line_of(key), place, expected=expected, found=told, hint=hint)

    def _add(
        self, line: int, where: str, *, expected: str, found: str, hint: str = ""
    ) -> None:
        self._findings.add(line, where, expected=expected, found=found, hint=hint)


def _is_day(text: str) -> bool:
    """Return whether there is such a day, and such a time where one is named."""
    try:
        if _DATE_TIME.fullmatch(text) is not None:
            return bool(datetime.fromisoformat(text))
        return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text[:10]))
    except ValueError:
        return False
