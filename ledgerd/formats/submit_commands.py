"""Submits with terms <-> `formats.v1.Submit`, from state version 3.

The others travel in columns, `batches`. Here is only what the message holds.
"""

from ledgerd.formats.v1 import commands_pb2 as pb
from ledgerd.ledger.commands import Submit, SubmitTerms, WindowTerms


def to_message(command: Submit) -> pb.Command:
    """Return the message of a Submit."""
    terms = command.terms
    return pb.Command(
        submit=pb.Submit(
            payout_id=command.payout_id,
            account_id=command.account_id,
            amount_minor=command.amount_minor,
            currency=command.currency,
            rail=command.rail,
            principal=command.principal,
            details=command.details,
            release_at_us=command.release_at_us,
            terms=pb.SubmitTerms(
                fee_expected_minor=terms.fee_expected_minor,
                quoted_at_us=terms.quoted_at_us,
                window=None if terms.window is None else _window_message(terms.window),
            ),
            is_linked=terms.is_linked,
        )
    )


def from_message(submit: pb.Submit) -> Submit:
    """Return the command of a message."""
    return Submit(
        submit.payout_id,
        submit.account_id,
        submit.amount_minor,
        submit.currency,
        submit.rail,
        submit.principal,
        submit.details,
        submit.release_at_us,
        _terms(submit.terms)._replace(is_linked=submit.is_linked),
    )


def _terms(terms: pb.SubmitTerms) -> SubmitTerms:
    has_fee = terms.HasField("fee_expected_minor")
    return SubmitTerms(
        terms.fee_expected_minor if has_fee else None,
        terms.quoted_at_us,
        window=_window(terms.window) if terms.HasField("window") else None,
    )


def _window(window: pb.WindowTerms) -> WindowTerms:
    return WindowTerms(
        window.opens_us, window.closes_us, window.rail_version, window.calendar_version
    )


def _window_message(window: WindowTerms) -> pb.WindowTerms:
    return pb.WindowTerms(
        opens_us=window.opens_us,
        closes_us=window.closes_us,
        rail_version=window.rail_version,
        calendar_version=window.calendar_version,
    )
