"""`ledgerctl payout submit FILE`: pays a file of payouts, once however often it is run."""

import asyncio
import csv
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from ledgerd.api import ids
from ledgerd.api.v1 import accounts_pb2, common_pb2, payouts_pb2
from ledgerd.cli.ctl import render
from ledgerd.cli.ctl.session import Ended, Failed, Seconds, Session
from ledgerd.client import AsyncClient
from ledgerd.client.files import FileRefused, Kind, PayoutFile, ReadOptions, read
from ledgerd.client.files.amounts import units_text
from ledgerd.client.files.currencies import EXPONENTS
from ledgerd.client.files.findings import Findings
from ledgerd.client.files.rails import (
    SANDBOX,
    SEED,
    FileRail,
    expected,
    of_catalogue,
)
from ledgerd.client.files.submission import Status, Submission
from ledgerd.errors import CallError, NotLogged, Reason

EXIT_FILE_REFUSED: Final = 65  # the data are wrong; EX_DATAERR of sysexits.h
_NEXT_WINDOW: Final = "next-window"
_TIMINGS: Final = {
    _NEXT_WINDOW: payouts_pb2.NEXT_WINDOW,
    "this-window-only": payouts_pb2.THIS_WINDOW_ONLY,
}
_NO_SUCH_CALL: Final = "UNIMPLEMENTED"  # gRPC's own status, of an older node
_CONFLICTS_SHOWN: Final = 5
_VALIDATED_TOGETHER: Final = 1_000
_HARMLESS: Final = frozenset({"CREATED", "REPLAYED"})
_AGAIN: Final = "run the same command again to continue; nothing is paid twice"


@click.command()
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
)
@click.option("--account", metavar="acct_...", help="The account that pays.")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="Format of the file; recognised by its first bytes without this.",
)
@click.option(
    "--rail",
    metavar="NAME",
    help="Rail for every entry, instead of what file and currency say; one that ledgerd brings "
    "or that the cluster's catalogue names.",
)
@click.option(
    "--timing",
    type=click.Choice(sorted(_TIMINGS)),
    default=_NEXT_WINDOW,
    show_default=True,
    help="Whether entries may wait for a later window of their rail.",
)
@click.option(
    "--batch-date",
    type=click.DateTime(["%Y-%m-%d"]),
    help="CSV without ids: the day that ids derive from, with the file's digest.",
)
@click.option(
    "--expect-entries",
    type=click.IntRange(min=1),
    help="Refuse the file unless it pays exactly that many.",
)
@click.option(
    "--validate-only",
    is_flag=True,
    help="Judge the file and submit nothing; with --account the ledger is asked, too.",
)
@click.option(
    "--even-if-short",
    is_flag=True,
    help="Submit although the account holds less than the file's total. "
    "Entries refused for funds can never be paid under their ids.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=Seconds(min=0.1),
    default=300.0,
    show_default=True,
    help="Seconds for the whole file.",
)
@click.option(
    "--result",
    "result_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write line, payout id, outcome, code and log index of every entry here (CSV).",
)
@click.pass_obj
def submit(
    session: Session,
    *,
    file: Path,
    account: str | None,
    kind: str | None,
    rail: str | None,
    timing: str,
    batch_date: datetime | None,
    expect_entries: int | None,
    validate_only: bool,
    even_if_short: bool,
    timeout_s: float,
    result_path: Path | None,
) -> None:
    """Submit the payouts of FILE: pain.001 XML, NACHA (also .gz) or CSV.

    The whole file is read and checked before anything is submitted. The ids of the payouts derive
    from the file, so a second run pays nobody twice: it reports every entry as REPLAYED.

    Exit codes: 0 all accepted or replayed; 1 some refused or in conflict, or the account is short;
    2 usage; 3 not logged; 4 some unknown, or it could not be written: run again; 65 the file is
    refused.
    """
    if account is None and not validate_only:
        raise click.UsageError("--account names the account that pays")
    if account is not None:
        _check_account_id(account)
    if result_path is not None:
        _check_place(result_path)
    known = SEED if account is None else _rails(session)
    if rail is not None and rail not in known:
        raise click.BadParameter(
            f"expected {expected(known, rail)}{_not_asked(account)}",
            param_hint="--rail",
        )
    options = ReadOptions(
        rail=rail,
        rails=known,
        account_id=account,
        batch_date=batch_date.date() if batch_date is not None else None,
    )
    chosen = Kind(kind) if kind is not None else None
    try:
        payouts = _read(file, chosen, options)
        if expect_entries is not None:
            _check_entries(payouts, expect_entries)
        if timing != _NEXT_WINDOW and any(one.release_at_us for one in payouts.orders):
            raise click.UsageError(
                f"expected --timing {_NEXT_WINDOW} for entries with a release_at, "
                f"found {timing}"
            )
        if validate_only:
            _show_verdict(session, payouts, is_asked=account is not None)
            if account is not None:
                _ask_ledger(session, payouts, account, rail)
            return
        assert account is not None
        run = _Run(
            session,
            payouts,
            account,
            rail=rail,
            timing=timing,
            even_if_short=even_if_short,
        )
        submission = run.submit(timeout_s)
    except FileRefused as error:
        _show_refusal(session, error)
        if any(finding.where == "rail" for finding in error.findings):
            hint = _not_asked(account).removeprefix("; ")
            if hint:
                session.errors.print(hint)
        raise Failed(
            "nothing was submitted" if not validate_only else "the file is not right",
            EXIT_FILE_REFUSED,
        ) from error
    session.repeat_with = "the same command"
    unwritten: OSError | None = None
    if result_path is not None:
        try:
            _write_result(submission, result_path)
        except OSError as error:
            unwritten = error
    _show_summary(session, submission)
    if unwritten is not None:
        raise Failed(
            f"the entries were submitted, and {result_path} cannot be written: "
            f"{unwritten.strerror}; {_AGAIN}",
            Ended.UNKNOWN,
        )
    _end(submission, run.was_interrupted)


