"""A rail worker: carries payouts to a rail, and puts what the rail tells into the log.

Needs a cluster with a rail, as `ledgerd dev` starts one, its profile, and the rail's address:
`export LEDGERCTL_CONFIG=run/mine/client.toml RAIL=127.0.0.1:PORT`. Nodes that carry the payouts of
the rail themselves (`rails.sandbox` of their configuration) compete with it for them.

For a rail of your own, write a class with `send`, `ask` and `advices` (`ledgerd.rails.rail.Rail`)
and say in TRAITS what it can do. Nothing is kept between two runs: whatever is in doubt is
DISPATCHING in the ledger, and is asked for once its lease is over.

It outlives both ends: while the rail is silent nothing is claimed for it, for each claim is a log
entry; while the cluster is away it is tried again more and more rarely.
"""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Awaitable
from datetime import date, timedelta
from typing import TypeVar

from ledgerd.api.v1 import dispatch_pb2 as pb
from ledgerd.client import AsyncClient, CallError, Profile, dispatch_calls
from ledgerd.rails.rail import Evidence, EvidenceKind, Instruction, NoAnswerError, Rail
from ledgerd.rails.sandbox import SandboxRail
from ledgerd.rails.steps import Act, Doubt, Step, Traits, after_ask, after_send, first
from ledgerd.security.tls import ChannelTls
from ledgerd.security.tlsfiles import TlsFiles

T = TypeVar("T")
RAIL = "sandbox"
TRAITS = Traits(deduplicates=True, answers_queries=True)
LEASE_S, SEND_S, MARGIN_S = 5.0, 1.0, 1.0
AGAIN_S, AGAIN_S_MAX = 0.2, 30.0


class Backoff:
    """Rests between failures in a row: twice as long each, AGAIN_S_MAX at most, and never even."""

    def __init__(self) -> None:
        self._rest_s = AGAIN_S

    async def wait(self) -> None:
        """Rest, and longer the next time."""
        spread = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        await asyncio.sleep(self._rest_s * spread)
        self._rest_s = min(2 * self._rest_s, AGAIN_S_MAX)

    def reset(self) -> None:
        """It went well: the next failure is the first one again."""
        self._rest_s = AGAIN_S


async def carry(client: AsyncClient, rail: Rail, claim: pb.Claim, began: float) -> None:
    """Give one claim its turn; what the cluster does not hear of it, the next claim asks for."""
    try:
        await take(client, rail, claim, began)
    except CallError as error:
        print(f"{claim.payout.order.payout_id} stays in doubt: {error}", flush=True)


async def take(client: AsyncClient, rail: Rail, claim: pb.Claim, began: float) -> None:
    """Send one payout under one claim; where it may have been sent, ask before anything else."""
    sent_until_us = claim.claimed_at_us
    step = first(doubt(claim, began, sent_until_us, fresh=not claim.ask_first), TRAITS)
    while True:
        before = doubt(claim, began, sent_until_us, fresh=False)
        if step.act is Act.SEND:
            sent_until_us = before.now_us + int(SEND_S * 1e6)
            step = after_send(await answer(rail.send(order(claim), SEND_S)), TRAITS)
        elif step.act is Act.ASK:
            asking = rail.ask(claim.rail_key, claim.fencing_token, SEND_S)
            step = after_ask(await answer(asking), before, TRAITS)
        elif step.act is Act.RECORD:
            await tell(client, step.evidence, claim.fencing_token)
            return
        elif (
            step.act is Act.WAIT
            and step.until_us + before.send_us < before.lease_until_us
        ):
            await asyncio.sleep((step.until_us - before.now_us) / 1e6)
            step = Step(Act.ASK)
        elif step.act is Act.CALL_A_PERSON:
            payout_id, why = claim.payout.order.payout_id, "the rail does not know"
            await client.raise_attention(payout_id, claim.attempt, reason=why)
            print(f"{payout_id} needs a person: {why}", flush=True)
            return
        else:  # the lease is too short for more: the next claim sees
            print(f"{claim.payout.order.payout_id} stays in doubt: {step.act.value}")
            return


