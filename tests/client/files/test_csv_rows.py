from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client.files import Kind, ReadOptions, Total, read
from ledgerd.client.files.csv_rows import COLUMNS
from ledgerd.client.files.rails import SEED, FileRail
from tests.client.files.documents import EXAMPLES, opened, refused, texts

ID = "payout_01kr41xpb0fx08ddrk0r57dd23"
OTHER_ID = "payout_01kr41xpb1fmhv8ks26hf2q9pj"
ACCOUNT = "acct_01kr41xpb0fx08ddrk0r57dd23"
OTHER_ACCOUNT = "acct_01kr41xpb1fmhv8ks26hf2q9pj"
NAMES = (
    "amount_minor,currency,destination.kind,destination.bank_code,"
    "destination.account_number,destination.name,reference"
)
ROW = "1250,USD,us_account,021000021,4412345678,Jordan Lee,Invoice 7"
DAY = ReadOptions(batch_date=date(2026, 5, 8))


def one(names: str = "", row: str = "") -> str:
    """Return a file of one row, with more columns in front."""
    names, row = names and names + ",", row and row + ","
    return f"{names}{NAMES}\n{row}{ROW}\n"


def quoted() -> str:
    """Return the names of the columns, each in quotes."""
    return ",".join(f'"{name}"' for name in NAMES.split(","))


def test_row(tmp_path: Path) -> None:
    """A row becomes a payout, its fields by the names of their columns."""
    content = one("id,rail,metadata.invoice,exponent", f"{ID},us_rtp,7,2")
    file = opened(tmp_path, content)
    order = file.orders[0]
    message = file.message(0, account_id=ACCOUNT)

    assert file.kind is Kind.CSV
    assert file.totals == (Total("USD", 1, 1250),)
    assert (order.rail, order.reference, order.line) == ("us_rtp", "Invoice 7", 2)
    assert order.target == (
        Destination.US_ACCOUNT,
        "US",
        "021000021",
        "4412345678",
        "Jordan Lee",
        "checking",
    )
    assert message.payout_id == ID
    assert message.account_id == ACCOUNT
    assert (message.amount.units, message.amount.currency) == (1250, "USD")
    assert dict(message.metadata) == {"invoice": "7"}


@pytest.mark.parametrize(
    ("text", "release_at_us"),
    [
        ("", 0),
        ("2026-12-01T09:00:00+01:00", 1_796_112_000_000_000),
        ("2026-12-01T08:00Z", 1_796_112_000_000_000),
    ],
)
def test_a_time_of_release(tmp_path: Path, text: str, release_at_us: int) -> None:
    """The order is not sent before; whoever writes it names the zone."""
    file = opened(tmp_path, one("id,release_at", f"{ID},{text}"))

    assert file.message(0, account_id=ACCOUNT).release_at_us == release_at_us


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T09:00:00",
        "2026-12-01",
        "2026-02-30T09:00Z",
        "1969-12-31T23:59Z",
        "2026-W49-2T09:00Z",
        "1796112000",
        "soon",
    ],
)
def test_what_is_no_time_of_release(tmp_path: Path, text: str) -> None:
    told = texts(refused(tmp_path, one("id,release_at", f"{ID},{text}")))

    assert "release_at: expected a time after 1970 with its zone" in told


def test_example() -> None:
    """The example of the project is right; auto and empty rails are chosen."""
    file = read(EXAMPLES / "vendors.csv")

    assert [order.rail for order in file.orders] == ["us_ach", "us_rtp", "us_ach"]
    assert file.orders[1].target.name == "Lee, Jordan"


def test_a_rail_of_the_cluster(tmp_path: Path) -> None:
    """Where the caller has asked a cluster, its rails may be named, too."""
    rails = {**SEED, "us_house": FileRail(frozenset({"USD"}))}
    content = one("id,rail", f"{ID},us_house")

    file = opened(tmp_path, content, options=ReadOptions(rails=rails))

    assert file.orders[0].rail == "us_house"
    assert 'swift, found "us_house"' in texts(refused(tmp_path, content))


