"""The folder of a local cluster, and whose processes it may touch."""

import contextlib
import errno
import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ledgerd.cli import processes
from ledgerd.cli.dev import dev
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.cli.main import cli
from ledgerd.cli.processes import alone_in
from ledgerd.client import ConfigError, Profile
from ledgerd.config import node_config


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster that was prepared once; tests that change it copy it."""
    directory = tmp_path_factory.mktemp("dev") / "cluster"
    DevCluster(directory, 3).prepare()
    return directory


def test_prepared_nodes_have_whole_configurations(prepared: Path) -> None:
    """Each file is one that `ledgerd run` takes, certificates included."""
    cluster = DevCluster.existing(prepared)

    for node_id in cluster.node_ids:
        loaded = node_config.load(cluster.config_path(node_id))
        assert loaded.node.id == node_id
        assert loaded.node.data_dir == cluster.data_directory(node_id)
        assert [member.id for member in loaded.cluster.members] == [1, 2, 3]


def test_profile_leads_to_all_nodes(prepared: Path) -> None:
    """The client's files exist, and its key is the owner's alone."""
    cluster = DevCluster.existing(prepared)

    profile = Profile.load(cluster.profile_path)

    assert [e.address.rpartition(":")[2] for e in profile.endpoints] == [
        str(ports.api) for ports in cluster.ports().values()
    ]
    assert profile.key is not None
    assert stat.S_IMODE(profile.key.stat().st_mode) == 0o600


def test_ports_are_chosen_once(prepared: Path, tmp_path: Path) -> None:
    """A second start finds the same ports and certificates, and they all differ."""
    directory = tmp_path / "copy"
    shutil.copytree(prepared, directory)
    cluster = DevCluster(directory, 3)
    before = cluster.ports()
    key = (directory / "pki" / "node-1.key").read_bytes()

    cluster.prepare()

    assert cluster.ports() == before
    assert (directory / "pki" / "node-1.key").read_bytes() == key
    assert len({port for ports in before.values() for port in ports}) == 9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON: "),
        ("3", "expected an object in "),
        ("{}", "expected the ports api, peer and metrics of each node in "),
        ('{"nodes": {"1": {"api": 1}}}', "expected the ports api, peer and metrics"),
        ('{"nodes": {"a": {}}}', "expected the ports api, peer and metrics"),
        ('{"nodes": {"1": 3}}', "expected the ports api, peer and metrics"),
    ],
)
def test_damaged_notes_are_told(tmp_path: Path, text: str, words: str) -> None:
    """The file that holds the cluster's ports, edited by hand or cut off."""
    (tmp_path / "cluster.json").write_text(text)

    result = CliRunner().invoke(cli, ["dev", "status", "--dir", str(tmp_path)])

    assert result.exit_code == 73
    assert words in result.stderr
    assert "cluster.json" in result.stderr


def test_other_size_is_refused(prepared: Path) -> None:
    """A folder is one cluster for ever; the line says which flag fits it."""
    with pytest.raises(ConfigError, match="--nodes 3"):
        DevCluster(prepared, 5).prepare()


def test_links_and_settings_reach_the_configurations(
    prepared: Path, tmp_path: Path
) -> None:
    """A rig may lead one direction of one link through a proxy, and set any option."""
    directory = tmp_path / "copy"
    shutil.copytree(prepared, directory)
    cluster = DevCluster(
        directory,
        3,
        settings={"raft": {"heartbeat_ticks": 2}, "log": {"level": "warning"}},
        peer_links={(1, 2): "127.0.0.1:9"},
    )
    cluster.prepare()

    first, second = (node_config.load(cluster.config_path(n)) for n in (1, 2))

    assert first.cluster.member(2).peer_address == "127.0.0.1:9"
    assert second.cluster.member(2).peer_address != "127.0.0.1:9"
    assert first.raft.heartbeat_ticks == 2


