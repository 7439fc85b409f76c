#!/usr/bin/env bash
# Builds wheel and sdist of a tag into build/release, installs the wheel into empty environments, and has it do its whole
# job on the sandbox. Needs a package registry and no account. PYTHON: the interpreter, 3.11 or newer.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/build/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
python=${PYTHON:-python3}
rm -rf "$out"
mkdir -p "$out/dist"
version=$("$python" -I ci/release/version.py "${1:?the tag}" "$out/notes.md")

packages() { # VENV LOCK: a new environment with what the lock says
  "$python" -m venv "$work/$1"
  "$work/$1/bin/pip" install -q --no-deps --only-binary :all: --require-hashes -r "requirements/$2.lock"
}

bash requirements/openmp
packages full sandbox
# The time of the commit, so that the same commit makes the same files.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
"$work/full/bin/python" -I -m hatchling build -d "$out/dist"
wheel=$out/dist/ert_deploy-$version-py3-none-any.whl
sdist=$out/dist/ert_deploy-$version.tar.gz
[[ -f $wheel && -f $sdist ]]

# What is packed as source makes the same wheel.
mkdir "$work/source"
tar -xzf "$sdist" -C "$work/source" --strip-components 1
(cd "$work/source" && "$work/full/bin/python" -I -m hatchling build -t wheel -d "$work/again")
cmp "$wheel" "$work/again/${wheel##*/}"

# Alone, with nothing but the packages of its lock.
packages alone runtime
"$work/alone/bin/pip" install -q --no-deps --no-index "$wheel"
mkdir "$work/empty"
cd "$work/empty"
said=$("$work/alone/bin/ert-deploy" --version)
[[ $said == "ert-deploy, version $version" ]] || { echo "error: the wheel says: $said" >&2; exit 1; }
"$work/alone/bin/ert-deploy" init --defaults >/dev/null

# The whole life cycle, with the sandbox that is in the wheel.
"$work/full/bin/pip" install -q --no-deps --no-index "$wheel"
"$work/full/bin/python" -I -m ert_deploy.sandbox.ollama.weights
PATH=$work/full/bin:$PATH bash "$OLDPWD/demo/run"

cd "$out/dist"
sha256sum -- * >SHA256SUMS
cat SHA256SUMS
