"""What the log decided and what state holds -> messages of `api.v1`."""

import asyncio
from typing import Final, cast

from ledgerd.api import ids, rail_names
from ledgerd.api.codec import LOOP_PAGE_ROWS
from ledgerd.api.v1 import accounts_pb2, audit_pb2, common_pb2, payouts_pb2
from ledgerd.formats.batches import unpack_details
from ledgerd.ledger.accounts import NO_ENTRY, Account, Balances, Side
from ledgerd.ledger.details import destination_fingerprint
from ledgerd.ledger.exceptions import LedgerException
from ledgerd.ledger.holds import Hold
from ledgerd.ledger.journal import Leg
from ledgerd.ledger.money import CURRENCIES
from ledgerd.ledger.outcomes import Outcome, Outcomes, is_spent
from ledgerd.ledger.payouts import (
    PayoutFlag,
    PayoutState,
    Trigger,
    fee_now,
    rail_now,
    refunded_fee_minor,
    status_of,
)
from ledgerd.ledger.vouchers import Voucher
from ledgerd.node.courier import Decided
from ledgerd.node.reads import ReadAt
from ledgerd.replica.inputs import WriteConcern
from ledgerd.storage.reader import PayoutFound, PayoutRefused
from ledgerd.storage.trial import TrialBook

# The wire keeps 0 for "unspecified", the ledger for CREATED.
_OUTCOMES: Final = {
    int(Outcome.CREATED): common_pb2.OUTCOME_CREATED,
    int(Outcome.REPLAYED): common_pb2.OUTCOME_REPLAYED,
    int(Outcome.CONFLICT): common_pb2.OUTCOME_CONFLICT,
}
_CONCERNS: Final = {
    WriteConcern.QUORUM: common_pb2.QUORUM,
    WriteConcern.ALL_VOTERS: common_pb2.ALL_VOTERS,
}
_CREATED: Final = int(Outcome.CREATED)


class Replies:
    """Makes the messages of one node."""

    def __init__(self, *, node_id: int) -> None:
        self._node_id = node_id

    def mutation(
        self, decided: Decided, concern: WriteConcern, *, state_version: int
    ) -> common_pb2.MutationHeader:
        """Return where a mutating call stands in the log, and what is promised about it."""
        header = common_pb2.MutationHeader()
        self.fill_mutation(header, decided, concern, state_version=state_version)
        return header

    def fill_mutation(
        self,
        header: common_pb2.MutationHeader,
        decided: Decided,
        concern: WriteConcern,
        *,
        state_version: int,
    ) -> None:
        """Fill in what `mutation` returns, where the header is part of a message already."""
        header.term = decided.term
        header.index = decided.index
        header.accepted_at_us = decided.ts_us
        header.node_id = self._node_id
        header.state_version = state_version
        header.concern = _CONCERNS[concern]

    def read(self, at: ReadAt, *, state_version: int) -> common_pb2.ReadHeader:
        """Return the state a read was answered from."""
        return common_pb2.ReadHeader(
            read_index=at.read_index,
            applied_index=at.applied_index,
            log_time_us=at.log_time_us,
            node_id=self._node_id,
            state_version=state_version,
            age_ms=at.age_ms,
        )


def fill_result(result: common_pb2.CommandResult, outcomes: Outcomes, row: int) -> None:
    """Fill in the answer to one command, row `row` of its entry."""
    code = outcomes.codes[row]
    outcome = _OUTCOMES.get(code)
    result.ordinal = row
    if outcome is None:
        result.outcome = common_pb2.OUTCOME_REFUSED
        result.refusal = refusal(code)
        result.id_spent = is_spent(code)
    else:
        result.outcome = outcome
    retry = outcomes.retries.get(row)
    if retry is not None:
        result.replayed = True
        result.original_index = retry.index
        result.original_ordinal = retry.ordinal
        result.original_at_us = retry.ts_us
        result.same_request = retry.same_request
        result.differing_fields.extend(retry.differing)


