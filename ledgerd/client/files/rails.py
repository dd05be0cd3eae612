"""Which rail a payout of a file takes, and whether a rail suits a destination.

The caller's choice comes first; otherwise currency, kind of destination and the file's own words
(service level, local instrument) decide. Which rails there are, and what each takes, the catalogue
of the cluster says (decision 21); `SEED` stands in for it where no cluster is asked.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, NamedTuple

from ledgerd.api.v1 import rails_pb2
from ledgerd.api.v1.payouts_pb2 import Destination
from ledgerd.client.files.checks import in_sepa
from ledgerd.client.files.orders import Target

SANDBOX: Final = "sandbox"
US_ACH: Final = "us_ach"


class FileRail(NamedTuple):
    """What a rail takes of a file: currencies and kinds of destinations; empty: any."""

    currencies: frozenset[str] = frozenset()
    kinds: frozenset[int] = frozenset()

    @classmethod
    def of(cls, currency: str, *kinds: Destination.Kind) -> "FileRail":
        """Return a rail of one currency."""
        return cls(frozenset({currency}), frozenset(kinds))


_IBAN: Final = Destination.IBAN
_US: Final = Destination.US_ACCOUNT
_UK: Final = Destination.UK_ACCOUNT
_BIC: Final = Destination.BIC_ACCOUNT
# The rails that ledgerd brings, by name.
SEED: Final[Mapping[str, FileRail]] = MappingProxyType(
    {
        SANDBOX: FileRail(),
        US_ACH: FileRail.of("USD", _US),
        "us_ach_same_day": FileRail.of("USD", _US),
        "us_fedwire": FileRail.of("USD", _US),
        "us_rtp": FileRail.of("USD", _US),
        "us_fednow": FileRail.of("USD", _US),
        "eu_sct": FileRail.of("EUR", _IBAN),
        "eu_sct_inst": FileRail.of("EUR", _IBAN),
        "uk_fps": FileRail.of("GBP", _UK, _IBAN),
        "uk_bacs": FileRail.of("GBP", _UK, _IBAN),
        "uk_chaps": FileRail.of("GBP", _UK, _IBAN),
        "swift": FileRail(kinds=frozenset({_IBAN, _BIC})),
    }
)
_URGENT: Final = frozenset({"URGP", "SDVA"})
_US_INSTRUMENTS: Final = {
    "PPD": US_ACH,
    "CCD": US_ACH,
    "CTX": US_ACH,
    "RTP": "us_rtp",
    "FEDNOW": "us_fednow",
    "FDN": "us_fednow",
}


def of_catalogue(
    reply: rails_pb2.GetCatalogueReply, now_us: int
) -> Mapping[str, FileRail]:
    """Return the rails that a cluster goes by now.

    They are those of the seed and those that a record brought; a record in force takes the place
    of what the seed says. A rail that only a later version brings is not among them, for a payout
    by it would be refused.

    now_us: by the caller's clock; log time stands still while a cluster is idle.
    """
    at_us = max(reply.header.log_time_us, now_us)
    in_force: dict[str, rails_pb2.Rail] = {}
    for rail in sorted(
        reply.rails, key=lambda one: (one.effective_from_us, one.version)
    ):
        if rail.effective_from_us <= at_us:
            in_force[rail.name] = rail
    records = {
        name: FileRail(frozenset(rail.currencies), frozenset(rail.destination_kinds))
        for name, rail in in_force.items()
    }
    return MappingProxyType({**SEED, **records})


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


def unsuitable(
    rails: Mapping[str, FileRail], rail: str, currency: str, kind: int
) -> str | None:
    """Return what the rail expects when it takes no such payout, else None.

    rail: one of `rails`.
    """
    currencies, kinds = rails[rail]
    if currencies and currency not in currencies:
        return f"{' or '.join(sorted(currencies))} on rail {rail}"
    if kinds and kind not in kinds:
        names = " or ".join(sorted(map(_kind_name, kinds)))
        return f"a destination of kind {names} on rail {rail}"
    return None


def expected(rails: Mapping[str, FileRail], found: str) -> str:
    """Return the names that are known, what was found instead, and the nearest of them."""
    close = get_close_matches(found, rails, n=1)
    nearest = f"; the nearest is {close[0]}" if close else ""
    return f"a rail of {', '.join(sorted(rails))}, found {found}{nearest}"


def _kind_name(kind: int) -> str:
    """Return the name of a kind; its number if only a newer release knows it."""
    known = kind in Destination.Kind.values()
    return Destination.Kind.Name(kind) if known else str(int(kind))
