"""Who is calling: from a certificate to a node, or to a principal with roles.

A certificate names everything in URIs of its subject alternative name, all of one
cluster:

    ledgerd://<cluster_id>/node/<id>        a node
    ledgerd://<cluster_id>/client/<name>    a client, the principal
    ledgerd://<cluster_id>/role/<role>      what the client may do, one URI a role

gRPC has verified the chain by the time this module sees a certificate. This module
verifies what gRPC does not: the cluster, the kind, the roles, the TLS version, and that
the certificate is still valid at the time of the call, not only at the handshake.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography import x509

from ledgerd.errors import NotLogged, Reason
from ledgerd.limits import PRINCIPAL_BYTES_MAX

SCHEME: Final = "ledgerd://"
TLS_VERSION: Final = b"TLSv1.3"
CLUSTER_ID_LENGTH_MAX: Final = 40
NODE_ID_MAX: Final = 65_535
_CLUSTER_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_PRINCIPAL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]*[A-Za-z0-9])?")

_NODE_NAME: Final = re.compile(r"node-[0-9]+")
_LOCAL: Final = "local"


class Role(Enum):
    """What a client may do. Which call asks for which role stands in the api."""

    SUBMITTER = "submitter"  # changes payouts and accounts
    APPROVER = "approver"  # lets go or stops what others began
    DISPATCHER = "dispatcher"  # carries payouts to a rail, and tells what it said
    AUDITOR = "auditor"  # reads reports
    ADMIN = "admin"  # operates the cluster


@dataclass(frozen=True, slots=True)
class Identity:
    """Who made a call. Exactly one of `node_id` and `principal` is set.

    is_local: the connection is plaintext on loopback, which the operator allowed; such
    a caller passes for a client with every role and for every node.
    roles: those in force. roles_version: 0 where the certificate says which; else the version of
    the replicated roles that does, and certified_roles are what the certificate says.
    """

    cluster_id: str
    node_id: int | None
    principal: str | None
    roles: frozenset[Role]
    is_local: bool = False
    roles_version: int = 0
    certified_roles: frozenset[Role] = frozenset()

    def granted(self, roles: frozenset[Role], version: int) -> "Identity":
        """Return the caller with the roles that a version of the replicated ones gives it."""
        return replace(
            self,
            roles=roles,
            roles_version=version,
            certified_roles=self.roles,
        )

    @property
    def is_certified_admin(self) -> bool:
        """Whether it is an admin where the replicated roles do not name it."""
        certified = self.certified_roles if self.roles_version else self.roles
        return Role.ADMIN in certified

    @property
    def name(self) -> str:
        """What logs call the caller."""
        if self.node_id is not None:
            return f"node-{self.node_id}"
        return self.principal or "unknown"


class Certified(NamedTuple):
    """What a certificate says of its holder; from and until when, in Unix time."""

    identity: Identity
    not_before_s: float
    not_after_s: float


def local_identity(cluster_id: str) -> Identity:
    """Return the caller of every call of a plaintext listener on loopback."""
    return Identity(cluster_id, None, _LOCAL, frozenset(Role), is_local=True)


def identity_of(
    auth_context: Mapping[str, Iterable[bytes]], *, cluster_id: str, now_s: float
) -> Identity:
    """Return who is at the other end of a TLS connection.

    Args:
        auth_context: What `ServicerContext.auth_context()` returns.
        cluster_id: The cluster this node belongs to.
        now_s: The time of the call, seconds of Unix time.

    Raises NotLogged with UNAUTHENTICATED (no certificate, or one that names nobody),
    TLS_VERSION, CERTIFICATE_EXPIRED (also when it expired since the handshake) or
    WRONG_CLUSTER.
    """
    version = _first(auth_context, "ssl_tls_version")
    if version != TLS_VERSION:
        raise NotLogged(
            Reason.TLS_VERSION,
            f"expected TLSv1.3, found {_text(version) or 'no TLS'}; "
            "use a client that speaks TLS 1.3",
            {"expected": "TLSv1.3", "found": _text(version)},
        )
    pem = _first(auth_context, "x509_pem_cert")
    if pem is None:
        raise NotLogged(
            Reason.UNAUTHENTICATED,
            "expected a client certificate of this cluster, found none; "
            "configure certificate and key",
        )
    certified = _read(pem)
    if isinstance(certified, str):
        raise NotLogged(Reason.UNAUTHENTICATED, certified)
    _check_dates(certified, now_s)
    found = certified.identity.cluster_id
    if found != cluster_id:
        raise NotLogged(
            Reason.WRONG_CLUSTER,
            f"this node belongs to cluster {cluster_id}, the certificate to {found}; "
            "connect to the right cluster or use its certificate",
            {"cluster_id": cluster_id, "expected": cluster_id, "found": found},
        )
    _check_no_node(certified.identity)
    return certified.identity


def require_role(identity: Identity, allowed: Collection[Role], call: str) -> None:
    """Return if the caller is a client that has one of the `allowed` roles.

    Raises NotLogged with ROLE_MISSING, naming the roles that would do.
    """
    if identity.is_local or not identity.roles.isdisjoint(allowed):
        return
    expected = " or ".join(sorted(role.value for role in allowed))
    found = ", ".join(sorted(role.value for role in identity.roles)) or "none"
    by, mend = (
        f"the certificate of {identity.name} has",
        "for a certificate with that role",
    )
    if identity.roles_version:
        by = f"version {identity.roles_version} of the roles gives {identity.name}"
        mend = "an admin to set the roles"
    raise NotLogged(
        Reason.ROLE_MISSING,
        f"{call} expects the role {expected}, {by} {found}; ask {mend}",
        {"expected": expected, "found": found, "call": call},
    )


def require_client(identity: Identity, call: str) -> None:
    """Return if the caller is a client: a node's certificate moves no money.

    Raises NotLogged with ROLE_MISSING.
    """
    if identity.is_local or identity.node_id is None:
        return
    raise NotLogged(
        Reason.ROLE_MISSING,
        f"{call} expects a client certificate, found that of {identity.name}",
        {"expected": "client", "found": identity.name, "call": call},
    )


def require_node(identity: Identity, *, node_id: int | None = None) -> None:
    """Return if the caller is a node of the cluster, and the one it says it is (T77).

    Args:
        node_id: What the caller claims to be; None to accept every node.

    Raises NotLogged with ROLE_MISSING when a client's certificate is used between
    nodes, with UNAUTHENTICATED when a node speaks under another's id.
    """
    if identity.is_local:
        return
    if identity.node_id is None:
        raise NotLogged(
            Reason.ROLE_MISSING,
            f"expected the certificate of a node, found that of client {identity.name}",
            {"expected": "node", "found": identity.name},
        )
    if node_id is not None and identity.node_id != node_id:
        raise NotLogged(
            Reason.UNAUTHENTICATED,
            f"the peer says it is node {node_id}, its certificate says node "
            f"{identity.node_id}; give each node its own certificate",
            {"expected": str(node_id), "found": str(identity.node_id)},
        )


def refusal_label(reason: Reason) -> str | None:
    """Return the label under which a refused caller is counted, None for other reasons.

    The labels continue those of `handshakes.HandshakeFailure`.
    """
    return _LABELS.get(reason)


_LABELS: Final = {
    Reason.UNAUTHENTICATED: "unauthenticated",
    Reason.TLS_VERSION: "tls_version",
    Reason.CERTIFICATE_EXPIRED: "expired",
    Reason.WRONG_CLUSTER: "wrong_cluster",
    Reason.ROLE_MISSING: "role_missing",
}


def node_uri(cluster_id: str, node_id: int) -> str:
    """Return the name of a node in its certificate."""
    return f"{SCHEME}{cluster_id}/node/{node_id}"


def client_uri(cluster_id: str, name: str) -> str:
    """Return the name of a client in its certificate."""
    return f"{SCHEME}{cluster_id}/client/{name}"


def role_uri(cluster_id: str, role: Role) -> str:
    """Return the name of a role in a client's certificate."""
    return f"{SCHEME}{cluster_id}/role/{role.value}"


