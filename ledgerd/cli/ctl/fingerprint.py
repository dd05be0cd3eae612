"""`ledgerctl rules fingerprint`: how the ledger names an account that money may go to."""

import click

from ledgerd.api.v1 import payouts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.session import Session
from ledgerd.client import bic_account, iban, uk_account, us_account

_NAME = "payee"  # says nothing about where the money goes


@click.command("fingerprint")
@click.option("--iban", "iban_number", help="An IBAN; no BIC is needed.")
@click.option("--routing-number", help="Bank in the United States.")
@click.option("--sort-code", help="Bank in the United Kingdom.")
@click.option("--bic", help="Bank anywhere else.")
@click.option("--account-number", default="", help="Account at that bank.")
@click.pass_obj
def fingerprint(
    session: Session,
    *,
    iban_number: str | None,
    routing_number: str | None,
    sort_code: str | None,
    bic: str | None,
    account_number: str,
) -> None:
    """Show the fingerprint of an account, for block lists and `payout list`.

    No cluster is asked: an account can be blocked before anything was paid to it.
    """
    banks = (iban_number, routing_number, sort_code, bic)
    if sum(map(bool, banks)) != 1 or bool(account_number) is bool(iban_number):
        raise click.UsageError(
            "expected --iban, or one of --routing-number, --sort-code and --bic together with "
            "--account-number"
        )
    if iban_number:
        to = iban(iban_number, _NAME)
    elif routing_number:
        to = us_account(routing_number, account_number, _NAME)
    elif sort_code:
        to = uk_account(sort_code, account_number, _NAME)
    else:
        to = bic_account(bic or "", account_number, _NAME, country="")
    found = _fingerprint(to)
    if session.output == "json":
        render.print_json(session, {"destination_fingerprint": found})
    else:
        session.console.print(found, highlight=False)


def _fingerprint(to: payouts_pb2.Destination) -> str:
    """Return what payouts to this account show; refuse what no payout could be sent to."""
    # Here, for it is half a daemon, and every other command would wait for it too.
    from ledgerd.api import shapes
    from ledgerd.ledger.details import Details, destination_fingerprint, pack_details

    try:
        kind, *texts = shapes.destination("destination", to, is_sandbox=False)
    except shapes.Malformed as bad:
        raise click.UsageError(
            f"{bad.field}: expected {bad.expected}, found {bad.found}"
        ) from None
    country, bank_code, number, name, account_type = texts
    details = Details(kind, country, bank_code, number, name, account_type, "", ())
    return destination_fingerprint(pack_details(details)).hex()