@pytest.mark.parametrize("started_ticks", [0, 1])
def test_strangers_process_is_not_touched(
    prepared: Path, tmp_path: Path, started_ticks: int
) -> None:
    """A pid that was written down long ago may be anybody's by now: here, the test's."""
    directory = tmp_path / "copy"
    shutil.copytree(prepared, directory)
    cluster = DevCluster.existing(directory)
    own_ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    (directory / "node1" / "process.json").write_text(
        json.dumps({"pid": os.getpid(), "started_ticks": own_ticks * started_ticks})
    )

    cluster.kill(1)
    cluster.stop()

    assert cluster.pids() == {1: None, 2: None, 3: None}


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("raise SystemExit(0)", "node 1 was stopped"),
        ("import os; os.kill(os.getpid(), 9)", "node 1 was ended by SIGKILL"),
        (
            "import sys; sys.stderr.write('no key\\n'); sys.exit(73)",
            "node 1 has ended: no key (exit code 73)",
        ),
    ],
)
def test_how_a_node_ended_is_told(
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    told: str,
) -> None:
    """Which one, and by what: a signal, or its exit code with its last words."""
    directory = tmp_path / "copy"
    shutil.copytree(prepared, directory)
    cluster = DevCluster.existing(directory)
    monkeypatch.setattr("ledgerd.cli.dev_cluster._RUN", (sys.executable, "-c", program))
    cluster.start(1)
    cluster.exit_code(1, 60)

    assert cluster.pids()[1] is None
    assert cluster.end_of(1) == told
    assert cluster.end_of(1) == "node 1 has ended"


def test_a_stop_of_all_is_seen_by_others(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that ended by itself does not make it a stop."""
    directory = tmp_path / "copy"
    shutil.copytree(prepared, directory)
    ours, theirs = (DevCluster.existing(directory) for _ in range(2))
    monkeypatch.setattr("ledgerd.cli.dev_cluster._RUN", (sys.executable, "-c", ""))
    ours.start()
    for node_id in ours.node_ids:
        ours.exit_code(node_id, 60)

    assert not ours.was_stopped()
    theirs.stop(1)
    assert not ours.was_stopped()
    theirs.stop()
    assert ours.was_stopped()


WAITS = (sys.executable, "-c", "import signal; signal.pause()")


@pytest.fixture
def idle(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DevCluster:
    """Return a prepared cluster of the test's own, whose nodes do nothing but wait."""
    monkeypatch.setattr("ledgerd.cli.dev_cluster._RUN", WAITS)
    shutil.copytree(prepared, tmp_path / "copy")
    return DevCluster.existing(tmp_path / "copy")


def at_once(first: Callable[[], object], second: Callable[[], object]) -> list[str]:
    """Call both at the same moment, as two commands would; return what they were refused for."""
    gate = threading.Barrier(2, timeout=30)

    def call(what: Callable[[], object]) -> object:
        gate.wait()
        return what()

    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(call, what) for what in (first, second)]
        ends = [made.exception() for made in calls]
    assert all(end is None or isinstance(end, ConfigError) for end in ends), ends
    return [str(end) for end in ends if end is not None]


