"""The arithmetic of rolling windows: 24 slots of log time and what is open. Design 7.2."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerd.ledger.windows import (
    EMPTY,
    Slot,
    WindowUse,
    given_back,
    opened,
    paid,
    slot_number,
    usage,
)
from tests.ledger.making import DAY_US

SLOT_US = DAY_US // 24


def test_what_is_open_counts_however_old_it_is():
    use = opened(EMPTY, 500, 10)

    assert usage(use, 10) == usage(use, 10_000) == (500, 1)


def test_what_is_given_back_is_gone_at_once():
    use = given_back(opened(opened(EMPTY, 500, 10), 70, 11), 500, 12)

    assert usage(use, 12) == (70, 1)


def test_what_is_paid_counts_in_the_slot_of_its_submit():
    """Until that slot is the 25th before the current one."""
    use = paid(opened(EMPTY, 500, 10), 500, submit_slot=10, now_slot=20)

    assert use == WindowUse(0, 0, 20, (Slot(10, 500, 1),))
    assert usage(use, 34) == (500, 1)
    assert usage(use, 35) == (0, 0)


def test_what_is_paid_after_its_slot_has_left_counts_no_more():
    late = paid(opened(EMPTY, 500, 10), 500, submit_slot=10, now_slot=35)
    in_time = paid(opened(EMPTY, 500, 10), 500, submit_slot=10, now_slot=34)

    assert late == WindowUse(0, 0, 35)
    assert in_time.slots == (Slot(10, 500, 1),)


def test_slots_that_have_left_are_not_kept():
    """A window has at most 25 slots, however long it is used."""
    use = EMPTY
    for slot in range(100):
        use = paid(opened(use, 1, slot), 1, submit_slot=slot, now_slot=slot)

    assert [slot.number for slot in use.slots] == list(range(75, 100))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(accepted_us=st.integers(0, 10**18))
def test_it_is_counted_for_the_whole_window_and_gone_one_slot_later(accepted_us):
    """Still counted at t + W - 1 microsecond; surely gone at t + W and one slot."""
    submit_slot = slot_number(DAY_US, accepted_us)
    use = paid(
        opened(EMPTY, 7, submit_slot), 7, submit_slot=submit_slot, now_slot=submit_slot
    )

    assert usage(use, slot_number(DAY_US, accepted_us + DAY_US - 1)) == (7, 1)
    assert usage(use, slot_number(DAY_US, accepted_us + DAY_US + SLOT_US)) == (0, 0)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3 * SLOT_US), st.integers(1, 90), st.booleans()),
        max_size=60,
    )
)
def test_no_true_window_holds_more_than_the_usage(steps):
    """The usage at any time is at least what was submitted in the last W and not given back."""
    use, now_us, kept = EMPTY, 0, []
    for wait_us, amount, is_paid in steps:
        now_us += wait_us
        slot = slot_number(DAY_US, now_us)
        use = opened(use, amount, slot)
        if is_paid:
            use = paid(use, amount, submit_slot=slot, now_slot=slot)
        kept.append((now_us, amount))
        true = sum(amount for ts_us, amount in kept if ts_us > now_us - DAY_US)
        assert usage(use, slot)[0] >= true
