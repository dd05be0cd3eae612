"""The audit tree as apply grows it: which entries have a leaf, what a leaf says, what is kept."""

import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ledgerd.client.proofs import check_consistency, check_inclusion, leaf_hash
from ledgerd.errors import CorruptionError
from ledgerd.formats import leaves, records, versions
from ledgerd.formats.records import Table
from ledgerd.raft.entries import Entry, EntryKind
from ledgerd.replica.audit import laid_out
from ledgerd.replica.fold import decide
from ledgerd.replica.tree import (
    NO_TREE,
    consistency_proof,
    edge_of,
    inclusion_proof,
    root_of,
)
from ledgerd.storage.check import check
from ledgerd.storage.rows import check_tree_row
from ledgerd.storage.state_store import LmdbStateStore
from ledgerd.storage.tables import Tables
from tests.storage.world import (
    FEES,
    FUND_RICH,
    MOVE,
    OPEN_POOR,
    OPEN_RICH,
    History,
    apply_to,
    make_node,
    open_node,
    payouts,
)

FIRST = 4  # the index of the entry that brings the version with a tree


def history() -> list[Entry]:
    """Three entries before the tree, the one that begins it, and nine behind it."""
    made = History()
    made.noop()
    made.commands(OPEN_RICH, OPEN_POOR, FUND_RICH)
    made.payouts(payouts(10, 3))
    made.version(3)
    made.payouts(payouts(100, 5))
    made.commands(FEES, MOVE)
    made.noop(term=2)
    for number in range(6):
        made.payouts(payouts(200 + 10 * number, 1 + number), term=2)
    return made.entries


def test_the_tree_begins_with_the_entry_that_brings_its_version(tmp_path: Path) -> None:
    """Older entries have no leaf, so an old log keeps its digests; each later one has one."""
    entries = history()
    with open_node(tmp_path) as environment:
        state = LmdbStateStore(environment)
        apply_to(state, entries[: FIRST - 1])
        assert state.tree() == NO_TREE
        for entry in entries[FIRST - 1 :]:
            apply_to(state, [entry])
            tree = state.tree()
            assert tree.first_index == FIRST
            assert tree.size == entry.index - FIRST + 1


def test_a_leaf_says_what_its_entry_was_and_did(tmp_path: Path) -> None:
    """Every part is computed here a second time, from the entry and its rows."""
    entries = history()
    with open_node(tmp_path) as environment:
        state = LmdbStateStore(environment)
        apply_to(state, entries[:4])
        before = state.digest()
        entry = entries[4]
        applied = decide(state.view, entry, 3)
        rows = {
            table.table: laid_out(table)
            for table in records.encode_writes(applied.writes)
        }
        apply_to(state, [entry])
        state.commit()
        with environment.state.begin() as transaction:
            leaf = Tables(environment, transaction).leaf(1)

    assert leaf == leaves.Leaf(
        index=5,
        ts_us=entry.ts_us,
        state_version=3,
        command=sha256(bytes((EntryKind.PAYOUTS,)) + entry.payload).digest(),
        before=before,
        outcomes=sha256(records.encode_outcomes(applied.outcomes)).digest(),
        payouts=sha256(rows[Table.PAYOUT]).digest(),
        journal=sha256(rows[Table.JOURNAL]).digest(),
        events=sha256(rows[Table.EVENT]).digest(),
    )


def test_kept_nodes_prove_every_leaf_and_every_growth(tmp_path: Path) -> None:
    """RFC 6962 over the rows of state/, judged by the verifier that was written apart."""
    make_node(tmp_path, history())
    with open_node(tmp_path) as environment, environment.state.begin() as transaction:
        tables = Tables(environment, transaction)
        tree = tables.tree()
        roots = [root_of(size, tables.tree_node) for size in range(tree.size + 1)]
        for number in range(tree.size):
            leaf = tables.leaf(number)
            assert leaf is not None
            assert leaf.index == tree.first_index + number
            check_inclusion(
                index=number,
                size=tree.size,
                leaf=leaf_hash(leaves.leaf_bytes(leaf)),
                proof=inclusion_proof(number, tree.size, tables.tree_node),
                root=roots[-1],
            )
        for size, root in enumerate(roots):
            check_consistency(
                first_size=size,
                second_size=tree.size,
                first_root=root,
                second_root=roots[-1],
                proof=consistency_proof(size, tree.size, tables.tree_node),
            )
        assert tables.count(Table.TREE) < 2 * tree.size


