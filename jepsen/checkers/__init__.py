"""The judges. They read a finished run and import nothing of ledgerd."""
