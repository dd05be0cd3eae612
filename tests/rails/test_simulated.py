import pytest

from ledgerd.rails.rail import EvidenceKind, Instruction
from ledgerd.rails.simulated import (
    KEPT_MINOR,
    Count,
    FencedError,
    Magic,
    Sent,
    SimulatedBank,
)

TAKEN, REFUSED = EvidenceKind.TAKEN, EvidenceKind.REFUSED
SETTLED, REJECTED = EvidenceKind.SETTLED, EvidenceKind.REJECTED
RETURNED = EvidenceKind.RETURNED


def pay(magic: Magic | str, key: str = "K", *, token: int = 1) -> Instruction:
    number = magic.value if isinstance(magic, Magic) else magic
    return Instruction(key, 5_000, "USD", number, "invoice 7", token)


# (magic, told at once, advices within a second, executions)
PATHS = [
    (Magic.SETTLE, TAKEN, [SETTLED], 1),
    (Magic.REJECT, TAKEN, [REJECTED], 0),
    (Magic.RETURN, TAKEN, [SETTLED, RETURNED], 1),
    (Magic.TIMEOUT_SENT, None, [SETTLED], 1),
    (Magic.TWO_ACKS, TAKEN, [TAKEN, SETTLED], 1),
    (Magic.LATE_RETURN, TAKEN, [SETTLED, RETURNED], 1),
    (Magic.SHORT_RETURN, TAKEN, [SETTLED, RETURNED], 1),
    (Magic.ACK_AFTER_REFUSAL, REFUSED, [TAKEN, SETTLED], 1),
    (Magic.REFUSE_ONCE, REFUSED, [], 0),
    (Magic.TIMEOUT_LOST, None, [], 0),
    ("1234567", TAKEN, [SETTLED], 1),
]


@pytest.mark.parametrize(("magic", "told", "advices", "executions"), PATHS)
def test_each_number_takes_its_path_within_a_second(magic, told, advices, executions):
    """ledger.md 8.2: the sandbox's account numbers."""
    bank = SimulatedBank()

    answer = bank.send(pay(magic), 100.0)
    found = [advice.evidence.kind for advice in bank.advices(0, 101.0)]

    assert (answer and answer.kind) == told
    assert found == advices
    assert bank.counts() == (Count("K", 1, executions),)


@pytest.mark.parametrize("magic", [Magic.REFUSE_ONCE, Magic.TIMEOUT_LOST])
def test_what_was_not_taken_is_taken_when_it_comes_again(magic):
    bank = SimulatedBank()
    bank.send(pay(magic), 100.0)

    assert bank.ask("K", 100.1) == ()
    answer = bank.send(pay(magic), 100.2)

    assert answer is not None
    assert answer.kind is TAKEN
    assert bank.counts() == (Count("K", 2, 1),)


def test_a_timeout_is_found_by_asking():
    """The payment was taken although nobody was told."""
    bank = SimulatedBank()
    assert bank.send(pay(Magic.TIMEOUT_SENT), 100.0) is None

    assert [told.kind for told in bank.ask("K", 100.0)] == [TAKEN]
    assert [told.kind for told in bank.ask("K", 101.0)] == [TAKEN, SETTLED]


def test_a_return_says_how_much_came_back():
    full, short = SimulatedBank(), SimulatedBank()
    full.send(pay(Magic.RETURN), 0.0)
    short.send(pay(Magic.SHORT_RETURN), 0.0)

    whole = full.advices(1, 1.0)[0].evidence
    part = short.advices(1, 1.0)[0].evidence

    assert (whole.amount_minor, whole.code, whole.is_closing) == (5_000, "R01", True)
    assert (part.amount_minor, part.is_closing) == (5_000 - KEPT_MINOR, True)


def test_a_bank_that_takes_a_key_once_executes_it_once():
    bank = SimulatedBank()

    first, second = (bank.send(pay(Magic.SETTLE), 100.0 + n) for n in range(2))

    assert first == second
    assert bank.counts() == (Count("K", 2, 1),)


def test_a_bank_that_does_not_pays_twice_and_counts_it():
    """The counter can show the defect that it is there for."""
    bank = SimulatedBank(deduplicates=False)

    bank.send(pay(Magic.SETTLE), 100.0)
    bank.send(pay(Magic.SETTLE), 100.1)

    assert bank.counts() == (Count("K", 2, 2),)


def test_an_older_token_is_refused_after_a_newer_was_seen():
    """By a send, or by a question: a worker that slept cannot pay any more."""
    bank = SimulatedBank(deduplicates=False)
    bank.fence("K", 7, 100.0)

    with pytest.raises(FencedError, match="token of 7 or more for K, found 6"):
        bank.send(pay(Magic.SETTLE, token=6), 100.1)
    bank.send(pay(Magic.SETTLE, token=7), 100.2)

    assert bank.counts() == (Count("K", 1, 1),)


def test_advices_are_numbered_without_a_gap():
    bank = SimulatedBank()
    for n in range(5):
        bank.send(pay(Magic.RETURN, f"K{n}"), 100.0 + n / 100)

    early = bank.advices(0, 100.215)
    late = bank.advices(len(early), 200.0)

    assert [advice.number for advice in (*early, *late)] == list(range(1, 11))
    assert 0 < len(early) < 10


def test_a_bank_that_plays_its_calls_again_is_the_same_bank():
    calls = [
        Sent(pay(magic, f"K{n}", token=n), 100.0 + n / 20)
        for n, magic in enumerate([*Magic, *Magic])
    ]
    one = SimulatedBank()
    for call in calls:
        one.advices(0, call.at_s)
        one.send(call.instruction, call.at_s)

    other = SimulatedBank(history=calls)

    assert other.counts() == one.counts()
    assert other.advices(0, 200.0) == one.advices(0, 200.0)
    assert other.send(pay(Magic.SETTLE, "K0"), 201.0) == one.send(
        pay(Magic.SETTLE, "K0"), 201.0
    )
