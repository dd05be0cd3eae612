#!/usr/bin/env bash
# Generates ledgerd/*/v1 from proto/ into the folder given (default: the project root).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-.}
bin=${PYTHON_BIN:-.venv/bin}
PATH="$PWD/$bin:$PATH"
# Messages of all packages; services only where there are some: durable formats must not import grpc.
"$bin/python" -m grpc_tools.protoc -I proto --python_out="$out" --pyi_out="$out" $(find proto -name '*.proto' | LC_ALL=C sort)
"$bin/python" -m grpc_tools.protoc -I proto --grpc_python_out="$out" --mypy_grpc_out="$out" \
  proto/ledgerd/api/v1/payouts.proto proto/ledgerd/api/v1/accounts.proto proto/ledgerd/api/v1/admin.proto \
  proto/ledgerd/api/v1/cluster.proto proto/ledgerd/api/v1/audit.proto proto/ledgerd/api/v1/dispatch.proto proto/ledgerd/api/v1/events.proto proto/ledgerd/transport/v1/peer.proto \
  proto/ledgerd/rails/v1/simulated.proto
