#!/bin/sh
# Usage: tools/install.sh FOLDER [pip arguments ...]
# Creates or repairs the virtual environment FOLDER and runs `pip install` in it with the arguments given.
#
# Everything is written below FOLDER, pip's cache and its temporary files included, so that deleting FOLDER undoes
# the installation. Only wheels are accepted: nothing is ever compiled.
set -eu

folder=$1
shift

say() { printf '%s\n' "$*" >&2; }

# The first interpreter that is new enough; PYTHON=... overrides the search.
find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    found=$("${PYTHON:-python3}" --version 2>&1) || found="none"
    say "error: Python 3.11 or newer is needed, found: $found (choose one with: make PYTHON=/path/to/python3.11 ...)"
    return 1
}

# Settings of the caller that would send packages elsewhere or make the new environment see foreign ones.
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_REQUIRE_VIRTUALENV PYTHONPATH PYTHONHOME PYTHONUSERBASE 2>/dev/null || :
# pip runs `rustc --version` to tell the index about this machine, and rustup's rustc writes its settings to $HOME.
export RUSTUP_HOME=/dev/null/nowhere

usable() { # the interpreter starts, is new enough and has pip: false after an interrupted or moved installation
    "$folder/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 &&
        "$folder/bin/python" -m pip --version >/dev/null 2>&1
}

if ! usable; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "error: this Python has no ensurepip, so it cannot create a virtual environment; install it first" \
            "(Debian and Ubuntu: apt install python$version-venv)"
        exit 1
    fi
    say "creating $folder with $("$python" --version)"
    "$python" -m venv --clear "$folder"
fi

mkdir -p "$folder/tmp"
TMPDIR=$(cd "$folder/tmp" && pwd)
PIP_CACHE_DIR=$(cd "$folder" && pwd)/cache/pip
export TMPDIR PIP_CACHE_DIR
say "installing into $folder (the first time this downloads some 150 MB, for PyTorch more)"
PIP_ONLY_BINARY=:all: PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 \
    "$folder/bin/python" -m pip install --quiet "$@" || {
    say "error: installing into $folder failed; pip's own message is above (is the network reachable?)"
    exit 1
}
rm -rf "$folder/tmp" "$folder/cache/pip" # wheels are installed; keeping them would double the size
