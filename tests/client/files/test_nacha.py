import gzip
from pathlib import Path

import pytest

from benchmarks.make_nacha import amount_cents
from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client.files import FileRefused, Kind, ReadOptions, Total, read
from tests.client.files.documents import (
    CREATED,
    VECTORS,
    changed,
    joined,
    nacha,
    opened,
    refused,
    texts,
)

# Where the first records of a file of three entries stand.
HEADER, BATCH, FIRST, SECOND, THIRD, CONTROL, FILE_CONTROL = range(1, 8)


def test_generated_file(tmp_path: Path) -> None:
    """Each credit becomes a payout with bank, account, name, amount and text."""
    file = opened(tmp_path, joined(nacha(12)))
    first, last = file.orders[0], file.orders[-2]

    assert file.kind is Kind.NACHA
    assert file.totals == (Total("USD", 12, sum(map(amount_cents, range(12)))),)
    assert first.target == (
        Destination.US_ACCOUNT,
        "US",
        "231380104",
        "10000000",
        "Ada Abel",
        "checking",
    )
    assert (first.rail, first.reference, first.line) == ("us_ach", "PAYROLL", 3)
    assert last.target.account_type == "savings"
    assert len({order.payout_id for order in file.orders}) == 12


def test_ids_stay(tmp_path: Path) -> None:
    """Reading again, packed or with other line ends, gives the same ids."""
    content = joined(nacha(12))
    ids = [
        [order.payout_id for order in opened(tmp_path, variant).orders]
        for variant in (
            content,
            gzip.compress(content),
            content.replace(b"\n", b"\r\n"),
            content.replace(b"\n", b""),
        )
    ]

    assert ids[0] == ids[1] == ids[2] == ids[3]


def test_ids_follow_the_file(tmp_path: Path) -> None:
    """Another file id modifier, hence another file of the same minute, has other ids."""
    one = opened(tmp_path, joined(nacha(2)))
    two = opened(tmp_path, joined(changed(nacha(2), HEADER, 34, "B")))

    assert not {o.payout_id for o in one.orders} & {o.payout_id for o in two.orders}


def test_edited_amount_keeps_the_id(tmp_path: Path) -> None:
    """An edited file keeps its ids, so that the ledger can answer CONFLICT."""
    lines = nacha(1)
    edited = changed(lines, FIRST, 30, "0000000999")
    edited = changed(edited, 4, 33, "000000000999")
    edited = changed(edited, 5, 44, "000000000999")
    one, two = opened(tmp_path, joined(lines)), opened(tmp_path, joined(edited))

    assert one.orders[0].payout_id == two.orders[0].payout_id
    assert (one.orders[0].amount_minor, two.orders[0].amount_minor) == (100, 999)


def test_records_that_end_with_cr(tmp_path: Path) -> None:
    """They are one record to all others, which is not to be called cut off."""
    told = texts(refused(tmp_path, joined(nacha(3)).replace(b"\n", b"\r")))

    assert told == (
        "line 1: expected lines that end with LF or CRLF, found CR alone; "
        "save the file with the line ends of Unix or Windows\n"
    )


@pytest.mark.parametrize(
    ("encoding", "found"), [("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16")]
)
def test_a_byte_order_mark(tmp_path: Path, encoding: str, found: str) -> None:
    """It moves the columns: it is named, and said once."""
    content = joined(nacha(3)).decode().encode(encoding)
    told = refused(tmp_path, content)

    assert len(told) == 1, told
    assert "line 1, column 1: expected 101 in the first columns" in texts(told)
    assert f"found a byte order mark of {found}; save the file as ASCII" in texts(told)


def test_a_creation_time_that_is_not_yet(tmp_path: Path) -> None:
    """A file for the next working day is dated to it; a year of 2099 is a slip."""
    options = ReadOptions(now_ms=int(CREATED.timestamp()) * 1_000)
    assert opened(tmp_path, joined(changed(nacha(1), 1, 24, "260608")), options=options)

    later = joined(changed(nacha(1), 1, 24, "991231"))
    assert texts(refused(tmp_path, later, options=options)) == (
        "line 1, file creation date and time: expected at most 7 days after today, "
        '2026-06-01 by this machine\'s clock, found "9912310930"; the payout ids derive '
        "from it, and sort by it\n"
    )


def test_rail_of_the_caller(tmp_path: Path) -> None:
    """The caller's rail replaces the file's."""
    options = ReadOptions(rail="us_ach_same_day")
    file = opened(tmp_path, joined(nacha(2)), options=options)

    assert {order.rail for order in file.orders} == {"us_ach_same_day"}


