#!/bin/sh
# Prints the Python that `make setup` makes the environment with: the system's own, where it has the
# version of the python3 that is found first and can make environments; else that python3.
# Distributions mostly build theirs with optimisation by profile, which compiling one at home does not
# do by default: one caller waits a fifth less (docs/decisions/0029-which-interpreter.md).
#
#     tools/interpreter.sh [FOLDER]     FOLDER: where the system keeps its own; /usr/bin by default
set -eu
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') || version=none
case $version in
none | 2.* | 3.? | 3.10)
    echo "error: expected a python3 of version 3.11 or newer, found $version." \
        "Install one, or name it: make setup PYTHON=python3.12" >&2
    exit 1
    ;;
esac
system=${1:-/usr/bin}/python$version
if "$system" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$system"
else
    echo python3
fi