async def fill_results(reply: payouts_pb2.SubmitBatchReply, decided: Decided) -> None:
    """Add one result a row of the call, in order. The way out of the hot path.

    Lets the loop go after every page, as `codec.batch` does.
    """
    end = decided.first + decided.count
    for start in range(decided.first, end, LOOP_PAGE_ROWS):
        if start > decided.first:
            await asyncio.sleep(0)
        _fill_page(reply, decided.outcomes, start, min(start + LOOP_PAGE_ROWS, end))


def _fill_page(
    reply: payouts_pb2.SubmitBatchReply, outcomes: Outcomes, start: int, stop: int
) -> None:
    add = reply.results.add
    codes, states, fees_minor = outcomes.codes, outcomes.states, outcomes.fees_minor
    created = common_pb2.OUTCOME_CREATED
    for row in range(start, stop):
        item = add()
        if codes[row] == _CREATED:
            result = item.result
            result.outcome = created
            result.ordinal = row
        else:
            fill_result(item.result, outcomes, row)
        item.state = states[row]  # type: ignore[assignment] # see `state`
        item.fee_units = fees_minor[row]


def order(found: PayoutFound) -> payouts_pb2.PayoutOrder:
    """Return what the client said about a payout."""
    head = found.head
    details = unpack_details(head.details)
    currency = CURRENCIES[head.currency]
    made = payouts_pb2.PayoutOrder(
        payout_id=ids.encode(ids.PAYOUT, head.payout_id),
        account_id=ids.encode(ids.ACCOUNT, head.account_id),
        amount=common_pb2.Money(
            units=head.amount_minor,
            currency=currency.code,
            exponent=currency.exponent,
        ),
        rail=rail_names.known().name(head.rail),
        reference=details.reference,
        metadata=dict(details.metadata),
        release_at_us=head.release_at_us,
    )
    if details.destination_kind:
        made.destination.CopyFrom(
            payouts_pb2.Destination(
                kind=_destination_kind(details.destination_kind),
                country=details.country,
                bank_code=details.bank_code,
                account_number=details.account_number,
                name=details.name,
                account_type=details.account_type,
            )
        )
    return made


def payout(found: PayoutFound) -> payouts_pb2.Payout:
    """Return a payout as it is."""
    head, status = found.head, status_of(found.head, found.status)
    index, ordinal = head.position
    is_claimed = status.state is PayoutState.DISPATCHING
    return payouts_pb2.Payout(
        order=order(found),
        state=state(found.state),
        fee_units=fee_now(head, found.status),
        index=index,
        ordinal=ordinal,
        created_at_us=head.ts_us,
        updated_index=found.updated_index,
        updated_at_us=found.updated_ts_us,
        submitted_by=head.principal,
        version=status.version,
        destination_fingerprint=destination_fingerprint(head.details).hex(),
        rail=rail_names.known().name(rail_now(head, found.status)),
        open_exceptions=status.open_exceptions,
        returned_units=status.returned_minor,
        reversed_units=status.reversed_minor,
        absorbed_units=status.absorbed_minor,
        fee_refunded_units=refunded_fee_minor(head, found.status),
        rail_key=status.rail_key,
        rail_reference=status.rail_ref,
        attempt=status.attempt,
        worker=status.worker if is_claimed else "",
        lease_until_us=status.lease_until_us if is_claimed else 0,
        attention=status.needs_attention,
        recall_requested=status.has(PayoutFlag.RECALL_REQUESTED),
        return_closed=status.has(PayoutFlag.RETURN_CLOSED),
        failure=cast(payouts_pb2.FailureReason, status.failure),
        failure_code=status.code,
        value_date=status.value_date,
        final_at_us=status.final_at_us,
        release_at_us=_release_at_us(found),
        arrival_date=status.arrival_date,
    )