def test_rail_of_the_caller_that_does_not_suit(tmp_path: Path) -> None:
    """Told once, for the whole file: every entry is dollars to a US account."""
    options = ReadOptions(rail="eu_sct")

    with pytest.raises(FileRefused) as caught:
        opened(tmp_path, joined(nacha(2)), options=options)

    assert caught.value.count == 1
    assert "rail: expected EUR on rail eu_sct, found USD to US_ACCOUNT" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("line", "column", "text", "expected"),
    [
        (
            HEADER,
            2,
            "02",
            'line 1, record type and priority code: expected 101, found "102"',
        ),
        (
            HEADER,
            4,
            " 231380105",
            "the check digit 4 at the end of routing number 23138010",
        ),
        (HEADER, 14, " " * 10, "immediate origin: expected a number of the sender"),
        (HEADER, 24, "261301", "line 1, file creation date and time"),
        (HEADER, 30, "2460", "line 1, file creation date and time"),
        (HEADER, 34, "a", "file id modifier"),
        (HEADER, 35, "080", 'record size: expected 094, found "080"'),
        (HEADER, 38, "20", "blocking factor"),
        (
            BATCH,
            2,
            "225",
            "line 2, service class: expected 220 (credits), found 225 (debits)",
        ),
        (BATCH, 2, "221", "line 2, service class"),
        (
            BATCH,
            51,
            "WEB",
            'line 2, standard entry class: expected PPD or CCD, found "WEB"',
        ),
        (BATCH, 70, "261332", "line 2, effective entry date"),
        (BATCH, 70, " 26121", "line 2, effective entry date"),
        (BATCH, 88, "0000000", "line 2, batch number: expected more than 0"),
        (
            FIRST,
            2,
            "27",
            "line 3, transaction code: expected a credit: 22 (checking) or 32",
        ),
        (FIRST, 2, "21", "returns are evidence about payouts"),
        (FIRST, 2, "99", "found 99 (no credit)"),
        (FIRST, 12, "5", "line 3, receiving bank: expected the check digit 4"),
        (FIRST, 4, "2313801X", "line 3, receiving bank"),
        (FIRST, 13, " " * 17, "line 3, account number"),
        (FIRST, 30, "00000 0100", "line 3, amount: expected 10 digits, in cents"),
        (FIRST, 30, "0000000000", "line 3, amount: expected at least 1 cent, found 0"),
        (FIRST, 55, " " * 22, "line 3, individual name"),
        (FIRST, 79, "1", "line 4, record type: expected an addenda (7)"),
        (FIRST, 79, "2", "line 3, addenda indicator: expected 0 or 1"),
        (FIRST, 80, "12345678", "line 3, trace number: expected 09100001 in front"),
        (SECOND, 80, "091000010000001", "line 4, trace number: expected more than"),
        (
            CONTROL,
            2,
            "200",
            "line 6, service class: expected 220 as in the batch header",
        ),
        (CONTROL, 5, "000004", "line 6, entry and addenda count: expected 3, counted"),
        (CONTROL, 11, "0000000001", "line 6, entry hash: expected "),
        (CONTROL, 21, "000000000001", "line 6, total debits: expected 0, counted"),
        (CONTROL, 33, "000000000001", "line 6, total credits: expected 321, counted"),
        (CONTROL, 45, "9" * 10, "line 6, company identification"),
        (CONTROL, 80, "12345678", "line 6, originating bank"),
        (CONTROL, 88, "0000002", "line 6, batch number: expected 0000001"),
        (FILE_CONTROL, 2, "000002", "line 7, batch count: expected 1"),
        (FILE_CONTROL, 8, "000002", "line 7, block count: expected 1"),
        (FILE_CONTROL, 14, "00000004", "line 7, entry and addenda count: expected 3"),
        (FILE_CONTROL, 22, "0000000001", "line 7, entry hash"),
        (FILE_CONTROL, 32, "000000000001", "line 7, total debits"),
        (FILE_CONTROL, 44, "000000000001", "line 7, total credits"),
        (8, 1, "8", "line 8: expected only records of nines"),
        (FIRST, 20, "\x07", "line 3, column 20: expected printable ASCII"),
    ],
)
def test_wrong_field(
    tmp_path: Path, line: int, column: int, text: str, expected: str
) -> None:
    """One wrong field refuses the file, naming line, field and what was expected."""
    findings = refused(
        tmp_path, joined(changed(nacha(3), line, column, text)), kind=Kind.NACHA
    )

    assert expected in texts(findings)


def test_every_digit_is_guarded(tmp_path: Path) -> None:
    """No digit of a routing number or an amount can change without a finding."""
    lines = nacha(3)
    for column in [*range(4, 13), *range(30, 40)]:
        old = lines[FIRST - 1][column - 1]
        new = str((int(old) + 1) % 10)

        assert refused(tmp_path, joined(changed(lines, FIRST, column, new)))


def test_removed_entry(tmp_path: Path) -> None:
    """A file without one of its entries is refused by its counts and sums."""
    lines = nacha(3)
    del lines[SECOND - 1]
    told = texts(refused(tmp_path, joined([*lines, "9" * 94])))

    assert (
        "entry and addenda count: expected 2, counted from the records, found 3" in told
    )
    assert "entry hash" in told
    assert "total credits" in told


