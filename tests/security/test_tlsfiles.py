"""Files that are read again: when they changed, once, and only if they can be used."""

import errno
import shutil
import stat
import threading
from pathlib import Path

import pytest

from ledgerd.errors import ConfigError
from ledgerd.security import pki, tlsfiles
from ledgerd.security.tlsfiles import TlsFiles, TlsMaterial, WatchedFiles, load
from tests.security.conftest import Cluster, make_cluster


class Watch:
    """Watched files with what they reported."""

    def __init__(self, files: TlsFiles) -> None:
        self.reloads: list[TlsMaterial] = []
        self.problems: list[str] = []
        self.watched = WatchedFiles(
            files, on_reload=self.reloads.append, on_problem=self.problems.append
        )


def renew(cluster: Cluster, out: Path) -> TlsFiles:
    return pki.issue_node(cluster.folder, 1, out=out)


def test_unchanged_files_are_not_read_again(cluster: Cluster) -> None:
    """The very same material, of the first generation."""
    watch = Watch(cluster.node)

    first, second = watch.watched.current(), watch.watched.current()

    assert first == second
    assert first[0] is second[0]
    assert (first[1], watch.reloads) == (1, [])


def test_changed_files_are_a_new_generation_reported_once(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The holder of the new certificate is reported with it."""
    watch = Watch(cluster.node)
    renewed = renew(cluster, tmp_path / "new")
    shutil.copyfile(renewed.key, cluster.node.key)
    shutil.copyfile(renewed.certificate, cluster.node.certificate)

    material, generation = watch.watched.current()

    assert watch.watched.current() == (material, generation)
    assert (material.certificate, generation) == (renewed.certificate.read_bytes(), 2)
    assert watch.reloads == [material]
    assert watch.problems == []


def test_a_touched_file_is_no_reload(cluster: Cluster) -> None:
    """Equal content under a new time is nothing new to tell callers."""
    watch = Watch(cluster.node)
    content = cluster.node.ca.read_bytes()
    cluster.node.ca.unlink()
    cluster.node.ca.write_bytes(content)

    assert watch.watched.current()[1] == 1
    assert watch.reloads == []


@pytest.mark.parametrize("name", ["ca", "certificate", "key"])
def test_a_missing_file_is_a_problem_told_once_and_cured_by_its_return(
    cluster: Cluster, name: str
) -> None:
    """What was loaded stays in force for as long as it lasts."""
    watch = Watch(cluster.node)
    before = watch.watched.current()
    path: Path = getattr(cluster.node, name)
    content = path.read_bytes()
    path.unlink()

    assert watch.watched.current() == watch.watched.current() == before
    [problem] = watch.problems
    assert "the files loaded before stay in force" in problem
    path.write_bytes(content)
    assert watch.watched.current() == before
    assert len(watch.problems) == 1


@pytest.mark.parametrize("name", ["ca", "certificate", "key"])
def test_a_device_in_the_place_of_a_file(cluster: Cluster, name: str) -> None:
    """It is not opened: /dev/zero would fill the memory, and a pipe be waited for."""
    watch = Watch(cluster.node)
    before = watch.watched.current()
    path: Path = getattr(cluster.node, name)
    path.unlink()
    path.symlink_to("/dev/null")

    assert watch.watched.current() == before
    [problem] = watch.problems
    assert problem.startswith(
        f"{path}: expected a readable PEM file, found: a pipe or a device, which is no file; "
        "make certificates with `ledgerd pki`"
    )


def test_a_key_of_another_user_is_read_once_this_one_may(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever renews as root leaves files that a node may not read, and then mends their mode."""
    read = tlsfiles.read_regular

    def read_by_mode(path: Path, bytes_max: int) -> bytes:
        if not path.stat().st_mode & stat.S_IRUSR:  # root would read it
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path, bytes_max)

    monkeypatch.setattr(tlsfiles, "read_regular", read_by_mode)
    watch = Watch(cluster.node)
    take(cluster, renew(cluster, tmp_path / "new"))
    cluster.node.key.chmod(0o000)
    assert watch.watched.current()[1] == 1
    [problem] = watch.problems
    assert "Permission denied" in problem

    cluster.node.key.chmod(0o600)

    assert watch.watched.current()[1] == 2
    assert len(watch.problems) == len(watch.reloads) == 1


