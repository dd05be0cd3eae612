"""From the certificate of a connection to a name and its roles."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerd.errors import CallError, Kind, Outcome, Reason
from ledgerd.security import pki
from ledgerd.security.identity import (
    Identity,
    Role,
    check_cluster_id,
    check_principal,
    client_uri,
    identity_of,
    local_identity,
    node_dns,
    node_uri,
    refusal_label,
    require_client,
    require_node,
    require_role,
    role_uri,
)
from tests.security.authority import issue
from tests.security.conftest import CLUSTER, Cluster

NODE_2 = Identity(CLUSTER, 2, None, frozenset())
SAM = Identity(CLUSTER, None, "sam", frozenset({Role.SUBMITTER}))


def context(certificate: Path, version: str = "TLSv1.3") -> dict[str, list[bytes]]:
    """Return what gRPC says of a connection with this certificate."""
    return {
        "ssl_tls_version": [version.encode()],
        "x509_pem_cert": [certificate.read_bytes()],
    }


def refused(
    auth_context: dict[str, list[bytes]],
    *,
    after_s: float = 0.0,
    cluster_id: str = CLUSTER,
) -> CallError:
    with pytest.raises(CallError) as raised:
        identity_of(auth_context, cluster_id=cluster_id, now_s=time.time() + after_s)
    assert raised.value.outcome is Outcome.NOT_LOGGED
    return raised.value


class TestIdentityOf:
    def test_a_client(self, cluster: Cluster) -> None:
        """Name and roles are those of the certificate."""
        identity = identity_of(
            context(cluster.submitter.certificate),
            cluster_id=CLUSTER,
            now_s=time.time(),
        )

        assert identity == SAM
        assert identity.name == "sam"

    def test_a_node(self, cluster: Cluster) -> None:
        """A node has a number, no principal and no roles."""
        identity = identity_of(
            context(cluster.node.certificate), cluster_id=CLUSTER, now_s=time.time()
        )

        assert identity == Identity(CLUSTER, 1, None, frozenset())
        assert identity.name == "node-1"

    def test_no_tls(self) -> None:
        """A plaintext connection has no identity by itself."""
        error = refused({})

        assert error.reason is Reason.TLS_VERSION
        assert "expected TLSv1.3, found no TLS" in error.message

    def test_an_older_tls(self, cluster: Cluster) -> None:
        """The second line of defence, should a handshake with 1.2 ever succeed."""
        error = refused(context(cluster.submitter.certificate, "TLSv1.2"))

        assert error.reason is Reason.TLS_VERSION
        assert error.metadata["found"] == "TLSv1.2"

    def test_no_certificate(self) -> None:
        """Says what to configure."""
        error = refused({"ssl_tls_version": [b"TLSv1.3"]})

        assert error.reason is Reason.UNAUTHENTICATED
        assert "configure certificate and key" in error.message

    def test_expired_since_the_handshake(self, cluster: Cluster) -> None:
        """A connection outlives its certificate; a call does not."""
        shown = context(cluster.submitter.certificate)

        error = refused(shown, after_s=900 * 86_400)

        assert error.reason is Reason.CERTIFICATE_EXPIRED
        assert error.kind is Kind.UNAUTHENTICATED
        assert "expired" in error.message

    def test_not_yet_valid(self, cluster: Cluster) -> None:
        """A clock far behind is named as what it looks like."""
        error = refused(context(cluster.submitter.certificate), after_s=-86_400)

        assert error.reason is Reason.CERTIFICATE_EXPIRED
        assert "valid only in" in error.message

    def test_another_cluster(self, cluster: Cluster) -> None:
        """Both ids are in the answer."""
        error = refused(context(cluster.submitter.certificate), cluster_id="green")

        assert error.reason is Reason.WRONG_CLUSTER
        assert error.kind is Kind.PRECONDITION
        assert (error.metadata["expected"], error.metadata["found"]) == (
            "green",
            "blue",
        )

    @pytest.mark.parametrize(
        "uris",
        [
            [],
            ["https://example.com/"],
            [role_uri(CLUSTER, Role.ADMIN)],
            [client_uri(CLUSTER, "a"), client_uri(CLUSTER, "b")],
            [client_uri(CLUSTER, "a"), node_uri(CLUSTER, 1)],
            [client_uri(CLUSTER, "a"), client_uri("green", "a")],
            [client_uri(CLUSTER, "a"), role_uri("green", Role.ADMIN)],
            [node_uri(CLUSTER, 1), role_uri(CLUSTER, Role.ADMIN)],
            [node_uri(CLUSTER, 0)],
            [node_uri(CLUSTER, 65_536)],
            [f"ledgerd://{CLUSTER}/node/one"],
            [f"ledgerd://{CLUSTER}/node/1/2"],
            [f"ledgerd://{CLUSTER}/king/a"],
            [f"ledgerd://{CLUSTER}/client/"],
            ["ledgerd:///client/a"],
            [f"ledgerd://{CLUSTER.upper()}/client/a"],
        ],
    )
    def test_certificates_that_name_nobody(
        self, cluster: Cluster, tmp_path: Path, uris: list[str]
    ) -> None:
        """One name in one cluster, or the certificate is of no use."""
        files = issue(cluster.folder, tmp_path / "odd", uris)

        assert refused(context(files.certificate)).reason is Reason.UNAUTHENTICATED

    @pytest.mark.parametrize("name", ["node-1", "node-0", "node-65536", "node-001"])
    def test_a_client_that_is_called_like_a_node(
        self, cluster: Cluster, tmp_path: Path, name: str
    ) -> None:
        """Leases and audit would not tell it from the worker of that node."""
        uris = [client_uri(CLUSTER, name), role_uri(CLUSTER, Role.DISPATCHER)]
        files = issue(cluster.folder, tmp_path / "odd", uris)

        error = refused(context(files.certificate))

        assert error.reason is Reason.UNAUTHENTICATED
        assert f"found {name}, which is what a node is called" in error.message

    @pytest.mark.parametrize("name", ["node", "node-one", "node-1a", "my-node-1"])
    def test_clients_that_are_called_like_no_node(
        self, cluster: Cluster, tmp_path: Path, name: str
    ) -> None:
        """Only the exact form is taken."""
        files = pki.issue_client(cluster.folder, name, [], out=tmp_path)

        identity = identity_of(
            context(files.certificate), cluster_id=CLUSTER, now_s=time.time()
        )

        assert identity.name == name

    def test_an_unknown_role_grants_nothing(
        self, cluster: Cluster, tmp_path: Path
    ) -> None:
        """A newer release may issue roles that an older node does not know."""
        uris = [client_uri(CLUSTER, "a"), f"ledgerd://{CLUSTER}/role/treasurer"]
        files = issue(cluster.folder, tmp_path / "odd", uris, ends=timedelta(days=1))

        identity = identity_of(
            context(files.certificate), cluster_id=CLUSTER, now_s=time.time()
        )

        assert identity.roles == frozenset()

    def test_bytes_that_are_no_certificate(self) -> None:
        """TLS verified it, so this is a defect somewhere; it lets nobody in."""
        shown = {"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [b"x"]}

        assert refused(shown).reason is Reason.UNAUTHENTICATED


class TestRequirements:
    def test_one_of_several_roles_is_enough(self) -> None:
        """Reports are for auditors and admins."""
        ann = Identity(CLUSTER, None, "ann", frozenset({Role.AUDITOR}))

        require_role(ann, {Role.AUDITOR, Role.ADMIN}, "Reports.TrialBalance")

    def test_a_missing_role_names_what_would_do(self) -> None:
        """The caller can go and ask for it."""
        with pytest.raises(
            CallError, match="expects the role admin or auditor"
        ) as raised:
            require_role(SAM, {Role.ADMIN, Role.AUDITOR}, "Reports.TrialBalance")

        assert raised.value.reason is Reason.ROLE_MISSING
        assert raised.value.metadata["found"] == "submitter"

    def test_a_node_moves_no_money(self) -> None:
        """The certificate of a node has no role and is no client."""
        with pytest.raises(CallError, match="found that of node-2"):
            require_client(NODE_2, "Payouts.Submit")
        with pytest.raises(CallError, match="has none"):
            require_role(NODE_2, {Role.SUBMITTER}, "Payouts.Submit")
        require_client(SAM, "Payouts.Submit")

    def test_a_client_is_no_peer(self) -> None:
        """Consensus is for nodes."""
        with pytest.raises(CallError, match="found that of client sam"):
            require_node(SAM)

    def test_a_peer_is_who_it_says(self) -> None:
        """A node may not speak under another's id. T77."""
        require_node(NODE_2, node_id=2)
        require_node(NODE_2)

        with pytest.raises(
            CallError, match="says it is node 3, its certificate says node 2"
        ):
            require_node(NODE_2, node_id=3)

    def test_the_local_caller_passes(self) -> None:
        """Plaintext on loopback is for development: every role, every node."""
        local = local_identity(CLUSTER)

        require_role(local, {Role.ADMIN}, "Admin.SetFees")
        require_client(local, "Payouts.Submit")
        require_node(local, node_id=3)
        assert local.name == "local"

    def test_refusals_have_labels_and_other_reasons_have_none(self) -> None:
        """The counter of refusals counts certificates, not full queues."""
        assert refusal_label(Reason.ROLE_MISSING) == "role_missing"
        assert refusal_label(Reason.OVERLOADED) is None