def node_dns(cluster_id: str, node_id: int | None = None) -> str:
    """Return the host name under which a node is verified, wherever it listens.

    node_id None: the name that every node of the cluster carries.
    """
    if node_id is None:
        return f"node.{cluster_id}.ledgerd"
    return f"node-{node_id}.{cluster_id}.ledgerd"


def rail_dns(cluster_id: str, name: str) -> str:
    """Return the host name under which a simulated rail is verified."""
    return f"rail-{name}.{cluster_id}.ledgerd"


def check_cluster_id(text: str) -> str:
    """Return `text` if it can name a cluster; it is a label of a DNS name.

    Raises ValueError that says expected and found.
    """
    if len(text) <= CLUSTER_ID_LENGTH_MAX and _CLUSTER_ID.fullmatch(text):
        return text
    raise ValueError(
        f"cluster id: expected 1 .. {CLUSTER_ID_LENGTH_MAX} of a-z, 0-9 and -, neither "
        f"first nor last a -, found {text!r}"
    )


def check_principal(text: str) -> str:
    """Return `text` if it can name a client.

    Raises ValueError that says expected and found.
    """
    if len(text) <= PRINCIPAL_BYTES_MAX and _PRINCIPAL.fullmatch(text):
        return text
    raise ValueError(
        f"client name: expected 1 .. {PRINCIPAL_BYTES_MAX} of letters, digits and "
        f"._@-, first and last a letter or digit, found {text!r}"
    )


