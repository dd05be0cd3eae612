"""Start-up: state/ is the fold of a prefix of log/, or something was lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerd.errors import CorruptionError
from ledgerd.storage.environment import Environment
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.recovery import Recovery, recover
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.making import hard_state, ready
from tests.storage.world import History, apply_to, open_node, usual_history


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """A new node's directory."""
    with open_node(tmp_path / "node") as opened:
        yield opened


def test_a_new_node_has_nothing_to_replay(environment: Environment) -> None:
    """Applied, committed and stored nothing."""
    found = recover(LmdbLogStore(environment), LmdbStateStore(environment))

    assert found._replace(state_anchor=None) == Recovery(applied=0, commit=0, last=0)
    assert found.replay_count == 0


def test_a_state_behind_its_log_is_replayed_from_there(
    environment: Environment,
) -> None:
    """At least up to the stored commit index."""
    entries = usual_history()
    log, state = LmdbLogStore(environment), LmdbStateStore(environment)
    log.persist(ready(1, entries=entries, state=hard_state(2, commit=7)))
    apply_to(state, entries[:5])
    state.commit()

    found = recover(log, state)

    assert found._replace(state_anchor=None) == Recovery(applied=5, commit=7, last=8)
    assert found.replay_count == 2


def test_a_commit_hint_below_the_applied_index_is_no_fault(
    environment: Environment,
) -> None:
    """It is stored lazily (T11)."""
    entries = usual_history()
    log, state = LmdbLogStore(environment), LmdbStateStore(environment)
    log.persist(ready(1, entries=entries, state=hard_state(2)))
    apply_to(state, entries)

    assert recover(log, state).replay_count == 0


def test_a_state_ahead_of_its_log_is_lost(environment: Environment) -> None:
    """F32: acknowledged entries are gone; the node must not go on."""
    entries = usual_history()
    log, state = LmdbLogStore(environment), LmdbStateStore(environment)
    log.persist(ready(1, entries=entries[:3], state=hard_state(1)))
    apply_to(state, entries[:4])

    with pytest.raises(
        CorruptionError, match="lost: state/ has applied index 4, but log/"
    ):
        recover(log, state)


def test_a_state_of_another_history_is_refused(environment: Environment) -> None:
    """Same index, other link: not the fold of this log."""
    other = History()
    other.noop(term=2)
    log, state = LmdbLogStore(environment), LmdbStateStore(environment)
    log.persist(ready(1, entries=usual_history(), state=hard_state(2)))
    apply_to(state, other.entries)

    with pytest.raises(
        CorruptionError, match="state/ does not belong to log/: at index 1"
    ):
        recover(log, state)
