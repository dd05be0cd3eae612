"""What `ledgerd run` hands to the node."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledgerd import daemon
from ledgerd.cli.main import cli
from ledgerd.config.node_config import NodeConfig
from ledgerd.errors import ConfigError

PLAIN = """
[node]
id = 1
data_dir = "data"
[cluster]
id = "blue"
members = [{ id = 1, peer_address = "127.0.0.1:7201", api_address = "127.0.0.1:7101" }]
"""


def test_a_configuration_from_a_pipe_is_read_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At SIGHUP a node would wait for somebody to write to it, and never end."""
    taken: list[Callable[[], NodeConfig]] = []
    monkeypatch.setattr(daemon, "run", lambda _, *, load, **__: taken.append(load))
    path = tmp_path / "node.toml"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(PLAIN,))
    writer.start()

    result = CliRunner().invoke(cli, ["run", "--insecure", "--config", str(path)])
    writer.join()

    assert result.exit_code == 0, result.output
    [load] = taken
    with pytest.raises(ConfigError, match="found a pipe, which was read at the start"):
        load()
