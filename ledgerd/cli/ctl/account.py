"""`ledgerctl account`: open, close, freeze, unfreeze, fund, reverse, transfer, get, list."""

from collections.abc import Sequence

import click
from rich.table import Table

from ledgerd.api.v1 import accounts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.session import (
    Session,
    dry_option,
    read_options,
    repeatable,
    write_option,
)
from ledgerd.client import new_account_id, new_request_id

amount_option = click.option(
    "--amount-minor",
    type=click.IntRange(1, 2**63 - 1),
    required=True,
    help="Minor units, for example cents.",
)
currency_option = click.option(
    "--currency", required=True, help="ISO 4217, three capitals."
)
request_option = click.option(
    "--request-id", help="Idempotency key, req_...; a new one if left out."
)


reason_option = click.option("--reason", default="", help="For the record.")


@click.group()
def account() -> None:
    """Accounts and the money between them."""


@write_option
@dry_option
@account.command("open")
@currency_option
@click.option(
    "--live/--sandbox",
    "livemode",
    default=None,
    help="Sandbox accounts pay over the rail sandbox only, live ones never.",
)
@click.option("--owner-ref", default="", help="Whose it is, in the caller's words.")
@click.option(
    "--min-balance-minor",
    type=click.IntRange(-(2**63), 2**63 - 1),
    default=0,
    help="Minor units; below 0 is an overdraft.",
)
@click.option(
    "--class",
    "account_class",
    default="",
    help="Names the fee rules that are for it; never changes.",
)
@click.option("--account-id", help="Idempotency key, acct_...; a new one if left out.")
@click.pass_obj
def account_open(
    session: Session,
    *,
    currency: str,
    livemode: bool | None,
    owner_ref: str,
    min_balance_minor: int,
    account_class: str,
    account_id: str | None,
) -> None:
    """Open an account."""
    if livemode is None:
        raise click.UsageError("expected --live or --sandbox, found neither")
    account_id = account_id or new_account_id()
    with session.client() as client, repeatable("--account-id", account_id):
        result = client.open_account_result(
            currency=currency,
            livemode=livemode,
            owner_ref=owner_ref,
            min_balance=min_balance_minor,
            account_class=account_class,
            account_id=account_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "account_id", currency=currency)


@write_option
@dry_option
@account.command("fund")
@click.argument("account_id")
@amount_option
@currency_option
@click.option("--bank", required=True, help="Our bank that received the money.")
@click.option(
    "--external-ref",
    required=True,
    help="The bank's reference; it counts once for each bank.",
)
@request_option
@click.pass_obj
def account_fund(
    session: Session,
    *,
    account_id: str,
    amount_minor: int,
    currency: str,
    bank: str,
    external_ref: str,
    request_id: str | None,
) -> None:
    """Book money that arrived for ACCOUNT_ID."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.fund(
            account_id,
            amount_minor,
            currency,
            bank=bank,
            external_ref=external_ref,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@write_option
@dry_option
@account.command("transfer")
@click.argument("from_account_id")
@click.argument("to_account_id")
@amount_option
@currency_option
@click.option("--reference", default="", help="For the record.")
@request_option
@click.pass_obj
def account_transfer(
    session: Session,
    *,
    from_account_id: str,
    to_account_id: str,
    amount_minor: int,
    currency: str,
    reference: str,
    request_id: str | None,
) -> None:
    """Move available money from one account to another."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.transfer(
            from_account_id,
            to_account_id,
            amount_minor,
            currency,
            reference=reference,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@write_option
