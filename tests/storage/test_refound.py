"""One surviving copy founds a new cluster, and nothing of the old one gets back in (F38)."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledgerd.cli.main import cli
from ledgerd.errors import ConfigError, CorruptionError, StorageError
from ledgerd.formats import versions
from ledgerd.formats.memberships import encode_change
from ledgerd.raft.changes import Change, EnterJoint, Found, Op, OpKind, changed
from ledgerd.raft.entries import Entry, EntryKind, Index, NodeId
from ledgerd.raft.membership import Membership, NodeRecord
from ledgerd.replica.fold import change_of, fold
from ledgerd.storage import founders, refound, state_copy
from ledgerd.storage.check import check
from ledgerd.storage.environment import (
    Environment,
    StorageOptions,
    open_directory,
    open_existing,
)
from ledgerd.storage.log_store import LmdbLogStore
from ledgerd.storage.rebuild import empty_state
from ledgerd.storage.state_store import LmdbStateStore
from tests.storage.making import entry, hard_state, ready
from tests.storage.world import open_node, usual_history

ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)
SMALL = StorageOptions(log_map_bytes=64 * 1024**2, state_map_bytes=64 * 1024**2)
NEW_STORE = bytes(range(16))


def changing(previous: Entry, change: Change, term: int = 2) -> Entry:
    payload = encode_change(change)
    return entry(previous, term=term, payload=payload, kind=EntryKind.MEMBERSHIP)


def founded_history() -> list[Entry]:
    """The usual history of a cluster whose members are recorded."""
    made = usual_history()
    version = versions.encode(2)
    made.append(entry(made[-1], term=2, payload=version, kind=EntryKind.VERSION))
    nodes = tuple(
        NodeRecord(node, store_uuid=bytes([node]) * 16) for node in (ONE, TWO, THREE)
    )
    made.append(changing(made[-1], Found(nodes)))
    return made


def survivor(directory: Path, entries: list[Entry], *, applied: int) -> None:
    """Leave behind the directory of node 1 of three, which applied some of its log."""
    with open_node(directory) as environment:
        founders.admit(environment, [ONE, TWO, THREE])
        log = LmdbLogStore(environment)
        state = hard_state(entries[-1].term, vote=1, commit=applied)
        log.persist(ready(1, entries=entries, state=state))
        store = LmdbStateStore(environment)
        replay(store, entries[:applied])
        store.close()
        log.close()


def replay(store: LmdbStateStore, entries: list[Entry]) -> None:
    for one in entries:
        folded = fold(
            store.view,
            one,
            store.digest(),
            store.membership(),
            state_version=store.state_version(),
            tree=store.tree(),
        )
        store.write(one, folded.rows, folded.digest, folded.tree)


def opened(directory: Path, cluster_id: str = "new") -> Environment:
    return open_directory(directory, cluster_id=cluster_id, node_id=ONE, options=SMALL)


def found(directory: Path, cluster_id: str = "new") -> refound.Survivor:
    with open_existing(directory, options=SMALL) as environment:
        return refound.found_new_cluster(environment, cluster_id, store_uuid=NEW_STORE)


@pytest.mark.parametrize("applied", [0, 3, 8])
def test_a_survivor_of_founders_is_the_only_one(tmp_path: Path, applied: int) -> None:
    """Members that stand in the configuration: from now on it may name this node only."""
    node = tmp_path / "node"
    history = usual_history()
    survivor(node, history, applied=applied)
    after = found(node)
    with opened(node) as environment:
        founders.admit(environment, [ONE])
        with pytest.raises(ConfigError, match="was first used with the members 1"):
            founders.admit(environment, [ONE, TWO, THREE])
        last = LmdbLogStore(environment).last_index()
        stored = environment.identity

    assert (stored.cluster_id, stored.store_uuid) == ("new", NEW_STORE)
    assert last == after.last.index == len(history)
    assert after.membership.voters == (ONE,)


@pytest.mark.parametrize("applied", [3, 10])
def test_recorded_members_are_left_by_entries_of_the_log(
    tmp_path: Path, applied: int
) -> None:
    """The state stays the fold of the log, also of what was never known to be committed."""
    node = tmp_path / "node"
    history = founded_history()
    survivor(node, history, applied=applied)
    after = found(node)
    with opened(node) as environment:
        log = LmdbLogStore(environment)
        hard, last = log.hard_state(), log.last_index()
        store = LmdbStateStore(environment)
        rest = log.entries(Index(applied + 1), last, 10**9)
        replay(store, rest)
        membership = store.membership()
        store.close()
        log.close()
    with open_existing(node, options=SMALL) as environment:
        report = check(environment)

    assert report.findings == []
    assert membership.voters == membership.members == (ONE,)
    assert membership.record(ONE).store_uuid == NEW_STORE  # type: ignore[union-attr]
    assert membership.was_removed(TWO)
    assert hard.commit == last == after.last.index > len(history)
    assert (hard.term, hard.vote) == (3, ONE)


@pytest.mark.parametrize("kept", [0, 3])
def test_a_log_that_was_cut_goes_on_behind_its_anchor(
    tmp_path: Path, kept: int
) -> None:
    """Nothing of the old log need be left: what was cut is in the state. F27, F38."""
    node = tmp_path / "node"
    history = founded_history()
    survivor(node, history, applied=len(history))
    with open_existing(node, options=SMALL) as environment:
        log = LmdbLogStore(environment)
        first = Index(len(history) + 1 - kept)
        log.compact(first, state_durable=Index(len(history)))
        log.close()
    after = found(node)
    with opened(node) as environment:
        log = LmdbLogStore(environment)
        store = LmdbStateStore(environment)
        rest = log.entries(Index(len(history) + 1), log.last_index(), 10**9)
        replay(store, rest)
        membership = store.membership()
        store.close()
        log.close()

    assert membership.voters == membership.members == (ONE,)
    assert rest[-1].id == after.last


def test_a_joint_membership_is_left_first(tmp_path: Path) -> None:
    """The change that was under way when the others died is ended, whatever it was."""
    node = tmp_path / "node"
    history = founded_history()
    ops = (Op(OpKind.VOTER, NodeId(4)), Op(OpKind.REMOVE, ONE))
    history.append(changing(history[-1], EnterJoint(ops)))
    survivor(node, history, applied=len(history) - 1)
    after = found(node)

    assert after.membership.voters == after.membership.members == (ONE,)
    assert not after.membership.is_joint


@pytest.mark.parametrize("members", ["founders", "recorded"])
def test_an_interruption_is_finished_at_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: str
) -> None:
    """log/ is one transaction, and says whose state/ may be taken over."""
    node = tmp_path / "node"
    history = usual_history() if members == "founders" else founded_history()
    survivor(node, history, applied=len(history))

    def cut(*_: object, **__: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(refound, "adopt_state", cut)
        with pytest.raises(StorageError, match="power cut"):
            found(node)
    with opened(node) as environment:
        assert environment.identity.cluster_id == "new"
        assert LmdbStateStore(environment).applied() == len(history)
    with pytest.raises(ConfigError, match="belongs to cluster 'new'"):
        opened(node, "test")


def test_copies_of_the_old_state_are_not_offered_to_anybody(tmp_path: Path) -> None:
    """They name the old members, and whoever takes one in would follow those. F28, F38."""
    node = tmp_path / "node"
    survivor(node, founded_history(), applied=10)
    with open_existing(node, options=SMALL) as environment:
        made = state_copy.make_copy(environment, bytes_per_s=10**9, chunk_bytes=4096)
        (node / "incoming").mkdir()
        (node / "incoming" / "half.part").write_bytes(b"half")
    found(node)

    assert made.header.cluster_id == "test"
    assert state_copy.newest_copy(node) is None
    assert not (node / "incoming").exists()


def test_the_state_of_another_store_is_still_refused(tmp_path: Path) -> None:
    """Only the state/ of the directory that founded the cluster is taken over."""
    node, other = tmp_path / "node", tmp_path / "other"
    survivor(node, usual_history(), applied=3)
    survivor(other, usual_history(), applied=3)
    found(node)
    (node / "state").rename(tmp_path / "moved")
    (other / "state").rename(node / "state")

    with pytest.raises(CorruptionError, match="belong to different stores"):
        opened(node)


def test_the_old_id_is_refused(tmp_path: Path) -> None:
    """The other nodes of the old cluster are known by it."""
    node = tmp_path / "node"
    survivor(node, usual_history(), applied=3)

    with pytest.raises(ConfigError, match="another id than the old cluster's"):
        found(node, "test")


def run(node: Path, *arguments: str, typed: str = "") -> Result:
    command = ["recover", "--data-dir", str(node), *arguments]
    return CliRunner().invoke(cli, command, input=typed)


def test_the_report_says_what_is_kept_and_where_the_loss_begins(tmp_path: Path) -> None:
    """Without --found-new-cluster nothing is changed; every copy can be asked."""
    node = tmp_path / "node"
    history = usual_history()
    survivor(node, history, applied=5)
    shown = run(node)
    told = json.loads(run(node, "--output", "json").stdout)["survivor"]

    assert shown.exit_code == 0
    assert f"log ends    at index {len(history)} of term 2" in shown.stdout
    assert "open        6 .. 8: acknowledged or not, they are kept" in shown.stdout
    assert "may be lost from index 9 on" in shown.stdout
    assert told["perhaps_lost_from_index"] == 9
    assert told["voters"] == [1, 2, 3]
    with open_node(node) as environment:
        assert environment.identity.cluster_id == "test"


@pytest.mark.parametrize(
    ("arguments", "typed", "exit_code"),
    [
        (("--yes", "tets"), "", 73),
        ((), "nonsense\n", 73),
        ((), "\n", 73),
        ((), "", 73),  # nobody is there to type
        (("--yes", "test"), "", 0),
        ((), "test\n", 0),
    ],
)
def test_the_old_cluster_must_be_named(
    tmp_path: Path, arguments: tuple[str, ...], typed: str, exit_code: int
) -> None:
    """Nothing is changed without the id of what is given up, typed or with --yes."""
    node = tmp_path / "node"
    survivor(node, usual_history(), applied=5)
    ended = run(node, "--found-new-cluster", "phoenix", *arguments, typed=typed)
    with open_existing(node, options=SMALL) as environment:
        owner = environment.identity.cluster_id

    assert ended.exit_code == exit_code, ended.output
    assert owner == ("phoenix" if exit_code == 0 else "test")
    if exit_code == 0:
        assert "founded: cluster phoenix, whose only member is node 1" in ended.stdout


@pytest.mark.parametrize("new_id", ["test", "No Good", ""])
def test_an_id_that_cannot_be_used_is_refused(tmp_path: Path, new_id: str) -> None:
    """Exit code 73, before anything is asked."""
    node = tmp_path / "node"
    survivor(node, usual_history(), applied=5)
    ended = run(node, "--found-new-cluster", new_id, "--yes", "test")

    assert ended.exit_code == 73
    assert "--found-new-cluster: " in ended.stderr


def flip(node: Path, index: int) -> None:
    """Flip a bit of a log value of a stopped node."""
    with open_existing(node, options=SMALL) as environment:
        table = environment.log_tables["entries"]
        with environment.log.begin(write=True) as transaction:
            key = index.to_bytes(8, "big")
            value = bytearray(transaction.get(key, db=table) or b"")
            value[-1] ^= 1
            transaction.put(key, bytes(value), db=table)


def test_a_damaged_copy_is_refused(tmp_path: Path) -> None:
    """Another copy may be better, and this one must not become the truth unseen."""
    node = tmp_path / "node"
    survivor(node, usual_history(), applied=5)
    flip(node, 7)
    before = run(node)
    wrong = run(node, "--found-new-cluster", "phoenix", "--yes", "test", *giving_up(8))
    ended = run(node, "--found-new-cluster", "phoenix", "--yes", "test")

    assert (before.exit_code, wrong.exit_code, ended.exit_code) == (71, 73, 71)
    assert "--give-up-from 7 goes on without 7 .. 8" in before.stderr
    assert "found 8 and the first at 7" in wrong.stderr
    with open_node(node) as environment:
        assert environment.identity.cluster_id == "test"


def giving_up(index: int) -> tuple[str, str]:
    return ("--give-up-from", str(index))


@pytest.mark.parametrize("is_recorded", [True, False])
def test_what_no_copy_has_is_given_up_by_name(
    tmp_path: Path, is_recorded: bool
) -> None:
    """The way out where all copies are rotten at one entry: the log ends before it."""
    node = tmp_path / "node"
    history = founded_history() if is_recorded else usual_history()
    survivor(node, history, applied=len(history) - 2)
    flaw = len(history)
    flip(node, flaw)
    told = run(node, *giving_up(flaw))
    ended = run(node, "--found-new-cluster", "new", "--yes", "test", *giving_up(flaw))
    again = run(node, *giving_up(flaw))
    with opened(node) as environment:
        log = LmdbLogStore(environment)
        whole = log.entries(Index(1), log.last_index(), 1 << 20)
        hard = log.hard_state()
        log.close()
    with open_existing(node, options=SMALL) as environment:
        findings = check(environment).findings

    assert told.exit_code == ended.exit_code == 0, (told.output, ended.output)
    assert f"given up    {flaw} .. {flaw}: acknowledged or not" in told.stdout
    assert f"may be lost from index {flaw} on" in told.stdout
    assert again.exit_code == 73  # nothing is left to give up
    assert whole[: flaw - 1] == history[: flaw - 1]
    assert [one.index for one in whole] == list(range(1, len(whole) + 1))
    assert hard.commit <= whole[-1].index
    assert findings == []


def test_what_the_state_holds_is_not_lost_with_its_log_value(tmp_path: Path) -> None:
    """F33: the last entry is applied, so its slot may rot, and so may those before it."""
    node = tmp_path / "node"
    history = founded_history()
    survivor(node, history, applied=len(history))
    flip(node, 3)
    flip(node, len(history))
    after = found(node)

    assert after.last.index > len(history)
    assert after.given_up == range(0)
    assert after.membership.voters == (ONE,)


@pytest.mark.parametrize("is_refounded", [True, False])
def test_a_state_that_is_folded_again_begins_with_what_the_log_says(
    tmp_path: Path, *, is_refounded: bool
) -> None:
    """F37: the log holds who the founders were, whatever the configuration says today.

    The only member of a cluster that it founded would else stop at that entry at each start.
    """
    node = tmp_path / "node"
    history = founded_history()
    survivor(node, history, applied=len(history))
    today = [ONE]
    if is_refounded:
        found(node)
    else:
        today = [ONE, TWO, THREE, NodeId(4)]
    with opened(node, "new" if is_refounded else "test") as environment:
        empty_state(environment)
        records = [NodeRecord(node_id) for node_id in today]
        membership = founders.first_membership(environment, records, joins=False)
        log = LmdbLogStore(environment)
        for entry in log.entries(Index(1), log.last_index(), 1 << 20):
            change = change_of(entry)
            if change is not None:
                after = changed(membership, change, entry.index)
                assert isinstance(after, Membership), (entry.index, membership, after)
                membership = after

    assert membership.voters == ((ONE,) if is_refounded else (ONE, TWO, THREE))


def test_founders_that_are_not_known_to_be_recorded_are_those_of_the_files(
    tmp_path: Path,
) -> None:
    """The entry may be replaced yet, and then nobody would ask for votes."""
    node = tmp_path / "node"
    history = founded_history()
    survivor(node, history, applied=len(history) - 1)
    with opened(node, "test") as environment:
        empty_state(environment)
        records = [NodeRecord(node_id) for node_id in (ONE, TWO, THREE)]
        membership = founders.first_membership(environment, records, joins=False)

    assert membership.voters == (ONE, TWO, THREE)


def test_a_survivor_whose_state_is_folded_again_may_found_once_more(
    tmp_path: Path,
) -> None:
    """Who was in the old cluster stands in the log, and in no record of the directory."""
    node = tmp_path / "node"
    survivor(node, founded_history(), applied=0)
    found(node)
    with opened(node, "new") as environment:
        empty_state(environment)
    after = found(node, "newer")

    assert after.membership.voters == after.membership.members == (ONE,)
