"""The payout batch: n Submit commands as columns, from the edge to the disk.

No object a payout. `PayoutBatch` is what the edge fills; `PayoutColumns` is the same batch
as it stands in the log, with accounts and principals numbered. Apply sees only the second,
made by `formats.batches.decode`, also on the leader that has just encoded it.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ledgerd.ledger.commands import PLAIN, Submit, SubmitTerms


@dataclass(slots=True)
class PayoutBatch:
    """n rows as columns of equal length; n = 1 .. BATCH_COMMANDS_MAX.

    ids: payout ids, 16 bytes each, UUIDv7.
    account_ids: the account each row draws on, 16 bytes each.
    amounts_minor: minor units; 1 .. 2**63 - 1.
    currencies: `money.currency_number` of the ISO 4217 alphabetic code.
    rails: rail numbers, `catalogue`.
    principals: who submitted, from the certificate; not compared on retries.
    details: the variable client part, `details.Details` packed; opaque to guards.
    releases_us: log time before which a row is not sent; 0: at once.
    terms: by row, of those that have any. With them a batch does not travel in columns.

    Rows are appended at the edge with `add` and `extend`; below it a batch is read only.
    """

    ids: list[bytes] = field(default_factory=list)
    account_ids: list[bytes] = field(default_factory=list)
    amounts_minor: "array[int]" = field(default_factory=lambda: array("q"))
    currencies: "array[int]" = field(default_factory=lambda: array("H"))
    rails: "array[int]" = field(default_factory=lambda: array("H"))
    principals: list[str] = field(default_factory=list)
    details: list[bytes] = field(default_factory=list)
    releases_us: "array[int]" = field(default_factory=lambda: array("q"))
    terms: dict[int, SubmitTerms] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def add(
        self,
        *,
        payout_id: bytes,
        account_id: bytes,
        amount_minor: int,
        currency: int,
        rail: int,
        principal: str,
        details: bytes,
        release_at_us: int = 0,
        terms: SubmitTerms = PLAIN,
    ) -> None:
        """Append one row. The edge has checked shapes and bounds."""
        if terms != PLAIN:
            self.terms[len(self)] = terms
        self.ids.append(payout_id)
        self.account_ids.append(account_id)
        self.amounts_minor.append(amount_minor)
        self.currencies.append(currency)
        self.rails.append(rail)
        self.principals.append(principal)
        self.details.append(details)
        self.releases_us.append(release_at_us)

    def extend(self, other: "PayoutBatch") -> None:
        """Append all rows of `other`, in order."""
        before = len(self)
        for row, terms in other.terms.items():
            self.terms[before + row] = terms
        self.ids += other.ids
        self.account_ids += other.account_ids
        self.amounts_minor += other.amounts_minor
        self.currencies += other.currencies
        self.rails += other.rails
        self.principals += other.principals
        self.details += other.details
        self.releases_us += other.releases_us

    def commands(self) -> Iterator[Submit]:
        """Yield the rows as commands, in order."""
        for row, payout_id in enumerate(self.ids):
            yield Submit(
                payout_id,
                self.account_ids[row],
                self.amounts_minor[row],
                self.currencies[row],
                self.rails[row],
                self.principals[row],
                self.details[row],
                self.releases_us[row],
                self.terms.get(row, PLAIN),
            )


@dataclass(slots=True)
class PayoutColumns:
    """n rows as decoded from a log entry. Read only.

    accounts: distinct account ids, 16 bytes each, ascending.
    principals: distinct names, ascending.
    ids: payout ids, 16 bytes each. amounts_minor, currencies, rails: as in PayoutBatch,
        but not checked: apply repeats the cheap bounds.
    account_refs, principal_refs: positions in `accounts` and `principals`.
    details: the packed variable client part of each row.
    releases_us: as in PayoutBatch; None where every row is 0, which most batches are.
    """

    accounts: list[bytes]
    principals: list[str]
    ids: list[bytes]
    account_refs: Sequence[int]
    amounts_minor: Sequence[int]
    currencies: Sequence[int]
    rails: Sequence[int]
    principal_refs: Sequence[int]
    details: list[bytes]
    releases_us: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def commands(self) -> Iterator[Submit]:
        """Yield the rows as commands, in order: for the readable path and for display."""
        for row, payout_id in enumerate(self.ids):
            yield Submit(
                payout_id,
                self.accounts[self.account_refs[row]],
                self.amounts_minor[row],
                self.currencies[row],
                self.rails[row],
                self.principals[self.principal_refs[row]],
                self.details[row],
                0 if self.releases_us is None else self.releases_us[row],
            )
