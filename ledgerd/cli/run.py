"""`ledgerd run`: one node, in the foreground."""

from pathlib import Path

import click

from ledgerd import config as configuration
from ledgerd import daemon


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
def run(config_path: Path, *, insecure: bool) -> None:
    """Run one node until SIGTERM or SIGINT.

    Logs go to standard output, JSON unless it is a terminal.
    """
    daemon.run(configuration.load(config_path, insecure=insecure))
