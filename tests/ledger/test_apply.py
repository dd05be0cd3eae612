"""Whatever stands in a committed entry is answered: one bad row must not stop a cluster."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerd.formats import commands
from ledgerd.ledger.commands import (
    Adjust,
    ApproveVoucher,
    Cancel,
    CaptureHold,
    CloseAccount,
    CreateHold,
    EntryLeg,
    FeeRule,
    Freeze,
    Fund,
    FundReverse,
    OpenAccount,
    PostEntry,
    RejectVoucher,
    ReleaseHold,
    SetFees,
    Submit,
    Tick,
    Transfer,
    Unfreeze,
)
from ledgerd.ledger.outcomes import Outcome, Refusal
from tests.ledger.making import (
    ALICE,
    BOB,
    EUR,
    SWIFT,
    USD,
    adjust,
    create_hold,
    ledger,
    post_entry,
    submit,
    uid,
)

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
linked = st.one_of(
    st.tuples(st.integers(0, 2**64 - 1), u32, u32),
    st.sampled_from([(2, 0, 0), (3, 0, 0), (1, 0, 0)]),
)
leg = st.builds(
    EntryLeg,
    st.one_of(u32, st.integers(0, 14)),
    st.one_of(ids, st.sampled_from([b"first", b"", "Bänk".encode()])),
    st.booleans(),
    st.one_of(i64, st.just(5)),
)
legs = st.one_of(
    st.lists(leg, max_size=5).map(tuple),
    st.just(post_entry().legs),
    st.just(adjust().legs),
)
any_account_command = st.one_of(
    st.builds(CloseAccount, ids, ids, texts, texts),
    st.builds(Freeze, ids, ids, texts, texts),
    st.builds(Unfreeze, ids, ids, texts, texts),
    st.builds(FundReverse, ids, texts, texts, i64, u32, texts, texts),
    st.builds(CreateHold, ids, ids, i64, u32, i64, texts, texts),
    st.builds(CaptureHold, ids, ids, ids, i64, u32, texts, texts),
    st.builds(ReleaseHold, ids, ids, texts, texts),
    st.builds(PostEntry, ids, st.booleans(), u32, legs, texts, texts),
    st.builds(Adjust, ids, st.booleans(), u32, legs, texts, linked, texts),
    st.builds(ApproveVoucher, ids, ids, texts),
    st.builds(RejectVoucher, ids, ids, texts, texts),
    st.just(Tick()),
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
@given(st.lists(any_account_command, min_size=1, max_size=6))
def test_any_command_about_accounts_is_answered(some):
    """So are those of state version 3, on books that have a hold and a voucher."""
    books = ledger()
    books.do([create_hold(1), post_entry(7)])

    applied = books.do(commands.decode(commands.encode(some)))

    assert len(applied.outcomes) == len(some)
    assert set(applied.outcomes.codes) <= ANSWERS
    books.view.journal(), books.view.events(), books.view.all_accounts()
    books.view.all_holds()


@settings(max_examples=400)
@given(st.lists(any_submit, min_size=1, max_size=12))
def test_any_submit_is_answered(some):
    """Every decodable row gets a code, on both paths alike."""
    books = ledger()
    books.submit(submit(1))

    applied = books.submit(*some)

    assert len(applied.outcomes) == len(some)
    assert set(applied.outcomes.codes) <= ANSWERS
