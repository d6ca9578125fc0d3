#!/bin/sh
# Build the wheel, install it with the extra of calibration alone on each of the Pythons that is here, and run the tests
# that need no torch. Usage: without_torch.sh PYTHON_THAT_HAS_BUILD VERSION...
set -eu
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
builder=$1
shift
"$builder" -m build --wheel --outdir "$wheels" . >"$wheels/log" 2>&1 || { cat "$wheels/log"; exit 1; }
for version in "$@"; do
    for python in "$(command -v "python$version" || true)" "$HOME"/.pyenv/versions/"$version".*/bin/python; do
        "$python" -c 'import sys, venv' 2>/dev/null && break || python=""
    done
    if [ -z "$python" ]; then
        echo "Python $version: not on this machine"
        continue
    fi
    venv=".venv-core-$version"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$(echo "$wheels"/*.whl)[calibrate]" 'hypothesis>=6.100' 'pytest-xdist>=3.5'
    ! "$venv/bin/python" -c 'import torch' 2>/dev/null || { echo "torch came in by itself"; exit 1; }
    echo "Python $version, no torch, from the wheel:"
    "$venv/bin/pytest" -q -n 2 tests/core tests/test_architecture.py tests/test_cli.py
    rm -rf "$venv"
done
