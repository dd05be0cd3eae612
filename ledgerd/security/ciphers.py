"""Keeps TLS 1.2 out of gRPC's handshakes; must run before the first `import grpc`.

grpcio has no setting for the lowest TLS version, and its server accepts 1.2. What it
has is the list of cipher suites of TLS 1.2, read from the environment when the module
is imported. Our certificates are ECDSA, so a list that holds one RSA suite leaves a 1.2
client no suite it could share with us (`NO_SHARED_CIPHER`), while the suites of TLS 1.3
are not on that list and stay. `identity.identity_of` checks the version of each call
once more. Source: docs/decisions/0003-refused-handshakes.md.
"""

import os
import sys
from typing import Final

from ledgerd.errors import ConfigError

VARIABLE: Final = "GRPC_SSL_CIPHER_SUITES"
SUITES: Final = "ECDHE-RSA-AES256-GCM-SHA384"  # unusable with ECDSA certificates


def require_tls13() -> None:
    """Make gRPC refuse TLS 1.2 in the handshake, for the life of the process.

    Raises ConfigError when gRPC was imported before, for it would not look again.
    """
    if is_required():
        return
    if "grpc" in sys.modules:
        raise ConfigError(
            "TLS 1.3 cannot be enforced: expected to run before gRPC is imported, "
            f"found it imported already; start ledgerd by its own command, or set "
            f"{VARIABLE}={SUITES} in the environment"
        )
    os.environ[VARIABLE] = SUITES


def is_required() -> bool:
    """Return whether the environment keeps TLS 1.2 out of handshakes."""
    return os.environ.get(VARIABLE) == SUITES
