"""What each command does, one at a time: the definition of the ledger. Begin in `one`."""
