"""`ledgerd rail`: the simulated rail, a process of its own in the foreground."""

import asyncio
import signal
from pathlib import Path

import click

from ledgerd.errors import ConfigError
from ledgerd.rails.server import Journal, SimulatedRailServer, SimulatedRailService
from ledgerd.rails.simulated import Pace
from ledgerd.security.tls import ServerTls, split_address
from ledgerd.security.tlsfiles import TlsFiles

_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--listen", required=True, help="host:port to listen on.")
@click.option(
    "--journal",
    "journal_path",
    required=True,
    type=_file,
    help="File of the calls that it took; with it the rail goes on where it was.",
)
@click.option("--ca", required=True, type=_file, help="The cluster's ca.pem.")
@click.option(
    "--certificate",
    required=True,
    type=_file,
    help="Its certificate: ledgerd pki issue rail.",
)
@click.option("--key", required=True, type=_file, help="The certificate's key.")
@click.option(
    "--executes-twice",
    is_flag=True,
    help="Execute each send, also of a rail key that it knows.",
)
@click.option(
    "--guarantee-ms",
    default=500,
    show_default=True,
    type=click.IntRange(0, 3_600_000),
    help="Time after a send from which an unknown rail key stays unknown; 0: no promise.",
)
def rail(
    *,
    listen: str,
    journal_path: Path,
    ca: Path,
    certificate: Path,
    key: Path,
    executes_twice: bool,
    guarantee_ms: int,
) -> None:
    """Run a rail that pays nobody, until SIGTERM or SIGINT.

    The payee's account number chooses what happens to a payment: see `docs/rails.md`.
    """
    try:
        split_address(listen)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--listen") from error
    try:
        journal = Journal(journal_path)
    except OSError as error:
        raise ConfigError(
            f"{journal_path}: expected a journal that can be written, found: {error.strerror}"
        ) from error
    service = SimulatedRailService(
        journal,
        deduplicates=not executes_twice,
        pace=Pace(guarantee_s=guarantee_ms / 1000),
    )
    server = SimulatedRailServer(
        service, server_tls=ServerTls(TlsFiles(ca, certificate, key)), listen=listen
    )
    asyncio.run(_serve(server))
    journal.close()


async def _serve(server: SimulatedRailServer) -> None:
    is_over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, is_over.set)
    await server.start()
    click.echo(f"simulated rail on port {server.port}")
    await is_over.wait()
    await server.stop()
