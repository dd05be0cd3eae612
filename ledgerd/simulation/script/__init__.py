"""Scenarios of the core as text files: how to write and to run them.

    python -m ledgerd.simulation.script FILE...             check files
    UPDATE=1 python -m ledgerd.simulation.script FILE...    write down what they print

A script names its nodes, what happens to them and in which order, and what is printed at each
step; nothing else happens. The page docs/reference/scripts.md has every command. From Python:

    from ledgerd.simulation.script.runner import check
    differences = check(Path("leader_crash.txt"))           # [] if it did as it says

Who knows what: `text` the form of a file, `args` the words of a command, `interpreter` the table
of commands, `building`, `driving`, `changing`, `handling`, `breaking` and `showing` what they do,
`machine` one node with its disk (`disk`), `world` all nodes with the network, `watch` what must
hold at every step, `runner` the files.
"""
