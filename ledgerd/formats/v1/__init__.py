"""Generated from proto/ledgerd/formats/v1."""
