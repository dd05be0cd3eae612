"""The simulated rail as a process, as `ledgerd dev` starts it."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.cli.dev_rail import DevRail
from ledgerd.cli.main import cli
from ledgerd.errors import ConfigError
from ledgerd.rails.rail import EvidenceKind, Instruction
from ledgerd.rails.sandbox import SandboxRail
from ledgerd.security.tls import ChannelTls
from ledgerd.security.tlsfiles import TlsFiles


@pytest.fixture
def cluster(tmp_path: Path) -> DevCluster:
    cluster = DevCluster(tmp_path / "cluster", 1, has_rail=True)
    cluster.prepare()
    return cluster


def call(cluster: DevCluster, rail: DevRail, key: str) -> tuple[EvidenceKind, int]:
    """Send a payment as node 1 would; return the answer, and how much is known of it."""

    async def body() -> tuple[EvidenceKind, int]:
        folder = cluster.directory / "pki"
        files = TlsFiles(
            folder / "ca.pem", folder / "node-1.pem", folder / "node-1.key"
        )
        cluster_id = cluster.directory.joinpath("node1.toml").read_text()
        name = cluster_id.split("[cluster]")[1].split('"')[1]
        port = SandboxRail(rail.address, ChannelTls(files, cluster_id=name))
        try:
            told = await port.send(Instruction(key, 500, "USD", "1", "", 1), 10.0)
            return told.kind, len((await port.ask(key, 0, 10.0)).evidence)
        finally:
            await port.close()

    return asyncio.run(body())


def test_a_rail_goes_on_where_it_was(cluster: DevCluster) -> None:
    """A kill in between: the journal is played again, and a known key is not taken twice."""
    rail = cluster.rail
    assert rail is not None
    rail.start()
    try:
        first = call(cluster, rail, "K1")
        rail.kill()
        assert rail.running() is None
        rail.start()
        again = call(cluster, rail, "K1")
        found = DevCluster.existing(cluster.directory).rail
    finally:
        rail.stop()

    assert first[0] is again[0] is EvidenceKind.TAKEN
    assert again[1] >= first[1]
    assert found is not None
    assert found.address == rail.address
    assert len(rail.journal_path.read_bytes().splitlines()) == 2


def test_a_port_that_is_taken_is_told(cluster: DevCluster) -> None:
    rail = cluster.rail
    assert rail is not None
    other = DevRail(cluster.directory / "other", rail.address)
    other._pki = rail._pki
    other.prepare()
    rail.start()
    try:
        with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1"):
            other.start()
    finally:
        other.kill()
        rail.stop()


@pytest.mark.parametrize(
    ("listen", "journal", "code", "words"),
    [
        ("x", "j", 2, "--listen: expected host:port, port 0 .. 65535, found 'x'"),
        ("127.0.0.1:99999", "j", 2, "port 0 .. 65535, found '127.0.0.1:99999'"),
        (
            "127.0.0.1:0",
            "rail.pem/j",
            73,
            "rail.pem/j: expected a journal that can be written, found: File exists",
        ),
    ],
)
def test_what_cannot_be_meant_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    listen: str,
    journal: str,
    code: int,
    words: str,
) -> None:
    """One message, and no traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rail.pem").touch()
    files = ["--ca", "rail.pem", "--certificate", "rail.pem", "--key", "rail.pem"]

    ended = CliRunner().invoke(
        cli, ["rail", "--listen", listen, "--journal", journal, *files]
    )

    assert ended.exit_code == code, ended.output
    assert words in " ".join(ended.stderr.split())


def test_a_cluster_from_before_there_were_rails_gets_one(tmp_path: Path) -> None:
    """The port is chosen once, and the nodes' ports stay."""
    directory = tmp_path / "cluster"
    DevCluster(directory, 1).prepare()
    before = DevCluster.existing(directory)
    assert before.rail is None

    DevCluster(directory, 1, has_rail=True).prepare()

    after = DevCluster.existing(directory)
    assert after.rail is not None
    assert after.ports() == before.ports()
