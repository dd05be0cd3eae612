"""Generated from proto/ledgerd/api/v1; see proto/generate.sh."""