def doubt(claim: pb.Claim, began: float, sent_until_us: int, *, fresh: bool) -> Doubt:
    """Say what is known of the payout; log time is reckoned from before the claim was asked for."""
    return Doubt(
        is_fresh=fresh,
        sent_until_us=sent_until_us,
        lease_until_us=claim.lease_until_us,
        now_us=claim.claimed_at_us + int((time.monotonic() - began) * 1e6),
        send_us=int((SEND_S + MARGIN_S) * 1e6),
    )


def order(claim: pb.Claim) -> Instruction:
    """Return the payment as the rail takes it, the same for every attempt."""
    order = claim.payout.order
    return Instruction(
        claim.rail_key,
        order.amount.units,
        order.amount.currency,
        order.destination.account_number,
        order.reference,
        claim.fencing_token,
    )


async def answer(call: Awaitable[T]) -> T | None:
    """Return what the rail answers; None where it is silent, which is neither yes nor no."""
    try:
        return await call
    except NoAnswerError:
        return None


async def tell(
    client: AsyncClient, evidence: tuple[Evidence, ...], token: int = 0
) -> None:
    """Put evidence into the log, in order. token: of the claim whose send the rail answered."""
    for one in evidence:
        said = {"rail": RAIL, "rail_key": one.rail_key, "reference": one.reference}
        message: dispatch_calls.Evidence
        match one.kind:
            case EvidenceKind.TAKEN:
                message = pb.RailAckRequest(**said)
            case EvidenceKind.REFUSED:
                message = pb.RailNotAcceptedRequest(
                    basis=pb.REFUSED, fencing_token=token, **said
                )
            case EvidenceKind.REJECTED:
                message = pb.RailRejectRequest(code=one.code, **said)
            case EvidenceKind.SETTLED:
                day = date(1970, 1, 1) + timedelta(one.value_day)
                message = pb.SettleRequest(
                    rail=RAIL,
                    rail_key=one.rail_key,
                    reference=one.reference,
                    value_date=int(f"{day:%Y%m%d}"),
                )
            case EvidenceKind.RETURNED:
                message = pb.ReturnRequest(
                    amount_units=one.amount_minor,
                    code=one.code,
                    closing=one.is_closing,
                    **said,
                )
        reply = await client.tell(message, deadline=30.0)
        print(f"{one.rail_key} {one.kind.value}: state {reply.state}", flush=True)


async def listen(client: AsyncClient, rail: Rail, heard: asyncio.Event) -> None:
    """Put what the rail tells by itself into the log, for ever. heard: set while it answers."""
    after = 0
    silence, away = Backoff(), Backoff()
    while True:
        advices = await answer(rail.advices(after, 1.0))
        if advices is None:
            heard.clear()
            await silence.wait()
            continue
        silence.reset()
        heard.set()
        try:
            for advice in advices:
                await tell(client, (advice.evidence,))
                after = advice.number  # not before it is in the log
            away.reset()
        except CallError as error:
            print(f"the cluster is away: {error}", flush=True)
            await away.wait()


async def work(client: AsyncClient, rail: Rail) -> None:
    """Claim and carry, for ever."""
    heard, away = asyncio.Event(), Backoff()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen(client, rail, heard))
        while True:
            await heard.wait()
            began = time.monotonic()
            try:
                reply = await client.claim_dispatch(
                    [RAIL], lease=LEASE_S, deadline=30.0
                )
            except CallError as error:
                print(f"the cluster is away: {error}", flush=True)
                await away.wait()
                continue
            away.reset()
            for claim in reply.claims:
                tasks.create_task(carry(client, rail, claim, began))
            await asyncio.sleep(0.2)


async def main() -> None:
    """Work until interrupted."""
    profile = Profile.load(os.environ["LEDGERCTL_CONFIG"])
    if profile.ca is None or profile.certificate is None or profile.key is None:
        raise SystemExit("expected a profile with certificates: the rail speaks TLS")
    files = TlsFiles(profile.ca, profile.certificate, profile.key)
    channel_tls = ChannelTls(files, cluster_id=profile.cluster_id)
    rail = SandboxRail(os.environ["RAIL"], channel_tls)
    async with AsyncClient(profile) as client:
        await work(client, rail)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
