"""The configuration of one node: a TOML file, checked whole, as frozen option objects.

Every option is declared once, as a field with its default, unit, range and meaning; the example in
`configs/ledgerd.toml` and the page `docs/reference/config.md` are made from the same fields.
Unknown names are refused, not skipped: a misspelt option that silently keeps its default is a fault
that waits. Relative paths are relative to the folder of the file.

Who knows what: `options` what one option is, `sections` all of them, `reader` how a table becomes a
section, `relations` what must hold between options, `node_config` how a file is loaded and what
differs between two, `pages` the example and the reference.
"""
