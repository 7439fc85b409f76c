#!/usr/bin/env bash
# Builds the GPU image of a tag, pushes it, and says its digest: to people, and to the later steps as `image` and `digest`.
# Needs a Docker engine, ERT_REGISTRY_USERNAME and ERT_REGISTRY_PASSWORD. PYTHON: the interpreter, 3.11 or newer.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
python=${PYTHON:-python3}
version=$("$python" -I ci/release/version.py "${1:?the tag}" "$work/notes.md")
name=ghcr.io/${GITHUB_REPOSITORY_OWNER,,}/ert-llm-backend
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-deps --only-binary :all: --require-hashes -r requirements/runtime.lock -r requirements/image.lock
(cd "$("$work/venv/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" && echo "$OLDPWD" >ert-deploy.pth)
run() { "$work/venv/bin/python" -I -m ert_deploy.cli image "$@" --tag "$name:$version"; }

mkdir -p build/release
run build --sbom build/release/image.cdx.json
run push --json >"$work/pushed.json"
digest=$("$python" -I -c 'import json, sys; print(json.load(sys.stdin)["digest"])' <"$work/pushed.json")
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "error: the registry gave no digest" >&2; exit 1; }
echo "$name:$version@$digest" | tee build/release/image.txt
printf 'image=%s\ndigest=%s\n' "$name" "$digest" >>"${GITHUB_OUTPUT:?}"