def test_batch_date(tmp_path: Path) -> None:
    """Without ids they derive from day, digest and row; an edit makes all of them new."""
    content = one() + ROW + "\n"
    first = opened(tmp_path, content, options=DAY)
    again = opened(tmp_path, content, options=DAY)
    edited = opened(tmp_path, content.replace("Invoice 7", "Invoice 8"), options=DAY)
    midnight_ms = int(datetime(2026, 5, 8, tzinfo=UTC).timestamp()) * 1000
    ids = {order.payout_id for order in first.orders}

    assert first.orders == again.orders
    assert len(ids) == 2
    assert {int.from_bytes(value[:6], "big") for value in ids} == {midnight_ms}
    assert not ids & {order.payout_id for order in edited.orders}
    assert "after any edit" in first.notes[0]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 5, 16), "at most 7 days after today, 2026-05-08 by this machine"),
        (date(1969, 12, 31), "a day from 1970 on"),
    ],
)
def test_a_batch_date_that_cannot_be_meant(
    tmp_path: Path, day: date, expected: str
) -> None:
    """The ids derive from it and sort by it."""
    now_ms = int(datetime(2026, 5, 8, 9, tzinfo=UTC).timestamp()) * 1_000
    options = ReadOptions(batch_date=day, now_ms=now_ms)
    told = texts(refused(tmp_path, one(), options=options))

    assert f"the whole file, batch date: expected {expected}" in told
    assert f"found {day}; the payout ids derive from it" in told


def test_without_identity(tmp_path: Path) -> None:
    """Without an id column and a batch date nothing would tell a second run from a first."""
    told = texts(refused(tmp_path, one()))

    assert "expected the column id, or --batch-date, found neither" in told


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("amount", 'found "amount"; the nearest is amount_minor'),
        ("bank_code", "the nearest is destination.bank_code"),
        ("curency", "the nearest is currency"),
        ("iban", "line 1, header: expected a known column"),
        ("metadata.", "expected a known column"),
        ("metadata." + "k" * 41, "expected a known column"),
        ("currency", "expected each column once"),
        (",".join(f"metadata.k{n}" for n in range(51)), "at most 50 metadata columns"),
    ],
)
def test_wrong_header(tmp_path: Path, names: str, expected: str) -> None:
    """A column that is not known is refused with the nearest name."""
    content = one(names, ",".join("x" for _ in names.split(",")))

    assert expected in texts(refused(tmp_path, content, options=DAY))


