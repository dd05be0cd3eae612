"""Submits with terms as they stand in the log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.errors import CorruptionError
from ledgerd.formats import batches, commands
from ledgerd.ledger.batch import PayoutBatch
from ledgerd.ledger.commands import PLAIN, Submit, SubmitTerms, WindowTerms
from tests.formats import golden
from tests.ledger.making import submit

i64 = st.integers(-(2**63), 2**63 - 1)
u32 = st.integers(0, 2**32 - 1)
ids = st.binary(max_size=20)
windows = st.builds(WindowTerms, i64, i64, u32, u32)
terms = st.builds(SubmitTerms, st.none() | i64, i64, st.booleans(), st.none() | windows)
submits = st.builds(
    Submit, ids, ids, i64, u32, u32, st.text(max_size=20), ids, i64, terms
)
EXAMPLES = {
    "plain": submit(1),
    "fee_expected": submit(2, terms=SubmitTerms(fee_expected_minor=26)),
    "nothing_expected": submit(3, terms=SubmitTerms(fee_expected_minor=0)),
    "linked": submit(4, terms=SubmitTerms(is_linked=True)),
}
WINDOWS = {
    "this_window": submit(
        4,
        terms=SubmitTerms(
            window=WindowTerms(1_760_000_000_000_000, 1_760_000_900_000_000, 2, 3)
        ),
    ),
}


@given(st.lists(submits, min_size=1, max_size=5))
def test_what_is_encoded_comes_back(some):
    """Terms that are not there stay apart from those that are 0."""
    assert commands.decode(commands.encode(some)) == tuple(some)


def test_golden_bytes():
    found = {name: commands.encode([command]) for name, command in EXAMPLES.items()}

    golden.check("submit_commands_v1", found)
    found = {name: commands.encode([command]) for name, command in WINDOWS.items()}
    golden.check("submit_windows_v1", found)


def test_a_submit_that_is_cut_off_is_corruption():
    payload = commands.encode([EXAMPLES["fee_expected"]])

    with pytest.raises(CorruptionError):
        commands.decode(payload[:-1])


@given(st.lists(st.tuples(terms, st.text(max_size=30)), min_size=1, max_size=20))
def test_rows_with_terms_are_within_the_bound_that_the_edge_asks(rows):
    """A batch that `size_bytes` lets pass fits an entry in either form."""
    batch = PayoutBatch()
    for number, (own, principal) in enumerate(rows):
        row = submit(number, terms=own, principal=principal)
        batch.add(**{name: getattr(row, name) for name in Submit.__slots__})

    assert [row.terms for row in batch.commands()] == [own for own, _ in rows]
    if any(own != PLAIN for own, _ in rows):
        payload = commands.encode(tuple(batch.commands()))
    else:
        payload = batches.encode(batch)
    assert len(payload) <= batches.size_bytes(batch)
