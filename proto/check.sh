#!/usr/bin/env bash
# Fails if the committed generated code differs from what proto/ gives.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
proto/generate.sh "$fresh" >/dev/null
status=0
while IFS= read -r file; do
  if ! cmp -s "$fresh/$file" "$file"; then
    echo "error: $file is not what proto/ gives; run 'make proto' and commit the result" >&2
    status=1
  fi
done < <(cd "$fresh" && find . -type f -name '*_pb2*' | LC_ALL=C sort)
exit $status
