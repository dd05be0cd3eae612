"""The profile: where a cluster is, how to prove who we are, and how long to wait.

A profile is a small TOML file, `client.toml`; `ledgerd dev` writes one. Paths in it are
relative to the file. It holds no secret itself, only the path of the private key.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ledgerd import files
from ledgerd.errors import ConfigError, not_utf8
from ledgerd.security.tls import split_address

DEADLINE_MS_DEFAULT: Final = 5_000

_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "cluster": frozenset({"id", "endpoints"}),
    "tls": frozenset({"ca", "certificate", "key"}),
    "client": frozenset({"deadline_ms"}),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One node's public address."""

    node_id: int
    address: str  # host:port


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything a client needs to know before its first call.

    `ca`, `certificate` and `key` are all set, or all None; None means plaintext, which
    only a node started with --insecure on loopback accepts.
    """

    cluster_id: str
    endpoints: tuple[Endpoint, ...]
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    deadline_ms: int = DEADLINE_MS_DEFAULT

    def __post_init__(self) -> None:
        tls = (self.ca, self.certificate, self.key)
        if any(tls) and not all(tls):
            raise ConfigError(
                "expected ca, certificate and key together or none of them in [tls]; "
                "name all three files"
            )
        if not self.endpoints:
            raise ConfigError("expected at least one endpoint in [cluster], found none")
        if len({endpoint.node_id for endpoint in self.endpoints}) < len(self.endpoints):
            raise ConfigError("expected each node_id once in [cluster] endpoints")
        if self.deadline_ms < 1:
            raise ConfigError(f"expected deadline_ms >= 1, found {self.deadline_ms}")

    @property
    def is_secure(self) -> bool:
        """Whether calls travel over mutual TLS."""
        return self.ca is not None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the profile in the TOML file at `path`.

        Errors: ConfigError, when the file cannot be read or parsed, an option is
        unknown (the nearest valid one is named), missing, or of the wrong type.
        """
        path = Path(path)
        try:
            document = tomllib.loads(files.read_text(path, files.CONFIG_BYTES_MAX))
        except OSError as error:
            raise ConfigError(
                f"expected a client profile at {path}, found: {error.strerror}; "
                "`ledgerd dev` writes one as client.toml"
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{path}: expected TOML in UTF-8, {not_utf8(error)}"
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path} is not TOML: {error}") from error
        except RecursionError as error:
            raise ConfigError(f"{path} is not TOML: it is nested too deep") from error
        try:
            return cls._from_document(document, path.absolute().parent)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    @classmethod
    def _from_document(cls, document: Mapping[str, object], base: Path) -> Self:
        _known("section", document, frozenset(_KEYS))
        sections = {name: _section(document, name) for name in _KEYS}
        cluster, tls = sections["cluster"], sections["tls"]
        listed = cluster.get("endpoints")
        if not isinstance(listed, list):
            raise ConfigError(
                "expected [cluster] endpoints = "
                '[{ node_id = 1, address = "host:port" }, ...]'
            )
        return cls(
            cluster_id=_text(cluster, "cluster", "id"),
            endpoints=tuple(_endpoint(item) for item in listed),
            ca=base / _text(tls, "tls", "ca") if tls else None,
            certificate=base / _text(tls, "tls", "certificate") if tls else None,
            key=base / _text(tls, "tls", "key") if tls else None,
            deadline_ms=_number(
                sections["client"], "client", "deadline_ms", DEADLINE_MS_DEFAULT
            ),
        )

    def to_toml(self) -> str:
        """Return the text of a profile file; `load` reads back an equal profile."""
        lines = [
            "# How to reach this cluster; read by ledgerctl and by ledgerd.client.",
            "[cluster]",
            f"id = {_quoted(self.cluster_id)}",
            "endpoints = [",
            *(
                f"  {{ node_id = {endpoint.node_id}, "
                f"address = {_quoted(endpoint.address)} }},"
                for endpoint in self.endpoints
            ),
            "]",
        ]
        if self.is_secure:
            lines += [
                "",
                "[tls] # paths are relative to this file",
                f"ca = {_quoted(str(self.ca))}",
                f"certificate = {_quoted(str(self.certificate))}",
                f"key = {_quoted(str(self.key))}",
            ]
        lines += [
            "",
            "[client]",
            f"deadline_ms = {self.deadline_ms} # milliseconds; all retries of a call",
        ]
        return "\n".join(lines) + "\n"


def _known(what: str, found: Mapping[str, object], valid: frozenset[str]) -> None:
    """Refuse a name that means nothing here, and say which one was probably meant."""
    for name in found:
        if name not in valid:
            near = difflib.get_close_matches(name, sorted(valid), 1, 0.0)
            hint = f'; the nearest valid one is "{near[0]}"' if near else ""
            raise ConfigError(f'unknown {what} "{name}"{hint}')


def _section(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = document.get(name, {})
    if not isinstance(section, dict):
        raise ConfigError(f"expected a table [{name}], found {section!r}")
    _known(f"option in [{name}]", section, _KEYS[name])
    return section


def _text(section: Mapping[str, object], name: str, key: str) -> str:
    value = section.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        raise ConfigError(f"expected text as {key} in [{name}], found {value!r}")
    return value


def _number(
    section: Mapping[str, object], name: str, key: str, default: int | None = None
) -> int:
    value = section.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(f"expected a number as {key} in [{name}], found {value!r}")
    return value


def _endpoint(item: object) -> Endpoint:
    if not isinstance(item, dict):
        raise ConfigError(
            f'expected {{ node_id = 1, address = "host:port" }}, found {item!r}'
        )
    _known("option in endpoints", item, frozenset({"node_id", "address"}))
    address = _text(item, "cluster.endpoints", "address")
    try:
        split_address(address, port_min=1)
    except ValueError as error:
        raise ConfigError(f"[cluster] endpoints: {error}") from error
    return Endpoint(_number(item, "cluster.endpoints", "node_id"), address)


def _quoted(text: str) -> str:
    """Return a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
