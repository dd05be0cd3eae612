import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledgerd.cli.ctl.root import cli
from tests.client.fake_cluster import FakeCluster

Run = Callable[..., Result]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as cluster:
        yield cluster


@pytest.fixture
def run(cluster: FakeCluster, tmp_path: Path) -> Run:
    """Run `ledgerctl` on the scripted cluster."""
    path = tmp_path / "client.toml"
    path.write_text(cluster.profile().to_toml())
    runner = CliRunner(env={"LEDGERCTL_CONFIG": str(path), "COLUMNS": "200"})

    def invoke(*arguments: str) -> Result:
        return runner.invoke(cli, arguments)

    return invoke


@pytest.fixture
def run_narrow(
    cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run `ledgerctl` on the scripted cluster, on a terminal of 80 columns."""
    path = tmp_path / "client.toml"
    path.write_text(cluster.profile().to_toml())
    monkeypatch.setattr(os, "isatty", lambda _: True)
    runner = CliRunner(env={"LEDGERCTL_CONFIG": str(path), "COLUMNS": "80"})

    def invoke(*arguments: str) -> Result:
        return runner.invoke(cli, arguments)

    return invoke


@pytest.fixture
def run_json(run: Run) -> Callable[..., dict[str, object]]:
    """Run `ledgerctl --output json`, which must succeed, and return the document."""

    def invoke(*arguments: str) -> dict[str, object]:
        result = run("--output", "json", *arguments)
        assert result.exit_code == 0, result.output
        document = json.loads(result.stdout)
        assert isinstance(document, dict)
        return document

    return invoke
