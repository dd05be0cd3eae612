"""Certificates of a cluster: made once, read back, never overwritten."""

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledgerd.errors import ConfigError
from ledgerd.security import pki
from ledgerd.security.identity import Role
from tests.security.conftest import CLUSTER, ROOT, Cluster


def test_what_is_issued_is_what_is_read(cluster: Cluster) -> None:
    """A node has its names, a client its roles, both the cluster."""
    node = pki.describe(cluster.node.certificate)
    client = pki.describe(cluster.submitter.certificate)
    ca = pki.describe(cluster.folder / "ca.pem")

    assert (node.kind, node.cluster_id, node.node_id) == ("node", CLUSTER, 1)
    assert node.hosts == (
        "node-1.blue.ledgerd",
        "node.blue.ledgerd",
        "localhost",
        "127.0.0.1",
    )
    assert (client.kind, client.principal, client.roles) == (
        "client",
        "sam",
        ("submitter",),
    )
    assert client.hosts == ()
    assert (ca.kind, ca.cluster_id) == ("ca", CLUSTER)
    assert node.issuer == ca.subject


def test_further_hosts(cluster: Cluster) -> None:
    """Names and addresses beside those every node has, each once."""
    files = pki.issue_node(
        cluster.folder, 2, hosts=["n2.example.com", "10.0.0.2", "::1", "localhost"]
    )

    hosts = pki.describe(files.certificate).hosts

    assert hosts[2:] == ("localhost", "n2.example.com", "127.0.0.1", "10.0.0.2", "::1")


def test_keys_are_private_and_leave_no_temporary_file(cluster: Cluster) -> None:
    """0600 for keys, in a folder that holds nothing else."""
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in cluster.folder.iterdir()
    }

    assert modes == {
        f"{stem}.{suffix}": 0o600 if suffix == "key" else 0o644
        for stem in ("ca", "node-1", "client-sam", "client-ann")
        for suffix in ("key", "pem")
    }


def test_a_key_is_private_whatever_the_umask_permits(tmp_path: Path) -> None:
    """The mode is set when the file is made, not afterwards."""
    script = (
        "import os, sys; from pathlib import Path; os.umask(0);"
        "from ledgerd.security.pki import create_ca; create_ca(Path(sys.argv[1]), 'blue')"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "ca")], cwd=ROOT, check=True
    )

    assert stat.S_IMODE((tmp_path / "ca" / "ca.key").stat().st_mode) == 0o600


def test_uses(cluster: Cluster) -> None:
    """A client's certificate is not accepted as a server's; a node's is both."""
    uses = {
        name: set(
            x509.load_pem_x509_certificate(path.read_bytes())
            .extensions.get_extension_for_class(x509.ExtendedKeyUsage)
            .value
        )
        for name, path in (
            ("node", cluster.node.certificate),
            ("client", cluster.submitter.certificate),
        )
    }

    assert uses["client"] == {ExtendedKeyUsageOID.CLIENT_AUTH}
    assert uses["node"] == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }


def test_nothing_is_overwritten(cluster: Cluster) -> None:
    """A second CA, node or client of the same name is refused and changes nothing."""
    before = {path: path.read_bytes() for path in cluster.folder.iterdir()}

    with pytest.raises(
        ConfigError, match=r"ca\.pem exists already and is not overwritten"
    ):
        pki.create_ca(cluster.folder, "green")
    with pytest.raises(ConfigError, match=r"node-1\.pem exists already"):
        pki.issue_node(cluster.folder, 1)
    with pytest.raises(ConfigError, match=r"client-sam\.pem exists already"):
        pki.issue_client(cluster.folder, "sam", [Role.ADMIN])

    assert {path: path.read_bytes() for path in cluster.folder.iterdir()} == before


