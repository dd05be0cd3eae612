"""A profile says what is wrong with it."""

from pathlib import Path

import pytest

from ledgerd.client import ConfigError, Endpoint, Profile
from ledgerd.files import CONFIG_BYTES_MAX

WHOLE = """
[cluster]
id = "c"
endpoints = [{ node_id = 1, address = "127.0.0.1:7101" }]
[tls]
ca = "pki/ca.pem"
certificate = "pki/client.pem"
key = "pki/client.key"
[client]
deadline_ms = 250
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "client.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A profile may be moved with its certificates."""
    profile = Profile.load(written(tmp_path, WHOLE))

    assert profile == Profile(
        "c",
        (Endpoint(1, "127.0.0.1:7101"),),
        ca=tmp_path / "pki/ca.pem",
        certificate=tmp_path / "pki/client.pem",
        key=tmp_path / "pki/client.key",
        deadline_ms=250,
    )
    assert profile.is_secure


def test_written_profile_reads_back_equal(tmp_path: Path) -> None:
    """`to_toml` and `load` are inverse."""
    profile = Profile.load(written(tmp_path, WHOLE))

    assert Profile.load(written(tmp_path, profile.to_toml())) == profile


def test_without_tls_it_is_plaintext(tmp_path: Path) -> None:
    """No [tls] means a node started with --insecure; five seconds are the default."""
    text = WHOLE[: WHOLE.index("[tls]")]

    profile = Profile.load(written(tmp_path, text))

    assert not profile.is_secure
    assert profile.deadline_ms == 5_000


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[client]", "[clients]", 'unknown section "clients"; the nearest valid one'),
        ("deadline_ms", "deadline", 'the nearest valid one is "deadline_ms"'),
        ("deadline_ms = 250", "deadline_ms = 0", "expected deadline_ms >= 1"),
        ("deadline_ms = 250", "deadline_ms = true", "expected a number as deadline_ms"),
        ('id = "c"', "", "expected text as id in [cluster], found None"),
        ("127.0.0.1:7101", "127.0.0.1", "expected host:port"),
        ("127.0.0.1:7101", "127.0.0.1:99999", "expected host:port"),
        ("127.0.0.1:7101", "127.0.0.1:0", "expected host:port, port 1 .. 65535"),
        ("node_id = 1", 'node_id = "1"', "expected a number as node_id"),
        ("node_id = 1", "node = 1", 'the nearest valid one is "node_id"'),
        ("endpoints = [", "endpoints = [ 3,", "expected { node_id = 1"),
        ('key = "pki/client.key"', "", "expected text as key in [tls]"),
        ("[cluster]", "[cluster", "is not TOML"),
        ("[cluster]", "a = " + "[" * 100_000, "is not TOML: it is nested too deep"),
        ("pki/client.key", "\\u0000", "expected text as key in [tls], found '\\x00'"),
    ],
)
def test_mistake_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    """Every mistake is named with its file, and the nearest valid option with it."""
    path = written(tmp_path, WHOLE.replace(old, new))

    with pytest.raises(ConfigError) as caught:
        Profile.load(path)

    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """UTF-8 may begin with one; UTF-16 is named."""
    path = tmp_path / "client.toml"
    path.write_text(WHOLE, encoding="utf-8-sig")

    assert Profile.load(path).deadline_ms == 250

    path.write_text(WHOLE, encoding="utf-16")
    with pytest.raises(ConfigError, match=r"found UTF-16 .*; save the file as UTF-8"):
        Profile.load(path)


def test_missing_file_says_who_writes_one(tmp_path: Path) -> None:
    """The error of a missing profile leads to `ledgerd dev`."""
    with pytest.raises(ConfigError, match="ledgerd dev"):
        Profile.load(tmp_path / "client.toml")


def test_file_too_large_to_be_a_profile(tmp_path: Path) -> None:
    """A device such as /dev/zero has no end, and would fill the memory."""
    path = tmp_path / "client.toml"
    path.write_text("#" * (CONFIG_BYTES_MAX + 1))

    with pytest.raises(ConfigError) as caught:
        Profile.load(path)

    assert str(caught.value) == (
        f"expected a client profile at {path}, found: more than 1048576 bytes; "
        "`ledgerd dev` writes one as client.toml"
    )


def test_same_node_twice_is_refused() -> None:
    """Two addresses for one node would make the leader's hint ambiguous."""
    with pytest.raises(ConfigError, match="each node_id once"):
        Profile("c", (Endpoint(1, "a:1"), Endpoint(1, "b:1")))