def _release_at_us(found: PayoutFound) -> int:
    if found.state is not PayoutState.SCHEDULED:
        return 0
    moved_us = found.status.release_at_us if found.status is not None else 0
    return moved_us or found.head.release_at_us


def exception(found: LedgerException, payout_id: bytes) -> audit_pb2.PayoutException:
    """Return an exception as it is. payout_id: b"" where it has no payout."""
    index, ordinal = found.position
    told = "".join(part.capitalize() for part in Trigger(found.trigger).name.split("_"))
    return audit_pb2.PayoutException(
        index=index,
        ordinal=ordinal,
        opened_at_us=found.ts_us,
        cause=cast(audit_pb2.PayoutException.Cause, int(found.cause)),
        payout_id=ids.encode(ids.PAYOUT, payout_id) if payout_id else "",
        told=told,
        rail=rail_names.known().name(found.rail),
        rail_key=found.rail_key,
        reference=found.reference,
        amount_units=found.amount_minor,
        code=found.code,
        reported_by=found.reported_by,
        proposed=cast(audit_pb2.ExceptionResolution, found.proposed),
        proposed_by=found.proposed_by,
        reason=found.reason,
        resolved_by=found.resolved_by,
        changed_at_us=found.changed_ts_us,
    )


def created(
    asked: payouts_pb2.PayoutOrder,
    decided: Decided,
    *,
    details: bytes,
    principal: str,
) -> payouts_pb2.Payout:
    """Return the payout of a submit that was the first of its id, without reading state."""
    row = decided.first
    made = payouts_pb2.Payout(
        order=asked,
        state=state(decided.outcomes.states[row]),
        fee_units=decided.outcomes.fees_minor[row],
        index=decided.index,
        ordinal=row,
        created_at_us=decided.ts_us,
        updated_index=decided.index,
        updated_at_us=decided.ts_us,
        submitted_by=principal,
        version=1,
        destination_fingerprint=destination_fingerprint(details).hex(),
    )
    made.rail = asked.rail
    if made.state == payouts_pb2.SCHEDULED:
        made.release_at_us = asked.release_at_us
    made.order.amount.exponent = exponent_of(asked.amount.currency)
    return made


def refused(found: PayoutRefused) -> payouts_pb2.RefusedPayout:
    """Return why an id is spent."""
    record = found.record
    return payouts_pb2.RefusedPayout(
        payout_id=ids.encode(ids.PAYOUT, found.payout_id),
        refusal=refusal(record.refusal),
        index=record.index,
        ordinal=record.ordinal,
        refused_at_us=record.ts_us,
    )


def balances(found: Balances) -> accounts_pb2.Balances:
    """Return the five balances of an account."""
    return accounts_pb2.Balances(
        available_units=found.available_minor,
        reserved_units=found.reserved_minor,
        held_units=found.held_minor,
        blocked_units=found.blocked_minor,
        receivable_units=found.receivable_minor,
    )


def account(found: Account) -> accounts_pb2.Account:
    """Return an account as it is."""
    currency = CURRENCIES[found.currency]
    return accounts_pb2.Account(
        account_id=ids.encode(ids.ACCOUNT, found.account_id),
        currency=currency.code,
        exponent=currency.exponent,
        livemode=found.livemode,
        owner_ref=found.owner_ref,
        min_balance_units=found.min_balance_minor,
        status=_account_status(found.status),
        balances=balances(found.balances),
        sequence=found.sequence,
        opened_index=found.opened_index,
        opened_at_us=found.opened_ts_us,
        account_class=found.account_class,
    )


