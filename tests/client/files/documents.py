"""Payout files made for the tests, right in every field until a test breaks one."""

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.make_nacha import records
from ledgerd.client.files import (
    FileRefused,
    Finding,
    Kind,
    PayoutFile,
    ReadOptions,
    read,
)

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "nacha"
EXAMPLES = Path(__file__).parents[3] / "examples" / "files"
CREATED = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)

TRANSACTION = """      <CdtTrfTxInf>
        <PmtId><EndToEndId>{end_to_end}</EndToEndId></PmtId>
        <Amt><InstdAmt Ccy="{currency}">{amount}</InstdAmt></Amt>
        <Cdtr><Nm>{name}</Nm></Cdtr>
        <CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct>
        <RmtInf><Ustrd>{text}</Ustrd></RmtInf>
      </CdtTrfTxInf>
"""
DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>{message}</MsgId>
      <CreDtTm>{created}</CreDtTm>
      <NbOfTxs>{count}</NbOfTxs>
      <CtrlSum>{total}</CtrlSum>
      <InitgPty><Nm>Beispiel Handel GmbH</Nm></InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>{payment}</PmtInfId>
      <PmtMtd>TRF</PmtMtd>
      <NbOfTxs>{count}</NbOfTxs>
      <CtrlSum>{total}</CtrlSum>
      <ReqdExctnDt><Dt>2026-05-08</Dt></ReqdExctnDt>
{transactions}    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
"""
IBANS = ("DE89370400440532013000", "NL91ABNA0417164300", "FR1420041010050500013M02606")


def transaction(number: int = 0, **changed: str) -> str:
    """Return one transaction of 10.00 euros and as many cents as its number."""
    values = {
        "end_to_end": f"E2E-{number}",
        "currency": "EUR",
        "amount": f"10.{number:02}",
        "name": f"Payee {number}",
        "iban": IBANS[number % len(IBANS)],
        "text": f"Invoice {number}",
    }
    return TRANSACTION.format(**{**values, **changed})


def pain001(transactions: Iterable[str] | None = None, **changed: str) -> str:
    """Return a pain.001.001.09 document; of two transactions unless given others."""
    inner = list(transactions or (transaction(0), transaction(1)))
    values = {
        "version": "pain.001.001.09",
        "message": "MSG-1",
        "created": "2026-05-08T15:05:00",
        "payment": "PMT-1",
        "count": str(len(inner)),
        "total": "20.01",
    }
    return DOCUMENT.format(**{**values, **changed}, transactions="".join(inner))


def nacha(entries: int = 3) -> list[str]:
    """Return the records of a right file."""
    return list(records(entries, CREATED))


def joined(lines: Iterable[str]) -> bytes:
    """Return lines as a file."""
    return "".join(line + "\n" for line in lines).encode()


def changed(lines: list[str], line: int, column: int, text: str) -> list[str]:
    """Return records with `text` at a line and column, both counted from 1."""
    record = lines[line - 1]
    at = column - 1
    lines = list(lines)
    lines[line - 1] = record[:at] + text + record[at + len(text) :]
    return lines


def opened(
    tmp_path: Path,
    content: str | bytes,
    *,
    name: str = "payouts",
    kind: Kind | None = None,
    options: ReadOptions | None = None,
) -> PayoutFile:
    """Read content as a file."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path, kind=kind, options=options)


def refused(
    tmp_path: Path,
    content: str | bytes,
    *,
    kind: Kind | None = None,
    options: ReadOptions | None = None,
) -> tuple[Finding, ...]:
    """Return the findings of a file that must be refused."""
    with pytest.raises(FileRefused) as caught:
        opened(tmp_path, content, kind=kind, options=options)
    assert 0 < len(caught.value.findings) <= caught.value.count
    return caught.value.findings


def texts(findings: Iterable[Finding]) -> str:
    """Return findings as people see them."""
    out = io.StringIO()
    for finding in findings:
        print(finding.text(), file=out)
    return out.getvalue()
