"""Calls of `AsyncClient` about the status of accounts, holds, and entries written out by people.

Every call is one of `Ledger`; ids, deadlines and results are as in `AsyncClient`.
"""

from collections.abc import Sequence

from ledgerd.api.v1 import accounts_pb2
from ledgerd.api.v1.accounts_pb2 import EntryLeg, EntryPosition
from ledgerd.api.v1.common_pb2 import Money
from ledgerd.client.concerns import (
    WriteConcern,
    read_concern,
    write_concern,
)
from ledgerd.client.ids import new_hold_id, new_request_id
from ledgerd.client.part import Part
from ledgerd.client.results import CommandResult


class AccountCalls(Part):
    """The part of `AsyncClient` about accounts that came with state version 3."""

    async def close_account(
        self,
        account_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Close an account for ever: its balances are zero and nothing is open."""
        request = accounts_pb2.CloseAccountRequest(
            request_id=request_id or new_request_id(),
            account_id=account_id,
            reason=reason,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.CloseAccount,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def freeze(
        self,
        account_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Let an account take no new work; money that comes in is blocked."""
        request = accounts_pb2.FreezeRequest(
            request_id=request_id or new_request_id(),
            account_id=account_id,
            reason=reason,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.Freeze,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def unfreeze(
        self,
        account_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Let a frozen account work again; what was blocked stays so."""
        request = accounts_pb2.UnfreezeRequest(
            request_id=request_id or new_request_id(),
            account_id=account_id,
            reason=reason,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.Unfreeze,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def fund_reverse(
        self,
        amount: int,
        currency: str,
        *,
        bank: str,
        external_ref: str,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Book that a bank took back money of the `fund` with this bank and reference."""
        request = accounts_pb2.FundReverseRequest(
            request_id=request_id or new_request_id(),
            bank=bank,
            external_ref=external_ref,
            amount=Money(units=amount, currency=currency),
            reason=reason,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.FundReverse,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def create_hold(
        self,
        account_id: str,
        amount: int,
        currency: str,
        *,
        ttl: float,
        reference: str = "",
        hold_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Put available money aside; the result's id is the hold's.

        Args:
            ttl: Seconds of log time in which it can be captured, up to 400 days.
        """
        request = accounts_pb2.CreateHoldRequest(
            hold_id=hold_id or new_hold_id(),
            account_id=account_id,
            amount=Money(units=amount, currency=currency),
            ttl_us=round(ttl * 1_000_000),
            reference=reference,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.CreateHold,
            request,
            request.hold_id,
            concern,
            deadline,
        )

    async def capture_hold(
        self,
        hold_id: str,
        to_account_id: str,
        amount: int,
        currency: str,
        *,
        reference: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Give money of a hold to an account; what is left comes back."""
        request = accounts_pb2.CaptureHoldRequest(
            request_id=request_id or new_request_id(),
            hold_id=hold_id,
            to_account_id=to_account_id,
            amount=Money(units=amount, currency=currency),
            reference=reference,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.CaptureHold,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def release_hold(
        self,
        hold_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Give all money of a hold back to its account."""
        request = accounts_pb2.ReleaseHoldRequest(
            request_id=request_id or new_request_id(),
            hold_id=hold_id,
            reason=reason,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.ReleaseHold,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def post_entry(
        self,
        legs: Sequence[EntryLeg],
        *,
        currency: str,
        livemode: bool,
        reason: str,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Write out an entry; the result's id is the voucher's, for somebody else to approve."""
        request = accounts_pb2.PostEntryRequest(
            request_id=request_id or new_request_id(),
            livemode=livemode,
            currency=currency,
            legs=legs,
            reason=reason,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.PostEntry,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def adjust(
        self,
        legs: Sequence[EntryLeg],
        *,
        linked: tuple[int, int, int],
        currency: str,
        livemode: bool,
        reason: str,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Write out an entry that puts the one at `linked` right: index, ordinal, n."""
        request = accounts_pb2.AdjustRequest(
            request_id=request_id or new_request_id(),
            livemode=livemode,
            currency=currency,
            legs=legs,
            reason=reason,
            linked=entry_position(linked),
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.Adjust,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def approve_voucher(
        self,
        voucher_id: str,
        *,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Post a voucher that somebody else wrote out."""
        request = accounts_pb2.ApproveVoucherRequest(
            request_id=request_id or new_request_id(),
            voucher_id=voucher_id,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.ApproveVoucher,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def reject_voucher(
        self,
        voucher_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """End a voucher; nothing is posted."""
        request = accounts_pb2.RejectVoucherRequest(
            request_id=request_id or new_request_id(),
            voucher_id=voucher_id,
            reason=reason,
            concern=write_concern(concern),
        )
        return await self._command(
            lambda node: node.ledger.RejectVoucher,
            request,
            request.request_id,
            concern,
            deadline,
        )

    async def hold(
        self,
        hold_id: str,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.GetHoldReply:
        """Return a hold. Raises NotLogged with NOT_FOUND."""
        return await self._read(
            lambda node: node.ledger.GetHold,
            accounts_pb2.GetHoldRequest(
                hold_id=hold_id,
                concern=read_concern(at_least, max_age),
            ),
            deadline,
        )

    async def holds(
        self,
        *,
        account_id: str = "",
        state: str = "",
        page_size: int = 0,
        cursor: str = "",
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.ListHoldsReply:
        """Return one page of holds; pages as in `list`."""
        return await self._read(
            lambda node: node.ledger.ListHolds,
            accounts_pb2.ListHoldsRequest(
                account_id=account_id,
                state=state.upper() or None,
                page_size=page_size,
                cursor=cursor,
                concern=read_concern(at_least, max_age),
            ),
            deadline,
        )

    async def voucher(
        self,
        voucher_id: str,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.GetVoucherReply:
        """Return a voucher. Raises NotLogged with NOT_FOUND."""
        return await self._read(
            lambda node: node.ledger.GetVoucher,
            accounts_pb2.GetVoucherRequest(
                voucher_id=voucher_id,
                concern=read_concern(at_least, max_age),
            ),
            deadline,
        )

    async def vouchers(
        self,
        *,
        state: str = "",
        page_size: int = 0,
        cursor: str = "",
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.ListVouchersReply:
        """Return one page of vouchers; pages as in `list`."""
        return await self._read(
            lambda node: node.ledger.ListVouchers,
            accounts_pb2.ListVouchersRequest(
                state=state.upper() or None,
                page_size=page_size,
                cursor=cursor,
                concern=read_concern(at_least, max_age),
            ),
            deadline,
        )


def entry_position(position: tuple[int, int, int]) -> EntryPosition:
    """Return the message of an entry's position: index, ordinal, n."""
    index, ordinal, n = position
    return EntryPosition(index=index, ordinal=ordinal, n=n)
