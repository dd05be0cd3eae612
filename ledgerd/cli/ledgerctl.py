"""`ledgerctl`: accounts, payouts and the cluster from a terminal or a script."""

import io
import sys

from ledgerd.security.ciphers import require_tls13

INTERRUPTED = 130  # as in ledgerd.cli.ctl.session, which is not loaded yet


def main() -> None:
    """Run the command line. Ends the process with a documented exit code."""
    require_tls13()
    # A name that the terminal cannot show must not end the command that lists it.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Only now: gRPC reads what was required when it is imported, and never again.
    try:
        from ledgerd.cli.ctl.root import cli

        cli()
    except KeyboardInterrupt:  # while modules were loaded, or before a command began
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
