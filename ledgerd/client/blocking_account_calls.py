"""The blocking face of `account_calls`."""

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ledgerd.api.v1 import accounts_pb2
from ledgerd.api.v1.accounts_pb2 import EntryLeg
from ledgerd.client.account_calls import AccountCalls
from ledgerd.client.concerns import WriteConcern
from ledgerd.client.results import CommandResult

_T = TypeVar("_T")


class BlockingAccountCalls(ABC):
    """The part of `Client` about accounts that came with state version 3."""

    _client: AccountCalls

    # Any: what a coroutine yields and is sent is the event loop's affair.
    @abstractmethod
    def _wait(self, call: Coroutine[Any, Any, _T]) -> _T: ...

    def close_account(
        self,
        account_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Close an account for ever: its balances are zero and nothing is open."""
        return self._wait(
            self._client.close_account(
                account_id,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def freeze(
        self,
        account_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Let an account take no new work; money that comes in is blocked."""
        return self._wait(
            self._client.freeze(
                account_id,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def unfreeze(
        self,
        account_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Let a frozen account work again; what was blocked stays so."""
        return self._wait(
            self._client.unfreeze(
                account_id,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def fund_reverse(
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
        return self._wait(
            self._client.fund_reverse(
                amount,
                currency,
                bank=bank,
                external_ref=external_ref,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def create_hold(
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
        return self._wait(
            self._client.create_hold(
                account_id,
                amount,
                currency,
                ttl=ttl,
                reference=reference,
                hold_id=hold_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def capture_hold(
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
        return self._wait(
            self._client.capture_hold(
                hold_id,
                to_account_id,
                amount,
                currency,
                reference=reference,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def release_hold(
        self,
        hold_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Give all money of a hold back to its account."""
        return self._wait(
            self._client.release_hold(
                hold_id,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def post_entry(
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
        return self._wait(
            self._client.post_entry(
                legs,
                currency=currency,
                livemode=livemode,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def adjust(
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
        return self._wait(
            self._client.adjust(
                legs,
                linked=linked,
                currency=currency,
                livemode=livemode,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def approve_voucher(
        self,
        voucher_id: str,
        *,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Post a voucher that somebody else wrote out."""
        return self._wait(
            self._client.approve_voucher(
                voucher_id,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def reject_voucher(
        self,
        voucher_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """End a voucher; nothing is posted."""
        return self._wait(
            self._client.reject_voucher(
                voucher_id,
                reason=reason,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def hold(
        self,
        hold_id: str,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.GetHoldReply:
        """Return a hold. Raises NotLogged with NOT_FOUND."""
        return self._wait(
            self._client.hold(
                hold_id,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )

    def holds(
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
        return self._wait(
            self._client.holds(
                account_id=account_id,
                state=state,
                page_size=page_size,
                cursor=cursor,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )

    def voucher(
        self,
        voucher_id: str,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.GetVoucherReply:
        """Return a voucher. Raises NotLogged with NOT_FOUND."""
        return self._wait(
            self._client.voucher(
                voucher_id,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )

    def vouchers(
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
        return self._wait(
            self._client.vouchers(
                state=state,
                page_size=page_size,
                cursor=cursor,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )
