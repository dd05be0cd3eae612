"""The configuration of a node: what loads, what is refused, and with which words."""

import re
import tomllib
from pathlib import Path

import pytest

from ledgerd.config import pages
from ledgerd.config.node_config import changes, load
from ledgerd.config.sections import Member
from ledgerd.errors import ConfigError
from ledgerd.files import CONFIG_BYTES_MAX
from ledgerd.security import pki
from ledgerd.security.tls import PLAINTEXT
from ledgerd.security.tlsfiles import TlsFiles

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = """
[[cluster.members]]
id = 1
peer_address = "127.0.0.1:7201"
api_address = "127.0.0.1:7101"
[[cluster.members]]
id = 2
peer_address = "127.0.0.1:7202"
api_address = "127.0.0.1:7102"
"""
PLAIN = f"""
[node]
id = 1
data_dir = "data"
[cluster]
id = "blue"
{MEMBERS}
[security]
insecure = true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "node.toml"


def problem(file: Path, text: str) -> str:
    """Return what `load` says of a file with this content."""
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(file)
    message = str(raised.value)
    assert message.startswith(f"{file}: ")
    return message.removeprefix(f"{file}: ")


class TestLoad:
    def test_the_least_that_loads(self, file: Path) -> None:
        """Everything else has its default; the listeners are the member's addresses."""
        file.write_text(PLAIN)

        loaded = load(file)

        assert loaded.node.id == 1
        assert loaded.node.data_dir == file.parent / "data"
        assert loaded.cluster.members[1] == Member(
            2, "127.0.0.1:7202", "127.0.0.1:7102"
        )
        assert loaded.listen.api == "127.0.0.1:7101"
        assert loaded.listen.peer == "127.0.0.1:7201"
        assert loaded.listen.metrics == "127.0.0.1:9464"
        assert loaded.tls is PLAINTEXT
        assert (loaded.raft.tick_ms, loaded.raft.heartbeat_ticks) == (10, 3)
        assert loaded.raft.election_base_ticks == 15

    def test_options_that_are_set(self, file: Path) -> None:
        """Each kind: number, text, path."""
        file.write_text(
            PLAIN.replace('"data"', '"/var/lib/ledgerd"')
            + '[listen]\nmetrics = ""\napi = "127.0.0.1:0"\npeer = "127.0.0.1:7209"\n'
            + '[raft]\ntick_ms = 1\n[log]\nlevel = "debug"\n'
        )

        loaded = load(file)

        assert loaded.node.data_dir == Path("/var/lib/ledgerd")
        assert (loaded.listen.metrics, loaded.listen.api) == ("", "127.0.0.1:0")
        assert (loaded.raft.tick_ms, loaded.log.level) == (1, "debug")

    def test_the_flag_of_the_command_line(self, file: Path) -> None:
        """`--insecure` is the option of the same name."""
        file.write_text(PLAIN.replace("insecure = true", ""))

        loaded = load(file, insecure=True)

        assert loaded.tls is PLAINTEXT
        assert loaded.security.insecure


class TestCertificates:
    @pytest.fixture
    def secure(self, file: Path) -> str:
        pki.create_ca(file.parent / "tls", "blue")
        pki.issue_node(file.parent / "tls", 1)
        pki.issue_signer(file.parent / "tls", 1)
        return PLAIN.replace(
            "insecure = true",
            'ca = "tls/ca.pem"\ncertificate = "tls/node-1.pem"\nkey = "tls/node-1.key"',
        )

    def test_files_are_found_beside_the_configuration(
        self, file: Path, secure: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Whatever the working directory is."""
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        file.write_text(secure)

        folder = file.parent / "tls"
        assert load(file).tls == TlsFiles(
            folder / "ca.pem", folder / "node-1.pem", folder / "node-1.key"
        )

    def test_a_key_for_tree_heads(self, file: Path, secure: str) -> None:
        """Loaded and checked with the rest; both options together, and only with a CA."""
        certificate = 'head_certificate = "tls/signer-1.pem"'
        key = 'head_key = "tls/signer-1.key"'
        file.write_text(
            secure.replace("[security]", f"[security]\n{certificate}\n{key}")
        )
        assert load(file).signer is not None

        half = secure.replace("[security]", f"[security]\n{key}")
        assert "expected head_certificate and head_key together" in problem(file, half)
        file.write_text(secure)
        assert load(file).signer is None

    def test_a_missing_certificate(self, file: Path, secure: str) -> None:
        """Named with its path and how to make one."""
        (file.parent / "tls" / "node-1.pem").unlink()

        message = problem(file, secure)

        assert message.startswith(
            f"{file.parent}/tls/node-1.pem: expected a readable PEM"
        )
        assert (
            "No such file or directory; make certificates with `ledgerd pki`" in message
        )

    def test_half_of_the_files(self, file: Path, secure: str) -> None:
        """Those that lack are named."""
        message = problem(file, re.sub("(certificate|key) = .*", "", secure))

        assert message == (
            "security: expected ca, certificate and key together, found no certificate "
            "and no key"
        )

    def test_no_files_and_not_insecure(self, file: Path) -> None:
        """TLS is not an option."""
        message = problem(file, PLAIN.replace("insecure = true", ""))

        assert message.startswith(
            "security: expected ca, certificate and key, found none"
        )

    def test_the_certificate_of_another_node(self, file: Path, secure: str) -> None:
        """A node does not start as another."""
        text = secure.replace("[node]\nid = 1", "[node]\nid = 2")

        assert "expected the certificate of node 2, found that of node-1" in problem(
            file, text
        )

    def test_the_certificate_of_another_cluster(self, file: Path, secure: str) -> None:
        """Nor in another cluster."""
        text = secure.replace('id = "blue"', 'id = "green"')

        assert "expected a certificate of cluster green, found one of cluster blue" in (
            problem(file, text)
        )

    def test_plaintext_off_loopback(self, file: Path) -> None:
        """For no listener, the metrics included."""
        for option in ("api", "peer", "metrics"):
            message = problem(file, f'{PLAIN}[listen]\n{option} = "0.0.0.0:7000"\n')

            assert message.startswith(
                "security.insecure: expected loopback addresses only, found 0.0.0.0:7000"
            )


class TestBadOptions:
    @pytest.mark.parametrize(
        ("extra", "expected"),
        [
            (
                "[raft]\ntick_mss = 10",
                "raft.tick_mss: unknown; the nearest valid option is raft.tick_ms",
            ),
            (
                "[rafts]\ntick_ms = 10",
                "rafts: unknown; the nearest valid option is raft",
            ),
            (
                "[storage]\ntick_ms = 10",
                "storage.tick_ms: unknown; the nearest valid option is raft.tick_ms",
            ),
            (
                "[log]\ncolour = 1",
                "log.colour: unknown; the nearest valid option is log.format",
            ),
            (
                "[raft]\ntick_ms = 0",
                "raft.tick_ms: expected 1 .. 10000 ms, found 0",
            ),
            (
                "[raft]\nheartbeat_ticks = 1",
                "raft.heartbeat_ticks: expected 2 .. 1000 ticks, found 1",
            ),
            (
                '[raft]\ntick_ms = "10"',
                "raft.tick_ms: expected 1 .. 10000 ms, found str '10'",
            ),
            (
                "[raft]\ntick_ms = 1.5",
                "raft.tick_ms: expected 1 .. 10000 ms, found float 1.5",
            ),
            (
                "[raft]\ntick_ms = true",
                "raft.tick_ms: expected 1 .. 10000 ms, found bool True",
            ),
            (
                '[log]\nlevel = "loud"',
                "log.level: expected one of debug, info, warning, error, found 'loud'",
            ),
            ("[log]\nlevel = 3", "log.level: expected a text, found int 3"),
            (
                '[listen]\nmetrics = "9464"',
                "listen.metrics: expected host:port, port 0 .. 65535, found '9464'",
            ),
            (
                '[listen]\npeer = "0.0.0.0:0"',
                "listen.peer: expected host:port, port 1 .. 65535, found '0.0.0.0:0'",
            ),
            (
                '[rails]\nsandbox = "127.0.0.1:0"',
                "rails.sandbox: expected host:port, port 1 .. 65535, found '127.0.0.1:0'",
            ),
            (
                "[raft]\nelection_base_ticks = 14",
                "raft.election_base_ticks: expected at least 5 times "
                "raft.heartbeat_ticks, 15, found 14",
            ),
            (
                "[raft]\nwindow_bytes = 1000",
                "raft.window_bytes: expected at least raft.append_bytes_max, 1048576, "
                "found 1000",
            ),
            (
                "[raft]\nuncommitted_bytes_max = 1000",
                "raft.uncommitted_bytes_max: expected 8388608 .. 17179869184 bytes, "
                "found 1000",
            ),
            (
                "[limits]\ncall_deadline_ms_max = 5000",
                "limits.call_deadline_ms_default: expected at most "
                "limits.call_deadline_ms_max, 5000, found 10000",
            ),
            (
                "[limits]\ninbox_bytes_max = 8388608",
                "limits.inbox_bytes_max: expected at least limits.request_bytes_max, "
                "12582912, found 8388608",
            ),
            (
                "[storage]\nlog_keep_bytes = 2147483648\nlog_cap_bytes = 1073741824",
                "storage.log_cap_bytes: expected at least storage.log_keep_bytes, "
                "2147483648, found 1073741824",
            ),
            (
                "[rails]\nlease_ms = 5999",
                "rails.lease_ms: expected at least twice rails.send_ms, 6000, found 5999",
            ),
            (
                '[listen]\napi = "127.0.0.1:7"\npeer = "127.0.0.1:7"',
                "listen.peer: expected another address than listen.api, found 127.0.0.1:7",
            ),
        ],
    )
    def test_each_is_named_with_what_was_expected_and_found(
        self, file: Path, extra: str, expected: str
    ) -> None:
        """The words an operator reads."""
        assert problem(file, f"{PLAIN}{extra}\n") == expected

    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            (
                "[node]\nid = 1",
                "[node]\nid = 3",
                "node.id: expected one of cluster.members",
            ),
            (
                "[node]\nid = 1",
                "[node]\nid = 0",
                "node.id: expected 1 .. 65535, found 0",
            ),
            (
                "[node]\nid = 1",
                "[node]",
                "node.id: missing (number of this node in the cluster)",
            ),
            (
                'data_dir = "data"',
                'data_dir = ""',
                'node.data_dir: expected a path, found ""',
            ),
            ('id = "blue"', 'id = "Blue"', "cluster.id: cluster id: expected 1 .. 40"),
            (
                "id = 2",
                "id = 1",
                "cluster.members: expected different ids, found [1, 1]",
            ),
            (
                "id = 2",
                'name = "b"',
                "cluster.members[2].name: unknown; the nearest valid",
            ),
            (
                "127.0.0.1:7102",
                "here",
                "cluster.members[2].api_address: expected host:port",
            ),
            (
                "127.0.0.1:7102",
                "127.0.0.1:7201",
                "cluster.members[2].api_address: expected another address than "
                "cluster.members[1].peer_address, found 127.0.0.1:7201",
            ),
            (
                MEMBERS,
                "",
                "cluster.members: missing (all nodes of the cluster, this one included)",
            ),
            (
                MEMBERS,
                "members = 3",
                "cluster.members: expected one [[cluster.members]] or more, found int 3",
            ),
            (
                MEMBERS,
                "members = [3]",
                "cluster.members[1]: expected a table, found int 3",
            ),
        ],
    )
    def test_the_names_of_nodes_and_clusters(
        self, file: Path, before: str, after: str, expected: str
    ) -> None:
        """A node must find itself among the members."""
        assert problem(file, PLAIN.replace(before, after)).startswith(expected)

    def test_a_section_that_is_no_table(self, file: Path) -> None:
        """`raft = 3` is not silently a default."""
        assert (
            problem(file, f"raft = 3\n{PLAIN}") == "raft: expected a table, found int 3"
        )

    def test_all_problems_are_told_at_once(self, file: Path) -> None:
        """Nobody repairs a file one start at a time."""
        message = problem(
            file, f"{PLAIN}[raft]\ntick_ms = 0\nticks = 1\n[log]\nlevel = 1\n"
        )

        assert message.count("; ") >= 2
        for name in ("raft.tick_ms", "raft.ticks", "log.level"):
            assert f"{name}: " in message

    def test_an_empty_file(self, file: Path) -> None:
        """What is missing, each in a few words, and where there is an example."""
        assert problem(file, "# later\n") == (
            "node.id: missing (number of this node in the cluster); "
            "node.data_dir: missing (folder of the log and the state); "
            "cluster.id: missing (name of the cluster); "
            "cluster.members: missing (all nodes of the cluster, this one included); "
            "the file has no options at all; configs/ledgerd.toml is an example"
        )

    def test_a_file_that_is_no_toml(self, file: Path) -> None:
        """The line is named."""
        assert problem(file, "[node\n").startswith("expected TOML in UTF-8, found: ")
        assert "line 1" in problem(file, "[node\n")

    @pytest.mark.parametrize(
        ("encoding", "found"),
        [
            ("utf-16", "UTF-16 (by its byte order mark)"),
            ("latin-1", "byte 0xe9 at offset 2"),
        ],
    )
    def test_a_file_that_is_not_utf8(
        self, file: Path, encoding: str, found: str
    ) -> None:
        """What it is, as far as that can be known, and what to do."""
        file.write_bytes(f"# \xe9\n{PLAIN}".encode(encoding))

        with pytest.raises(ConfigError) as raised:
            load(file)

        assert str(raised.value) == (
            f"{file}: expected TOML in UTF-8, found {found}; save the file as UTF-8"
        )

    @pytest.mark.parametrize(
        ("port", "option"), [(7102, "[2].api_address"), (7201, "[1].peer_address")]
    )
    def test_a_member_that_nobody_finds(
        self, file: Path, port: int, option: str
    ) -> None:
        """Only a listener may take any free port."""
        assert problem(file, PLAIN.replace(f":{port}", ":0")) == (
            f"cluster.members{option}: expected host:port, port 1 .. 65535, "
            "found '127.0.0.1:0'"
        )

    def test_a_file_that_is_no_configuration_by_its_size(self, file: Path) -> None:
        """A device such as /dev/zero has no end, and would fill the memory."""
        assert problem(file, PLAIN + "#" * CONFIG_BYTES_MAX) == (
            "expected a readable configuration, found: more than 1048576 bytes; "
            "configs/ledgerd.toml is an example"
        )

    def test_a_byte_order_mark_is_passed_over(self, file: Path) -> None:
        """Editors of some systems write one in front of UTF-8; it says nothing else."""
        file.write_text(PLAIN, encoding="utf-8-sig")

        assert load(file).node.id == 1

    def test_a_file_that_is_nested_too_deep(self, file: Path) -> None:
        """A reader that recurses has an end; it is told like any other."""
        assert problem(file, "a = " + "[" * 100_000) == (
            "expected TOML, found it nested too deep"
        )

    def test_a_path_that_no_system_takes(self, file: Path) -> None:
        """A NUL ends a path early where it is taken at all."""
        assert problem(file, PLAIN.replace('"data"', '"da\\u0000ta"')) == (
            'node.data_dir: expected a path, found "da\\u0000ta"'
        )

    def test_a_file_that_is_not_there(self, file: Path) -> None:
        """Named, with where to find an example."""
        with pytest.raises(
            ConfigError, match="No such file or directory; configs/ledgerd"
        ):
            load(file)


class TestPages:
    def test_the_example_is_what_the_fields_say(self) -> None:
        """`python -m ledgerd.config example > configs/ledgerd.toml` changes nothing."""
        assert (ROOT / "configs" / "ledgerd.toml").read_text() == pages.example()

    def test_the_reference_page_is_what_the_fields_say(self) -> None:
        """`python -m ledgerd.config describe > docs/reference/config.md` the same."""
        assert (
            ROOT / "docs" / "reference" / "config.md"
        ).read_text() == pages.describe()

    def test_the_example_loads(self, file: Path) -> None:
        """Once the certificates it names exist."""
        pki.create_ca(file.parent / "tls", "example")
        pki.issue_node(file.parent / "tls", 1)
        pki.issue_signer(file.parent / "tls", 1)
        file.write_text(pages.example())

        loaded = load(file)

        assert loaded.node.id == 1
        assert len(loaded.cluster.members) == 3

    def test_what_the_example_comments_out_is_the_default(self, file: Path) -> None:
        """With every comment mark before an option removed it loads and is equal."""
        pki.create_ca(file.parent / "tls", "example")
        pki.issue_node(file.parent / "tls", 1)
        pki.issue_signer(file.parent / "tls", 1)
        file.write_text(pages.example())
        spelt_out = re.sub(r"^# (\w+ = )", r"\1", pages.example(), flags=re.MULTILINE)
        assert len(tomllib.loads(spelt_out)["raft"]) == 8

        before = load(file)
        file.write_text(spelt_out)

        assert load(file) == before


class TestChanges:
    """What differs between the file as it was read and as it is now."""

    def test_nothing_differs_from_itself(self, file: Path) -> None:
        """Read twice."""
        file.write_text(PLAIN)

        assert changes(load(file), load(file)) == ((), ())

    def test_what_is_read_again_is_told_from_what_needs_a_restart(
        self, file: Path
    ) -> None:
        """By the paths that stand in the reference."""
        file.write_text(PLAIN)
        before = load(file)
        file.write_text(
            f"{PLAIN}\n[storage]\nlog_keep_entries = 7\nlog_map_bytes = 134217728\n"
            '[log]\nlevel = "debug"\n'
        )

        found = changes(before, load(file))

        assert found.reloaded == ("storage.log_keep_entries",)
        assert found.restart == ("log.level", "storage.log_map_bytes")
