"""Small programs for those who work on ledgerd; the Makefile calls them."""
