# shellcheck shell=bash
# Shared functions of plan.sh and run.sh to run ert-deploy; sourced, not executed.
set -uo pipefail
umask 077
export NO_COLOR=1 LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=${RUNNER_TEMP:?}/ert-deploy
python=$place/venv/bin/python
token=$place/aws-token

# One stream, so that no output precedes the line that stops the processing of workflow commands.
exec 2>&1

# Log lines of a deploy and messages of a host are untrusted. While they are printed, the runner must not interpret
# workflow commands such as `::set-output` in them; only a new random token resumes the processing.
mute() {
  quiet=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$quiet"
}
unmute() { printf '::%s::\n' "$quiet"; }

enter() {
  local folder=${ERT_ACTION_DIRECTORY:-.}
  [[ $folder == /* ]] || folder=${GITHUB_WORKSPACE:?}/$folder
  cd -- "$folder" || exit 2
}

# Sets up the web identity of the job for AWS if a role is given; boto3 reads these variables. A role session is valid
# for an hour and the token for a few minutes, so a background process renews it. Sets `renewer` to its PID.
renewer=
identify() {
  [[ -z ${ERT_ACTION_AWS_REGION:-} ]] ||
    export AWS_REGION=$ERT_ACTION_AWS_REGION AWS_DEFAULT_REGION=$ERT_ACTION_AWS_REGION
  [[ -n ${ERT_ACTION_AWS_ROLE:-} ]] || return 0
  "$python" -I "$here/aws_token.py" "$token" || return
  "$python" -I "$here/aws_token.py" "$token" --every 240 </dev/null >/dev/null 2>&1 &
  renewer=$!
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE
  export AWS_ROLE_ARN=$ERT_ACTION_AWS_ROLE AWS_WEB_IDENTITY_TOKEN_FILE=$token
  export AWS_ROLE_SESSION_NAME="ert-deploy-${GITHUB_RUN_ID:-0}"
}

# Puts the key of an external server into the variable that the config names; the other ones get no key.
hand_over() {
  [[ -n ${ERT_ACTION_EXTERNAL_KEY:-} ]] || return 0
  local name
  name=$("$python" -I "$here/external_key.py" "${ERT_ACTION_CONFIG:?}" 2>/dev/null) || name=''
  [[ ! $name =~ ^EXTERNAL_[A-Z0-9_]+$ ]] || export "$name=$ERT_ACTION_EXTERNAL_KEY"
  unset ERT_ACTION_EXTERNAL_KEY
}

forget() {
  [[ -z $renewer ]] || kill "$renewer" 2>/dev/null
  rm -f "$token"
}
trap forget EXIT

# ert_deploy OUT ARG...: runs ert-deploy with stdout in OUT and returns its exit code. A canceled job signals only this
# shell; the signal is forwarded as SIGTERM, which stops the program cleanly. No resources are destroyed.
ert_deploy() {
  local out=$1 code=0 last signalled='' child=''
  shift
  : >"$out"
  hand_over
  identify || return
  mute
  trap 'signalled=1; [[ -z $child ]] || kill -TERM "$child" 2>/dev/null' INT TERM HUP
  env -u ACTIONS_ID_TOKEN_REQUEST_TOKEN -u ACTIONS_ID_TOKEN_REQUEST_URL \
    "$python" -I -m ert_deploy.cli "$@" </dev/null >"$out" &
  child=$!
  [[ -z $signalled ]] || kill -TERM "$child" 2>/dev/null
  # A signal interrupts `wait`, which is then repeated. 127 means that the exit code was already returned.
  while :; do
    signalled=
    wait "$child"
    last=$?
    [[ $last == 127 ]] || code=$last
    [[ -n $signalled ]] || break
  done
  trap - INT TERM HUP
  unmute
  return "$code"
}
