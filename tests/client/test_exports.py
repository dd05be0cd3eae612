"""The books as other programs read them: hledger and beancount judge, and find our balances."""

import asyncio
import csv
import io
import itertools
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from ledgerd.api.v1 import accounts_pb2 as pb
from ledgerd.client.exports import FORMATS, beancount, hledger, table
from tests.api.world import Certificates, World
from tests.client.random_books import fill

COMMANDS = 20_000
SEED = 20_261_121

# Debian packages, and no Python ones: their licence keeps them out of the product.
hledger_needed = pytest.mark.skipif(
    shutil.which("hledger") is None,
    reason="hledger is not installed (Debian: hledger): nobody judges the export",
)
beancount_needed = pytest.mark.skipif(
    shutil.which("bean-check") is None,
    reason="beancount is not installed (Debian: beancount): nobody judges the export",
)

# (ledger account in its book, currency) -> debits above 0, in units of the currency.
Sums = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Exported:
    """What the API gave of a random run, and what it says of the balances."""

    entries: list[pb.ExportedEntry]
    accounts: list[pb.Account]
    books: list[pb.Book]
    halfway: list[pb.ExportedEntry]
    halfway_index: int


async def export(world: World, as_of_index: int = 0) -> list[pb.ExportedEntry]:
    """Take the whole stream, call by call."""
    stub = world.stub("auditor")
    entries: list[pb.ExportedEntry] = []
    request = pb.ExportBooksRequest(as_of_index=as_of_index)
    while True:
        more = False
        async for reply in stub.reports.ExportBooks(request):
            entries += reply.entries
            request.as_of_index = reply.as_of_index
            more = reply.more
        if not more:
            return entries
        last = entries[-1]
        request.after_index, request.after_ordinal = last.index, last.ordinal
        request.after_n = last.n


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The books after the random run, and as of its middle."""
    print(f"seed {SEED}")
    folder = tmp_path_factory.mktemp("exports")
    world = World(folder, Certificates(folder / "pki"))

    async def run() -> Exported:
        async with world.running():
            await fill(world, seed=SEED, count=COMMANDS)
            stub = world.stub("auditor")
            accounts = await stub.ledger.ListAccounts(
                pb.ListAccountsRequest(page_size=1000)
            )
            trial = await stub.reports.TrialBalance(pb.TrialBalanceRequest())
            middle = trial.header.applied_index // 2
            return Exported(
                await export(world),
                list(accounts.accounts),
                list(trial.books),
                await export(world, middle),
                middle,
            )

    return asyncio.run(run())


def of_the_api(exported: Exported) -> Sums:
    """Return every balance that the API tells, signed as bookkeeping programs do."""
    sums: Sums = Counter()
    for account in exported.accounts:
        book = "live" if account.livemode else "sandbox"
        for field, units in account.balances.ListFields():
            kind = field.name.removesuffix("_units")
            sign = 1 if kind == "receivable" else -1
            name = f"{book}:cust:{account.account_id}:{kind}"
            sums[name, account.currency] += sign * units
    for told in exported.books:
        book = "live" if told.livemode else "sandbox"
        for line in told.lines:
            if not line.ledger_account.startswith("cust/"):
                name = f"{book}:{line.ledger_account.replace('/', ':')}"
                units = int(line.debit_units) - int(line.credit_units)
                sums[name, told.currency] += units
    return Counter({key: units for key, units in sums.items() if units})


def exponents(exported: Exported) -> dict[str, int]:
    return {entry.currency: entry.exponent for entry in exported.entries}


def test_every_state_of_affairs_is_in_the_run(exported: Exported) -> None:
    """Or the oracles would judge little: each reason, book and size of amounts occurs."""
    reasons = Counter(entry.reason for entry in exported.entries)
    books = {(entry.livemode, entry.currency) for entry in exported.entries}

    assert len(exported.entries) > COMMANDS / 3
    assert {
        *("submit", "cancel", "fund", "transfer", "fund_reverse"),
        *("hold", "hold_capture", "hold_release"),
        *("dispatch", "settle", "return", "rail_reject"),
    } <= set(reasons), reasons
    assert len(books) == 5
    for reason in ("submit", "settle"):
        assert {
            entry.livemode for entry in exported.entries if entry.reason == reason
        } == {True, False}
    assert set(exponents(exported).values()) == {0, 2, 3, 4}
    assert any(
        leg.ledger_account.endswith("/receivable") and leg.debit_units > 0
        for entry in exported.entries
        for leg in entry.legs
    )


def test_an_export_of_an_earlier_index_is_its_beginning(exported: Exported) -> None:
    """--as-of cuts and changes nothing."""
    last = exported.halfway[-1].index

    assert last <= exported.halfway_index < exported.entries[-1].index
    assert exported.halfway == [
        entry for entry in exported.entries if entry.index <= last
    ]


def test_parts_follow_each_other_without_a_gap(exported: Exported) -> None:
    """Positions rise, and so does the log time."""
    positions = [(entry.index, entry.ordinal, entry.n) for entry in exported.entries]
    times = [entry.at_us for entry in exported.entries]

    assert positions == sorted(set(positions))
    assert times == sorted(times)


@hledger_needed
def test_hledger_accepts_the_books_and_finds_our_balances(
    exported: Exported, tmp_path: Path
) -> None:
    """Every posting asserts a balance; accounts and commodities are declared."""
    path = tmp_path / "books.journal"
    path.write_text("\n".join(hledger(exported.entries)) + "\n")
    run("hledger", "-f", path, "check", "--strict", "ordereddates")
    told = run("hledger", "-f", path, "bal", "--flat", "-O", "csv", "--layout=bare")

    found: Sums = Counter()
    for row in csv.DictReader(io.StringIO(told)):
        if row["account"].lower().startswith("total") or row["balance"] == "0":
            continue
        _, _, name = row["account"].partition(":")
        scale = 10 ** exponents(exported)[row["commodity"]]
        found[name, row["commodity"]] += int(Decimal(row["balance"]) * scale)
    assert found == of_the_api(exported)


@hledger_needed
def test_hledger_refuses_books_with_another_balance(
    exported: Exported, tmp_path: Path
) -> None:
    """The oracle can fail: one unit more in one balance that the ledger states."""
    entries = list(exported.entries[:500])
    changed = pb.ExportedEntry()
    changed.CopyFrom(entries[-1])
    for leg in changed.legs:
        if leg.HasField("balance_units"):
            leg.balance_units += 1
    entries[-1] = changed
    path = tmp_path / "books.journal"
    path.write_text("\n".join(hledger(entries)) + "\n")

    with pytest.raises(AssertionError, match="assertion"):
        run("hledger", "-f", path, "check")


@beancount_needed
def test_beancount_accepts_the_books_and_finds_our_balances(
    exported: Exported, tmp_path: Path
) -> None:
    """With a balance of every account at the end, to the last digit."""
    path = tmp_path / "books.beancount"
    lines = list(beancount(exported.entries))
    path.write_text("\n".join(lines) + "\n")
    run("bean-check", path)
    told = run(
        "bean-query",
        "-q",
        "-f",
        "csv",
        path,
        "SELECT account, currency, str(sum(number)) AS total "
        "WHERE number != 0 GROUP BY account, currency",
    )

    names = {}
    for opened, named in itertools.pairwise(lines):
        if " open " in opened:
            names[opened.split()[2]] = named.split('"')[1].replace("/", ":")
    found: Sums = Counter()
    for row in csv.DictReader(io.StringIO(told), skipinitialspace=True):
        account, currency = row["account"].strip(), row["currency"].strip()
        book = account.split(":")[1].lower()
        scale = 10 ** exponents(exported)[currency]
        units = int(
            Decimal(row["total"].strip().removeprefix("Decimal('").removesuffix("')"))
            * scale
        )
        if units:
            found[f"{book}:{names[account]}", currency] += units
    assert found == of_the_api(exported)


def test_a_table_has_a_line_for_each_posting(exported: Exported) -> None:
    """Sums of its columns are our balances too, without any program."""
    rows = list(csv.DictReader(io.StringIO("\n".join(table(exported.entries)))))
    found: Sums = Counter()
    for row in rows:
        book = "live" if row["livemode"] == "true" else "sandbox"
        units = int(row["debit_minor"] or 0) - int(row["credit_minor"] or 0)
        name = f"{book}:{row['ledger_account'].replace('/', ':')}"
        found[name, row["currency"]] += units

    assert Counter({k: v for k, v in found.items() if v}) == of_the_api(exported)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_empty_books_are_a_file_too(form: str) -> None:
    """A heading at most."""
    assert len(list(FORMATS[form]([]))) <= 1


def test_names_stay_different() -> None:
    """Whatever a bank is called, two names never become one account."""
    from ledgerd.client.exports import _component

    letters = "ax0-_"
    names = [
        "".join(part)
        for size in (1, 2, 3)
        for part in itertools.product(letters, repeat=size)
    ]

    spelt = [_component(name) for name in names]
    assert len(set(spelt)) == len(names)
    assert all(part[0].isupper() or part[0].isdigit() for part in spelt)


def run(*arguments: object) -> str:
    done = subprocess.run(
        [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:] + done.stdout[-2_000:]
    return done.stdout