@pytest.mark.parametrize("kind", [None, Kind.CSV])
@pytest.mark.parametrize(
    ("mark", "found"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")]
)
def test_another_delimiter(
    tmp_path: Path, mark: str, found: str, kind: Kind | None
) -> None:
    """What stands between the columns is said once, in place of six faults of the header."""
    for content in (
        one("id", ID),
        one("metadata.invoice", "7").replace(NAMES, quoted()),
    ):
        told = refused(tmp_path, content.replace(",", mark), kind=kind, options=DAY)

        assert texts(told) == (
            "line 1, header: expected columns with commas between them, found "
            f"{found}; save the file with commas, in Excel as CSV of a language that uses them\n"
        )


def test_a_name_may_hold_another_delimiter(tmp_path: Path) -> None:
    """Commas are counted against it."""
    assert opened(tmp_path, one("id,metadata.a;b", f"{ID},7")).orders


def test_blanks_mean_nothing(tmp_path: Path) -> None:
    """They are taken off values, and so off the names of columns."""
    plain = one("id,metadata.invoice", f"{ID},7")
    spaced = plain.replace(",", " , ").replace("\n", " \n ").removesuffix(" ")

    (order,) = opened(tmp_path, spaced).orders
    assert [order] == list(opened(tmp_path, plain).orders)

    told = texts(refused(tmp_path, one("id, currency ", f"{ID},USD")))
    assert '"currency": expected each column once' in told


def test_a_blank_before_a_quote_means_nothing(tmp_path: Path) -> None:
    """Some programs write one behind each comma; the quotes are not part of a name."""
    plain = one("id", ID)
    spaced = plain.replace("Jordan Lee", ' "Lee, Jordan"').replace(
        NAMES, ", ".join(quoted().split(","))
    )
    (order,) = opened(tmp_path, spaced).orders

    assert order.target.name == "Lee, Jordan"

    told = texts(refused(tmp_path, plain.replace("Jordan Lee", ' "Lee" Jordan')))
    assert "line 2: expected CSV of RFC 4180" in told


@pytest.mark.parametrize("kind", [None, Kind.CSV])
def test_lines_that_end_with_cr(tmp_path: Path, kind: Kind | None) -> None:
    """Such files are one line to all others, of whatever length."""
    for rows in (1, 5_000):
        content = (one("id", ID) + f"{ID},{ROW}\n" * (rows - 1)).replace("\n", "\r")
        told = refused(tmp_path, content, kind=kind)

        assert texts(told) == (
            "line 1: expected lines that end with LF or CRLF, found CR alone; "
            "save the file with the line ends of Unix or Windows\n"
        )
    assert "line 2: expected lines that end with LF or CRLF" in texts(
        refused(tmp_path, one().replace("Jordan Lee", '"Jordan\rLee"'), options=DAY)
    )


@pytest.mark.parametrize("name", ["amount_minor", "currency", "destination.name"])
def test_missing_column(tmp_path: Path, name: str) -> None:
    """A needed column that is missing is named."""
    content = one().replace(name, "metadata.other")

    assert f"expected the column {name}, found none" in texts(
        refused(tmp_path, content, options=DAY)
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "1250",
            "12.50",
            "line 2, amount_minor: expected a whole number of minor units",
        ),
        ("1250", "12.50", "12.50 dollars are 1250"),
        ("1250", "0", "amount_minor"),
        ("1250", "-5", "amount_minor"),
        ("1250", "9223372036854775808", "amount_minor"),
        ("1250", "1_250", "amount_minor"),
        ("1250", "", "amount_minor: expected a whole number of minor units"),
        ("USD", "XYZ", "line 2, currency: expected a currency of ISO 4217"),
        ("USD", "EUR", "line 2, rail: expected USD on rail us_ach, found EUR"),
        ("us_account", "us_acount", "one of iban, us_account, uk_account, bic_account"),
        ("us_account", "us_acount", "the nearest is us_account"),
        ("021000021", "021000022", "line 2, destination.bank_code: expected the check"),
        ("021000021", "", "line 2, destination.bank_code: expected a routing number"),
        ("4412345678", "", "line 2, destination.account_number: expected an account"),
        ("4412345678", "=1+1", "line 2, destination.account_number"),
        ("Jordan Lee", "", "line 2, destination.name: expected the name"),
        (
            "Jordan Lee",
            "a\tb",
            "line 2, destination.name: expected text without control",
        ),
        ("Invoice 7", "x" * 141, "line 2, reference: expected at most 140 bytes"),
        (
            "Invoice 7",
            "Invoice 7,more",
            "line 2: expected 7 fields, as in the header, found 8",
        ),
        ("Invoice 7", '"Invoice 7', "line 2: expected every quote closed on its line"),
        ("Invoice 7", 'Invoice "7" ', None),
        (ROW + "\n", "\n" + ROW + "\n", "line 2: expected a row, found an empty line"),
        (ROW + "\n", "", "expected rows to pay, found none"),
    ],
)
def test_wrong_row(tmp_path: Path, old: str, new: str, expected: str | None) -> None:
    """A wrong field is named by line and column."""
    content = one().replace(old, new)
    if expected is None:
        assert opened(tmp_path, content, options=DAY).orders
    else:
        assert expected in texts(refused(tmp_path, content, options=DAY))


@pytest.mark.parametrize(
    ("names", "row", "expected"),
    [
        ("id", " ", "line 2, id: expected payout_ and 26 characters of base 32"),
        ("id", "req_01kr41xpb0fx08ddrk0r57dd23", "line 2, id: expected payout_"),
        ("id,account", f"{ID},{OTHER_ACCOUNT}", "line 2, account: expected acct_"),
        ("id,exponent", f"{ID},3", "line 2, exponent: expected 2, the decimals of USD"),
        ("id,rail", f"{ID},us_achh", "the nearest is us_ach"),
        ("id,rail", f"{ID},eu_sct", "line 2, rail: expected EUR on rail eu_sct"),
        ("id,destination.country", f"{ID},DE", "expected US, the country of the account"),
    ],
)  # fmt: skip
def test_wrong_optional_field(
    tmp_path: Path, names: str, row: str, expected: str
) -> None:
    """Optional columns are judged where they are filled."""
    options = ReadOptions(account_id=ACCOUNT)

    assert expected in texts(refused(tmp_path, one(names, row), options=options))


