"""Which rail a payout of a file takes, and whether a rail suits a destination.

The caller's choice comes first; otherwise currency, kind of destination and the file's own words
(service level, local instrument) decide. The catalogue of the cluster has the last word: a rail it
does not know is refused there.
"""

from typing import Final

from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client.files.checks import in_sepa
from ledgerd.client.files.orders import Target

SANDBOX: Final = "sandbox"
US_ACH: Final = "us_ach"

# Rail -> currency ("" is any) and the kinds of destination it reaches.
_IBAN: Final = Destination.IBAN
_US: Final = Destination.US_ACCOUNT
_UK: Final = Destination.UK_ACCOUNT
_BIC: Final = Destination.BIC_ACCOUNT
RAILS: Final[dict[str, tuple[str, frozenset[Destination.Kind]]]] = {
    SANDBOX: ("", frozenset({_IBAN, _US, _UK, _BIC})),
    US_ACH: ("USD", frozenset({_US})),
    "us_ach_same_day": ("USD", frozenset({_US})),
    "us_fedwire": ("USD", frozenset({_US})),
    "us_rtp": ("USD", frozenset({_US})),
    "us_fednow": ("USD", frozenset({_US})),
    "eu_sct": ("EUR", frozenset({_IBAN})),
    "eu_sct_inst": ("EUR", frozenset({_IBAN})),
    "uk_fps": ("GBP", frozenset({_UK, _IBAN})),
    "uk_bacs": ("GBP", frozenset({_UK, _IBAN})),
    "uk_chaps": ("GBP", frozenset({_UK, _IBAN})),
    "swift": ("", frozenset({_IBAN, _BIC})),
}
_URGENT: Final = frozenset({"URGP", "SDVA"})
_US_INSTRUMENTS: Final = {
    "PPD": US_ACH,
    "CCD": US_ACH,
    "CTX": US_ACH,
    "RTP": "us_rtp",
    "FEDNOW": "us_fednow",
    "FDN": "us_fednow",
}


def choose(currency: str, target: Target, *, service: str, instrument: str) -> str:
    """Return the rail for a payout that names none.

    `service` and `instrument` are the codes of the service level and the local instrument, empty
    if the file has none. A US or UK account in another currency gets the rail of its country,
    which `unsuitable` then refuses.
    """
    word = instrument.upper()
    match target.kind:
        case Destination.US_ACCOUNT:
            urgent = "us_fedwire" if service in _URGENT else US_ACH
            return _US_INSTRUMENTS.get(word, urgent)
        case Destination.UK_ACCOUNT:
            return _uk(service, word)
        case Destination.IBAN if currency == "EUR" and service not in _URGENT:
            if in_sepa(target.account_number):
                return "eu_sct_inst" if word == "INST" else "eu_sct"
        case Destination.IBAN if currency == "GBP" and target.country == "GB":
            return _uk(service, word)
    return "swift"


def _uk(service: str, instrument: str) -> str:
    if instrument == "BACS" or (service == "NURG" and not instrument):
        return "uk_bacs"
    return "uk_chaps" if service == "SDVA" or instrument == "CHAPS" else "uk_fps"


def unsuitable(rail: str, currency: str, target: Target) -> str | None:
    """Return what the rail expects when it cannot carry the payout, else None."""
    expected_currency, kinds = RAILS[rail]
    if expected_currency and expected_currency != currency:
        return f"{expected_currency} on rail {rail}"
    if target.kind not in kinds:
        names = " or ".join(sorted(Destination.Kind.Name(kind) for kind in kinds))
        return f"a destination of kind {names} on rail {rail}"
    return None
