"""`ledgerctl voucher`: post, adjust, approve, reject, get, list."""

import click

from ledgerd.api.v1 import accounts_pb2
from ledgerd.api.v1.accounts_pb2 import EntryLeg
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.account import currency_option, request_option
from ledgerd.cli.ctl.moments import INDEX, NUMBER_MAX
from ledgerd.cli.ctl.session import (
    Session,
    dry_option,
    read_options,
    repeatable,
    write_option,
)
from ledgerd.client import new_request_id

STATES = [name.lower() for name in accounts_pb2.Voucher.State.keys()[1:]]
_OF_BANK = ("BANK_CASH", "SUSPENSE")
_OF_ACCOUNT = ("AVAILABLE", "BLOCKED", "RECEIVABLE")


class Leg(click.ParamType[EntryLeg]):
    """One leg: KIND[:SUBJECT]=MINOR, for example available:acct_...=500."""

    name = "leg"

    def __init__(self, side: "EntryLeg.Side") -> None:
        """All legs of one option are on one side."""
        self._side = side

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> EntryLeg:
        """Return the leg that a text stands for."""
        account, equals, units = value.rpartition("=")
        kind, _, subject = account.partition(":")
        kind = kind.upper()
        if not equals or not units.isdecimal() or kind not in self._kinds():
            known = ", ".join(name.lower() for name in self._kinds())
            self.fail(
                f"expected KIND[:SUBJECT]=MINOR with a kind of {known}, found {value}",
                param,
                ctx,
            )
        if len(units) > len(str(NUMBER_MAX)) or int(units) > NUMBER_MAX:
            self.fail(f"expected MINOR of at most {NUMBER_MAX}, found {units}")
        return EntryLeg(
            kind=kind,
            account_id=subject if kind in _OF_ACCOUNT else "",
            bank=subject if kind in _OF_BANK else "",
            side=self._side,
            units=int(units),
        )

    @staticmethod
    def _kinds() -> list[str]:
        return list(EntryLeg.Kind.keys()[1:])


debit_option = click.option(
    "--debit",
    "debits",
    type=Leg(EntryLeg.DEBIT),
    metavar="KIND[:SUBJECT]=MINOR",
    multiple=True,
    required=True,
    help="A debit: available:acct_...=500, bank_cash:main=500, returns=500. Repeatable.",
)
credit_option = click.option(
    "--credit",
    "credits_",
    type=Leg(EntryLeg.CREDIT),
    metavar="KIND[:SUBJECT]=MINOR",
    multiple=True,
    required=True,
    help="A credit, written as a debit is. Repeatable.",
)
live_option = click.option(
    "--live/--sandbox",
    "livemode",
    default=None,
    help="Which book it is of, with the currency.",
)
reason_option = click.option("--reason", required=True, help="Why, for the record.")


def _named(livemode: bool | None) -> bool:
    """Return which book was named. Raises click.UsageError when none was."""
    if livemode is None:
        raise click.UsageError("expected --live or --sandbox, found neither")
    return livemode


@click.group()
def voucher() -> None:
    """Journal entries that one person writes out and another one approves."""


@write_option
@dry_option
@voucher.command("post")
@debit_option
@credit_option
@currency_option
@live_option
@reason_option
@request_option
@click.pass_obj
def voucher_post(
    session: Session,
    *,
    debits: tuple[EntryLeg, ...],
    credits_: tuple[EntryLeg, ...],
    currency: str,
    livemode: bool | None,
    reason: str,
    request_id: str | None,
) -> None:
    """Write out a journal entry. It moves no money until it is approved."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.post_entry(
            [*debits, *credits_],
            currency=currency,
            livemode=_named(livemode),
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "voucher_id")


@write_option
@dry_option
@voucher.command("adjust")
@click.argument("index", type=INDEX)
@click.argument("ordinal", type=click.IntRange(0, 65_535))
@click.option(
    "--number",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default=True,
    help="Which entry of that command, from 0.",
)
@debit_option
@credit_option
@currency_option
@live_option
@reason_option
@request_option
@click.pass_obj
def voucher_adjust(
    session: Session,
    *,
    index: int,
    ordinal: int,
    number: int,
    debits: tuple[EntryLeg, ...],
    credits_: tuple[EntryLeg, ...],
    currency: str,
    livemode: bool | None,
    reason: str,
    request_id: str | None,
) -> None:
    """Write out an entry that puts the one of the command at INDEX, ORDINAL right."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.adjust(
            [*debits, *credits_],
            linked=(index, ordinal, number),
            currency=currency,
            livemode=_named(livemode),
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "voucher_id")