@dry_option
@account.command("close")
@click.argument("account_id")
@reason_option
@request_option
@click.pass_obj
def account_close(
    session: Session, *, account_id: str, reason: str, request_id: str | None
) -> None:
    """Close ACCOUNT_ID for ever; its balances are zero and nothing is open."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.close_account(
            account_id,
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@write_option
@dry_option
@account.command("freeze")
@click.argument("account_id")
@reason_option
@request_option
@click.pass_obj
def account_freeze(
    session: Session, *, account_id: str, reason: str, request_id: str | None
) -> None:
    """Let ACCOUNT_ID take no new work; money that comes in is blocked."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.freeze(
            account_id,
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@write_option
@dry_option
@account.command("unfreeze")
@click.argument("account_id")
@reason_option
@request_option
@click.pass_obj
def account_unfreeze(
    session: Session, *, account_id: str, reason: str, request_id: str | None
) -> None:
    """Let ACCOUNT_ID work again; what was blocked meanwhile stays so."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.unfreeze(
            account_id,
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@write_option
@dry_option
@account.command("reverse")
@amount_option
@currency_option
@click.option("--bank", required=True, help="The bank of the funding.")
@click.option("--external-ref", required=True, help="The reference of the funding.")
@reason_option
@request_option
@click.pass_obj
def account_reverse(
    session: Session,
    *,
    amount_minor: int,
    currency: str,
    bank: str,
    external_ref: str,
    reason: str,
    request_id: str | None,
) -> None:
    """Book that a bank took back money of a funding, in one or in several parts."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.fund_reverse(
            amount_minor,
            currency,
            bank=bank,
            external_ref=external_ref,
            reason=reason,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "request_id")


@read_options
@account.command("get")
@click.argument("account_id")
@click.pass_obj
def account_get(session: Session, *, account_id: str) -> None:
    """Show an account with its balances."""
    with session.client() as client:
        reply = client.account(
            account_id,
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    found = reply.account
    pairs = {
        "account_id": found.account_id,
        "status": accounts_pb2.AccountStatus.Name(found.status).lower(),
        "mode": "live" if found.livemode else "sandbox",
        "owner": found.owner_ref,
        "class": found.account_class,
        "opened": f"index {found.opened_index}, {render.when(found.opened_at_us)}",
    }
    for field, units in _balances(found.balances).items():
        pairs[field] = render.amount(units, found.currency, found.exponent)
    pairs["read at"] = f"index {reply.header.applied_index}"
    render.print_pairs(session, pairs)


@read_options
@account.command("list")
@click.option("--currency", default="", help="Only accounts of this currency.")
@click.option("--owner-ref", default="", help="Only accounts of this owner.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--cursor", default="", help="Where an earlier list ended.")
@click.pass_obj
def account_list(
    session: Session, *, currency: str, owner_ref: str, limit: int, cursor: str
) -> None:
    """List accounts, oldest first."""
    found: list[accounts_pb2.Account] = []
    with session.client() as client:
        while len(found) < limit:
            reply = client.accounts(
                currency=currency,
                owner_ref=owner_ref,
                page_size=min(limit - len(found), 1_000),
                cursor=cursor,
                at_least=session.at_least,
                max_age=session.max_age_s,
                deadline=session.deadline_s,
            )
            found.extend(reply.accounts)
            cursor = reply.next_cursor
            if not cursor:
                break
    if session.output == "json":
        accounts = [render.message(one) for one in found]
        render.print_json(session, {"accounts": accounts, "next_cursor": cursor})
        return
    session.console.print(accounts_table(found))
    if cursor:
        session.console.print(f"more: --cursor {cursor}", soft_wrap=True)


def accounts_table(found: Sequence[accounts_pb2.Account]) -> Table:
    """Return accounts as a table that folds names and never cuts money.

    Whose they are is shown where any of them says it: without that an id is not folded.
    """
    has_owner = any(one.owner_ref for one in found)
    table = render.table()
    table.add_column("account_id")
    for name in ("mode", "status"):
        table.add_column(name, no_wrap=True)
    if has_owner:
        table.add_column("owner")
    for name in ("available", "reserved"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        money = one.balances
        table.add_row(
            one.account_id,
            "live" if one.livemode else "sandbox",
            accounts_pb2.AccountStatus.Name(one.status).lower(),
            *([one.owner_ref] if has_owner else []),
            render.amount(money.available_units, one.currency, one.exponent),
            render.amount(money.reserved_units, one.currency, one.exponent),
        )
    return render.fold(table)


def _balances(balances: accounts_pb2.Balances) -> dict[str, int]:
    """Return every kind of balance by its name, minor units."""
    return {
        field.name.removesuffix("_units"): getattr(balances, field.name)
        for field in balances.DESCRIPTOR.fields
    }
