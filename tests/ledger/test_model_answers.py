"""Each answer comes about once by a story, and both ledgers give it.

What the random runs of the model meet by chance differs from run to run; this does not.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledgerd.ledger.accounts import AccountKind
from ledgerd.ledger.commands import CloseAccount, Freeze, RequestRecall, Settle
from ledgerd.ledger.details import destination_fingerprint
from ledgerd.ledger.outcomes import Outcome, Refusal
from ledgerd.ledger.risk import Action, Limit, LimitKind, Rule, RuleKind
from tests.ledger.making import EUR, PACKED, USD
from tests.ledger.test_model import ACCOUNTS, Machine

RICH, POOR, EURO, TEST, EMPTY, NONE = ACCOUNTS  # POOR may owe 300
FIRST = 140  # the first of the payouts that stand in the books
DAY_US = 24 * 3600 * 1_000_000


def blocked(action: Action) -> Rule:
    to = (destination_fingerprint(PACKED),)
    return Rule("a", RuleKind.BLOCKED_DESTINATION, action, 0, 0, 0, to, ())


def above(minor: int) -> Rule:
    return Rule("a", RuleKind.AMOUNT, Action.REFUSE, USD, minor, 0, (), ())


def a_day(amount: int, count: int) -> Limit:
    return Limit(LimitKind.TOTAL_WINDOW, USD, 0, b"", DAY_US, amount, count)


def submit(
    m: Machine,
    account_id: bytes = RICH,
    amount: int = 5,
    currency: int = USD,
    rail: int = 2,
) -> None:
    m.submit([(1, account_id, amount, currency, rail, PACKED)], False)


def fund(m: Machine, account_id: bytes = RICH, amount: int = 5, ref: int = 1) -> None:
    m.fund(ref, 0, account_id, amount, USD, ref, "a")


def voucher(m: Machine, who: str, slip: int = 0, *, is_covered: bool = True) -> None:
    kinds = [AccountKind.AVAILABLE, AccountKind.BLOCKED, AccountKind.RECEIVABLE]
    if not is_covered:
        kinds = [kinds[1], kinds[0], kinds[2]]
    m.write_out_and_approve(1, 40, kinds, 0, who, slip)


def on_rail(m: Machine, *, least: int, most: int, recall_days: int = 0) -> None:
    m.set_rail(2, least, most, recall_days, 0)


Story = Callable[[Machine], object]
STORIES: dict[str, Story | tuple[Story, ...]] = {
    "CREATED": submit,
    "REPLAYED": lambda m: m.submit_sound(FIRST, 1, RICH, 40),
    "CONFLICT": lambda m: m.submit_sound(FIRST, 1, RICH, 41),
    "KEY_TOO_OLD": (
        lambda m: [m.time_passes(30), m.time_passes(30)],
        lambda m: m.transfer_of(1, 40, (RICH, POOR)),
    ),
    "CHAIN_OPEN": lambda m: m.chain([(1, RICH, 5, True, 0)], 1),
    "CHAIN_MEMBER_FAILED": lambda m: m.chain(
        [(1, RICH, 5, True, 0), (2, RICH, 5_000, False, 0)], 1
    ),
    "INVALID_COMMAND": lambda m: fund(m, amount=0),
    "ACCOUNT_NOT_FOUND": lambda m: fund(m, NONE),
    "PAYOUT_NOT_FOUND": lambda m: m.do(RequestRecall(m.fresh(), bytes(16), "", "p")),
    "RAIL_NOT_FOUND": lambda m: submit(m, rail=99),
    "LIVEMODE_MISMATCH": lambda m: m.transfer_of(1, 0, (RICH, TEST)),
    "CURRENCY_MISMATCH": lambda m: m.transfer_of(1, 0, (RICH, EURO)),
    "EXTERNAL_REF_USED": (fund, lambda m: m.fund(2, 0, RICH, 5, USD, 1, "a")),
    "RAIL_CURRENCY": lambda m: submit(m, EURO, currency=EUR),
    "INSUFFICIENT_FUNDS": lambda m: submit(m, amount=5_000),
    "OVERFLOW": lambda m: [fund(m, amount=2**62, ref=n) for n in (1, 2)],
    "ACCOUNT_CLOSED": (
        lambda m: m.change_status(1, EMPTY, CloseAccount, False),
        lambda m: m.change_status(2, EMPTY, Freeze, False),
    ),
    "ACCOUNT_FROZEN": (lambda m: m.change_status(1, RICH, Freeze, False), submit),
    "ACCOUNT_NOT_EMPTY": lambda m: m.change_status(1, RICH, CloseAccount, False),
    "ENTRY_NOT_FOUND": lambda m: m.judge(1, 2, "ben", True),
    "ENTRY_UNBALANCED": lambda m: voucher(m, "ben", 1),
    "BOUND_EXCEEDED": lambda m: voucher(m, "ben", is_covered=False),
    "HOLD_NOT_FOUND": lambda m: m.release(1, 5),
    "HOLD_EXPIRED": (
        lambda m: m.hold(5, RICH, 40, USD, 1, False),
        lambda m: m.tick(1),
        lambda m: m.release(1, 5),
    ),
    "HOLD_EXCEEDED": lambda m: m.hold_and_capture(1, 5, 0, 30),
    "SAME_PERSON": lambda m: voucher(m, "anna"),
    "WRONG_STATE": (
        lambda m: m.hold_soundly(5, 1),
        lambda m: [m.release(n, 5) for n in (1, 2)],
    ),
    "RAIL_KEY_UNKNOWN": lambda m: m.tell(0, Settle, 1, 2, 5, "2" * 15),
    "EXCEPTION_NOT_FOUND": lambda m: m.resolve(0, 1, "seen", "p", "q"),
    "VERSION_MISMATCH": lambda m: m.dispatch(0, "w1", 1, 1, 0),
    "EXCEPTION_OPEN": lambda m: m.story(0, "doubt", "", 1),
    "LEASE_HELD": lambda m: m.story(0, "held", "", 1),
    "APPROVAL_MISSING": lambda m: m.story(0, "silence", "", 1),
    "ADMIN_LOCKED_OUT": lambda m: m.set_roles({}, False, None, 0),
    "CURRENCY_RETIRED": lambda m: m.under_retired({USD}, None, [5]),
    "RECALL_UNSUPPORTED": (
        lambda m: on_rail(m, least=1, most=2**62),
        lambda m: m.story(0, "late", "", 1),
    ),
    "RECALL_WINDOW_CLOSED": lambda m: m.story(0, "late", "", 31),
    "RETURN_EXCEEDS_PAYOUT": lambda m: m.story(0, "much", "", 1),
    "FEE_CHANGED": lambda m: m.submit_quoted(1, RICH, 5, 2, 1, None),
    "QUOTE_EXPIRED": lambda m: m.submit_quoted(1, RICH, 5, 2, None, 900_000_001),
    "DESTINATION_BLOCKED": (
        lambda m: m.set_rules([blocked(Action.REFUSE)], 0),
        submit,
    ),
    "RULE_REFUSED": (
        lambda m: m.set_rules([above(20)], 0),
        lambda m: submit(m, amount=21),
    ),
    "LIMIT_PER_PAYOUT": (
        lambda m: m.set_limits(
            [Limit(LimitKind.PER_PAYOUT, USD, 0, b"", 0, 50, -1)], 0
        ),
        lambda m: submit(m, amount=51),
    ),
    "LIMIT_WINDOW_AMOUNT": (
        lambda m: m.set_limits([a_day(50, -1)], 0),
        lambda m: m.submit_sound(1, 2, RICH, 30),
    ),
    "LIMIT_WINDOW_COUNT": (
        lambda m: m.set_limits([a_day(2_000, 3)], 0),
        lambda m: m.submit_sound(1, 4, RICH, 1),
    ),
    "RAIL_SUSPENDED": (
        lambda m: m.suspend(12, True),
        lambda m: m.reroute(0, 12, ""),
    ),
    "RAIL_AMOUNT_MIN": (lambda m: on_rail(m, least=30, most=300), submit),
    "RAIL_AMOUNT_MAX": (
        lambda m: on_rail(m, least=1, most=100),
        lambda m: submit(m, amount=101),
    ),
}
# What the model's commands do not bring about, and where it is tested.
ELSEWHERE = {
    "CUTOFF_PASSED": "test_timing.py",
    "INSUFFICIENT_PREFUNDING": "test_lifecycle.py",
    "RAIL_DESTINATION": "test_timing.py",
    "STALE_SETTINGS": "test_timing.py",
}
RESERVED = {"QUOTE_NOT_FOUND", "QUOTE_USED"}  # numbers in the API that nothing gives


@pytest.mark.parametrize("answer", STORIES)
def test_both_ledgers_give_each_answer(answer: str) -> None:
    """Not before the last step, and from both ledgers alike, with the audit of the runs."""
    machine = Machine()
    machine.opening()
    steps = STORIES[answer]
    *before, last = steps if isinstance(steps, tuple) else (steps,)
    for step in before:
        step(machine)
    Machine.answers.clear()

    last(machine)

    assert answer in Machine.answers
    machine.balances_agree()
    machine.teardown()


def test_every_answer_has_a_story_or_is_told_elsewhere() -> None:
    """A refusal that is added later is noticed here."""
    every = {each.name for each in (*Outcome, *Refusal)}

    assert every == STORIES.keys() | ELSEWHERE.keys() | RESERVED
    for answer, where in ELSEWHERE.items():
        assert answer in (Path(__file__).parent / where).read_text()
