"""`ledgerctl payout`: submit a file, send one, get, list, cancel."""

from collections.abc import Sequence
from datetime import datetime

import click
from rich.table import Table

from ledgerd.api.v1 import common_pb2, payouts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.account import amount_option, currency_option, request_option
from ledgerd.cli.ctl.moments import MOMENT, NUMBER_MAX, Moment
from ledgerd.cli.ctl.quote import quote, routes
from ledgerd.cli.ctl.session import (
    Session,
    dry_option,
    read_options,
    repeatable,
    write_option,
)
from ledgerd.cli.ctl.submit import submit
from ledgerd.client import (
    CommandResult,
    bic_account,
    iban,
    new_payout_id,
    new_request_id,
    uk_account,
    us_account,
)
from ledgerd.client.files import checks
from ledgerd.client.files.rails import SANDBOX

version_option = click.option(
    "--expected-version",
    type=click.IntRange(min=0, max=2**32 - 1),
    default=0,
    help="Refuse unless the payout still has this version, as get shows it.",
)
_FINDINGS = [
    name.lower() for name in payouts_pb2.TellEvidenceRequest.Finding.keys()[1:]
]
_STATES = [name for name, number in payouts_pb2.PayoutState.items() if number]


@click.group()
def payout() -> None:
    """Payouts: money that leaves an account for a bank."""


payout.add_command(submit)
payout.add_command(quote)
payout.add_command(routes)