def test_half_a_renewal_is_no_reload(cluster: Cluster, tmp_path: Path) -> None:
    """The certificate has changed, its key has not yet."""
    watch = Watch(cluster.node)
    renewed = renew(cluster, tmp_path / "new")

    shutil.copyfile(renewed.certificate, cluster.node.certificate)
    assert watch.watched.current()[1] == 1
    shutil.copyfile(renewed.key, cluster.node.key)
    assert watch.watched.current()[1] == 2

    assert len(watch.problems) == len(watch.reloads) == 1


def test_files_of_another_node_are_no_renewal(cluster: Cluster, tmp_path: Path) -> None:
    """They fit together, but peers and clients would find somebody else here."""
    watch = Watch(cluster.node)
    before = watch.watched.current()
    other = pki.issue_node(cluster.folder, 2, out=tmp_path / "other")

    take(cluster, other)

    assert watch.watched.current() == before
    [problem] = watch.problems
    assert (
        "expected a certificate of node-1 in cluster blue, found one of node-2"
        in problem
    )
    assert "the files loaded before stay in force" in problem
    take(cluster, renew(cluster, tmp_path / "new"))
    assert watch.watched.current()[1] == 2


def test_files_of_another_cluster_are_no_renewal(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Nor with the CA of that cluster."""
    watch = Watch(cluster.node)
    before = watch.watched.current()

    take(cluster, make_cluster(tmp_path / "green", "green").node)

    assert watch.watched.current() == before
    assert "found one of node-1 in cluster green" in watch.problems[-1]


def test_a_client_may_become_another_one(cluster: Cluster) -> None:
    """Name and roles of a renewed client certificate are what it says."""
    watch = Watch(cluster.submitter)

    shutil.copyfile(cluster.auditor.key, cluster.submitter.key)
    shutil.copyfile(cluster.auditor.certificate, cluster.submitter.certificate)

    assert watch.watched.current()[1] == 2


def take(cluster: Cluster, files: TlsFiles) -> None:
    """Move the files over those of the node, all at once."""
    shutil.copyfile(files.key, cluster.node.key)
    shutil.copyfile(files.certificate, cluster.node.certificate)
    if files.ca != cluster.node.ca:
        shutil.copyfile(files.ca, cluster.node.ca)


def test_threads_that_ask_together_see_one_reload(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Handshakes ask from several threads at once."""
    watch = Watch(cluster.node)
    renewed = renew(cluster, tmp_path / "new")
    shutil.copyfile(renewed.key, cluster.node.key)
    shutil.copyfile(renewed.certificate, cluster.node.certificate)
    together = threading.Barrier(4)

    def ask() -> None:
        together.wait()
        watch.watched.current()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(watch.reloads) == 1


def test_a_ca_file_may_hold_several(cluster: Cluster, tmp_path: Path) -> None:
    """While a CA is replaced, both are trusted."""
    pki.create_ca(tmp_path / "next", "blue")
    both = tmp_path / "both.pem"
    both.write_bytes(
        (tmp_path / "next" / "ca.pem").read_bytes() + cluster.node.ca.read_bytes()
    )

    material = load(
        TlsFiles(both, cluster.node.certificate, cluster.node.key),
        now_s=pki.describe(cluster.node.certificate).not_after.timestamp(),
    )

    assert material.ca == both.read_bytes()


def test_the_moment_of_expiry(cluster: Cluster) -> None:
    """Valid in its last second, expired after it."""
    last_s = pki.describe(cluster.node.certificate).not_after.timestamp()

    assert load(cluster.node, now_s=last_s).holder.not_after_s == last_s
    with pytest.raises(
        ConfigError, match="expected a certificate valid now, found one"
    ):
        load(cluster.node, now_s=last_s + 1)
