import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.ledger.details import (
    Details,
    destination_fingerprint,
    destination_of,
    differing,
    pack_details,
    unpack_details,
)
from tests.ledger.making import DETAILS, PACKED

texts = st.text(max_size=40)
details = st.builds(
    Details,
    st.integers(0, 255),
    texts,
    texts,
    texts,
    texts,
    texts,
    texts,
    st.dictionaries(texts.filter(lambda key: len(key.encode()) < 256), texts).map(
        lambda found: tuple(sorted(found.items(), key=lambda item: item[0].encode()))
    ),
)


@given(details)
def test_what_is_packed_comes_back(one):
    """Unpacking gives the very fields."""
    assert unpack_details(pack_details(one)) == one


@given(details, details)
def test_equal_bytes_are_equal_fields(one, other):
    """One Details has one packed form, so bytes can be compared in its place."""
    assert (pack_details(one) == pack_details(other)) == (one == other)
    assert bool(differing(pack_details(one), pack_details(other))) == (one != other)


def test_truncation_is_seen_at_every_byte():
    """No prefix of a packed form is one, and nothing may follow it."""
    for size in range(len(PACKED)):
        with pytest.raises(ValueError, match="details"):
            unpack_details(PACKED[:size])
    with pytest.raises(ValueError, match="expected"):
        unpack_details(PACKED + b"\0")


@given(st.binary(max_size=60))
def test_other_bytes_are_refused_or_canonical(raw):
    """Whatever unpacks packs to the same bytes again."""
    try:
        fields = unpack_details(raw)
    except ValueError:
        return
    assert pack_details(fields) == raw


@pytest.mark.parametrize(
    "flawed",
    [
        DETAILS._replace(destination_kind=256),
        DETAILS._replace(name="x" * 65_536),
        DETAILS._replace(metadata=(("b", ""), ("a", ""))),
        DETAILS._replace(metadata=(("a", ""), ("a", ""))),
        DETAILS._replace(metadata=(("k" * 256, ""),)),
        DETAILS._replace(metadata=tuple((f"{n:03}", "") for n in range(256))),
    ],
)
def test_what_does_not_fit_is_not_packed(flawed):
    """Unsorted keys and lengths past their field are errors, never cut."""
    with pytest.raises(ValueError, match=r"details|metadata"):
        pack_details(flawed)


def test_differing_fields_have_public_names():
    """Names of the public message, in its order."""
    other = DETAILS._replace(destination_kind=1, reference="", metadata=())

    assert differing(PACKED, pack_details(other)) == (
        "destination.kind",
        "reference",
        "metadata",
    )
    assert differing(PACKED, PACKED) == ()
    assert differing(PACKED, b"") == ("details",)


def test_a_destination_is_named_by_where_the_money_goes():
    """The payee's name, the reference and the metadata are not part of the fingerprint."""
    one = pack_details(DETAILS)
    same = pack_details(DETAILS._replace(name="J. Doe", reference="", metadata=()))
    others = [
        pack_details(DETAILS._replace(**change))
        for change in (
            {"destination_kind": 3},
            {"bank_code": "021000022"},
            {"account_number": "12345678"},
            {"bank_code": "02100002", "account_number": "1123456789"},
        )
    ]

    prints = [destination_fingerprint(packed) for packed in (one, *others)]

    assert destination_fingerprint(same) == prints[0]
    assert len(set(prints)) == len(prints)
    assert destination_fingerprint(one).hex() == "f0db97fb8c310e9ddfadc0eb9caf4001"
    bare = DETAILS._replace(destination_kind=0)
    assert destination_fingerprint(pack_details(bare)) == b""
    with pytest.raises(ValueError, match="expected"):
        destination_fingerprint(one[:9])


IBAN, US, UK, BIC = 1, 2, 3, 4
DE89 = "DE89370400440532013000"


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ((IBAN, "", "", DE89), (IBAN, "FR", "", DE89)),
        ((IBAN, "", "", DE89), (IBAN, "", "COBADEFF", DE89)),
        ((IBAN, "", "", DE89), (BIC, "", "COBADEFF", "de89 3704 0044 0532 0130 00")),
        ((US, "", "021000021", "123456789"), (US, "CA", "021000021", "123-456 789")),
        ((UK, "", "123456", "12345678"), (UK, "FR", "123456", "12345678")),
        ((BIC, "", "DEUTDEFF", "4711a"), (BIC, "CH", "DEUTDEFFXXX", "47 11-A")),
    ],
)
def test_one_account_has_one_fingerprint(one, another):
    """However it is written: else a list would block, and a window count, one of many forms."""
    mine, other = (
        pack_details(Details(kind, country, bank, number, "", "", "", ()))
        for kind, country, bank, number in (one, another)
    )

    assert destination_fingerprint(mine) == destination_fingerprint(other)
    assert destination_of(mine).country == destination_of(other).country != ""
    elsewhere = Details(*one[:3], one[3][:-1] + "7", "", "", "", ())
    assert destination_fingerprint(pack_details(elsewhere)) != (
        destination_fingerprint(mine)
    )