@write_option
@dry_option
@payout.command("send")
@click.option("--account", required=True, help="The account that pays, acct_....")
@amount_option
@currency_option
@click.option("--rail", required=True, help="For example sandbox, us_ach, eu_sct.")
@click.option("--name", required=True, help="Name of the payee.")
@click.option("--iban", "iban_number", help="Payee's IBAN.")
@click.option("--routing-number", help="Payee's bank in the United States.")
@click.option("--sort-code", help="Payee's bank in the United Kingdom.")
@click.option("--bic", help="Payee's bank, with --country; optional with --iban.")
@click.option("--account-number", help="Payee's account, if it is no IBAN.")
@click.option("--account-type", default="checking", help="United States only.")
@click.option("--country", help="Two letters, with --bic.")
@click.option("--reference", default="", help="Text for the payee.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="Any number.")
@click.option("--payout-id", help="Idempotency key, payout_...; a new one if left out.")
@click.option(
    "--release-at",
    type=MOMENT,
    metavar="TIME",
    help="Not sent before, 2026-11-21T09:30, UTC without a zone. Default: at once.",
)
@click.option(
    "--fee-expected",
    type=click.IntRange(0, 2**63 - 1),
    help="Minor units; with another fee nothing is submitted.",
)
@click.option(
    "--quoted-at-us",
    type=click.IntRange(0, NUMBER_MAX),
    default=0,
    help="Of the quote that the fee comes from, which keeps its fee for a while.",
)
@click.pass_obj
def payout_send(
    session: Session,
    *,
    account: str,
    amount_minor: int,
    currency: str,
    rail: str,
    name: str,
    iban_number: str | None,
    routing_number: str | None,
    sort_code: str | None,
    bic: str | None,
    account_number: str | None,
    account_type: str,
    country: str | None,
    reference: str,
    metadata: Sequence[str],
    payout_id: str | None,
    release_at: Moment | None,
    fee_expected: int | None,
    quoted_at_us: int,
) -> None:
    """Submit one payout; a retry with the same --payout-id pays nobody twice."""
    banks = {
        "--iban": iban_number,
        "--routing-number": routing_number,
        "--sort-code": sort_code,
        "--bic": None if iban_number else bic,
    }
    named = [option for option, value in banks.items() if value]
    if len(named) != 1 or (account_number is None) != (iban_number is not None):
        raise click.UsageError(
            "expected the payee's bank by --iban, or by one of --routing-number, "
            "--sort-code and --bic together with --account-number; found "
            f"{', '.join(named) or 'none'}"
            f"{' and --account-number' if account_number else ''}"
        )
    number = account_number or ""
    if iban_number:
        destination = iban(iban_number, name, bic=bic or "")
    elif routing_number:
        destination = us_account(
            routing_number, number, name, account_type=account_type
        )
    elif sort_code:
        destination = uk_account(sort_code, number, name)
    else:
        destination = bic_account(bic or "", number, name, country=country or "")
    if rail != SANDBOX:  # which pays nobody, and takes any number
        bank = destination.bank_code
        if iban_number:
            _check_payee("--iban", destination.account_number, checks.iban_expected)
        if routing_number:
            _check_payee("--routing-number", bank, checks.routing_expected)
        if bic:
            _check_payee("--bic", bank, checks.bic_expected)
    payout_id = payout_id or new_payout_id()
    with session.client() as client, repeatable("--payout-id", payout_id):
        result = client.submit(
            account=account,
            amount=amount_minor,
            currency=currency,
            rail=rail,
            destination=destination,
            reference=reference,
            metadata=_pairs(metadata),
            payout_id=payout_id,
            release_at_us=_time_us(release_at),
            fee_expected=fee_expected,
            quoted_at_us=quoted_at_us,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(session, result, "payout_id", state=result.state.lower())


def _check_payee(option: str, text: str, check: checks.Check) -> None:
    """Pass a number whose check digits are right, as those of files must be.

    text: As it is sent; an IBAN is put into capitals without blanks before.
    The nodes look at shapes only: one wrong digit would be taken, and the money be reserved for
    somebody else.
    """
    if (wanted := check(text)) is not None:
        raise click.BadParameter(
            f"expected {wanted}, found {text!r}", param_hint=option
        )


@read_options
@payout.command("get")
@click.argument("payout_id")
@click.pass_obj
def payout_get(session: Session, *, payout_id: str) -> None:
    """Show a payout, or how its submit was refused."""
    with session.client() as client:
        reply = client.get(
            payout_id,
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
        return
    if reply.HasField("refused"):
        refused = reply.refused
        render.print_pairs(
            session,
            {
                "payout_id": refused.payout_id,
                "refused": common_pb2.RefusalCode.Name(refused.refusal),
                "position": f"index {refused.index}, ordinal {refused.ordinal}",
                "log time": render.when(refused.refused_at_us),
            },
        )
        return
    found = reply.payout
    order, money = found.order, found.order.amount
    render.print_pairs(
        session,
        {
            "payout_id": order.payout_id,
            "state": payouts_pb2.PayoutState.Name(found.state).lower(),
            **({"attention": _attention(found)} if found.attention else {}),
            "amount": render.amount(money.units, money.currency, money.exponent),
            "fee": render.amount(found.fee_units, money.currency, money.exponent),
            "account": order.account_id,
            "rail": order.rail,
            "payee": order.destination.name,
            "destination": found.destination_fingerprint,
            "reference": order.reference,
            "created": f"index {found.index}, {render.when(found.created_at_us)}",
            **(
                {"not sent before": render.when(found.release_at_us)}
                if found.release_at_us
                else {}
            ),
            "updated": f"index {found.updated_index}, {render.when(found.updated_at_us)}",
            "version": str(found.version),
            "submitted by": found.submitted_by,
            "read at": f"index {reply.header.applied_index}",
        },
    )


@read_options
@payout.command("list")
@click.option("--account", default="", help="Only payouts of this account.")
@click.option("--state", type=click.Choice(_STATES, case_sensitive=False), default=None)
@click.option("--rail", default="")
@click.option("--currency", default="")
@click.option(
    "--created-from", type=MOMENT, metavar="TIME", help="First log time, 2026-11-21."
)
@click.option(
    "--created-to", type=MOMENT, metavar="TIME", help="Log time before which it ends."
)
@click.option(
    "--destination", default="", metavar="FINGERPRINT", help="As `payout get` shows it."
)
@click.option(
    "--metadata",
    default="",
    metavar="KEY[=VALUE]",
    help="Has this key, with this value; the nodes' option metadata_filters names the keys.",
)
@click.option(
    "--attention/--no-attention",
    default=None,
    help="Only payouts about which a person has to do something, or only the others.",
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--cursor", default="", help="Where an earlier list ended.")
@click.pass_obj
def payout_list(
    session: Session,
    *,
    account: str,
    state: str | None,
    rail: str,
    currency: str,
    created_from: Moment | None,
    created_to: Moment | None,
    destination: str,
    metadata: str,
    attention: bool | None,
    limit: int,
    cursor: str,
) -> None:
    """List the payouts that match every filter, oldest first."""
    found: list[payouts_pb2.Payout] = []
    key, equals, value = metadata.partition("=")
    with session.client() as client:
        while len(found) < limit:
            reply = client.list(
                account=account,
                state=state or "",
                rail=rail,
                currency=currency,
                created_from_us=_time_us(created_from),
                created_to_us=_time_us(created_to),
                destination_fingerprint=destination,
                metadata_key=key,
                metadata_value=value if equals else None,
                attention=attention,
                page_size=min(limit - len(found), 1_000),
                cursor=cursor,
                at_least=session.at_least,
                max_age=session.max_age_s,
                deadline=session.deadline_s,
            )
            found.extend(reply.payouts)
            cursor = reply.next_cursor
            if not cursor:
                break
    if session.output == "json":
        payouts = [render.message(one) for one in found]
        render.print_json(session, {"payouts": payouts, "next_cursor": cursor})
        return
    session.console.print(payouts_table(found))
    if cursor:
        session.console.print(f"more: --cursor {cursor}", soft_wrap=True)


def payouts_table(found: Sequence[payouts_pb2.Payout]) -> Table:
    """Return payouts as a table that folds ids, for those of one minute begin alike."""
    table = render.table("payout_id", "state", "rail", "payee", "created")
    table.add_column("amount", justify="right", no_wrap=True)
    for one in found:
        money = one.order.amount
        table.add_row(
            one.order.payout_id,
            payouts_pb2.PayoutState.Name(one.state).lower()
            + (", attention" if one.attention else ""),
            one.order.rail,
            one.order.destination.name,
            render.when(one.created_at_us),
            render.amount(money.units, money.currency, money.exponent),
        )
    return render.fold(table)


@write_option
@dry_option
@payout.command("cancel")
@click.argument("payout_id")
@click.option("--reason", default="", help="For the record.")
@version_option
@request_option
@click.pass_obj
def payout_cancel(
    session: Session,
    *,
    payout_id: str,
    reason: str,
    expected_version: int,
    request_id: str | None,
) -> None:
    """Cancel a payout that was not dispatched; its money is free again."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.cancel(
            payout_id,
            reason=reason,
            expected_version=expected_version,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    render.print_result(
        session,
        result,
        "request_id",
        payout=payout_id,
        state=result.payout_state.lower(),
    )


@write_option
@dry_option
@payout.command("approve")
@click.argument("payout_id")
@version_option
@request_option
@click.pass_obj
def payout_approve(
    session: Session, *, payout_id: str, expected_version: int, request_id: str | None
) -> None:
    """Let a payout go that waits for review. Not by who submitted it."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.approve(
            payout_id,
            expected_version=expected_version,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    _print_change(session, result, payout_id)


@write_option
@dry_option
@payout.command("reject")
@click.argument("payout_id")
@click.option("--reason", default="", help="For the record.")
@version_option
@request_option
@click.pass_obj
def payout_reject(
    session: Session,
    *,
    payout_id: str,
    reason: str,
    expected_version: int,
    request_id: str | None,
) -> None:
    """End a payout that waits for review; nothing is charged."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.reject(
            payout_id,
            reason=reason,
            expected_version=expected_version,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    _print_change(session, result, payout_id)


@write_option
@dry_option
@payout.command("reroute")
@click.argument("payout_id")
@click.option("--rail", required=True, help="The rail to go by, for example eu_sct.")
@version_option
@request_option
@click.pass_obj
def payout_reroute(
    session: Session,
    *,
    payout_id: str,
    rail: str,
    expected_version: int,
    request_id: str | None,
) -> None:
    """Send a payout that was not dispatched by another rail, at that rail's fee."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.reroute(
            payout_id,
            rail,
            expected_version=expected_version,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    _print_change(session, result, payout_id)


@write_option
@dry_option
@payout.command("recall")
@click.argument("payout_id")
@click.option("--reason", default="", help="For the record.")
@version_option
@request_option
@click.pass_obj
def payout_recall(
    session: Session,
    *,
    payout_id: str,
    reason: str,
    expected_version: int,
    request_id: str | None,
) -> None:
    """Ask the rail for money back that is on its way or there."""
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        result = client.request_recall(
            payout_id,
            reason=reason,
            expected_version=expected_version,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    _print_change(session, result, payout_id)


@write_option
@dry_option
@payout.command("tell")
@click.argument("payout_id")
@click.option(
    "--finding",
    type=click.Choice(_FINDINGS),
    required=True,
    help="What the rail says: it has it (taken), paid it (settled), had it and will never pay it "
    "(rejected: the customer has the money back), did not take it (refused) or never had it "
    "(not_found): after these two it is sent again.",
)
@click.option(
    "--reference",
    required=True,
    help="The rail's own, of the payment or of its answer; used once.",
)
@click.option("--note", required=True, help="What was seen and where, for the record.")
@click.option(
    "--rail", default="", help="Which rail says so; left out: the one it goes by."
)
@click.option(
    "--value-date", type=click.DateTime(["%Y-%m-%d"]), help="Of a settlement."
)
@click.option("--code", default="", help="The rail's own code, of a rejection.")
@version_option
@request_option
@click.pass_obj
def payout_tell(
    session: Session,
    *,
    payout_id: str,
    finding: str,
    reference: str,
    note: str,
    rail: str,
    value_date: datetime | None,
    code: str,
    expected_version: int,
    request_id: str | None,
) -> None:
    """Put into the log what you found out at the rail about a payout that may have been sent.

    Not by who submitted it. What contradicts the books opens an exception and moves no money.
    """
    if finding in ("refused", "not_found") and not expected_version:
        raise click.UsageError(
            f"expected --expected-version with --finding {finding}, for the payout is sent again: "
            "the version that `payout get` showed before you asked the rail"
        )
    request_id = request_id or new_request_id()
    with session.client() as client, repeatable("--request-id", request_id):
        if not rail:
            found = client.get(payout_id, deadline=session.deadline_s)
            if found.HasField("refused"):
                raise click.ClickException(
                    f"expected a payout, found that {payout_id} was refused: it never left"
                )
            rail = found.payout.rail
        result = client.tell_evidence(
            payout_id,
            finding,
            rail=rail,
            reference=reference,
            note=note,
            value_date=int(f"{value_date:%Y%m%d}") if value_date else 0,
            code=code,
            expected_version=expected_version,
            request_id=request_id,
            concern=session.concern,
            deadline=session.deadline_s,
        )
    _print_change(session, result, payout_id)


def _attention(found: payouts_pb2.Payout) -> str:
    """Return what a person has to look into."""
    if found.open_exceptions:
        return f"{found.open_exceptions} open exceptions, see `exceptions list`"
    return f"it may have been sent; ask the rail about {found.rail_key}"


def _print_change(session: Session, result: CommandResult, payout_id: str) -> None:
    render.print_result(
        session,
        result,
        "request_id",
        payout=payout_id,
        state=result.payout_state.lower(),
    )


def _time_us(moment: Moment | None) -> int:
    """Return a log time; 0 where none was named."""
    if moment is None:
        return 0
    if moment.time_us is None:
        raise click.UsageError(f"expected a time, found the log index {moment.index}")
    return moment.time_us


def _pairs(metadata: Sequence[str]) -> dict[str, str]:
    """Return KEY=VALUE texts as a dictionary."""
    pairs: dict[str, str] = {}
    for text in metadata:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"expected KEY=VALUE as --metadata, found {text}")
        pairs[key] = value
    return pairs
