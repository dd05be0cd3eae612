"""Generated from proto/ledgerd/rails/v1; see proto/generate.sh."""
