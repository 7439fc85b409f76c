#!/usr/bin/env bash
# Installs ert-deploy into a separate venv: the locked dependencies by hash, and the program from this checkout.
# The checkout is added to the path instead of being built, as a build would require a build backend.
set -euo pipefail
umask 077
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
locks=(-r "$root/requirements/runtime.lock")
venv=${RUNNER_TEMP:?}/ert-deploy/venv
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

# boto3 and its dependencies are needed only for state in S3, detected by a role, a region or an AWS variable.
extras=
if [[ -n ${ERT_ACTION_AWS_ROLE:-}${ERT_ACTION_AWS_REGION:-} ]] ||
  [[ -n ${AWS_ROLE_ARN:-}${AWS_ACCESS_KEY_ID:-}${AWS_PROFILE:-}${AWS_REGION:-}${AWS_DEFAULT_REGION:-} ]]; then
  locks+=(-r "$root/requirements/s3.lock")
  extras=' s3'
fi
# psycopg is needed only for state in PostgreSQL, detected by the default variable of its URL.
if [[ -n ${ERT_STATE_DATABASE_URL:-} ]]; then
  locks+=(-r "$root/requirements/postgres.lock")
  extras+=' postgres'
fi

fits() {
  command -v "$1" >/dev/null && "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Prints the Python to use: the requested one, or the first one that is new enough.
choose() {
  local candidate
  if [[ -n ${ERT_ACTION_PYTHON:-} ]]; then
    fits "$ERT_ACTION_PYTHON" && printf '%s\n' "$ERT_ACTION_PYTHON"
    return
  fi
  while IFS= read -r candidate; do
    if fits "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done < <(echo python3 && find "${RUNNER_TOOL_CACHE:-/nonexistent}/Python" -path '*/x64/bin/python3' 2>/dev/null | sort -rV)
  return 1
}

if ! python=$(choose); then
  echo '::error title=ert-deploy::no Python 3.11 or newer was found; name one by the input "python"'
  exit 2
fi

stamp=$(printf '%s %s ' "$python" "$root" && cat "$root"/requirements/{runtime,s3}.lock | sha256sum)
if [[ -f $venv/stamp && $(<"$venv/stamp") == "$stamp$extras"* ]]; then
  echo "ert-deploy is installed already"
  exit 0
fi

rm -rf "$venv"
"$python" -I -m venv "$venv"
"$venv/bin/python" -I -m pip install --quiet --no-deps --only-binary :all: --require-hashes "${locks[@]}"
printf '%s\n' "$root" >"$("$venv/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ert_deploy.pth"
"$venv/bin/python" -I -m ert_deploy.cli --version
printf '%s\n' "$stamp$extras" >"$venv/stamp"
