"""The batch path of Submit: columns in, columns out, no object a payout.

The same decisions as `decide.one.apply_one`, row by row in order, with the state loaded once
before the rows and stored once after them. What refuses a row without looking at its
amount (accounts, rails, currencies) is asked once for each combination that occurs.
Rows that meet an id used before leave the fast lane and are answered by the readable
functions themselves.
"""

from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

from ledgerd.ledger import identity
from ledgerd.ledger.accounts import Account, AccountStatus, Position
from ledgerd.ledger.batch import PayoutColumns
from ledgerd.ledger.catalogue import Rail
from ledgerd.ledger.commands import FeeRule, Submit
from ledgerd.ledger.decide.common import again_refused
from ledgerd.ledger.decide.life import LIFECYCLE_SINCE
from ledgerd.ledger.decide.submit import (
    again_created,
    is_submit_well_formed,
    refuse_submit,
    submit_fingerprint,
)
from ledgerd.ledger.details import bytes_max as details_bytes_max
from ledgerd.ledger.fees import FeeSchedule, fee_minor
from ledgerd.ledger.identity import IdKind, IdRecord
from ledgerd.ledger.money import BALANCE_MINOR_MAX, CURRENCIES
from ledgerd.ledger.outcomes import Outcomes, Refusal, Retry, is_spent
from ledgerd.ledger.payouts import PayoutHead, PayoutState, PayoutStatus
from ledgerd.ledger.view import AcceptedRow, AcceptedSubmits, LedgerView, Writes
from ledgerd.limits import ID_BYTES, PRINCIPAL_BYTES_MAX

# Byte 6 of an id that carries version 7, and byte 8 with the variant of a UUID.
_VERSION_7: Final = bytes(byte for byte in range(256) if byte >> 4 == 7)
_VARIANT: Final = bytes(byte for byte in range(256) if byte >> 6 == 2)
_READY: Final = int(PayoutState.READY)  # an Enum looks a member up each time
# Stands in a lane whose account does not exist; never read, never changed.
_NOBODY: Final = Account(b"", 0, False, "", 0, AccountStatus.CLOSED, 0, 0, 0, "")


class _Lane(NamedTuple):
    """The verdict on one combination of account, rail and currency: refusal or 0.

    least_minor, most_minor: amounts that the rail takes. schema: None where it takes any
    destination.
    """

    code: int
    account: Account
    floor_minor: int
    rule: FeeRule | None
    least_minor: int = 1
    most_minor: int = BALANCE_MINOR_MAX
    schema: Rail | None = None