def processes_of(argument: Path) -> set[int]:
    """Return who runs with this argument, whether or not it was written down."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            if os.fsencode(argument) in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
    return found


def test_two_that_make_a_cluster_at_once_make_one(tmp_path: Path) -> None:
    """Certificates and ports are of one hand; the other finds them."""
    clusters = [DevCluster(tmp_path / "new", 3) for _ in range(2)]

    refused = at_once(*(cluster.prepare for cluster in clusters))

    assert refused == []
    for node_id in clusters[0].node_ids:
        node_config.load(clusters[0].config_path(node_id))


def test_of_two_that_start_a_cluster_at_once_one_wins(idle: DevCluster) -> None:
    """The other one says so, and `stop` knows of every process that runs."""
    clusters = [idle, DevCluster.existing(idle.directory)]
    try:
        refused = at_once(*(cluster.start for cluster in clusters))
        found = [processes_of(clusters[0].config_path(n)) for n in (1, 2, 3)]
    finally:
        for cluster in clusters:
            cluster.stop()
    left = [processes_of(clusters[0].config_path(n)) for n in (1, 2, 3)]

    assert len(refused) == 1
    assert "runs already" in refused[0]
    assert [len(pids) for pids in found] == [1, 1, 1]
    assert left == [set(), set(), set()]


@pytest.mark.parametrize("way", ["link/copy", "copy/../copy"])
def test_whichever_way_leads_to_a_folder_stop_knows_its_nodes(
    idle: DevCluster, tmp_path: Path, way: str
) -> None:
    """Through a link, or up and down again, as from another working directory."""
    (tmp_path / "link").symlink_to(tmp_path)
    cluster = DevCluster.existing(tmp_path / way)
    try:
        cluster.start(1)
        stopped = CliRunner().invoke(cli, ["dev", "stop", "--dir", str(idle.directory)])
    finally:
        cluster.stop()

    assert "stopped 1 node;" in stopped.output


def test_a_stop_in_the_middle_of_a_start_leaves_nobody_behind(
    idle: DevCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends what the other command was about to start, too."""
    ours, theirs = idle, DevCluster.existing(idle.directory)
    is_half_way, is_stopping = threading.Event(), threading.Event()
    start_one, stop_all = DevCluster._start, DevCluster.stop

    def start(cluster: DevCluster, node_id: int) -> None:
        if node_id == 3:
            is_half_way.set()
            assert is_stopping.wait(30)
        start_one(cluster, node_id)

    def stop() -> None:
        assert is_half_way.wait(30)
        is_stopping.set()
        stop_all(theirs)

    monkeypatch.setattr(DevCluster, "_start", start)
    try:
        refused = at_once(ours.start, stop)
        left = [processes_of(ours.config_path(n)) for n in (1, 2, 3)]
    finally:
        ours.stop()

    assert refused == []
    assert left == [set(), set(), set()]
    assert ours.was_stopped()


def test_who_was_written_down_is_known_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was just started has an empty command for a moment."""
    empty, real = ["", ""], processes._command

    def command(pid: int) -> bytes:
        return empty.pop().encode() if empty else real(pid)

    with subprocess.Popen([*WAITS, str(tmp_path)]) as child:
        monkeypatch.setattr(processes, "_command", command)
        processes.remember(tmp_path / "process.json", child.pid)
        known = processes.remembered(tmp_path / "process.json", tmp_path)
        child.kill()

    assert known is not None
    assert known.pid == child.pid


def test_a_rail_that_stands_still_is_stopped(tmp_path: Path) -> None:
    """Its process was paused, as somebody does who tries out a silent rail."""
    cluster = DevCluster(tmp_path / "cluster", 1, has_rail=True)
    cluster.prepare()
    assert cluster.rail is not None
    cluster.rail.start()
    (pid,) = processes_of(cluster.rail.journal_path)
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(cluster.stop)
        try:
            stopping.result(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    assert processes_of(cluster.rail.journal_path) == set()


def test_stop_counts_those_that_it_stopped(
    idle: DevCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those that ran before it had the folder for itself: a start may be under way."""
    directory, cluster = idle.directory, idle

    @contextlib.contextmanager
    def waited(folder: Path, patience_s: float) -> Iterator[None]:
        with alone_in(folder, patience_s):
            cluster._start_all([1, 2])
            yield

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("ledgerd.cli.dev_cluster.alone_in", waited)
        first = CliRunner().invoke(dev, ["stop", "--dir", str(directory)])
    second = CliRunner().invoke(dev, ["stop", "--dir", str(directory)])
    cluster.stop()  # and they are no zombies any more

    assert "stopped 2 nodes" in first.output
    assert "stopped 0 nodes" in second.output


