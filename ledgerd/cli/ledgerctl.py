"""`ledgerctl`: accounts, payouts and the cluster from a terminal or a script."""

from ledgerd.security.ciphers import require_tls13


def main() -> None:
    """Run the command line. Ends the process with a documented exit code."""
    require_tls13()
    # Only now: gRPC reads what was required when it is imported, and never again.
    from ledgerd.cli.ctl.root import cli

    cli()


if __name__ == "__main__":
    main()
