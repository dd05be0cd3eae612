"""`ledgerctl roles` and `ledgerctl currencies`."""

import json
from pathlib import Path

import pytest

from ledgerd.api.v1 import settings_pb2 as pb
from tests.cli.ctl.conftest import Run
from tests.client.fake_cluster import FakeCluster

ROLES = """
source = "security board"
as_of = "2026-11-21"

[[grants]]
principal = "zoe"
roles = ["ADMIN", "APPROVER"]

[[grants]]
principal = "leaver"
"""


def test_roles_of_a_file_are_set_and_shown(
    cluster: FakeCluster, run: Run, tmp_path: Path
) -> None:
    """What is shown as JSON is a file that sets the same again."""
    path, again = tmp_path / "roles.toml", tmp_path / "again.json"
    path.write_text(ROLES)
    first = run("roles", "set", str(path), "--expected-version", "0")
    shown = run("--output", "json", "roles", "get")
    table = run("roles", "get")
    again.write_text(shown.stdout)
    second = run("roles", "set", str(again))

    assert [first.exit_code, shown.exit_code, second.exit_code] == [0, 0, 0]
    one, two = cluster.roles
    assert one.source == two.source == "security board"
    assert list(one.grants) == list(two.grants)
    assert one.grants[0] == pb.Grant(principal="zoe", roles=["ADMIN", "APPROVER"])
    assert cluster.expected_versions == [0, None]
    for text in ("zoe", "admin, approver", "leaver", "none", "version 1"):
        assert text in table.output


def test_grants_need_no_file(cluster: FakeCluster, run: Run) -> None:
    result = run(
        *("roles", "set", "--source", "board", "--effective-from", "2027-01-01"),
        *("--grant", "zoe=admin, approver", "--grant", "leaver="),
    )

    assert result.exit_code == 0
    (version,) = cluster.roles
    assert version.effective_from_us == 1_798_761_600_000_000
    assert list(version.grants) == [
        pb.Grant(principal="zoe", roles=["ADMIN", "APPROVER"]),
        pb.Grant(principal="leaver"),
    ]


def test_currencies_are_set_and_shown(
    cluster: FakeCluster, run: Run, tmp_path: Path
) -> None:
    """Before the first version the table's own list is shown, which sets the same again."""
    shown = run("--output", "json", "currencies", "get")
    before = run("currencies", "get")
    path = tmp_path / "first.json"
    path.write_text(shown.stdout)
    kept = run("currencies", "set", str(path))
    more = run("currencies", "set", "--source", "x", "--retired", "USD")
    after = run("currencies", "get")

    assert [kept.exit_code, more.exit_code] == [0, 0]
    assert json.loads(shown.stdout)["retired"] == ["BGN"]
    assert "none set" in before.output
    assert "BGN" in before.output
    assert [list(version.retired) for version in cluster.currencies] == [
        ["BGN"],
        ["USD"],
    ]
    assert "USD" in after.output
    assert "version 2" in after.output


@pytest.mark.parametrize("what", ["roles", "currencies"])
def test_nothing_is_taken_away_by_an_oversight(
    cluster: FakeCluster, run: Run, what: str
) -> None:
    """Without a file and options it must be said that none is to hold."""
    by_oversight = run(what, "set", "--source", "board")
    meant = run(what, "set", "--source", "board", "--none")

    assert (by_oversight.exit_code, meant.exit_code) == (2, 0)
    assert "expected one of PATH" in by_oversight.output
    assert len([*cluster.roles, *cluster.currencies]) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("roles", "set", "--none"), "expected a source"),
        (("roles", "set", "--source", "b", "--grant", "zoe"), "NAME=ROLE"),
        (("roles", "set", "--source", "b", "--grant", "zoe=boss"), "'boss'"),
        (("roles", "get", "--version", "7"), "expected a version"),
        (("currencies", "get", "--version", "7"), "expected a version"),
    ],
)
def test_what_makes_no_sense_is_not_sent(
    cluster: FakeCluster, run: Run, arguments: tuple[str, ...], expected: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert expected in result.output
    assert not [*cluster.roles, *cluster.currencies]
