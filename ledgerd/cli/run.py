"""`ledgerd run`: one node, in the foreground."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from ledgerd import daemon
from ledgerd.config import node_config
from ledgerd.config.node_config import NodeConfig
from ledgerd.errors import ConfigError


@click.command()
@click.option(
    "--config",
    "config_path",
    required=True,
    type=click.Path(path_type=Path),
    help="The node's TOML file; configs/ledgerd.toml lists every option.",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Plaintext without certificates. Loopback addresses only; for experiments.",
)
@click.option(
    "--trace-raft",
    "trace_path",
    type=click.Path(path_type=Path),
    help="Append what happens in consensus to this file, an event a line; slower. "
    "docs/reference/protocol-events.md tells what stands there.",
)
def run(config_path: Path, *, insecure: bool, trace_path: Path | None) -> None:
    """Run one node until SIGTERM or SIGINT; SIGHUP reads some options again.

    Logs go to standard output, JSON unless it is a terminal.
    """
    load = partial(node_config.load, config_path, insecure=insecure)
    daemon.run(load(), trace_path=trace_path, load=partial(_again, config_path, load))


def _again(path: Path, load: Callable[[], NodeConfig]) -> NodeConfig:
    """Read the configuration again. Raises ConfigError."""
    if path.is_fifo():  # it has nothing the second time, or waits for a writer for ever
        raise ConfigError(
            f"{path}: expected a file, found a pipe, which was read at the start"
        )
    return load()
