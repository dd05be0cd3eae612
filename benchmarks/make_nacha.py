"""Writes a NACHA credit file of any size, for benchmarks and demonstrations.

    python benchmarks/make_nacha.py --entries 100000 --output payroll.ach.gz

The same arguments give the same bytes. Everything a reader checks is right: check digits, trace
numbers, hashes, counts, totals, blocks. Payees are made up. Needs nothing but Python, and shares no
code with the reader, which therefore can be tested with it.
"""

import argparse
import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

ORIGIN: Final = "091000019"  # the number of the sender; no other file of ours has it
DESTINATION: Final = "231380104"
ODFI: Final = ORIGIN[:8]
BATCH_ENTRIES: Final = 5_000
BANKS: Final = ("23138010", "12100024", "02100002", "09140060", "08100021", "32127118")
FIRST: Final = ("Ada", "Bo", "Chen", "Dora", "Emil", "Fatma", "Goran", "Hana", "Ines")
LAST: Final = ("Abel", "Brook", "Castro", "Diaz", "Evans", "Fuchs", "Gupta", "Hill")
AMOUNT_STEPS: Final = 9_973  # prime, so that amounts do not fall in step with names
AMOUNT_CENTS_MIN: Final = 100


def check_digit(first_eight: str) -> int:
    """Return the ninth digit of a routing number."""
    weights = (3, 7, 1, 3, 7, 1, 3, 7)
    return -sum(w * int(d) for w, d in zip(weights, first_eight, strict=True)) % 10


def amount_cents(number: int) -> int:
    """Return the amount of the entry with that number, the first being 0."""
    return AMOUNT_CENTS_MIN + number * 7 % AMOUNT_STEPS


def records(entries: int, created: datetime) -> Iterator[str]:
    """Yield the records of a file with so many entries, each of 94 characters."""
    day = created.strftime("%y%m%d")
    yield (
        f"101 {DESTINATION}{ORIGIN:>10}{day}{created:%H%M}A094101"
        f"{'Example Clearing Bank':<23}{'Example Payroll Inc':<23}{'':8}"
    )
    batches = 0
    file_hash = file_credit = written = 0
    for start in range(0, entries, BATCH_ENTRIES):
        batches += 1
        head = f"{'Example Payroll':<16}{'':20}{'1' + ORIGIN}PPD{'PAYROLL':<10}{'':6}"
        yield f"5220{head}{day}   1{ODFI}{batches:07}"
        batch_hash = batch_credit = 0
        stop = min(start + BATCH_ENTRIES, entries)
        for number in range(start, stop):
            bank = BANKS[number % len(BANKS)]
            cents = amount_cents(number)
            batch_hash += int(bank)
            batch_credit += cents
            code = 32 if number % 11 == 10 else 22
            person = (
                f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}"
            )
            yield (
                f"6{code}{bank}{check_digit(bank)}{10_000_000 + number:<17}{cents:010}"
                f"{f'EMP{number:07}':<15}{person:<22}  0{ODFI}{number - start + 1:07}"
            )
        count = stop - start
        yield (
            f"8220{count:06}{batch_hash % 10**10:010}{0:012}{batch_credit:012}"
            f"{'1' + ORIGIN}{'':25}{ODFI}{batches:07}"
        )
        file_hash += batch_hash
        file_credit += batch_credit
        written += count
    used = 2 + 2 * batches + written
    blocks = -(-used // 10)
    yield (
        f"9{batches:06}{blocks:06}{written:08}{file_hash % 10**10:010}{0:012}"
        f"{file_credit:012}{'':39}"
    )
    yield from ["9" * 94] * (blocks * 10 - used)


def write(path: Path, entries: int, created: datetime) -> None:
    """Write the file, gzip'ed if its name ends in .gz; the same arguments, the same bytes."""
    text = "".join(record + "\n" for record in records(entries, created))
    data = text.encode("ascii")
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def main() -> None:
    """Write the file that the arguments describe."""
    parser = argparse.ArgumentParser(description="Write a NACHA PPD credit file.")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--created",
        type=datetime.fromisoformat,
        default=datetime(2026, 6, 1, 9, 30),
        help="creation date and time; payout ids derive from it",
    )
    arguments = parser.parse_args()
    if not 1 <= arguments.entries <= 9_999_999:
        parser.error("--entries: expected 1 .. 9,999,999")
    write(arguments.output, arguments.entries, arguments.created)
    total = sum(amount_cents(number) for number in range(arguments.entries))
    print(f"{arguments.output}: {arguments.entries} entries, {total} cents")


if __name__ == "__main__":
    main()