def hold(found: Hold) -> accounts_pb2.Hold:
    """Return a hold as it is."""
    currency = CURRENCIES[found.currency]
    index, ordinal = found.position
    captured_to = ""
    if found.captured_to:
        captured_to = ids.encode(ids.ACCOUNT, found.captured_to)
    return accounts_pb2.Hold(
        hold_id=ids.encode(ids.HOLD, found.hold_id),
        account_id=ids.encode(ids.ACCOUNT, found.account_id),
        amount=common_pb2.Money(
            units=found.amount_minor,
            currency=currency.code,
            exponent=currency.exponent,
        ),
        expires_at_us=found.expires_at_us,
        reference=found.reference,
        state=cast(accounts_pb2.Hold.State, int(found.state)),
        captured_units=found.captured_minor,
        captured_to=captured_to,
        index=index,
        ordinal=ordinal,
        created_at_us=found.ts_us,
        updated_index=found.changed[0],
        updated_at_us=found.changed_ts_us,
        created_by=found.principal,
    )


def voucher(found: Voucher) -> accounts_pb2.Voucher:
    """Return a voucher as it is."""
    currency = CURRENCIES[found.book.currency]
    index, ordinal = found.position
    made = accounts_pb2.Voucher(
        voucher_id=ids.encode(ids.REQUEST, found.voucher_id),
        livemode=found.book.livemode,
        currency=currency.code,
        exponent=currency.exponent,
        legs=map(_leg, found.legs),
        reason=found.reason,
        state=cast(accounts_pb2.Voucher.State, int(found.state)),
        created_by=found.principal,
        index=index,
        ordinal=ordinal,
        created_at_us=found.ts_us,
        updated_by=found.changed_by,
        updated_index=found.changed[0],
        updated_at_us=found.changed_ts_us,
    )
    if found.linked != NO_ENTRY:
        index, ordinal, n = found.linked
        made.linked.CopyFrom(
            accounts_pb2.EntryPosition(index=index, ordinal=ordinal, n=n)
        )
    return made


def _leg(found: Leg) -> accounts_pb2.EntryLeg:
    kind, subject = found.account
    is_customer = found.account.is_customer
    is_debit = found.side == Side.DEBIT
    return accounts_pb2.EntryLeg(
        kind=cast(accounts_pb2.EntryLeg.Kind, int(kind)),
        account_id=ids.encode(ids.ACCOUNT, subject) if is_customer else "",
        bank="" if is_customer else subject.decode("ascii"),
        side=accounts_pb2.EntryLeg.DEBIT if is_debit else accounts_pb2.EntryLeg.CREDIT,
        units=found.amount_minor,
    )


def book(found: TrialBook) -> accounts_pb2.Book:
    """Return the trial balance of one book."""
    currency = CURRENCIES[found.book.currency]
    return accounts_pb2.Book(
        livemode=found.book.livemode,
        currency=currency.code,
        exponent=currency.exponent,
        lines=[
            accounts_pb2.TrialBalanceLine(
                ledger_account=line.ledger_account,
                debit_units=str(line.debit_minor),
                credit_units=str(line.credit_minor),
                accounts=line.accounts,
            )
            for line in found.lines
        ],
        debit_units=str(found.debit_minor),
        credit_units=str(found.credit_minor),
        balanced=found.is_balanced,
    )


# The wire's numbers are the ledger's; a test compares them name by name. To the type checker each
# generated enum is a class of its own, to the run time they are all integers: hence the casts.


def state(value: int) -> payouts_pb2.PayoutState:
    """Return the wire's form of a payout's state; 0 where there is no payout."""
    return cast(payouts_pb2.PayoutState, value)


def refusal(code: int) -> common_pb2.RefusalCode:
    """Return the public code of a refusal; the numbers are the same."""
    return cast(common_pb2.RefusalCode, code)


def _destination_kind(value: int) -> payouts_pb2.Destination.Kind:
    return cast(payouts_pb2.Destination.Kind, value)


def _account_status(value: int) -> accounts_pb2.AccountStatus:
    return cast(accounts_pb2.AccountStatus, value)


def exponent_of(code: str) -> int:
    """Return the number of decimals of a currency that the table knows."""
    return _EXPONENTS[code]


_EXPONENTS: Final = {row.code: row.exponent for row in CURRENCIES.values()}