def test_the_edge_that_is_kept_in_memory_is_the_one_on_disk(tmp_path: Path) -> None:
    """After each entry, also when the process starts anew there."""
    entries = history()
    for last in range(1, len(entries) + 1):
        directory = tmp_path / str(last)
        with open_node(directory) as environment:
            state = LmdbStateStore(environment)
            apply_to(state, entries[:last])
            state.commit()
            kept = state.tree()
            assert LmdbStateStore(environment).tree() == kept
        assert [(level, number) for level, number, _ in kept.roots] == [
            *edge_of(kept.size)
        ]


def test_a_tree_that_was_put_together_from_others_is_found(tmp_path: Path) -> None:
    """Each row of the tree, damaged, lost or put elsewhere: the offline check names it."""
    make_node(tmp_path / "whole", history())
    with (
        open_node(tmp_path / "whole") as environment,
        environment.state.begin() as transaction,
    ):
        keys = [row[0] for row in Tables(environment, transaction).scan(Table.TREE)]
        rows = dict(Tables(environment, transaction).scan(Table.TREE))
    assert len(keys) == 10 + 5 + 2 + 1

    for number, key in enumerate(keys):
        other = rows[keys[number - 1 if number > 0 else 1]]
        for value in (other, None):
            directory = tmp_path / f"{number}-{value is None}"
            shutil.copytree(tmp_path / "whole", directory)
            with open_node(directory) as environment:
                with environment.state.begin(
                    write=True, db=environment.state_tables[Table.TREE]
                ) as transaction:
                    if value is None:
                        transaction.delete(key)
                    else:
                        transaction.put(key, value)
                report = check(environment)
                places = {finding.place for finding in report.findings}
                assert any("tree" in place for place in places), (number, places)
                if value is not None:
                    with environment.state.begin() as transaction:
                        tables = Tables(environment, transaction)
                        with pytest.raises(CorruptionError, match="tree"):
                            check_all_rows(tables)


def check_all_rows(tables: Tables) -> None:
    """Look at every row of the tree as the scrubber does."""
    for row in tables.scan(Table.TREE):
        check_tree_row(tables, *row)


def test_a_state_that_lost_the_beginning_of_its_tree_is_not_opened(
    tmp_path: Path,
) -> None:
    """Or a second tree would begin, and the node would differ from all others."""
    make_node(tmp_path, history())
    with open_node(tmp_path) as environment:
        table = environment.state_tables[Table.TREE]
        with environment.state.begin(write=True, db=table) as transaction:
            transaction.delete(leaves.tree_key(0, 0))
        with pytest.raises(CorruptionError, match="no leaf, but state version 3"):
            LmdbStateStore(environment)


def test_a_version_that_knows_no_tree_writes_none() -> None:
    """The gate, by itself. F26."""
    assert [versions.has_audit_tree(version) for version in (1, 2, 3)] == [
        False,
        False,
        True,
    ]


def test_an_entry_that_did_nothing_has_a_leaf_of_its_own(tmp_path: Path) -> None:
    """Digests of nothing, but its index, its time and all state before it."""
    make_node(tmp_path, history())
    with open_node(tmp_path) as environment, environment.state.begin() as transaction:
        leaf = Tables(environment, transaction).leaf(3)
    nothing = sha256().digest()

    assert leaf is not None
    assert (leaf.payouts, leaf.journal, leaf.events) == (nothing,) * 3
    assert leaves.leaf_bytes(leaf) != leaves.leaf_bytes(replace(leaf, index=9))
