"""`ledgerctl trial-balance`: debits equal credits, or which book does not balance."""

import click
from rich.table import Table

from ledgerd.api.v1 import accounts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.moments import Moment
from ledgerd.cli.ctl.session import Ended, Failed, Session, read_options
from ledgerd.cli.ctl.statement import at_option


@read_options
@click.command("trial-balance")
@at_option
@click.pass_obj
def trial_balance(session: Session, *, at: Moment) -> None:
    """Show debits and credits of every ledger account, for each currency."""
    with session.client() as client:
        reply = client.trial_balance(
            at_index=at.index,
            at_us=at.time_us,
            at_least=session.at_least,
            max_age=session.max_age_s,
            deadline=session.deadline_s,
        )
    if session.output == "json":
        render.print_json(session, render.message(reply))
    else:
        for book in reply.books:
            session.console.print(_table(book))
            session.console.print()
        session.console.print(f"as of index {reply.as_of_index}")
    wrong = [_name(book) for book in reply.books if not book.balanced]
    if wrong:
        raise Failed(
            f"expected debits = credits, found otherwise in {', '.join(wrong)}; stop "
            "paying and run `ledgerd check`",
            Ended.REFUSED,
        )


def _name(book: accounts_pb2.Book) -> str:
    return f"{'live' if book.livemode else 'sandbox'} {book.currency}"


def _table(book: accounts_pb2.Book) -> Table:
    def money(units: str) -> str:
        if units in ("", "0"):
            return ""
        return render.amount(int(units), book.currency, book.exponent)

    verdict = "balanced" if book.balanced else "NOT BALANCED"
    table = render.table(title=f"{_name(book)}: {verdict}", show_footer=True)
    table.add_column("ledger account", "total")
    table.add_column("accounts", justify="right")
    table.add_column("debit", money(book.debit_units), justify="right")
    table.add_column("credit", money(book.credit_units), justify="right")
    for line in book.lines:
        table.add_row(
            line.ledger_account,
            str(line.accounts),
            money(line.debit_units),
            money(line.credit_units),
        )
    return render.fold(table)
