"""`python -m ledgerd`: refuses to run without assertions, then calls the command line."""

import sys


def main() -> None:
    """Run the command line. Ends the process with a documented exit code."""
    if not __debug__:
        sys.stderr.write(
            "error: ledgerd refuses to run with python -O or PYTHONOPTIMIZE: its assertions"
            " guard the money and must run. Start it without -O.\n"
        )
        sys.exit(73)
    from ledgerd.cli import interrupts

    interrupts.end_at_once()
    from ledgerd.cli import streams

    streams.prepare()
    # Before anything imports gRPC, which reads its ciphers once, at its own import.
    from ledgerd.security.ciphers import require_tls13
    from ledgerd.transport.polling import read_in_own_thread

    require_tls13()
    read_in_own_thread()
    from ledgerd.cli.main import cli

    cli()


if __name__ == "__main__":
    main()