def check_client_name(text: str) -> str:
    """Return `text` if a new client may have it as its name.

    Not what a node is called: it is the worker of the payouts that the node dispatches itself. Nor
    what every caller without a certificate is called, on the loopback of an insecure node.

    Raises ValueError that says expected and found.
    """
    if _NODE_NAME.fullmatch(check_principal(text)) is None and text != _LOCAL:
        return text
    raise ValueError(
        f"client name: expected another one than those of nodes, node-ID, and than {_LOCAL}, "
        f"found {text!r}"
    )


def check_node_id(node_id: int) -> int:
    """Return `node_id` if it can name a node.

    Raises ValueError that says expected and found.
    """
    if 1 <= node_id <= NODE_ID_MAX:
        return node_id
    raise ValueError(f"node id: expected 1 .. {NODE_ID_MAX}, found {node_id}")


def certified(certificate: x509.Certificate) -> Certified:
    """Return what a certificate says of its holder.

    A role that this version does not know grants nothing and refuses nothing, so that a
    newer release may issue it before every node is upgraded.

    Raises ValueError when it names nobody, more than one, or more than one cluster.
    """
    cluster_ids: set[str] = set()
    nodes: list[int] = []
    principals: list[str] = []
    roles: set[Role] = set()
    for uri in _uris(certificate):
        if not uri.startswith(SCHEME):
            continue
        cluster_id, kind, value = _split_uri(uri)
        cluster_ids.add(check_cluster_id(cluster_id))
        if kind == "node" and value.isascii() and value.isdecimal():
            nodes.append(check_node_id(int(value)))
        elif kind == "client":
            principals.append(check_principal(value))
        elif kind == "role":
            roles.update(role for role in Role if role.value == value)
        else:
            raise ValueError(
                f"expected node, client or role in {SCHEME}, found {uri!r}"
            )
    if len(cluster_ids) != 1 or len(nodes) + len(principals) != 1:
        raise ValueError(
            f"expected one name {SCHEME}CLUSTER/node/ID or {SCHEME}CLUSTER/client/NAME "
            f"in the certificate, found {len(nodes) + len(principals)} names of "
            f"{len(cluster_ids)} clusters; issue it with `ledgerd pki issue`"
        )
    if nodes and roles:
        raise ValueError("expected no role in a node's certificate, found one")
    identity = Identity(
        cluster_ids.pop(),
        nodes[0] if nodes else None,
        principals[0] if principals else None,
        frozenset(roles),
    )
    return Certified(
        identity,
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
    )


@lru_cache(maxsize=4_096)  # by certificate: a few hundred clients make all the calls
def _read(pem: bytes) -> Certified | str:
    try:
        return certified(x509.load_pem_x509_certificate(pem))
    except ValueError as error:
        return f"the certificate cannot be used: {error}"


def _check_no_node(identity: Identity) -> None:
    """Return unless it is a client that would pass for a node in leases and audit."""
    name = identity.principal
    if name is None or _NODE_NAME.fullmatch(name) is None:
        return
    raise NotLogged(
        Reason.UNAUTHENTICATED,
        f"expected the certificate of a client with a name of its own, found {name}, which is "
        "what a node is called; issue a new one under another name",
        {"expected": "another name", "found": name},
    )


def _check_dates(certified: Certified, now_s: float) -> None:
    if certified.not_before_s <= now_s <= certified.not_after_s:
        return
    name = certified.identity.name
    if now_s > certified.not_after_s:
        found = f"expired {round(now_s - certified.not_after_s)} s ago"
    else:
        found = f"valid only in {round(certified.not_before_s - now_s)} s"
    raise NotLogged(
        Reason.CERTIFICATE_EXPIRED,
        f"the certificate of {name} is {found} by the clock of this node; issue a new "
        "one, the files are read again without a restart",
        {"found": found},
    )


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)


def _split_uri(uri: str) -> tuple[str, str, str]:
    parts = uri.removeprefix(SCHEME).split("/")
    if len(parts) != 3:
        raise ValueError(f"expected {SCHEME}CLUSTER/KIND/NAME, found {uri!r}")
    return parts[0], parts[1], parts[2]


def _first(auth_context: Mapping[str, Iterable[bytes]], key: str) -> bytes | None:
    return next(iter(auth_context.get(key, ())), None)


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("ascii", "replace")