def test_out_holds_what_a_machine_needs_and_not_the_key_of_the_ca(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Three files; a second issue into the same folder finds its CA there."""
    out = tmp_path / "machine"

    pki.issue_node(cluster.folder, 2, out=out)
    pki.issue_client(cluster.folder, "ops", [Role.ADMIN], out=out)

    assert {path.name for path in out.iterdir()} == {
        "ca.pem", "node-2.pem", "node-2.key", "client-ops.pem", "client-ops.key",
    }  # fmt: skip


def test_out_with_the_ca_of_another_cluster_is_refused(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Files that cannot work together do not come to lie side by side."""
    pki.create_ca(tmp_path / "green", "green")

    with pytest.raises(
        ConfigError, match="expected the CA of cluster blue, found another"
    ):
        pki.issue_node(cluster.folder, 2, out=tmp_path / "green")

    assert not (tmp_path / "green" / "node-2.key").exists()


def test_validity(tmp_path: Path) -> None:
    """As long as asked for, and never longer than the CA."""
    pki.create_ca(tmp_path, CLUSTER, days=10)
    short = pki.describe(pki.issue_node(tmp_path, 1, days=3).certificate)
    long = pki.describe(pki.issue_node(tmp_path, 2, days=800).certificate)
    ca = pki.describe(tmp_path / "ca.pem")

    now = datetime.now(UTC)
    assert timedelta(days=2) < short.not_after - now < timedelta(days=3)
    assert long.not_after <= ca.not_after
    assert short.not_before < now


@pytest.mark.parametrize("days", [0, -1, 36_501])
def test_a_validity_out_of_range(tmp_path: Path, days: int) -> None:
    """Named with what was expected and found; nothing is written."""
    with pytest.raises(ConfigError, match=rf"expected 1 .. 36500 days, found {days}"):
        pki.create_ca(tmp_path / "ca", CLUSTER, days=days)

    assert not (tmp_path / "ca").exists()


def test_names_that_cannot_be(cluster: Cluster) -> None:
    """Refused before a file is made."""
    with pytest.raises(ConfigError, match="cluster id: expected"):
        pki.create_ca(cluster.folder / "x", "Not A Cluster")
    with pytest.raises(ConfigError, match=r"node id: expected 1 .. 65535, found 0"):
        pki.issue_node(cluster.folder, 0)
    with pytest.raises(ConfigError, match="client name: expected"):
        pki.issue_client(cluster.folder, "../../etc/x", [])
    with pytest.raises(ConfigError, match="another one than those of nodes"):
        pki.issue_client(cluster.folder, "node-1", [])
    with pytest.raises(ConfigError, match="and than local, found 'local'"):
        pki.issue_client(cluster.folder, "local", [])

    assert not (cluster.folder / "node-2.key").exists()
    assert not (cluster.folder / "client-node-1.key").exists()


@pytest.mark.parametrize(
    "host",
    [
        "bücher.example", "a b", "a.example:7443", "https://a.example", "10.0.0.2:7443", "",
        "a..example", "-a.example", "a." * 126 + "example", "a" * 64,
    ],
)  # fmt: skip
def test_hosts_that_nobody_could_look_for(cluster: Cluster, host: str) -> None:
    """A name with its port, for one, would stand in the certificate and never be matched."""
    with pytest.raises(ConfigError, match="host: expected a DNS name or an IP address"):
        pki.issue_node(cluster.folder, 2, hosts=[host])

    assert not (cluster.folder / "node-2.key").exists()


def test_hosts_by_name_and_address(cluster: Cluster) -> None:
    """Each kind that a verifier may look for."""
    hosts = ["node2.example.net", "*.example.net", "node_2", "10.0.0.2", "2001:db8::2"]

    files = pki.issue_node(cluster.folder, 2, hosts=hosts)

    assert set(hosts) <= set(pki.describe(files.certificate).hosts)


def test_issuing_needs_the_ca_and_its_key(cluster: Cluster, tmp_path: Path) -> None:
    """Each missing or foreign part is named."""
    with pytest.raises(ConfigError, match=r"ca\.pem: expected a readable PEM file"):
        pki.issue_node(tmp_path, 2)
    (cluster.folder / "ca.key").write_bytes(
        (cluster.folder / "node-1.key").read_bytes()
    )
    with pytest.raises(
        ConfigError, match=r"expected the key of ca\.pem, found another"
    ):
        pki.issue_node(cluster.folder, 2)
    (cluster.folder / "ca.key").unlink()
    (cluster.folder / "ca.key").symlink_to("/dev/null")
    with pytest.raises(
        ConfigError, match=r"key of the CA, found: a pipe or a device, which is no file"
    ):
        pki.issue_node(cluster.folder, 2)
    (cluster.folder / "ca.key").unlink()
    with pytest.raises(
        ConfigError, match=r"ca\.key: expected the private key of the CA"
    ):
        pki.issue_node(cluster.folder, 2)


def test_a_leaf_is_no_ca(cluster: Cluster, tmp_path: Path) -> None:
    """A node cannot issue certificates."""
    for suffix in ("pem", "key"):
        source = cluster.folder / f"node-1.{suffix}"
        (tmp_path / f"ca.{suffix}").write_bytes(source.read_bytes())

    with pytest.raises(ConfigError, match="expected the CA certificate of a cluster"):
        pki.issue_node(tmp_path, 2)


def test_a_file_without_a_certificate(tmp_path: Path) -> None:
    """`describe` says so."""
    path = tmp_path / "x.pem"
    path.write_text("hello")

    with pytest.raises(ConfigError, match="expected certificates in PEM, found none"):
        pki.describe(path)
