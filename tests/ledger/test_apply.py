"""Whatever stands in a committed entry is answered: one bad row must not stop a cluster."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerd.formats import commands
from ledgerd.ledger.commands import (
    Cancel,
    FeeRule,
    Fund,
    OpenAccount,
    SetFees,
    Submit,
    Transfer,
)
from ledgerd.ledger.outcomes import Outcome, Refusal
from tests.ledger.making import ALICE, BOB, EUR, SWIFT, USD, ledger, submit, uid

ids = st.one_of(
    st.binary(max_size=20),
    st.binary(min_size=16, max_size=16),
    st.sampled_from([ALICE, BOB, uid(1), uid(0xF00D), uid(7), bytes(16)]),
)
ids_16 = ids.filter(lambda raw: len(raw) == 16)
i64 = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(1, 100))
u32 = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([USD, EUR]))
u16 = st.one_of(st.integers(0, 2**16 - 1), st.sampled_from([USD, EUR]))
rails = st.one_of(st.integers(0, 2**16 - 1), st.sampled_from([1, SWIFT]))
texts = st.one_of(st.text(max_size=150), st.sampled_from(["first", "opening"]))
any_command = st.one_of(
    st.builds(OpenAccount, ids, u32, st.booleans(), texts, i64, texts),
    st.builds(Fund, ids, ids, i64, u32, texts, texts, texts),
    st.builds(Transfer, ids, ids, ids, i64, u32, texts, texts),
    st.builds(Cancel, ids, ids, texts, texts),
    st.builds(
        SetFees,
        ids,
        st.lists(st.builds(FeeRule, u32, u32, i64, u32, i64, i64), max_size=3).map(
            tuple
        ),
        texts,
        texts,
    ),
)
any_submit = st.builds(
    Submit,
    ids_16,
    ids_16,
    i64,
    u16,
    rails,
    st.text(max_size=30),
    st.binary(max_size=30),
)
ANSWERS = {int(code) for code in (*Outcome, *Refusal)}


@settings(max_examples=400)
@given(st.lists(any_command, min_size=1, max_size=6))
def test_any_command_is_answered(some):
    """Every decodable command gets a code; nothing is raised, all rows can be read."""
    books = ledger()
    books.submit(submit(1))

    applied = books.do(commands.decode(commands.encode(some)))

    assert len(applied.outcomes) == len(some)
    assert set(applied.outcomes.codes) <= ANSWERS
    books.view.journal(), books.view.events(), books.view.all_accounts()


@settings(max_examples=400)
@given(st.lists(any_submit, min_size=1, max_size=12))
def test_any_submit_is_answered(some):
    """Every decodable row gets a code, on both paths alike."""
    books = ledger()
    books.submit(submit(1))

    applied = books.submit(*some)

    assert len(applied.outcomes) == len(some)
    assert set(applied.outcomes.codes) <= ANSWERS
