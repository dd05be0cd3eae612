from iso4217 import Currency

from ledgerd.client.files.currencies import EXPONENTS
from ledgerd.ledger import money


def test_list_one() -> None:
    """The table is ISO 4217 List One without the codes that have no minor units."""
    published = {
        currency.code: currency.exponent
        for currency in Currency
        if currency.exponent is not None
    }

    assert published == EXPONENTS


def test_ledger_agrees() -> None:
    """Files name the currencies that the ledger takes for new work, with its decimals."""
    own = {
        row.code: row.exponent
        for row in money.CURRENCIES.values()
        if not row.is_retired
    }

    assert own == EXPONENTS