@write_option
@dry_option
@voucher.command("approve")
@click.argument("voucher_id")
@request_option
@click.pass_obj
def voucher_approve(
    session: Session, *, voucher_id: str, request_id: str | None
) -> None:
    """Post VOUCHER_ID, which somebody else wrote out."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.approve_voucher(
            voucher_id,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@write_option
@dry_option
@voucher.command("reject")
@click.argument("voucher_id")
@click.option("--reason", default="", help="For the record.")
@request_option
@click.pass_obj
def voucher_reject(
    session: Session, *, voucher_id: str, reason: str, request_id: str | None
) -> None:
    """End VOUCHER_ID; nothing is posted."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.reject_voucher(
            voucher_id,
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@read_options
@voucher.command("get")
@click.argument("voucher_id")
@click.pass_obj
def voucher_get(session: Session, *, voucher_id: str) -> None:
    """Show a voucher with its legs."""
    with session.client() as client:
        reply = client.voucher(
            voucher_id,
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    found = reply.voucher
    pairs = {
        "voucher_id": found.voucher_id,
        "state": _state(found),
        "mode": "live" if found.livemode else "sandbox",
        "reason": found.reason,
        "written by": f"{found.created_by}, {render.when(found.created_at_us)}",
        "changed by": f"{found.updated_by}, {render.when(found.updated_at_us)}",
    }
    if found.HasField("linked"):
        at = found.linked
        pairs["puts right"] = f"index {at.index}, ordinal {at.ordinal}, n {at.n}"
    pairs["read at"] = f"index {reply.header.applied_index}"
    render.print_pairs(session, pairs)
    session.console.print()
    table = render.table("ledger account")
    table.add_column("debit", justify="right")
    table.add_column("credit", justify="right")
    for leg in found.legs:
        units = render.amount(leg.units, found.currency, found.exponent)
        is_debit = leg.side == EntryLeg.DEBIT
        kind = EntryLeg.Kind.Name(leg.kind).lower()
        subject = leg.account_id or leg.bank
        table.add_row(
            f"{kind}:{subject}" if subject else kind,
            units if is_debit else "",
            "" if is_debit else units,
        )
    session.console.print(render.fold(table))


@read_options
@voucher.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--cursor", default="", help="Where an earlier list ended.")
@click.pass_obj
def voucher_list(
    session: Session, *, state: str | None, limit: int, cursor: str
) -> None:
    """List vouchers, oldest first."""
    found: list[accounts_pb2.Voucher] = []
    with session.client() as client:
        while len(found) < limit:
            reply = client.vouchers(
                state=state or "",
                page_size=min(limit - len(found), 1_000),
                cursor=cursor,
                at_least=session.at_least,
                max_age=session.max_age_s,
                deadline=session.deadline_s,
            )
            found.extend(reply.vouchers)
            cursor = reply.next_cursor
            if not cursor:
                break
    if session.output == "json":
        vouchers = [render.message(one) for one in found]
        render.print_json(session, {"vouchers": vouchers, "next_cursor": cursor})
        return
    table = render.table("voucher_id", "state", "written by", "reason")
    table.add_column("debits", justify="right", no_wrap=True)
    for one in found:
        units = sum(leg.units for leg in one.legs if leg.side == EntryLeg.DEBIT)
        table.add_row(
            one.voucher_id,
            _state(one),
            one.created_by,
            one.reason,
            render.amount(units, one.currency, one.exponent),
        )
    session.console.print(render.fold(table))
    if cursor:
        session.console.print(f"more: --cursor {cursor}", soft_wrap=True)


def _state(found: accounts_pb2.Voucher) -> str:
    return accounts_pb2.Voucher.State.Name(found.state).lower()
