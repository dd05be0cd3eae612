from dataclasses import replace

import pytest

from ledgerd.rails.rail import Evidence, EvidenceKind, Known
from ledgerd.rails.steps import Act, Doubt, Step, Traits, after_ask, after_send, first

KEY = "AAAABBBBBBBBBBB"
BOTH = Traits(deduplicates=True, answers_queries=True)
KEY_ONCE = Traits(deduplicates=True, answers_queries=False)
ASKABLE = Traits(deduplicates=False, answers_queries=True)
NEITHER = Traits(deduplicates=False, answers_queries=False)

# Claimed for 30 s by a worker who reckons 5 s for a send; the claim before ended at 100.
S = 1_000_000
MINE = Doubt(
    is_fresh=True,
    sent_until_us=0,
    lease_until_us=130 * S,
    now_us=100 * S,
    send_us=5 * S,
)
THEIRS = replace(MINE, is_fresh=False, sent_until_us=100 * S)
LATE = 126 * S

TAKEN = Evidence(EvidenceKind.TAKEN, KEY, "t")
REFUSED = Evidence(EvidenceKind.REFUSED, KEY, "r")
REJECTED = Evidence(EvidenceKind.REJECTED, KEY, "j", code="R03")
SETTLED = Evidence(EvidenceKind.SETTLED, KEY, "s")
NOTHING = Known((), 0)
NOT_YET = Known((), 10 * S)


@pytest.mark.parametrize(
    ("doubt", "traits", "act"),
    [
        # Nobody can have sent it: send, whatever the rail can do.
        (MINE, BOTH, Act.SEND),
        (MINE, NEITHER, Act.SEND),
        (MINE, ASKABLE, Act.SEND),
        # Somebody may have: ask first, if the rail can be asked.
        (THEIRS, BOTH, Act.ASK),
        (THEIRS, ASKABLE, Act.ASK),
        (THEIRS, KEY_ONCE, Act.SEND),
        (THEIRS, NEITHER, Act.CALL_A_PERSON),
        # The lease would not outlast the send.
        (replace(MINE, now_us=LATE), BOTH, Act.CLAIM_AGAIN),
        (replace(THEIRS, now_us=LATE), KEY_ONCE, Act.CLAIM_AGAIN),
        (replace(MINE, now_us=125 * S), BOTH, Act.CLAIM_AGAIN),
        (replace(MINE, now_us=125 * S - 1), BOTH, Act.SEND),
        # Nothing new leaves for a rail that is suspended; asking it is harmless.
        (MINE, replace(BOTH, is_suspended=True), Act.WAIT),
        (THEIRS, replace(BOTH, is_suspended=True), Act.ASK),
        (THEIRS, replace(KEY_ONCE, is_suspended=True), Act.WAIT),
    ],
)
def test_a_payout_that_was_claimed(doubt, traits, act):
    """A takeover asks before it sends; with neither an answer nor a key, a person decides."""
    assert first(doubt, traits).act is act


@pytest.mark.parametrize(
    ("answer", "traits", "step"),
    [
        (TAKEN, BOTH, Step(Act.RECORD, (TAKEN,))),
        (REFUSED, NEITHER, Step(Act.RECORD, (REFUSED,))),
        (REJECTED, BOTH, Step(Act.RECORD, (REJECTED,))),
        (SETTLED, BOTH, Step(Act.RECORD, (SETTLED,))),
        # Silence is neither a yes nor a no.
        (None, BOTH, Step(Act.ASK)),
        (None, ASKABLE, Step(Act.ASK)),
        (None, KEY_ONCE, Step(Act.CLAIM_AGAIN)),
        (None, NEITHER, Step(Act.CLAIM_AGAIN)),
    ],
)
def test_a_payout_that_was_sent(answer, traits, step):
    assert after_send(answer, traits) == step


@pytest.mark.parametrize(
    ("known", "doubt", "traits", "step"),
    [
        (Known((TAKEN, SETTLED), 0), THEIRS, BOTH, Step(Act.RECORD, (TAKEN, SETTLED))),
        (Known((TAKEN,), 10 * S), THEIRS, ASKABLE, Step(Act.RECORD, (TAKEN,))),
        # Silence: ask again under the next claim.
        (None, THEIRS, BOTH, Step(Act.CLAIM_AGAIN)),
        # Not known. A rail that takes a key once gets it again at once.
        (NOTHING, THEIRS, BOTH, Step(Act.SEND)),
        (NOT_YET, THEIRS, BOTH, Step(Act.SEND)),
        # One that does not gets it again only when it can no longer turn up.
        (NOT_YET, THEIRS, ASKABLE, Step(Act.WAIT, until_us=110 * S)),
        (
            NOT_YET,
            replace(THEIRS, now_us=110 * S - 1),
            ASKABLE,
            Step(Act.WAIT, until_us=110 * S),
        ),
        (NOT_YET, replace(THEIRS, now_us=110 * S), ASKABLE, Step(Act.SEND)),
        # The rail's own word that it pays twice counts more than the catalogue's that it does not.
        (
            NOT_YET._replace(executes_twice=True),
            THEIRS,
            BOTH,
            Step(Act.WAIT, until_us=110 * S),
        ),
        # And never if it promises nothing.
        (NOTHING, replace(THEIRS, now_us=120 * S), ASKABLE, Step(Act.CALL_A_PERSON)),
        # The lease and a suspension hold here, too.
        (NOTHING, replace(THEIRS, now_us=LATE), BOTH, Step(Act.CLAIM_AGAIN)),
        (
            NOTHING,
            THEIRS,
            replace(BOTH, is_suspended=True),
            Step(Act.WAIT, until_us=130 * S),
        ),
    ],
)
def test_a_payout_that_was_asked_for(known, doubt, traits, step):
    """It is sent again only where that cannot pay twice."""
    assert after_ask(known, doubt, traits) == step


def test_no_case_sends_twice_to_a_rail_that_may_pay_twice():
    """Of all cases, a payout that may have left is sent only to a rail that takes a key once, or
    after the time in which it could still turn up.
    """  # noqa: D205
    for deduplicates in (True, False):
        for guarantee_us in (0, 10 * S):
            for now_us in range(100 * S, 131 * S, S):
                traits = Traits(deduplicates=deduplicates, answers_queries=True)
                doubt = replace(THEIRS, now_us=now_us)
                act = after_ask(Known((), guarantee_us), doubt, traits).act
                if act is Act.SEND and not deduplicates:
                    assert guarantee_us
                    assert now_us >= THEIRS.sent_until_us + guarantee_us
                assert act is not Act.SEND or now_us + THEIRS.send_us < 130 * S