def _read(file: Path, kind: Kind | None, options: ReadOptions) -> PayoutFile:
    try:
        return read(file, kind=kind, options=options)
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}", EXIT_FILE_REFUSED) from error


def _check_place(result_path: Path) -> None:
    """Pass only if results can go there, as far as one sees; before anything is submitted."""
    if _is_replaced(result_path):
        folder = result_path.parent
        is_right = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
        expected = "a file in a folder that can be written to"
    else:
        is_right = not result_path.exists() or os.access(result_path, os.W_OK)
        expected = "what can be written to"
    if not is_right:
        raise click.BadParameter(
            f"expected {expected}, found {result_path}; nothing was submitted",
            param_hint="--result",
        )


def _check_account_id(text: str) -> None:
    try:
        ids.decode(ids.ACCOUNT, text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--account") from error


def _rails(session: Session) -> Mapping[str, FileRail]:
    """Return the rails of the cluster. A node of before the catalogue has those of the seed."""
    with session.client() as client:
        try:
            reply = client.catalogue(deadline=session.deadline_s)
        except CallError as error:
            if error.metadata.get("status") != _NO_SUCH_CALL:
                raise
            return SEED
    return of_catalogue(reply, time.time_ns() // 1_000)


def _not_asked(account: str | None) -> str:
    """Return what to add to a list of rails that no cluster was asked for."""
    if account is not None:
        return ""
    return "; with --account the cluster is asked which rails its catalogue names"


def _check_entries(payouts: PayoutFile, expected: int) -> None:
    """Pass only if the file pays as many as the caller knows it must."""
    if len(payouts.orders) != expected:
        findings = Findings(payouts.name)
        findings.add(
            0,
            "",
            expected=f"{expected} entries (--expect-entries)",
            found=str(len(payouts.orders)),
        )
        raise findings.refusal()


class _Run:
    """One file, one account, one connection."""

    def __init__(
        self,
        session: Session,
        payouts: PayoutFile,
        account_id: str,
        *,
        rail: str | None,
        timing: str,
        even_if_short: bool,
    ) -> None:
        self._session = session
        self._payouts = payouts
        self._account_id = account_id
        self._rail = rail
        self._timing = _TIMINGS[timing]
        self._even_if_short = even_if_short
        self._submission: Submission | None = None
        self.was_interrupted = False

    def submit(self, timeout_s: float) -> Submission:
        """Return the submission when it is over, also when it was interrupted."""
        try:
            asyncio.run(self._submit(timeout_s))
        except KeyboardInterrupt:
            if self._submission is None:
                raise Failed(
                    "interrupted; nothing was submitted", Ended.NOT_LOGGED
                ) from None
            self.was_interrupted = True
        assert self._submission is not None
        return self._submission

    async def _submit(self, timeout_s: float) -> None:
        async with AsyncClient(self._session.profile()) as client:
            reply = await client.account(
                self._account_id, deadline=self._session.deadline_s
            )
            await self._check(client, reply.account)
            self._submission = self._new_submission()
            with self._bar("submitting") as told:
                await self._submission.run(client, timeout_s=timeout_s, progress=told)

    def _new_submission(self) -> Submission:
        return Submission(
            self._payouts,
            account_id=self._account_id,
            rail=self._rail,
            timing=self._timing,
        )

    def _bar(self, what: str) -> "_Bar":
        return _Bar(self._session.errors, what, len(self._payouts.orders))

    async def _check(self, client: AsyncClient, account: accounts_pb2.Account) -> None:
        """Pass only if the account can pay such a file; before anything is submitted."""
        if account.status != accounts_pb2.OPEN:
            status = accounts_pb2.AccountStatus.Name(account.status)
            raise Failed(
                f"expected an open account, found {self._account_id} {status}; "
                "nothing was submitted",
                Ended.REFUSED,
            )
        _check_currency(self._payouts, account.currency)
        self._choose_rail(is_live=account.livemode)
        await self._check_funds(client, account)

    def _choose_rail(self, *, is_live: bool) -> None:
        """Take the sandbox rail for a sandbox account; refuse to mix the two."""
        if is_live:
            on_sandbox = SANDBOX in {
                self._rail,
                *(o.rail for o in self._payouts.orders),
            }
            if on_sandbox:
                raise click.UsageError(
                    f"{self._account_id} is a live account and never uses rail sandbox"
                )
            return
        if self._rail not in (None, SANDBOX):
            raise click.UsageError(
                f"{self._account_id} is a sandbox account: expected --rail sandbox "
                f"or none, found {self._rail}"
            )
        if self._rail is None:
            self._session.errors.print(
                f"{self._account_id} is a sandbox account: every entry takes rail sandbox",
                soft_wrap=True,
            )
        self._rail = SANDBOX

    async def _check_funds(
        self, client: AsyncClient, account: accounts_pb2.Account
    ) -> None:
        """Stop before ids are spent on an account that cannot pay them all.

        What was submitted before, of a file that was interrupted or has grown, has used its funds
        already and is replayed: the rest must be there.
        """
        orders = self._payouts.orders
        count, needed = len(orders), sum(order.amount_minor for order in orders)
        usable = account.balances.available_units - account.min_balance_units
        if needed <= usable or self._even_if_short:
            return
        try:
            count, needed = await self._ask_new(client)
        except CallError as error:
            if error.metadata.get("status") != _NO_SUCH_CALL:
                raise
            if await self._has_begun(client):
                return
        if not count or needed <= usable:
            return
        currency = account.currency
        entries = (
            "" if count == len(orders) else f" for {count:,} of {len(orders):,} entries"
        )
        raise Failed(
            f"expected {units_text(needed, currency)} {currency} in {self._account_id}"
            f"{entries}, found {units_text(usable, currency)}: fund the account first (an "
            "id that was refused is spent), or say --even-if-short; nothing was submitted",
            Ended.REFUSED,
        )

    async def _ask_new(self, client: AsyncClient) -> tuple[int, int]:
        """Return count and sum, minor units, of the entries whose ids were never used."""
        count = sum_minor = 0
        with self._bar("asking which are new") as told:
            for start, page in self._new_submission().batches(_VALIDATED_TOGETHER):
                reply = await client.validate(page, deadline=self._session.deadline_s)
                for order, verdict in zip(page, reply.verdicts, strict=True):
                    if not verdict.result.result.replayed:
                        count += 1
                        sum_minor += order.amount.units
                told(start + len(page))
        return count, sum_minor

    async def _has_begun(self, client: AsyncClient) -> bool:
        """Return whether the first entry is in the ledger; all that an older node can tell."""
        first = ids.encode(ids.PAYOUT, self._payouts.orders[0].payout_id)
        try:
            await client.get(first, deadline=self._session.deadline_s)
        except NotLogged as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return False
        return True


def _check_currency(payouts: PayoutFile, currency: str) -> None:
    """Refuse the file if an entry is not in the account's currency."""
    findings = Findings(payouts.name)
    for order in payouts.orders:
        if order.currency != currency:
            findings.add(
                order.line,
                order.where or "currency",
                expected=f"{currency}, the currency of the account",
                found=order.currency,
                hint="submit the others from an account of theirs",
            )
    if findings.count:
        raise findings.refusal()


class _Bar:
    """A progress bar on a terminal, and nothing elsewhere."""

    def __init__(self, console: Console, what: str, total: int) -> None:
        self._progress = Progress(
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task(what, total=total)

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return lambda answered: self._progress.update(self._task, completed=answered)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _end(submission: Submission, was_interrupted: bool) -> None:
    """Return if every entry is accepted or replayed; else end with the code that says why not."""
    total = len(submission.statuses)
    unknown = submission.count(Status.UNKNOWN)
    not_sent = submission.count(Status.NOT_SENT)
    why = f" ({submission.error.message})" if submission.error is not None else ""
    if unknown or not_sent:
        stopped = "interrupted" if was_interrupted else f"stopped{why}"
        raise Failed(
            f"{stopped}: {submission.answered} of {total} entries answered, {unknown} "
            f"unknown, {not_sent} not sent; {_AGAIN}",
            Ended.UNKNOWN if unknown else Ended.NOT_LOGGED,
        )
    refused = submission.count(Status.REFUSED)
    conflicts = submission.count(Status.CONFLICT)
    if refused or conflicts:
        raise Failed(
            f"{refused} entries refused, {conflicts} in conflict with what the same ids "
            "ordered before",
            Ended.REFUSED,
        )


# What people and programs see


def _ask_ledger(
    session: Session, payouts: PayoutFile, account: str, rail: str | None
) -> None:
    """Show what the ledger would answer now. Raises Failed if it would refuse an entry.

    Entries are judged behind one another within a page; a page does not see those before it.
    """
    submission = Submission(payouts, account_id=account, rail=rail)
    found: dict[str, int] = {}
    refused: list[dict[str, object]] = []
    bar = _Bar(session.errors, "asking the ledger", len(payouts.orders))
    with session.client() as client, bar as told:
        for start, page in submission.batches(_VALIDATED_TOGETHER):
            reply = client.validate(page, deadline=session.deadline_s)
            lines = payouts.orders[start : start + len(page)]
            for order, line, verdict in zip(page, lines, reply.verdicts, strict=True):
                answer = _answer(verdict.result.result)
                found[answer] = found.get(answer, 0) + 1
                if answer not in _HARMLESS:
                    refused.append(
                        {
                            "line": line.line,
                            "payout_id": order.payout_id,
                            "code": answer,
                        }
                    )
            told(start + len(page))
    if session.output == "json":
        render.print_json(
            session,
            {"valid": True, **_facts(payouts), "verdicts": found, "refused": refused},
        )
    else:
        for one in refused:
            session.console.print(
                f"line {one['line']}: {one['payout_id']} would be refused: {one['code']}",
                highlight=False,
            )
        for answer, count in sorted(found.items()):
            session.console.print(f"{count:,} would be {answer}", highlight=False)
        session.console.print("nothing was submitted")
    if refused:
        raise Failed(f"{len(refused):,} entries would be refused", Ended.REFUSED)


def _answer(result: common_pb2.CommandResult) -> str:
    if result.refusal:
        return common_pb2.RefusalCode.Name(result.refusal)
    return common_pb2.Outcome.Name(result.outcome).removeprefix("OUTCOME_")


def _show_verdict(session: Session, payouts: PayoutFile, *, is_asked: bool) -> None:
    if session.output == "json":
        if not is_asked:
            render.print_json(session, {"valid": True, **_facts(payouts)})
        return
    session.console.print(
        f"{payouts.name} is right: {payouts.form}, {payouts.identity}", highlight=False
    )
    table = render.table("currency", "entries", "amount")
    for total in payouts.totals:
        amount = units_text(total.amount_minor, total.currency)
        table.add_row(total.currency, f"{total.entries:,}", amount)
    session.console.print(table)
    _show_notes(session, payouts)
    if not is_asked:
        session.console.print(
            "nothing was submitted; account and funds were not looked at"
        )


def _show_notes(session: Session, payouts: PayoutFile) -> None:
    for note in payouts.notes:
        session.console.print(f"note: {note}", highlight=False, markup=False)


def _show_refusal(session: Session, error: FileRefused) -> None:
    if session.output == "json":
        findings = [finding._asdict() for finding in error.findings]
        render.print_json(
            session, {"valid": False, "count": error.count, "findings": findings}
        )
    else:
        session.errors.print(str(error), highlight=False, markup=False, soft_wrap=True)


def _show_summary(session: Session, submission: Submission) -> None:
    codes = Counter(
        code
        for code, status in zip(submission.codes, submission.statuses, strict=True)
        if status is Status.REFUSED
    )
    sums = {status: submission.totals(status) for status in Status}
    if session.output == "json":
        outcomes = {
            status.value: [
                {
                    "currency": total.currency,
                    "entries": total.entries,
                    "amount_minor": total.amount_minor,
                    "exponent": EXPONENTS[total.currency],
                }
                for total in totals
            ]
            for status, totals in sums.items()
        }
        render.print_json(
            session,
            {
                **_facts(submission.file),
                "account": submission.account_id,
                "answered": submission.answered,
                "outcomes": outcomes,
                "refusals": dict(codes),
            },
        )
        return
    table = render.table(
        "outcome", "currency", "entries", "amount", title=submission.file.name
    )
    for status, totals in sums.items():
        for total in totals:
            amount = units_text(total.amount_minor, total.currency)
            table.add_row(status.value, total.currency, f"{total.entries:,}", amount)
    session.console.print(table)
    for code, count in codes.most_common():
        session.console.print(f"refused: {code} ({count:,} x)", highlight=False)
    _show_conflicts(session, submission)
    _show_notes(session, submission.file)


def _show_conflicts(session: Session, submission: Submission) -> None:
    shown = 0
    for row, status in enumerate(submission.statuses):
        if status is Status.CONFLICT and (shown := shown + 1) <= _CONFLICTS_SHOWN:
            session.console.print(
                f"line {submission.file.orders[row].line}: the id was used before with "
                f"other fields: {submission.codes[row]}",
                highlight=False,
            )
    if shown > _CONFLICTS_SHOWN:
        session.console.print(f"and {shown - _CONFLICTS_SHOWN} more (see --result)")


def _facts(payouts: PayoutFile) -> dict[str, object]:
    return {
        "file": payouts.name,
        "form": payouts.form,
        "identity": payouts.identity,
        "entries": len(payouts.orders),
        "totals": [total._asdict() for total in payouts.totals],
        "notes": list(payouts.notes),
    }


def _write_result(submission: Submission, path: Path) -> None:
    """Write a line for each entry; a file at `path` is whole or not there.

    What is no file, /dev/stdout for example or a pipe, is written to and not replaced.
    """
    if not _is_replaced(path):
        with path.open("w", encoding="utf-8", newline="") as file:
            _write_rows(submission, file)
        return
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        _write_rows(submission, file)
    os.replace(partial, path)


def _is_replaced(path: Path) -> bool:
    """Return whether results at `path` are a new file, and not written into what is there."""
    return not path.is_symlink() and (path.is_file() or not path.exists())


def _write_rows(submission: Submission, file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("line", "payout_id", "outcome", "code", "index"))
    rows = zip(
        submission.file.orders,
        submission.statuses,
        submission.codes,
        submission.indexes,
        strict=True,
    )
    for order, status, code, index in rows:
        payout_id = ids.encode(ids.PAYOUT, order.payout_id)
        writer.writerow((order.line, payout_id, status.value, code, index or ""))
