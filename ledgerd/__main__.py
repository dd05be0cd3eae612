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
    from ledgerd.cli.main import cli  # after the check: importing must not matter

    cli()


if __name__ == "__main__":
    main()
