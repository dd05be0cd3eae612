"""`Client`: the blocking face of `AsyncClient`, for programs without an event loop.

All blocking clients of a process share one event loop in one background thread: gRPC's
loops in several threads disturb each other (architecture.md 7). Any number of threads
may share one client; their concurrent submits travel in common batches.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from ledgerd.api.v1 import (
    accounts_pb2,
    admin_pb2,
    audit_pb2,
    cluster_pb2,
    events_pb2,
    payouts_pb2,
)
from ledgerd.client.aio import STATUSES_DEADLINE_S, AsyncClient
from ledgerd.client.blocking_account_calls import BlockingAccountCalls
from ledgerd.client.blocking_fee_calls import BlockingFeeCalls
from ledgerd.client.blocking_payout_calls import BlockingPayoutCalls
from ledgerd.client.blocking_rail_calls import BlockingRailCalls
from ledgerd.client.blocking_risk_calls import BlockingRiskCalls
from ledgerd.client.blocking_setting_calls import BlockingSettingCalls
from ledgerd.client.calls import closed
from ledgerd.client.concerns import WriteConcern
from ledgerd.client.exports import ExportPart
from ledgerd.client.fee_calls import FeeCalls
from ledgerd.client.log_parts import LogPart
from ledgerd.client.profile import Profile
from ledgerd.client.rail_calls import RailCalls
from ledgerd.client.results import CommandResult, SubmitResult
from ledgerd.client.risk_calls import RiskCalls
from ledgerd.client.setting_calls import SettingCalls
from ledgerd.client.watch import Watch
from ledgerd.errors import CallError, NotLogged, Reason

_T = TypeVar("_T")
_LAST_TASKS_S: Final = 1.0  # what is left after the last client has closed


class _LoopThread:
    """The one loop of all blocking clients: runs while there is a client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.is_lost = False  # this process was forked while there was a client

    def after_fork(self) -> None:
        """In a child: the thread is not there, and gRPC is of no use where it was under way."""
        self._lock = threading.Lock()
        self.is_lost |= self._loop is not None

    def check(self) -> None:
        """Raise NotLogged if this process cannot have clients."""
        if self.is_lost:
            raise NotLogged(
                Reason.STOPPING,
                "expected no client open when this process was forked, found one: its connections "
                "are the parent's; open clients after the fork, or `spawn` the process",
            )

    def enter(self) -> asyncio.AbstractEventLoop:
        """Return the running loop, started if this is the first client."""
        self.check()
        with self._lock:
            self._users += 1
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever,
                    name="ledgerd-client",
                    daemon=True,  # a client that was never closed must not hang the exit
                )
                self._thread.start()
            return self._loop

    def leave(self) -> None:
        """Stop the loop if this was the last client, once what still runs on it has ended.

        gRPC ends a cancelled stream in tasks of its own, a turn or two of the loop later. A loop
        that is closed before would drop them, and Python says so on standard error.
        """
        with self._lock:
            self._users -= 1
            assert self._users >= 0, self._users
            if self._users > 0 or self._loop is None or self._thread is None:
                return
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        try:
            asyncio.run_coroutine_threadsafe(_others_have_ended(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _others_have_ended() -> None:
    """Return when no other task is left on this loop; what takes too long is cancelled.

    Who waits in another thread for a task that never ends would wait for ever.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, late = await asyncio.wait(others, timeout=_LAST_TASKS_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


_LOOP_THREAD: Final = _LoopThread()
os.register_at_fork(after_in_child=_LOOP_THREAD.after_fork)


class BlockingWatch:
    """An iterator over events that blocks; the blocking face of `Watch`."""

    def __init__(
        self,
        watch: Watch,
        # Any: what a coroutine yields and is sent is the event loop's affair.
        wait: Callable[[Coroutine[Any, Any, Any]], Any],
    ) -> None:
        self._watch = watch
        self._wait = wait

    @property
    def next_seq(self) -> int | None:
        """The number to resume at once the event returned last is dealt with."""
        return self._watch.next_seq

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> events_pb2.Event:
        """Wait for the next event. Raises NotLogged when there can be none."""
        event: events_pb2.Event | None = self._wait(self._next())
        if event is None:
            raise StopIteration
        return event

    def close(self) -> None:
        """End the stream. May be called twice, and after the client was closed."""
        try:
            self._wait(self._close())
        except NotLogged as error:
            if error.reason is not Reason.STOPPING:
                raise

    async def _next(self) -> events_pb2.Event | None:
        return await anext(self._watch, None)

    async def _close(self) -> None:
        self._watch.close()


class Client(
    BlockingAccountCalls,
    BlockingPayoutCalls,
    BlockingFeeCalls,
    BlockingRailCalls,
    BlockingRiskCalls,
    BlockingSettingCalls,
):
    """Talks to one cluster and blocks. Use it in `with`, or call `close`.

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
        """Open the connections; they are made in the background.

        Args:
            profile: The cluster and the caller's certificate.
            retry: Whether a call may take several attempts.
            node_id: Talk to this node only.
            dry_run: Calls are judged and not made; see `AsyncClient`.

        Errors: ConfigError, when the certificate files cannot be used; NotLogged, in a process
        that was forked while a client was open.
        """
        self.profile = profile
        self._client: AsyncClient = AsyncClient(
            profile, retry=retry, node_id=node_id, dry_run=dry_run
        )
        # Not a plain lock: the handler of a signal that comes in a call may close.
        self._close_lock = threading.RLock()
        self._is_closed = False
        self._loop = _LOOP_THREAD.enter()
        try:
            self._wait(self._client.__aenter__())
        except BaseException:
            self.close()
            raise

    @classmethod
    def from_profile(
        cls, path: str | Path, *, retry: bool = True, node_id: int | None = None
    ) -> Self:
        """Return a client for the profile file at `path`. Raises ConfigError."""
        return cls(Profile.load(path), retry=retry, node_id=node_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; calls of other threads end as unknown. Idempotent."""
        if _LOOP_THREAD.is_lost:
            return  # they are the parent's
        with self._close_lock:
            if self._is_closed:
                return
            self._is_closed = True
        try:
            asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
        finally:
            _LOOP_THREAD.leave()

    @property
    def leader_id(self) -> int | None:
        """The node that this client believes to lead; None if it does not know."""
        return self._client.leader_id

    # Any: what a coroutine yields and is sent is the event loop's affair.
    def _fee_calls(self) -> FeeCalls:
        return self._client

    def _risk_calls(self) -> RiskCalls:
        return self._client

    def _setting_calls(self) -> SettingCalls:
        return self._client

    def _rail_calls(self) -> RailCalls:
        return self._client

    def _wait(self, call: Coroutine[Any, Any, _T]) -> _T:
        """Return what a call returns; an interrupt (SIGINT) cancels it."""
        try:
            _LOOP_THREAD.check()
        except NotLogged:
            call.close()
            raise
        # What is put on a loop that `close` is about to stop would never end.
        with self._close_lock:
            if self._is_closed:
                call.close()
                raise closed()
            try:
                waiting = asyncio.run_coroutine_threadsafe(call, self._loop)
            except RuntimeError:
                # The loop is closed: the handler of a signal did it just now.
                call.close()
                raise closed() from None
        try:
            return waiting.result()
        except BaseException:
            waiting.cancel()  # does nothing when it was the call itself that raised
            raise

    # Payouts

    def submit(
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
        return self._wait(
            self._client.submit(
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
                concern=concern,
                deadline=deadline,
            )
        )

    def submit_order(
        self,
        order: payouts_pb2.PayoutOrder,
        *,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> SubmitResult:
        """Submit one prepared order, like `submit`."""
        return self._wait(
            self._client.submit_order(order, concern=concern, deadline=deadline)
        )

    def submit_batch(
        self,
        orders: Sequence[payouts_pb2.PayoutOrder],
        *,
        concern: WriteConcern = WriteConcern.QUORUM,
        deadline: float | None = None,
    ) -> Sequence[SubmitResult]:
        """Submit 1 .. 8,192 orders in one log entry; one result each, in order."""
        return self._wait(
            self._client.submit_batch(orders, concern=concern, deadline=deadline)
        )

    def submit_request(
        self,
        request: payouts_pb2.SubmitBatchRequest,
        *,
        deadline: float | None = None,
    ) -> payouts_pb2.SubmitBatchReply:
        """Submit a batch as the wire has it, and return the wire's answer."""
        return self._wait(self._client.submit_request(request, deadline=deadline))

    def cancel(
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
        return self._wait(
            self._client.cancel(
                payout_id,
                reason=reason,
                expected_version=expected_version,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def get(
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
        return self._wait(
            self._client.get(
                payout_id, at_least=at_least, max_age=max_age, deadline=deadline
            )
        )

    def list(
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
        return self._wait(
            self._client.list(
                account=account,
                state=state,
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
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )

    # Accounts

    def open_account(
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
        return self._wait(
            self._client.open_account(
                currency=currency,
                livemode=livemode,
                owner_ref=owner_ref,
                min_balance=min_balance,
                account_class=account_class,
                account_id=account_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def open_account_result(
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
        return self._wait(
            self._client.open_account_result(
                currency=currency,
                livemode=livemode,
                owner_ref=owner_ref,
                min_balance=min_balance,
                account_class=account_class,
                account_id=account_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def fund(
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
        return self._wait(
            self._client.fund(
                account,
                amount,
                currency,
                bank=bank,
                external_ref=external_ref,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def transfer(
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
        return self._wait(
            self._client.transfer(
                from_account,
                to_account,
                amount,
                currency,
                reference=reference,
                request_id=request_id,
                concern=concern,
                deadline=deadline,
            )
        )

    def account(
        self,
        account_id: str,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> accounts_pb2.GetAccountReply:
        """Return an account with its balances. Raises NotLogged with NOT_FOUND."""
        return self._wait(
            self._client.account(
                account_id, at_least=at_least, max_age=max_age, deadline=deadline
            )
        )

    def accounts(
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
        return self._wait(
            self._client.accounts(
                currency=currency,
                owner_ref=owner_ref,
                page_size=page_size,
                cursor=cursor,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )

    def balance(
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
        return self._wait(
            self._client.balance(
                account_id,
                at_index=at_index,
                at_us=at_us,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
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
    ) -> BlockingWatch:
        """Return the events from number `from_seq` on, as they happen: an iterator.

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

        async def begin() -> Watch:
            return self._client.watch(
                from_seq,
                account=account,
                payout=payout,
                kinds=kinds,
                currency=currency,
                until_seq=until_seq,
                deadline=deadline,
            )

        return BlockingWatch(self._wait(begin()), self._wait)

    def last_event_seq(self, *, deadline: float | None = None) -> int:
        """Return the number of the last event there is now, 0 for none. Raises NotLogged."""
        return self._wait(self._client.last_event_seq(deadline=deadline))

    def event(
        self,
        seq: int,
        *,
        at_least: int | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> events_pb2.GetEventReply:
        """Return one event by its number. Raises NotLogged with EVENT_NOT_KEPT."""
        return self._wait(
            self._client.event(
                seq, at_least=at_least, max_age=max_age, deadline=deadline
            )
        )

    # The books and the cluster

    def trial_balance(
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
        return self._wait(
            self._client.trial_balance(
                at_index=at_index,
                at_us=at_us,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )

    def statement(
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
        return self._wait(
            self._client.statement(
                account_id,
                from_index=from_index,
                from_us=from_us,
                to_index=to_index,
                to_us=to_us,
                page_size=page_size,
                cursor=cursor,
                at_least=at_least,
                max_age=max_age,
                deadline=deadline,
            )
        )

    def export_part(
        self,
        *,
        as_of_index: int | None = None,
        after: tuple[int, int, int] = (0, 0, 0),
        deadline: float | None = None,
    ) -> ExportPart:
        """Return a part of the journal: what stands behind `after`, up to `as_of_index`."""
        return self._wait(
            self._client.export_part(
                as_of_index=as_of_index, after=after, deadline=deadline
            )
        )

    def export_books(
        self, as_of_index: int | None = None, *, deadline: float | None = None
    ) -> Iterator[accounts_pb2.ExportedEntry]:
        """Yield the journal entries up to `as_of_index`, None: up to the newest, in order.

        deadline: of each of its calls. See `exports` for the forms that other programs read.
        """
        part = self.export_part(as_of_index=as_of_index, deadline=deadline)
        yield from part.entries
        while part.more:
            part = self.export_part(
                as_of_index=part.as_of_index, after=part.last, deadline=deadline
            )
            yield from part.entries

    # Proofs

    def tree_head(
        self, index: int | None = None, *, deadline: float | None = None
    ) -> audit_pb2.TreeHead:
        """Return the signed head of the audit tree up to `index`; None: up to the newest entry."""
        return self._wait(self._client.tree_head(index, deadline=deadline))

    def inclusion_proof(
        self,
        payout_id: str,
        *,
        head_index: int | None = None,
        deadline: float | None = None,
    ) -> audit_pb2.InclusionProofReply:
        """Return that the entry which accepted a payout is in the tree; see `receipts`."""
        return self._wait(
            self._client.inclusion_proof(
                payout_id, head_index=head_index, deadline=deadline
            )
        )

    def consistency_proof(
        self,
        first_index: int,
        second_index: int | None = None,
        *,
        deadline: float | None = None,
    ) -> audit_pb2.ConsistencyProofReply:
        """Return that the tree up to `second_index` holds the one up to `first_index`."""
        return self._wait(
            self._client.consistency_proof(first_index, second_index, deadline=deadline)
        )

    def digest_at(
        self, index: int | None = None, *, deadline: float | None = None
    ) -> audit_pb2.IndexDigestReply:
        """Return the apply digest after the entry at `index`; None: the newest."""
        return self._wait(self._client.digest_at(index, deadline=deadline))

    def export_log_part(
        self,
        from_index: int | None = None,
        to_index: int | None = None,
        *,
        deadline: float | None = None,
    ) -> LogPart:
        """Return a part of the log from `from_index` on, up to `to_index`; see `log_files`."""
        return self._wait(
            self._client.export_log_part(from_index, to_index, deadline=deadline)
        )

    def export_log(
        self,
        from_index: int | None = None,
        to_index: int | None = None,
        *,
        deadline: float | None = None,
    ) -> Iterator[audit_pb2.LogEntry]:
        """Yield the entries of the log in order, from whichever nodes there are.

        deadline: of each of its calls. Arguments and errors: as of `AsyncClient.export_log_part`.
        """
        part = self.export_log_part(from_index, to_index, deadline=deadline)
        yield from part.entries
        while part.more:
            part = self.export_log_part(
                part.next_index, part.to_index, deadline=deadline
            )
            yield from part.entries

    def transfer_leadership(
        self, to: int | None = None, *, deadline: float | None = None
    ) -> cluster_pb2.TransferLeadershipReply:
        """Hand the leadership to node `to`, or to whichever can take over soonest.

        Returns who leads now. Errors: NotLogged, OutcomeUnknown.
        """
        return self._wait(self._client.transfer_leadership(to, deadline=deadline))

    def snapshot(
        self,
        node_id: int | None = None,
        *,
        make: bool = False,
        deadline: float | None = None,
    ) -> cluster_pb2.SnapshotReply:
        """Return the newest copy of the state on a node, after making one if `make`.

        node_id: None: the leader. Errors: NotLogged, OutcomeUnknown, ValueError.
        """
        return self._wait(self._client.snapshot(node_id, make=make, deadline=deadline))

    def digests(
        self, *, deadline: float = STATUSES_DEADLINE_S
    ) -> Mapping[int, cluster_pb2.DigestReply | CallError]:
        """Return the digests of every node's state, or why it does not tell, asked at once.

        Equal indexes must have equal digests.
        """
        return self._wait(self._client.digests(deadline=deadline))

    def members(self, *, deadline: float | None = None) -> cluster_pb2.MembersReply:
        """Return who takes part and how far each node is. Errors: NotLogged."""
        return self._wait(self._client.members(deadline=deadline))

    def add_node(
        self, request: cluster_pb2.AddNodeRequest, *, deadline: float | None = None
    ) -> cluster_pb2.MembershipReply:
        """Let a node learn, and vote once it keeps pace; returns when it learns.

        Errors: NotLogged, OutcomeUnknown.
        """
        return self._wait(self._client.add_node(request, deadline=deadline))

    def remove_node(
        self,
        request: cluster_pb2.RemoveNodeRequest,
        *,
        deadline: float | None = None,
    ) -> cluster_pb2.MembershipReply:
        """Let a node take no part any more. Errors: as `add_node`."""
        return self._wait(self._client.remove_node(request, deadline=deadline))

    def replace_node(
        self,
        request: cluster_pb2.ReplaceNodeRequest,
        *,
        deadline: float | None = None,
    ) -> cluster_pb2.MembershipReply:
        """Let a new node catch up and take a voter's place. Errors: as `add_node`."""
        return self._wait(self._client.replace_node(request, deadline=deadline))

    def cluster_status(
        self, *, deadline: float | None = None
    ) -> cluster_pb2.ClusterStatusReply:
        """Return the cluster as its leader sees it. Raises NotLogged while nobody leads."""
        return self._wait(self._client.cluster_status(deadline=deadline))

    def update_node(
        self,
        request: cluster_pb2.UpdateNodeRequest,
        *,
        deadline: float | None = None,
    ) -> cluster_pb2.MembershipReply:
        """Change what is known of a member. Errors: as `add_node`."""
        return self._wait(self._client.update_node(request, deadline=deadline))

    def status(
        self, node_id: int | None = None, *, deadline: float | None = None
    ) -> admin_pb2.StatusReply:
        """Return what a node knows of itself; of any that answers, if None is named.

        Errors: NotLogged, ValueError for a node that the profile does not have.
        """
        return self._wait(self._client.status(node_id, deadline=deadline))

    def statuses(
        self, *, deadline: float = STATUSES_DEADLINE_S
    ) -> Mapping[int, admin_pb2.StatusReply | CallError]:
        """Return what every node says of itself, or why it does not, asked at once."""
        return self._wait(self._client.statuses(deadline=deadline))

    def find_leader(self, *, deadline: float | None = None) -> int:
        """Return which node leads, as the nodes say now. See `AsyncClient.find_leader`.

        Errors: NotLogged.
        """
        return self._wait(self._client.find_leader(deadline=deadline))