def test_prenote_is_left_out(tmp_path: Path) -> None:
    """A prenotification is counted in the controls, pays nobody, and is told about."""
    lines = changed(changed(nacha(1), FIRST, 2, "23"), FIRST, 30, "0" * 10)
    lines = changed(changed(lines, 4, 33, "0" * 12), 5, 44, "0" * 12)
    told = texts(refused(tmp_path, joined(lines)))

    assert "expected credits to pay, found none" in told

    lines = nacha(3)
    cents = [amount_cents(number) for number in range(3)]
    total = f"{cents[1] + cents[2]:012}"
    lines = changed(changed(lines, FIRST, 2, "23"), FIRST, 30, "0" * 10)
    lines = changed(changed(lines, CONTROL, 33, total), FILE_CONTROL, 44, total)
    file = opened(tmp_path, joined(lines))

    assert [order.line for order in file.orders] == [SECOND, THIRD]
    assert file.notes == (
        "1 prenotifications (codes 23, 33) carry no money and are left out: lines 3",
    )


def test_addenda(tmp_path: Path) -> None:
    """The addenda of an entry is the text for its payee."""
    lines = changed(nacha(3), FIRST, 79, "1")
    text = f"705{'Invoice 17':<80}00010000001"
    lines.insert(FIRST, text)
    del lines[-1]
    lines = changed(lines, CONTROL + 1, 5, "000004")
    lines = changed(lines, FILE_CONTROL + 1, 14, "00000004")
    file = opened(tmp_path, joined(lines))

    assert [order.reference for order in file.orders] == [
        "Invoice 17",
        "PAYROLL",
        "PAYROLL",
    ]

    told = texts(refused(tmp_path, joined(changed(lines, FIRST + 1, 88, "0000002"))))
    assert 'line 4, entry sequence: expected 0000001, found "0000002"' in told


def test_two_files_in_one(tmp_path: Path) -> None:
    """What follows the file control is refused: its totals do not cover it."""
    told = texts(refused(tmp_path, joined(nacha(3) + nacha(3))))

    assert "line 11: expected only records of nines after the file control" in told


def test_truncated_at_every_byte(tmp_path: Path) -> None:
    """A file that is cut off anywhere is refused whole; only its last line end may be missing."""
    content = joined(nacha(3))
    for length in range(len(content) - 1):
        refused(tmp_path, content[:length], kind=Kind.NACHA)

    assert len(opened(tmp_path, content[:-1]).orders) == 3


def test_truncated_archive(tmp_path: Path) -> None:
    """So is an archive of one."""
    packed = gzip.compress(joined(nacha(50)))
    for length in range(len(packed)):
        refused(tmp_path, packed[:length], kind=Kind.NACHA)


def test_twenty_findings(tmp_path: Path) -> None:
    """Twenty findings are shown, all are counted."""
    lines = nacha(50)
    for line in range(3, 53):
        lines = changed(lines, line, 2, "27")
    path = tmp_path / "debits.ach"
    path.write_bytes(joined(lines))

    with pytest.raises(FileRefused) as caught:
        read(path)

    assert len(caught.value.findings) == 20
    assert caught.value.count == 50 + 4
    assert "and 34 more" in str(caught.value)


def test_too_many(tmp_path: Path) -> None:
    """The number of entries is bounded."""
    options = ReadOptions(entries_max=2)

    assert "at most 2 entries" in texts(
        refused(tmp_path, joined(nacha(3)), options=options)
    )


vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason=f"no third-party NACHA files at {VECTORS}"
)


@vectors
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20110805A.ach", "line 3, transaction code"),
        ("20110805A.ach", "found 27 (a debit)"),
        ("NACHA_SAMPLE_TEL_REVERSAL.ach", 'line 2, standard entry class: expected PPD or CCD'),
        ("cor-example.ach", 'line 2, standard entry class: expected PPD or CCD, found "COR"'),
        ("ppd-debit-invalid-entryDetail-checkDigit.ach", "line 3, receiving bank: expected"),
        ("ppd-debit.ach", "line 3, transaction code"),
        ("ppd-mixedDebitCredit.ach", "line 3, transaction code"),
        ("return-PPD-custom-reason-code.ach", "found 21 (a return of a credit)"),
        ("return-WEB.ach", 'line 6, standard entry class: expected PPD or CCD, found "WEB"'),
        ("web-debit.ach", "line 12, transaction code"),
    ],
)  # fmt: skip
def test_vectors_are_refused(name: str, expected: str) -> None:
    """Debits, returns, changes and other classes are refused with line and reason."""
    with pytest.raises(FileRefused) as caught:
        read(VECTORS / name)

    assert expected in str(caught.value)


@vectors
def test_large_vector() -> None:
    """The file of its 200 batches is read whole: 100,199 credits, as its control says."""
    file = read(VECTORS / "PPD-200-batches-100000-entries.ach.gz")

    assert file.totals == (Total("USD", 100_199, 20_123_398_766),)
    assert len({order.payout_id for order in file.orders}) == 100_199