def apply_submits(
    view: LedgerView,
    *,
    index: int,
    ts_us: int,
    state_version: int,
    batch: PayoutColumns,
) -> tuple[Outcomes, Writes]:
    """Decide the rows of a batch in order; return the answers and the rows they leave.

    Invariants: I1 by construction (two legs of one total), I3 and I11 for every account
    touched, asserted once a batch.
    """
    count = len(batch)
    accounts = view.accounts(batch.accounts)
    before = [
        (account.available_minor + account.reserved_minor, account.sequence)
        if account is not None
        else (0, 0)
        for account in accounts
    ]
    schedule = view.fee_schedules().at(ts_us)
    catalogue = view.catalogue()
    seq = view.event_seq()
    met = _ids_met(view, index=index, ts_us=ts_us, batch=batch)
    is_malformed = _malformed_rows(batch, state_version)

    codes = bytearray(count)
    states = bytearray(count)
    fees_minor = array("q", bytes(8 * count))
    retries: dict[int, Retry] = {}
    refused: list[tuple[IdKind, bytes, IdRecord]] = []
    rows: list[AcceptedRow] = []
    lanes: dict[int, _Lane] = {}

    for row, (ref, rail, currency, amount_minor) in enumerate(
        zip(
            batch.account_refs,
            batch.rails,
            batch.currencies,
            batch.amounts_minor,
            strict=True,
        )
    ):
        if met is not None and met.has(row):
            codes[row], fees_minor[row], states[row], retries[row] = met.answer(row)
            continue
        if is_malformed is not None and is_malformed[row]:
            codes[row] = Refusal.INVALID_COMMAND
            continue

        combination = ref << 32 | rail << 16 | currency
        lane = lanes.get(combination)
        if lane is None:
            lane = lanes[combination] = _lane(
                accounts[ref],
                catalogue.known(rail, ts_us),
                schedule,
                currency=currency,
            )
        code, own, floor_minor, rule, least_minor, most_minor, schema = lane
        if code:
            pass
        elif schema is not None and not schema.takes_destination(batch.details[row]):
            code = Refusal.RAIL_DESTINATION
        elif amount_minor < least_minor:
            code = Refusal.RAIL_AMOUNT_MIN
        elif amount_minor > most_minor:
            code = Refusal.RAIL_AMOUNT_MAX
        else:
            fee = fee_minor(rule, amount_minor) if rule is not None else 0
            total_minor = amount_minor + fee
            left_minor = own.available_minor - total_minor
            taken_minor = own.reserved_minor + total_minor
            if left_minor < floor_minor:
                code = Refusal.INSUFFICIENT_FUNDS
            elif taken_minor > BALANCE_MINOR_MAX:
                code = Refusal.OVERFLOW
            else:
                own.available_minor = left_minor
                own.reserved_minor = taken_minor
                own.sequence += 1
                before_it, own.last_entry = own.last_entry, (index, row, 0)
                rows.append(
                    (row, fee, left_minor, taken_minor, own.sequence, before_it)
                )
                states[row] = _READY
                if fee:
                    fees_minor[row] = fee
                if met is not None:
                    met.accepted(row, fee)
                continue
        codes[row] = code
        record = IdRecord(index, row, code, ts_us, _fingerprint(batch, row))
        refused.append((IdKind.PAYOUT, batch.ids[row], record))
        assert is_spent(code), code
        if met is not None:
            met.refused(row, record)

    outcomes = Outcomes(codes, fees_minor, states, retries)
    if len(refused) > 1:
        refused.sort(key=_refused_id)
    if not rows:
        return outcomes, Writes(ids=refused)
    return outcomes, Writes(
        submits=AcceptedSubmits(index, ts_us, batch, accounts, seq + 1, rows),
        accounts=_changed(accounts, before),
        ids=refused,
        ready=_ready(index, batch, rows) if state_version >= LIFECYCLE_SINCE else (),
        event_seq=seq + len(rows),
    )


def _refused_id(refused: tuple[IdKind, bytes, IdRecord]) -> bytes:
    return refused[1]


def _lane(
    account: Account | None,
    rail: Rail | None,
    schedule: FeeSchedule,
    *,
    currency: int,
) -> _Lane:
    # No batch with a retired currency comes here (`Policy.concerns`).
    refusal = refuse_submit(account, rail, currency=currency, is_retired=False)
    if account is None or rail is None or refusal is not None:
        assert refusal is not None
        return _Lane(refusal, account or _NOBODY, 0, None)
    return _Lane(
        0,
        account,
        account.min_balance_minor,
        schedule.rule(
            rail=rail.number,
            currency=currency,
            account_class=account.account_class,
        ),
        rail.amount_minor_min,
        rail.amount_minor_max,
        None if rail.record is None else rail,
    )


