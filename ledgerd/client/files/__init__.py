"""Payout files into orders: ISO 20022 pain.001, NACHA and CSV.

`read` returns a `PayoutFile` whose every entry was checked, or raises `FileRefused` with what is
wrong and where; it never returns a part of a file. Ids derive from the file (`identity`), so that
submitting a file twice pays once.
"""

from ledgerd.client.files.findings import FileRefused, Finding
from ledgerd.client.files.options import ReadOptions
from ledgerd.client.files.orders import (
    FileOrder,
    Kind,
    PayoutFile,
    Target,
    Total,
    totals,
)
from ledgerd.client.files.reading import read

__all__ = [
    "FileOrder",
    "FileRefused",
    "Finding",
    "Kind",
    "PayoutFile",
    "ReadOptions",
    "Target",
    "Total",
    "read",
    "totals",
]
