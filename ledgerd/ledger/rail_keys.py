"""The name of a payout at its rail: what the rail deduplicates on (ledger.md 3.6).

Fifteen characters, four of the payout id's time and eleven of a hash. It derives from the payout
id and not from the log position: after a restore from backup a payout that is submitted again gets
the same key, so the rail still recognises it.
"""

from hashlib import sha256
from typing import Final

from ledgerd.ledger.identity import made_at_us

RAIL_KEY_CHARACTERS: Final = 15
_TIME_CHARACTERS: Final = 4
_HASH_CHARACTERS: Final = 11
_TIME_UNIT_BITS: Final = (
    20  # milliseconds: about 17 minutes, so the index stays near-append
)
# In the order of their bytes, so that keys rise with time.
_ALPHABET: Final = "234567ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERS: Final = frozenset(_ALPHABET)


def rail_key(payout_id: bytes, *, rail: int, dispatch_no: int, salt: int) -> str:
    """Return the key. salt: 0, raised while the key is another payout's."""
    time = made_at_us(payout_id) // 1000 >> _TIME_UNIT_BITS
    seed = b"ledgerd rail key" + payout_id + rail.to_bytes(2, "big")
    seed += dispatch_no.to_bytes(2, "big")
    if salt:
        seed += salt.to_bytes(2, "big")
    number = int.from_bytes(sha256(seed).digest()[:7], "big")
    return _letters(time, _TIME_CHARACTERS) + _letters(number, _HASH_CHARACTERS)


def is_rail_key(text: str) -> bool:
    """Return whether the text has the form of a rail key."""
    return len(text) == RAIL_KEY_CHARACTERS and _LETTERS.issuperset(text)


def _letters(number: int, count: int) -> str:
    return "".join(
        _ALPHABET[number >> 5 * place & 31] for place in reversed(range(count))
    )
