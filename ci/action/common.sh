# shellcheck shell=bash
# How plan.sh and run.sh run ert-deploy; sourced by them, not run.
set -uo pipefail
umask 077
export NO_COLOR=1 LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=${RUNNER_TEMP:?}/ert-deploy
python=$place/venv/bin/python
token=$place/aws-token

# One stream, so that nothing can overtake the line that stops the runner from taking orders.
exec 2>&1

# Log lines of a deploy, or a host's messages, are other people's words. While they are printed, the runner must not
# look for `::set-output` and the like in them; only a random word, new each time, ends that.
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

# The job's identity for AWS, if a role is named; boto3 finds it by these variables. A role's session lasts an hour and
# the identity a few minutes, so a long run needs a fresh one beside it. Sets `renewer` to that process.
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

forget() {
  [[ -z $renewer ]] || kill "$renewer" 2>/dev/null
  rm -f "$token"
}
trap forget EXIT

# ert_deploy OUT WORD...: runs it with its data in OUT and gives back its exit code. A cancelled job signals this shell
# only; the signal goes on to the program as SIGTERM, which ends it in good order. Nothing is taken down for that.
ert_deploy() {
  local out=$1 code=0 last signalled='' child=''
  shift
  : >"$out"
  identify || return
  mute
  trap 'signalled=1; [[ -z $child ]] || kill -TERM "$child" 2>/dev/null' INT TERM HUP
  env -u ACTIONS_ID_TOKEN_REQUEST_TOKEN -u ACTIONS_ID_TOKEN_REQUEST_URL \
    "$python" -I -m ert_deploy.cli "$@" </dev/null >"$out" &
  child=$!
  [[ -z $signalled ]] || kill -TERM "$child" 2>/dev/null
  # A signal ends `wait` early: then there is more to wait for. 127 says that the exit code was told before.
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
