"""Generated from proto/ledgerd/transport/v1; see proto/generate.sh."""