class TestNames:
    def test_host_names(self) -> None:
        """What a node is verified by."""
        assert node_dns("blue", 2) == "node-2.blue.ledgerd"
        assert node_dns("blue") == "node.blue.ledgerd"

    @pytest.mark.parametrize("text", ["a", "0", "blue-2", "a" * 40])
    def test_cluster_ids(self, text: str) -> None:
        """Labels of DNS names."""
        assert check_cluster_id(text) == text

    @pytest.mark.parametrize(
        "text", ["", "-a", "a-", "A", "a.b", "a/b", "a" * 41, "é", "a\n"]
    )
    def test_texts_that_are_no_cluster_id(self, text: str) -> None:
        """Says what was expected and found."""
        with pytest.raises(ValueError, match=r"expected 1 .. 40"):
            check_cluster_id(text)

    @pytest.mark.parametrize(
        "text", ["", "a/b", "a b", ".a", "a.", "a" * 129, "a\n", "ä"]
    )
    def test_texts_that_are_no_principal(self, text: str) -> None:
        """A principal is part of a URI and of log lines."""
        with pytest.raises(ValueError, match="client name: expected"):
            check_principal(text)

    @given(st.text())
    def test_a_principal_never_breaks_a_uri(self, text: str) -> None:
        """What passes has no separator, space or control character in it."""
        try:
            check_principal(text)
        except ValueError:
            return
        assert text.isascii()
        assert text.isprintable()
        assert not set(text) & set("/ ?#")
