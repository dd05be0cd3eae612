"""`ledgerctl events`: follow what happens in the ledger, or look at one event."""

from collections.abc import Sequence
from typing import Final

import click

from ledgerd.api.v1 import events_pb2, payouts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.moments import INDEX
from ledgerd.cli.ctl.session import Ended, Failed, Session, read_options

_KINDS: Final = [name for name, number in events_pb2.Event.Kind.items() if number]


@click.group()
def events() -> None:
    """Every change of the ledger, in order, numbered from 1 without a gap."""


@events.command("watch")
@click.option(
    "--from-seq",
    type=INDEX,
    metavar="SEQ",
    help="First event wanted. Default: what happens from now on.",
)
@click.option("--account", default="", help="Only events that changed this account.")
@click.option("--payout", default="", help="Only events of this payout.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(_KINDS, case_sensitive=False),
    help="Only events of this kind; may be repeated.",
)
@click.option("--currency", default="", help="Only events in this currency.")
@click.option("--no-follow", is_flag=True, help="End at the last event there is now.")
@click.pass_obj
def events_watch(
    session: Session,
    *,
    from_seq: int | None,
    account: str,
    payout: str,
    kinds: Sequence[str],
    currency: str,
    no_follow: bool,
) -> None:
    """Show events as they happen, one a line, until it is interrupted.

    It goes on by itself when a node fails. --deadline is the time until the first answer.
    With --output json each line is one document; begin again behind the `seq` of the last
    one that you have dealt with.
    """
    with session.client() as client:
        until = None
        if no_follow:
            until = client.last_event_seq(deadline=session.deadline_s)
        with client.watch(
            from_seq,
            account=account,
            payout=payout,
            kinds=kinds,
            currency=currency,
            until_seq=until,
            deadline=session.deadline_s,
        ) as watch:
            try:
                for event in watch:
                    _print(session, event)
            except KeyboardInterrupt:
                at = watch.next_seq
                hint = f"; go on with --from-seq {at}" if at is not None else ""
                raise Failed(f"interrupted{hint}", Ended.INTERRUPTED) from None


@read_options
@events.command("get")
@click.argument("seq", type=INDEX)
@click.pass_obj
def events_get(session: Session, *, seq: int) -> None:
    """Show one event by its number."""
    with session.client() as client:
        reply = client.event(
            seq,
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    event = reply.event
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    pairs = {
        "seq": str(event.seq),
        "kind": events_pb2.Event.Kind.Name(event.kind).lower(),
        "subject": event.subject,
        "state": _states(event),
        "amount": _amount(event),
        "position": f"index {event.index}, ordinal {event.ordinal}, n {event.n}",
        "log time": render.when(event.at_us),
    }
    render.print_pairs(session, {name: text for name, text in pairs.items() if text})
    for after in event.accounts:
        money = after.balances
        session.console.print(
            f"{after.account_id}  available {money.available_units}  reserved "
            f"{money.reserved_units}  held {money.held_units}  blocked "
            f"{money.blocked_units}  receivable {money.receivable_units}",
            soft_wrap=True,
        )


def _print(session: Session, event: events_pb2.Event) -> None:
    if session.output == "json":
        render.print_json(session, render.message(event), indent=None)
        return
    parts = (
        f"{event.seq:>8}",
        render.when(event.at_us),
        f"{events_pb2.Event.Kind.Name(event.kind).lower():<18}",
        event.subject,
        _states(event),
        _amount(event),
    )
    session.console.print("  ".join(filter(None, parts)), soft_wrap=True)


def _states(event: events_pb2.Event) -> str:
    if not event.state_after:
        return ""
    after = payouts_pb2.PayoutState.Name(event.state_after).lower()
    if not event.state_before:
        return after
    return f"{payouts_pb2.PayoutState.Name(event.state_before).lower()} -> {after}"


def _amount(event: events_pb2.Event) -> str:
    if not event.HasField("amount"):
        return ""
    money = event.amount
    return render.amount(money.units, money.currency, money.exponent)
