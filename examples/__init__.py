"""Short programs that show how ledgerd is used; each is run by a test."""
