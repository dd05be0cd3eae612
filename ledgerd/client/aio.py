"""`AsyncClient`: every call of the public API for programs with an event loop."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ledgerd.api.v1 import (
    accounts_pb2,
    admin_pb2,
    audit_pb2,
    cluster_pb2,
    events_pb2,
    payouts_pb2,
)
from ledgerd.api.v1.common_pb2 import ALL_VOTERS, Money
from ledgerd.client.account_calls import AccountCalls
from ledgerd.client.calls import Calls, closed
from ledgerd.client.coalesce import EXTRA_PATIENCE_S_PER_ROW, Coalescer
from ledgerd.client.concerns import (
    WriteConcern,
    as_of,
    check_kept,
    one_of,
    read_concern,
    write_concern,
)
from ledgerd.client.dispatch_calls import DispatchCalls
from ledgerd.client.exports import ExportPart, part_of
from ledgerd.client.fee_calls import FeeCalls
from ledgerd.client.ids import new_account_id, new_request_id
from ledgerd.client.leader import Node, Nodes
from ledgerd.client.log_parts import LogPart, log_part
from ledgerd.client.orders import payout_order
from ledgerd.client.payout_calls import PayoutCalls
from ledgerd.client.profile import Profile
from ledgerd.client.rail_calls import RailCalls
from ledgerd.client.results import (
    CommandResult,
    Refused,
    SubmitResult,
    command_result,
    submit_result,
)
from ledgerd.client.risk_calls import RiskCalls
from ledgerd.client.setting_calls import SettingCalls
from ledgerd.client.watch import Watch, event_filter
from ledgerd.errors import CallError, ConfigError, NotLogged, Reason
from ledgerd.limits import BATCH_COMMANDS_MAX, REQUEST_BYTES_MAX

STATUSES_DEADLINE_S: Final = 1.0
_DEADLINE_S_MAX: Final = 1e8  # three years: gRPC takes far later ones for past
_PAUSE_S: Final = 0.1  # until the nodes are asked again who leads


class AsyncClient(
    AccountCalls,
    PayoutCalls,
    FeeCalls,
    RailCalls,
    RiskCalls,
    SettingCalls,
    DispatchCalls,
):
    """Talks to one cluster. Use it in `async with`, or call `close`.

    Deadlines are in seconds from the call, of all attempts together; None takes the
    profile's. Every method ends by its deadline: with a value, which is the log's answer,
    or by raising NotLogged or OutcomeUnknown. Amounts are minor units.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        retry: bool = True,
        node_id: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Open nothing yet: channels belong to the loop of the first call.

        Args:
            profile: The cluster and the caller's certificate.
            retry: Whether a call may take several attempts.
            node_id: Talk to this node only.
            dry_run: Calls about accounts and payouts are judged and not made: their results are
                those that they would get now, with index 0. Submits too, up to 1,000 at a time.
                Other calls that change something raise NotLogged.
        """
        self.profile = profile
        self._retry = retry
        self._node_id = node_id
        self._is_dry = dry_run
        self._is_closed = False
        self._opened: tuple[Nodes, Calls, Coalescer] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def from_profile(
        cls, path: str | Path, *, retry: bool = True, node_id: int | None = None
    ) -> Self:
        """Return a client for the profile file at `path`. Raises ConfigError."""
        return cls(Profile.load(path), retry=retry, node_id=node_id)

    async def __aenter__(self) -> Self:
        self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls under way end as unknown. May be called twice."""
        self._is_closed = True
        if self._opened is not None:
            nodes, calls, coalescer = self._opened
            self._opened = None
            calls.close()
            await coalescer.close()
            await nodes.close()

    @property
    def leader_id(self) -> int | None:
        """The node that this client believes to lead; None if it does not know."""
        return None if self._opened is None else self._opened[0].leader_id

    # Payouts

    async def submit(
        self,
        *,
        account: str,
        amount: int,
        currency: str,
        rail: str,
        destination: payouts_pb2.Destination,
        reference: str = "",
        metadata: Mapping[str, str] | None = None,
        payout_id: str | None = None,
        release_at_us: int = 0,
        fee_expected: int | None = None,
        quoted_at_us: int = 0,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> SubmitResult:
        """Submit one payout; concurrent submits share batches. See `payout_order`."""
        order = payout_order(
            account=account,
            amount=amount,
            currency=currency,
            rail=rail,
            destination=destination,
            reference=reference,
            metadata=metadata,
            payout_id=payout_id,
            release_at_us=release_at_us,
            fee_expected=fee_expected,
            quoted_at_us=quoted_at_us,
        )
        return await self.submit_order(order, concern=concern, deadline=deadline)

    async def submit_order(
        self,
        order: payouts_pb2.PayoutOrder,
        *,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> SubmitResult:
        """Submit one prepared order, like `submit`.

        One that waits for all voters travels alone: it would hold back its neighbours. So does one
        that links to a next order: that would be a stranger's. See `chain` for what it is for.
        """
        until = self._until(deadline)
        _, _, coalescer = self._open()
        if concern is WriteConcern.QUORUM and not order.is_linked:
            return await coalescer.submit(order, deadline=until)
        (result,) = await self.submit_batch([order], concern=concern, deadline=deadline)
        return result

    async def submit_batch(
        self,
        orders: Sequence[payouts_pb2.PayoutOrder],
        *,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> Sequence[SubmitResult]:
        """Submit 1 .. 8,192 orders in one log entry; one result each, in order.

        They are independent, but for those that `chain` made one of.
        """
        reply = await self.submit_request(
            payouts_pb2.SubmitBatchRequest(
                orders=orders, concern=write_concern(concern)
            ),
            deadline=deadline,
        )
        header = reply.header
        check_kept(header, concern)
        return [
            submit_result(order.payout_id, header, result)
            for order, result in zip(orders, reply.results, strict=True)
        ]

    async def submit_request(
        self,
        request: payouts_pb2.SubmitBatchRequest,
        *,
        deadline: float | None = None,
    ) -> payouts_pb2.SubmitBatchReply:
        """Submit a batch as the wire has it, and return the wire's answer."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        rows = len(request.orders)
        if not 1 <= rows <= BATCH_COMMANDS_MAX:
            raise NotLogged(
                Reason.MALFORMED,
                f"expected 1 .. {BATCH_COMMANDS_MAX} orders in a batch, found {rows}",
            )
        if (found := request.ByteSize()) > REQUEST_BYTES_MAX:
            raise NotLogged(
                Reason.TOO_LARGE,
                f"expected at most {REQUEST_BYTES_MAX} bytes in a batch, found {found}; "
                "submit fewer orders at a time",
            )
        # On a stream it would hold back the replies to the batches behind it.
        travels_alone = request.concern == ALL_VOTERS
        return await calls.mutate(
            lambda node: (
                node.payouts.SubmitBatch if travels_alone else node.lane.submit_batch
            ),
            request,
            deadline=until,
            extra_patience_s=EXTRA_PATIENCE_S_PER_ROW * rows,
        )

    async def cancel(
        self,
        payout_id: str,
        *,
        reason: str = "",
        expected_version: int = 0,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Cancel a payout that was not dispatched; its reserved money is free again."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        request = payouts_pb2.CancelPayoutRequest(
            request_id=request_id or new_request_id(),
            payout_id=payout_id,
            reason=reason,
            expected_version=expected_version,
            concern=write_concern(concern),
        )
        reply = await calls.mutate(
            lambda node: node.payouts.Cancel, request, deadline=until
        )
        check_kept(reply.header, concern)
        return command_result(
            request.request_id, reply.header, reply.result, reply.state
        )

    async def get(
        self,
        payout_id: str,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> payouts_pb2.GetPayoutReply:
        """Return a payout as it is now, or how its submit was refused.

        Errors: NotLogged with NOT_FOUND, when the id was never used.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.payouts.Get,
            payouts_pb2.GetPayoutRequest(
                payout_id=payout_id, concern=read_concern(at_least, max_age)
            ),
            deadline=until,
        )

    async def list(
        self,
        *,
        account: str = "",
        state: str = "",
        rail: str = "",
        currency: str = "",
        created_from_us: int = 0,
        created_to_us: int = 0,
        destination_fingerprint: str = "",
        metadata_key: str = "",
        metadata_value: str | None = None,
        attention: bool | None = None,
        page_size: int = 0,
        cursor: str = "",
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> payouts_pb2.ListPayoutsReply:
        """Return one page of the payouts that match every filter that is set.

        Args:
            state: Name of a payout state, for example READY.
            created_from_us: Log time, inclusive, microseconds; 0 is open.
            created_to_us: Log time, exclusive.
            destination_fingerprint: Of the destination, as payouts show it.
            metadata_key: A key that the nodes' option `metadata_filters` names.
            metadata_value: With that key; None: any value.
            attention: Whether a person has to do something about it; None: either.
            page_size: 1 .. 1,000; 0 means 100. A page may be shorter.
            cursor: `next_cursor` of the page before; it is empty on the last page.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.payouts.List,
            payouts_pb2.ListPayoutsRequest(
                account_id=account,
                state=state.upper() or None,
                rail=rail,
                currency=currency,
                created_from_us=created_from_us,
                created_to_us=created_to_us,
                destination_fingerprint=destination_fingerprint,
                metadata_key=metadata_key,
                metadata_value=metadata_value,
                attention=attention,
                page_size=page_size,
                cursor=cursor,
                concern=read_concern(at_least, max_age),
            ),
            deadline=until,
        )

    # Accounts

    async def open_account(
        self,
        *,
        currency: str,
        livemode: bool,
        owner_ref: str = "",
        min_balance: int = 0,
        account_class: str = "",
        account_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> str:
        """Open an account and return its id. Raises Refused if the ledger did not."""
        result = await self.open_account_result(
            currency=currency,
            livemode=livemode,
            owner_ref=owner_ref,
            min_balance=min_balance,
            account_class=account_class,
            account_id=account_id,
            concern=concern,
            deadline=deadline,
        )
        if not result.accepted:
            raise Refused(result)
        return result.id

    async def open_account_result(
        self,
        *,
        currency: str,
        livemode: bool,
        owner_ref: str = "",
        min_balance: int = 0,
        account_class: str = "",
        account_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Open an account and return the log's answer, whatever it is."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        request = accounts_pb2.OpenAccountRequest(
            account_id=account_id or new_account_id(),
            currency=currency,
            livemode=livemode,
            owner_ref=owner_ref,
            min_balance_units=min_balance,
            account_class=account_class,
            concern=write_concern(concern),
        )
        reply = await calls.mutate(
            lambda node: node.ledger.OpenAccount, request, deadline=until
        )
        check_kept(reply.header, concern)
        return command_result(request.account_id, reply.header, reply.result)

    async def fund(
        self,
        account: str,
        amount: int,
        currency: str,
        *,
        bank: str,
        external_ref: str,
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Book money that arrived for an account at one of our banks.

        Args:
            bank: Our bank that received it, [a-z0-9_-]{1,32}.
            external_ref: The bank's reference; it counts once for each bank.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        request = accounts_pb2.FundRequest(
            request_id=request_id or new_request_id(),
            account_id=account,
            amount=Money(units=amount, currency=currency),
            bank=bank,
            external_ref=external_ref,
            concern=write_concern(concern),
        )
        reply = await calls.mutate(
            lambda node: node.ledger.Fund, request, deadline=until
        )
        check_kept(reply.header, concern)
        return command_result(request.request_id, reply.header, reply.result)

    async def transfer(
        self,
        from_account: str,
        to_account: str,
        amount: int,
        currency: str,
        *,
        reference: str = "",
        request_id: str | None = None,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> CommandResult:
        """Move available money between two accounts of one currency."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        request = accounts_pb2.TransferRequest(
            request_id=request_id or new_request_id(),
            from_account_id=from_account,
            to_account_id=to_account,
            amount=Money(units=amount, currency=currency),
            reference=reference,
            concern=write_concern(concern),
        )
        reply = await calls.mutate(
            lambda node: node.ledger.Transfer, request, deadline=until
        )
        check_kept(reply.header, concern)
        return command_result(request.request_id, reply.header, reply.result)

    async def account(
        self,
        account_id: str,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.GetAccountReply:
        """Return an account with its balances. Raises NotLogged with NOT_FOUND."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.ledger.GetAccount,
            accounts_pb2.GetAccountRequest(
                account_id=account_id, concern=read_concern(at_least, max_age)
            ),
            deadline=until,
        )

    async def accounts(
        self,
        *,
        currency: str = "",
        owner_ref: str = "",
        page_size: int = 0,
        cursor: str = "",
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.ListAccountsReply:
        """Return one page of accounts; pages as in `list`."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.ledger.ListAccounts,
            accounts_pb2.ListAccountsRequest(
                currency=currency,
                owner_ref=owner_ref,
                page_size=page_size,
                cursor=cursor,
                concern=read_concern(at_least, max_age),
            ),
            deadline=until,
        )

    async def balance(
        self,
        account_id: str,
        *,
        at_index: int | None = None,
        at_us: int | None = None,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.GetBalanceReply:
        """Return the balances of an account, now or at a moment of the past.

        Args:
            at_index: After every entry of the log up to this one.
            at_us: After every entry up to this log time, microseconds.

        Errors: NotLogged with NOT_FOUND, or INDEX_NOT_KEPT for an index yet to come.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.ledger.GetBalance,
            accounts_pb2.GetBalanceRequest(
                account_id=account_id,
                concern=read_concern(at_least, max_age),
                as_of=as_of(at_index, at_us),
            ),
            deadline=until,
        )

    # Events

    def watch(
        self,
        from_seq: int | None = None,
        *,
        account: str = "",
        payout: str = "",
        kinds: Sequence[str] = (),
        currency: str = "",
        until_seq: int | None = None,
        deadline: float | None = None,
    ) -> Watch:
        """Return the events from number `from_seq` on, as they happen: an async iterator.

        It reconnects and goes on by itself, on any node, for as long as it takes. Keep its
        `next_seq` with what you make of the events, and begin there next time.

        Args:
            from_seq: First event wanted, 1 or more; None: only what happens from now on.
            account: Only events that changed this account.
            payout: Only events of this payout.
            kinds: Only events of these kinds, for example PAYOUT_CREATED.
            currency: Only events in this currency.
            until_seq: End once every event up to this number was looked at.
            deadline: Seconds until the first reply; None takes the profile's.

        Errors: NotLogged, from the iterator: EVENT_NOT_KEPT or WRONG_CLUSTER for a number
        that this cluster cannot go on from; ValueError for an unknown kind.
        """
        until = self._until(deadline)
        nodes, _, _ = self._open()
        return Watch(
            nodes,
            cluster_id=self.profile.cluster_id,
            from_seq=from_seq,
            asked=event_filter(
                account=account, payout=payout, kinds=kinds, currency=currency
            ),
            until_seq=until_seq,
            deadline=until,
        )

    async def last_event_seq(self, *, deadline: float | None = None) -> int:
        """Return the number of the last event there is now, 0 for none. Raises NotLogged."""
        async with self.watch(deadline=deadline) as watch:
            behind = await watch.mark()
        assert behind is not None, "a mark says where it stands"
        return behind - 1

    async def event(
        self,
        seq: int,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> events_pb2.GetEventReply:
        """Return one event by its number. Raises NotLogged with EVENT_NOT_KEPT."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.feed.GetEvent,
            events_pb2.GetEventRequest(
                seq=seq, concern=read_concern(at_least, max_age)
            ),
            deadline=until,
        )

    # The books and the cluster

    async def trial_balance(
        self,
        *,
        at_index: int | None = None,
        at_us: int | None = None,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.TrialBalanceReply:
        """Return debits and credits of every ledger account, for each book.

        Of the past, as in `balance`, it takes time: the journal is added up.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.reports.TrialBalance,
            accounts_pb2.TrialBalanceRequest(
                concern=read_concern(at_least, max_age), as_of=as_of(at_index, at_us)
            ),
            deadline=until,
        )

    async def statement(
        self,
        account_id: str,
        *,
        from_index: int | None = None,
        from_us: int | None = None,
        to_index: int | None = None,
        to_us: int | None = None,
        page_size: int = 0,
        cursor: str = "",
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.StatementReply:
        """Return one page of what happened on an account between two moments.

        Args:
            from_index: First log index, inclusive; or `from_us`, a log time in
                microseconds. Neither: from the beginning.
            to_index: Where it ends, exclusive; or `to_us`. Neither: at the last entry.
            page_size: Lines, 1 .. 1,000; 0 means 100.
            cursor: `next_cursor` of the page before; it is empty on the last page.

        Errors: NotLogged; ValueError when an index and a time are given for one end.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        for index, time_us in ((from_index, from_us), (to_index, to_us)):
            one_of(index, time_us)
        return await calls.read(
            lambda node: node.reports.Statement,
            accounts_pb2.StatementRequest(
                account_id=account_id,
                from_index=from_index,
                from_us=from_us,
                to_index=to_index,
                to_us=to_us,
                page_size=page_size,
                cursor=cursor,
                concern=read_concern(at_least, max_age),
            ),
            deadline=until,
        )

    async def export_part(
        self,
        *,
        as_of_index: int | None = None,
        after: tuple[int, int, int] = (0, 0, 0),
        deadline: float | None = None,
    ) -> ExportPart:
        """Return a part of the journal: what stands behind `after`, up to `as_of_index`.

        as_of_index: None: the newest entry; the parts that follow name what the first one says.
        Errors: NotLogged.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        index, ordinal, n = after
        request = accounts_pb2.ExportBooksRequest(
            as_of_index=as_of_index or 0,
            after_index=index,
            after_ordinal=ordinal,
            after_n=n,
        )
        return await calls.read(part_of, request, deadline=until)

    # Proofs

    async def tree_head(
        self, index: int | None = None, *, deadline: float | None = None
    ) -> audit_pb2.TreeHead:
        """Return the signed head of the audit tree up to `index`; None: up to the newest entry.

        Errors: NotLogged, with INDEX_NOT_KEPT for an index outside of the tree.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        reply = await calls.read(
            lambda node: node.audit.GetTreeHead,
            audit_pb2.TreeHeadRequest(index=index or 0),
            deadline=until,
        )
        return reply.head

    async def inclusion_proof(
        self,
        payout_id: str,
        *,
        head_index: int | None = None,
        deadline: float | None = None,
    ) -> audit_pb2.InclusionProofReply:
        """Return that the entry which accepted a payout is in the tree; see `receipts`.

        head_index: the last entry of the tree; None: the newest.
        Errors: NotLogged, with NOT_FOUND, or INDEX_NOT_KEPT for a payout older than the tree.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.audit.InclusionProof,
            audit_pb2.InclusionProofRequest(
                payout_id=payout_id, head_index=head_index or 0
            ),
            deadline=until,
        )

    async def consistency_proof(
        self,
        first_index: int,
        second_index: int | None = None,
        *,
        deadline: float | None = None,
    ) -> audit_pb2.ConsistencyProofReply:
        """Return that the tree up to `second_index` holds the one up to `first_index`.

        second_index: None: the newest entry. Errors: as `tree_head`.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.audit.ConsistencyProof,
            audit_pb2.ConsistencyProofRequest(
                first_index=first_index, second_index=second_index or 0
            ),
            deadline=until,
        )

    async def digest_at(
        self, index: int | None = None, *, deadline: float | None = None
    ) -> audit_pb2.IndexDigestReply:
        """Return the apply digest after the entry at `index`; None: the newest.

        Errors: as `tree_head`.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.audit.Digest,
            audit_pb2.IndexDigestRequest(index=index or 0),
            deadline=until,
        )

    async def export_log_part(
        self,
        from_index: int | None = None,
        to_index: int | None = None,
        *,
        deadline: float | None = None,
    ) -> LogPart:
        """Return a part of the log from `from_index` on, up to `to_index`; see `log_files`.

        from_index: None: the first entry that the node asked still has. to_index: None: the last
        that is applied. While the part has `more`, ask again from its `next_index` on with its
        `to_index`. Role: auditor, admin.
        Errors: NotLogged, with LOG_CUT where no node has that start any more, else the reason of a
        node that could not be asked and may have it: `index_first` in its metadata is the first
        entry that any of those asked has.
        """
        until = self._until(deadline)
        nodes, calls, _ = self._open()
        return await log_part(
            nodes,
            calls,
            from_index=from_index or 0,
            to_index=to_index or 0,
            deadline=until,
        )

    async def export_log(
        self,
        from_index: int | None = None,
        to_index: int | None = None,
        *,
        deadline: float | None = None,
    ) -> AsyncIterator[audit_pb2.LogEntry]:
        """Yield the entries of the log in order, from whichever nodes there are.

        deadline: of each of its calls. Arguments and errors: as `export_log_part`.
        """
        part = await self.export_log_part(from_index, to_index, deadline=deadline)
        for entry in part.entries:
            yield entry
        while part.more:
            part = await self.export_log_part(
                part.next_index, part.to_index, deadline=deadline
            )
            for entry in part.entries:
                yield entry

    async def transfer_leadership(
        self, to: int | None = None, *, deadline: float | None = None
    ) -> cluster_pb2.TransferLeadershipReply:
        """Hand the leadership to node `to`, or to whichever can take over soonest.

        Returns who leads now. Repeating it is harmless: the node that leads at the
        first attempt is the only one that hands over.
        Errors: NotLogged, OutcomeUnknown.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        leader_id = await self.find_leader(deadline=deadline)
        request = cluster_pb2.TransferLeadershipRequest(
            to_node_id=to or 0, from_node_id=leader_id
        )
        return await calls.mutate(
            lambda node: node.cluster.Transfer, request, deadline=until
        )

    async def snapshot(
        self,
        node_id: int | None = None,
        *,
        make: bool = False,
        deadline: float | None = None,
    ) -> cluster_pb2.SnapshotReply:
        """Return the newest copy of the state on a node, after making one if `make`.

        node_id: None: the leader. A copy that takes longer than the call goes on: ask again.
        Errors: NotLogged, OutcomeUnknown, ValueError for a node that the profile does not have,
        ConfigError for a leader that it does not have and no node tells the address of.
        """
        if make and self._is_dry:
            raise NotLogged(
                Reason.MALFORMED, "this client makes dry runs only, and no snapshots"
            )
        until = self._until(deadline)
        nodes, calls, _ = self._open()
        if node_id is None:
            node_id = await self.find_leader(deadline=deadline)
            if nodes.get(node_id) is None:
                await self._reach(nodes, node_id, until)
        if (node := nodes.get(node_id)) is None:
            raise ValueError(f"expected a node of the profile, found {node_id}")
        request = cluster_pb2.SnapshotRequest(make=make)
        return await calls.ask(node, node.cluster.Snapshot, request, deadline=until)

    async def _reach(self, nodes: Nodes, leader_id: int, until: float) -> None:
        """Learn where a leader is that the profile does not have: other nodes name it.

        Errors: ConfigError, if they do not; NotLogged, if it is not there.
        """
        names = ", ".join(str(node.node_id) for node in nodes)
        words = (
            f"node {leader_id} leads, and the profile does not have it (it has {names}); add its "
            "address to the profile, or name one of these nodes (--node)"
        )
        left_s = until - asyncio.get_running_loop().time()
        try:
            await self.members(deadline=max(left_s / 2, 0.001))
        except NotLogged as error:
            told = f"{error.message}; {words}"
            raise NotLogged(error.reason, told, error.metadata) from error
        if nodes.get(leader_id) is None:
            raise ConfigError(words)

    async def digests(
        self, *, deadline: float = STATUSES_DEADLINE_S
    ) -> Mapping[int, cluster_pb2.DigestReply | CallError]:
        """Return the digests of every node's state, or why it does not tell, asked at once.

        Equal indexes must have equal digests.
        """
        nodes, calls, _ = self._open()
        until = self._until(deadline)
        request = cluster_pb2.DigestRequest()

        async def ask(node: Node) -> cluster_pb2.DigestReply | CallError:
            try:
                return await calls.ask(
                    node, node.cluster.Digest, request, deadline=until
                )
            except CallError as error:
                return error

        ids = [node.node_id for node in nodes]
        answers = await asyncio.gather(*(ask(node) for node in nodes))
        return dict(zip(ids, answers, strict=True))

    async def members(
        self, *, deadline: float | None = None
    ) -> cluster_pb2.MembersReply:
        """Return who takes part and how far each node is, as the leader knows it.

        Errors: NotLogged.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        request = cluster_pb2.MembersRequest(from_leader=True)
        return await calls.read(
            lambda node: node.cluster.Members, request, deadline=until
        )

    async def add_node(
        self, request: cluster_pb2.AddNodeRequest, *, deadline: float | None = None
    ) -> cluster_pb2.MembershipReply:
        """Let a node learn, and vote once it keeps pace; returns when it learns.

        With `expected_index` set a repeated call takes effect at most once: then it is
        refused as MEMBERSHIP_MOVED. Errors: NotLogged, OutcomeUnknown.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.mutate(
            lambda node: node.cluster.AddNode, request, deadline=until
        )

    async def remove_node(
        self,
        request: cluster_pb2.RemoveNodeRequest,
        *,
        deadline: float | None = None,
    ) -> cluster_pb2.MembershipReply:
        """Let a node take no part any more. Errors: as `add_node`."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.mutate(
            lambda node: node.cluster.RemoveNode, request, deadline=until
        )

    async def replace_node(
        self,
        request: cluster_pb2.ReplaceNodeRequest,
        *,
        deadline: float | None = None,
    ) -> cluster_pb2.MembershipReply:
        """Let a new node catch up and take a voter's place. Errors: as `add_node`."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.mutate(
            lambda node: node.cluster.ReplaceNode, request, deadline=until
        )

    async def cluster_status(
        self, *, deadline: float | None = None
    ) -> cluster_pb2.ClusterStatusReply:
        """Return the cluster as its leader sees it. Raises NotLogged while nobody leads."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.read(
            lambda node: node.cluster.Status,
            cluster_pb2.ClusterStatusRequest(from_leader=True),
            deadline=until,
        )

    async def update_node(
        self,
        request: cluster_pb2.UpdateNodeRequest,
        *,
        deadline: float | None = None,
    ) -> cluster_pb2.MembershipReply:
        """Change what is known of a member. Errors: as `add_node`."""
        until = self._until(deadline)
        _, calls, _ = self._open()
        return await calls.mutate(
            lambda node: node.cluster.UpdateNode, request, deadline=until
        )

    async def status(
        self, node_id: int | None = None, *, deadline: float | None = None
    ) -> admin_pb2.StatusReply:
        """Return what a node knows of itself; of any that answers, if None is named.

        Errors: NotLogged, ValueError for a node that the profile does not have.
        """
        until = self._until(deadline)
        nodes, calls, _ = self._open()
        if node_id is None:
            return await calls.read(
                lambda node: node.admin.Status,
                admin_pb2.StatusRequest(),
                deadline=until,
            )
        if (node := nodes.get(node_id)) is None:
            raise ValueError(f"expected a node of the profile, found {node_id}")
        return await calls.ask(
            node,
            node.admin.Status,
            admin_pb2.StatusRequest(),
            deadline=until,
        )

    async def statuses(
        self, *, deadline: float = STATUSES_DEADLINE_S
    ) -> Mapping[int, admin_pb2.StatusReply | CallError]:
        """Return what every node says of itself, or why it does not, asked at once."""
        nodes, _, _ = self._open()
        ids = [node.node_id for node in nodes]
        answers = await asyncio.gather(
            *(self._status_or_error(node_id, deadline) for node_id in ids)
        )
        return dict(zip(ids, answers, strict=True))

    async def find_leader(self, *, deadline: float | None = None) -> int:
        """Return which node leads, as the nodes say now; the profile need not have it.

        All are asked at once, and what is said of the newest term is believed: a node that is cut
        off, or was removed, names nobody, or who led before. They are asked again, within the
        deadline, while none names a leader.
        A node that is connected and silent is waited for, at first 1 s or half of a shorter
        deadline: it may be the only one that knows the newest term, for the profile need not be
        the members. One that is down costs no time.
        Errors: NotLogged, with NO_LEADER if nodes answer and none names one by the deadline.
        """
        until = self._until(deadline)
        _, calls, _ = self._open()
        loop = asyncio.get_running_loop()
        has_heard = False
        ask_s_max = STATUSES_DEADLINE_S
        while True:
            # Half of the time left: what the caller goes on to do takes time as well.
            left_s = max(until - loop.time(), 0.002)
            answers = await self.statuses(deadline=min(left_s / 2, ask_s_max))
            told = [a for a in answers.values() if isinstance(a, admin_pb2.StatusReply)]
            if not told and not has_heard:
                # This tries for longer, and says in the end why nobody answers.
                request = admin_pb2.StatusRequest()
                told = [
                    await calls.read(
                        lambda node: node.admin.Status, request, deadline=until
                    )
                ]
            has_heard = True
            named = [(said.term, said.leader_id) for said in told if said.leader_id]
            if named:
                return max(named)[1]
            if not self._retry or until - loop.time() < 2 * _PAUSE_S:
                raise NotLogged(
                    Reason.NO_LEADER,
                    "expected a node that names the leader, found none: an election is under way, "
                    "or no majority is connected; `ledgerctl cluster status` shows each node",
                )
            await asyncio.sleep(_PAUSE_S)
            # Nodes with work to do may be slower than the one that is cut off.
            ask_s_max *= 2

    async def _status_or_error(
        self, node_id: int, deadline: float
    ) -> admin_pb2.StatusReply | CallError:
        try:
            return await self.status(node_id, deadline=deadline)
        except CallError as error:
            return error

    def _open(self) -> tuple[Nodes, Calls, Coalescer]:
        """Return the open parts; they belong to the loop of the first call.

        Errors: NotLogged when closed, RuntimeError in another loop.
        """
        if self._opened is None:
            if self._is_closed:
                raise closed()
            nodes = Nodes(self.profile, self._node_id)
            calls = Calls(nodes, retry=self._retry, dry_run=self._is_dry)
            self._opened = nodes, calls, Coalescer(calls)
            self._loop = asyncio.get_running_loop()
        elif self._loop is not asyncio.get_running_loop():
            # What it waits for would be waited for elsewhere: a submit would be sent all the same.
            raise RuntimeError(
                "expected the event loop of this client's first call, found another one: "
                "open a client in each loop, or share a blocking `Client`"
            )
        return self._opened

    def _until(self, deadline_s: float | None) -> float:
        """Return when a call that begins now must end, in seconds of the loop.

        Errors: ValueError for what is no number, which would upset the loop's timers.
        """
        if deadline_s is None:
            deadline_s = self.profile.deadline_ms / 1_000
        if math.isnan(deadline_s):
            raise ValueError("expected a deadline in seconds, found nan")
        return asyncio.get_running_loop().time() + min(deadline_s, _DEADLINE_S_MAX)