def test_a_start_that_is_interrupted_leaves_nobody_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C before the last node: those that were started, and the rail, are ended."""
    directory = tmp_path / "cluster"
    cluster = DevCluster(directory, 3, has_rail=True)
    cluster.prepare()
    monkeypatch.setattr("ledgerd.cli.dev_cluster._RUN", WAITS)
    start_one = DevCluster._start

    def start(cluster: DevCluster, node_id: int) -> None:
        if node_id == 3:
            raise KeyboardInterrupt
        start_one(cluster, node_id)

    monkeypatch.setattr(DevCluster, "_start", start)
    assert cluster.rail is not None
    try:
        with pytest.raises(KeyboardInterrupt):
            cluster.start()
        left = [processes_of(cluster.config_path(n)) for n in (1, 2, 3)]
        rails = processes_of(cluster.rail.journal_path)
    finally:
        cluster.stop()

    assert left == [set(), set(), set()]
    assert rails == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_the_very_start_of_a_node_leaves_none_behind(
    idle: DevCluster, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """It runs already, and `Popen` has not returned yet."""
    begin = subprocess.Popen

    def popen(*args: Any, **kwargs: Any) -> "subprocess.Popen[bytes]":
        child = begin(*args, **kwargs)
        signal.raise_signal(number)
        return child

    before = signal.signal(number, signal.default_int_handler)
    monkeypatch.setattr(subprocess, "Popen", popen)
    try:
        with pytest.raises(KeyboardInterrupt):
            idle.start(1)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
        left = processes_of(idle.config_path(1))
        for pid in left:
            os.kill(pid, signal.SIGKILL)

    assert left == set()


def test_who_interrupts_a_detached_start_is_not_told_that_it_runs(
    idle: DevCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C before the nodes are ready: none is left, and that is no success."""

    def wait(_: DevCluster) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(DevCluster, "wait_ready", wait)
    words = ["dev", "--detach", "--dir", str(idle.directory)]
    ended = CliRunner().invoke(cli, words)

    assert ended.exit_code == 130, ended.output
    assert ended.stderr == "error: interrupted\n"
    assert [processes_of(idle.config_path(n)) for n in (1, 2, 3)] == [set()] * 3


def test_a_folder_that_was_removed_is_no_cluster_that_was_stopped(
    idle: DevCluster,
) -> None:
    """Whoever started nodes ends them then; nobody else knows of them."""
    directory, cluster = idle.directory, idle
    cluster.start(1)
    try:
        shutil.rmtree(directory)
        assert not cluster.was_stopped()
        with pytest.raises(ConfigError, match="found no cluster"):
            cluster.ports()
    finally:
        cluster.stop()

    assert "stderr.log: No such file" in cluster._last_words(1)
    assert processes_of(cluster.config_path(1)) == set()
    assert cluster.was_stopped()


@pytest.mark.parametrize("words", [["stop"], ["start", "--node", "1"], []])
def test_a_folder_that_cannot_be_used_is_one_line(
    idle: DevCluster, words: list[str]
) -> None:
    """Such as one of somebody else."""
    directory = idle.directory
    (directory / "LOCK").unlink(missing_ok=True)
    (directory / "LOCK").mkdir()
    ended = CliRunner().invoke(cli, ["dev", *words, "--dir", str(directory)])

    assert ended.exit_code == 73, ended.output
    assert ended.stderr == f"error: {directory}/LOCK: Is a directory\n"


