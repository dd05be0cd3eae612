"""`ledgerctl`: accounts, payouts and the cluster from a terminal or a script."""

from ledgerd.cli import interrupts


def main() -> None:
    """Run the command line. Ends the process with a documented exit code."""
    interrupts.end_at_once()  # and imports from here on, which take most of the time
    import io
    import os
    import sys

    from ledgerd.cli import streams
    from ledgerd.security.ciphers import require_tls13

    streams.prepare()
    require_tls13()
    # A name that the terminal cannot show must not end the command that lists it.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # gRPC tells of each handshake that failed on standard error, ten a second; the command's own
    # last line says it once, and better. Whoever looks into gRPC sets the variable.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # Only now: gRPC reads what was required when it is imported, and never again.
    from ledgerd.cli.ctl.root import cli

    cli()


if __name__ == "__main__":
    main()
