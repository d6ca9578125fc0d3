#!/bin/sh
# Do with each example what its users do, from the built wheel in an environment of its own.
# Usage: run.sh PYTHON_THAT_HAS_BUILD [signal] [vision] [ptychopinn]
set -eu
builder=$(command -v "$1" || echo "$PWD/$1")
shift
[ $# -gt 0 ] || set -- signal vision ptychopinn
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$here/.." && "$builder" -m build --wheel --outdir "$work/wheel" . >"$work/log" 2>&1) || { cat "$work/log"; exit 1; }
python3 -m venv "$work/venv"
PATH="$work/venv/bin:$PATH"
export PATH
unset CI

step() { echo "== $name: $1"; }

regression() { # FILE FROM TO: change the source, and require that the tests fail
    step "a regression: $2 becomes $3"
    cp "$1" "$work/saved"
    sed -i "s|$2|$3|" "$1"
    ! cmp -s "$1" "$work/saved" || { echo "nothing was changed in $1"; exit 1; }
    ! pytest -q >"$work/regression.log" 2>&1 || { echo "the tests passed"; exit 1; }
    grep "^golden files:" "$work/regression.log"
    cp "$work/saved" "$1"
}

# A program under golden files: `harness run` must see what the program's own tests do not.
unseen() { # FROM TO: change the program
    step "a regression that the program's own tests do not see: $1 becomes $2"
    cp src/ptycho_standin.py "$work/saved"
    sed -i "s|$1|$2|" src/ptycho_standin.py
    ! cmp -s src/ptycho_standin.py "$work/saved" || { echo "nothing was changed"; exit 1; }
    pytest -q tests/test_integration.py >"$work/regression.log" 2>&1 || { cat "$work/regression.log"; exit 1; }
    ! harness run --pipeline ptychopinn >"$work/regression.log" 2>&1 || { echo "harness run passed"; exit 1; }
    tail -n 2 "$work/regression.log"
    cp "$work/saved" src/ptycho_standin.py
}

program() {
    step "install"
    pip install --quiet --disable-pip-version-check --constraint "$here/../constraints.txt" \
        "$(echo "$work"/wheel/*.whl)[ptycho]" pytest-xdist --editable .
    step "tests"
    pytest -q -n 2
    step "the program, its metrics compared with the baseline"
    harness run
    unseen 'probe_rate \* back' '0 * probe_rate * back'
    unseen 'np.exp(-2j \* np.pi \* moves)' 'np.exp(2j * np.pi * moves)'
    step "audit"
    git init -q .
    git config user.name "An example" && git config user.email example@example.org
    git add -A && git commit -qm "Golden files"
    harness audit | tail -n 1
}

for name in "$@"; do
    cp -r "$here/$name" "$work/$name"
    cd "$work/$name"
    if [ "$name" = ptychopinn ]; then
        program
        continue
    fi
    step "install"
    pip install --quiet --disable-pip-version-check --constraint "$here/../constraints.txt" \
        "$(echo "$work"/wheel/*.whl)[calibrate]" pytest-xdist .
    step "tests"
    pytest -q -n 2
    harness verify
    if [ "$name" = signal ]; then
        regression src/signalkit/spectra.py 'nperseg=128' 'nperseg=128, detrend=False'
    else
        regression src/visionkit/model.py 'functional.gelu' 'functional.relu'
    fi
    git init -q .
    git config user.name "An example" && git config user.email example@example.org
    git add -A && git commit -qm "Golden files"
    step "audit"
    harness audit | tail -n 1
    step "measured tolerances"
    harness calibrate --quick --reason "example"
    step "generic faults"
    harness sensitivity
done