@pytest.mark.parametrize("words", [["stop"], ["kill", "--node", "1"]])
def test_nodes_of_another_user_are_told(
    idle: DevCluster, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """They may not be signalled."""
    directory, cluster = idle.directory, idle

    def refuse(*_: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    cluster.start(1)
    try:
        with monkeypatch.context() as foreign:
            foreign.setattr(os, "kill", refuse)
            ended = CliRunner().invoke(cli, ["dev", *words, "--dir", str(directory)])
    finally:
        cluster.stop()

    assert ended.exit_code == 73, ended.output
    assert "found some of another" in ended.stderr


def test_two_nodes_that_are_started_at_once_share_one_rail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands for two nodes: both are right, and the second one waits for the rail."""
    directory = tmp_path / "cluster"
    DevCluster(directory, 3, has_rail=True).prepare()
    monkeypatch.setattr("ledgerd.cli.dev_cluster._RUN", (sys.executable, "-c", ""))
    first, second = (DevCluster.existing(directory) for _ in range(2))
    assert first.rail is not None
    try:
        refused = at_once(lambda: first.start(1), lambda: second.start(2))
        rails = processes_of(first.rail.journal_path)
        named = [cluster.rail and cluster.rail.running() for cluster in (first, second)]
    finally:
        first.stop()
        left = processes_of(first.rail.journal_path)
        second.stop()

    assert refused == []
    assert len(rails) == 1
    assert [process and process.pid for process in named] == [*rails, *rails]
    assert left == set()


def test_who_waits_too_long_for_another_start_says_so(tmp_path: Path) -> None:
    """The other process stands still in the middle of its start."""
    with (
        alone_in(tmp_path, 0.0),
        pytest.raises(ConfigError, match="another `ledgerd dev`"),
        alone_in(tmp_path, 0.0),
    ):
        pass


def test_stop_without_a_cluster_says_so(tmp_path: Path) -> None:
    """The line says how to start one."""
    result = CliRunner().invoke(dev, ["stop", "--dir", str(tmp_path)])

    assert isinstance(result.exception, ConfigError)
    assert "ledgerd dev --dir" in str(result.exception)


def test_the_commands_it_prints_can_be_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is one word of each, a blank in its name or not."""
    folder = str(tmp_path / "Ada's cluster")
    monkeypatch.setattr(DevCluster, "start", lambda _: None)
    monkeypatch.setattr(DevCluster, "wait_ready", lambda _: 1)
    missing = CliRunner().invoke(dev, ["stop", "--dir", folder])
    shown = CliRunner().invoke(dev, ["--dir", folder, "--detach"])

    assert shown.exit_code == 0, shown.output
    commands = [shlex.split(at) for at in shown.stdout.splitlines() if at[:2] == "  "]
    assert ["export", f"LEDGERCTL_CONFIG={folder}/client.toml"] in commands
    assert ["ledgerd", "dev", "stop", "--dir", folder] in commands
    assert ["ledgerd", "dev", "kill", "--dir", folder, "--node", "leader"] in commands
    _, _, told = str(missing.exception).partition("start one: ")
    assert shlex.split(told) == ["ledgerd", "dev", "--dir", folder]


@pytest.mark.parametrize("node", ["4", "0", "x", ""])
def test_unknown_node_is_a_usage_error(prepared: Path, node: str) -> None:
    """Nodes are named by number, or as the leader."""
    result = CliRunner().invoke(dev, ["kill", "--dir", str(prepared), "--node", node])

    assert result.exit_code == 2


def test_a_node_that_does_not_run_is_not_killed(prepared: Path) -> None:
    """Nothing was done, so nothing is claimed."""
    result = CliRunner().invoke(
        cli, ["dev", "kill", "--dir", str(prepared), "--node", "1"]
    )

    assert result.exit_code == 73
    assert result.stdout == ""
    assert result.stderr == (
        "error: expected node 1 to run, found it ended; start it: "
        f"ledgerd dev start --dir {prepared} --node 1\n"
    )


@pytest.mark.parametrize(
    "words", [["dev"], ["dev", "stop"], ["pki", "init"], ["pki", "issue", "rail"]]
)
def test_an_empty_text_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """As of a variable that is not set: nothing is made where one happens to stand."""
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(cli, [*words, "--dir", ""])

    assert result.exit_code == 2
    assert (
        "Invalid value for '--dir': expected a folder, found nothing" in result.stderr
    )
    assert not list(tmp_path.iterdir())


def test_directory_is_asked_for() -> None:
    """There is no default folder that somebody's data could be in."""
    assert CliRunner().invoke(dev, []).exit_code == 2