def test_id_twice(tmp_path: Path) -> None:
    """An id stands for one payout: the second line with it is named."""
    content = one("id", ID) + f"{ID},{ROW}\n"

    assert "line 3, id: expected an id of its own, not that of line 2" in texts(
        refused(tmp_path, content)
    )


def test_not_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and a byte order mark, are seen for what they are."""
    latin = one("id", ID).replace("Jordan", "Jörg").encode("latin-1")
    marked = b"\xef\xbb\xbf" + one("id", ID).encode()

    assert "line 2, byte 77: expected UTF-8 text" in texts(refused(tmp_path, latin))
    assert opened(tmp_path, marked).orders

    told = texts(refused(tmp_path, one("id", ID).encode("utf-16")))
    assert (
        "line 1, byte 1: expected UTF-8 text, found a byte order mark of UTF-16; save"
        in told
    )

    told = texts(refused(tmp_path, one("id", ID).encode("utf-16-le")))
    assert "line 1, byte 2: expected UTF-8 text, found a zero byte, as UTF-16" in told


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-16", "byte 1: expected UTF-8 text, found a byte order mark of UTF-16"),
        ("utf-16-le", "byte 2: expected UTF-8 text, found a zero byte"),
        ("utf-16-be", "byte 1: expected UTF-8 text, found a zero byte"),
    ],
)
def test_utf_16_with_the_line_ends_of_windows(
    tmp_path: Path, encoding: str, found: str
) -> None:
    """Its CR and LF have a zero byte between them, and its CR is not what is wrong with it."""
    content = one("id", ID).replace("\n", "\r\n").encode(encoding)

    assert f"line 1, {found}" in texts(refused(tmp_path, content))


def test_truncated_at_every_byte(tmp_path: Path) -> None:
    """A cut inside a row refuses the file; a cut between rows leaves whole rows."""
    content = (one("id", ID) + f"{OTHER_ID},{ROW}\n").encode()
    ends = [at + 1 for at, byte in enumerate(content) if byte == 0x0A]
    for length in range(len(content)):
        if length in ends[1:]:
            assert len(opened(tmp_path, content[:length]).orders) == 1
        else:
            refused(tmp_path, content[:length], kind=Kind.CSV)


def test_reference_page() -> None:
    """The page for users names every column, and the command's other words with it."""
    page = (EXAMPLES.parents[1] / "docs/reference/payout-files.md").read_text()

    for column in COLUMNS:
        assert f"| `{column}` |" in page
    for rail in SEED:
        if rail != "us_ach_same_day":  # by --rail only
            assert f"`{rail}`" in page


def chained(*names: str) -> str:
    """Return a file with a row for each name of a chain."""
    rows = "".join(f"{name},{ROW}\n" for name in names)
    return f"chain,{NAMES}\n{rows}"


def test_rows_of_one_chain_are_linked(tmp_path: Path) -> None:
    """Each but the last of a chain links to the next; a chain of one row is a row."""
    file = opened(tmp_path, chained("a", "a", "a", "", "b", "b", "c"), options=DAY)

    links = [order.is_linked for order in file.orders]
    assert links == [True, True, False, False, True, False, False]
    assert file.message(0, account_id=ACCOUNT).is_linked
    assert not file.message(2, account_id=ACCOUNT).is_linked


@pytest.mark.parametrize(
    ("names", "line", "expected"),
    [
        (("a", "b", "a"), 4, "a name of its own: one of line 2 has ended"),
        (("a", "", "a"), 4, "a name of its own: one of line 2 has ended"),
        (("a",) * 101, 102, "at most 100 rows in a chain"),
    ],
)
def test_a_chain_that_is_no_chain(tmp_path: Path, names, line, expected) -> None:
    """Its rows stand together, and fit a batch; nothing of the file is sent."""
    (finding,) = refused(tmp_path, chained(*names), options=DAY)

    assert (finding.line, finding.expected) == (line, expected)


def test_a_hundred_rows_are_a_chain(tmp_path: Path) -> None:
    file = opened(tmp_path, chained(*["a"] * 100), options=DAY)

    assert [order.is_linked for order in file.orders] == [True] * 99 + [False]