def _ready(
    index: int, batch: PayoutColumns, rows: Sequence[AcceptedRow]
) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return the accepted rows by rail: one row of state for each rail of the batch."""
    rails = batch.rails
    by_rail: dict[int, list[int]] = {}
    for row in rows:
        ordinal = row[0]
        by_rail.setdefault(rails[ordinal], []).append(ordinal)
    return [(rail, index, tuple(ready)) for rail, ready in sorted(by_rail.items())]


def _changed(
    accounts: Sequence[Account | None], before: Sequence[tuple[int, int]]
) -> list[Account]:
    """Return the accounts that the rows changed, sorted, each within its bounds."""
    changed: list[Account] = []
    for account, (sum_minor, sequence) in zip(accounts, before, strict=True):
        if account is None or account.sequence == sequence:
            continue
        assert account.available_minor >= account.min_balance_minor, account  # I3
        assert 0 < account.reserved_minor <= BALANCE_MINOR_MAX, account  # I3
        after_minor = account.available_minor + account.reserved_minor
        assert after_minor == sum_minor, (account, sum_minor)  # I1
        assert account.sequence > sequence, (account, sequence)  # I11
        changed.append(account)
    return changed


def _malformed_rows(batch: PayoutColumns, state_version: int) -> bytes | None:
    """Return a flag for each row that breaks a cheap bound; None if no row does."""
    raw = b"".join(batch.ids)
    suspects = (
        min(batch.amounts_minor) <= 0
        or raw[6::ID_BYTES].translate(None, _VERSION_7)
        or raw[8::ID_BYTES].translate(None, _VARIANT)
        or not CURRENCIES.keys() >= set(batch.currencies)
        or max(map(len, batch.details)) > details_bytes_max(state_version)
        or max(map(len, map(str.encode, batch.principals))) > PRINCIPAL_BYTES_MAX
    )
    if not suspects:
        return None
    return bytes(
        not is_submit_well_formed(command, state_version)
        for command in batch.commands()
    )


def _fingerprint(batch: PayoutColumns, row: int) -> bytes:
    return identity.submit_fingerprint(
        account_id=batch.accounts[batch.account_refs[row]],
        amount_minor=batch.amounts_minor[row],
        currency=batch.currencies[row],
        rail=batch.rails[row],
        details=batch.details[row],
    )


def _ids_met(
    view: LedgerView, *, index: int, ts_us: int, batch: PayoutColumns
) -> "_IdsMet | None":
    """Return the ids that were used before; None for the common batch, which need not ask.

    There all ids are distinct and above every stored one, so that nothing is looked up.
    """
    distinct = set(batch.ids)
    has_doubles = len(distinct) < len(batch.ids)
    has_old = min(distinct) <= view.largest_payout_id()
    if not has_doubles and not has_old:
        return None
    met = _IdsMet(index, ts_us, batch)
    has_old = has_old and met.look_up(view, sorted(distinct))
    return met if has_doubles or has_old else None


class _IdsMet:
    """Ids of the batch that were used before, in the ledger or by an earlier row."""

    def __init__(self, index: int, ts_us: int, batch: PayoutColumns) -> None:
        self._index = index
        self._ts_us = ts_us
        self._batch = batch
        self._refused: dict[bytes, IdRecord] = {}
        self._heads: dict[bytes, tuple[PayoutHead, PayoutStatus | None]] = {}

    def has(self, row: int) -> bool:
        """Return whether the row's id was used before the row."""
        payout_id = self._batch.ids[row]
        return payout_id in self._heads or payout_id in self._refused

    def answer(self, row: int) -> tuple[int, int, int, Retry]:
        """Return code, fee, state and retry of a row whose id was used before."""
        command = self._command(row)
        refused = self._refused.get(command.payout_id)
        if refused is not None:
            decision = again_refused(refused, submit_fingerprint(command))
        else:
            decision = again_created(*self._heads[command.payout_id], command)
        assert decision.retry is not None, decision
        return decision.code, decision.fee_minor, decision.state, decision.retry

    def accepted(self, row: int, fee_minor: int) -> None:
        """Remember an accepted row, for its doubles further down."""
        command = self._command(row)
        head = PayoutHead(
            command.payout_id,
            command.account_id,
            command.amount_minor,
            command.currency,
            command.rail,
            command.details,
            (self._index, row),
            self._ts_us,
            fee_minor,
            PayoutState.READY,
            command.principal,
        )
        self._heads[command.payout_id] = (head, None)

    def refused(self, row: int, record: IdRecord) -> None:
        """Remember a row whose id is spent, for its doubles further down."""
        self._refused[self._batch.ids[row]] = record

    def look_up(self, view: LedgerView, ids: list[bytes]) -> bool:
        """Take over what is kept of `ids`; return whether anything is."""
        created: dict[Position, bytes] = {}
        for payout_id, record in zip(ids, view.ids(IdKind.PAYOUT, ids), strict=True):
            if record is None:
                continue
            if record.refusal:
                self._refused[payout_id] = record
            else:
                created[record.index, record.ordinal] = payout_id
        positions = sorted(created)
        for position, head, status in zip(
            positions,
            view.payouts(positions),
            view.payout_statuses(positions),
            strict=True,
        ):
            assert head.payout_id == created[position], (head, position)
            self._heads[head.payout_id] = (head, status)
        return bool(self._refused or self._heads)

    def _command(self, row: int) -> Submit:
        batch = self._batch
        return Submit(
            batch.ids[row],
            batch.accounts[batch.account_refs[row]],
            batch.amounts_minor[row],
            batch.currencies[row],
            batch.rails[row],
            batch.principals[batch.principal_refs[row]],
            batch.details[row],
        )
