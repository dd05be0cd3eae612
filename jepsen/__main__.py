"""`python -m jepsen`: see `jepsen.cli`."""

from jepsen.cli import main

if __name__ == "__main__":
    main()
